//! Any bytes as host output, split anywhere: nothing that a terminal acts on, the same whatever
//! the split.

use theconn::run::neutral::{Neutraliser, Newlines, Policy, Sgr, is_hazard, neutral};

pub fn run(data: &[u8]) {
    for newlines in [Newlines::Keep, Newlines::Show] {
        for sgr in [Sgr::Show, Sgr::Strip, Sgr::Rebuild] {
            let policy = Policy { newlines, sgr };
            let whole = neutral(data, policy);
            let is_calm = |c: char| {
                matches!(c, '\t' | '\n') || !is_hazard(c) || (c == '\x1b' && sgr == Sgr::Rebuild)
            };
            assert!(whole.chars().all(is_calm), "{policy:?}: {whole:?}");
            let at = data
                .first()
                .map_or(0, |&first| usize::from(first) % (data.len() + 1));
            let (mut out, mut stream) = (String::new(), Neutraliser::new(policy));
            stream.push(&data[..at], &mut out);
            stream.push(&data[at..], &mut out);
            stream.finish(&mut out);
            assert_eq!(out, whole, "{policy:?} split at {at}");
        }
    }
}

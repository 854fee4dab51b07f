//! `grep` with the patterns that people use most.

use std::fmt::Write as _;

use super::filter::inputs;
use super::{Call, Ended};

/// `grep [-cFEhinqrsv] PATTERN [FILES]`: literal text, `^`, `$`, `.`, `.*`, and `|` with `-E`.
pub async fn grep(call: &mut Call<'_>) -> Ended {
    let (flags, mut names) = call.flags("civqnEFhsr").await?;
    if names.is_empty() {
        return Err(call
            .complain(2, "usage: grep [-ciqnvEF] PATTERN [FILES]")
            .await);
    }
    let pattern = Pattern::new(&names.remove(0), &flags);
    let with_names = names.len() > 1 && !flags.contains('h');
    let (inputs, all) = inputs(call, &names).await;
    let mut any = false;
    for (name, input) in inputs {
        let mut input = input.lock().await;
        let (mut number, mut count) = (0_u64, 0_u64);
        while let Some(line) = input.line().await {
            number += 1;
            if pattern.fits(&line) == flags.contains('v') {
                continue;
            }
            (any, count) = (true, count + 1);
            if flags.contains('q') {
                return Ok(());
            }
            if !flags.contains('c') {
                let mut text = if with_names {
                    format!("{name}:")
                } else {
                    String::new()
                };
                if flags.contains('n') {
                    let _ = write!(text, "{number}:");
                }
                call.out([text.as_bytes(), &line, b"\n"].concat()).await?;
            }
        }
        if flags.contains('c') {
            let name = if with_names {
                format!("{name}:")
            } else {
                String::new()
            };
            call.out(format!("{name}{count}\n")).await?;
        }
    }
    match (any, all) {
        (_, false) => Err(2),
        (true, true) => Ok(()),
        (false, true) => Err(1),
    }
}

/// A pattern as alternatives, each a row of pieces that follow one another.
struct Pattern {
    alternatives: Vec<Alternative>,
    fold_case: bool,
}

struct Alternative {
    pieces: Vec<Vec<Option<u8>>>,
    from_start: bool,
    to_end: bool,
}

impl Pattern {
    fn new(text: &str, flags: &str) -> Self {
        let fold_case = flags.contains('i');
        let text = if fold_case {
            text.to_ascii_lowercase()
        } else {
            text.to_owned()
        };
        let literal = flags.contains('F');
        let alternatives = if literal {
            vec![Alternative::literal(&text)]
        } else if flags.contains('E') {
            text.split('|').map(Alternative::new).collect()
        } else {
            text.split(r"\|").map(Alternative::new).collect()
        };
        Self {
            alternatives,
            fold_case,
        }
    }

    fn fits(&self, line: &[u8]) -> bool {
        let folded;
        let line = if self.fold_case {
            folded = line.to_ascii_lowercase();
            &folded
        } else {
            line
        };
        self.alternatives
            .iter()
            .any(|alternative| alternative.fits(line))
    }
}

impl Alternative {
    fn literal(text: &str) -> Self {
        Self {
            pieces: vec![text.bytes().map(Some).collect()],
            from_start: false,
            to_end: false,
        }
    }

    fn new(text: &str) -> Self {
        let (from_start, text) = text
            .strip_prefix('^')
            .map_or((false, text), |rest| (true, rest));
        let (to_end, text) = match text.strip_suffix('$') {
            Some(rest) if !rest.ends_with('\\') => (true, rest),
            _ => (false, text),
        };
        let pieces = text.split(".*").map(piece).collect();
        Self {
            pieces,
            from_start,
            to_end,
        }
    }

    /// Finds the pieces in order, each as early as it may be; the last one at the end if it must.
    fn fits(&self, line: &[u8]) -> bool {
        let Some((last, firsts)) = self.pieces.split_last() else {
            return true;
        };
        let mut at = 0;
        for (place, piece) in firsts.iter().enumerate() {
            match find(piece, line, at, place == 0 && self.from_start) {
                Some(end) => at = end,
                None => return false,
            }
        }
        let fixed = firsts.is_empty() && self.from_start;
        if !self.to_end {
            return find(last, line, at, fixed).is_some();
        }
        let Some(start) = line.len().checked_sub(last.len()) else {
            return false;
        };
        start >= at && (!fixed || start == 0) && find(last, line, start, true).is_some()
    }
}

fn piece(text: &str) -> Vec<Option<u8>> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'.' => None,
            b'\\' => Some(bytes.next().unwrap_or(b'\\')),
            byte => Some(byte),
        });
    }
    out
}

/// Where `piece` ends in `line` when it starts at or behind `from`.
fn find(piece: &[Option<u8>], line: &[u8], from: usize, fixed: bool) -> Option<usize> {
    let here = |at: usize| {
        line.get(at..at + piece.len()).is_some_and(|text| {
            text.iter()
                .zip(piece)
                .all(|(b, p)| p.is_none_or(|p| p == *b))
        })
    };
    let last = if fixed { from } else { line.len() };
    (from..=last)
        .find(|at| here(*at))
        .map(|at| at + piece.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_find_what_grep_finds() {
        for (pattern, flags, line, fits) in [
            ("ab", "", "xxabxx", true),
            ("^ab$", "", "ab", true),
            ("^ab$", "", "abc", false),
            ("^a.*c$", "", "abcbc", true),
            ("^a.*c$", "", "abcb", false),
            ("a.c", "", "abc", true),
            (r"a\.c", "", "abc", false),
            ("x|b", "E", "abc", true),
            ("x|b", "", "abc", false),
            ("B", "i", "abc", true),
            (".*", "", "", true),
            ("abc$", "", "bc", false),
        ] {
            let found = Pattern::new(pattern, flags).fits(line.as_bytes());
            assert_eq!(found, fits, "{pattern} in {line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_panics(pattern in "[a-b.*^$\\\\|]{0,12}", line in "[a-b]{0,12}") {
            let _ = Pattern::new(&pattern, "E").fits(line.as_bytes());
        }
    }
}

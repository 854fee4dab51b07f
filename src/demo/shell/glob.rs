//! Patterns: `*`, `?`, `[…]`, and a backslash before what stands for itself.

use crate::demo::vfs::{Vfs, join};

/// The most names a pattern may yield.
const MAX_NAMES: usize = 4096;

/// The paths that `pattern` names, seen from `cwd`, sorted; none when nothing fits.
pub fn expand(files: &Vfs, cwd: &str, pattern: &str) -> Vec<String> {
    let start = if pattern.starts_with('/') { "/" } else { "" };
    let mut found = vec![start.to_owned()];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        found = found
            .iter()
            .flat_map(|base| step(files, cwd, base, part))
            .take(MAX_NAMES)
            .collect();
    }
    found
}

fn step(files: &Vfs, cwd: &str, base: &str, part: &str) -> Vec<String> {
    let extend = |name: &str| match base {
        "" => name.to_owned(),
        "/" => format!("/{name}"),
        _ => format!("{base}/{name}"),
    };
    if matches!(part, "." | "..") {
        return vec![extend(part)];
    }
    let directory = if base.is_empty() {
        cwd.to_owned()
    } else {
        join(cwd, base)
    };
    let Ok(entries) = files.list(&directory) else {
        return Vec::new();
    };
    entries
        .iter()
        .map(|(name, _)| name)
        .filter(|name| part.starts_with('.') || !name.starts_with('.'))
        .filter(|name| matches(part, name))
        .map(|name| extend(name))
        .collect()
}

/// Whether `name` fits `pattern`; goes back to the last star only, so it always ends soon.
pub fn matches(pattern: &str, name: &str) -> bool {
    let pattern = tokens(pattern);
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(Token::Star) => {
                star = Some((p, n));
                p += 1;
            }
            Some(token) if token.takes(name[n]) => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, n) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|token| *token == Token::Star)
}

/// The longest text that `trim` looks at; longer ones it leaves alone.
const MAX_TRIM: usize = 8192;

/// `text` without what fits `pattern` at its beginning or end, the shortest or the longest.
pub fn trim<'a>(text: &'a str, pattern: &str, at_end: bool, longest: bool) -> &'a str {
    if text.len() > MAX_TRIM {
        return text;
    }
    let mut cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    cuts.push(text.len());
    // The shortest piece first: from the left for a beginning, from the right for an end.
    if at_end != longest {
        cuts.reverse();
    }
    for cut in cuts {
        let (before, behind) = text.split_at(cut);
        let (piece, rest) = if at_end {
            (behind, before)
        } else {
            (before, behind)
        };
        if matches(pattern, piece) {
            return rest;
        }
    }
    text
}

#[derive(PartialEq)]
enum Token {
    Star,
    Any,
    Exact(char),
    OneOf {
        ranges: Vec<(char, char)>,
        negated: bool,
    },
}

impl Token {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Star => false,
            Self::Any => true,
            Self::Exact(exact) => *exact == c,
            Self::OneOf { ranges, negated } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        }
    }
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        out.push(match c {
            '*' => Token::Star,
            '?' => Token::Any,
            '\\' => {
                let next = rest.chars().next().unwrap_or('\\');
                rest = rest.get(next.len_utf8()..).unwrap_or_default();
                Token::Exact(next)
            }
            '[' => match one_of(rest) {
                Some((token, after)) => {
                    rest = after;
                    token
                }
                None => Token::Exact('['),
            },
            c => Token::Exact(c),
        });
    }
    out
}

/// What stands between brackets, and what comes behind; `None` when nothing closes them.
fn one_of(text: &str) -> Option<(Token, &str)> {
    let (negated, text) = match text.strip_prefix(['!', '^']) {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let end = text.char_indices().skip(1).find(|(_, c)| *c == ']')?.0;
    let chars: Vec<char> = text[..end].chars().filter(|c| *c != '\\').collect();
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(&low) = chars.get(at) {
        if let (Some('-'), Some(&high)) = (chars.get(at + 1), chars.get(at + 2)) {
            ranges.push((low, high));
            at += 3;
        } else {
            ranges.push((low, low));
            at += 1;
        }
    }
    Some((Token::OneOf { ranges, negated }, &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_marks_fit_as_in_the_shell() {
        for (pattern, name, fits) in [
            ("*.log", "app.log", true),
            ("a*b*c", "aXbXbXc", true),
            ("a?c", "ac", false),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            ("*", "", true),
            ("[0-9]*", "4107", true),
            ("[!a-c]x", "bx", false),
            ("[", "[", true),
            (r"\[a]", "[a]", true),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn trimming_takes_the_shortest_or_the_longest() {
        assert_eq!(trim("a.b.c", ".*", true, false), "a.b");
        assert_eq!(trim("a.b.c", ".*", true, true), "a");
        assert_eq!(trim("a.b.c", "*.", false, false), "b.c");
        assert_eq!(trim("a.b.c", "*.", false, true), "c");
        assert_eq!(trim("a.b.c", "x", false, true), "a.b.c");
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_panics(pattern in r"[a-c*?\[\]\\!^\-\u{e9}]{0,12}", name in "[a-c\u{e9}]{0,12}") {
            let _ = (matches(&pattern, &name), trim(&name, &pattern, true, false));
        }
    }
}

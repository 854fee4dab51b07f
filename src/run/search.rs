//! What a person looks for in output: plain text, or a regular expression after `~`.

use regex::bytes::{Regex, RegexBuilder};

use super::filter::{MOST_REGEX, wrong_pattern};

/// Bytes of a long line's last piece that are looked at again with the next one.
const OVERLAP: usize = 256;

/// What is looked for. Small letters match capitals as well; bytes that are no UTF-8 match only
/// what says so.
#[derive(Debug, Clone)]
pub struct Needle(Regex);

impl Needle {
    /// Reads what was typed; `Err` is a sentence for the one who typed it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let pattern = match text.strip_prefix('~') {
            Some(pattern) => pattern.to_owned(),
            None => regex::escape(text),
        };
        if pattern.is_empty() {
            return Err(
                "there is nothing to look for: type a text, or ~ and a regular expression"
                    .to_owned(),
            );
        }
        let regex = RegexBuilder::new(&pattern)
            .case_insensitive(!text.chars().any(char::is_uppercase))
            .size_limit(MOST_REGEX)
            .dfa_size_limit(MOST_REGEX)
            .build();
        regex
            .map(Self)
            .map_err(|error| wrong_pattern(&pattern, &error))
    }

    /// Where it stands first in a line.
    pub fn find(&self, line: &[u8]) -> Option<usize> {
        self.0.find(line).map(|found| found.start())
    }
}

/// Looks through the lines of one stream, whose long ones come in pieces.
#[derive(Debug, Clone, Default)]
pub struct Seeker {
    /// The end of the piece before, when it goes on.
    end: Vec<u8>,
    found: bool,
}

/// What was found in a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Whether the line holds it for the first time here.
    pub is_new: bool,
    /// Where it stands in the piece.
    pub at: usize,
}

impl Seeker {
    /// Looks at a line, or a piece that `goes_on` from the one before.
    pub fn look(&mut self, needle: &Needle, piece: &[u8], goes_on: bool) -> Option<Found> {
        if !goes_on {
            self.end.clear();
            self.found = false;
        }
        let at = if self.end.is_empty() {
            needle.find(piece)
        } else {
            let over = self.end.len();
            let joined = [&self.end[..], piece].concat();
            // What ends before this piece was found in the one before.
            let at = needle.0.find_iter(&joined).find(|found| found.end() > over);
            at.map(|found| found.start().saturating_sub(over))
        };
        self.end.clear();
        if piece.len() == super::lines::LONGEST_LINE {
            self.end.extend_from_slice(&piece[piece.len() - OVERLAP..]);
        }
        let is_new = !self.found;
        self.found |= at.is_some();
        at.map(|at| Found { is_new, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::lines::LONGEST_LINE;

    #[test]
    fn small_letters_match_capitals_and_a_capital_itself_alone() {
        for (text, line, wanted) in [
            ("error", "an ERROR", Some(3)),
            ("Error", "an ERROR", None),
            ("a.b", "axb a.b", Some(4)),
            ("~a.b", "axb a.b", Some(0)),
            ("~^x$", "x", Some(0)),
            ("~^x$", "xx", None),
            ("~ER+OR", "error", None),
        ] {
            let needle = Needle::parse(text).unwrap();
            assert_eq!(needle.find(line.as_bytes()), wanted, "{text} in {line}");
        }
        let needle = Needle::parse("ok").unwrap();
        assert_eq!(needle.find(b"\xff\xfe ok \xff"), Some(3));
        for wrong in ["", "~", "~("] {
            assert!(Needle::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_stands_across_two_pieces_is_found_once() {
        let needle = Needle::parse("needle").unwrap();
        let mut line = vec![b'.'; LONGEST_LINE - 3];
        line.extend(b"needle, needle");
        let (first, second) = line.split_at(LONGEST_LINE);
        let mut seeker = Seeker::default();
        assert_eq!(seeker.look(&needle, first, false), None);
        let found = seeker.look(&needle, second, true);
        let wanted = Found {
            is_new: true,
            at: 0,
        };
        assert_eq!(found, Some(wanted));
        assert_eq!(seeker.look(&needle, b"hay", false), None);
        let mut seeker = Seeker::default();
        let mut first = vec![b'.'; LONGEST_LINE - 8];
        first.extend(b"needle..");
        assert!(seeker.look(&needle, &first, false).unwrap().is_new);
        assert_eq!(seeker.look(&needle, b"hay", true), None, "told before");
        assert!(
            !seeker
                .look(&needle, b"needle", true)
                .is_none_or(|found| found.is_new)
        );
    }
}

//! A host name with its numbers taken out: `rack%s-node%s`.
//!
//! The text is `ClusterShell`'s own key for it (`%s` for a number, `%%` for a percent sign), because
//! host sets are printed in the order of these keys.

use super::digits::{self, Code};

/// The place of a number in a pattern.
const HOLE: &str = "%s";

/// A name's fixed text; ordered as `ClusterShell` orders.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Pattern(String);

impl Pattern {
    /// A pattern that is being put together.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn push_text(&mut self, text: &str) {
        for (position, piece) in text.split('%').enumerate() {
            if position > 0 {
                self.0.push_str("%%");
            }
            self.0.push_str(piece);
        }
    }

    pub(super) fn push_hole(&mut self) {
        self.0.push_str(HOLE);
    }

    pub(super) fn key(&self) -> &str {
        &self.0
    }

    /// The fixed texts around the holes: always one more than there are holes.
    pub(super) fn pieces(&self) -> Pieces {
        let mut pieces = vec![String::new()];
        let mut chars = self.0.chars();
        while let Some(char) = chars.next() {
            match (char, pieces.last_mut()) {
                ('%', Some(last)) => match chars.next() {
                    Some('s') => pieces.push(String::new()),
                    _ => last.push('%'),
                },
                (char, Some(last)) => last.push(char),
                (_, None) => {}
            }
        }
        Pieces(pieces)
    }
}

/// A pattern ready to be filled in.
#[derive(Debug, Clone)]
pub(super) struct Pieces(Vec<String>);

impl Pieces {
    /// The name with the given numbers.
    pub(super) fn name(&self, codes: &[Code]) -> String {
        let mut name = String::with_capacity(self.0.iter().map(String::len).sum::<usize>() + 8);
        for (position, piece) in self.0.iter().enumerate() {
            name.push_str(piece);
            if let Some(&code) = codes.get(position) {
                digits::write(code, &mut name);
            }
        }
        name
    }

    /// The pattern with the given texts in its holes.
    pub(super) fn fill<T: AsRef<str>>(&self, texts: &[T]) -> String {
        let mut out = String::new();
        for (position, piece) in self.0.iter().enumerate() {
            out.push_str(piece);
            if let Some(text) = texts.get(position) {
                out.push_str(text.as_ref());
            }
        }
        out
    }
}

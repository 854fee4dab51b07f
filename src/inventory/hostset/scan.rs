//! From the notation's text to its operands: `web[01-20],db1!web07` has three.
//!
//! Only the form is read here. What groups and wildcards mean is decided by the caller.

use std::ops::Range;

use super::digits::{self, Code, MAX_WIDTH};
use super::error::{Fault, Problem};
use super::parse_ranges;
use super::pattern::Pattern;
use super::rangeset::RangeSet;

/// What an operand does to the set that was read before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Union,
    Difference,
    Intersection,
    Xor,
}

impl Operator {
    fn of(byte: u8) -> Option<Self> {
        match byte {
            b',' => Some(Self::Union),
            b'!' => Some(Self::Difference),
            b'&' => Some(Self::Intersection),
            b'^' => Some(Self::Xor),
            _ => None,
        }
    }
}

/// One number of a name: a single index, or what was in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Index {
    One(Code),
    Set(RangeSet),
}

impl Index {
    /// The index, if it is a single one.
    pub(super) fn single(&self) -> Option<Code> {
        match self {
            Self::One(code) => Some(*code),
            Self::Set(_) => None,
        }
    }

    pub(super) fn into_set(self) -> RangeSet {
        match self {
            Self::One(code) => RangeSet::one(code),
            Self::Set(set) => set,
        }
    }
}

/// The pattern of a name or bracketed names, and its numbers. Reused from one to the next.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub pattern: Pattern,
    pub indexes: Vec<Index>,
}

/// The operands of a text, left to right.
pub(super) struct Operands<'t> {
    text: &'t str,
    next: usize,
    operator: Operator,
    done: bool,
}

/// One operand: its operator and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Operand {
    pub operator: Operator,
    pub at: Range<usize>,
}

impl<'t> Operands<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self {
            text,
            next: 0,
            operator: Operator::Union,
            done: text.trim().is_empty(),
        }
    }

    /// Where the operand that begins at `start` ends: at an operator outside brackets.
    fn end(&self, start: usize) -> Result<usize, Fault> {
        let mut opened = None;
        for (offset, &byte) in self.text.as_bytes()[start..].iter().enumerate() {
            match (byte, opened) {
                (b'[', None) => opened = Some(start + offset),
                (b']', Some(_)) => opened = None,
                (b']', None) => {
                    let at = start + offset;
                    return Err(Fault::new(Problem::ClosingBracket, at..self.text.len()));
                }
                (_, None) if Operator::of(byte).is_some() => return Ok(start + offset),
                _ => {}
            }
        }
        match opened {
            Some(at) => Err(Fault::new(Problem::MissingBracket, at..self.text.len())),
            None => Ok(self.text.len()),
        }
    }

    fn read(&mut self) -> Result<Operand, Fault> {
        let start = self.next;
        let end = self.end(start)?;
        let found = self.text.as_bytes().get(end).copied();
        let raw = &self.text[start..end];
        let at = start + (raw.len() - raw.trim_start().len())..start + raw.trim_end().len();
        let operand = Operand {
            operator: self.operator,
            at,
        };
        match found.and_then(|byte| Operator::of(byte).map(|operator| (byte, operator))) {
            Some((byte, operator)) => {
                self.operator = operator;
                self.next = end + 1;
                if raw.trim().is_empty() || self.text[self.next..].trim_start().is_empty() {
                    return Err(Fault::new(
                        Problem::MissingOperand(byte.into()),
                        start..self.text.len(),
                    ));
                }
            }
            None => self.done = true,
        }
        Ok(operand)
    }
}

impl Iterator for Operands<'_> {
    type Item = Result<Operand, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let operand = self.read();
        self.done |= operand.is_err();
        Some(operand)
    }
}

impl Names {
    /// Reads one operand, brackets and all. Places of faults are counted from its beginning.
    pub(super) fn read(&mut self, text: &str) -> Result<(), Fault> {
        self.pattern.clear();
        self.indexes.clear();
        let mut at = 0;
        while at < text.len() {
            at = self.read_piece(text, at)?;
        }
        Ok(())
    }

    /// Reads one plain name: brackets mean nothing in it.
    pub(super) fn read_plain(&mut self, text: &str) {
        self.pattern.clear();
        self.indexes.clear();
        let mut at = 0;
        while at < text.len() {
            let fixed = length(&text[at..], |byte| !byte.is_ascii_digit());
            self.pattern.push_text(&text[at..at + fixed]);
            at += fixed;
            let digits = length(&text[at..], |byte| byte.is_ascii_digit());
            self.push_number(&text[at..at + digits]);
            at += digits;
        }
    }

    fn read_piece(&mut self, text: &str, at: usize) -> Result<usize, Fault> {
        let rest = &text[at..];
        let fixed = length(rest, |byte| !byte.is_ascii_digit() && byte != b'[');
        self.pattern.push_text(&rest[..fixed]);
        let lead = at + fixed;
        let bracket = lead + length(&text[lead..], |byte| byte.is_ascii_digit());
        if text.as_bytes().get(bracket) == Some(&b'[') {
            return self.read_bracket(text, lead, bracket);
        }
        self.push_number(&text[lead..bracket]);
        Ok(bracket)
    }

    /// A bracket with the digits that touch it: `1[0-9]5` are the numbers 105, 115, … 195.
    fn read_bracket(&mut self, text: &str, lead: usize, bracket: usize) -> Result<usize, Fault> {
        let Some(length_inside) = text[bracket..].find(']') else {
            return Err(Fault::new(Problem::MissingBracket, bracket..text.len()));
        };
        let close = bracket + length_inside;
        let inside = &text[bracket + 1..close];
        let set = parse_ranges::parse(inside).map_err(|fault| {
            if inside.is_empty() {
                return Fault::new(fault.problem, bracket..close + 1);
            }
            fault.moved(bracket + 1)
        })?;
        let end = close + 1 + length(&text[close + 1..], |byte| byte.is_ascii_digit());
        if text.as_bytes().get(end) == Some(&b'[') {
            return Err(Fault::new(Problem::ReopenedBracket, bracket..text.len()));
        }
        if end > close + 1 && inside.contains('/') {
            return Err(Fault::new(Problem::DigitsAfterStep, bracket..end));
        }
        let set = set
            .with_digits(&text[lead..bracket], &text[close + 1..end])
            .map_err(|problem| Fault::new(problem, lead..end))?;
        self.pattern.push_hole();
        self.indexes.push(Index::Set(set));
        Ok(end)
    }

    /// A number of a plain name; one that is too long to count with stays text.
    fn push_number(&mut self, text: &str) {
        if let Some(code) = digits::parse(text) {
            self.pattern.push_hole();
            self.indexes.push(Index::One(code));
        } else {
            debug_assert!(text.is_empty() || text.len() > MAX_WIDTH);
            self.pattern.push_text(text);
        }
    }
}

/// How many of the text's first bytes satisfy `wanted`; the split is always between characters,
/// because `wanted` tells ASCII apart only.
fn length(text: &str, wanted: impl Fn(u8) -> bool) -> usize {
    text.bytes()
        .position(|byte| !wanted(byte))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(text: &str) -> Vec<String> {
        let mut names = Names::default();
        Operands::of(text)
            .map(|operand| {
                names.read(&text[operand.unwrap().at]).unwrap();
                names.pattern.key().to_string()
            })
            .collect()
    }

    fn problem(text: &str) -> Problem {
        let mut names = Names::default();
        for operand in Operands::of(text) {
            match operand.and_then(|operand| names.read(&text[operand.at])) {
                Ok(()) => {}
                Err(fault) => return fault.problem,
            }
        }
        panic!("{text} was read")
    }

    #[test]
    fn names_become_patterns() {
        assert_eq!(keys("a1 , b[1-2,4]c2[3]d,%x"), ["a%s", "b%sc%sd", "%%x"]);
        assert_eq!(keys("n1[8-9]5"), ["n%s"]);
        assert_eq!(
            keys(&format!("a{}", "1".repeat(50))),
            [format!("a{}", "1".repeat(50))]
        );
        assert_eq!(keys("  "), [] as [&str; 0]);
    }

    #[test]
    fn each_slip_of_notation_is_told_apart() {
        assert_eq!(problem("a["), Problem::MissingBracket);
        assert_eq!(problem("a]b,c"), Problem::ClosingBracket);
        assert_eq!(problem("a[1]5[2]"), Problem::ReopenedBracket);
        assert_eq!(problem("a[]"), Problem::EmptyRange);
        assert_eq!(problem("a,,b"), Problem::MissingOperand(','));
        assert_eq!(problem("a!"), Problem::MissingOperand('!'));
        assert_eq!(problem("&a"), Problem::MissingOperand('&'));
        assert_eq!(problem("a[0-8/2]5"), Problem::DigitsAfterStep);
        assert_eq!(problem("a[1-5!3]"), Problem::NotANumber);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,40}|[a-b0-9\\[\\],!&^/%é -]{0,40}") {
            let mut names = Names::default();
            for operand in Operands::of(&text).map_while(Result::ok) {
                let _ = names.read(&text[operand.at.clone()]);
                names.read_plain(&text[operand.at]);
            }
        }
    }
}

//! Why a text is no host set, and where in it the fault lies.

use std::ops::Range;

use super::groups::GroupError;

/// The most hosts one set may name. Far above any real fleet; it stops `a[1-99999999999]`.
pub const MAX_HOSTS: usize = 10_000_000;

/// A text that names no host set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostSetError {
    /// The notation is wrong at one place.
    #[error("{problem} at column {column}, in \"{part}\"")]
    Notation {
        /// What is wrong and what would be right.
        problem: Problem,
        /// The faulty part of the text.
        part: String,
        /// Where that part begins, counted in characters from 1.
        column: usize,
    },
    /// The fault is in what a group's source says of the group.
    #[error("group {group} holds a faulty host set: {source}")]
    InGroup {
        /// The group, with its `@`.
        group: String,
        /// The fault in its definition.
        source: Box<HostSetError>,
    },
    /// A group is defined by way of itself.
    #[error("group {0} contains itself: break the circle in the source that defines it")]
    GroupCircle(String),
    /// Groups within groups within groups.
    #[error("group {0} is nested in too many others: 100 levels are the most")]
    GroupDepth(String),
    /// A group could not be looked up.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// More hosts than any fleet has.
    #[error(
        "the set names {0}, more than the {MAX_HOSTS} that one set may have: narrow its ranges"
    )]
    TooMany(String),
    /// More hosts of several numbers than can be combined in reasonable time.
    #[error(
        "{hosts} hosts with {dimensions} numbers each are too many to combine: narrow their ranges"
    )]
    TooManyToCombine {
        /// How many hosts.
        hosts: usize,
        /// How many numbers each of their names has.
        dimensions: usize,
    },
    /// Operators upon operators on large sets.
    #[error("the set takes too long to work out: use fewer operators on so many hosts")]
    TooMuchWork,
}

/// What is wrong with a piece of notation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// `a[1`
    #[error("a \"[\" is never closed: add the missing \"]\"")]
    MissingBracket,
    /// `a]`
    #[error("a \"]\" closes nothing: remove it or open it with \"[\"")]
    ClosingBracket,
    /// `a[1][2]`
    #[error("two brackets follow each other without text between them: join them into one range")]
    ReopenedBracket,
    /// `a,,b` or `a!`
    #[error("the operator \"{0}\" lacks a host set on one side")]
    MissingOperand(char),
    /// `a[]` or `a[1,,2]`
    #[error("a range is empty: write numbers such as 1-5,8")]
    EmptyRange,
    /// `a[x]`
    #[error("a range is not made of numbers: write them as 1-5,8 or 0-10/2")]
    NotANumber,
    /// `a[5-1]`
    #[error("a range runs backwards: put the smaller number first")]
    Backwards,
    /// `a[1-5/0]`
    #[error("a step must be a number of 1 or more after a range, as in 0-10/2")]
    BadStep,
    /// `a[01-100]`
    #[error("the ends of a zero-padded range differ in length: pad both alike, as in 001-100")]
    PaddingMismatch,
    /// `a[-5]3`
    #[error("a negative number cannot have digits before or after its bracket")]
    NegativeWithDigits,
    /// `a[0-8/2]5`
    #[error("digits cannot follow a range with a step: write out its numbers")]
    DigitsAfterStep,
    /// More digits than a number may have.
    #[error("a number is too long: 37 digits are the most")]
    TooLong,
    /// More numbers than any fleet has hosts.
    #[error("a range is too large: {MAX_HOSTS} numbers are the most, 1000000 with a step")]
    TooLarge,
}

/// A problem and the byte range of the text it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub problem: Problem,
    pub at: Range<usize>,
}

impl Fault {
    pub(super) fn new(problem: Problem, at: Range<usize>) -> Self {
        Self { problem, at }
    }

    /// The same fault in a text of which the former text began at `offset`.
    pub(super) fn moved(self, offset: usize) -> Self {
        Self {
            at: self.at.start + offset..self.at.end + offset,
            ..self
        }
    }

    /// The error for the reader of `text`.
    pub(super) fn in_text(self, text: &str) -> HostSetError {
        let before = text.get(..self.at.start).unwrap_or_default();
        HostSetError::Notation {
            problem: self.problem,
            part: excerpt(text.get(self.at).unwrap_or(text)),
            column: before.chars().count() + 1,
        }
    }
}

/// The text's beginning, short enough for one line.
fn excerpt(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(LONGEST).collect();
    if chars.next().is_some() {
        start + "…"
    } else {
        start
    }
}

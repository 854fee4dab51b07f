//! When what went on in a run: stretches of its time, read from its events.
//!
//! [`Stretches`] takes a run in event by event while it goes on, and tells when each batch was at
//! work and what it stood still for, for a console that shows a part of them. [`rows`] tells of a
//! whole run at once, batch by batch and step by step with what came out of it, in as many rows as
//! a person can look at: for reports. What the run stood still for is read in one place for both.

mod groups;
mod rows;
mod stretches;
#[cfg(test)]
mod tests;
mod work;

use serde::{Deserialize, Serialize};

use super::ids::At;
use super::outcome::OutcomeKind;

pub use rows::rows;
pub use stretches::Stretches;

/// A stretch of a run's time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// What it was spent on.
    pub kind: SpanKind,
    /// The name of a step or a stage; why the run stood still.
    #[serde(default)]
    pub name: String,
    /// The first and the last batch, from 1.
    pub batches: (u32, u32),
    /// Its begin.
    pub from: At,
    /// Its end, if it has one yet.
    pub to: Option<At>,
    /// When it will be over by itself, if anybody knows.
    #[serde(default)]
    pub due: Option<At>,
    /// Attempts that did not end well in it, in a stretch of work.
    #[serde(default)]
    pub failed: u32,
    /// How many hosts of each kind came out of it, in a row of a step.
    #[serde(default)]
    pub outcomes: Vec<(OutcomeKind, u32)>,
}

impl Span {
    /// One that begins, of these batches.
    pub fn new(kind: SpanKind, batches: (u32, u32), from: At) -> Self {
        Self {
            kind,
            name: String::new(),
            batches,
            from,
            to: None,
            due: None,
            failed: 0,
            outcomes: Vec::new(),
        }
    }

    /// The wall clock was set: what was before is told by the new one as well, so that it has its length.
    fn clock_set(&mut self, by: i64) {
        self.from = self.from.shifted(by);
        self.to = self.to.map(|to| to.shifted(by));
        self.due = self.due.map(|due| due.shifted(by));
    }
}

/// What time is spent on. The order is that of rows within a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpanKind {
    /// A stage of a run that is made of runs, or one item of it: from its begin to its end, with its
    /// gate. Its number stands for the batch.
    Stage,
    /// Work on a batch.
    Batch,
    /// One step on the hosts of a batch.
    Step,
    /// A step that looks whether all is well.
    Gate,
    /// A question to a person.
    Question,
    /// A wait that is a step.
    Wait,
    /// The time after a batch.
    Soak,
    /// It stood still for a person.
    Pause,
}

impl SpanKind {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Batch => "batch",
            Self::Step => "step",
            Self::Gate => "gate",
            Self::Question => "question",
            Self::Wait => "wait",
            Self::Soak => "soak",
            Self::Pause => "pause",
        }
    }

    /// Whether something is done meanwhile.
    fn is_work(self) -> bool {
        self <= Self::Gate
    }
}

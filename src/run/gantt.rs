//! When each batch of a run was at work, and what it waited for in between: read from its events.

use serde::{Deserialize, Serialize};

use super::event::{Event, What};
use super::ids::{At, StepIx};
use super::spec::{Act, RunSpec};

/// What went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpanKind {
    /// A batch was at work.
    Work,
    /// A gate looked whether all is well.
    Gate,
    /// Time passed after a batch.
    Soak,
    /// A step of the batch let time pass.
    Wait,
    /// A person was asked.
    Question,
    /// The run stood still.
    Pause,
}

/// A stretch of time in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// What went on.
    pub what: SpanKind,
    /// In which batch, from 0.
    pub batch: u32,
    /// Since when.
    pub from: At,
    /// Until when; none while it goes on.
    pub until: Option<At>,
    /// When it will be over by itself, if anybody knows.
    #[serde(default)]
    pub due: Option<At>,
    /// Attempts that did not end well in it.
    #[serde(default)]
    pub failed: u32,
    /// The name of a step, or why the run stood still.
    #[serde(default)]
    pub label: String,
}

/// The stretches of a run, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Gantt {
    spans: Vec<Span>,
    batch: u32,
    /// Hosts are connected to before the first batch.
    holds: bool,
}

impl Gantt {
    /// Of a run that is about to be created.
    pub fn new(spec: &RunSpec) -> Self {
        Self {
            holds: spec.holds(),
            ..Self::default()
        }
    }

    /// The stretches, in the order they began.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Takes one more event of this run in.
    pub fn apply(&mut self, spec: &RunSpec, event: &Event) {
        let at = event.at;
        match &event.what {
            What::Created { .. } if !self.holds => {
                self.open(SpanKind::Work, at);
            }
            What::BatchOpened { batch } => {
                let same = *batch == self.batch && self.is_open(SpanKind::Work);
                self.batch = *batch;
                if !same {
                    self.close(at, |what| what != SpanKind::Pause);
                    self.open(SpanKind::Work, at);
                }
            }
            What::Dispatched { step, .. } if gate(spec, *step) => self.gate(at),
            What::Dispatched { .. } => self.work_again(at),
            What::Finished(finished) if finished.outcome.kind().is_failure() => {
                if let Some(span) = self.working() {
                    span.failed += 1;
                }
            }
            What::Soaking { until, .. } => {
                self.close(at, |what| what != SpanKind::Pause);
                self.open(SpanKind::Soak, at).due = Some(*until);
            }
            What::BarrierReached { step, until } => self.barrier(spec, *step, (at, *until)),
            What::LinePassed { .. } | What::Approved { .. } => {
                self.close(at, |what| {
                    matches!(what, SpanKind::Question | SpanKind::Wait)
                });
            }
            What::Paused { reason, .. } => {
                self.close(at, |what| what == SpanKind::Pause);
                self.open(SpanKind::Pause, at).label.clone_from(reason);
            }
            What::Resumed { .. } => self.close(at, |what| what == SpanKind::Pause),
            What::Ended { .. } => self.close(at, |_| true),
            _ => {}
        }
    }

    fn gate(&mut self, at: At) {
        if !self.is_open(SpanKind::Gate) {
            self.close(at, |what| what == SpanKind::Work);
            self.open(SpanKind::Gate, at);
        }
    }

    fn barrier(&mut self, spec: &RunSpec, step: StepIx, (at, until): (At, Option<At>)) {
        let Some(step) = spec.step(step) else {
            return;
        };
        let what = match step.act {
            Act::Approve(_) => SpanKind::Question,
            _ => SpanKind::Wait,
        };
        self.close(at, |open| open == what);
        let span = self.open(what, at);
        (span.due, span.label) = (until, step.name.clone());
    }

    /// Hosts that failed are tried again after their batch had ended.
    fn work_again(&mut self, at: At) {
        if self.working().is_none() && !self.holds {
            self.open(SpanKind::Work, at);
        }
    }

    fn open(&mut self, what: SpanKind, from: At) -> &mut Span {
        let place = self.spans.len();
        self.spans.push(Span {
            what,
            batch: self.batch,
            from,
            until: None,
            due: None,
            failed: 0,
            label: String::new(),
        });
        &mut self.spans[place]
    }

    fn is_open(&self, what: SpanKind) -> bool {
        let mut open = self.spans.iter().rev().filter(|span| span.until.is_none());
        open.any(|span| span.what == what)
    }

    /// What failures are counted in.
    fn working(&mut self) -> Option<&mut Span> {
        let mut open = self.spans.iter_mut().rev();
        open.find(|span| {
            span.until.is_none() && matches!(span.what, SpanKind::Work | SpanKind::Gate)
        })
    }

    fn close(&mut self, at: At, which: impl Fn(SpanKind) -> bool) {
        // Few are open at once, and those are the newest.
        let newest = self.spans.iter_mut().rev().take(8);
        for span in newest.filter(|span| span.until.is_none() && which(span.what)) {
            span.until = Some(at);
        }
    }
}

fn gate(spec: &RunSpec, step: StepIx) -> bool {
    spec.step(step)
        .is_some_and(|step| step.rules.gate.is_some())
}

#[cfg(test)]
mod tests;

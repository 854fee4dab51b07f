//! What was done on the hosts of each group of batches, step by step, and what came out of it.

use std::collections::{BTreeMap, HashMap};

use super::groups::Groups;
use super::stretches::is_gate;
use super::{Span, SpanKind};
use crate::run::event::{Event, What};
use crate::run::ids::{At, HostIx, StepIx};
use crate::run::outcome::OutcomeKind;
use crate::run::spec::RunSpec;

/// Where a row stands: its group, then the group as a whole before its steps.
type Place = (u32, Option<StepIx>);

/// The work of a run, taken in event by event.
pub(super) struct Work<'r> {
    spec: &'r RunSpec,
    groups: &'r Groups,
    rows: BTreeMap<Place, Span>,
    outcomes: HashMap<(HostIx, StepIx), OutcomeKind>,
    /// The step each host was sent to last.
    sent: HashMap<HostIx, StepIx>,
}

impl<'r> Work<'r> {
    pub fn new(spec: &'r RunSpec, groups: &'r Groups) -> Self {
        Self {
            spec,
            groups,
            rows: BTreeMap::new(),
            outcomes: HashMap::new(),
            sent: HashMap::new(),
        }
    }

    /// Takes one more event in.
    pub fn apply(&mut self, event: &Event) {
        let at = event.at;
        match &event.what {
            What::Dispatched { step, hosts, .. } => {
                for host in hosts {
                    self.sent.insert(*host, *step);
                    self.at_work(*host, *step, at, None);
                }
            }
            What::Finished(finished) => {
                let (host, step) = (finished.host, finished.step);
                self.outcomes.insert((host, step), finished.outcome.kind());
                self.at_work(host, step, at, Some(at));
            }
            What::Settled { host, outcome, .. } => {
                if let Some(step) = self.sent.get(host) {
                    self.outcomes.insert((*host, *step), outcome.kind());
                }
            }
            What::ClockSet { by } => {
                for span in self.rows.values_mut() {
                    span.clock_set(*by);
                }
            }
            _ => {}
        }
    }

    /// The rows with their groups, group by group.
    pub fn rows(mut self) -> impl Iterator<Item = (u32, Span)> {
        let mut counts: BTreeMap<Place, BTreeMap<OutcomeKind, u32>> = BTreeMap::new();
        for ((host, step), kind) in &self.outcomes {
            let place = (self.groups.of_host(*host), Some(*step));
            *counts.entry(place).or_default().entry(*kind).or_default() += 1;
        }
        for (place, counts) in counts {
            if let Some(span) = self.rows.get_mut(&place) {
                span.outcomes = counts.into_iter().collect();
            }
        }
        let rows = self.rows.into_iter();
        rows.map(|((group, _), span)| (group, span))
    }

    /// Work on a step of a group, and so on the group.
    fn at_work(&mut self, host: HostIx, step: StepIx, at: At, end: Option<At>) {
        let group = self.groups.of_host(host);
        let (spec, groups) = (self.spec, self.groups);
        for part in [None, Some(step)] {
            let begins = || begin(spec, groups.batches(group), part, at);
            let span = self.rows.entry((group, part)).or_insert_with(begins);
            span.to = span.to.max(end);
        }
    }
}

fn begin(spec: &RunSpec, batches: (u32, u32), step: Option<StepIx>, at: At) -> Span {
    let Some(step) = step else {
        return Span::new(SpanKind::Batch, batches, at);
    };
    let kind = if is_gate(spec, step) {
        SpanKind::Gate
    } else {
        SpanKind::Step
    };
    let name = spec.step(step).map(|step| step.name.clone());
    Span {
        name: name.unwrap_or_default(),
        ..Span::new(kind, batches, at)
    }
}

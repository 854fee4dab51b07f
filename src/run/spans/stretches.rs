//! The stretches of a run in the order they began, taken in event by event.

use std::collections::BTreeMap;

use super::{Span, SpanKind};
use crate::run::event::{Cut, Event, Finished, What};
use crate::run::ids::{At, HostIx, StepIx};
use crate::run::spec::{Act, RunSpec};
use crate::run::stages::{NodeIx, StageEvent, StageIx};

/// The stretches of a run, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Stretches {
    spans: Vec<Span>,
    /// Those that go on.
    open: Vec<Open>,
    /// The stretch of each node of a run that is made of runs.
    nodes: BTreeMap<NodeIx, usize>,
    /// The batch or stage that things happen in, from 0.
    batch: u32,
    /// The place behind the last host of each batch, those that were cut anew as they are now.
    ends: Option<Vec<u32>>,
    /// Work on hosts of batches that had ended, while a later one is open.
    again: BTreeMap<u32, Again>,
}

/// Work on hosts of a batch that had ended.
#[derive(Debug, Clone, Copy)]
struct Again {
    /// Its stretch.
    place: usize,
    /// Attempts that go on.
    in_flight: usize,
}

/// A stretch that goes on.
#[derive(Debug, Clone, Copy)]
struct Open {
    place: usize,
    kind: SpanKind,
    /// What stands still, where that is not the run.
    node: Option<NodeIx>,
}

impl Stretches {
    /// The stretches, in the order they began.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Takes one more event of this run in.
    pub fn apply(&mut self, spec: &RunSpec, event: &Event) {
        let at = event.at;
        match &event.what {
            // Hosts that are connected to first are worked on later; those of stages, by others.
            What::Created { .. } if !spec.holds() && spec.stages.is_none() => {
                self.open(SpanKind::Batch, at);
            }
            What::BatchOpened { batch } => self.batch_opened(*batch, at),
            What::Dispatched { step, hosts, .. } => self.dispatched(spec, *step, (hosts, at)),
            What::Finished(finished) => self.finished(spec, finished, at),
            What::Tuned {
                batches: Some(batches),
                ..
            } => self.cut_anew(spec, batches),
            What::Soaking { batch, until } => {
                self.close(at, |open| open.kind != SpanKind::Pause);
                self.batch = *batch;
                self.open(SpanKind::Soak, at).due = Some(*until);
            }
            What::BarrierReached { step, until } => self.barrier(spec, *step, (at, *until)),
            What::Approved { .. } => self.close(at, |open| open.kind == SpanKind::Question),
            What::LinePassed { .. } => self.close(at, is_barrier),
            What::Paused { reason, .. } | What::ParentPaused { reason, .. } => {
                self.close(at, |open| open.kind == SpanKind::Pause);
                self.open(SpanKind::Pause, at).name.clone_from(reason);
            }
            What::Resumed { .. } | What::ParentResumed => {
                self.close(at, |open| open.kind == SpanKind::Pause);
            }
            // What began before goes on to its end; nothing is waited for any more.
            What::Aborted { .. } | What::RollingBack { .. } => {
                self.close(at, |open| !open.kind.is_work());
            }
            What::Ended { .. } => {
                self.close(at, |_| true);
                for again in std::mem::take(&mut self.again).into_values() {
                    let span = &mut self.spans[again.place];
                    span.to = span.to.or(Some(at));
                }
            }
            What::Stage(event) => self.stage(spec, event, at),
            What::ClockSet { by } => self.spans.iter_mut().for_each(|span| span.clock_set(*by)),
            _ => {}
        }
    }

    fn batch_opened(&mut self, batch: u32, at: At) {
        let same = batch == self.batch && self.is_open(SpanKind::Batch);
        self.batch = batch;
        if !same {
            self.close(at, |open| open.kind != SpanKind::Pause);
            self.open(SpanKind::Batch, at);
        }
    }

    fn dispatched(&mut self, spec: &RunSpec, step: StepIx, (hosts, at): (&[HostIx], At)) {
        if is_gate(spec, step) {
            if !self.is_open(SpanKind::Gate) {
                self.close(at, |open| open.kind == SpanKind::Batch);
                self.open(SpanKind::Gate, at);
            }
            return;
        }
        if spec.connects_only(step) {
            return;
        }
        let mut of_open = hosts.is_empty();
        for host in hosts {
            match self.batch_of(spec, *host) {
                batch if batch < self.batch => self.at_work_again(batch, at),
                _ => of_open = true,
            }
        }
        // Hosts are tried again, or undone, after their batch had ended.
        if of_open && self.at_work().is_none() {
            self.open(SpanKind::Batch, at);
        }
    }

    /// A host of a batch before the open one is at work.
    fn at_work_again(&mut self, batch: u32, at: At) {
        if let Some(again) = self.again.get_mut(&batch) {
            again.in_flight += 1;
            let place = again.place;
            self.spans[place].to = None;
            return;
        }
        let place = self.spans.len();
        let number = batch.saturating_add(1);
        self.spans
            .push(Span::new(SpanKind::Batch, (number, number), at));
        let in_flight = 1;
        self.again.insert(batch, Again { place, in_flight });
    }

    fn finished(&mut self, spec: &RunSpec, finished: &Finished, at: At) {
        let batch = self.batch_of(spec, finished.host);
        let again = self.again.get_mut(&batch).filter(|_| batch < self.batch);
        let work = match again.filter(|_| !is_gate(spec, finished.step)) {
            Some(again) => {
                again.in_flight = again.in_flight.saturating_sub(1);
                if again.in_flight == 0 {
                    self.spans[again.place].to = Some(at);
                }
                Some(again.place)
            }
            None => self.at_work(),
        };
        let span = work.and_then(|place| self.spans.get_mut(place));
        if let Some(span) = span.filter(|_| finished.outcome.kind().is_failure()) {
            span.failed += 1;
        }
    }

    /// The batch of a host, from 0; one behind the last is in the open one.
    fn batch_of(&mut self, spec: &RunSpec, host: HostIx) -> u32 {
        let open = self.batch;
        let ends = self
            .ends
            .get_or_insert_with(|| ends(&spec.rollout.cuts(), 0));
        let batch = ends.partition_point(|end| *end <= host.0);
        if batch < ends.len() {
            u32::try_from(batch).unwrap_or(open)
        } else {
            open
        }
    }

    /// Batches that are not open were cut anew.
    fn cut_anew(&mut self, spec: &RunSpec, cuts: &[Cut]) {
        let opened = self.batch as usize + 1;
        let known = self
            .ends
            .get_or_insert_with(|| ends(&spec.rollout.cuts(), 0));
        known.truncate(opened);
        let from = known.last().copied().unwrap_or(0);
        known.extend(ends(cuts, from));
    }

    /// One barrier stands at a time; a question that was not answered is asked anew.
    fn barrier(&mut self, spec: &RunSpec, step: StepIx, (at, until): (At, Option<At>)) {
        let Some(step) = spec.step(step) else {
            return;
        };
        let kind = match step.act {
            Act::Approve(_) => SpanKind::Question,
            _ => SpanKind::Wait,
        };
        self.close(at, is_barrier);
        let span = self.open(kind, at);
        (span.due, span.name) = (until, step.name.clone());
    }

    fn stage(&mut self, spec: &RunSpec, event: &StageEvent, at: At) {
        match event {
            StageEvent::Started { node, .. }
            | StageEvent::GateStarted { node, .. }
            | StageEvent::Reopened { node, .. } => self.node_begins(spec, *node, at),
            StageEvent::ChildEnded { node, .. } => {
                self.close(at, |open| open.is_of(SpanKind::Stage, *node));
            }
            StageEvent::Asked { stage, until, .. } => {
                self.close(at, |open| open.kind == SpanKind::Question);
                let stages = spec.stages.as_ref();
                let stage_spec = stages.and_then(|spec| spec.stages.get(stage.0));
                let name = stage_spec.map(|stage| stage.name.clone());
                let node = NodeIx {
                    stage: *stage,
                    item: 0,
                };
                let span = self.open_of(SpanKind::Question, node, at);
                (span.due, span.name) = (*until, name.unwrap_or_default());
            }
            StageEvent::Soaking { node, until } => {
                self.open_of(SpanKind::Soak, *node, at).due = Some(*until);
            }
            StageEvent::Done { node } => {
                self.close(at, |open| open.is_of(SpanKind::Soak, *node));
            }
            StageEvent::Skipped { stage, .. } => self.close(at, |open| {
                let asked = open.node.is_some_and(|node| node.stage == *stage);
                asked && open.kind == SpanKind::Question
            }),
            StageEvent::RollingBack { .. } => self.close(at, |open| !open.kind.is_work()),
            StageEvent::TakenUp { .. }
            | StageEvent::GateGone { .. }
            | StageEvent::Judged { .. } => {}
        }
    }

    /// A node has one stretch, however often it begins again.
    fn node_begins(&mut self, spec: &RunSpec, node: NodeIx, at: At) {
        let Some(&place) = self.nodes.get(&node) else {
            self.nodes.insert(node, self.spans.len());
            let name = spec.stages.as_ref().map(|spec| spec.name(node));
            self.open_of(SpanKind::Stage, node, at).name = name.unwrap_or_default();
            return;
        };
        let goes_on = self.open.iter().any(|open| open.place == place);
        if let Some(span) = self.spans.get_mut(place).filter(|_| !goes_on) {
            span.to = None;
            self.open.push(Open {
                place,
                kind: SpanKind::Stage,
                node: Some(node),
            });
        }
    }

    fn open_of(&mut self, kind: SpanKind, node: NodeIx, from: At) -> &mut Span {
        self.batch = number(node.stage);
        self.begin(kind, Some(node), from)
    }

    fn open(&mut self, kind: SpanKind, from: At) -> &mut Span {
        self.begin(kind, None, from)
    }

    fn begin(&mut self, kind: SpanKind, node: Option<NodeIx>, from: At) -> &mut Span {
        let place = self.spans.len();
        let batch = self.batch.saturating_add(1);
        self.spans.push(Span::new(kind, (batch, batch), from));
        self.open.push(Open { place, kind, node });
        &mut self.spans[place]
    }

    fn is_open(&self, kind: SpanKind) -> bool {
        self.open.iter().any(|open| open.kind == kind)
    }

    /// The stretch that failures are counted in.
    fn at_work(&self) -> Option<usize> {
        let mut newest = self.open.iter().rev();
        let work = newest.find(|open| matches!(open.kind, SpanKind::Batch | SpanKind::Gate));
        work.map(|open| open.place)
    }

    fn close(&mut self, at: At, which: impl Fn(&Open) -> bool) {
        let spans = &mut self.spans;
        self.open.retain(|open| {
            let closed = which(open);
            if let Some(span) = spans.get_mut(open.place).filter(|_| closed) {
                span.to = Some(at);
            }
            !closed
        });
    }
}

impl Open {
    fn is_of(&self, kind: SpanKind, node: NodeIx) -> bool {
        self.kind == kind && self.node == Some(node)
    }
}

fn is_barrier(open: &Open) -> bool {
    matches!(open.kind, SpanKind::Question | SpanKind::Wait)
}

/// The place behind the last host of each batch.
fn ends(cuts: &[Cut], from: u32) -> Vec<u32> {
    let end = cuts.iter().scan(from, |end, cut| {
        *end = end.saturating_add(cut.hosts);
        Some(*end)
    });
    end.collect()
}

pub(super) fn is_gate(spec: &RunSpec, step: StepIx) -> bool {
    spec.step(step)
        .is_some_and(|step| step.rules.gate.is_some())
}

fn number(stage: StageIx) -> u32 {
    u32::try_from(stage.0).unwrap_or(u32::MAX)
}

//! How a run took its time: its batches, the steps in each, and what it stood still for.
//!
//! For pictures: as many spans as a person can look at, whatever the run's size. Batches that are
//! too many are taken together, in their order.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::event::{Event, What};
use super::ids::{At, HostIx, StepIx};
use super::outcome::OutcomeKind;
use super::spec::{Act, RunSpec};
use super::stages::{NodeIx, StageEvent};

/// Batches, or groups of batches, that are told apart.
const MOST_ROWS: u32 = 40;
/// Spans that are told, at most.
const MOST_SPANS: usize = 2_000;

/// A part of a run's time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// What it was spent on.
    pub kind: SpanKind,
    /// The name of a step; why a run was paused.
    pub name: String,
    /// The first and the last batch, from 1.
    pub batches: (u32, u32),
    /// Its begin.
    pub from: At,
    /// Its end, if it has one yet.
    pub to: Option<At>,
    /// How many hosts of each kind came out of it.
    pub outcomes: Vec<(OutcomeKind, u32)>,
}

/// What time is spent on. The order is that of rows within a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpanKind {
    /// A stage of a run that is made of runs, or one item of it: from its begin to its end, with its
    /// gate. Its number stands for the batch.
    Stage,
    /// All work on a batch.
    Batch,
    /// One step on the hosts of a batch.
    Step,
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
            Self::Question => "question",
            Self::Wait => "wait",
            Self::Soak => "soak",
            Self::Pause => "pause",
        }
    }
}

/// The spans of a run, batch by batch.
pub fn spans(spec: &RunSpec, events: &[Event]) -> Vec<Span> {
    let mut reader = Reader::new(spec);
    for event in events {
        reader.read(event);
    }
    reader.finish()
}

/// Where a span stands: its group of batches, its kind, its step, and a number for what happens
/// more than once.
type Row = (u32, SpanKind, u16, u32);

struct Reader<'s> {
    spec: &'s RunSpec,
    /// The first host of each batch.
    starts: Vec<u32>,
    /// Batches in a group.
    group: u32,
    rows: BTreeMap<Row, Span>,
    /// The batch that is open, from 0.
    batch: u32,
    /// What the run stands still for now.
    still: Vec<Row>,
    outcomes: HashMap<(HostIx, StepIx), OutcomeKind>,
    count: u32,
}

impl<'s> Reader<'s> {
    fn new(spec: &'s RunSpec) -> Self {
        let mut starts = Vec::with_capacity(spec.rollout.batches.len());
        let mut first: u32 = 0;
        for size in &spec.rollout.batches {
            starts.push(first);
            first = first.saturating_add(*size);
        }
        let batches = u32::try_from(starts.len()).unwrap_or(u32::MAX);
        Self {
            spec,
            starts,
            group: batches.div_ceil(MOST_ROWS).max(1),
            rows: BTreeMap::new(),
            batch: 0,
            still: Vec::new(),
            outcomes: HashMap::new(),
            count: 0,
        }
    }

    fn read(&mut self, event: &Event) {
        let at = event.at;
        match &event.what {
            What::Dispatched { step, hosts, .. } => {
                for host in hosts {
                    let batch = self.batch_of(*host);
                    self.at_work(batch, *step, at, None);
                }
            }
            What::Finished(finished) => {
                let kind = finished.outcome.kind();
                self.outcomes.insert((finished.host, finished.step), kind);
                let batch = self.batch_of(finished.host);
                self.at_work(batch, finished.step, at, Some(at));
            }
            What::BarrierReached { step, .. } => {
                let asks = matches!(self.spec.step(*step).map(|s| &s.act), Some(Act::Approve(_)));
                let kind = if asks {
                    SpanKind::Question
                } else {
                    SpanKind::Wait
                };
                let name = self.name_of(*step);
                self.ends_still(|kind| kind == SpanKind::Question, at);
                self.stands(kind, step.0, name, at);
            }
            What::Approved { .. } => self.ends_still(|kind| kind == SpanKind::Question, at),
            What::LinePassed { .. } => self.ends_still(
                |kind| matches!(kind, SpanKind::Question | SpanKind::Wait),
                at,
            ),
            What::Soaking { batch, .. } => {
                self.batch = *batch;
                self.stands(SpanKind::Soak, 0, String::new(), at);
            }
            What::BatchOpened { batch } => {
                self.ends_still(|kind| kind == SpanKind::Soak, at);
                self.batch = *batch;
            }
            What::Paused { reason, .. } => self.stands(SpanKind::Pause, 0, reason.clone(), at),
            What::Resumed { .. } => self.ends_still(|kind| kind == SpanKind::Pause, at),
            What::Aborted { .. } | What::Ended { .. } => self.ends_still(|_| true, at),
            What::Stage(event) => self.read_stage(event, at),
            _ => {}
        }
    }

    fn read_stage(&mut self, event: &StageEvent, at: At) {
        match event {
            StageEvent::Started { node, .. }
            | StageEvent::GateStarted { node, .. }
            | StageEvent::Reopened { node, .. } => self.stage(*node, at, None),
            StageEvent::ChildEnded { node, .. } => self.stage(*node, at, Some(at)),
            StageEvent::Asked { stage, .. } => {
                self.batch = u32::try_from(stage.0).unwrap_or(u32::MAX);
                let name = self.spec.stages.as_ref();
                let name = name.and_then(|spec| spec.stages.get(stage.0));
                let name = name.map_or_else(String::new, |stage| stage.name.clone());
                self.stands(SpanKind::Question, 0, name, at);
            }
            StageEvent::Soaking { node, .. } => {
                self.batch = u32::try_from(node.stage.0).unwrap_or(u32::MAX);
                self.stands(SpanKind::Soak, item_of(*node), String::new(), at);
            }
            StageEvent::Done { node } => {
                let of_node = |row: &Row| row.1 == SpanKind::Soak && row.2 == item_of(*node);
                self.ends_rows(of_node, at);
            }
            StageEvent::RollingBack { .. } => self.ends_still(|_| true, at),
            StageEvent::TakenUp { .. } | StageEvent::Skipped { .. } => {}
        }
    }

    /// A stage is at work, or at its end.
    fn stage(&mut self, node: NodeIx, at: At, end: Option<At>) {
        let stage = u32::try_from(node.stage.0).unwrap_or(u32::MAX);
        let row = (stage, SpanKind::Stage, item_of(node), 0);
        if !self.rows.contains_key(&row) {
            let name = self.spec.stages.as_ref().map(|spec| spec.name(node));
            let mut span = self.span(row, name.unwrap_or_default(), at);
            span.batches = (stage + 1, stage + 1);
            self.rows.insert(row, span);
        }
        if let Some(span) = self.rows.get_mut(&row) {
            span.to = end;
        }
    }

    fn batch_of(&self, host: HostIx) -> u32 {
        let after = self.starts.partition_point(|start| *start <= host.0);
        u32::try_from(after.saturating_sub(1)).unwrap_or(u32::MAX)
    }

    fn name_of(&self, step: StepIx) -> String {
        self.spec
            .step(step)
            .map_or_else(String::new, |step| step.name.clone())
    }

    /// Work on a step of a batch, and so on the batch.
    fn at_work(&mut self, batch: u32, step: StepIx, at: At, end: Option<At>) {
        for (kind, place) in [(SpanKind::Batch, 0), (SpanKind::Step, step.0)] {
            let row = (batch / self.group, kind, place, 0);
            let name = || match kind {
                SpanKind::Step => self.name_of(step),
                _ => String::new(),
            };
            if !self.rows.contains_key(&row) {
                let span = self.span(row, name(), at);
                self.rows.insert(row, span);
            }
            if let Some(span) = self.rows.get_mut(&row) {
                span.to = span.to.max(end);
            }
        }
    }

    /// The run stands still from now on.
    fn stands(&mut self, kind: SpanKind, step: u16, name: String, at: At) {
        self.count += 1;
        let row = (self.batch / self.group, kind, step, self.count);
        let span = self.span(row, name, at);
        self.rows.insert(row, span);
        self.still.push(row);
    }

    fn ends_still(&mut self, which: impl Fn(SpanKind) -> bool, at: At) {
        self.ends_rows(|row| which(row.1), at);
    }

    fn ends_rows(&mut self, which: impl Fn(&Row) -> bool, at: At) {
        let rows = &mut self.rows;
        self.still.retain(|row| {
            if !which(row) {
                return true;
            }
            if let Some(span) = rows.get_mut(row) {
                span.to = Some(at);
            }
            false
        });
    }

    fn span(&self, row: Row, name: String, from: At) -> Span {
        let first = row.0.saturating_mul(self.group);
        let batches = u32::try_from(self.starts.len()).unwrap_or(u32::MAX);
        Span {
            kind: row.1,
            name,
            batches: (first + 1, (first + self.group).min(batches.max(1))),
            from,
            to: None,
            outcomes: Vec::new(),
        }
    }

    fn finish(mut self) -> Vec<Span> {
        let mut counts: BTreeMap<Row, BTreeMap<OutcomeKind, u32>> = BTreeMap::new();
        for ((host, step), kind) in &self.outcomes {
            let row = (self.batch_of(*host) / self.group, SpanKind::Step, step.0, 0);
            *counts.entry(row).or_default().entry(*kind).or_default() += 1;
        }
        for (row, counts) in counts {
            if let Some(span) = self.rows.get_mut(&row) {
                span.outcomes = counts.into_iter().collect();
            }
        }
        in_time(self.rows)
    }
}

/// The place of an item among those of its stage.
fn item_of(node: NodeIx) -> u16 {
    u16::try_from(node.item).unwrap_or(u16::MAX)
}

/// Batch by batch, each with what was in it in the order in which it began. What a group of batches
/// stood still for is told by its longest, not each time.
fn in_time(rows: BTreeMap<Row, Span>) -> Vec<Span> {
    const MOST_STILL: usize = 8;
    let mut groups: BTreeMap<u32, Vec<Span>> = BTreeMap::new();
    for (row, span) in rows {
        groups.entry(row.0).or_default().push(span);
    }
    let mut told = Vec::new();
    for (_, group) in groups {
        let (mut work, mut still): (Vec<Span>, Vec<Span>) = group
            .into_iter()
            .partition(|span| span.kind <= SpanKind::Step);
        let length = |span: &Span| span.to.map_or(u64::MAX, |to| to.since(span.from));
        still.sort_by_key(|span| std::cmp::Reverse(length(span)));
        still.truncate(MOST_STILL);
        work.extend(still);
        work.sort_by_key(|span| (span.kind > SpanKind::Batch, span.from, span.kind));
        told.extend(work);
    }
    told.truncate(MOST_SPANS);
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::{EndState, Finished, OutputSum};
    use crate::run::ids::Attempt;
    use crate::run::outcome::Outcome;
    use crate::run::phases::Phases;
    use crate::run::roles::on;
    use crate::run::spec::{Approval, Exec, Step, StepRules};

    fn step(name: &str, act: Act) -> Step {
        Step {
            name: name.to_owned(),
            act,
            timeout: None,
            idempotent: false,
            rules: StepRules::default(),
            part: None,
        }
    }

    fn spec(hosts: usize, batches: Vec<u32>) -> RunSpec {
        let names: Vec<String> = (0..hosts).map(|host| format!("h{host}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut spec = on(&names);
        spec.rollout.batches = batches;
        spec.steps = vec![
            step("install", Act::Exec(Exec::default())),
            step("look", Act::Approve(Approval::default())),
        ];
        spec
    }

    fn began(at: i64, host: u32) -> Event {
        let what = What::Dispatched {
            step: StepIx(0),
            attempt: Attempt(1),
            hosts: vec![HostIx(host)],
        };
        Event { at: At(at), what }
    }

    fn ended(at: i64, host: u32, outcome: Outcome) -> Event {
        let what = What::Finished(Box::new(Finished {
            host: HostIx(host),
            step: StepIx(0),
            attempt: Attempt(1),
            outcome,
            detail: None,
            phases: Phases::default(),
            output: OutputSum::default(),
        }));
        Event { at: At(at), what }
    }

    fn told(spans: &[Span]) -> Vec<(&str, &str, u32, i64, Option<i64>)> {
        spans
            .iter()
            .map(|span| {
                let to = span.to.map(|to| to.0);
                (
                    span.kind.word(),
                    &*span.name,
                    span.batches.0,
                    span.from.0,
                    to,
                )
            })
            .collect()
    }

    #[test]
    fn a_rollout_is_told_batch_by_batch_with_what_it_stood_still_for() {
        let at = |at, what| Event { at: At(at), what };
        let events = [
            began(1, 0),
            ended(5, 0, Outcome::Failed(1)),
            at(
                6,
                What::Paused {
                    by: "conn".into(),
                    reason: "1 failure".into(),
                },
            ),
            at(20, What::Resumed { by: "kim".into() }),
            began(21, 0),
            ended(25, 0, Outcome::Ok),
            at(
                25,
                What::BarrierReached {
                    step: StepIx(1),
                    until: None,
                },
            ),
            at(
                30,
                What::Approved {
                    by: "lee".into(),
                    reason: String::new(),
                    digest: String::new(),
                },
            ),
            at(30, What::LinePassed { step: StepIx(1) }),
            at(
                30,
                What::Soaking {
                    batch: 0,
                    until: At(40),
                },
            ),
            at(40, What::BatchOpened { batch: 1 }),
            began(41, 1),
            began(41, 2),
            ended(44, 1, Outcome::Ok),
            ended(50, 2, Outcome::TimedOut),
            at(
                51,
                What::Ended {
                    state: EndState::Failed,
                },
            ),
        ];
        let spans = spans(&spec(3, vec![1, 2]), &events);
        assert_eq!(
            told(&spans),
            [
                ("batch", "", 1, 1, Some(25)),
                ("step", "install", 1, 1, Some(25)),
                ("pause", "1 failure", 1, 6, Some(20)),
                ("question", "look", 1, 25, Some(30)),
                ("soak", "", 1, 30, Some(40)),
                ("batch", "", 2, 41, Some(50)),
                ("step", "install", 2, 41, Some(50)),
            ]
        );
        assert_eq!(spans[1].outcomes, [(OutcomeKind::Ok, 1)]);
        let second = [(OutcomeKind::Ok, 1), (OutcomeKind::TimedOut, 1)];
        assert_eq!(spans[6].outcomes, second);
    }

    #[test]
    fn a_whole_is_told_stage_by_stage_with_gates_soaks_and_questions() {
        use crate::run::ids::RunId;
        use crate::run::spec::RunKind;
        use crate::run::stages::{
            ChildEnd, Need, NodeSpec, OnStageFailure, StageIx, StageSpec, StagesSpec,
        };
        let stage = |name: &str| StageSpec {
            name: name.to_owned(),
            needs: Need::default(),
            nodes: vec![NodeSpec {
                item: None,
                kind: RunKind::Flow,
                title: String::new(),
                spec: String::new(),
                hosts: 1,
                gate: None,
            }],
            parallel: 1,
            approve: None,
            soak: std::time::Duration::ZERO,
            on_failure: OnStageFailure::Pause,
        };
        let mut spec = on(&[]);
        spec.stages = Some(StagesSpec {
            stages: vec![stage("canary"), stage("rest")],
            reach: Vec::new(),
            parallel: None,
            join: None,
            fail_fast: false,
        });
        let node = |stage| NodeIx {
            stage: StageIx(stage),
            item: 0,
        };
        let (run, end) = (RunId(2), ChildEnd::Ok);
        let events = [
            (1, StageEvent::Started { node: node(0), run }),
            (5, StageEvent::ChildEnded { node: node(0), end }),
            (6, StageEvent::GateStarted { node: node(0), run }),
            (8, StageEvent::ChildEnded { node: node(0), end }),
            (
                8,
                StageEvent::Soaking {
                    node: node(0),
                    until: At(20),
                },
            ),
            (20, StageEvent::Done { node: node(0) }),
            (
                20,
                StageEvent::Asked {
                    stage: StageIx(1),
                    until: None,
                },
            ),
        ];
        let mut events: Vec<Event> = events
            .into_iter()
            .map(|(at, event)| Event {
                at: At(at),
                what: What::Stage(event),
            })
            .collect();
        let yes = What::Approved {
            by: "lee".into(),
            reason: String::new(),
            digest: String::new(),
        };
        events.push(Event {
            at: At(30),
            what: yes,
        });
        let began = StageEvent::Started { node: node(1), run };
        events.push(Event {
            at: At(31),
            what: What::Stage(began),
        });
        assert_eq!(
            told(&spans(&spec, &events)),
            [
                ("stage", "canary", 1, 1, Some(8)),
                ("soak", "", 1, 8, Some(20)),
                ("stage", "rest", 2, 31, None),
                ("question", "rest", 2, 20, Some(30)),
            ]
        );
    }

    #[test]
    fn what_goes_on_has_no_end_and_an_abort_ends_what_it_stood_still_for() {
        let pause = Event {
            at: At(2),
            what: What::Paused {
                by: "kim".into(),
                reason: "look".into(),
            },
        };
        let abort = Event {
            at: At(9),
            what: What::Aborted {
                by: "kim".into(),
                reason: String::new(),
            },
        };
        let spec = spec(1, vec![1]);
        let open = spans(&spec, &[began(1, 0), pause.clone()]);
        assert!(open.iter().all(|span| span.to.is_none()));
        let closed = spans(&spec, &[pause, abort]);
        assert_eq!(closed[0].to, Some(At(9)));
    }

    #[test]
    fn ten_thousand_batches_are_told_in_few_rows_and_no_host_is_lost() {
        let hosts = 10_000;
        let spec = spec(hosts, vec![1; hosts]);
        let mut events = Vec::new();
        for host in 0..u32::try_from(hosts).unwrap() {
            let at = i64::from(host) * 10;
            let pause = What::Paused {
                by: "conn".into(),
                reason: "so".into(),
            };
            let resume = What::Resumed { by: "kim".into() };
            events.extend([
                Event {
                    at: At(at),
                    what: What::BatchOpened { batch: host },
                },
                began(at + 1, host),
                ended(at + 5, host, Outcome::Ok),
                Event {
                    at: At(at + 6),
                    what: pause,
                },
                Event {
                    at: At(at + 7),
                    what: resume,
                },
            ]);
        }
        let spans = spans(&spec, &events);
        assert!(spans.len() < 500, "{}", spans.len());
        let ok: u32 = spans
            .iter()
            .flat_map(|span| &span.outcomes)
            .map(|(_, count)| count)
            .sum();
        assert_eq!(ok, 10_000);
        let batches: Vec<_> = spans
            .iter()
            .filter(|span| span.kind == SpanKind::Batch)
            .collect();
        assert_eq!((batches[0].batches, batches.len()), ((1, 250), 40));
        assert_eq!(batches[39].batches, (9751, 10_000));
    }
}

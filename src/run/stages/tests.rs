//! What holds for any graph of stages, however its runs end, whatever people ask, and wherever the
//! engine dies: histories from seeds, in virtual time.

mod cases;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::run::command::Command;
use crate::run::event::{EndState, Event, What};
use crate::run::ids::{At, HostIx, RunId, StepIx};
use crate::run::line_up::Around;
use crate::run::spec::{Access, Approval, Lease, Rollout, RunKind, RunSpec};
use crate::run::state::Run;

/// A child as the parent sees it: how it ends each time it is at work, and when.
struct Played {
    ends: Vec<ChildEnd>,
    until: At,
    at_work: bool,
    times: usize,
}

struct World {
    now: At,
    run: Run,
    journal: Vec<Event>,
    children: BTreeMap<RunId, Played>,
    gates: BTreeSet<RunId>,
    next: u64,
    chance: u64,
}

impl Around for World {
    fn lease(&self, _: HostIx) -> Option<RunId> {
        None
    }

    fn holds(&self, _: HostIx, _: StepIx) -> bool {
        true
    }

    /// A value that tells the run, and how often it was at work.
    fn registered(&self, run: RunId) -> Registered {
        let child = &self.children[&run];
        let value = format!("{run}.{}", child.times);
        let hosts = vec![format!("h{run}")];
        BTreeMap::from([("value".to_owned(), BTreeMap::from([(value, hosts)]))])
    }

    fn stage_holds(&self, stage: StageIx) -> Result<bool, String> {
        let of: u64 = self
            .used_by(stage)
            .values()
            .flatten()
            .flat_map(OfNode::runs)
            .sum();
        Ok(!of.is_multiple_of(4))
    }

    fn stage_question(&self, stage: StageIx) -> Result<String, String> {
        Ok(format!("{:?}", self.used_by(stage)))
    }

    fn child(&self, run: RunId) -> Option<Child> {
        let child = self.children.get(&run)?;
        Some(if child.at_work {
            Child::Live { paused: None }
        } else {
            let last = child.times.saturating_sub(1).min(child.ends.len() - 1);
            Child::Ended(child.ends[last])
        })
    }
}

fn run_of(spec: StagesSpec) -> Run {
    let spec = RunSpec {
        kind: RunKind::Flow,
        title: "G".to_owned(),
        targets_text: String::new(),
        targets: Vec::new(),
        steps: Vec::new(),
        rollout: Rollout::default(),
        lease: Lease::Shared,
        access: Access::default(),
        flow: None,
        stages: Some(spec),
    };
    Run::new(RunId(1), Arc::new(spec), "kim", At(0))
}

fn stage(name: &str, needs: &[usize], nodes: usize) -> StageSpec {
    let node = |item: usize| NodeSpec {
        item: (nodes > 1).then(|| item.to_string()),
        kind: RunKind::Flow,
        title: name.to_owned(),
        spec: String::new(),
        hosts: 2,
        gate: None,
    };
    StageSpec {
        name: name.to_owned(),
        needs: Need {
            of: needs.iter().copied().map(StageIx).collect(),
            count: needs.len(),
        },
        nodes: (0..nodes).map(node).collect(),
        parallel: 1,
        approve: None,
        soak: Duration::ZERO,
        on_failure: OnStageFailure::Pause,
        late: Late::default(),
    }
}

fn gated(mut stage: StageSpec) -> StageSpec {
    for node in &mut stage.nodes {
        node.gate = Some(GateSpec {
            title: "gate".to_owned(),
            spec: String::new(),
        });
    }
    stage
}

fn flow(stages: Vec<StageSpec>) -> StagesSpec {
    StagesSpec {
        stages,
        reach: Vec::new(),
        parallel: None,
        join: None,
        fail_fast: false,
    }
}

impl OfNode {
    fn runs(&self) -> impl Iterator<Item = u64> {
        let values = self.values.values().flat_map(BTreeMap::keys);
        values.map(|value| value.split('.').next().unwrap().parse().unwrap())
    }
}

impl World {
    /// What a stage is handed now: it must be what the runs before it registered last.
    fn used_by(&self, stage: StageIx) -> BTreeMap<String, Vec<OfNode>> {
        let spec = self.run.spec.stages.as_ref().unwrap();
        let stages = self.run.stages.as_ref().unwrap();
        let uses = &spec.stages[stage.0].late.uses;
        let handed = stages.handed(spec, uses).unwrap();
        for used in uses {
            let of = &handed.0[&spec.stages[used.0].name];
            for (node, of) in stages.of_stage(*used).iter().zip(of) {
                let wanted = node.run.map(|run| self.registered(run));
                // What was left out after it had failed keeps what it registered.
                if node.phase == NodePhase::Done {
                    assert_eq!(Some(&of.values), wanted.as_ref());
                }
            }
        }
        handed.0
    }

    fn new(spec: StagesSpec, seed: u64) -> Self {
        Self {
            now: At(0),
            run: run_of(spec),
            journal: Vec::new(),
            children: BTreeMap::new(),
            gates: BTreeSet::new(),
            next: 2,
            chance: seed,
        }
    }

    /// A number below `below`, from the seed.
    fn dice(&mut self, below: u64) -> u64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.chance;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    fn record(&mut self, what: What) {
        let event = Event { at: self.now, what };
        self.check(&event.what);
        self.run.apply(&event);
        self.journal.push(event);
    }

    /// What must hold at the moment before an event.
    fn check(&self, what: &What) {
        let spec = self.run.spec.stages.as_ref().unwrap();
        let stages = self.run.stages.as_ref().unwrap();
        match what {
            What::Stage(StageEvent::Started { node, .. }) => {
                assert!(self.run.paused.is_none() && self.run.aborted_by.is_none());
                assert!(self.run.ended.is_none());
                let of = &spec.stages[node.stage.0];
                self.used_by(node.stage);
                let judged = stages.judged.contains(&node.stage);
                let begun = stages.of_stage(node.stage);
                let begun = begun.iter().any(|node| node.began.is_some());
                assert!(!of.late.when || judged || begun, "not judged");
                let standings = stages.standings();
                let done = |need: &&StageIx| {
                    matches!(standings[need.0], Standing::Succeeded | Standing::Skipped)
                };
                assert!(of.needs.of.iter().filter(done).count() >= of.needs.count);
                let live = |node: &&Node| node.phase.is_live();
                let in_stage = stages.of_stage(node.stage).iter().filter(live).count();
                assert!(in_stage < stages.tuned.unwrap_or(of.parallel) as usize);
                let most = stages.tuned.or(spec.parallel);
                // A gate that waits for what it uses takes no place.
                let live = stages
                    .nodes()
                    .filter(|(_, node)| node.phase.is_live() && node.phase != NodePhase::AtGate);
                assert!(most.is_none_or(|most| live.count() < most as usize));
                assert!(self.run.abort_after.is_none());
                assert_eq!(stages.node(*node).unwrap().run, None, "started twice");
                let said = stages
                    .approved
                    .iter()
                    .any(|(known, _)| *known == node.stage);
                assert!(of.approve.is_none() || said, "not asked");
            }
            What::Stage(StageEvent::GateStarted { node, .. }) => {
                assert_eq!(stages.node(*node).unwrap().phase, NodePhase::AtGate);
                let looking = self.gates.iter().filter(|run| self.children[run].at_work);
                let mut void = looking.filter(|run| self.is_void(**run));
                assert_eq!(void.next(), None, "an old look goes on beside the new one");
                assert!(self.run.paused.is_none() && self.run.aborted_by.is_none());
            }
            What::Stage(StageEvent::Done { node }) => {
                let phase = stages.node(*node).unwrap().phase;
                if let NodePhase::Soaking(until) = phase {
                    assert!(until <= self.now, "soaked too short");
                } else {
                    assert!(spec.stages[node.stage.0].soak.is_zero());
                }
            }
            What::Ended { .. } => {
                let at_work = self.children.values().any(|child| child.at_work);
                assert!(!at_work, "ended while a run of it is at work");
            }
            _ => {}
        }
    }

    /// Everything that follows by itself now.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            if let Some(event) = self.run.advance(self.now, self) {
                self.record(event.what);
            } else if let Some(start) = self.run.starts(self.now) {
                self.start(start);
            } else {
                return;
            }
        }
        panic!("it never comes to rest: {:#?}", self.run.stages);
    }

    fn start(&mut self, start: Start) {
        let run = RunId(self.next);
        self.next += 1;
        let ends = (0..3)
            .map(|_| match (self.dice(10), start) {
                (0, _) => ChildEnd::Failed,
                (1, _) => ChildEnd::Aborted,
                (2, Start::Gate(_)) => ChildEnd::Inconclusive,
                (2, Start::Work(_)) => ChildEnd::Borne,
                _ => ChildEnd::Ok,
            })
            .collect();
        let until = At(self.now.0 + 1 + i64::try_from(self.dice(5_000)).unwrap());
        let played = Played {
            ends,
            until,
            at_work: true,
            times: 1,
        };
        self.children.insert(run, played);
        let began = match start {
            Start::Work(node) => StageEvent::Started { node, run },
            Start::Gate(node) => StageEvent::GateStarted { node, run },
        };
        self.record(What::Stage(began));
        if matches!(start, Start::Gate(_)) {
            self.gates.insert(run);
        }
    }

    fn ask(&mut self, command: &Command) -> bool {
        let Ok(events) = self.run.decide(command, self.now) else {
            return false;
        };
        for event in events {
            self.record(event.what);
        }
        true
    }

    /// Whether a look at a gate counts for nothing any more: then it is aborted.
    fn is_void(&self, run: RunId) -> bool {
        let stages = self.run.stages.as_ref().unwrap();
        self.gates.contains(&run) && !stages.nodes().any(|(_, node)| node.gate == Some(run))
    }

    fn pass(&mut self, ms: i64) {
        self.now = At(self.now.0 + ms);
        let gates = self.gates.iter().copied();
        let void: Vec<RunId> = gates.filter(|run| self.is_void(*run)).collect();
        for (run, child) in &mut self.children {
            let aborted = self.run.aborted_by.is_some() || void.contains(run);
            if child.at_work && (aborted || child.until <= self.now) {
                child.at_work = false;
                if aborted {
                    child.ends = vec![ChildEnd::Aborted];
                }
            }
        }
    }

    /// The engine dies and reads the journal; the children are where they are.
    fn crash(&mut self) {
        let mut again = Run::new(self.run.id, Arc::clone(&self.run.spec), "kim", At(0));
        for event in &self.journal {
            again.apply(event);
        }
        assert_eq!(format!("{again:?}"), format!("{:?}", self.run));
        self.run = again;
    }

    fn retry(&mut self) {
        let until = At(self.now.0 + 100);
        let bad = self.children.values_mut().find(|child| {
            let last = child.times.saturating_sub(1).min(child.ends.len() - 1);
            !child.at_work && child.ends[last] != ChildEnd::Ok && child.times < 4
        });
        if let Some(child) = bad {
            child.at_work = true;
            child.times += 1;
            child.until = until;
        }
    }

    fn meddle(&mut self) {
        let by = || "kim".to_owned();
        let reason = String::new;
        match self.dice(14) {
            0 => drop(self.ask(&Command::Pause {
                by: by(),
                reason: reason(),
            })),
            1 | 2 => drop(self.ask(&Command::Resume { by: by() })),
            3 if self.dice(8) == 0 => drop(self.ask(&Command::Abort {
                by: by(),
                reason: reason(),
            })),
            4 | 5 => self.retry(),
            6 => {
                let stage = StageIx(usize::try_from(self.dice(6)).unwrap());
                self.ask(&Command::SkipStage { by: by(), stage });
            }
            7 => drop(self.ask(&Command::Approve {
                by: "lee".to_owned(),
                reason: reason(),
            })),
            8 => drop(self.ask(&Command::TakeUp { by: by() })),
            9 => self.crash(),
            11 if self.dice(12) == 0 => drop(self.ask(&Command::AbortAfterBatch {
                by: by(),
                reason: reason(),
            })),
            12 => {
                let concurrency = Some(u32::try_from(1 + self.dice(4)).unwrap());
                self.ask(&Command::Tune {
                    by: by(),
                    concurrency,
                    max_failures: None,
                    batches: None,
                });
            }
            10 if self.dice(8) == 0 && self.run.ended.is_none() => {
                let (by, reason) = (by(), reason());
                self.record(What::Stage(StageEvent::RollingBack { by, reason }));
            }
            _ => {}
        }
    }
}

fn any_stage(index: usize) -> impl Strategy<Value = StageSpec> {
    let needs = prop::collection::btree_set(0..index.max(1), 0..=index.min(3));
    (needs, 0_usize..4, 1_u32..4, 0_u64..3, any::<[bool; 4]>()).prop_map(
        move |(needs, nodes, parallel, soak, [gate, approve, any, abort])| {
            let needs: Vec<usize> = needs.into_iter().filter(|need| *need < index).collect();
            let mut stage = stage(&format!("s{index}"), &needs, nodes);
            if gate {
                stage = gated(stage);
            }
            stage.parallel = parallel;
            stage.soak = Duration::from_secs(soak * 10);
            stage.approve = approve.then(|| Approval {
                expires: Some(Duration::from_mins(1)),
                use_within: any.then(|| Duration::from_secs(30)),
                ..Approval::default()
            });
            if any && !needs.is_empty() {
                stage.needs.count = 1;
            }
            if stage.needs.count == stage.needs.of.len() {
                stage.late = Late {
                    uses: stage.needs.of.clone(),
                    when: gate != approve,
                    question: abort,
                };
            }
            stage.on_failure = if abort {
                OnStageFailure::Abort
            } else {
                OnStageFailure::Pause
            };
            stage
        },
    )
}

fn any_flow() -> impl Strategy<Value = StagesSpec> {
    (0_usize..6).prop_flat_map(|count| {
        (0..=count)
            .map(any_stage)
            .collect::<Vec<_>>()
            .prop_map(flow)
    })
}

fn any_fanout() -> impl Strategy<Value = StagesSpec> {
    (
        1_usize..8,
        1_u32..4,
        any::<bool>(),
        prop::option::of(1_usize..4),
    )
        .prop_map(|(branches, parallel, fail_fast, join)| {
            let branch = |index: usize| StageSpec {
                on_failure: OnStageFailure::GoOn,
                ..stage(&format!("b{index}"), &[], 1)
            };
            StagesSpec {
                reach: Vec::new(),
                stages: (0..branches).map(branch).collect(),
                parallel: Some(parallel),
                join: join.map(|join| join.min(branches)),
                fail_fast,
            }
        })
}

/// A history with people and crashes; then everybody lets it go on, and it must come to an end.
fn play(spec: StagesSpec, seed: u64) {
    let mut world = World::new(spec, seed);
    world.settle();
    for _ in 0..120 {
        world.meddle();
        world.settle();
        let ms = i64::try_from(world.dice(20_000)).unwrap();
        world.pass(ms);
        world.settle();
    }
    for _ in 0..400 {
        if world.run.ended.is_some() {
            break;
        }
        let by = "kim".to_owned();
        world.ask(&Command::Resume { by });
        world.ask(&Command::Approve {
            by: "lee".to_owned(),
            reason: String::new(),
        });
        world.settle();
        world.pass(30_000);
        world.settle();
    }
    world.crash();
    let Some((end, _)) = world.run.ended else {
        panic!("it never ended: {:#?}", world.run.stages);
    };
    let spec = world.run.spec.stages.clone().unwrap();
    let stages = world.run.stages.as_ref().unwrap();
    assert!(stages.nodes().all(|(_, node)| node.phase.is_over()));
    if end == EndState::Succeeded && spec.join.is_none() {
        let well = |run: &RunId| world.child(*run) == Some(Child::Ended(ChildEnd::Ok));
        let runs = stages.nodes().filter_map(|(_, node)| node.run);
        for run in runs {
            let skipped = stages
                .nodes()
                .any(|(_, node)| node.run == Some(run) && node.phase == NodePhase::Skipped);
            assert!(well(&run) || skipped, "a false success");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever happens, each node begins once, after what it needs, in its place, and it ends.
    #[test]
    fn any_multi_flow_keeps_its_rules_and_comes_to_an_end(spec in any_flow(), seed: u64) {
        play(spec, seed);
    }

    #[test]
    fn any_fanout_keeps_its_rules_and_comes_to_an_end(spec in any_fanout(), seed: u64) {
        play(spec, seed);
    }
}

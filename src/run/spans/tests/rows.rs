//! Rows of reports: a few of them, and nothing that is lost.

use crate::run::event::{Cut, EndState, Event, Finished, OutputSum, What};
use crate::run::ids::{At, Attempt, HostIx, StepIx};
use crate::run::outcome::{Outcome, OutcomeKind};
use crate::run::phases::Phases;
use crate::run::roles::on;
use crate::run::spans::{Span, SpanKind, rows};
use crate::run::spec::{Act, Approval, Exec, RunSpec, Step, StepRules};
use crate::run::stages::{NodeIx, StageEvent};

/// The rows of a run whose batches stayed as they were.
fn spans(spec: &RunSpec, events: &[Event]) -> Vec<Span> {
    rows(spec, &spec.rollout.cuts(), events)
}

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
        unbegun: false,
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
        late: crate::run::stages::Late::default(),
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
    let run = RunId(2);
    let ended = || StageEvent::ChildEnded {
        node: node(0),
        end: ChildEnd::Ok,
        registered: crate::run::stages::Gathered::default(),
    };
    let events = [
        (1, StageEvent::Started { node: node(0), run }),
        (5, ended()),
        (6, StageEvent::GateStarted { node: node(0), run }),
        (8, ended()),
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
                text: None,
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

#[test]
fn batches_that_were_cut_anew_are_told_as_they_were_worked_on() {
    let spec = spec(6, vec![1, 1, 1, 1, 1, 1]);
    let mut events = vec![began(1, 0), ended(2, 0, Outcome::Ok)];
    let cut = |hosts| Cut {
        hosts,
        failures: None,
    };
    let cuts = [cut(1), cut(2), cut(3)];
    for (at, batch, hosts) in [(10, 1, 1..3), (20, 2, 3..6)] {
        let what = What::BatchOpened { batch };
        events.push(Event { at: At(at), what });
        for host in hosts {
            events.push(began(at, host));
            events.push(ended(at + 5, host, Outcome::Ok));
        }
    }
    assert_eq!(
        told(&rows(&spec, &cuts, &events)),
        [
            ("batch", "", 1, 1, Some(2)),
            ("step", "install", 1, 1, Some(2)),
            ("batch", "", 2, 10, Some(15)),
            ("step", "install", 2, 10, Some(15)),
            ("batch", "", 3, 20, Some(25)),
            ("step", "install", 3, 20, Some(25)),
        ]
    );
}

#[test]
fn a_gate_is_told_as_one_and_what_a_person_settled_counts() {
    let mut spec = spec(1, vec![1]);
    spec.steps[0].rules.gate = Some(Vec::new());
    let settled = What::Settled {
        by: "kim".into(),
        host: HostIx(0),
        outcome: Outcome::Ok,
    };
    let mut events = vec![began(1, 0), ended(2, 0, Outcome::InDoubt)];
    let doubtful = spans(&spec, &events);
    assert_eq!(doubtful[1].outcomes, [(OutcomeKind::InDoubt, 1)]);
    events.push(Event {
        at: At(9),
        what: settled,
    });
    let known = spans(&spec, &events);
    assert_eq!(told(&known)[1], ("gate", "install", 1, 1, Some(2)));
    assert_eq!(known[1].outcomes, [(OutcomeKind::Ok, 1)]);
}

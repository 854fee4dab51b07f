//! Stretches begin and end where the events say.

use super::*;
use crate::run::event::{EndState, Finished, OutputSum};
use crate::run::ids::{Attempt, HostIx};
use crate::run::outcome::Outcome;
use crate::run::spec::Approval;
use crate::run::tests::spec_of;

fn spec() -> RunSpec {
    let mut spec = (*spec_of(4)).clone();
    let mut ask = spec.steps[0].clone();
    ask.name = "confirm".into();
    ask.act = Act::Approve(Approval::default());
    let mut gate = spec.steps[0].clone();
    gate.name = "gate".into();
    gate.rules.gate = Some(Vec::new());
    spec.steps.extend([ask, gate]);
    spec
}

fn sent(step: u16) -> What {
    What::Dispatched {
        step: StepIx(step),
        attempt: Attempt(1),
        hosts: vec![HostIx(0)],
    }
}

fn failed() -> What {
    What::Finished(Box::new(Finished {
        host: HostIx(0),
        step: StepIx(0),
        attempt: Attempt(1),
        outcome: Outcome::Failed(1),
        detail: None,
        phases: crate::run::phases::Phases::default(),
        output: OutputSum::default(),
    }))
}

fn told(events: Vec<(i64, What)>) -> Vec<String> {
    let spec = spec();
    let mut gantt = Gantt::new(&spec);
    for (at, what) in events {
        gantt.apply(&spec, &Event { at: At(at), what });
    }
    let told = gantt.spans().iter().map(|span| {
        let until = span
            .until
            .map_or("…".to_owned(), |until| until.0.to_string());
        let (what, from, batch) = (span.what, span.from.0, span.batch);
        format!("{what:?} {batch} {from}-{until} {}", span.failed)
    });
    told.collect()
}

fn created() -> What {
    What::Created {
        spec: String::new(),
        starter: "kim".into(),
        origin: None,
        parent: None,
    }
}

#[test]
fn a_batch_its_question_its_gate_and_its_soak_follow_each_other() {
    let confirm = What::BarrierReached {
        step: StepIx(1),
        until: None,
    };
    let yes = What::Approved {
        by: "lee".into(),
        reason: String::new(),
        digest: String::new(),
    };
    let soak = What::Soaking {
        batch: 0,
        until: At(90),
    };
    let ended = What::Ended {
        state: EndState::Failed,
    };
    let spans = told(vec![
        (0, created()),
        (1, sent(0)),
        (10, failed()),
        (20, confirm),
        (40, yes),
        (41, What::LinePassed { step: StepIx(1) }),
        (42, sent(2)),
        (50, soak),
        (90, What::BatchOpened { batch: 1 }),
        (91, sent(0)),
        (99, ended),
    ]);
    assert_eq!(
        spans,
        [
            "Work 0 0-42 1",
            "Question 0 20-40 0",
            "Gate 0 42-50 0",
            "Soak 0 50-90 0",
            "Work 1 90-99 0",
        ]
    );
}

#[test]
fn a_pause_lasts_until_somebody_resumes() {
    let paused = |reason: &str| What::Paused {
        by: "kim".into(),
        reason: reason.into(),
    };
    let resumed = What::Resumed { by: "kim".into() };
    let spans = told(vec![
        (0, created()),
        (5, paused("look")),
        (9, resumed),
        (12, paused("again")),
    ]);
    assert_eq!(spans, ["Work 0 0-… 0", "Pause 0 5-9 0", "Pause 0 12-… 0"]);
}

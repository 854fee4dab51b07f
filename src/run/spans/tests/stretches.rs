//! Stretches begin and end where the events say.

use crate::run::event::{Cut, EndState, Event, Finished, OutputSum, What};
use crate::run::ids::{At, Attempt, HostIx, StepIx};
use crate::run::outcome::Outcome;
use crate::run::spans::Stretches;
use crate::run::spec::{Act, Approval, RunSpec};
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
    spec.rollout.batches = vec![1, 2, 1];
    spec
}

fn sent(step: u16) -> What {
    sent_to(step, 0)
}

fn sent_to(step: u16, host: u32) -> What {
    What::Dispatched {
        step: StepIx(step),
        attempt: Attempt(1),
        hosts: vec![HostIx(host)],
    }
}

fn failed() -> What {
    failed_on(0)
}

fn failed_on(host: u32) -> What {
    What::Finished(Box::new(Finished {
        host: HostIx(host),
        step: StepIx(0),
        attempt: Attempt(1),
        outcome: Outcome::Failed(1),
        detail: None,
        phases: crate::run::phases::Phases::default(),
        output: OutputSum::default(),
        unbegun: false,
    }))
}

fn told(events: Vec<(i64, What)>) -> Vec<String> {
    let spec = spec();
    let mut stretches = Stretches::default();
    for (at, what) in events {
        stretches.apply(&spec, &Event { at: At(at), what });
    }
    let told = stretches.spans().iter().map(|span| {
        let to = span.to.map_or("…".to_owned(), |to| to.0.to_string());
        let (kind, from, batch) = (span.kind, span.from.0, span.batches.0);
        format!("{kind:?} {batch} {from}-{to} {}", span.failed)
    });
    told.collect()
}

fn created() -> What {
    What::Created {
        spec: String::new(),
        starter: "kim".into(),
        origin: None,
        parent: None,
        handed: None,
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
        (91, sent_to(0, 1)),
        (99, ended),
    ]);
    assert_eq!(
        spans,
        [
            "Batch 1 0-42 1",
            "Question 1 20-40 0",
            "Gate 1 42-50 0",
            "Soak 1 50-90 0",
            "Batch 2 90-99 0",
        ]
    );
}

#[test]
fn hosts_of_an_earlier_batch_that_are_tried_again_are_told_under_that_batch() {
    let spans = told(vec![
        (0, created()),
        (1, sent(0)),
        (9, failed()),
        (10, What::BatchOpened { batch: 1 }),
        (11, sent_to(0, 1)),
        (20, sent(0)),
        (30, failed()),
        (40, sent(0)),
        (41, failed_on(1)),
        (50, failed()),
    ]);
    assert_eq!(
        spans,
        ["Batch 1 0-10 1", "Batch 2 10-… 1", "Batch 1 20-50 2"]
    );
}

#[test]
fn a_host_is_in_the_batch_that_it_was_cut_into_last() {
    let cut = |hosts| Cut {
        hosts,
        failures: None,
    };
    let tuned = What::Tuned {
        by: "kim".into(),
        concurrency: None,
        max_failures: None,
        batches: Some(vec![cut(1), cut(1), cut(1)]),
    };
    let spans = told(vec![
        (0, created()),
        (1, tuned),
        (10, What::BatchOpened { batch: 2 }),
        (20, sent_to(0, 1)),
        (30, failed_on(1)),
    ]);
    assert_eq!(
        spans,
        ["Batch 1 0-10 0", "Batch 3 10-… 0", "Batch 2 20-30 1"]
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
    assert_eq!(spans, ["Batch 1 0-… 0", "Pause 1 5-9 0", "Pause 1 12-… 0"]);
}

#[test]
fn a_run_that_stands_still_with_its_parent_is_paused() {
    let spans = told(vec![
        (0, created()),
        (
            5,
            What::ParentPaused {
                by: "kim".into(),
                reason: "run 3".into(),
            },
        ),
        (9, What::ParentResumed),
    ]);
    assert_eq!(spans, ["Batch 1 0-… 0", "Pause 1 5-9 0"]);
}

#[test]
fn what_is_undone_after_the_end_is_work_that_waits_for_nobody() {
    let back = What::RollingBack {
        by: "kim".into(),
        reason: String::new(),
        hosts: Vec::new(),
    };
    let paused = What::Paused {
        by: "conn".into(),
        reason: "1 failure".into(),
    };
    let ended = What::Ended {
        state: EndState::Failed,
    };
    let spans = told(vec![
        (0, created()),
        (1, sent(0)),
        (4, ended),
        (5, paused),
        (7, back),
        (8, sent(0)),
    ]);
    assert_eq!(spans, ["Batch 1 0-4 0", "Pause 1 5-7 0", "Batch 1 8-… 0"]);
}

#[test]
fn a_question_is_over_when_it_is_asked_anew() {
    let asks = || What::BarrierReached {
        step: StepIx(1),
        until: Some(At(60)),
    };
    let spec = spec();
    let mut stretches = Stretches::default();
    for (at, what) in [(0, created()), (20, asks()), (70, asks())] {
        stretches.apply(&spec, &Event { at: At(at), what });
    }
    let asked: Vec<_> = stretches.spans()[1..]
        .iter()
        .map(|span| (span.name.as_str(), span.from.0, span.to, span.due))
        .collect();
    let due = Some(At(60));
    assert_eq!(
        asked,
        [
            ("confirm", 20, Some(At(70)), due),
            ("confirm", 70, None, due)
        ]
    );
}

#[test]
fn work_ends_with_its_run_however_often_it_was_paused() {
    let paused = |reason: u32| What::Paused {
        by: "kim".into(),
        reason: reason.to_string(),
    };
    let mut events = vec![(0, created())];
    events.extend((0..20).map(|time| (10 + i64::from(time), paused(time))));
    let state = EndState::Succeeded;
    events.push((99, What::Ended { state }));
    let spans = told(events);
    assert_eq!(spans[0], "Batch 1 0-99 0");
    assert_eq!(spans[20], "Pause 1 29-99 0");
}

//! A run that is part of another stands as that one does, save where it must not.

use super::{
    Arc, Attempt, Bench, Finished, HostIx, OutcomeKind, OutputSum, Phase, Phases, RunSpec, spec,
    spec_of,
};
use crate::run::command::Command;
use crate::run::event::{EndState, Event, What};
use crate::run::family::Parent;
use crate::run::ids::{At, RunId, StepIx};
use crate::run::outcome::Outcome;
use crate::run::spec::RunKind;
use crate::run::stages::{
    Need, NodeIx, NodeSpec, OnStageFailure, StageEvent, StageIx, StageSpec, StagesSpec,
};
use crate::run::state::Run;

fn parent(whats: impl IntoIterator<Item = (i64, What)>) -> Run {
    let mut run = Run::new(RunId(9), spec_of(1), "kim", At(0));
    for (at, what) in whats {
        run.apply(&Event { at: At(at), what });
    }
    run
}

fn paused() -> What {
    What::Paused {
        by: "conn".to_owned(),
        reason: "too much failed".to_owned(),
    }
}

fn dispatched() -> What {
    What::Dispatched {
        step: StepIx(0),
        attempt: Attempt(1),
        hosts: vec![HostIx(0)],
    }
}

#[test]
fn a_host_that_is_parked_after_an_abort_has_ended_and_lacks_nothing() {
    let lacks = |host| What::Parked {
        host: HostIx(host),
        why: "the secret token was typed".to_owned(),
    };
    let lacking = What::SecretLacking {
        secret: "token".to_owned(),
    };
    let aborted = What::Aborted {
        by: "kim".to_owned(),
        reason: String::new(),
    };
    let mut run = parent([(1, dispatched()), (2, lacking), (3, lacks(0))]);
    assert!(run.lacks_secret.is_some());
    run.apply(&Event {
        at: At(4),
        what: aborted.clone(),
    });
    assert_eq!(run.lacks_secret, None);
    let run = parent([(1, dispatched()), (2, aborted), (3, lacks(0))]);
    let phase = run.host(HostIx(0)).unwrap().phase;
    assert_eq!(phase, Phase::Done(OutcomeKind::NotStarted));
}

#[test]
fn what_never_began_is_not_undone() {
    for unbegun in [true, false] {
        let mut spec = spec(1, 2, vec![1], true);
        let mut undo = spec.steps[0].clone();
        undo.rules.undoes = Some(StepIx(0));
        spec.steps.push(undo);
        let mut run = Run::new(RunId(9), Arc::new(spec), "kim", At(0));
        let mut apply = |what| {
            run.apply(&Event { at: At(1), what });
        };
        apply(dispatched());
        apply(What::Finished(Box::new(Finished {
            host: HostIx(0),
            step: StepIx(0),
            attempt: Attempt(1),
            outcome: Outcome::Failed(65),
            detail: None,
            phases: Phases::default(),
            output: OutputSum::default(),
            unbegun,
        })));
        let back = Command::Rollback {
            by: "kim".to_owned(),
            reason: String::new(),
            hosts: Vec::new(),
            with_whole: false,
        };
        let undone = run.decide(&back, At(2)).is_ok();
        assert_eq!(undone, !unbegun);
    }
}

#[test]
fn undoing_does_not_wait_for_a_whole_that_was_paused_before_and_does_for_one_that_is_then() {
    let mut spec = spec(2, 2, vec![2], true);
    let mut undo = spec.steps[0].clone();
    undo.act = spec.steps[1].act.clone();
    undo.rules.undoes = Some(StepIx(0));
    spec.steps.push(undo);
    let mut part = Bench::new(spec);
    part.go_on();
    part.finish_all(&Outcome::Ok);
    part.now = 10;
    let back = Command::Rollback {
        by: "kim".to_owned(),
        reason: String::new(),
        hosts: Vec::new(),
        with_whole: false,
    };
    part.ask(&back).unwrap();
    assert_eq!(part.run.follow(&parent([(5, paused())]), At(11)), None);
    let followed = part.run.follow(&parent([(20, paused())]), At(21)).unwrap();
    assert!(matches!(followed.what, What::ParentPaused { .. }));
}

#[test]
fn a_whole_that_was_aborted_and_is_over_aborts_no_part_that_is_taken_up_again() {
    let aborted = What::Aborted {
        by: "kim".to_owned(),
        reason: String::new(),
    };
    let over = What::Ended {
        state: EndState::Aborted,
    };
    let part = Run::new(RunId(1), spec_of(1), "kim", At(0));
    let followed = part.follow(&parent([(1, aborted.clone())]), At(2)).unwrap();
    assert!(matches!(followed.what, What::Aborted { .. }));
    let whole = parent([(1, aborted), (2, over)]);
    assert_eq!(part.follow(&whole, At(3)), None);
}

#[test]
fn a_look_at_work_that_was_taken_up_again_is_aborted() {
    let node = NodeIx {
        stage: StageIx(0),
        item: 0,
    };
    let event = |run: &mut Run, event| {
        let what = What::Stage(event);
        run.apply(&Event { at: At(1), what });
    };
    let mut whole = Run::new(RunId(9), whole(), "kim", At(0));
    let work = RunId(10);
    event(&mut whole, StageEvent::Started { node, run: work });
    let mut gate = Run::new(RunId(11), spec_of(1), "kim", At(0));
    gate.parent = Some(Parent {
        run: RunId(9),
        node,
        gate: true,
    });
    let run = gate.id;
    event(&mut whole, StageEvent::GateStarted { node, run });
    assert_eq!(gate.follow(&whole, At(2)), None);
    event(&mut whole, StageEvent::Reopened { node, gate: false });
    let followed = gate.follow(&whole, At(2)).unwrap();
    assert!(matches!(followed.what, What::Aborted { .. }));
}

#[test]
fn a_part_ends_after_its_batch_when_its_whole_shall_and_in_its_last_one_by_itself() {
    let whole = parent([(
        1,
        What::AbortAfterBatch {
            by: "kim".to_owned(),
            reason: String::new(),
        },
    )]);
    let of = |batches: Vec<u32>| {
        let spec = Arc::new(spec(4, 4, batches, true));
        Run::new(RunId(10), spec, "kim", At(0))
    };
    let mut part = of(vec![2, 2]);
    let followed = part.follow(&whole, At(2)).unwrap();
    assert!(matches!(followed.what, What::AbortAfterBatch { .. }));
    part.apply(&followed);
    assert_eq!(part.follow(&whole, At(3)), None);
    assert_eq!(of(vec![4]).follow(&whole, At(2)), None);
}

fn whole() -> Arc<RunSpec> {
    let node = NodeSpec {
        item: None,
        kind: RunKind::Flow,
        title: String::new(),
        spec: String::new(),
        hosts: 1,
        gate: None,
    };
    let stage = StageSpec {
        name: "only".to_owned(),
        needs: Need::default(),
        nodes: vec![node],
        parallel: 1,
        approve: None,
        soak: std::time::Duration::ZERO,
        on_failure: OnStageFailure::Pause,
        late: crate::run::stages::Late::default(),
    };
    let mut spec = spec(0, 1, Vec::new(), false);
    spec.stages = Some(StagesSpec {
        stages: vec![stage],
        reach: Vec::new(),
        parallel: None,
        join: None,
        fail_fast: false,
    });
    Arc::new(spec)
}

#[test]
fn a_part_that_stands_with_its_whole_can_be_paused_for_itself_and_then_stays() {
    let mut part = Bench::new(spec(2, 1, vec![2], true));
    part.go_on();
    part.run
        .apply(&part.run.follow(&parent([(5, paused())]), At(6)).unwrap());
    let pause = Command::Pause {
        by: "ana".to_owned(),
        reason: "not this one".to_owned(),
    };
    part.ask(&pause).unwrap();
    assert!(part.ask(&pause).is_err(), "it is paused already");
    assert_eq!(part.run.follow(&parent([]), At(8)), None);
}

//! A run that is part of another stands as that one does, save where it must not.

use super::{Bench, spec, spec_of};
use crate::run::command::Command;
use crate::run::event::{EndState, Event, What};
use crate::run::ids::{At, RunId, StepIx};
use crate::run::outcome::Outcome;
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

//! What became of each step is told as it was.

use super::*;
use crate::run::event::{Finished, OutputSum};
use crate::run::ids::{Attempt, RunId};
use crate::run::outcome::Outcome;
use crate::run::spec::{Act, OnFailure, RunSpec};
use crate::run::tests::spec_of;
use std::sync::Arc;
use std::time::Duration;

/// Three commands, a wait between the second and the third; the first may fail.
fn spec() -> Arc<RunSpec> {
    let mut spec = (*spec_of(4)).clone();
    let step = spec.steps.remove(0);
    for name in ["one", "two", "wait", "three"] {
        let mut step = step.clone();
        name.clone_into(&mut step.name);
        if name == "wait" {
            step.act = Act::Wait(Duration::from_secs(5));
        }
        if name == "one" {
            step.rules.on_failure = OnFailure::Continue;
        }
        spec.steps.push(step);
    }
    Arc::new(spec)
}

struct Bench {
    run: Run,
    matrix: Matrix,
    now: i64,
}

impl Bench {
    fn new() -> Self {
        Self::of(spec())
    }

    fn of(spec: Arc<RunSpec>) -> Self {
        Self {
            matrix: Matrix::new(spec.targets.len(), spec.steps.len()),
            run: Run::new(RunId(1), spec, "kim", At(0)),
            now: 0,
        }
    }

    fn take(&mut self, what: What) {
        self.now += 1000;
        let event = Event {
            at: At(self.now),
            what,
        };
        self.matrix.apply(&event);
        self.run.apply(&event);
    }

    fn goes(&mut self, step: u16, hosts: &[u32], outcome: &Outcome) {
        self.starts(step, hosts);
        for host in hosts {
            self.take(What::Finished(Box::new(Finished {
                host: HostIx(*host),
                step: StepIx(step),
                attempt: Attempt(1),
                outcome: outcome.clone(),
                detail: None,
                phases: crate::run::phases::Phases::default(),
                output: OutputSum::default(),
                unbegun: false,
            })));
        }
    }

    fn starts(&mut self, step: u16, hosts: &[u32]) {
        self.take(What::Dispatched {
            step: StepIx(step),
            attempt: Attempt(1),
            hosts: hosts.iter().copied().map(HostIx).collect(),
        });
    }

    fn row(&self, host: u32) -> String {
        let steps = (0..4).map(StepIx);
        steps
            .map(|step| self.matrix.sign(&self.run, HostIx(host), step).letter())
            .collect()
    }
}

#[test]
fn a_failure_that_was_gone_past_is_still_seen() {
    let mut bench = Bench::new();
    bench.goes(0, &[0], &Outcome::Failed(3));
    bench.goes(0, &[1, 2, 3], &Outcome::Ok);
    bench.starts(1, &[0, 1]);
    assert_eq!(bench.row(0), "X>..");
    assert_eq!(bench.row(1), "+>..");
    assert_eq!(bench.row(2), "+...");
    bench.goes(1, &[2], &Outcome::Failed(1));
    assert_eq!(bench.row(2), "+Xoo");
}

#[test]
fn what_is_tried_again_is_open_again() {
    let mut bench = Bench::new();
    bench.goes(0, &[0, 1, 2, 3], &Outcome::Ok);
    bench.goes(1, &[0], &Outcome::Unreachable);
    assert_eq!(bench.row(0), "+!oo");
    bench.take(What::Retried {
        by: "kim".into(),
        hosts: vec![HostIx(0)],
    });
    assert_eq!(bench.row(0), "+...");
    bench.starts(1, &[0]);
    assert_eq!(bench.row(0), "+>..");
    bench.goes(1, &[0], &Outcome::Ok);
    assert_eq!(bench.row(0), "++..");
}

#[test]
fn steps_whose_condition_did_not_hold_and_hosts_in_doubt_are_told_apart() {
    let mut bench = Bench::new();
    bench.goes(0, &[0, 1, 2, 3], &Outcome::Ok);
    bench.take(What::Passed {
        step: StepIx(1),
        hosts: vec![HostIx(0)],
    });
    assert_eq!(&bench.row(0)[..2], "+-");
    bench.goes(1, &[1], &Outcome::InDoubt);
    assert_eq!(bench.row(1), "+?oo");
    bench.take(What::Settled {
        by: "kim".into(),
        host: HostIx(1),
        outcome: Outcome::Failed(1),
    });
    assert_eq!(&bench.row(1)[..2], "+X");
}

#[test]
fn the_counts_are_those_of_the_cells_and_the_median_is_of_what_went_well() {
    let mut bench = Bench::new();
    bench.goes(0, &[0, 1, 2], &Outcome::Ok);
    bench.goes(0, &[3], &Outcome::Failed(1));
    bench.goes(1, &[0], &Outcome::Failed(1));
    bench.starts(1, &[1]);
    let counts = bench.matrix.counts(&bench.run);
    let told: Vec<[u32; 5]> = counts
        .iter()
        .map(|count| {
            [
                count.waiting,
                count.running,
                count.ok,
                count.failed,
                count.left_out,
            ]
        })
        .collect();
    assert_eq!(told[0], [0, 0, 3, 1, 0]);
    assert_eq!(told[1], [2, 1, 0, 1, 0]);
    assert_eq!(told[3], [3, 0, 0, 0, 1]);
    assert_eq!(counts[0].median, Some(2.0));
    assert_eq!(counts[1].median, None);
    for (step, row) in told.iter().enumerate() {
        assert_eq!(row.iter().sum::<u32>(), 4, "step {step}");
    }
}

#[test]
fn a_step_that_a_rollback_turned_back_before_is_not_told_as_done() {
    let mut spec = (*spec()).clone();
    spec.steps.remove(2);
    spec.steps[0].rules.on_failure = OnFailure::SkipHost;
    let mut undo = spec.steps[0].clone();
    undo.rules.undoes = Some(StepIx(0));
    spec.steps.push(undo);
    let mut bench = Bench::of(Arc::new(spec));
    bench.goes(0, &[0, 1], &Outcome::Ok);
    bench.goes(1, &[0], &Outcome::Failed(1));
    bench.take(What::RollingBack {
        by: "kim".into(),
        reason: String::new(),
        hosts: Vec::new(),
    });
    bench.goes(3, &[0, 1], &Outcome::Ok);
    assert_eq!(bench.row(0), "+Xo+");
    assert_eq!(bench.row(1), "+oo+");
}

//! What becomes of failures: gone on after, forgiven, retried, found after a crash.

use super::*;
use crate::run::spec::OnFailure;

/// A push, a command and a gate, batch by batch.
fn gated(batches: Vec<u32>) -> RunSpec {
    let mut spec = spec(batches.iter().sum(), 9, batches, false);
    let mut gate = spec.steps[1].clone();
    gate.rules.gate = Some(Vec::new());
    spec.steps.push(gate);
    spec
}

#[test]
fn a_batch_that_failed_before_its_gate_stops_the_rollout_without_any_limit() {
    let mut bench = Bench::new(gated(vec![2, 2]));
    bench.go_on();
    bench.finish_all(&Outcome::Failed(1));
    bench.go_on();
    let pause = bench.run.paused.clone().expect("it waits for a person");
    assert_eq!(
        pause.reason,
        "no host of batch 1 came to its gate: all of them failed"
    );
    let by = "kim".to_owned();
    bench.ask(&Command::Resume { by }).unwrap();
    bench.go_on();
    assert_eq!(bench.run.batch, 1, "a person may go on all the same");
    let mut one = Bench::new(gated(vec![2]));
    one.go_on();
    one.finish_all(&Outcome::Failed(1));
    one.go_on();
    assert!(one.run.ended.is_some(), "there is nobody to go on with");
}

#[test]
fn a_crash_takes_no_abort_back() {
    let mut bench = Bench::new(spec(1, 1, vec![1], false));
    bench.go_on();
    let (by, reason) = ("kim".to_owned(), String::new());
    bench.ask(&Command::Abort { by, reason }).unwrap();
    for event in bench.run.recover(At(9)).concat() {
        bench.run.apply(&event);
    }
    assert!(
        bench.run.aborted_by.is_some(),
        "a push is no reason to go on"
    );
    bench.go_on();
    assert!(bench.run.ended.is_some());
}

/// Steps of which the first may fail without holding its host up; the others are durable or not.
fn bearing(durable: bool) -> RunSpec {
    let mut spec = spec(1, 1, vec![1], durable);
    let mut exec = spec.steps[1].clone();
    exec.rules.on_failure = OnFailure::Continue;
    exec.idempotent = true;
    spec.steps[0] = exec;
    spec.steps[1].idempotent = true;
    spec
}

fn retry() -> Command {
    Command::Retry {
        by: "kim".to_owned(),
        only: Vec::new(),
        hosts: Vec::new(),
    }
}

#[test]
fn a_crash_makes_no_success_of_a_failure_that_was_gone_on_after() {
    let mut bench = Bench::new(bearing(false));
    bench.go_on();
    bench.finish(0, Outcome::Failed(3));
    bench.busy.clear();
    for event in bench.run.recover(At(9)).concat() {
        bench.commit(event);
    }
    bench.go_on();
    bench.finish_all(&Outcome::Ok);
    assert_eq!(bench.run.tally.ended(OutcomeKind::Failed), 1);
    assert_eq!(bench.run.outcome(HostIx(0)), Some(Outcome::Failed(3)));
}

#[test]
fn a_host_that_failed_and_went_on_is_retried_where_it_failed() {
    let mut bench = Bench::new(bearing(true));
    bench.go_on();
    bench.finish(0, Outcome::Failed(3));
    bench.finish_all(&Outcome::Ok);
    assert_eq!(bench.run.outcome(HostIx(0)), Some(Outcome::Failed(3)));
    bench.ask(&retry()).unwrap();
    assert_eq!(bench.busy, [(HostIx(0), StepIx(0), Attempt(1))]);
    bench.finish_all(&Outcome::Ok);
    assert_eq!(bench.run.outcome(HostIx(0)), Some(Outcome::Ok));
}

#[test]
fn a_host_that_failed_for_good_is_retried_there_and_keeps_what_it_went_on_after() {
    let mut bench = Bench::new(bearing(true));
    bench.go_on();
    bench.finish(0, Outcome::Failed(3));
    bench.finish(0, Outcome::Failed(4));
    assert_eq!(bench.run.outcome(HostIx(0)), Some(Outcome::Failed(4)));
    bench.ask(&retry()).unwrap();
    assert_eq!(bench.busy, [(HostIx(0), StepIx(1), Attempt(2))]);
    bench.finish_all(&Outcome::Ok);
    assert_eq!(bench.run.outcome(HostIx(0)), Some(Outcome::Failed(3)));
}

#[test]
fn failures_that_are_gone_make_no_room_for_others() {
    let mut spec = spec(6, 2, vec![2, 4], false);
    spec.rollout.max_failures = Some(0);
    let mut bench = Bench::new(spec);
    bench.go_on();
    bench.finish_all(&Outcome::InDoubt);
    assert!(bench.run.paused.is_some());
    let resume = Command::Resume {
        by: "kim".to_owned(),
    };
    bench.ask(&resume).unwrap();
    for host in [0, 1].map(HostIx) {
        let settle = Command::Settle {
            by: "kim".to_owned(),
            host,
            verdict: Verdict::Ok,
        };
        for event in bench.run.decide(&settle, At(1)).unwrap() {
            bench.commit(event);
        }
    }
    bench.go_on();
    bench.finish(0, Outcome::Failed(1));
    assert!(
        bench.run.paused.is_some(),
        "no failure is forgiven that is not there"
    );
}

#[test]
fn hosts_of_a_later_batch_that_are_left_out_end_no_batch_that_is_open() {
    let mut bench = Bench::new(spec(4, 2, vec![2, 2], false));
    bench.go_on();
    bench.finish(0, Outcome::Failed(1));
    bench.finish(0, Outcome::Ok);
    assert!(!bench.run.is_batch_over());
    let skip = Command::Skip {
        by: "kim".to_owned(),
        hosts: vec![HostIx(2), HostIx(3)],
    };
    bench.ask(&skip).unwrap();
    assert!(!bench.run.is_batch_over());
    bench.finish_all(&Outcome::Ok);
    assert!(bench.run.is_batch_over());
}

#[test]
fn what_an_engine_lost_is_recorded_in_pieces_that_can_be_written() {
    let hosts = 2_500;
    let mut spec = spec(hosts, hosts, vec![hosts], false);
    for step in &mut spec.steps {
        step.act = spec_of(1).steps[0].act.clone();
    }
    spec.steps[0].idempotent = true;
    let mut run = Run::new(RunId(1), Arc::new(spec), "kim", At(0));
    while let Some(event) = run.dispatch(At(1), &Alone) {
        run.apply(&event);
    }
    assert_eq!(run.tally.busy(), hosts);
    let groups = run.recover(At(2));
    let ends = |group: &Vec<Event>| {
        let is_end = |event: &&Event| matches!(event.what, What::Finished(_));
        group.iter().filter(is_end).count()
    };
    assert!(groups.iter().all(|group| ends(group) <= 1_000));
    assert_eq!(groups.iter().map(ends).sum::<usize>(), hosts as usize);

    // It ends again after half of them.
    for event in groups[..2].concat() {
        run.apply(&event);
    }
    for event in run.recover(At(3)).concat() {
        run.apply(&event);
    }
    assert_eq!(run.tally.busy(), 0);
    assert_eq!(run.ready.len(), hosts as usize, "all of them start again");
}

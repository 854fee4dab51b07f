//! The run's promises, one by one; at random in `histories`, and in a world with time in `simulation`.

mod failures;
mod family;
mod histories;
mod pace;
mod simulation;

use std::collections::HashMap;
use std::sync::Arc;

use histories::Happening;

use super::command::{Command, Refusal, TAKE_WAIT_MS, Verdict};
use super::event::{Cut, EndState, Event, Finished, OutputSum, What};
use super::ids::{At, Attempt, HostIx, RunId, StepIx};
use super::line_up::{Alone, Around};
use super::outcome::{Outcome, OutcomeKind, RefusedBy};
use super::phases::Phases;
use super::spec::{
    Access, Act, Exec, Lease, Push, Rollout, RunKind, RunSpec, Step, StepRules, Target,
};
use super::stages::{Child, ChildEnd};
use super::state::{Effect, Phase, Run, RunState, WaitFor};

fn spec(hosts: u32, concurrency: u32, batches: Vec<u32>, durable: bool) -> RunSpec {
    let exec = Exec {
        command: "true".to_owned(),
        durable,
        ..Exec::default()
    };
    let step = |name: &str, act| Step {
        name: name.to_owned(),
        act,
        timeout: None,
        idempotent: false,
        rules: StepRules::default(),
        part: None,
    };
    let push = Push {
        blob: String::new(),
        size: 0,
        source: "a".to_owned(),
        dest: "/a".to_owned(),
        owner: None,
        mode: None,
    };
    RunSpec {
        kind: RunKind::Exec,
        title: "true".to_owned(),
        targets_text: "h".to_owned(),
        targets: (0..hosts)
            .map(|host| Target {
                name: format!("h{host}").into(),
                address: None,
                port: None,
                user: None,
            })
            .collect(),
        steps: vec![step("push", Act::Push(push)), step("exec", Act::Exec(exec))],
        rollout: Rollout {
            concurrency,
            batches,
            look_after_first: false,
            max_failures: None,
            ..Rollout::default()
        },
        lease: Lease::Shared,
        access: Access::default(),
        flow: None,
        stages: None,
    }
}

/// A plain command on the hosts h0, h1, …
pub(super) fn spec_of(hosts: u32) -> Arc<RunSpec> {
    let mut spec = spec(hosts, hosts, vec![hosts], false);
    spec.steps.remove(0);
    Arc::new(spec)
}

/// The same, with every host connected to before the first of them does anything.
fn held(mut spec: RunSpec) -> RunSpec {
    let connect = Step {
        name: "connect".to_owned(),
        act: Act::Connect,
        timeout: None,
        idempotent: true,
        rules: StepRules::default(),
        part: None,
    };
    spec.steps.insert(0, connect);
    spec
}

/// So many of the first hosts are leased by another run.
struct Leased(u32);

impl Around for Leased {
    fn lease(&self, host: HostIx) -> Option<RunId> {
        (host.0 < self.0).then_some(RunId(7))
    }

    fn holds(&self, _: HostIx, _: StepIx) -> bool {
        true
    }
}

/// A run whose events are kept as the journal would keep them.
struct Bench {
    run: Run,
    journal: Vec<Event>,
    busy: Vec<(HostIx, StepIx, Attempt)>,
    execs: HashMap<(HostIx, StepIx), u32>,
    grants: HashMap<HostIx, u32>,
    now: i64,
}

impl Bench {
    fn new(spec: RunSpec) -> Self {
        Self {
            run: Run::new(RunId(1), Arc::new(spec), "kim", At(0)),
            journal: Vec::new(),
            busy: Vec::new(),
            execs: HashMap::new(),
            grants: HashMap::new(),
            now: 0,
        }
    }

    fn commit(&mut self, event: Event) {
        if let What::Retried { hosts, .. } = &event.what {
            for host in hosts {
                *self.grants.entry(*host).or_default() += 1;
            }
        }
        for effect in self.run.apply(&event) {
            if let Effect::Start {
                step,
                attempt,
                hosts,
            } = effect
            {
                for host in hosts {
                    *self.execs.entry((host, step)).or_default() += 1;
                    self.busy.push((host, step, attempt));
                }
            }
        }
        self.journal.push(event);
        self.check();
    }

    fn go_on(&mut self) {
        loop {
            let now = At(self.now);
            let event = self
                .run
                .advance(now, &Alone)
                .or_else(|| self.run.dispatch(now, &Alone));
            match event {
                Some(event) => self.commit(event),
                None => return,
            }
        }
    }

    fn ask(&mut self, command: &Command) -> Result<(), Refusal> {
        for event in self.run.decide(command, At(self.now))? {
            self.commit(event);
        }
        self.go_on();
        Ok(())
    }

    fn finish(&mut self, place: usize, outcome: Outcome) {
        let (host, step, attempt) = self.busy.swap_remove(place % self.busy.len());
        let what = What::Finished(Box::new(Finished {
            host,
            step,
            attempt,
            outcome,
            detail: None,
            phases: Phases::default(),
            output: OutputSum::default(),
            unbegun: false,
        }));
        self.commit(Event {
            at: At(self.now),
            what,
        });
        self.go_on();
    }

    fn finish_all(&mut self, outcome: &Outcome) {
        while !self.busy.is_empty() {
            self.finish(0, outcome.clone());
        }
    }

    /// What must hold after every event.
    fn check(&self) {
        let run = &self.run;
        let count = |wanted: fn(Phase) -> bool| {
            run.hosts().filter(|(_, host)| wanted(host.phase)).count() as u32
        };
        let waiting = count(|phase| matches!(phase, Phase::Waiting | Phase::Ready));
        assert_eq!(run.tally.waiting, waiting);
        assert_eq!(
            run.tally.busy(),
            count(|phase| matches!(phase, Phase::Busy { .. }))
        );
        assert_eq!(
            run.tally.ended_all(),
            count(|phase| matches!(phase, Phase::Done(_)))
        );
        let ready = count(|phase| phase == Phase::Ready);
        assert_eq!(run.ready.len() as u32, ready);
        for ((host, step), execs) in &self.execs {
            let granted = 1 + self.grants.get(host).copied().unwrap_or(0);
            assert!(
                *execs <= granted,
                "host {host} step {step}: {execs} starts, {granted} granted"
            );
        }
    }

    /// The same events again make the same run: what the journal promises.
    fn replayed(&self) -> Run {
        let mut run = Run::new(RunId(1), self.run.spec.clone(), "kim", At(0));
        for event in &self.journal {
            run.apply(event);
        }
        run
    }
}

fn same(a: &Run, b: &Run) {
    assert_eq!(a.state(), b.state());
    assert_eq!(a.tally, b.tally);
    assert_eq!(a.ready, b.ready);
    assert_eq!(a.finish_order, b.finish_order);
    for ((_, a), (_, b)) in a.hosts().zip(b.hosts()) {
        assert_eq!((a.phase, a.step, a.attempt), (b.phase, b.step, b.attempt));
    }
}

#[test]
fn a_batch_starts_only_when_the_one_before_has_ended() {
    let mut bench = Bench::new(spec(5, 10, vec![2, 3], false));
    bench.go_on();
    assert_eq!(bench.busy.len(), 2);
    bench.finish(0, Outcome::Ok);
    bench.finish(0, Outcome::Ok);
    assert_eq!(bench.run.batch, 0);
    bench.finish(0, Outcome::Ok);
    assert_eq!(bench.busy.len(), 1);
    bench.finish(0, Outcome::Ok);
    assert_eq!((bench.run.batch, bench.busy.len()), (1, 3));
}

#[test]
fn after_the_first_hosts_a_person_looks_before_the_rest() {
    let mut spec = spec(5, 10, vec![2, 3], false);
    spec.rollout.look_after_first = true;
    let mut bench = Bench::new(spec);
    bench.go_on();
    bench.finish_all(&Outcome::Ok);
    assert_eq!(bench.run.state(), RunState::Paused);
    bench
        .ask(&Command::Resume {
            by: "kim".to_owned(),
        })
        .unwrap();
    bench.finish_all(&Outcome::Ok);
    assert_eq!(bench.run.state(), RunState::Succeeded);
}

#[test]
fn a_pause_in_the_midst_of_the_first_hosts_is_not_the_look_at_them() {
    let mut spec = spec(5, 10, vec![2, 3], false);
    spec.rollout.look_after_first = true;
    let mut bench = Bench::new(spec);
    bench.go_on();
    let by = || "kim".to_owned();
    let reason = "a moment".to_owned();
    bench.ask(&Command::Pause { by: by(), reason }).unwrap();
    bench.ask(&Command::Resume { by: by() }).unwrap();
    bench.finish_all(&Outcome::Ok);
    assert_eq!(bench.run.state(), RunState::Paused);
    assert_eq!(bench.run.batch, 0);
}

#[test]
fn a_retry_of_some_hosts_leaves_the_others_as_they_ended() {
    let mut bench = Bench::new(spec(4, 10, vec![4], false));
    bench.go_on();
    bench.finish_all(&Outcome::Failed(1));
    let retry = |hosts: Vec<HostIx>| Command::Retry {
        by: "kim".to_owned(),
        only: Vec::new(),
        hosts,
    };
    bench.ask(&retry(vec![HostIx(1), HostIx(3)])).unwrap();
    let mut again: Vec<HostIx> = bench.busy.iter().map(|(host, ..)| *host).collect();
    again.sort_unstable();
    assert_eq!(again, [HostIx(1), HostIx(3)]);
    bench.finish_all(&Outcome::Ok);
    // Those that are well now are not meant any more.
    assert!(bench.ask(&retry(vec![HostIx(1)])).is_err());
}

#[test]
fn an_abort_cancels_what_runs_and_never_starts_the_rest() {
    let mut bench = Bench::new(spec(4, 2, vec![4], false));
    bench.go_on();
    let abort = Command::Abort {
        by: "lee".to_owned(),
        reason: "wrong hosts".to_owned(),
    };
    bench.ask(&abort).unwrap();
    assert_eq!(bench.run.tally.ended(OutcomeKind::NotStarted), 2);
    bench.finish_all(&Outcome::Cancelled);
    assert_eq!(
        bench.run.ended.map(|(state, _)| state),
        Some(EndState::Aborted)
    );
}

#[test]
fn a_crash_leaves_no_ghost_and_no_second_start() {
    let mut bench = Bench::new(spec(2, 2, vec![2], false));
    bench.go_on();
    bench.finish(0, Outcome::Ok);
    let exec_host = bench
        .busy
        .iter()
        .find(|(_, step, _)| step.0 == 1)
        .unwrap()
        .0;
    bench.crash();
    // The command may have run: nobody knows. The push is whole or not there: it is done again.
    assert_eq!(bench.run.outcome(exec_host), Some(Outcome::InDoubt));
    assert_eq!(bench.run.tally.running, 1);
}

#[test]
fn a_durable_command_is_followed_again_after_a_crash() {
    let mut bench = Bench::new(spec(1, 1, vec![1], true));
    bench.go_on();
    bench.finish(0, Outcome::Ok);
    bench.crash();
    assert_eq!(bench.run.state(), RunState::Reattaching);
    bench.finish(0, Outcome::Ok);
    assert_eq!(bench.run.state(), RunState::Succeeded);
}

#[test]
fn hosts_without_a_credential_wait_and_do_not_fail() {
    let mut bench = Bench::new(spec(2, 2, vec![2], false));
    bench.go_on();
    bench.park(0);
    bench.park(0);
    assert_eq!(bench.run.state(), RunState::Waiting(WaitFor::Credentials));
    assert_eq!(bench.run.tally.failures(), 0);
    bench.happen(&Happening::Credentials);
    bench.finish_all(&Outcome::Ok);
    assert_eq!(bench.run.state(), RunState::Succeeded);
}

#[test]
fn hosts_without_a_secret_that_was_typed_wait_for_it_alone_and_do_not_fail() {
    let mut bench = Bench::new(spec(2, 2, vec![2], false));
    bench.go_on();
    bench.happen(&Happening::Lack(0));
    assert_eq!(bench.run.state(), RunState::Running);
    bench.happen(&Happening::Lack(0));
    assert_eq!(bench.run.state(), RunState::Waiting(WaitFor::Secret));
    assert_eq!(bench.run.tally.failures(), 0);
    bench.crash();
    assert_eq!(bench.run.state(), RunState::Waiting(WaitFor::Secret));
    bench.happen(&Happening::Secret);
    bench.finish_all(&Outcome::Ok);
    assert_eq!(bench.run.state(), RunState::Succeeded);
    same(&bench.run, &bench.replayed());
}

#[test]
fn only_the_holder_of_the_conn_steers_and_anyone_may_stop() {
    let mut bench = Bench::new(spec(4, 1, vec![4], false));
    bench.go_on();
    let pause = Command::Pause {
        by: "lee".to_owned(),
        reason: "smoke".to_owned(),
    };
    bench.ask(&pause).unwrap();
    let resume = Command::Resume {
        by: "lee".to_owned(),
    };
    assert!(matches!(bench.ask(&resume), Err(Refusal::NotHolder { .. })));
    let take = |holder_attached| Command::Take {
        by: "lee".to_owned(),
        reason: "kim is away".to_owned(),
        holder_attached,
    };
    bench.ask(&take(true)).unwrap();
    assert_eq!(bench.run.holder.as_deref(), Some("kim"));
    bench.now += TAKE_WAIT_MS;
    bench.go_on();
    assert_eq!(bench.run.holder.as_deref(), Some("lee"));
    bench.ask(&resume).unwrap();
}

#[test]
fn a_settled_host_ends_as_the_person_says() {
    let mut bench = Bench::new(spec(1, 1, vec![1], false));
    bench.go_on();
    bench.finish(0, Outcome::Ok);
    bench.finish(0, Outcome::InDoubt);
    assert_eq!(bench.run.state(), RunState::Failed);
    let settle = Command::Settle {
        by: "kim".to_owned(),
        host: HostIx(0),
        verdict: Verdict::Ok,
    };
    bench.ask(&settle).unwrap();
    assert_eq!(bench.run.state(), RunState::Succeeded);
}

#[test]
fn a_host_whose_lease_another_run_holds_waits_and_others_go_on() {
    let bench = Bench::new(spec(3, 3, vec![3], false));
    let mut run = bench.run;
    while let Some(event) = run.dispatch(At(0), &Leased(1)) {
        run.apply(&event);
    }
    assert_eq!((run.tally.held, run.tally.running), (1, 2));
}

#[test]
fn nothing_is_done_on_any_host_before_every_connection_was_tried() {
    let mut bench = Bench::new(held(spec(5, 2, vec![2, 3], false)));
    bench.go_on();
    assert!(bench.run.is_holding());
    for end in [
        Outcome::Ok,
        Outcome::Unreachable,
        Outcome::Ok,
        Outcome::Refused(RefusedBy::Auth),
    ] {
        assert!(bench.busy.iter().all(|(_, step, _)| *step == StepIx(0)));
        bench.finish(0, end);
    }
    assert_eq!(bench.busy.len(), 1, "one connection is still tried");
    assert!(bench.run.is_holding());
    bench.finish(0, Outcome::Ok);
    assert!(!bench.run.is_holding());
    assert!(!bench.busy.is_empty());
    assert!(bench.busy.iter().all(|(_, step, _)| *step == StepIx(1)));
    bench.finish_all(&Outcome::Ok);
    let run = &bench.run;
    assert_eq!(run.state(), RunState::Failed);
    assert_eq!(run.tally.ended(OutcomeKind::Ok), 3);
    assert_eq!(run.tally.ended(OutcomeKind::Unreachable), 1);
    assert_eq!(run.tally.ended(OutcomeKind::Refused), 1);
    same(run, &bench.replayed());
}

#[test]
fn a_host_that_waits_for_a_credential_holds_every_other_back() {
    let mut bench = Bench::new(held(spec(2, 2, vec![2], false)));
    bench.go_on();
    bench.park(0);
    bench.finish_all(&Outcome::Ok);
    assert!(bench.run.is_holding());
    assert_eq!(bench.run.state(), RunState::Waiting(WaitFor::Credentials));
}

#[test]
fn hosts_that_were_only_connected_to_have_not_begun_when_the_run_is_aborted() {
    let mut bench = Bench::new(held(spec(3, 3, vec![3], false)));
    bench.go_on();
    bench.finish(0, Outcome::Ok);
    let abort = Command::Abort {
        by: "kim".to_owned(),
        reason: String::new(),
    };
    bench.ask(&abort).unwrap();
    bench.finish(0, Outcome::Ok);
    bench.finish(0, Outcome::Cancelled);
    assert_eq!(bench.run.state(), RunState::Aborted);
    assert_eq!(bench.run.tally.ended(OutcomeKind::NotStarted), 2);
    assert_eq!(bench.run.tally.ended(OutcomeKind::Cancelled), 1);
}

#[test]
fn connecting_needs_no_lease() {
    let bench = Bench::new(held(spec(2, 2, vec![2], false)));
    let event = bench.run.dispatch(At(0), &Leased(u32::MAX)).unwrap();
    assert!(matches!(event.what, What::Dispatched { .. }), "{event:?}");
}

#[test]
fn batches_cut_anew_open_as_they_are_cut_and_the_open_one_stays() {
    let mut bench = Bench::new(spec(10, 10, vec![2, 8], false));
    bench.go_on();
    let tune = |sizes: &[u32]| Command::Tune {
        by: "kim".to_owned(),
        concurrency: None,
        max_failures: None,
        batches: Some(
            sizes
                .iter()
                .map(|&hosts| Cut {
                    hosts,
                    failures: None,
                })
                .collect(),
        ),
    };
    assert!(matches!(
        bench.ask(&tune(&[3, 4])),
        Err(Refusal::BadValue { .. })
    ));
    bench.ask(&tune(&[3, 5])).unwrap();
    assert_eq!(bench.busy.len(), 2, "the open batch stays");
    // The push and the command of both.
    bench.finish_all(&Outcome::Ok);
    assert_eq!(bench.run.cuts.len(), 3);
    assert_eq!(bench.run.state(), RunState::Succeeded);
    same(&bench.run, &bench.replayed());
}

#[test]
fn an_abort_after_the_batch_lets_it_finish_and_opens_no_other() {
    let mut bench = Bench::new(spec(10, 10, vec![4, 6], false));
    bench.go_on();
    let abort = Command::AbortAfterBatch {
        by: "lee".to_owned(),
        reason: "enough".to_owned(),
    };
    bench.ask(&abort).unwrap();
    bench.finish_all(&Outcome::Ok);
    assert_eq!(bench.run.state(), RunState::Aborted);
    assert_eq!(bench.run.tally.ended(OutcomeKind::Ok), 4);
    assert_eq!(bench.run.tally.ended(OutcomeKind::NotStarted), 6);
}

#[test]
fn a_run_that_was_rolled_back_fails_the_stage_it_is_part_of() {
    let mut spec = spec(2, 2, vec![2], true);
    let mut undo = spec.steps[0].clone();
    undo.act = spec.steps[1].act.clone();
    undo.rules.undoes = Some(StepIx(0));
    spec.steps.push(undo);
    spec.rollout.max_failures = Some(2);
    let mut bench = Bench::new(spec);
    bench.go_on();
    bench.finish(0, Outcome::Ok);
    let back = Command::Rollback {
        by: "kim".to_owned(),
        reason: "it is slow".to_owned(),
        hosts: Vec::new(),
        with_whole: false,
    };
    bench.ask(&back).unwrap();
    bench.finish_all(&Outcome::Ok);
    assert_eq!(bench.run.tally.ended(OutcomeKind::Ok), 2);
    assert_eq!(bench.run.as_child(), Child::Ended(ChildEnd::Failed));
}

//! Runs that work on their hosts alone, beside each other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::{Strategy, any, prop};
use proptest::{proptest, test_runner::Config};

use super::{core, core_on, new, spec};
use crate::engine::audit::encode;
use crate::engine::core::Core;
use crate::engine::core::leases::Leases;
use crate::engine::now;
use crate::engine::task::{Report, TaskKey};
use crate::run::event::{Event, Finished, OutputSum, What};
use crate::run::ids::{HostIx, RunId};
use crate::run::outcome::{Outcome, OutcomeKind};
use crate::run::phases::Phases;
use crate::run::spec::{Act, Approval, Lease, RunSpec, Step, StepRules};
use crate::run::state::{Phase, Run, RunState, WaitFor};
use crate::store::SpaceState;
use crate::store::sim::{SimStore, Syncing};

/// So many steps on these hosts, in this order, alone, one host at a time.
fn alone(hosts: &[u32], steps: usize) -> RunSpec {
    let mut spec = spec(0, true);
    let all = super::spec(1 + hosts.iter().max().unwrap(), true).targets;
    spec.targets = hosts.iter().map(|ix| all[*ix as usize].clone()).collect();
    spec.steps = vec![spec.steps[0].clone(); steps];
    spec.rollout.concurrency = 1;
    spec.rollout.batches = vec![u32::try_from(hosts.len()).unwrap()];
    spec.lease = Lease::Exclusive;
    spec
}

fn lockstep(hosts: &[u32]) -> RunSpec {
    let mut spec = alone(hosts, 2);
    spec.rollout.lockstep = true;
    spec
}

/// A run that can be read back.
fn create(core: &mut Core, spec: RunSpec) -> RunId {
    let digest = core.parts.store.put_blob(&encode(&spec)).unwrap();
    let new = super::NewRun {
        digest: digest.to_string(),
        ..new(spec, None)
    };
    let run = core.create_now(new).unwrap().0;
    core.go_on().unwrap();
    run
}

fn record(core: &mut Core, run: RunId, what: What) {
    let event = Event { at: now(), what };
    core.commit(run, &[event], &[]).unwrap();
}

fn retry(core: &mut Core, run: RunId, host: u32) {
    let hosts = vec![HostIx(host)];
    let by = "ann".to_owned();
    record(core, run, What::Retried { by, hosts });
}

fn state(core: &Core, run: RunId) -> &Run {
    &core.live_run(run).unwrap().run
}

fn phase(core: &Core, run: RunId, host: u32) -> Phase {
    state(core, run).host(HostIx(host)).unwrap().phase
}

fn leases(core: &Core, hosts: &[u32]) -> Vec<Option<u64>> {
    let holder = |host| core.leased_by(&format!("h{host}")).map(|run: RunId| run.0);
    hosts.iter().map(holder).collect()
}

fn finished(task: TaskKey, outcome: Outcome) -> Box<Finished> {
    Box::new(Finished {
        host: task.host,
        step: task.step,
        attempt: task.attempt,
        outcome,
        detail: None,
        phases: Phases::default(),
        output: OutputSum::default(),
        unbegun: false,
    })
}

/// What is at work, in an order that is always the same.
fn at_work(core: &Core) -> Vec<TaskKey> {
    let mut keys: Vec<TaskKey> = core.tasks.keys().collect();
    keys.sort_by_key(|key| (key.run, key.host));
    keys
}

/// The task of a run that is at work ends so; nobody goes on yet.
fn ends(core: &mut Core, run: RunId, outcome: Outcome) {
    let task = at_work(core).into_iter().find(|task| task.run == run);
    let task = task.expect("it is at work");
    let report = Report::Finished(finished(task, outcome));
    core.task_reported(task, report).unwrap();
}

/// Everything that is at work ends well, one after the other, until nothing is.
fn play_out(core: &mut Core) {
    for _ in 0..1_000 {
        core.go_on().unwrap();
        let Some(task) = at_work(core).first().copied() else {
            return;
        };
        ends(core, task.run, Outcome::Ok);
    }
    panic!("it never ends");
}

#[tokio::test]
async fn two_lockstep_runs_over_the_same_hosts_in_opposite_order_both_end() {
    let (mut core, _inbox, _spool) = core(0);
    let one = create(&mut core, lockstep(&[0, 1]));
    let two = create(&mut core, lockstep(&[1, 0]));
    // The first host that begins claims its whole batch, also what has no slot yet.
    assert_eq!(leases(&core, &[0, 1]), [Some(1), Some(1)]);
    assert_eq!(state(&core, two).state(), RunState::Waiting(WaitFor::Lease));
    play_out(&mut core);
    for run in [one, two] {
        assert_eq!(state(&core, run).state(), RunState::Succeeded);
    }
    assert_eq!(leases(&core, &[0, 1]), [None, None]);
}

#[tokio::test]
async fn a_batch_that_goes_together_holds_nothing_before_all_of_its_hosts_are_free() {
    let (mut core, _inbox, _spool) = core(0);
    let other = create(&mut core, alone(&[1], 1));
    let batch = create(&mut core, lockstep(&[0, 1, 2]));
    assert_eq!(leases(&core, &[0, 1, 2]), [None, Some(1), None]);
    assert_eq!(phase(&core, batch, 1), Phase::Held(other));
    assert_eq!(
        state(&core, batch).state(),
        RunState::Waiting(WaitFor::Lease)
    );
    ends(&mut core, other, Outcome::Ok);
    core.go_on().unwrap();
    assert_eq!(leases(&core, &[0, 1, 2]), [Some(2); 3]);
    play_out(&mut core);
    assert_eq!(state(&core, batch).state(), RunState::Succeeded);
}

#[tokio::test]
async fn hosts_that_go_on_by_themselves_wait_for_no_other_host() {
    let (mut core, _inbox, _spool) = core(0);
    create(&mut core, alone(&[1], 1));
    create(&mut core, alone(&[0, 1, 2], 2));
    assert_eq!(leases(&core, &[0, 1, 2]), [Some(2), Some(1), None]);
}

#[tokio::test]
async fn a_host_taken_while_it_had_ended_does_not_hold_its_former_batch_up() {
    let (mut core, _inbox, _spool) = core(0);
    let mut both = lockstep(&[0, 1]);
    both.rollout.concurrency = 2;
    let one = create(&mut core, both);
    ends(&mut core, one, Outcome::Failed(1));
    core.go_on().unwrap();
    let two = create(&mut core, alone(&[0], 1));
    retry(&mut core, one, 0);
    core.go_on().unwrap();
    assert_eq!(phase(&core, one, 0), Phase::Held(two));
    for _ in 0..2 {
        ends(&mut core, one, Outcome::Ok);
        core.go_on().unwrap();
    }
    assert_eq!(phase(&core, one, 1), Phase::Done(OutcomeKind::Ok));
    play_out(&mut core);
    assert_eq!(state(&core, one).state(), RunState::Succeeded);
}

#[tokio::test]
async fn a_host_of_an_earlier_batch_does_not_stand_behind_a_batch_that_waits() {
    let (mut core, _inbox, _spool) = core(0);
    let mut two_batches = lockstep(&[0, 1, 2]);
    two_batches.rollout.batches = vec![1, 2];
    let other = create(&mut core, alone(&[2], 1));
    let run = create(&mut core, two_batches);
    ends(&mut core, run, Outcome::Failed(1));
    core.go_on().unwrap();
    assert_eq!(phase(&core, run, 2), Phase::Held(other));
    retry(&mut core, run, 0);
    core.go_on().unwrap();
    assert_eq!(phase(&core, run, 0), Phase::Busy { reattaching: false });
}

#[tokio::test]
async fn hosts_that_end_with_their_batch_are_given_back_then() {
    let (mut core, _inbox, _spool) = core(0);
    let mut spec = alone(&[0, 1], 2);
    spec.rollout.batches = vec![1, 1];
    spec.steps[1].act = Act::Wait(Duration::ZERO);
    let run = create(&mut core, spec);
    ends(&mut core, run, Outcome::Ok);
    core.go_on().unwrap();
    assert_eq!(leases(&core, &[0, 1]), [None, Some(1)]);
}

#[tokio::test]
async fn a_run_gives_back_nothing_that_another_run_holds() {
    let (mut core, _inbox, _spool) = core(0);
    create(&mut core, alone(&[0], 1));
    let mut holds = alone(&[0], 1);
    let connect = Step {
        name: "connect".to_owned(),
        act: Act::Connect,
        rules: StepRules::default(),
        ..holds.steps[0].clone()
    };
    holds.steps.insert(0, connect);
    let second = create(&mut core, holds);
    ends(&mut core, second, Outcome::Failed(1));
    core.go_on().unwrap();
    assert_eq!(leases(&core, &[0]), [Some(1)]);
}

#[tokio::test]
async fn an_engine_that_dies_between_two_records_keeps_nobody_waiting() {
    let store = SimStore::new(Syncing::Automatic);
    let (mut before, _inbox, _spool) = core_on(store.clone(), 0);
    let holder = create(&mut before, alone(&[0], 1));
    let waiter = create(&mut before, alone(&[0], 1));
    assert_eq!(phase(&before, waiter, 0), Phase::Held(holder));
    // The end of the one is written down, and not that the other is free.
    ends(&mut before, holder, Outcome::Ok);
    assert_eq!(phase(&before, waiter, 0), Phase::Held(holder));
    let (mut after, _inbox, _spool) = core_on(store.crash(), 0);
    after.go_on().unwrap();
    assert_eq!(phase(&after, waiter, 0), Phase::Busy { reattaching: false });
}

#[tokio::test]
async fn hosts_that_a_full_disk_kept_waiting_go_on_when_there_is_room() {
    let store = SimStore::new(Syncing::Automatic);
    let (mut core, _inbox, _spool) = core_on(store.clone(), 0);
    let holder = create(&mut core, alone(&[0], 1));
    let waiter = create(&mut core, alone(&[0], 1));
    ends(&mut core, holder, Outcome::Ok);
    store.set_space(SpaceState::Full);
    core.go_on().unwrap();
    assert_eq!(phase(&core, waiter, 0), Phase::Held(holder));
    store.set_space(SpaceState::Plenty);
    core.tick().unwrap();
    assert_eq!(phase(&core, waiter, 0), Phase::Busy { reattaching: false });
}

#[tokio::test]
async fn who_was_at_work_has_the_lease_after_a_restart_and_not_who_waited() {
    let store = SimStore::new(Syncing::Automatic);
    let (mut before, _inbox, _spool) = core_on(store.clone(), 0);
    let mut later = alone(&[1, 0], 1);
    later.rollout.batches = vec![1, 1];
    let at_work = create(&mut before, later);
    let waits = create(&mut before, alone(&[0], 1));
    ends(&mut before, waits, Outcome::Failed(1));
    ends(&mut before, at_work, Outcome::Ok);
    before.go_on().unwrap();
    retry(&mut before, waits, 0);
    before.go_on().unwrap();
    assert_eq!(phase(&before, waits, 0), Phase::Held(at_work));
    let (after, _inbox, _spool) = core_on(store.crash(), 0);
    assert_eq!(leases(&after, &[0]), [Some(at_work.0)]);
}

#[tokio::test]
async fn a_batch_that_was_claimed_is_claimed_after_a_restart() {
    let store = SimStore::new(Syncing::Automatic);
    let (mut before, _inbox, _spool) = core_on(store.clone(), 0);
    create(&mut before, lockstep(&[0, 1, 2]));
    let (after, _inbox, _spool) = core_on(store.crash(), 0);
    assert_eq!(leases(&after, &[0, 1, 2]), [Some(1); 3]);
}

#[test]
fn giving_hosts_back_looks_at_those_who_wait_for_them_and_at_nobody_else() {
    let hosts = 100_000_u32;
    let mut leases = Leases::default();
    let names: Vec<Arc<str>> = (0..hosts).map(|host| format!("h{host}").into()).collect();
    for (host, name) in (0..).map(HostIx).zip(&names) {
        leases.claim(name, RunId(1));
        leases.waits(name, (RunId(2), host));
    }
    let mut looked_at = 0;
    for (host, name) in (0..).map(HostIx).zip(&names) {
        leases.give_back(name, RunId(1));
        let freed = leases.freed();
        assert_eq!(freed, [(RunId(2), host)]);
        looked_at += freed.len();
    }
    assert_eq!(looked_at, names.len());
    assert!(leases.freed().is_empty());
}

#[tokio::test]
async fn more_hosts_than_one_record_takes_are_held_and_freed_all_the_same() {
    let (mut core, _inbox, _spool) = core(0);
    let many: Vec<u32> = (0..300_000).collect();
    let holder = create(&mut core, lockstep(&many));
    let mut waits = alone(&many, 1);
    waits.rollout.concurrency = 1_000_000;
    let waiter = create(&mut core, waits);
    assert_eq!(state(&core, waiter).tally.held, 300_000);
    let (by, reason) = ("ann".to_owned(), String::new());
    let aborted = What::Aborted {
        by: by.clone(),
        reason: reason.clone(),
    };
    record(&mut core, waiter, What::Paused { by, reason });
    record(&mut core, holder, aborted);
    core.go_on().unwrap();
    // The one at work has not ended.
    assert_eq!(state(&core, waiter).tally.held, 1);
}

/// How the hosts of a run go together.
#[derive(Debug, Clone, Copy)]
enum Together {
    Not,
    Lockstep,
    Gate,
    Wait,
    Approve,
}

#[derive(Debug, Clone)]
struct Rollout {
    hosts: Vec<u32>,
    together: Together,
    conditional: bool,
    batch: u32,
    concurrency: u32,
}

impl Rollout {
    fn spec(&self) -> RunSpec {
        let mut spec = alone(&self.hosts, 3);
        match self.together {
            Together::Not => {}
            Together::Lockstep => spec.rollout.lockstep = true,
            Together::Gate => {
                spec.steps[2].rules.together = true;
                spec.steps[2].rules.gate = Some(Vec::new());
            }
            Together::Wait => spec.steps[1].act = Act::Wait(Duration::ZERO),
            Together::Approve => spec.steps[1].act = Act::Approve(Approval::default()),
        }
        spec.steps[0].rules.conditional = self.conditional;
        let hosts = u32::try_from(self.hosts.len()).unwrap();
        let mut sizes = vec![self.batch; (hosts / self.batch) as usize];
        sizes.extend(Some(hosts % self.batch).filter(|rest| *rest > 0));
        spec.rollout.batches = sizes;
        spec.rollout.concurrency = self.concurrency;
        spec
    }
}

/// Any rollout over some of six hosts, in any order.
fn rollout() -> impl Strategy<Value = Rollout> {
    let hosts = prop::sample::subsequence((0..6).collect::<Vec<u32>>(), 2..=6).prop_shuffle();
    let together = prop::sample::select(vec![
        Together::Not,
        Together::Lockstep,
        Together::Gate,
        Together::Wait,
        Together::Approve,
    ]);
    let of = (hosts, together, any::<bool>(), 1..7_u32, 1..4_u32);
    of.prop_map(
        |(hosts, together, conditional, batch, concurrency)| Rollout {
            hosts,
            together,
            conditional,
            batch,
            concurrency,
        },
    )
}

/// No two runs are at work on a host.
fn nobody_shares(core: &Core) {
    let mut on: BTreeMap<&str, RunId> = BTreeMap::new();
    for task in at_work(core) {
        let name = &*state(core, task.run).spec.targets[task.host.index()].name;
        let other = on.insert(name, task.run);
        assert_eq!(other, None, "two runs work on {name}");
        assert_eq!(core.leased_by(name), Some(task.run));
    }
}

/// Says yes to whoever asks and lets go on whoever stands still.
fn help(core: &mut Core, runs: &[RunId]) {
    for &run in runs {
        let state = state(core, run);
        let by = "ann".to_owned();
        if state.paused.is_some() {
            record(core, run, What::Resumed { by });
        } else if state.asks().is_some() {
            let (reason, digest) = (String::new(), state.spec.digest());
            record(core, run, What::Approved { by, reason, digest });
        }
    }
}

fn failed_of(core: &Core, run: RunId) -> Option<u32> {
    let run = state(core, run);
    let mut hosts = run.hosts();
    let failed =
        hosts.find(|(_, host)| matches!(host.phase, Phase::Done(kind) if kind.is_failure()));
    failed.filter(|_| run.ended.is_none()).map(|(ix, _)| ix.0)
}

/// Plays until all have ended, by these choices: who ends and how, who is retried, when the engine
/// dies.
fn all_end(rollouts: &[Rollout], choices: &[u16]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.unwrap();
    let _inside = runtime.enter();
    let mut store = SimStore::new(Syncing::Automatic);
    let (mut core, mut _inbox, mut _spool) = core_on(store.clone(), 0);
    let runs: Vec<RunId> = rollouts
        .iter()
        .map(|rollout| create(&mut core, rollout.spec()))
        .collect();
    let mut choices = choices.iter().copied();
    let mut stands_still = 0;
    while stands_still < 3 {
        core.go_on().unwrap();
        nobody_shares(&core);
        if runs.iter().all(|run| state(&core, *run).ended.is_some()) {
            return;
        }
        let choice = choices.next();
        let tasks = at_work(&core);
        match choice.map(|choice| choice % 16) {
            Some(0) => {
                store = store.crash();
                (core, _inbox, _spool) = core_on(store.clone(), 0);
            }
            Some(1 | 2) => {
                let failed = runs
                    .iter()
                    .find_map(|run| Some((*run, failed_of(&core, *run)?)));
                if let Some((run, host)) = failed {
                    retry(&mut core, run, host);
                }
            }
            _ if tasks.is_empty() => {
                stands_still += 1;
                help(&mut core, &runs);
                core.tick().unwrap();
            }
            kind => {
                stands_still = 0;
                let task = tasks[usize::from(choice.unwrap_or(0) / 16) % tasks.len()];
                let outcome = match kind {
                    Some(3..6) => Outcome::Failed(1),
                    _ => Outcome::Ok,
                };
                let report = Report::Finished(finished(task, outcome));
                core.task_reported(task, report).unwrap();
            }
        }
    }
    let stand: Vec<_> = runs.iter().map(|run| state(&core, *run)).collect();
    let stand: Vec<_> = stand
        .iter()
        .map(|run| {
            (
                run.id,
                run.state(),
                run.hosts().map(|(_, host)| host.phase).collect::<Vec<_>>(),
            )
        })
        .collect();
    panic!("they wait for each other: {stand:#?}");
}

proptest! {
    #![proptest_config(Config::with_cases(96))]

    #[test]
    fn runs_over_the_same_hosts_all_end_whatever_their_order_batches_and_slots(
        rollouts in prop::collection::vec(rollout(), 2..4),
        choices in prop::collection::vec(any::<u16>(), 0..80),
    ) {
        all_end(&rollouts, &choices);
    }
}

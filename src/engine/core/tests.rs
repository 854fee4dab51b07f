//! The core over a store in memory, with a directory that a test makes.

mod leases;
mod web;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

mod shown;
mod whole;

use tokio::sync::oneshot;

use super::{Core, NewRun};
use crate::engine::clients::Clients;
use crate::engine::clock::{Away, Clock};
use crate::engine::directory::{Directory, Found};
use crate::engine::inbox::Inbox;
use crate::engine::spool::Spool;
use crate::engine::{Parts, Settings, now};
use crate::run::event::{EndState, Event, What};
use crate::run::family::Parent;
use crate::run::ids::{At, HostIx, RunId};
use crate::run::outcome::Outcome;
use crate::run::roles::Authority;
use crate::run::spec::{
    Access, Act, Exec, Lease, Local, Rollout, RunKind, RunSpec, Step, StepRules, Target,
};
use crate::run::state::Run;
use crate::ssh::{Route, RunAsMethod, Ssh};
use crate::store::Store;
use crate::store::sim::{SimStore, Syncing};
use crate::wire::console::{InventoryPage, InventoryQuery};
use crate::wire::reply::Fault;
use crate::wire::request::{HostsQuery, Steer};
use crate::wire::view::Finding;

/// A directory with a fault in it.
struct Faulty;

impl Directory for Faulty {
    fn resolve(&self, _: &HostsQuery) -> Result<Found, Fault> {
        Ok(Found::default())
    }

    fn listing(&self, _: &InventoryQuery, _: Option<String>) -> Result<InventoryPage, Fault> {
        Ok(InventoryPage::default())
    }

    fn route(&self, _: &Access, _: &Target) -> Result<Arc<Route>, String> {
        panic!("a fault that a test put here");
    }

    fn file(&self, source: &str) -> Result<std::path::PathBuf, Fault> {
        Err(Fault::usage(format!("no file {source} here")))
    }

    fn names(&self, _: &str) -> Result<Arc<HashSet<String>>, String> {
        Ok(Arc::default())
    }

    fn findings(&self) -> Vec<Finding> {
        Vec::new()
    }
}

/// A running core; it ends with this.
struct Bench {
    inbox: Inbox,
    _stop: oneshot::Sender<()>,
    _spool: tempfile::TempDir,
}

/// A core that stands still, and what it needs.
fn core(reattach_s: u64) -> (Core, Inbox, tempfile::TempDir) {
    core_on(SimStore::new(Syncing::Automatic), reattach_s)
}

/// The same over what a store holds already.
fn core_on(store: Arc<dyn Store>, reattach_s: u64) -> (Core, Inbox, tempfile::TempDir) {
    let spool = tempfile::tempdir().unwrap();
    let settings = Settings {
        fanout: 64,
        output_budget: 1 << 20,
        output_tail: 1 << 16,
        host_output_cap: 1 << 20,
        silence_s: 600,
        reattach_s,
        run_as: RunAsMethod::Sudo,
        instance: "test".to_owned(),
        local_steps: false,
        http_allow: None,
        shared: false,
    };
    let parts = Parts {
        store,
        ssh: Ssh::new(crate::ssh::Settings::new("ann", spool.path())),
        http: crate::http::Client::new(None),
        settings: Arc::new(settings),
        spool: Arc::new(Spool::new(spool.path().to_owned())),
        pulled: Arc::new(crate::engine::pulled::Pulled::new(
            spool.path().join("pulled"),
        )),
        directory: Arc::new(Faulty),
        identities: Arc::default(),
        secrets: Arc::new(
            crate::engine::secrets::Secrets::open(&crate::site::Settings::default(), false, None)
                .unwrap(),
        ),
        roles: Arc::default(),
        news: crate::engine::news::News::default(),
    };
    let (core, inbox) = Core::open(parts, Arc::new(Clients::default())).unwrap();
    (core, inbox, spool)
}

fn new(spec: RunSpec, parent: Option<Parent>) -> NewRun {
    NewRun {
        spec: Arc::new(spec),
        digest: String::new(),
        stdin: None,
        typed: Vec::new(),
        by: "ann".to_owned(),
        authority: Arc::new(Authority::everything("ann")),
        origin: None,
        no_wait: false,
        parent,
        handed: None,
    }
}

impl Bench {
    fn start(reattach_s: u64) -> Self {
        let (core, inbox, spool) = core(reattach_s);
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(core.run(stopped));
        Self {
            inbox,
            _stop: stop,
            _spool: spool,
        }
    }

    /// The run's state at its end.
    async fn end_of(&self, spec: RunSpec) -> Arc<Run> {
        let new = new(spec, None);
        let id = self.inbox.create(new).await.unwrap();
        loop {
            let state = move |core: &Core| core.live_run(id).map(|live| live.run.clone());
            let run = self.inbox.look(state).await.unwrap().unwrap();
            if run.ended.is_some() {
                return run;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn spec(hosts: u32, durable: bool) -> RunSpec {
    let target = |host| Target {
        name: format!("h{host}").into(),
        address: None,
        port: None,
        user: None,
    };
    let exec = Exec {
        command: "true".to_owned(),
        durable,
        ..Exec::default()
    };
    RunSpec {
        kind: RunKind::Exec,
        title: "true".to_owned(),
        targets_text: "h".to_owned(),
        targets: (0..hosts).map(target).collect(),
        steps: vec![Step {
            name: "exec".to_owned(),
            act: Act::Exec(exec),
            timeout: None,
            idempotent: false,
            rules: StepRules::default(),
            part: None,
        }],
        rollout: Rollout {
            concurrency: 2,
            batches: vec![hosts],
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

#[tokio::test]
async fn a_fault_in_a_task_leaves_its_host_in_doubt_and_never_running() {
    for durable in [false, true] {
        let bench = Bench::start(0);
        let run = bench.end_of(spec(2, durable)).await;
        for (_, host) in run.hosts() {
            let last = host.last.as_ref().unwrap();
            assert_eq!(last.outcome, Outcome::InDoubt);
            assert!(
                last.detail
                    .as_ref()
                    .unwrap()
                    .contains("a fault in the engine")
            );
        }
    }
}

/// One step that does this, once a host.
fn doing(act: Act) -> RunSpec {
    let mut spec = spec(2, false);
    spec.steps[0].act = act;
    spec
}

#[tokio::test]
async fn a_run_that_was_taken_up_again_is_not_sealed_however_long_ago_it_was_over() {
    let (mut core, _inbox, _spool) = core(0);
    let (run, _) = core.create_now(new(spec(2, true), None)).unwrap();
    let hosts = || vec![HostIx(0), HostIx(1)];
    let by = || "ann".to_owned();
    let commit = |core: &mut Core, what| {
        let event = Event { at: At(1), what };
        core.commit(run, &[event], &[]).unwrap();
    };
    commit(
        &mut core,
        What::Skipped {
            by: by(),
            hosts: hosts(),
        },
    );
    let state = EndState::Succeeded;
    commit(&mut core, What::Ended { state });
    core.runs.get_mut(&run).unwrap().over_since = Some(At(1));
    commit(
        &mut core,
        What::Retried {
            by: by(),
            hosts: hosts(),
        },
    );
    core.retire();
    assert!(core.live_run(run).is_some(), "a run at work left memory");
}

#[tokio::test]
async fn a_failure_limit_beyond_all_numbers_is_refused() {
    let (mut core, _inbox, _spool) = core(0);
    let (run, _) = core.create_now(new(spec(2, true), None)).unwrap();
    let tune = Steer::Tune {
        concurrency: None,
        max_failures: Some(format!("{}%", u64::MAX)),
        batches: None,
    };
    let (reply, answer) = oneshot::channel();
    core.steer(run, &Authority::everything("ann"), &tune, reply);
    let fault = answer.await.unwrap().unwrap_err();
    assert!(fault.message.contains("is no failure limit"), "{fault:?}");
}

#[tokio::test]
async fn a_command_here_does_not_run_once_its_owner_forbids_it() {
    let local = Local {
        command: "true".to_owned(),
        env: std::collections::BTreeMap::new(),
    };
    let run = Bench::start(0).end_of(doing(Act::Local(local))).await;
    for (_, host) in run.hosts() {
        let last = host.last.as_ref().unwrap();
        assert!(matches!(last.outcome, Outcome::Failed(_)), "{last:?}");
        assert!(last.unbegun, "it would be undone");
        assert!(last.detail.as_ref().unwrap().contains("local_steps"));
    }
}

/// A run that lets half an hour pass, and when that is over.
fn waiting(core: &mut Core) -> (RunId, At) {
    let half_an_hour = Duration::from_mins(30);
    let (run, _) = core
        .create_now(new(doing(Act::Wait(half_an_hour)), None))
        .unwrap();
    core.go_on().unwrap();
    (run, waits_until(core, run).expect("it waits"))
}

fn waits_until(core: &Core, run: RunId) -> Option<At> {
    core.live_run(run).and_then(|live| live.run.waits_until())
}

#[tokio::test]
async fn a_clock_that_is_set_changes_no_length_of_what_runs_wait_for() {
    let (mut core, _inbox, _spool) = core(0);
    let (first, until) = waiting(&mut core);
    let (second, _) = waiting(&mut core);
    for by in [-3_600_000, 7_200_000] {
        let before = waits_until(&core, first).unwrap();
        core.clock_set(by, now().shifted(by)).unwrap();
        assert_eq!(waits_until(&core, first), Some(before.shifted(by)));
    }
    assert_eq!(waits_until(&core, first), Some(until.shifted(3_600_000)));
    assert!(waits_until(&core, second).is_some());
}

#[tokio::test]
async fn a_clock_that_went_back_while_the_machine_was_off_lengthens_no_wait() {
    let (mut core, _inbox, _spool) = core(0);
    let (run, _) = waiting(&mut core);
    let hour = 3_600_000;
    // As if all of it had happened while the clock was an hour ahead.
    core.clock_set(hour, now().shifted(hour)).unwrap();
    core.watch(Clock::default(), Away::Unknown).unwrap();
    let left = waits_until(&core, run).unwrap().since(now());
    assert!(
        left <= 30 * 60 * 1_000,
        "{left} ms are left of half an hour"
    );
    core.watch(Clock::default(), Away::Set(0)).unwrap();
    assert_eq!(
        waits_until(&core, run).unwrap().since(now()) / 60_000,
        left / 60_000
    );
}

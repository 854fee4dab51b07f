//! The core over a store in memory, with a directory that a test makes.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Core, NewRun};
use crate::engine::clients::Clients;
use crate::engine::directory::{Directory, Found};
use crate::engine::inbox::Inbox;
use crate::engine::spool::Spool;
use crate::engine::{Parts, Settings};
use crate::run::outcome::Outcome;
use crate::run::roles::Authority;
use crate::run::spec::{
    Access, Act, Exec, Lease, Rollout, RunKind, RunSpec, Step, StepRules, Target,
};
use crate::run::state::Run;
use crate::ssh::{Route, RunAsMethod, Ssh};
use crate::store::Store;
use crate::store::sim::{SimStore, Syncing};
use crate::wire::console::{InventoryPage, InventoryQuery};
use crate::wire::reply::Fault;
use crate::wire::request::HostsQuery;
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

impl Bench {
    fn start(reattach_s: u64) -> Self {
        let spool = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = SimStore::new(Syncing::Automatic);
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
            shared: false,
        };
        let parts = Parts {
            store,
            ssh: Ssh::new(crate::ssh::Settings::new("ann", spool.path())),
            settings: Arc::new(settings),
            spool: Arc::new(Spool::new(spool.path().to_owned())),
            pulled: Arc::new(crate::engine::pulled::Pulled::new(
                spool.path().join("pulled"),
            )),
            directory: Arc::new(Faulty),
            identities: Arc::default(),
            roles: Arc::default(),
            news: crate::engine::news::News::default(),
        };
        let (core, inbox) = Core::open(parts, Arc::new(Clients::default())).unwrap();
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
        let new = NewRun {
            spec: Arc::new(spec),
            digest: String::new(),
            stdin: None,
            by: "ann".to_owned(),
            authority: Arc::new(Authority::everything("ann")),
            origin: None,
            no_wait: false,
            parent: None,
        };
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

//! Tasks in flight: one for each busy host.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::Core;
use crate::engine::now;
use crate::engine::sink::TaskSigns;
use crate::engine::task::{Task, TaskKey, Work, reattach_delay};
use crate::run::ids::{HostIx, RunId};
use crate::run::spec::Act;
use crate::ssh::Hold;
use crate::store::Lsn;

/// A task that owns a busy host.
pub(super) struct Running {
    pub(super) key: TaskKey,
    pub(super) signs: Arc<TaskSigns>,
    cancel: CancellationToken,
}

/// How long a lost attempt has been looked for.
#[derive(Clone, Copy)]
pub(super) struct Lost {
    pub(super) since: Instant,
    pub(super) tries: u32,
    /// Whether the host ever said that the command runs.
    pub(super) started: bool,
}

/// All tasks in flight.
#[derive(Default)]
pub(super) struct Tasks {
    running: HashMap<(RunId, HostIx), Running>,
    pub(super) lost: HashMap<TaskKey, Lost>,
    /// Connections of runs that hold them all before the first command.
    held: HashMap<RunId, HashMap<HostIx, Hold>>,
}

impl Tasks {
    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    /// Forgets the task; whether it was the one that owns its host.
    pub(super) fn ended(&mut self, key: TaskKey) -> bool {
        let place = (key.run, key.host);
        let owns = self.running.get(&place).is_some_and(|task| task.key == key);
        if owns {
            self.running.remove(&place);
        }
        owns
    }

    /// Keeps a host's connection until its run is over, however many others are open.
    pub(super) fn keep(&mut self, key: TaskKey, hold: Hold) {
        self.held.entry(key.run).or_default().insert(key.host, hold);
    }

    pub(super) fn let_go(&mut self, run: RunId) {
        self.held.remove(&run);
    }

    pub(super) fn cancel_all(&self, run: RunId) {
        for task in self.of(run) {
            task.cancel.cancel();
        }
    }

    pub(super) fn signs(&self, run: RunId) -> impl Iterator<Item = (HostIx, &TaskSigns)> {
        self.of(run)
            .map(|task| (task.key.host, task.signs.as_ref()))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = TaskKey> + '_ {
        self.running.values().map(|task| task.key)
    }

    fn of(&self, run: RunId) -> impl Iterator<Item = &Running> {
        self.running
            .values()
            .filter(move |task| task.key.run == run)
    }
}

impl Core {
    /// Starts the task that will own this host; `reattach` follows a former one after a delay.
    pub(super) fn spawn_task(&mut self, key: TaskKey, intent: Lsn, reattach: Option<Duration>) {
        let Some(task) = self.make_task(key, intent, reattach) else {
            return;
        };
        let running = Running {
            key,
            signs: task.signs.clone(),
            cancel: task.cancel.clone(),
        };
        self.tasks.running.insert((key.run, key.host), running);
        tokio::spawn(task.run());
    }

    pub(super) fn spawn_forget(&self, key: TaskKey) {
        if let Some(task) = self.make_task(key, 0, Some(Duration::ZERO)) {
            tokio::spawn(async move { task.forget().await });
        }
    }

    pub(super) fn spawn_reattach(&mut self, run: RunId, hosts: &[HostIx], lsn: Lsn) {
        for &host in hosts {
            let Some(state) = self.runs.get(&run).and_then(|live| live.run.host(host)) else {
                continue;
            };
            let key = TaskKey {
                run,
                host,
                step: state.step,
                attempt: state.attempt,
            };
            let delay = self
                .tasks
                .lost
                .get(&key)
                .map_or(Duration::ZERO, |lost| reattach_delay(lost.tries));
            self.spawn_task(key, lsn, Some(delay));
        }
    }

    /// What the task of a flow's run does, worked out for its host.
    fn work_of(&self, key: TaskKey) -> Option<Work> {
        let live = self.runs.get(&key.run)?;
        let part = live.run.spec.step(key.step)?.part?;
        let Some(flow) = &live.flow else {
            return Some(Work {
                act: Err("the run's flow cannot be read; see the engine's log".to_owned()),
                registers: None,
                judge: None,
            });
        };
        Some(Work {
            act: flow.act(part, key.host, &live.run),
            registers: flow.registers(part).cloned(),
            judge: flow.judge(part, key.host, &live.run),
        })
    }

    fn make_task(&self, key: TaskKey, intent: Lsn, reattach: Option<Duration>) -> Option<Task> {
        let live = self.runs.get(&key.run)?;
        let wants_stdin = live
            .run
            .spec
            .step(key.step)
            .is_some_and(|step| matches!(&step.act, Act::Exec(exec) if exec.stdin));
        let cancel = CancellationToken::new();
        if live.run.aborted_by.is_some() {
            cancel.cancel();
        }
        Some(Task {
            key,
            root: self.root(key.run),
            spec: live.run.spec.clone(),
            work: self.work_of(key),
            parts: self.parts.clone(),
            inbox: self.inbox.clone(),
            signs: Arc::new(TaskSigns::begin()),
            cancel,
            durable: self.durable.clone(),
            intent,
            stdin: wants_stdin
                .then(|| self.stdin.get(&key.run).cloned())
                .flatten(),
            by: live.run.starter.clone(),
            reattach,
            since: live.run.host(key.host).map_or_else(now, |host| host.since),
        })
    }
}

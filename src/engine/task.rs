//! One attempt of one step on one host: the way there, the act, and the report.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::inbox::Inbox;
use super::sink::{TaskSigns, TaskSink};
use super::{Parts, now};
use crate::flow::metrics::Judge;
use crate::flow::register::{Register, Stream};
use crate::run::event::{Finished, OutputSum};
use crate::run::ids::{At, Attempt, HostIx, RunId, StepIx};
use crate::run::outcome::Outcome;
use crate::run::output::{ChunkBody, OutStream};
use crate::run::phases::Phases;
use crate::run::secret::Typed;
use crate::run::spec::{Act, Exec, Push, RunKind, RunSpec, Step};
use crate::ssh::{
    AttemptEnd, Durable, ExecSpec, Hold, Interpreter, Permit, PushSpec, Route, RunAs, Start,
};
use crate::store::{Durability, Lsn, OutputCursor, Store};

/// Names an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskKey {
    /// The run.
    pub run: RunId,
    /// The host.
    pub host: HostIx,
    /// The step.
    pub step: StepIx,
    /// The attempt.
    pub attempt: Attempt,
}

/// What a task tells the core.
pub enum Report {
    /// It ended.
    Finished(Box<Finished>),
    /// It ended well, and these values were in what it wrote.
    Registered(Box<Finished>, BTreeMap<String, String>),
    /// It connected, which was all it had to do; what keeps the connection comes with it.
    Connected(Box<Finished>, Hold),
    /// Nothing was sent for want of a credential.
    NoCredential(String),
    /// Nothing was sent for want of a secret that was typed.
    NoSecret(Typed),
    /// Nothing was sent because a named secret cannot be read now.
    Unread {
        /// Its name.
        secret: String,
        /// Why; a sentence.
        why: String,
    },
    /// The connection is gone while a durable command may be running.
    Lost {
        /// Why.
        why: String,
        /// Whether the host said that the command runs.
        started: bool,
    },
    /// An attempt that was looked for had never begun, and never will.
    NeverStarted(String),
}

/// What a task of a flow's run does.
pub(super) struct Work {
    /// The act on its host; `Err` says why there is none.
    pub(super) act: Result<Act, String>,
    /// Values to take from what it writes.
    pub(super) registers: Option<BTreeMap<String, Register>>,
    /// What a gate by metrics makes of a value.
    pub(super) judge: Option<Judge>,
}

/// What a task needs.
pub(super) struct Task {
    pub(super) key: TaskKey,
    /// The run that somebody started, of which this one is a part or which it is.
    pub(super) root: RunId,
    pub(super) spec: Arc<RunSpec>,
    /// In a flow: what is done on this host.
    pub(super) work: Option<Work>,
    pub(super) parts: Parts,
    pub(super) inbox: Inbox,
    pub(super) signs: Arc<TaskSigns>,
    pub(super) cancel: CancellationToken,
    pub(super) durable: watch::Receiver<Durability>,
    /// The intent; the act waits until it is durable.
    pub(super) intent: Lsn,
    pub(super) stdin: Option<Bytes>,
    pub(super) by: String,
    /// Follow an attempt that was started before, after this delay.
    pub(super) reattach: Option<Duration>,
    /// When it was dispatched.
    pub(super) since: At,
}

impl Task {
    /// Runs the attempt to its end and reports it.
    pub(super) async fn run(self) {
        if let Some(delay) = self.reattach {
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                // A cancelled reattach still goes to the host, to find and end the process.
                () = self.cancel.cancelled() => {}
            }
        }
        // A fault of ours must not leave a host "running" that nobody works on.
        let attempt = AssertUnwindSafe(self.attempt()).catch_unwind().await;
        let report = attempt.unwrap_or_else(|_| self.broken());
        if !report.goes_on() {
            self.parts.secrets.is_over(self.key);
        }
        self.inbox.report(self.key, report).await;
    }

    /// What is reported of an attempt that a fault of ours ended: a durable command goes on without
    /// us and is looked for again.
    fn broken(&self) -> Report {
        let durable = self.spec.step(self.key.step).is_some_and(Step::is_durable);
        if durable {
            let why = BROKEN.to_owned();
            return Report::Lost { why, started: true };
        }
        self.ended(Outcome::InDoubt, Some(BROKEN.to_owned()))
    }

    async fn attempt(&self) -> Report {
        let (Some(step), Some(target)) = (
            self.spec.step(self.key.step),
            self.spec.targets.get(self.key.host.index()),
        ) else {
            return self.ended(Outcome::NotStarted, Some("no such step".to_owned()));
        };
        let act = match &self.work {
            Some(Work { act: Err(why), .. }) => {
                return self.unbegun(Outcome::Failed(NO_TEXT), Some(why.clone()));
            }
            Some(Work { act: Ok(act), .. }) => act,
            None => &step.act,
        };
        // What is done here needs no way to the host.
        match act {
            Act::Local(local) => return self.local(step, local).await,
            Act::Http(http) => return self.http(step, http).await,
            Act::Metrics(metrics) => return self.metrics(step, metrics).await,
            _ => {}
        }
        let route = match self.parts.directory.route(&self.spec.access, target) {
            Ok(route) => route,
            Err(why) => return self.no_way(why),
        };
        match act {
            Act::Exec(exec) => self.exec(&route, step, exec).await,
            Act::Push(push) => self.push(&route, step, push).await,
            Act::Pull(pull) => self.pull(&route, step, pull).await,
            Act::Connect => self.connect(&route).await,
            // Done above, and by the run itself, once a batch.
            Act::Local(_) | Act::Http(_) | Act::Metrics(_) | Act::Wait(_) | Act::Approve(_) => {
                self.ended(Outcome::NotStarted, None)
            }
        }
    }

    /// The configuration leads nowhere. What was started before may run all the same.
    fn no_way(&self, why: String) -> Report {
        if self.reattach.is_none() {
            return self.ended(Outcome::Unreachable, Some(why));
        }
        if self.cancel.is_cancelled() {
            return self.ended(Outcome::InDoubt, Some(why));
        }
        Report::Lost {
            why,
            started: false,
        }
    }

    /// Leaves a connection in the pool; nothing is sent on it, so no intent has to be durable.
    async fn connect(&self, route: &Arc<Route>) -> Report {
        match self.parts.ssh.connect(route, &self.cancel).await {
            Ok(connected) => {
                let finished = Finished {
                    host: self.key.host,
                    step: self.key.step,
                    attempt: self.key.attempt,
                    outcome: Outcome::Ok,
                    detail: None,
                    phases: connected.phases,
                    output: OutputSum::default(),
                    unbegun: false,
                };
                Report::Connected(Box::new(finished), connected.hold)
            }
            Err(end) => self.report(end, OutputSum::default(), false),
        }
    }

    async fn exec(&self, route: &Arc<Route>, step: &Step, exec: &Exec) -> Report {
        if exec.stdin && self.stdin.is_none() && self.reattach.is_none() {
            return self.ended(Outcome::NotStarted, Some(INPUT_GONE.to_owned()));
        }
        let given = match self.given(&exec.env).await {
            Ok(given) => given,
            Err(report) => return report,
        };
        let redact = given.redact;
        let mut spec = self.exec_spec(step, exec);
        (spec.env, spec.secrets) = (given.env, given.secrets);
        let stored = self.stored_extent();
        let sink = self.sink(stored).without(&redact);
        let ssh = &self.parts.ssh;
        let end = if exec.durable {
            let durable = self.durable_attempt();
            let start = self.start_from(stored, redact.overlap());
            ssh.exec_durable(
                route,
                &spec,
                &durable,
                start,
                self.permit(),
                &sink,
                &self.cancel,
            )
            .await
        } else {
            ssh.exec(route, &spec, self.permit(), &sink, &self.cancel)
                .await
        };
        let host_dropped = match &end {
            AttemptEnd::Ended { capped, .. } => capped.unwrap_or(0),
            _ => 0,
        };
        // The end of a stream that goes on later may be half a secret.
        if matches!(end, AttemptEnd::Ended { .. }) {
            sink.show_rest().await;
        }
        // What was held back is stored also when the attempt will be followed again: the
        // reattach goes on behind it.
        let output = sink.finish(host_dropped).await;
        let report = self.report(end, output, sink.has_started());
        self.registered(report).await.without(&redact)
    }

    /// Takes the values that later steps need out of what a step wrote. A step that did not write
    /// them has failed, whatever its exit status.
    pub(super) async fn registered(&self, report: Report) -> Report {
        let registers = self.work.as_ref().and_then(|work| work.registers.clone());
        let Some(registers) = registers else {
            return report;
        };
        let mut finished = match report {
            Report::Finished(finished) if finished.outcome == Outcome::Ok => finished,
            other => return other,
        };
        let (store, key) = (self.parts.store.clone(), self.key);
        let taken = tokio::task::spawn_blocking(move || take_values(&*store, key, &registers));
        match taken.await.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(values) => Report::Registered(finished, values),
            Err(why) => {
                finished.outcome = Outcome::Failed(NO_TEXT);
                finished.detail = Some(why);
                Report::Finished(finished)
            }
        }
    }

    async fn push(&self, route: &Arc<Route>, step: &Step, push: &Push) -> Report {
        let parts = self.parts.clone();
        let blob = push.blob.clone();
        let spooled =
            tokio::task::spawn_blocking(move || parts.spool.file(parts.store.as_ref(), &blob));
        let source = match spooled.await {
            Ok(Ok(path)) => path,
            Ok(Err(error)) => return self.ended(Outcome::NotStarted, Some(error.to_string())),
            Err(error) => return self.ended(Outcome::NotStarted, Some(error.to_string())),
        };
        let spec = PushSpec {
            source,
            dest: push.dest.clone(),
            owner: push.owner.clone(),
            mode: push.mode,
            run_as: Some(self.parts.settings.run_as),
            timeout: step.timeout,
            connect_timeout: self.spec.access.connect_timeout,
        };
        let end = self
            .parts
            .ssh
            .push(route, &spec, self.permit(), &self.cancel)
            .await;
        self.report(end, OutputSum::default(), false)
    }

    /// Where its output goes, behind what is stored of it: bytes of stdout and of stderr.
    pub(super) fn sink(&self, stored: (u64, u64)) -> TaskSink {
        let settings = &self.parts.settings;
        TaskSink::new(
            self.parts.store.clone(),
            self.key,
            settings.output_budget,
            settings.output_tail,
            self.signs.clone(),
            stored,
        )
    }

    fn exec_spec(&self, step: &Step, exec: &Exec) -> ExecSpec {
        ExecSpec {
            command: exec.command.clone(),
            // Checks of ours are plain sh; a person's command is for the person's shell.
            interpreter: match self.spec.kind {
                // The quotes around values of a definition are those of a POSIX shell.
                RunKind::Exec if self.spec.flow.is_none() => Interpreter::LoginShell,
                _ => Interpreter::PosixShell,
            },
            env: Vec::new(),
            secrets: Vec::new(),
            stdin: self.stdin.clone(),
            run_as: exec.run_as.clone().map(|user| RunAs {
                user,
                method: self.parts.settings.run_as,
            }),
            timeout: step.timeout,
            connect_timeout: self.spec.access.connect_timeout,
            audit_tag: Some(self.audit_tag()),
        }
    }

    /// What the host's log is told: who does what, with whose key.
    fn audit_tag(&self) -> String {
        let (run, by) = (self.key.run, &self.by);
        match &self.spec.access.identity {
            Some(identity) => format!("conn run={run} by={by} identity={identity}"),
            None => format!("conn run={run} by={by}"),
        }
    }

    fn durable_attempt(&self) -> Durable {
        let TaskKey {
            run,
            host,
            step,
            attempt,
        } = self.key;
        let instance = &self.parts.settings.instance;
        Durable {
            attempt: format!("{instance}-{run}-{step}-{host}-{attempt}"),
            output_cap: self.parts.settings.host_output_cap,
        }
    }

    /// Removes what a durable attempt left on its host, after its result is stored.
    pub(super) async fn forget(&self) {
        let (Some(step), Some(target)) = (
            self.spec.step(self.key.step),
            self.spec.targets.get(self.key.host.index()),
        ) else {
            return;
        };
        let act = match &self.work {
            Some(Work { act: Ok(act), .. }) => act,
            Some(_) => return,
            None => &step.act,
        };
        let (Act::Exec(exec), Ok(route)) =
            (act, self.parts.directory.route(&self.spec.access, target))
        else {
            return;
        };
        let spec = self.exec_spec(step, exec);
        let durable = self.durable_attempt();
        if let Err(error) = self.parts.ssh.forget_attempt(&route, &spec, &durable).await {
            tracing::warn!(task = ?self.key, %error, "an attempt directory stays on its host");
        }
    }

    /// Where following goes on; a little before what is stored, so that a secret is seen that begins
    /// there.
    fn start_from(&self, (stdout, stderr): (u64, u64), overlap: u64) -> Start {
        if self.reattach.is_none() {
            return Start::Fresh;
        }
        Start::Reattach {
            stdout_from: stdout.saturating_sub(overlap),
            stderr_from: stderr.saturating_sub(overlap),
            asked: Duration::from_millis(now().since(self.since)),
            process: None,
        }
    }

    fn stored_extent(&self) -> (u64, u64) {
        if self.reattach.is_none() {
            return (0, 0);
        }
        let TaskKey {
            run,
            host,
            step,
            attempt,
        } = self.key;
        self.parts
            .store
            .output_extent(run.0, host.0, step.0, attempt.0)
            .unwrap_or_default()
    }

    /// Resolves when the intent is durable.
    pub(super) fn permit(&self) -> Permit<'_> {
        let mut durable = self.durable.clone();
        let intent = self.intent;
        Box::pin(async move {
            let state = durable
                .wait_for(|state| state.lsn >= intent || state.failed.is_some())
                .await
                .map_err(|_| "the engine is ending".to_owned())?;
            match &state.failed {
                Some(why) => Err(format!("the intent could not be stored: {why}")),
                None => Ok(()),
            }
        })
    }

    pub(super) fn report(&self, end: AttemptEnd, output: OutputSum, started: bool) -> Report {
        match end {
            // While an attempt is followed again, an unreachable host is `Lost`; what ends like
            // this has left no trace on a host that was reached.
            AttemptEnd::Ended {
                outcome: Outcome::Unreachable,
                detail,
                ..
            } if self.reattach.is_some() && self.stored_extent() == (0, 0) => {
                Report::NeverStarted(detail.unwrap_or_default())
            }
            AttemptEnd::Ended {
                outcome: Outcome::Unreachable,
                ..
            } if self.reattach.is_some() => {
                self.ended(Outcome::InDoubt, Some(TRACE_GONE.to_owned()))
            }
            AttemptEnd::Ended {
                outcome,
                detail,
                phases,
                ..
            } => Report::Finished(Box::new(Finished {
                host: self.key.host,
                step: self.key.step,
                attempt: self.key.attempt,
                outcome,
                detail,
                phases,
                output,
                unbegun: false,
            })),
            AttemptEnd::NoCredential { why } => Report::NoCredential(why),
            AttemptEnd::Lost { why, .. } => Report::Lost { why, started },
        }
    }

    pub(super) fn ended(&self, outcome: Outcome, detail: Option<String>) -> Report {
        Report::Finished(Box::new(Finished {
            host: self.key.host,
            step: self.key.step,
            attempt: self.key.attempt,
            outcome,
            detail,
            phases: Phases::default(),
            output: OutputSum::default(),
            unbegun: false,
        }))
    }

    /// An end before anything was sent, unless an engine before this one did.
    pub(super) fn unbegun(&self, outcome: Outcome, detail: Option<String>) -> Report {
        let mut report = self.ended(outcome, detail);
        if let Report::Finished(finished) = &mut report {
            finished.unbegun = self.reattach.is_none();
        }
        report
    }
}

/// The values that an attempt wrote.
fn take_values(
    store: &dyn Store,
    key: TaskKey,
    registers: &BTreeMap<String, Register>,
) -> Result<BTreeMap<String, String>, String> {
    let (stdout, stderr) = written(store, key)?;
    registers
        .iter()
        .map(|(name, register)| {
            let text = match register.from {
                Stream::Stdout => &stdout,
                Stream::Stderr => &stderr,
            };
            let value = register.capture(text);
            let value = value.map_err(|why| format!("no value for {name}: {why}"))?;
            Ok((name.clone(), value.for_journal().to_owned()))
        })
        .collect()
}

/// What an attempt wrote, standard output and standard error, as far as values are looked for in it.
fn written(store: &dyn Store, key: TaskKey) -> Result<(Vec<u8>, Vec<u8>), String> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut cursor = OutputCursor::default();
    loop {
        let page = store
            .read_host_output(key.run.0, key.host.0, cursor, LOOKED_THROUGH)
            .map_err(|error| error.to_string())?;
        for chunk in &page.chunks {
            if (chunk.step, chunk.attempt) != (key.step.0, key.attempt.0) {
                continue;
            }
            let text = match chunk.stream {
                OutStream::Stdout => &mut stdout,
                OutStream::Stderr => &mut stderr,
            };
            if let ChunkBody::Data(bytes) = &chunk.body {
                text.extend_from_slice(bytes);
            }
        }
        if stdout.len().max(stderr.len()) > LOOKED_THROUGH {
            return Err(format!(
                "it wrote more than {LOOKED_THROUGH} bytes, too many to look for values in"
            ));
        }
        cursor = page.next;
        if page.end {
            return Ok((stdout, stderr));
        }
    }
}

/// What is said of an attempt that ran, and whose directory is gone.
pub(super) const TRACE_GONE: &str = "the command was started, but what the host kept of it is \
     gone. Look at the host, then settle it";
/// The exit status that stands for a step whose texts could not be worked out (`EX_DATAERR`).
pub(super) const NO_TEXT: u32 = 65;
/// Bytes of output that values are looked for in.
const LOOKED_THROUGH: usize = 1 << 20;
const BROKEN: &str = "a fault in the engine ended the attempt; the engine's log has the place. Look \
     at the host, then settle it";
const INPUT_GONE: &str = "the input of --stdin was in the memory of an engine that ended; \
     start the run again with it";

/// How long to wait before following a lost attempt again: 1 s, doubling, at most 30 s.
pub(super) fn reattach_delay(tries: u32) -> Duration {
    Duration::from_secs(1 << tries.min(5)).min(Duration::from_secs(30))
}

/// Whether a lost attempt has been looked for long enough.
pub(super) fn give_up(since: Instant, limit_s: u64) -> bool {
    since.elapsed() > Duration::from_secs(limit_s)
}

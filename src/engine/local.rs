//! Commands on the engine's own machine, where its owner allowed them.
//!
//! They have a process group of their own, a clean environment and no input. What nobody waits for
//! any more is ended with its whole group.

use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use super::given::Given;
use super::sink::TaskSink;
use super::task::{Report, Task};
use crate::run::event::OutputSum;
use crate::run::outcome::Outcome;
use crate::run::output::OutStream;
use crate::run::phases::Phases;
use crate::run::spec::{Local, Step};
use crate::ssh::{AttemptEnd, Sink as _, Stage, signal_name};

/// Variables that a command gets of the engine's own.
const KEPT: [&str; 5] = ["PATH", "HOME", "USER", "LANG", "TZ"];
/// The shell's word for a command that cannot be executed.
const CANNOT: u32 = 126;
/// Between asking a group to end and ending it.
const GRACE: Duration = Duration::from_secs(5);
/// How long output is waited for that others hold open after the command has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// What is said where its owner did not allow them, or does not any more.
const NOT_ALLOWED: &str = "commands on the engine's machine are not allowed here: local_steps is not \
                           true under [engine] in conn.toml";
/// Bytes read at once.
const PIECE: usize = 32 * 1024;

impl Task {
    pub(super) async fn local(&self, step: &Step, local: &Local) -> Report {
        // Who owns the engine may have thought better of it since the run started.
        if !self.parts.settings.local_steps {
            return self.unbegun(Outcome::Failed(CANNOT), Some(NOT_ALLOWED.to_owned()));
        }
        let permit = tokio::select! {
            permit = self.permit() => permit,
            () = self.cancel.cancelled() => return self.unbegun(Outcome::Cancelled, None),
        };
        if let Err(why) = permit {
            return self.ended(Outcome::NotStarted, Some(why));
        }
        let given = match self.given(&local.env).await {
            Ok(given) => given,
            Err(report) => return report,
        };
        let mut child = match spawn(local, &given) {
            Ok(child) => child,
            Err(error) => {
                let why = format!("/bin/sh cannot be started here: {error}");
                return self.unbegun(Outcome::Failed(CANNOT), Some(why));
            }
        };
        let sink = self.sink((0, 0)).without(&given.redact);
        sink.stage(Stage::Running);
        sink.started(None);
        let began = Instant::now();
        let (outcome, detail) = self.follow(step, &mut child, &sink).await;
        let phases = Phases {
            run: Some(began.elapsed().as_secs_f64()),
            ..Phases::default()
        };
        sink.show_rest().await;
        let output: OutputSum = sink.finish(0).await;
        let end = AttemptEnd::ended(outcome, detail, phases);
        let report = self.registered(self.report(end, output, true)).await;
        report.without(&given.redact)
    }

    /// Waits for the end, or brings it about.
    async fn follow(
        &self,
        step: &Step,
        child: &mut Child,
        sink: &TaskSink,
    ) -> (Outcome, Option<String>) {
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let written = async {
            tokio::join!(
                pass_on(stdout, OutStream::Stdout, sink),
                pass_on(stderr, OutStream::Stderr, sink)
            )
        };
        tokio::pin!(written);
        let mut silent = false;
        let ended = tokio::select! {
            status = ended(child, written.as_mut(), &mut silent) => Ok(status),
            () = self.cancel.cancelled() => Err(Outcome::Cancelled),
            () = after(step.timeout) => Err(Outcome::TimedOut),
        };
        let told = match ended {
            Ok(Ok(status)) => outcome_of(status),
            Ok(Err(error)) => (Outcome::InDoubt, Some(error.to_string())),
            Err(outcome) => {
                sink.stage(Stage::Cancelling);
                kill(child).await;
                (outcome, None)
            }
        };
        if !silent {
            let _ = tokio::time::timeout(LAST_WORDS, written).await;
        }
        told
    }
}

fn spawn(local: &Local, given: &Given) -> std::io::Result<Child> {
    let secrets = given.secrets.iter();
    let kept = KEPT
        .into_iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)));
    Command::new("/bin/sh")
        .arg("-c")
        .arg(&local.command)
        .env_clear()
        .envs(kept)
        .envs(given.env.iter().map(|(name, value)| (name, value)))
        .envs(secrets.map(|(name, secret)| (name, secret.text())))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// The exit status, while output is passed on.
async fn ended(
    child: &mut Child,
    mut written: std::pin::Pin<&mut impl Future<Output = ((), ())>>,
    silent: &mut bool,
) -> std::io::Result<ExitStatus> {
    loop {
        tokio::select! {
            status = child.wait() => return status,
            _ = written.as_mut(), if !*silent => *silent = true,
        }
    }
}

async fn pass_on(from: Option<impl AsyncRead + Unpin>, stream: OutStream, sink: &TaskSink) {
    let Some(mut from) = from else { return };
    let mut offset = 0;
    let mut piece = vec![0; PIECE];
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        let bytes = Bytes::copy_from_slice(&piece[..read]);
        sink.output(stream, offset, bytes).await;
        offset += read as u64;
    }
}

async fn after(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

/// Ends the whole group, first by asking.
async fn kill(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let group = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw);
    let Some(group) = group else { return };
    // It may have ended just now.
    let _ = kill_process_group(group, Signal::TERM);
    let _ = tokio::time::timeout(GRACE, child.wait()).await;
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait().await;
}

fn outcome_of(status: ExitStatus) -> (Outcome, Option<String>) {
    use std::os::unix::process::ExitStatusExt as _;
    if let Some(number) = status.signal() {
        let name = signal_name(number.unsigned_abs());
        return (Outcome::Signaled(name), None);
    }
    let code = status.code().map_or(CANNOT, i32::unsigned_abs);
    (Outcome::from_status(code), None)
}

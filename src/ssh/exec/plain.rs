//! A plain command: it lives and dies with its channel.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use russh::ChannelWriteHalf;
use russh::client::Msg;
use tokio_util::sync::CancellationToken;

use super::super::clock;
use super::super::connect::Connection;
use super::super::end::AttemptEnd;
use super::super::error::SshError;
use super::super::front::Shared;
use super::super::route::Route;
use super::super::sink::{Permit, Sink, Stage};
use super::super::spec::ExecSpec;
use super::flow::{Drain as _, Flow, Step};
use super::ladder::{self, Fate};
use super::marker::Marker;
use super::open::{Errand, Session, open};
use super::{given, request, script};
use crate::run::outcome::Outcome;
use crate::run::phases::Phases;

/// After a command's end, whatever still comes after so long and so much is not its own output but
/// that of something it left running.
const LEFTOVER: (Duration, u64) = (Duration::from_secs(10), 4 << 20);

/// Runs a plain command.
pub(crate) async fn run(
    shared: &Arc<Shared>,
    route: &Arc<Route>,
    spec: &ExecSpec,
    permit: Permit<'_>,
    sink: &dyn Sink,
    cancel: &CancellationToken,
) -> AttemptEnd {
    let mut phases = Phases::default();
    match start(shared, route, spec, permit, sink, cancel, &mut phases).await {
        Err(error) => AttemptEnd::before_start(&error, phases),
        Ok(running) => running.follow(phases).await,
    }
}

/// Everything up to the sent request.
async fn start<'a>(
    shared: &'a Arc<Shared>,
    route: &'a Arc<Route>,
    spec: &'a ExecSpec,
    permit: Permit<'_>,
    sink: &'a dyn Sink,
    cancel: &'a CancellationToken,
    phases: &mut Phases,
) -> Result<Running<'a>, SshError> {
    let nonce = format!("{:016x}", clock::random());
    let line = request::line(&script::plain(spec, &nonce)?)?;
    let secrets = given::sent(spec, &nonce)?;
    let stage = |stage| sink.stage(stage);
    let errand = Errand {
        route,
        connect_timeout: spec.connect_timeout,
        cancel,
        stage: &stage,
    };
    let session = open(shared, &errand, phases).await?;
    permitted(permit, session.lease.connection(), cancel).await?;
    let facts = if spec.run_as.is_some() { 2 } else { 1 };
    let marker = Marker::new(script::mark(&nonce), facts);
    let Session {
        lease,
        channel,
        place,
    } = session;
    let (read, write) = channel.split();
    let gone = |_| SshError::Lost {
        why: lease.connection().farewell(),
    };
    write.exec(true, line).await.map_err(gone)?;
    sink.stage(Stage::Running);
    sink.started(None);
    let flow = Flow::new(read, sink, marker);
    Ok(Running {
        shared,
        spec,
        connection: Arc::clone(lease.connection()),
        flow,
        write,
        secrets,
        cancel,
        _kept: (lease, place),
    })
}

/// Waits for the word that the intent is durable.
pub(crate) async fn permitted(
    permit: Permit<'_>,
    connection: &Connection,
    cancel: &CancellationToken,
) -> Result<(), SshError> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(SshError::Cancelled),
        word = permit => word.map_err(|why| SshError::Invalid { why }),
        () = connection.ended() => Err(SshError::Lost { why: connection.farewell() }),
    }
}

/// A command whose request was sent.
struct Running<'a> {
    shared: &'a Arc<Shared>,
    spec: &'a ExecSpec,
    connection: Arc<Connection>,
    flow: Flow<'a>,
    write: ChannelWriteHalf<Msg>,
    /// What stands before the command's own input.
    secrets: Option<Bytes>,
    cancel: &'a CancellationToken,
    _kept: (super::super::pool::Lease, super::super::pool::Place),
}

/// Why the loop over a running command ended.
enum Stop {
    /// The channel ended, or all that belongs to the command has come.
    Over,
    /// What is left running keeps the channel open.
    Leftover,
    Refused,
    TimedOut,
    Cancelled,
}

impl Stop {
    /// Whether a step of the flow was its last.
    fn after(step: &Step) -> Option<Self> {
        match step {
            Step::Refused => Some(Self::Refused),
            Step::End => Some(Self::Over),
            Step::More => None,
        }
    }
}

impl Running<'_> {
    async fn follow(mut self, mut phases: Phases) -> AttemptEnd {
        let stop = self.watch().await;
        let (outcome, detail) = match stop {
            Stop::Refused => (
                Outcome::Unreachable,
                Some("The host would not run a command on the channel it opened.".to_owned()),
            ),
            Stop::TimedOut => self.kill(Outcome::TimedOut).await,
            Stop::Cancelled => self.kill(Outcome::Cancelled).await,
            Stop::Over => self.over(),
            Stop::Leftover => {
                let _ = self.write.close().await;
                let (outcome, _) = self.over();
                (outcome, Some("The command ended, but left something running that holds its output; what that writes from here on is not kept.".to_owned()))
            }
        };
        phases.first_byte = self.flow.first_byte();
        phases.run = Some(self.flow.elapsed().as_secs_f64());
        AttemptEnd::ended(outcome, detail, phases)
    }

    /// Drains the channel, feeds stdin, and watches the clock and the wish to stop.
    async fn watch(&mut self) -> Stop {
        let Self {
            flow,
            write,
            connection,
            spec,
            secrets,
            ..
        } = self;
        let feed = feed(write, secrets.take(), spec);
        tokio::pin!(feed);
        let mut feeding = true;
        let deadline = spec.timeout.map(|limit| Instant::now() + limit);
        loop {
            let quiet = flow.quiet_at(self.shared.settings.exit_quiet);
            tokio::select! {
                biased;
                () = self.cancel.cancelled(), if quiet.is_none() => return Stop::Cancelled,
                () = until(deadline), if quiet.is_none() => return Stop::TimedOut,
                () = until(quiet), if quiet.is_some() => {
                    if let Some(stop) = after_quiet(flow, connection).await {
                        return stop;
                    }
                }
                step = flow.step() => if let Some(stop) = Stop::after(&step) {
                    return stop;
                },
                () = &mut feed, if feeding => feeding = false,
            }
            if flow
                .since_exit()
                .is_some_and(|(time, bytes)| time > LEFTOVER.0 && bytes > LEFTOVER.1)
            {
                return Stop::Leftover;
            }
        }
    }

    async fn kill(&mut self, outcome: Outcome) -> (Outcome, Option<String>) {
        self.flow.stage(Stage::Cancelling);
        let settings = &self.shared.settings;
        let run_as = self.spec.run_as.as_ref();
        match ladder::stop(
            &self.connection,
            &self.write,
            &mut self.flow,
            run_as,
            settings,
        )
        .await
        {
            Fate::Gone => (outcome, None),
            Fate::Unknown(why) => (Outcome::InDoubt, Some(ladder::unsure(&outcome, &why))),
        }
    }

    fn over(&self) -> (Outcome, Option<String>) {
        match self.flow.exit() {
            Some(exit) => (exit.outcome(), self.not_become()),
            None if self.flow.was_closed() => (Outcome::InDoubt, Some("The host closed the channel without an exit status. Look on the host whether the command ran.".to_owned())),
            None => (
                Outcome::InDoubt,
                Some(format!("The connection was lost while the command ran: {}. Look on the host what became of it.", self.connection.farewell())),
            ),
        }
    }

    /// A sentence where the user could not be changed, so that nobody takes the refusal of `sudo`
    /// for the command's own failure.
    fn not_become(&self) -> Option<String> {
        let run_as = self.spec.run_as.as_ref()?;
        let became = self.flow.facts().iter().any(|fact| fact == "in");
        let started = self.flow.process().is_some();
        (started && !became).then(|| {
            format!(
                "The command was not started: {} did not let this login become {} without a password. Its own words are on standard error.",
                run_as.method.word(), run_as.user
            )
        })
    }
}

/// Sends secrets and standard input, then the end.
async fn feed(write: &ChannelWriteHalf<Msg>, secrets: Option<Bytes>, spec: &ExecSpec) {
    if let Some(secrets) = secrets {
        let _ = write.data_bytes(secrets).await;
    }
    if let Some(input) = &spec.stdin {
        let _ = write.data_bytes(input.clone()).await;
    }
    let _ = write.eof().await;
}

pub(crate) async fn until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when.into()).await,
        None => std::future::pending().await,
    }
}

/// Why to stop when the command has ended and its channel is quiet, if the host has nothing more to
/// send: the flow ended, or the host answered a question that it was asked after the silence began,
/// and nothing came before the answer.
///
/// The flow may end here, and what comes after its end is an end again at once: a caller that
/// waited for a quiet moment first would wait for ever.
async fn after_quiet(flow: &mut Flow<'_>, connection: &Connection) -> Option<Stop> {
    let before = flow.last_data();
    let asked = tokio::time::timeout(LEFTOVER.0, connection.ping());
    tokio::pin!(asked);
    loop {
        tokio::select! {
            biased;
            step = flow.step() => {
                let over = Stop::after(&step);
                if over.is_some() || flow.last_data() != before {
                    return over;
                }
            }
            _ = &mut asked => return Some(Stop::Leftover),
        }
    }
}

//! Commands that outlive their connection.
//!
//! A wrapper on the host runs the command in a session of its own and keeps its output in files;
//! a follower, on the channel that started it or on a later one, tells what is new. The attempt's
//! directory is the fence: whoever makes it starts the command, once and for all.
//!
//! - `find.sh`: where the directory is. `start.sh`: makes it, launches the wrapper, follows.
//! - `wrapper.sh`: runs the command. `follow.sh`: tells. `reattach.sh`: follows only. `forget.sh`:
//!   removes what is left.
//!
//! The scripts are POSIX sh for dash, bash and busybox, and know nothing that is not in every
//! Linux: no base64, no perl, no `sleep` with fractions if there is none.

pub(super) mod follow;
mod frames;
mod script;
#[cfg(test)]
mod shells;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use russh::ChannelWriteHalf;
use russh::client::Msg;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::clock;
use super::connect::Connection;
use super::end::AttemptEnd;
use super::error::SshError;
use super::exec::flow::{Drain as _, Step};
use super::exec::ladder::{self, Fate, Victim, beside, unsure};
use super::exec::open::{Errand, Session, open};
use super::exec::plain::{permitted, until};
use super::exec::request;
use super::front::Shared;
use super::route::Route;
use super::sink::{Permit, Sink, Stage};
use super::spec::{Durable, ExecSpec, Start};
use crate::run::outcome::Outcome;
use crate::run::phases::Phases;
use follow::Follow;

/// How long the wrapper may take to write down the end of a command that was killed.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How long the host may take to say which process runs before it cannot be killed.
const TELL: Duration = Duration::from_secs(10);

/// How long removing an attempt's directory may take.
const FORGET: Duration = Duration::from_secs(30);

/// A durable command to start or to follow.
pub(crate) struct Task<'a> {
    pub shared: &'a Arc<Shared>,
    pub route: &'a Arc<Route>,
    pub spec: &'a ExecSpec,
    pub durable: &'a Durable,
    pub sink: &'a dyn Sink,
    pub cancel: &'a CancellationToken,
}

impl Task<'_> {
    pub async fn run(self, start: Start, permit: Permit<'_>) -> AttemptEnd {
        let mut phases = Phases::default();
        let reattach = matches!(start, Start::Reattach { .. });
        match self.begin(&start, permit, &mut phases).await {
            Ok(running) => running.follow(&start, phases).await,
            Err(error) => match (error.no_credential(), reattach) {
                (None, true) => AttemptEnd::Lost {
                    why: error.to_string(),
                    phases,
                },
                _ => AttemptEnd::before_start(&error, phases),
            },
        }
    }

    /// Everything up to the sent request.
    async fn begin<'b>(
        &'b self,
        start: &Start,
        permit: Permit<'_>,
        phases: &mut Phases,
    ) -> Result<Running<'b>, SshError> {
        let nonce = format!("{:016x}", clock::random());
        let (mut script, from) = self.script(start, &nonce)?;
        let fresh = *start == Start::Fresh;
        let never = CancellationToken::new();
        let cancel = if fresh { self.cancel } else { &never };
        let shown = |stage| if fresh { stage } else { Stage::Reattaching };
        let stage = |stage| self.sink.stage(shown(stage));
        let errand = Errand {
            route: self.route,
            connect_timeout: self.spec.connect_timeout,
            cancel,
            stage: &stage,
        };
        let session = open(self.shared, &errand, phases).await?;
        permitted(permit, session.lease.connection(), cancel).await?;
        let Session {
            lease,
            channel,
            place,
        } = session;
        let (read, write) = channel.split();
        let gone = |_| SshError::Lost {
            why: lease.connection().farewell(),
        };
        write.exec(true, script::REQUEST).await.map_err(gone)?;
        stage(Stage::Running);
        let follow = Follow::new(read, self.sink, script::greeting(&nonce), from);
        Ok(Running {
            task: self,
            connection: Arc::clone(lease.connection()),
            follow,
            write,
            script: Bytes::from_owner(Zeroizing::new(std::mem::take(&mut *script).into_bytes())),
            _kept: (lease, place),
        })
    }

    /// What to have the host's shell do, and the offsets at which output goes on.
    fn script(
        &self,
        start: &Start,
        nonce: &str,
    ) -> Result<(Zeroizing<String>, [u64; 2]), SshError> {
        match start {
            Start::Fresh => Ok((script::start(self.spec, self.durable, nonce)?, [0, 0])),
            Start::Reattach {
                stdout_from,
                stderr_from,
                ..
            } => {
                let from = [*stdout_from, *stderr_from];
                Ok((script::reattach(self.durable, from, nonce)?, from))
            }
        }
    }
}

/// A follower that was asked to follow.
struct Running<'a> {
    task: &'a Task<'a>,
    connection: Arc<Connection>,
    follow: Follow<'a>,
    write: ChannelWriteHalf<Msg>,
    script: Bytes,
    _kept: (super::pool::Lease, super::pool::Place),
}

impl Running<'_> {
    async fn follow(mut self, start: &Start, mut phases: Phases) -> AttemptEnd {
        let outcome = match self.watch().await {
            None => None,
            Some(wanted) => self.kill(wanted).await,
        };
        let _ = self.write.close().await;
        phases.first_byte = self.follow.first_byte();
        phases.run = Some(self.follow.elapsed().as_secs_f64());
        match outcome {
            Some((outcome, detail)) => AttemptEnd::Ended {
                outcome,
                detail,
                phases,
                capped: self.follow.capped(),
            },
            None => self
                .follow
                .end(start, self.task.spec, &self.connection, phases),
        }
    }

    /// Follows to the last word; else says what is to be made of the command.
    async fn watch(&mut self) -> Option<Outcome> {
        let Self {
            follow,
            write,
            script,
            task,
            ..
        } = self;
        let feed = async {
            let _ = write.data_bytes(script.clone()).await;
            let _ = write.eof().await;
        };
        tokio::pin!(feed);
        let mut feeding = true;
        let (mut wish, mut waited) = (None, false);
        let mut deadline = task.spec.timeout.map(|limit| Instant::now() + limit);
        loop {
            tokio::select! {
                biased;
                () = task.cancel.cancelled(), if wish.is_none() => wish = Some(Outcome::Cancelled),
                () = until(deadline), if wish.is_none() => wish = Some(Outcome::TimedOut),
                () = until(deadline), if wish.is_some() => return wish,
                step = follow.step() => if step != Step::More { return None },
                () = &mut feed, if feeding => feeding = false,
            }
            if wish.is_some() {
                if follow.child().is_some() {
                    return wish;
                }
                // Nothing can be killed before the host has said what; it gets a moment for that.
                deadline = deadline.filter(|_| waited).or(Some(Instant::now() + TELL));
                waited = true;
            }
        }
    }

    /// Kills the command; `None` where what became of it is for the follower to say.
    async fn kill(&mut self, outcome: Outcome) -> Option<(Outcome, Option<String>)> {
        self.task.sink.stage(Stage::Cancelling);
        let Some((pid, start)) = self.follow.child() else {
            return Some((
                Outcome::InDoubt,
                Some(unsure(
                    &outcome,
                    "the host has not said which process it is",
                )),
            ));
        };
        let victim = Victim {
            pid,
            start_time: Some(start),
            run_as: self.task.spec.run_as.as_ref(),
        };
        let grace = self.task.shared.settings.kill_grace;
        let fate = beside(
            &mut self.follow,
            ladder::kill(&self.connection, &victim, grace),
        )
        .await;
        match fate {
            Fate::Gone => {
                let _ = tokio::time::timeout(LAST_WORDS, self.follow.drain()).await;
                Some((outcome, None))
            }
            Fate::Unknown(_) if !self.connection.is_alive() => None,
            Fate::Unknown(why) => Some((Outcome::InDoubt, Some(unsure(&outcome, &why)))),
        }
    }
}

/// Removes an attempt's directory.
pub(crate) async fn forget(
    shared: &Arc<Shared>,
    route: &Arc<Route>,
    spec: &ExecSpec,
    durable: &Durable,
) -> Result<(), SshError> {
    let line = request::line(&script::forget(durable)?)?;
    let cancel = CancellationToken::new();
    let errand = Errand {
        route,
        connect_timeout: spec.connect_timeout,
        cancel: &cancel,
        stage: &|_| {},
    };
    let session = open(shared, &errand, &mut Phases::default()).await?;
    let gone = session.lease.connection().farewell();
    let removed = tokio::time::timeout(FORGET, ladder::ask(session.channel, line)).await;
    match removed {
        Ok(Some(said)) if said.contains("conn-forgot") => Ok(()),
        Ok(Some(_)) => Err(SshError::Denied {
            what: format!(
                "did not remove the directory of attempt {}",
                durable.attempt
            ),
        }),
        Ok(None) => Err(SshError::Lost { why: gone }),
        Err(_) => Err(SshError::Timeout {
            phase: "Removing the attempt's directory",
            after: FORGET,
        }),
    }
}

//! How tasks and clients reach the core.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::core::{Core, NewRun};
use super::task::{Report, TaskKey};
use crate::run::ids::RunId;
use crate::run::roles::Authority;
use crate::run::secret::{Secret, Typed};
use crate::wire::reply::Fault;
use crate::wire::request::Steer;
use crate::wire::view::RunView;

/// Messages that may wait before senders do.
const DEPTH: usize = 4096;

/// What the core is told.
pub(super) enum Message {
    /// A person starts a run.
    Create {
        /// The run to be.
        new: Box<NewRun>,
        /// Answered when it is durable.
        reply: oneshot::Sender<Result<RunId, Fault>>,
    },
    /// A person steers a run.
    Steer {
        /// The run.
        run: RunId,
        /// Who asks, and what they may do.
        authority: Arc<Authority>,
        /// What to do.
        act: Steer,
        /// Answered when it is durable.
        reply: oneshot::Sender<Result<RunView, Fault>>,
    },
    /// A task has something to say.
    Report {
        /// Which task.
        task: TaskKey,
        /// What it says.
        report: Report,
    },
    /// A login with an agent arrived: parked hosts may go on.
    CredentialsArrived,
    /// A task that follows an attempt again waits for a secret that was typed.
    SecretLacking {
        /// The run.
        run: RunId,
        /// What stands for it.
        typed: Typed,
    },
    /// Named secrets that hosts of a run wait for were looked for.
    SecretsLooked {
        /// The run.
        run: RunId,
        /// Whether one of them can be read.
        readable: bool,
    },
    /// A secret is known again.
    SecretGiven {
        /// The run that somebody started.
        run: RunId,
        /// It, under its parameter.
        secret: Secret,
        /// Who typed it.
        by: String,
        /// Answered when that is durable.
        reply: oneshot::Sender<Result<(), Fault>>,
    },
    /// Somebody wants to look. The closure answers by itself.
    Look(Box<dyn FnOnce(&Core) + Send>),
    /// Start nothing new; answered when no plain task is left.
    Drain {
        /// Answered when it is so.
        reply: oneshot::Sender<()>,
    },
}

/// A way to the core. Cheap to clone.
#[derive(Clone)]
pub struct Inbox(mpsc::Sender<Message>);

/// The core is gone: the engine is ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the engine is ending. Try again in a moment")]
pub struct CoreGone;

impl From<CoreGone> for Fault {
    fn from(gone: CoreGone) -> Self {
        Self::ending(gone.to_string())
    }
}

impl Inbox {
    /// An inbox and the end that the core reads.
    pub(super) fn new() -> (Self, mpsc::Receiver<Message>) {
        let (sender, receiver) = mpsc::channel(DEPTH);
        (Self(sender), receiver)
    }

    /// Starts a run; returns when that is durable.
    pub async fn create(&self, new: NewRun) -> Result<RunId, Fault> {
        let new = Box::new(new);
        self.ask(|reply| Message::Create { new, reply }).await?
    }

    /// Steers a run; returns when that is durable.
    pub async fn steer(
        &self,
        run: RunId,
        authority: Arc<Authority>,
        act: Steer,
    ) -> Result<RunView, Fault> {
        self.ask(|reply| Message::Steer {
            run,
            authority,
            act,
            reply,
        })
        .await?
    }

    /// Looks at the core's state.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Core) -> T + Send + 'static,
    ) -> Result<T, CoreGone> {
        self.ask(|reply| {
            Message::Look(Box::new(move |core| {
                // The asker may have gone; then nobody misses the answer.
                let _ = reply.send(look(core));
            }))
        })
        .await
    }

    /// Stops new work; returns when no task is left that a restart would lose.
    pub async fn drain(&self) -> Result<(), CoreGone> {
        self.ask(|reply| Message::Drain { reply }).await
    }

    /// Tells that a login with an agent arrived.
    pub async fn credentials_arrived(&self) {
        // An engine that is ending has no use for credentials.
        let _ = self.0.send(Message::CredentialsArrived).await;
    }

    /// Tells that a secret is known again; returns when that is durable.
    pub async fn secret_given(&self, run: RunId, secret: Secret, by: String) -> Result<(), Fault> {
        self.ask(|reply| Message::SecretGiven {
            run,
            secret,
            by,
            reply,
        })
        .await?
    }

    /// Tells that a task waits for a secret.
    pub(super) async fn secret_lacking(&self, run: RunId, typed: Typed) {
        // An engine that is ending has nobody to tell.
        let _ = self.0.send(Message::SecretLacking { run, typed }).await;
    }

    /// Tells whether secrets can be read again that hosts of a run wait for.
    pub(super) async fn secrets_looked(&self, run: RunId, readable: bool) {
        let looked = Message::SecretsLooked { run, readable };
        // An engine that is ending looks for them when it is back.
        let _ = self.0.send(looked).await;
    }

    /// Tells what a task has to say.
    pub(super) async fn report(&self, task: TaskKey, report: Report) {
        // An engine that is ending recovers the task from the journal.
        let _ = self.0.send(Message::Report { task, report }).await;
    }

    async fn ask<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<T>) -> Message,
    ) -> Result<T, CoreGone> {
        let (sender, receiver) = oneshot::channel();
        self.0.send(message(sender)).await.map_err(|_| CoreGone)?;
        receiver.await.map_err(|_| CoreGone)
    }
}

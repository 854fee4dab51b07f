//! The room's front door.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::auth::FilesRead;
use super::auth::agents::Agents;
use super::auth::files::KeyFiles;
use super::auth::passphrases::Passphrases;
use super::connect::{Accepted, Configs, Wish};
use super::durable;
use super::end::{AttemptEnd, Connected};
use super::error::SshError;
use super::exec;
use super::pool::{Pool, PoolStats};
use super::push;
use super::route::{Hop, Route};
use super::settings::Settings;
use super::sink::{Permit, Sink};
use super::spec::{Durable, ExecSpec, PullSpec, PushSpec, Start};
use crate::run::phases::Phases;

/// What all attempts share.
pub(crate) struct Shared {
    pub settings: Settings,
    pub agents: Agents,
    pub passphrases: Passphrases,
    pub key_files: KeyFiles,
    pub files_read: FilesRead,
    pub accepted: Arc<Accepted>,
    pub configs: Configs,
    pub pool: Pool,
    /// Places for connections in the making.
    pub connecting: Semaphore,
}

/// Runs things on hosts over SSH. Clones share connections, agents and passphrases.
#[derive(Clone)]
pub struct Ssh {
    shared: Arc<Shared>,
}

impl Ssh {
    /// A room without connections.
    pub fn new(settings: Settings) -> Self {
        let pool = Pool::new(settings.channels_per_host, settings.idle_connections);
        let connecting = Semaphore::new(settings.connecting.max(1));
        Self {
            shared: Arc::new(Shared {
                settings,
                agents: Agents::default(),
                passphrases: Passphrases::default(),
                key_files: KeyFiles::default(),
                files_read: FilesRead::default(),
                accepted: Arc::default(),
                configs: Configs::default(),
                pool,
                connecting,
            }),
        }
    }

    /// The agents of attached clients.
    pub fn agents(&self) -> &Agents {
        &self.shared.agents
    }

    /// The passphrases that clients offered.
    pub fn passphrases(&self) -> &Passphrases {
        &self.shared.passphrases
    }

    /// Connects and authenticates, and leaves the connection in the pool, where it stays at least
    /// while what keeps it is there. The error is the end that a task would have had.
    pub async fn connect(
        &self,
        route: &Arc<Route>,
        cancel: &CancellationToken,
    ) -> Result<Connected, AttemptEnd> {
        let whole = route
            .options
            .connect_timeout
            .unwrap_or(self.shared.settings.timeouts.connect);
        let wish = Wish {
            hop: Hop::target(route),
            whole,
            cancel,
            stage: &|_| {},
        };
        let mut phases = Phases::default();
        match self
            .shared
            .pool
            .lease(&self.shared, &wish, &mut phases)
            .await
        {
            Ok(found) => Ok(Connected {
                phases,
                banner: found.lease.connection().banner(),
                hold: found.lease.into_hold(),
            }),
            Err(error) => Err(AttemptEnd::before_start(&error, phases)),
        }
    }

    /// Runs a command that ends with its channel: when the connection is lost, nobody knows what
    /// becomes of it. Dropping the future leaves the command to itself.
    pub async fn exec(
        &self,
        route: &Arc<Route>,
        spec: &ExecSpec,
        permit: Permit<'_>,
        sink: &dyn Sink,
        cancel: &CancellationToken,
    ) -> AttemptEnd {
        exec::plain::run(&self.shared, route, spec, permit, sink, cancel).await
    }

    /// Runs a command that outlives its connection, or follows one that does. The process on the
    /// host goes on when the connection is lost, and when the future is dropped.
    ///
    /// `spec.timeout` counts from this call. A [`Start::Reattach`] is not held up by a cancel that
    /// came before: it connects and then kills.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a thing of its own, and named at the call"
    )]
    pub async fn exec_durable(
        &self,
        route: &Arc<Route>,
        spec: &ExecSpec,
        durable: &Durable,
        start: Start,
        permit: Permit<'_>,
        sink: &dyn Sink,
        cancel: &CancellationToken,
    ) -> AttemptEnd {
        let task = durable::Task {
            shared: &self.shared,
            route,
            spec,
            durable,
            sink,
            cancel,
        };
        task.run(start, permit).await
    }

    /// Removes what a durable attempt left on its host. To be called when its result is stored.
    pub async fn forget_attempt(
        &self,
        route: &Arc<Route>,
        spec: &ExecSpec,
        durable: &Durable,
    ) -> Result<(), SshError> {
        durable::forget(&self.shared, route, spec, durable).await
    }

    /// Puts a file on the host, whole or not at all.
    pub async fn push(
        &self,
        route: &Arc<Route>,
        push: &PushSpec,
        permit: Permit<'_>,
        cancel: &CancellationToken,
    ) -> AttemptEnd {
        push::run(&self.shared, route, push, permit, cancel).await
    }

    /// Fetches a file from the host, whole or not at all.
    pub async fn pull(
        &self,
        route: &Arc<Route>,
        pull: &PullSpec,
        permit: Permit<'_>,
        cancel: &CancellationToken,
    ) -> AttemptEnd {
        push::pull::run(&self.shared, route, pull, permit, cancel).await
    }

    /// Figures of the pool.
    pub fn stats(&self) -> PoolStats {
        self.shared.pool.stats()
    }

    /// Closes connections that have no work.
    pub async fn close_idle(&self) {
        self.shared.pool.close_idle().await;
    }

    /// Closes all connections. Plain commands that run are cut off; durable ones go on.
    pub async fn shutdown(&self) {
        self.shared.pool.shutdown().await;
    }
}

//! The engine inside another process: no socket, no log, no lock, and a store that is given.
//!
//! For `conn run --ephemeral`, over a store in memory. It is the engine itself: what is started,
//! how, and what is made of its end are the same. It must never write to the disk by itself. It is
//! private, wherever its settings were read.

use std::sync::Arc;
use std::time::Instant;

use tokio::io::DuplexStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{DaemonError, Paths, open_site, parts, raise_file_limit};
use crate::engine::clients::Clients;
use crate::engine::core::{Core, CoreError};
use crate::engine::serve::{Control, ProcessInfo, Server};
use crate::ssh::Ssh;
use crate::store::Store;
use crate::store::sim::{SimStore, Syncing};

/// Bytes on their way between the engine and a client here.
const IN_FLIGHT: usize = 1 << 20;

/// An engine in this process.
pub struct Inside {
    server: Arc<Server>,
    ssh: Ssh,
    core: JoinHandle<Result<(), CoreError>>,
    stop: oneshot::Sender<()>,
    /// Nobody ends this engine by a request: what comes is left unread.
    _controls: mpsc::Receiver<Control>,
}

impl Inside {
    /// An engine that keeps everything in memory, with the site's settings where they can be read.
    pub fn ephemeral(paths: &Paths) -> Result<Self, DaemonError> {
        raise_file_limit();
        Self::over(paths, SimStore::new(Syncing::Automatic))
    }

    /// An engine over this store.
    pub fn over(paths: &Paths, store: Arc<dyn Store>) -> Result<Self, DaemonError> {
        let site = open_site(paths)?;
        let in_memory = site.settings().run.output_memory.bytes();
        let instance = uuid::Uuid::new_v4().simple().to_string();
        let mut parts = parts(paths, site, store, instance, false, None)?;
        let mut settings = (*parts.settings).clone();
        settings.output_budget = settings.output_budget.min(in_memory);
        settings.output_tail = settings.output_tail.min(settings.output_budget / 4);
        parts.settings = Arc::new(settings);

        let clients = Arc::new(Clients::default());
        let (core, inbox) = Core::open(parts.clone(), clients.clone())?;
        let (stop, stopped) = oneshot::channel();
        let core = tokio::spawn(core.run(stopped));
        let (control, controls) = mpsc::channel(1);
        let ssh = parts.ssh.clone();
        let process = ProcessInfo {
            started: Instant::now(),
            state_dir: "memory".to_owned(),
        };
        let server = Arc::new(Server::new(parts, inbox, clients, process, control));
        Ok(Self {
            server,
            ssh,
            core,
            stop,
            _controls: controls,
        })
    }

    /// A stream to the engine, for one client.
    pub fn stream(&self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(IN_FLIGHT);
        let own = rustix::process::geteuid().as_raw();
        tokio::spawn(self.server.clone().serve(ours, own));
        theirs
    }

    /// Ends it, connections and all.
    pub async fn end(self) {
        // A core that failed has ended by itself, and its clients were told why.
        let _ = self.stop.send(());
        let _ = self.core.await;
        self.ssh.shutdown().await;
    }
}

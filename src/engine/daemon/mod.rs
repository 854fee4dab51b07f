//! The engine as a process: from an empty terminal to a socket that answers, and back.

mod claim;
mod idle;
pub mod inside;
mod listen;
mod log;
mod settings;
mod upgrade;

use std::sync::Arc;
use std::time::Instant;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use super::clients::Clients;
use super::clock::Clock;
use super::core::Core;
use super::directory::SiteDirectory;
use super::heads::Heads;
use super::identities::Identities;
use super::news::News;
use super::pulled::Pulled;
use super::retention::keep_within;
use super::roles::Roles;
use super::secrets::Secrets;
use super::serve::{Control, ProcessInfo, Server};
use super::{Parts, people};
use crate::run::duration::HumanDuration;
use crate::site::openssh::Owner;
use crate::site::{Paths, Site, directories, identities, secrets};
use crate::ssh::Ssh;
use crate::store::Store;

use claim::Claim;
use listen::{Door, Listener};

/// Why the engine could not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The state directory cannot be used.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// Nothing can be stored any more.
    #[error(transparent)]
    Core(#[from] super::core::CoreError),
    /// The site's configuration is wrong.
    #[error("{0}")]
    Site(String),
    /// The system refused something.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        error: std::io::Error,
    },
}

impl DaemonError {
    fn io(what: impl Into<String>, error: std::io::Error) -> Self {
        Self::Io {
            what: what.into(),
            error,
        }
    }
}

/// Is the engine of this instance until it is told to end.
pub async fn run(paths: Paths, background: bool) -> Result<(), DaemonError> {
    if background {
        // A session of its own: the terminal that started us may go. Fails only for a process
        // that leads one already, which is as good.
        let _ = rustix::process::setsid();
    }
    refuse_root(&paths)?;
    prepare_directories(&paths)?;
    let site = open_site(&paths)?;
    identities::check_files(site.settings(), rustix::process::geteuid().as_raw())
        .map_err(|error| DaemonError::Site(error.to_string()))?;
    if paths.is_shared() {
        secrets::check_shared(site.settings())
            .map_err(|error| DaemonError::Site(error.to_string()))?;
    }
    let _log = log::start(&paths, &site.settings().engine, background)?;
    log::tell_of_panics();
    raise_file_limit();
    let claimed = claim::claim(&paths, &settings::store(&site), background).await?;
    let store: Arc<dyn Store> = match claimed {
        Claim::Ours(store) => Arc::new(store),
        Claim::Theirs => {
            log::say_ready();
            return Ok(());
        }
    };
    let instance = settings::instance(&paths)?;
    let heads = heads(&site, &store, &instance);
    let telling = heads
        .clone()
        .map(|heads| tokio::spawn(heads.keep_telling()));
    let outcome = serve(&paths, site, store.clone(), instance, background).await;
    if let (Some(telling), Some(heads)) = (telling, heads) {
        telling.abort();
        heads.tell_last().await;
    }
    let closing = tokio::task::spawn_blocking(move || store.close()).await;
    if let Ok(Err(error)) = closing {
        tracing::error!(%error, "the store did not close in order");
    }
    match outcome? {
        Ending::Stopped => Ok(()),
        Ending::Upgrade { listener, program } => upgrade::exec(&paths, listener, program),
    }
}

enum Ending {
    Stopped,
    Upgrade {
        listener: Listener,
        program: Option<String>,
    },
}

async fn serve(
    paths: &Paths,
    site: Site,
    store: Arc<dyn Store>,
    instance: String,
    background: bool,
) -> Result<Ending, DaemonError> {
    let retention = settings::retention(&site);
    let idle_stop = site.settings().engine.idle_stop.map(HumanDuration::get);
    let door = door(paths, &site);
    let salt = paths.state.join("secrets.salt");
    let shared = paths.is_shared();
    let parts = parts(paths, site, store.clone(), instance, shared, Some(&salt))?;
    parts
        .spool
        .clear()
        .map_err(|error| DaemonError::io("emptying the spool", error))?;
    tokio::spawn(keep_within(store, parts.pulled.clone(), retention));
    know_roles(&parts);
    let clients = Arc::new(Clients::default());
    let (mut core, inbox) = Core::open(parts.clone(), clients.clone())?;
    let (clock, away) = Clock::of(&paths.state);
    core.watch(clock, away)?;
    let (stop_core, stopped) = oneshot::channel();
    let mut core = tokio::spawn(core.run(stopped));
    let (control, mut controls) = mpsc::channel(4);
    let process = ProcessInfo {
        started: Instant::now(),
        state_dir: paths.state.display().to_string(),
    };
    let server = Server::new(
        parts.clone(),
        inbox.clone(),
        clients.clone(),
        process,
        control,
    );
    let server = Arc::new(server);
    let mut listener = Listener::open(paths, door)?;
    listener.announce(paths)?;
    tracing::info!(socket = %listener.path().display(), "ready");
    if background {
        log::say_ready();
    }
    let mut signals = Signals::new()?;
    let ending = loop {
        tokio::select! {
            accepted = listener.accept(paths) => accepted_client(&server, accepted),
            control = controls.recv() => match control {
                Some(Control::Upgrade(program)) => break Ok(Some(program)),
                Some(Control::Stop) | None => break Ok(None),
            },
            () = signals.stop() => {
                tracing::info!("told to end by a signal");
                break Ok(None);
            }
            () = idle::idle_for(idle_stop, &inbox, &clients) => {
                tracing::info!("nothing to do and nobody here: ending");
                break Ok(None);
            }
            ended = &mut core => break Err(ended),
        }
    };
    match ending {
        Err(ended) => {
            listener.retire(paths);
            ended.unwrap_or_else(|error| {
                tracing::error!(%error, "the core failed");
                Ok(())
            })?;
            Ok(Ending::Stopped)
        }
        Ok(next) => {
            // The core may have ended by itself just now; then there is nobody to tell.
            let _ = stop_core.send(());
            if let Ok(Err(error)) = core.await {
                tracing::error!(%error, "the core ended badly");
            }
            parts.ssh.shutdown().await;
            if let Some(program) = next {
                return Ok(Ending::Upgrade { listener, program });
            }
            listener.retire(paths);
            Ok(Ending::Stopped)
        }
    }
}

fn accepted_client(server: &Arc<Server>, accepted: std::io::Result<(tokio::net::UnixStream, u32)>) {
    match accepted {
        Ok((stream, uid)) => {
            tokio::spawn(server.clone().serve(stream, uid));
        }
        Err(error) => tracing::warn!(%error, "a client could not be let in"),
    }
}

struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> Result<Self, DaemonError> {
        let listen =
            |kind| signal(kind).map_err(|error| DaemonError::io("listening for signals", error));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Resolves when the process is told to end. A hang-up is none of our business: the terminal
    /// that started the engine may go.
    async fn stop(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => {}
            }
        }
    }
}

fn parts(
    paths: &Paths,
    site: Site,
    store: Arc<dyn Store>,
    instance: String,
    shared: bool,
    salt: Option<&std::path::Path>,
) -> Result<Parts, DaemonError> {
    let settings = Arc::new(settings::engine(&site, instance, shared));
    let identities = Arc::new(Identities::of(site.settings(), shared));
    let roles = Arc::new(Roles::of(site.settings(), shared));
    let secrets = Secrets::open(site.settings(), shared, salt)
        .map_err(|error| DaemonError::io("the salt of secrets", error))?;
    let ssh = Ssh::new(settings::ssh(&site));
    let spool = Arc::new(super::spool::Spool::new(paths.state.join("spool")));
    let pulled = Arc::new(Pulled::new(paths.state.join("pulled")));
    let http = crate::http::Client::new(site.settings().http.ca.clone());
    Ok(Parts {
        spool,
        pulled,
        store,
        ssh,
        http,
        settings,
        directory: Arc::new(SiteDirectory::new(site, identities.clone())),
        identities,
        secrets: Arc::new(secrets),
        roles,
        news: News::default(),
    })
}

/// Says who may do what, and looks up the hosts of limited roles before somebody asks.
fn know_roles(parts: &Parts) {
    if !parts.settings.shared {
        return;
    }
    tracing::info!(roles = parts.roles.in_words(), "who may do what");
    let parts = parts.clone();
    tokio::task::spawn_blocking(move || parts.roles.work_out(parts.directory.as_ref()));
}

/// An engine for several people holds keys of all of them: it must not be root's as well.
fn refuse_root(paths: &Paths) -> Result<(), DaemonError> {
    if !paths.is_shared() || !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(DaemonError::Site(
        "a shared engine runs as an account of its own, not as root: start it with \
         config/systemd/conn-shared.service, or: runuser -u conn -- conn --shared engine run"
            .to_owned(),
    ))
}

fn door(paths: &Paths, site: &Site) -> Door {
    if !paths.is_shared() {
        return Door::Private;
    }
    let group = site.settings().engine.socket_group.clone();
    if group.is_none() {
        tracing::warn!("[engine] socket_group is not set: nobody else is let in");
    }
    Door::Shared(group)
}

fn heads(site: &Site, store: &Arc<dyn Store>, instance: &str) -> Option<Heads> {
    let socket = site.settings().audit.syslog.clone()?;
    Some(Heads::new(store.clone(), socket, instance.to_owned()))
}

fn prepare_directories(paths: &Paths) -> Result<(), DaemonError> {
    let uid = rustix::process::geteuid().as_raw();
    directories::prepare_state(paths, uid).map_err(|error| DaemonError::Site(error.to_string()))
}

fn open_site(paths: &Paths) -> Result<Site, DaemonError> {
    let home = std::env::var_os("HOME")
        .filter(|home| !home.is_empty())
        .map(std::path::PathBuf::from)
        .or_else(people::own_home)
        .unwrap_or_else(|| "/".into());
    let owner = Owner {
        home,
        user: people::own_name(),
        uid: rustix::process::geteuid().as_raw(),
        host: rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
    };
    Site::load(paths, owner).map_err(|error| DaemonError::Site(error.to_string()))
}

/// As many connections as the system allows.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// One line for whoever started an engine that could not.
pub fn tell_starter(why: &str) {
    log::say(&why.replace('\n', " "));
}

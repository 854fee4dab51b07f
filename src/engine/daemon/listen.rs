//! The socket: made where this instance's clients look for it, and made again when it is removed.
//!
//! A private engine's is for its user alone (0600); a shared one's for a Unix group (0660). Who is
//! behind a connection comes from the system, never from the client's words.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};

use nix::unistd::Group;

use super::DaemonError;
use crate::engine::people::{own_name, owns};
use crate::site::engine_record::{self, EngineRecord};
use crate::site::{Paths, directories};

/// How often the socket is looked at: a login manager may clear its directory.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Who may connect.
#[derive(Debug, Clone)]
pub(super) enum Door {
    /// The engine's own user, and root.
    Private,
    /// The members of a Unix group too.
    Shared(Option<String>),
}

/// A bound socket.
pub(super) struct Listener {
    socket: UnixListener,
    path: PathBuf,
    door: Door,
    looks: tokio::time::Interval,
}

impl Listener {
    /// Takes over a socket that was handed on, or binds one at the first place that can be used.
    pub(super) fn open(paths: &Paths, door: Door) -> Result<Self, DaemonError> {
        if let Some((socket, path)) = handed_over()? {
            return Ok(Self::of(socket, path, door));
        }
        let path = choose(paths)?;
        let socket = bind(&path, &door)?;
        Ok(Self::of(socket, path, door))
    }

    fn of(socket: UnixListener, path: PathBuf, door: Door) -> Self {
        Self {
            socket,
            path,
            door,
            looks: tokio::time::interval(LOOK_EVERY),
        }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes down where clients find it.
    pub(super) fn announce(&self, paths: &Paths) -> Result<(), DaemonError> {
        let record = EngineRecord {
            pid: std::process::id(),
            socket: self.path.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        match engine_record::write(paths, &record) {
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => {
                tracing::warn!(%error, "engine.json is not written; clients look in the usual places");
                Ok(())
            }
            other => other.map_err(|error| DaemonError::io("writing engine.json", error)),
        }
    }

    /// The next client and the number of the user behind it: whose that is, is asked elsewhere, for
    /// it may take long. Makes the socket again when it has been removed.
    pub(super) async fn accept(&mut self, paths: &Paths) -> std::io::Result<(UnixStream, u32)> {
        loop {
            tokio::select! {
                accepted = self.socket.accept() => return identify(accepted?.0, &self.door),
                _ = self.looks.tick() => self.mend(paths),
            }
        }
    }

    fn mend(&mut self, paths: &Paths) {
        if self.path.exists() {
            return;
        }
        tracing::warn!(socket = %self.path.display(), "the socket was removed; making it again");
        let made = choose(paths).and_then(|path| {
            let socket = bind(&path, &self.door)?;
            Ok((path, socket))
        });
        match made {
            Ok((path, socket)) => {
                (self.path, self.socket) = (path, socket);
                if let Err(error) = self.announce(paths) {
                    tracing::error!(%error, "clients are not told where the socket is now");
                }
            }
            Err(error) => tracing::error!(%error, "the socket could not be made again"),
        }
    }

    /// Takes the socket and its record away.
    pub(super) fn retire(&self, paths: &Paths) {
        // Somebody may have removed them before us: as good.
        let _ = std::fs::remove_file(&self.path);
        engine_record::remove(paths);
    }

    /// The bare socket, to hand over.
    pub(super) fn into_std(self) -> std::io::Result<std::os::unix::net::UnixListener> {
        self.socket.into_std()
    }
}

fn choose(paths: &Paths) -> Result<PathBuf, DaemonError> {
    let uid = rustix::process::geteuid().as_raw();
    directories::choose_socket(paths, uid).map_err(|error| DaemonError::Site(error.to_string()))
}

/// A socket from the engine that this one replaces, or from systemd.
fn handed_over() -> Result<Option<(UnixListener, PathBuf)>, DaemonError> {
    let failed = |error| DaemonError::io("taking over the socket", error);
    let taken = listenfd::ListenFd::from_env()
        .take_unix_listener(0)
        .map_err(failed)?;
    let Some(socket) = taken else {
        return Ok(None);
    };
    socket.set_nonblocking(true).map_err(failed)?;
    let path = socket
        .local_addr()
        .map_err(failed)?
        .as_pathname()
        .map(Path::to_path_buf)
        .unwrap_or_default();
    let socket = UnixListener::from_std(socket).map_err(failed)?;
    Ok(Some((socket, path)))
}

/// Binds under another name first, so that no client ever finds a socket nobody answers, or one
/// that lets in the wrong people.
fn bind(path: &Path, door: &Door) -> Result<UnixListener, DaemonError> {
    let failed = |error| DaemonError::io(format!("making the socket {}", path.display()), error);
    let fresh = path.with_extension(format!("{}", std::process::id()));
    let _ = std::fs::remove_file(&fresh);
    let socket = UnixListener::bind(&fresh).map_err(failed)?;
    set_mode(&fresh, 0o600).map_err(failed)?;
    if let Door::Shared(Some(group)) = door {
        open_to(&fresh, group)?;
    }
    std::fs::rename(&fresh, path).map_err(failed)?;
    Ok(socket)
}

/// Lets the members of a group connect.
fn open_to(socket: &Path, group: &str) -> Result<(), DaemonError> {
    let found = Group::from_name(group).ok().flatten().ok_or_else(|| {
        DaemonError::Site(format!(
            "there is no Unix group {group:?}, which [engine] socket_group names; \
             make it: groupadd {group}"
        ))
    })?;
    std::os::unix::fs::chown(socket, None, Some(found.gid.as_raw())).map_err(|error| {
        DaemonError::Site(format!(
            "the socket could not be given to the group {group}: {error}. The engine's account \
             must be in that group: usermod -aG {group} {}",
            own_name()
        ))
    })?;
    set_mode(socket, 0o660).map_err(|error| DaemonError::io("opening the socket", error))
}

fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// Who is on the other end. A private engine lets only its own user and root in; for a shared one
/// the socket's mode has decided.
fn identify(stream: UnixStream, door: &Door) -> std::io::Result<(UnixStream, u32)> {
    let uid = stream.peer_cred()?.uid();
    if matches!(door, Door::Private) && !owns(uid) {
        return Err(std::io::Error::new(
            std::io::ErrorKind::PermissionDenied,
            format!("user {uid} is not let in to a private engine"),
        ));
    }
    Ok((stream, uid))
}

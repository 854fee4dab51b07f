//! The socket: made where this instance's clients look for it, and made again when it is removed.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};

use super::DaemonError;
use crate::engine::people;
use crate::site::engine_record::{self, EngineRecord};
use crate::site::{Paths, directories};

/// How often the socket is looked at: a login manager may clear its directory.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A bound socket.
pub(super) struct Listener {
    socket: UnixListener,
    path: PathBuf,
    looks: tokio::time::Interval,
}

impl Listener {
    /// Takes over a socket that was handed on, or binds one at the first place that can be used.
    pub(super) fn open(paths: &Paths) -> Result<Self, DaemonError> {
        if let Some(listener) = Self::handed_over()? {
            return Ok(listener);
        }
        let path = choose(paths)?;
        let socket = bind(&path).map_err(|error| {
            DaemonError::io(format!("making the socket {}", path.display()), error)
        })?;
        Ok(Self::of(socket, path))
    }

    fn of(socket: UnixListener, path: PathBuf) -> Self {
        Self {
            socket,
            path,
            looks: tokio::time::interval(LOOK_EVERY),
        }
    }

    /// A socket from the engine that this one replaces, or from systemd.
    fn handed_over() -> Result<Option<Self>, DaemonError> {
        let taken = listenfd::ListenFd::from_env()
            .take_unix_listener(0)
            .map_err(|error| DaemonError::io("taking over the socket", error))?;
        let Some(socket) = taken else {
            return Ok(None);
        };
        let failed = |error| DaemonError::io("taking over the socket", error);
        socket.set_nonblocking(true).map_err(failed)?;
        let path = socket
            .local_addr()
            .map_err(failed)?
            .as_pathname()
            .map(Path::to_path_buf)
            .unwrap_or_default();
        let socket = UnixListener::from_std(socket).map_err(failed)?;
        Ok(Some(Self::of(socket, path)))
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

    /// The next client and who is behind it. Makes the socket again when it has been removed.
    pub(super) async fn accept(&mut self, paths: &Paths) -> std::io::Result<(UnixStream, String)> {
        loop {
            tokio::select! {
                accepted = self.socket.accept() => return identify(accepted?.0),
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
            let socket = bind(&path).map_err(|error| DaemonError::io("binding it", error))?;
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

/// Binds under another name first, so that no client ever finds a socket nobody answers.
fn bind(path: &Path) -> std::io::Result<UnixListener> {
    let fresh = path.with_extension(format!("{}", std::process::id()));
    let _ = std::fs::remove_file(&fresh);
    let socket = UnixListener::bind(&fresh)?;
    std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&fresh, path)?;
    Ok(socket)
}

/// Who is on the other end. Only the engine's own user and root are let in.
fn identify(stream: UnixStream) -> std::io::Result<(UnixStream, String)> {
    let peer = stream.peer_cred()?;
    let own = rustix::process::geteuid().as_raw();
    if peer.uid() != own && peer.uid() != 0 {
        return Err(std::io::Error::new(
            std::io::ErrorKind::PermissionDenied,
            format!("user {} is not let in to a private engine", peer.uid()),
        ));
    }
    Ok((stream, people::name_of(peer.uid())))
}

//! Becoming another program with the same process, socket and state.

use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use command_fds::{CommandFdExt, FdMapping};

use super::listen::Listener;
use super::{DaemonError, Paths};
use crate::site::Instance;

/// Where systemd's protocol, which `listenfd` reads, expects the first socket.
const FIRST_HANDED_FD: i32 = 3;

/// Replaces this process; returns only when that failed.
pub(super) fn exec(
    paths: &Paths,
    listener: Listener,
    program: Option<String>,
) -> Result<(), DaemonError> {
    let program = match program {
        Some(program) => program.into(),
        None => std::env::current_exe()
            .map_err(|error| DaemonError::io("finding this program", error))?,
    };
    let socket: OwnedFd = listener
        .into_std()
        .map_err(|error| DaemonError::io("handing the socket over", error))?
        .into();
    let mut command = Command::new(&program);
    if let Instance::Home(home) = &paths.instance {
        command.arg("--home").arg(home);
    }
    if paths.is_shared() {
        command.arg("--shared");
    }
    command
        .args(["engine", "run", "--background"])
        .env("LISTEN_FDS", "1")
        .env("LISTEN_PID", std::process::id().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .fd_mappings(vec![FdMapping {
            parent_fd: socket,
            child_fd: FIRST_HANDED_FD,
        }])
        .map_err(|error| DaemonError::Site(format!("handing the socket over: {error}")))?;
    let error = command.exec();
    Err(DaemonError::io(
        format!("becoming {}", program.display()),
        error,
    ))
}

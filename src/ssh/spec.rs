//! What to do on a host.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::run::secret::Secret;

/// How another user's rights are taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RunAsMethod {
    /// `sudo -n -u USER`: never asks for a password.
    #[default]
    Sudo,
    /// `su USER`: for logins as root, which need no password.
    Su,
    /// `doas -n -u USER`: never asks for a password.
    Doas,
}

impl RunAsMethod {
    /// The command's name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sudo => "sudo",
            Self::Su => "su",
            Self::Doas => "doas",
        }
    }
}

/// The user a command runs as, when it is not the one who logs in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunAs {
    /// The user's name.
    pub user: String,
    /// How to become that user.
    pub method: RunAsMethod,
}

/// What reads the command's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Interpreter {
    /// The login shell of the user who logs in, as `ssh HOST COMMAND` does.
    #[default]
    LoginShell,
    /// `/bin/sh`, the same on every host.
    PosixShell,
}

/// A command to run.
#[derive(Debug, Clone, Default)]
pub struct ExecSpec {
    /// The command's text, as a person would type it.
    pub command: String,
    /// What reads it.
    pub interpreter: Interpreter,
    /// Environment of the command. It is part of the request, so other users of the host can see
    /// it in the list of processes while the command starts: secrets belong into `secrets`.
    pub env: Vec<(String, String)>,
    /// More of its environment: never in a request, an argument or a file.
    pub secrets: Vec<(String, Secret)>,
    /// Standard input; without it, the command reads an empty one.
    pub stdin: Option<Bytes>,
    /// The user to become.
    pub run_as: Option<RunAs>,
    /// Time from the request to the command's end.
    pub timeout: Option<Duration>,
    /// Time for the connection; else the host's `ConnectTimeout`, else the settings'.
    pub connect_timeout: Option<Duration>,
    /// Left in the host's syslog by `logger`, where that is: who does what.
    pub audit_tag: Option<String>,
}

/// What makes a command durable: it outlives the connection and can be found again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Durable {
    /// The attempt's name, `[A-Za-z0-9._-]+`, unlike that of any other attempt ever made on the
    /// host. The directory of this name is the fence: who makes it starts the command, once.
    pub attempt: String,
    /// How much output the host keeps, for each stream; head and tail stay, the middle goes.
    pub output_cap: u64,
}

/// Whether a durable command may be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// Start it. Where an attempt of the name is there already, it is followed from the beginning.
    Fresh,
    /// Never start it; follow it from where its output was last stored.
    Reattach {
        /// Bytes of standard output that are stored.
        stdout_from: u64,
        /// Bytes of standard error that are stored.
        stderr_from: u64,
        /// How long ago the attempt was dispatched: since then it may have begun.
        asked: Duration,
        /// The process, where [`Sink::started`](super::Sink::started) told it.
        process: Option<RemoteProcess>,
    },
}

impl Start {
    /// How long ago the attempt may have begun.
    pub(crate) fn asked(&self) -> Duration {
        match self {
            Self::Fresh => Duration::ZERO,
            Self::Reattach { asked, .. } => *asked,
        }
    }
}

/// The wrapper of a durable command on its host: a process id means one process only together
/// with its start time and the boot it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RemoteProcess {
    /// The host's boot id; empty where it has none.
    pub boot_id: String,
    /// Process id of the wrapper.
    pub pid: u32,
    /// Its start time in clock ticks since boot; 0 where the host does not tell.
    pub start_time: u64,
}

/// A file to fetch from a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullSpec {
    /// Its path there, absolute or from the login user's home.
    pub source: String,
    /// The file here, in a directory that is there.
    pub dest: PathBuf,
    /// A file of more bytes is not fetched.
    pub limit: u64,
    /// Time from the open channel to the renamed file.
    pub timeout: Option<Duration>,
    /// As in [`ExecSpec::connect_timeout`].
    pub connect_timeout: Option<Duration>,
}

/// A file to put on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushSpec {
    /// The file here.
    pub source: PathBuf,
    /// Its path there, absolute or from the login user's home.
    pub dest: String,
    /// Its owner there, `USER` or `USER:GROUP`; else the login user.
    pub owner: Option<String>,
    /// Its permission bits there; else those of the file here.
    pub mode: Option<u32>,
    /// How to get the right to set the owner, where the login user lacks it.
    pub run_as: Option<RunAsMethod>,
    /// Time from the open channel to the renamed file.
    pub timeout: Option<Duration>,
    /// As in [`ExecSpec::connect_timeout`].
    pub connect_timeout: Option<Duration>,
}

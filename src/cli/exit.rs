//! How a command ends: the exit codes of the contracts, and errors that carry theirs.

use crate::wire::{CallError, FaultKind};

/// The exit codes of the contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All ok.
    Ok = 0,
    /// Some task is not ok.
    NotOk = 1,
    /// Usage or definition error.
    Usage = 2,
    /// The engine cannot be reached.
    NoEngine = 3,
    /// The conn, a lease, a role, a freeze or a policy says no.
    Refused = 4,
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The words make no sense.
    #[error("{0}")]
    Usage(String),
    /// There is no engine to talk to.
    #[error("{0}")]
    NoEngine(String),
    /// Somebody or something says no before there is an engine to ask.
    #[error("{0}")]
    Refused(String),
    /// The engine said no, or went away.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Reading or writing here failed.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The engine sent something this version does not know.
    #[error(
        "the engine answered something unexpected. Bring both to one version: conn engine upgrade"
    )]
    Unexpected,
    /// A command that `main` carries out itself.
    #[error("this command is not one of a client")]
    NotHere,
    /// The person left; the run goes on without this terminal.
    #[error("detached; the run goes on. Follow it again: conn runs follow {0}")]
    Detached(crate::run::ids::RunId),
    /// The reader of our output is gone: nothing more to do or to say.
    #[error("the reader is gone")]
    ReaderGone,
}

impl CliError {
    /// An input or output error and what was tried.
    pub fn io(what: impl Into<String>, error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::ReaderGone;
        }
        Self::Io {
            what: what.into(),
            error,
        }
    }

    /// The exit code of the contracts for this error.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::NotHere => Exit::Usage,
            Self::Io { .. } | Self::ReaderGone => Exit::NotOk,
            Self::Detached(_) => Exit::Ok,
            Self::Refused(_) => Exit::Refused,
            Self::Call(CallError::Fault(fault)) => match fault.kind {
                FaultKind::Usage => Exit::Usage,
                FaultKind::Refused => Exit::Refused,
                FaultKind::Engine | FaultKind::Ending | FaultKind::Other => Exit::NoEngine,
            },
            Self::NoEngine(_) | Self::Unexpected | Self::Call(_) => Exit::NoEngine,
        }
    }
}

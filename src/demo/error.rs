//! What can keep the demo from starting.

use std::path::PathBuf;

use thiserror::Error;

/// Why a fleet, or a cheap server, could not be started.
#[derive(Debug, Error)]
pub enum DemoError {
    /// No loopback address would give us a port.
    #[error(
        "No port could be opened on loopback ({source}); the demo needs one TCP port on 127.0.0.1. \
         Free some ports, or raise the limit of open files, and try again."
    )]
    Bind {
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of the demo could not be written.
    #[error("{path} could not be written ({source}); the demo keeps its keys and settings there. Choose a directory that you can write to.", path = .path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A key could not be made.
    #[error(
        "An SSH key for the demo could not be made ({reason}). Check that the system gives random numbers, and try again."
    )]
    Key {
        /// What the key library said.
        reason: String,
    },
    /// The threads that play the hosts could not be started.
    #[error(
        "The threads that play the demo's hosts could not be started ({source}). Check the limit of processes, and try again."
    )]
    Threads {
        /// What the system said.
        source: std::io::Error,
    },
}

impl DemoError {
    /// For `map_err` where a file is written.
    pub(crate) fn write(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Write { path, source }
    }

    /// For `map_err` where a key is made.
    pub(crate) fn key(reason: impl std::fmt::Display) -> Self {
        Self::Key {
            reason: reason.to_string(),
        }
    }
}

//! What can be wrong with a site.

use std::path::PathBuf;

use crate::inventory::InventoryError;
use crate::run::complaint::Complaints;

use super::upcall::UpcallError;

/// Why the site cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// A configuration file is wrong in one or more places.
    #[error(transparent)]
    Config(#[from] Complaints),
    /// An inventory's text is wrong.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// An inventory command did not do its work.
    #[error(transparent)]
    Upcall(#[from] UpcallError),
    /// A reader of another room refused.
    #[error("{0}")]
    Reader(String),
    /// A file cannot be read.
    #[error("cannot read {}: {source}; check that it is there and may be read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is not text.
    #[error("{}:{line}: this line is not UTF-8; save the file as UTF-8", .path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The first line that is not.
        line: usize,
    },
    /// A file is larger than any configuration is.
    #[error("{} is larger than {}; it cannot be what it is used as", .path.display(), .limit)]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, with its unit.
        limit: crate::run::size::ByteSize,
    },
    /// A directory cannot be made or looked at.
    #[error("cannot use the directory {}: {source}", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A directory belongs to somebody else or is open to others.
    #[error("the directory {} {why}; remove it or use another with --home", .path.display())]
    Unsafe {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The state would lie on a network filesystem.
    #[error("the state directory {} is on a network filesystem ({kind}), where a crash can lose what was synced; use a local one with --home", .path.display())]
    Network {
        /// The directory.
        path: PathBuf,
        /// The filesystem.
        kind: String,
    },
    /// No place for the socket was fit.
    #[error("there is no directory for the engine's socket: {}; set XDG_RUNTIME_DIR or use --home", .reasons.join("; "))]
    NoSocket {
        /// Why each candidate was not.
        reasons: Vec<String>,
    },
    /// The environment does not say where the user's files are.
    #[error(
        "HOME is not set to an absolute path, so there is no place for state; set it, or use --home DIR"
    )]
    NoHome,
    /// An argument of `--from` is wrong.
    #[error("{0} is no inventory; write ansible:PATH, ssh_config:PATH, toml:PATH or command:CMD")]
    From(String),
}

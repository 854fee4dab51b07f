//! What can go wrong in the store, one variant a cause.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Digest, Stream};

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the directory.
    #[error("the state in {} is in use by process {pid}; stop that engine first", path.display())]
    Locked {
        /// Who holds it; 0 if it did not say.
        pid: u32,
        /// The directory.
        path: PathBuf,
    },
    /// The directory was written by a version this one cannot read.
    #[error(
        "the state in {} has format {found}, and this version reads {supported}; nothing was \
         touched: use the version that wrote it, or another directory", path.display()
    )]
    Format {
        /// What the directory says of itself.
        found: String,
        /// What can be read.
        supported: String,
        /// The directory.
        path: PathBuf,
    },
    /// Locks and syncs mean little there.
    #[error(
        "{} is on a network filesystem ({kind}), where a sync promises nothing; keep the state on \
         a local disk", path.display()
    )]
    NetworkFilesystem {
        /// Its name.
        kind: &'static str,
        /// The directory.
        path: PathBuf,
    },
    /// A write or a sync failed earlier; nothing is written any more.
    #[error("the store has stopped writing: {reason}; restart the engine when the disk is sound")]
    Failed {
        /// What failed first.
        reason: Arc<str>,
    },
    /// The disk is full, the reserve too. Reading goes on.
    #[error("the disk is full, the reserve included; free some space and try again")]
    NoSpace,
    /// More is queued than the disk has taken; nothing of this call was.
    #[error("the disk is behind by {queued} bytes; try again when some of them are durable")]
    Busy {
        /// What waits to be written.
        queued: usize,
    },
    /// The store was closed.
    #[error("the store is closed; open it again")]
    Closed,
    /// Somebody else appended first.
    #[error("{stream} goes on at {actual}, not {expected}; read what came between")]
    WrongSeq {
        /// Whose order it is.
        stream: Stream,
        /// What the writer believed.
        expected: u64,
        /// What is true.
        actual: u64,
    },
    /// Somebody else changed the key first.
    #[error("the key has {}; read it again", version(*actual))]
    Conflict {
        /// The version the key has; `None` if it is absent.
        actual: Option<u64>,
    },
    /// The run has ended for good.
    #[error("run {run} is sealed and takes nothing more; start another")]
    Sealed {
        /// Which run.
        run: u64,
    },
    /// No record of it is there.
    #[error("there is no run {run} in the store; it may have been dropped by retention")]
    UnknownRun {
        /// Which run.
        run: u64,
    },
    /// It does not fit.
    #[error("a {what} of {size} bytes is over the limit of {limit}; store it as a blob")]
    TooLarge {
        /// Key, value or append.
        what: &'static str,
        /// What was given.
        size: usize,
        /// What fits.
        limit: usize,
    },
    /// A blob's bytes are not those of its name.
    #[error("blob {digest} is damaged: {why}; put the same content again to mend it")]
    DamagedBlob {
        /// Its name.
        digest: Digest,
        /// What was found.
        why: String,
    },
    /// A file is not what was written to it.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// The index could not be used nor rebuilt.
    #[error("the index cannot be used: {why}; the journal is whole, restart to rebuild the index")]
    Index {
        /// What it said.
        why: String,
    },
    /// The system refused.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// The verb.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl StoreError {
    /// For `map_err`: says what was tried on which file.
    pub(in crate::store) fn io(
        what: &'static str,
        path: &Path,
    ) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io {
            what,
            path: path.to_owned(),
            source,
        }
    }
}

fn version(actual: Option<u64>) -> String {
    actual.map_or_else(
        || "no value".to_owned(),
        |version| format!("version {version}"),
    )
}

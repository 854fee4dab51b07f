//! Files on their way to hosts: taken out of the store once, read by every task that pushes them.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::site::directories::make_private;
use crate::store::{Digest, Store, StoreError};

/// Why a file cannot be pushed.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The stored copy is gone.
    #[error("the stored copy of the file is gone; start the run again with the file")]
    Missing,
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The copy could not be written.
    #[error("the file could not be made ready in {}: {error}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

/// A directory of files named by their digests. Emptied when the engine starts.
pub struct Spool {
    dir: PathBuf,
    /// One file is taken out at a time: all hosts of a run want the same one at once.
    writing: Mutex<()>,
}

impl Spool {
    /// A spool in this directory.
    pub fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            writing: Mutex::new(()),
        }
    }

    /// Removes what former engines left; the directory stays, which a full disk might not give
    /// back.
    pub fn clear(&self) -> std::io::Result<()> {
        make_private(&self.dir)?;
        for entry in std::fs::read_dir(&self.dir)? {
            std::fs::remove_file(entry?.path())?;
        }
        Ok(())
    }

    /// The file with this content; written by the first who asks. Waits for the disk.
    pub fn file(&self, store: &dyn Store, blob: &str) -> Result<PathBuf, SpoolError> {
        let digest: Digest = blob.parse().map_err(|_| SpoolError::Missing)?;
        let path = self.dir.join(digest.to_string());
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if path.exists() {
            return Ok(path);
        }
        let bytes = store.blob(&digest)?.ok_or(SpoolError::Missing)?;
        let fresh = path.with_extension("part");
        let written = std::fs::File::create(&fresh)
            .and_then(|mut file| file.write_all(&bytes))
            .and_then(|()| std::fs::rename(&fresh, &path));
        match written {
            Ok(()) => Ok(path),
            Err(error) => Err(SpoolError::Write { path, error }),
        }
    }
}

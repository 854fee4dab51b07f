//! How large everything is, and how it is.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::sync::lock;
use crate::store::Health;

/// Walking over all files of a long history takes a while.
const STALE: Duration = Duration::from_secs(30);

/// Sizes that are not known without walking over directories.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sizes {
    looked: Option<Instant>,
    sealed: u64,
    segments: u64,
    blobs: u64,
}

impl Shared {
    /// See [`crate::store::Store::health`].
    pub fn health(&self) -> Health {
        self.space.refresh_if_stale();
        let sizes = self.sizes();
        let mut notes = self.notes.list();
        notes.extend(self.index.trouble().map(|why| crate::store::Note {
            kind: crate::store::NoteKind::Recovered,
            run: None,
            text: format!("the index cannot be used at present: {why}"),
        }));
        let dir = |name| size(&self.layout.dir(name));
        let archive_bytes = ["audit", "engine", "kv"].map(dir).iter().sum();
        let index_bytes = size(self.index.dir());
        let front = self.journal.lock();
        Health {
            journal_bytes: front.files.bytes(),
            sealed_bytes: sizes.sealed,
            archive_bytes,
            segment_bytes: sizes.segments,
            blob_bytes: sizes.blobs,
            index_bytes,
            index_live_bytes: self.index.live_bytes(),
            free_bytes: self.space.free(),
            reserve_bytes: self.space.reserve_bytes(),
            space: self.space.state(),
            appended_lsn: front.next - 1,
            durable_lsn: front.durable,
            indexed_lsn: self.index.applied(),
            failed: front.failed.clone(),
            notes,
        }
    }

    fn sizes(&self) -> Sizes {
        let known = *lock(&self.sizes);
        if known.looked.is_some_and(|looked| looked.elapsed() < STALE) {
            return known;
        }
        let dir = |name| size(&self.layout.dir(name));
        let fresh = Sizes {
            looked: Some(Instant::now()),
            sealed: dir("sealed"),
            segments: dir("seg"),
            blobs: dir("blobs"),
        };
        *lock(&self.sizes) = fresh;
        fresh
    }
}

/// What a file, or all in a directory, takes on disk.
pub(super) fn size(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(meta) = fs::symlink_metadata(path) else {
        return 0;
    };
    if !meta.is_dir() {
        return meta.blocks() * 512;
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| size(&entry.path())).sum()
}

//! What can be tuned, with the values that were measured to be good.

use std::sync::Arc;
use std::time::Duration;

use super::files::{Files, RealFiles};

/// How a [`DiskStore`](super::DiskStore) works.
#[derive(Debug, Clone)]
pub struct Options {
    /// How large one file of the journal is. Two are preallocated at any time; half of one bounds
    /// what waits to be written.
    pub log_file_bytes: u64,
    /// How many closed files the journal may have before what is still live in the oldest is
    /// copied forward.
    pub log_files: usize,
    /// How much output may wait to be written.
    pub output_queue_bytes: usize,
    /// How long output may stay unsynced.
    pub sync_interval: Duration,
    /// How long the index may lag behind.
    pub index_interval: Duration,
    /// How large the archive of key changes may grow before it is made anew, at least.
    pub key_archive_bytes: u64,
    /// How large the index may be, however little of it is live.
    pub index_loose_bytes: u64,
    /// How often its size is looked at.
    pub index_measure: Duration,
    /// Memory for the index.
    pub index_cache_bytes: u64,
    /// Marks of free space; `None`: by the size of the filesystem.
    pub marks: Option<Marks>,
    /// Through what files are written.
    pub files: Arc<dyn Files>,
}

/// Marks of free disk space, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// Below this, automatic work is refused.
    pub low: u64,
    /// Below this, the reserve is given up.
    pub reserve_at: u64,
    /// How large the reserve is; 0 for none.
    pub reserve: u64,
    /// Below this, no more output is taken, so that there is room for the records of how runs
    /// end; above `full`, by more than a file of the journal.
    pub output: u64,
    /// Below this, nothing is taken any more.
    pub full: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            log_file_bytes: 8 << 20,
            log_files: 8,
            output_queue_bytes: 8 << 20,
            sync_interval: Duration::from_millis(500),
            index_interval: Duration::from_secs(2),
            key_archive_bytes: 8 << 20,
            index_loose_bytes: 64 << 20,
            index_measure: Duration::from_mins(5),
            index_cache_bytes: 64 << 20,
            marks: None,
            files: Arc::new(RealFiles),
        }
    }
}

impl Marks {
    /// Marks for a filesystem of this size.
    pub fn for_size(total: u64) -> Self {
        Self {
            low: (total / 8).min(1 << 30),
            reserve_at: (total / 64).min(64 << 20),
            reserve: (total / 32).min(256 << 20),
            output: (total / 32).min(64 << 20),
            full: (total / 128).min(32 << 20),
        }
    }
}

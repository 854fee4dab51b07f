//! What the store can say of itself, for `doctor` and metrics.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Lsn;

/// How much the disk still takes.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum SpaceState {
    /// Enough for all.
    #[default]
    Plenty,
    /// Below the first mark: automatic work must be refused.
    Low,
    /// The reserve was given up so that a person's own runs go on.
    Reserve,
    /// Nothing more is taken; reading goes on.
    Full,
}

/// Something a person should know about the state directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// How bad it is.
    pub kind: NoteKind,
    /// The run it is about, if it is about one.
    pub run: Option<u64>,
    /// What happened, in a sentence.
    pub text: String,
}

/// How bad a [`Note`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// As after any crash: something not acknowledged was cut off, or the index was rebuilt.
    Recovered,
    /// Something that was stored is not readable any more; what is left was kept aside.
    Damage,
}

/// Sizes and troubles. Sizes are bytes on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The live log.
    pub journal_bytes: u64,
    /// Events of sealed runs.
    pub sealed_bytes: u64,
    /// The audit, engine and key-value archives.
    pub archive_bytes: u64,
    /// Host output.
    pub segment_bytes: u64,
    /// Blobs in files of their own.
    pub blob_bytes: u64,
    /// The index.
    pub index_bytes: u64,
    /// What the index would take if it held nothing but what is live.
    pub index_live_bytes: u64,
    /// Free space of the filesystem, without the reserve.
    pub free_bytes: u64,
    /// What is kept back for a person's own runs.
    pub reserve_bytes: u64,
    /// What that means.
    pub space: SpaceState,
    /// The last LSN given out.
    pub appended_lsn: Lsn,
    /// The last durable one.
    pub durable_lsn: Lsn,
    /// The last one the index has seen.
    pub indexed_lsn: Lsn,
    /// Why nothing is written any more.
    pub failed: Option<Arc<str>>,
    /// What was found at open and since.
    pub notes: Vec<Note>,
}

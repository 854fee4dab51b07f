//! The hash chain of the audit stream, and the records the store itself adds to it.
//!
//! Each record's hash covers the former one's, so that an edit, a deletion or a reordering is
//! found by whoever holds a later hash. Without one, the end of the chain can be cut off unseen.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Digest, Lsn};

/// A record in the audit stream that the store wrote, not the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "store", rename_all = "snake_case")]
pub enum StoreNote {
    /// A run ended.
    Sealed {
        /// Which.
        run: u64,
        /// Over the chain of its records.
        root: Digest,
        /// How many those are.
        records: u64,
    },
    /// A run was deleted.
    Dropped {
        /// Which.
        run: u64,
        /// Over the chain of its records.
        root: Digest,
        /// What asked for it.
        policy: String,
    },
}

const MARK: &[u8] = b"{\"store\":";

impl StoreNote {
    /// Reads an audit payload; `None` if the engine wrote it.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        if !payload.starts_with(MARK) {
            return None;
        }
        serde_json::from_slice(payload).ok()
    }

    /// What is stored: JSON with `"store"` first.
    pub(in crate::store) fn payload(&self) -> Bytes {
        // Serialising to memory cannot fail for a type without maps and foreign parts.
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

/// What walking the audit chain found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// How many records were read.
    pub records: u64,
    /// The `seq` and hash of the last one. Kept elsewhere, it proves everything before it.
    pub head: Option<(u64, Digest)>,
    /// How many sealed runs were compared with their roots.
    pub sealed_runs: u64,
    /// Where something does not fit; empty if the chain is whole.
    pub breaks: Vec<AuditBreak>,
}

/// The end of the audit chain. Kept elsewhere, it proves everything before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditHead {
    /// The place of the last record.
    pub seq: u64,
    /// Its chain hash.
    pub hash: Digest,
    /// Durable when this is: what can still be lost proves nothing.
    pub lsn: Lsn,
}

/// A place where the audit stream or a sealed run is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditBreak {
    /// The audit record that shows it.
    pub seq: u64,
    /// What does not fit, in a sentence.
    pub why: String,
}

/// The hash before the first audit record.
pub(in crate::store) fn genesis() -> Digest {
    Digest::of(b"conn audit 1")
}

/// The hash of an audit record that follows `prev`.
pub(in crate::store) fn link(prev: &Digest, seq: u64, payload: &[u8]) -> Digest {
    Digest::of_parts(&[b"audit", &prev.0, &seq.to_be_bytes(), payload])
}

/// The root before the first record of a run.
pub(in crate::store) fn run_root(run: u64) -> Digest {
    Digest::of_parts(&[b"conn run 1", &run.to_be_bytes()])
}

/// The root after one more record of a run.
pub(in crate::store) fn run_link(root: &Digest, seq: u64, payload: &[u8]) -> Digest {
    Digest::of_parts(&[b"run", &root.0, &seq.to_be_bytes(), payload])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_store_writes_it_knows_again() {
        let note = StoreNote::Dropped {
            run: 7,
            root: Digest::of(b"x"),
            policy: "age".into(),
        };
        assert_eq!(StoreNote::parse(&note.payload()), Some(note));
        assert_eq!(StoreNote::parse(b"\x81\xa5store"), None);
        assert_eq!(StoreNote::parse(b"{\"who\":1}"), None);
    }

    #[test]
    fn a_link_depends_on_place_content_and_what_came_before() {
        let base = link(&genesis(), 0, b"a");
        assert_ne!(base, link(&genesis(), 1, b"a"));
        assert_ne!(base, link(&genesis(), 0, b"b"));
        assert_ne!(base, link(&base, 0, b"a"));
    }
}

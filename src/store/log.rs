//! Records, where they belong, and how far they are durable.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Log sequence number: the order of everything that is journalled. The first is 1.
pub type Lsn = u64;

/// What a record belongs to. Each stream counts its records from 0 without holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// The events of one run, until it is dropped.
    Run(u64),
    /// Who decided what: hash-chained, never sealed away.
    Audit,
    /// The engine's own life, kept for good.
    Engine,
}

impl std::fmt::Display for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Run(run) => write!(f, "run {run}"),
            Self::Audit => f.write_str("audit"),
            Self::Engine => f.write_str("engine"),
        }
    }
}

/// A record to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// Where it belongs.
    pub stream: Stream,
    /// What it says, in the engine's own encoding.
    pub payload: Bytes,
    /// The `seq` the writer believes this record will get; another is a refusal.
    pub expect: Option<u64>,
}

impl Append {
    /// A record for a stream, at whatever place is next.
    pub fn new(stream: Stream, payload: impl Into<Bytes>) -> Self {
        Self {
            stream,
            payload: payload.into(),
            expect: None,
        }
    }

    /// The same, refused unless it gets this `seq`.
    #[must_use]
    pub fn expecting(mut self, seq: u64) -> Self {
        self.expect = Some(seq);
        self
    }
}

/// A record as it is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place among everything journalled.
    pub lsn: Lsn,
    /// Where it belongs.
    pub stream: Stream,
    /// Its place in the stream.
    pub seq: u64,
    /// What it says.
    pub payload: Bytes,
}

/// A value and the version that [`compare_and_set`](super::Store::compare_and_set) asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// Never the same twice for one key: it is the LSN of the change.
    pub version: u64,
    /// The value.
    pub value: Bytes,
}

/// How far the store's promise reaches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durability {
    /// Every record up to this one is durable.
    pub lsn: Lsn,
    /// A write or a sync failed, for this reason: nothing more will ever become durable.
    pub failed: Option<Arc<str>>,
}

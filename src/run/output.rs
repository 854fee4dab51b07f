//! Host output as it is stored and passed on: chunks of one stream of one attempt.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Which of the two streams of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A piece of one stream of one attempt, in the order it arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// The host's place in the frozen targets.
    pub host: u32,
    /// The step.
    pub step: u16,
    /// The attempt.
    pub attempt: u32,
    /// Which stream.
    pub stream: OutStream,
    /// Where the first byte stands in this stream of this attempt.
    pub offset: u64,
    /// When it arrived: Unix milliseconds.
    pub at_ms: i64,
    /// The bytes, or why there are none.
    pub body: ChunkBody,
}

/// Bytes, or a counted gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChunkBody {
    /// Bytes as the host sent them.
    Data(Bytes),
    /// Bytes that are not stored.
    Gap {
        /// How many.
        len: u64,
        /// Why.
        reason: GapReason,
    },
}

/// Why bytes are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// Over the output budget of the host.
    OverBudget,
    /// The engine was killed before they were stored.
    EngineKilled,
    /// Over the cap of a durable command on the host itself.
    HostCap,
    /// The engine's disk was full when they arrived.
    NoSpace,
    /// The stored bytes are damaged.
    Damaged,
}

impl OutStream {
    /// Both streams, in the order they are listed.
    pub const ALL: [Self; 2] = [Self::Stdout, Self::Stderr];
}

impl Chunk {
    /// Bytes this chunk stands for, stored or not.
    pub fn len(&self) -> u64 {
        match &self.body {
            ChunkBody::Data(bytes) => bytes.len() as u64,
            ChunkBody::Gap { len, .. } => *len,
        }
    }

    /// Where the byte after its last one stands.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.len())
    }

    /// Whether the chunk stands for no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

//! How host output is read page by page.

use serde::{Deserialize, Serialize};

use super::{Chunk, ChunkBody};
use crate::run::output::OutStream;

/// A place in a run's output: opaque, ordered, 0 is the start.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct OutputCursor(pub u64);

/// Some chunks and where to go on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutputPage {
    /// In the order of arrival.
    pub chunks: Vec<Chunk>,
    /// Where the next page starts.
    pub next: OutputCursor,
    /// There is nothing after this page for now.
    pub end: bool,
}

/// What bytes are told apart by: the streams of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::store) struct OutputKey {
    pub host: u32,
    pub step: u16,
    pub attempt: u32,
    pub stream: OutStream,
}

impl OutputKey {
    /// Which stream of which attempt a chunk belongs to.
    pub(in crate::store) fn of(chunk: &Chunk) -> Self {
        Self {
            host: chunk.host,
            step: chunk.step,
            attempt: chunk.attempt,
            stream: chunk.stream,
        }
    }
}

/// How many bytes of memory a chunk's data takes.
pub(in crate::store) fn data_len(chunk: &Chunk) -> usize {
    match &chunk.body {
        ChunkBody::Data(bytes) => bytes.len(),
        ChunkBody::Gap { .. } => 0,
    }
}

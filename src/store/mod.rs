//! The store: what the engine knows, written down so that nothing acknowledged is lost.
//!
//! One trait, [`Store`], and two implementations that pass one conformance suite:
//!
//! - [`sim::SimStore`]: in memory and deterministic, with faults to inject. For simulation.
//! - [`disk::DiskStore`]: journal, segments, blobs and a rebuildable index in a directory.
//!
//! What is promised by both:
//!
//! - **durable** means synced to the disk. [`Store::append`] and the `put` family return an LSN at
//!   once; the change may be acknowledged to others when [`Store::durability`] has reached it.
//! - Durable changes survive a kill and a power loss, all or none of one `append`, in LSN order:
//!   if a change survives, so does each one before it.
//! - Reads see what was written before them by anyone, durable or not.
//! - Output of one `(run, host, step, attempt, stream)` is contiguous, or the gap is explicit.
//!
//! What it must never do: know the meaning of a payload, retry a failed sync, or drop something
//! damaged without a [`Note`] in [`Health`].

mod audit;
mod digest;
pub mod disk;
mod error;
mod failpoint;
mod health;
mod limits;
mod log;
mod page;
pub mod sim;
mod stitch;
mod watchers;

pub use audit::{AuditBreak, AuditHead, AuditReport, StoreNote};
pub use digest::Digest;
pub use error::StoreError;
pub use health::{Health, Note, NoteKind, SpaceState};
pub use log::{Append, Durability, Lsn, Record, Stream, Versioned};
pub use page::{OutputCursor, OutputPage};

pub use crate::run::output::{Chunk, ChunkBody, GapReason};

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, watch};

/// Everything the engine asks of a place to keep its state.
///
/// No method waits for a sync of the journal, but for `seal`, `drop_run`, `verify_audit`, `close`
/// and `put_blob` of more than a few KiB: call these from a thread that may block. `append`, `put` and
/// `compare_and_set` only queue; reads come from memory or from files just written.
///
/// The queue between callers and the disk is bounded. When it is full `append` and its like
/// return [`StoreError::Busy`] and take nothing: try again when `durability` tells of a change,
/// which it does also when there is room again. Output has a queue of its own, and
/// `append_output` waits.
pub trait Store: Send + Sync + 'static {
    /// Appends all the records or none, in this order.
    ///
    /// Returns the LSN of the last one at once; it is durable when [`Self::durability`] says so.
    /// Anything given to [`Self::append_output`] for a run before this call is made durable
    /// before the records of that run are.
    fn append(&self, records: Vec<Append>) -> Result<Lsn, StoreError>;

    /// Tells which LSN is durable, and whether the store has failed for good.
    fn durability(&self) -> watch::Receiver<Durability>;

    /// At most `limit` records of a stream from `from_seq` on, of live and sealed runs alike.
    ///
    /// A jump in `seq` is a loss that [`Health::notes`] tells about.
    fn read(&self, stream: Stream, from_seq: u64, limit: usize) -> Result<Vec<Record>, StoreError>;

    /// The runs that have records and are not sealed, in ascending order.
    fn live_runs(&self) -> Result<Vec<u64>, StoreError>;

    /// Stores bytes under their digest; durable before any later append is.
    fn put_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError>;

    /// The bytes stored under a digest, checked against it.
    fn blob(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError>;

    /// The value of a key and its version.
    fn get(&self, key: &[u8]) -> Result<Option<Versioned>, StoreError>;

    /// Sets or removes (`None`) the value of a key, journalled like any record.
    fn put(&self, key: &[u8], value: Option<&[u8]>) -> Result<Lsn, StoreError>;

    /// [`Self::put`] if the key's version is `expect` (`None`: the key is absent).
    fn compare_and_set(
        &self,
        key: &[u8],
        expect: Option<u64>,
        value: Option<&[u8]>,
    ) -> Result<Lsn, StoreError>;

    /// At most `limit` keys with this prefix in ascending order, after `after` if given.
    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Versioned)>, StoreError>;

    /// Keys with this prefix as they change, told once the change is durable.
    ///
    /// The channel holds [`WATCH_BOUND`] keys. For a watcher that is slower, changes are dropped
    /// and an empty key is sent as soon as there is room: scan again.
    fn watch(&self, prefix: &[u8]) -> mpsc::Receiver<Vec<u8>>;

    /// Stores output; waits while the writer is behind.
    ///
    /// Bytes that are stored already (an offset before the end) are left out; a jump of the
    /// offset becomes an explicit gap. Large chunks are stored as several.
    fn append_output(&self, run: u64, chunk: Chunk) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Output of a run in the order of arrival, with what is not synced yet.
    ///
    /// A page holds at least one chunk if there is one, and ends with the chunk that reaches
    /// `max_bytes`.
    fn read_output(
        &self,
        run: u64,
        from: OutputCursor,
        max_bytes: usize,
    ) -> Result<OutputPage, StoreError>;

    /// [`Self::read_output`] of one host.
    fn read_host_output(
        &self,
        run: u64,
        host: u32,
        from: OutputCursor,
        max_bytes: usize,
    ) -> Result<OutputPage, StoreError>;

    /// The offsets after the last stored byte of stdout and stderr, gaps included: where to go on
    /// from. After a restart only what was durable counts.
    fn output_extent(
        &self,
        run: u64,
        host: u32,
        step: u16,
        attempt: u32,
    ) -> Result<(u64, u64), StoreError>;

    /// Bumps when a run has more output to read.
    fn output_changed(&self, run: u64) -> watch::Receiver<u64>;

    /// Ends a run: its events leave the live log, their root hash goes into the audit stream.
    ///
    /// Idempotent; the run takes no more records nor output. Returns when all this is durable.
    fn seal(&self, run: u64) -> Result<Digest, StoreError>;

    /// Deletes a run's events and output, after `dropped { run, root, policy }` is durable in the
    /// audit stream.
    fn drop_run(&self, run: u64, policy: &str) -> Result<(), StoreError>;

    /// Walks the audit chain and checks the roots of sealed runs against their files.
    fn verify_audit(&self) -> Result<AuditReport, StoreError>;

    /// The chain hash of one audit record, to compare with a head that was kept elsewhere.
    fn audit_hash(&self, seq: u64) -> Result<Option<Digest>, StoreError>;

    /// The newest audit record, durable or not; `None` before the first.
    fn audit_head(&self) -> Result<Option<AuditHead>, StoreError>;

    /// Sizes, free space, what was recovered at open, what went wrong since.
    fn health(&self) -> Health;

    /// Writes, syncs and stops; every later call returns [`StoreError::Closed`].
    fn close(&self) -> Result<(), StoreError>;
}

/// How many changed keys [`Store::watch`] holds for a slow watcher.
pub const WATCH_BOUND: usize = 1024;

/// The longest key, in bytes.
pub const MAX_KEY: usize = 1024;

/// The longest value, and the largest sum of payloads in one `append`, in bytes; on disk each
/// record of an append counts for some 100 bytes more against twice this. Larger things are
/// blobs.
pub const MAX_APPEND: usize = 1 << 20;

/// The longest piece of output stored as one chunk, in bytes.
pub const MAX_CHUNK: usize = 32 << 10;

#[cfg(test)]
mod tests;

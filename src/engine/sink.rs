//! Where one attempt's output goes: the store, within a budget.
//!
//! The head is stored as it comes. Past the head's share only the newest bytes of each stream are
//! held in memory; at the end they follow a counted gap. So a host that never stops writing costs
//! a bounded amount of disk and memory, and its last words are kept.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::future::BoxFuture;
use sha2::{Digest, Sha256};

use super::clock::steady_ms;
use super::now;
use super::task::TaskKey;
use crate::run::digest::hex;
use crate::run::event::OutputSum;
use crate::run::last_line::LastLine;
use crate::run::output::{Chunk, ChunkBody, GapReason, OutStream};
use crate::run::redact::{Redact, Stream};
use crate::ssh::{RemoteProcess, Sink, Stage};
use crate::store::{OutputCursor, Store, StoreError};

/// Stored output read at once to sum it up.
const DIGEST_PAGE: usize = 1 << 20;

/// What others may see of a task while it runs.
#[derive(Debug)]
pub struct TaskSigns {
    last_output_ms: AtomicI64,
    stage: AtomicU8,
    last_line: Mutex<LastLine>,
}

impl TaskSigns {
    /// Signs of a task that begins now.
    pub fn begin() -> Self {
        Self {
            last_output_ms: AtomicI64::new(steady_ms()),
            stage: AtomicU8::new(0),
            last_line: Mutex::default(),
        }
    }

    fn heard(&self) {
        self.last_output_ms.store(steady_ms(), Ordering::Relaxed);
    }

    fn wrote(&self, stream: OutStream, bytes: &[u8]) {
        let mut line = self
            .last_line
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        line.feed(stream, bytes);
    }

    /// The beginning of the last line it wrote.
    pub fn last_line(&self) -> Bytes {
        let line = self
            .last_line
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Bytes::copy_from_slice(line.bytes())
    }

    /// When it last wrote, or began: milliseconds of a clock that nobody sets.
    pub fn last_output_ms(&self) -> i64 {
        self.last_output_ms.load(Ordering::Relaxed)
    }

    /// How long it has written nothing, in milliseconds.
    pub fn quiet_ms(&self) -> i64 {
        steady_ms() - self.last_output_ms()
    }

    /// What it is doing, in a word.
    pub fn stage(&self) -> &'static str {
        STAGES
            .get(usize::from(self.stage.load(Ordering::Relaxed)))
            .copied()
            .unwrap_or("queued")
    }
}

const STAGES: [&str; 7] = [
    "queued",
    "connecting",
    "authenticating",
    "opening",
    "running",
    "reattaching",
    "cancelling",
];

fn stage_number(stage: Stage) -> u8 {
    match stage {
        Stage::Connecting => 1,
        Stage::Authenticating => 2,
        Stage::Opening => 3,
        Stage::Running => 4,
        Stage::Reattaching => 5,
        Stage::Cancelling => 6,
    }
}

/// One stream's share of the budget.
struct Lane {
    hash: Sha256,
    seen: u64,
    /// How many bytes of the head were stored, and where they end.
    stored: u64,
    end: u64,
    tail: VecDeque<(u64, Bytes)>,
    tail_len: u64,
}

impl Lane {
    fn new(stored: u64) -> Self {
        Self {
            hash: Sha256::new(),
            seen: stored,
            stored,
            end: stored,
            tail: VecDeque::new(),
            tail_len: 0,
        }
    }

    /// Keeps the newest bytes, at most `limit` of them, give or take one packet.
    fn keep(&mut self, offset: u64, bytes: Bytes, limit: u64) {
        self.tail_len += bytes.len() as u64;
        self.tail.push_back((offset, bytes));
        while self.tail.len() > 1
            && self
                .tail
                .front()
                .is_some_and(|(_, first)| self.tail_len - first.len() as u64 >= limit)
        {
            if let Some((_, first)) = self.tail.pop_front() {
                self.tail_len -= first.len() as u64;
            }
        }
    }
}

struct Lanes {
    stdout: Lane,
    stderr: Lane,
    failed: bool,
}

impl Lanes {
    fn lane(&mut self, stream: OutStream) -> &mut Lane {
        match stream {
            OutStream::Stdout => &mut self.stdout,
            OutStream::Stderr => &mut self.stderr,
        }
    }
}

/// Where bytes are missing, how many, and why.
type Missing = (u64, u64, GapReason);

/// The sink of one attempt.
pub struct TaskSink {
    store: Arc<dyn Store>,
    task: TaskKey,
    head: u64,
    tail: u64,
    signs: Arc<TaskSigns>,
    lanes: Mutex<Lanes>,
    /// Standard output and standard error on their way through, where there are secrets to be hidden.
    streams: Mutex<Option<[Stream; 2]>>,
    resumed: bool,
    started: AtomicBool,
}

impl TaskSink {
    /// A sink that goes on behind `stored` bytes of each stream (0 for a fresh attempt).
    pub fn new(
        store: Arc<dyn Store>,
        task: TaskKey,
        budget: u64,
        tail: u64,
        signs: Arc<TaskSigns>,
        stored: (u64, u64),
    ) -> Self {
        Self {
            store,
            task,
            head: budget.saturating_sub(2 * tail) / 2,
            tail,
            signs,
            lanes: Mutex::new(Lanes {
                stdout: Lane::new(stored.0),
                stderr: Lane::new(stored.1),
                failed: false,
            }),
            streams: Mutex::new(None),
            resumed: stored != (0, 0),
            started: AtomicBool::new(false),
        }
    }

    /// The same, with secrets hidden in everything that goes on behind what is stored.
    #[must_use]
    pub fn without(self, redact: &Redact) -> Self {
        let lanes = self.lanes();
        let streams = [&lanes.stdout, &lanes.stderr].map(|lane| Stream::new(redact, lane.end));
        drop(lanes);
        Self {
            streams: Mutex::new((!redact.is_nothing()).then_some(streams)),
            ..self
        }
    }

    /// Shows what was held back: nothing comes behind it that could make it a secret.
    pub async fn show_rest(&self) {
        for stream in [OutStream::Stdout, OutStream::Stderr] {
            let rest = self.with_stream(stream, Stream::finish);
            if let Some(shown) = rest {
                self.put(stream, shown.offset, shown.bytes.into()).await;
            }
        }
    }

    fn with_stream<T>(&self, stream: OutStream, act: impl FnOnce(&mut Stream) -> T) -> Option<T> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let [stdout, stderr] = streams.as_mut()?;
        Some(act(match stream {
            OutStream::Stdout => stdout,
            OutStream::Stderr => stderr,
        }))
    }

    /// What may be shown now that these bytes came.
    fn shown(&self, stream: OutStream, offset: u64, bytes: Bytes) -> Vec<(u64, Bytes)> {
        let parts = self.with_stream(stream, |stream| {
            let before = stream.jumps_to(offset).then(|| stream.finish());
            let now = stream.feed(offset, &bytes);
            before
                .into_iter()
                .chain([now])
                .map(|shown| (shown.offset, Bytes::from(shown.bytes)))
                .filter(|(_, bytes)| !bytes.is_empty())
                .collect()
        });
        parts.unwrap_or_else(|| vec![(offset, bytes)])
    }

    /// Stores what may be shown, as far as the budget allows.
    async fn put(&self, stream: OutStream, offset: u64, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        if let Some(bytes) = self.admit(stream, offset, bytes) {
            let body = ChunkBody::Data(bytes.clone());
            if !self.store_body(stream, offset, body).await {
                self.refused(stream, offset, bytes);
            }
        }
    }

    /// Whether the host said that the command runs.
    pub fn has_started(&self) -> bool {
        self.started.load(Ordering::Relaxed)
    }

    /// Stores what was held back and sums up. `host_dropped` is what the host itself left out.
    pub async fn finish(&self, host_dropped: u64) -> OutputSum {
        let mut dropped = host_dropped;
        for stream in [OutStream::Stdout, OutStream::Stderr] {
            let (gap, tail) = self.take_tail(stream);
            if let Some((offset, len, reason)) = gap {
                dropped += len;
                self.store_body(stream, offset, ChunkBody::Gap { len, reason })
                    .await;
            }
            for (offset, bytes) in tail {
                dropped += self.store_or_gap(stream, offset, bytes).await;
            }
        }
        let mut sum = self.sum(dropped);
        if self.resumed {
            sum.digest = self.stored_digest();
        }
        sum
    }

    /// Stores bytes, or a gap where they belong; returns how many are missing.
    async fn store_or_gap(&self, stream: OutStream, offset: u64, bytes: Bytes) -> u64 {
        let len = bytes.len() as u64;
        if self
            .store_body(stream, offset, ChunkBody::Data(bytes))
            .await
        {
            return 0;
        }
        let reason = GapReason::NoSpace;
        self.store_body(stream, offset, ChunkBody::Gap { len, reason })
            .await;
        len
    }

    /// The digest of an attempt whose beginning went through another sink: read back. Empty, and
    /// so equal to no other, when it cannot be.
    fn stored_digest(&self) -> String {
        match stored_digest(self.store.as_ref(), self.task) {
            Ok(digest) => digest,
            Err(error) => {
                tracing::warn!(task = ?self.task, %error, "stored output could not be summed up");
                format!("?{}-{}", self.task.run, self.task.host)
            }
        }
    }

    /// What is held back of a stream, and the gap before it.
    fn take_tail(&self, stream: OutStream) -> (Option<Missing>, VecDeque<(u64, Bytes)>) {
        let mut lanes = self.lanes();
        let reason = if lanes.failed {
            GapReason::NoSpace
        } else {
            GapReason::OverBudget
        };
        let lane = lanes.lane(stream);
        let tail = std::mem::take(&mut lane.tail);
        let gap = tail.front().and_then(|(first, _)| {
            let len = first.saturating_sub(lane.end);
            (len > 0).then_some((lane.end, len, reason))
        });
        (gap, tail)
    }

    fn sum(&self, dropped: u64) -> OutputSum {
        let lanes = self.lanes();
        OutputSum {
            stdout: lanes.stdout.seen,
            stderr: lanes.stderr.seen,
            dropped,
            digest: both(lanes.stdout.hash.clone(), lanes.stderr.hash.clone()),
        }
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the bytes; returns them when they belong to the stored head.
    fn admit(&self, stream: OutStream, offset: u64, bytes: Bytes) -> Option<Bytes> {
        self.signs.wrote(stream, &bytes);
        let mut lanes = self.lanes();
        let failed = lanes.failed;
        let lane = lanes.lane(stream);
        lane.hash.update(&bytes);
        lane.seen = lane.seen.max(offset + bytes.len() as u64);
        if !failed && lane.tail.is_empty() && lane.stored + bytes.len() as u64 <= self.head {
            lane.stored += bytes.len() as u64;
            lane.end = lane.seen;
            return Some(bytes);
        }
        lane.keep(offset, bytes, self.tail);
        None
    }

    /// Whether it was stored.
    async fn store_body(&self, stream: OutStream, offset: u64, body: ChunkBody) -> bool {
        let chunk = Chunk {
            host: self.task.host.0,
            step: self.task.step.0,
            attempt: self.task.attempt.0,
            stream,
            offset,
            at_ms: now().0,
            body,
        };
        match self.store.append_output(self.task.run.0, chunk).await {
            Ok(()) => true,
            Err(error) => {
                if !std::mem::replace(&mut self.lanes().failed, true) {
                    tracing::error!(task = ?self.task, %error, "output could not be stored");
                }
                false
            }
        }
    }

    /// These bytes were to be part of the head, and there was no room for them: from now on only
    /// the newest are held.
    fn refused(&self, stream: OutStream, offset: u64, bytes: Bytes) {
        let mut lanes = self.lanes();
        let lane = lanes.lane(stream);
        lane.stored = lane.stored.saturating_sub(bytes.len() as u64);
        lane.end = lane.end.min(offset);
        lane.keep(offset, bytes, self.tail);
    }
}

impl Sink for TaskSink {
    fn output(&self, stream: OutStream, offset: u64, bytes: Bytes) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.signs.heard();
            for (offset, bytes) in self.shown(stream, offset, bytes) {
                self.put(stream, offset, bytes).await;
            }
        })
    }

    fn started(&self, process: Option<RemoteProcess>) {
        self.started.store(true, Ordering::Relaxed);
        if let Some(process) = process {
            tracing::debug!(task = ?self.task, ?process, "started on the host");
        }
    }

    fn stage(&self, stage: Stage) {
        self.signs
            .stage
            .store(stage_number(stage), Ordering::Relaxed);
    }
}

/// One digest for both streams: equal digests are equal outputs.
fn both(stdout: Sha256, stderr: Sha256) -> String {
    let mut both = Sha256::new();
    both.update(stdout.finalize());
    both.update(stderr.finalize());
    hex(&both.finalize()[..16])
}

fn stored_digest(store: &dyn Store, task: TaskKey) -> Result<String, StoreError> {
    let (mut stdout, mut stderr) = (Sha256::new(), Sha256::new());
    let mut cursor = OutputCursor::default();
    loop {
        let page = store.read_host_output(task.run.0, task.host.0, cursor, DIGEST_PAGE)?;
        for chunk in &page.chunks {
            if chunk.step != task.step.0 || chunk.attempt != task.attempt.0 {
                continue;
            }
            let hash = match chunk.stream {
                OutStream::Stdout => &mut stdout,
                OutStream::Stderr => &mut stderr,
            };
            match &chunk.body {
                ChunkBody::Data(bytes) => hash.update(bytes),
                ChunkBody::Gap { len, .. } => hash.update(len.to_be_bytes()),
            }
        }
        cursor = page.next;
        if page.end {
            return Ok(both(stdout, stderr));
        }
    }
}

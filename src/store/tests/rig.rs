//! Both stores under one handle, and small helpers.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;

use crate::run::output::OutStream;
use crate::store::disk::{DiskStore, Marks, Options};
use crate::store::sim::{SimStore, Syncing};
use crate::store::{
    Append, Chunk, ChunkBody, Lsn, OutputCursor, OutputPage, Record, Store, StoreError, Stream,
};

/// A store that can be closed, killed and opened again.
pub(super) trait Rig {
    fn store(&self) -> Arc<dyn Store>;
    /// Closes and opens.
    fn reopen(&mut self);
    /// Dies without a word and opens.
    fn crash(&mut self);
}

pub(super) struct SimRig(Arc<SimStore>);

pub(super) struct DiskRig {
    dir: TempDir,
    options: Options,
    store: Option<Arc<DiskStore>>,
}

impl SimRig {
    pub fn new() -> Self {
        Self(SimStore::new(Syncing::Automatic))
    }
}

impl Rig for SimRig {
    fn store(&self) -> Arc<dyn Store> {
        self.0.clone()
    }

    fn reopen(&mut self) {
        self.0.close().unwrap();
        self.0 = self.0.reopen();
    }

    fn crash(&mut self) {
        self.0 = self.0.crash();
    }
}

impl DiskRig {
    pub fn new() -> Self {
        Self::with(small_options())
    }

    pub fn with(options: Options) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Some(Arc::new(
            DiskStore::open(dir.path(), options.clone()).unwrap(),
        ));
        Self {
            dir,
            options,
            store,
        }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Closes, lets something happen to the files, and opens.
    pub fn reopen_after(&mut self, between: impl FnOnce(&Path)) {
        if let Some(store) = self.store.take() {
            store.close().unwrap();
        }
        between(self.dir.path());
        self.open();
    }

    /// Dies, lets something happen to the files, and opens.
    pub fn crash_and(&mut self, between: impl FnOnce(&Path)) {
        if let Some(store) = self.store.take() {
            store.die();
        }
        between(self.dir.path());
        self.open();
    }

    fn open(&mut self) {
        let store = DiskStore::open(self.dir.path(), self.options.clone()).unwrap();
        self.store = Some(Arc::new(store));
    }
}

impl Rig for DiskRig {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone().unwrap()
    }

    fn reopen(&mut self) {
        self.reopen_after(|_| {});
    }

    fn crash(&mut self) {
        self.crash_and(|_| {});
    }
}

/// Files that are small enough for a test to reach their ends.
pub(super) fn small_options() -> Options {
    Options {
        sync_interval: Duration::from_millis(20),
        index_interval: Duration::from_millis(20),
        index_cache_bytes: 4 << 20,
        marks: Some(no_marks()),
        ..Options::default()
    }
}

/// Space plays no part.
pub(super) fn no_marks() -> Marks {
    Marks {
        low: 0,
        reserve_at: 0,
        reserve: 0,
        output: 0,
        full: 0,
    }
}

pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

/// Waits until an LSN is durable.
pub(super) fn durable(store: &dyn Store, lsn: Lsn) {
    let mut receiver = store.durability();
    let seen = block_on(receiver.wait_for(|seen| seen.lsn >= lsn || seen.failed.is_some()));
    assert_eq!(seen.unwrap().failed, None);
}

/// Waits for something that will come by itself.
pub(super) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("waited in vain until {what}");
}

pub(super) fn run(run: u64, text: &str) -> Append {
    Append::new(Stream::Run(run), Bytes::copy_from_slice(text.as_bytes()))
}

pub(super) fn texts(records: &[Record]) -> Vec<String> {
    let texts = records
        .iter()
        .map(|record| String::from_utf8_lossy(&record.payload).into_owned());
    texts.collect()
}

pub(super) fn data(host: u32, offset: u64, text: &str) -> Chunk {
    bytes(host, offset, Bytes::copy_from_slice(text.as_bytes()))
}

pub(super) fn bytes(host: u32, offset: u64, bytes: Bytes) -> Chunk {
    Chunk {
        host,
        step: 1,
        attempt: 1,
        stream: OutStream::Stdout,
        offset,
        at_ms: 1_700_000_000_000 + i64::from(host),
        body: ChunkBody::Data(bytes),
    }
}

pub(super) fn output(store: &dyn Store, run: u64, chunk: Chunk) {
    block_on(store.append_output(run, chunk)).unwrap();
}

/// All pages from the start, read with this page size.
pub(super) fn all_pages(
    max_bytes: usize,
    mut page: impl FnMut(OutputCursor, usize) -> OutputPage,
) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut cursor = OutputCursor::default();
    loop {
        let next = page(cursor, max_bytes);
        assert!(next.next >= cursor);
        assert!(next.end || !next.chunks.is_empty());
        chunks.extend(next.chunks);
        cursor = next.next;
        if next.end {
            return chunks;
        }
    }
}

pub(super) fn all_output(store: &dyn Store, run: u64) -> Vec<Chunk> {
    all_pages(1000, |from, max| store.read_output(run, from, max).unwrap())
}

pub(super) fn host_output(store: &dyn Store, run: u64, host: u32) -> Vec<Chunk> {
    all_pages(1000, |from, max| {
        store.read_host_output(run, host, from, max).unwrap()
    })
}

/// Asks again while the store says that it is busy.
pub(super) fn retry<T>(mut ask: impl FnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
    loop {
        match ask() {
            Err(StoreError::Busy { .. }) => std::thread::yield_now(),
            other => return other,
        }
    }
}

/// How often something is tried: more with `CONN_TEST_FULL=1`.
pub(super) fn full_or<T>(full: T, normal: T) -> T {
    let wanted = std::env::var("CONN_TEST_FULL").is_ok_and(|value| value == "1");
    if wanted { full } else { normal }
}

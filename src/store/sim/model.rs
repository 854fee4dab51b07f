//! The state a simulated store holds, and the operations that change it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::store::page::{OutputKey, data_len};
use crate::store::{
    Chunk, Digest, Lsn, OutputCursor, OutputPage, Record, StoreNote, Stream, Versioned, audit,
};

/// One change. Applying the same changes in the same order gives the same state.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Records(Vec<Record>),
    Put {
        lsn: Lsn,
        key: Vec<u8>,
        value: Option<Bytes>,
    },
    Blob(Digest, Bytes),
    Output(u64, Vec<Chunk>),
    Seal(u64, Digest),
    Drop(u64),
}

/// Everything a store knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub last_lsn: Lsn,
    pub streams: BTreeMap<Stream, Vec<Record>>,
    pub kv: BTreeMap<Vec<u8>, Versioned>,
    pub blobs: BTreeMap<Digest, Bytes>,
    pub outputs: BTreeMap<u64, Output>,
    pub sealed: BTreeMap<u64, Digest>,
}

/// One run's output.
#[derive(Debug, Clone, Default)]
pub(super) struct Output {
    chunks: Vec<Chunk>,
    by_host: BTreeMap<u32, Vec<usize>>,
    pub ends: BTreeMap<OutputKey, u64>,
}

impl Model {
    pub fn apply(&mut self, op: Op) {
        match op {
            Op::Records(records) => records.into_iter().for_each(|record| self.record(record)),
            Op::Put { lsn, key, value } => self.put(lsn, key, value),
            Op::Blob(digest, bytes) => drop(self.blobs.insert(digest, bytes)),
            Op::Output(run, chunks) => self.outputs.entry(run).or_default().extend(chunks),
            Op::Seal(run, root) => drop(self.sealed.insert(run, root)),
            Op::Drop(run) => {
                self.streams.remove(&Stream::Run(run));
                self.outputs.remove(&run);
                self.sealed.remove(&run);
            }
        }
    }

    fn record(&mut self, record: Record) {
        self.last_lsn = record.lsn;
        self.streams.entry(record.stream).or_default().push(record);
    }

    fn put(&mut self, lsn: Lsn, key: Vec<u8>, value: Option<Bytes>) {
        self.last_lsn = lsn;
        match value {
            Some(value) => drop(self.kv.insert(
                key,
                Versioned {
                    version: lsn,
                    value,
                },
            )),
            None => drop(self.kv.remove(&key)),
        }
    }

    /// The `seq` the next record of a stream gets.
    pub fn next_seq(&self, stream: Stream) -> u64 {
        self.streams
            .get(&stream)
            .map_or(0, |records| records.len() as u64)
    }

    /// The root over a run's records, and how many those are; `None` if nothing of it is here.
    pub fn root(&self, run: u64) -> Option<(Digest, u64)> {
        let records = self.stream(Stream::Run(run));
        if records.is_empty() && !self.outputs.contains_key(&run) {
            return None;
        }
        let root = records.iter().fold(audit::run_root(run), |root, record| {
            audit::run_link(&root, record.seq, &record.payload)
        });
        Some((root, records.len() as u64))
    }

    /// The chain hash after each audit record.
    pub fn audit_chain(&self) -> Vec<Digest> {
        let mut hash = audit::genesis();
        self.stream(Stream::Audit)
            .iter()
            .map(|record| {
                hash = audit::link(&hash, record.seq, &record.payload);
                hash
            })
            .collect()
    }

    /// The runs that audit says are sealed and not dropped.
    pub fn noted_seals(&self) -> BTreeSet<u64> {
        let mut runs = BTreeSet::new();
        for record in self.stream(Stream::Audit) {
            match StoreNote::parse(&record.payload) {
                Some(StoreNote::Sealed { run, .. }) => drop(runs.insert(run)),
                Some(StoreNote::Dropped { run, .. }) => drop(runs.remove(&run)),
                None => {}
            }
        }
        runs
    }

    pub fn stream(&self, stream: Stream) -> &[Record] {
        self.streams.get(&stream).map_or(&[], Vec::as_slice)
    }
}

impl Output {
    fn extend(&mut self, chunks: Vec<Chunk>) {
        for chunk in chunks {
            self.ends.insert(OutputKey::of(&chunk), chunk.end());
            self.by_host
                .entry(chunk.host)
                .or_default()
                .push(self.chunks.len());
            self.chunks.push(chunk);
        }
    }

    /// A page in the order of arrival.
    pub fn page(&self, from: OutputCursor, max_bytes: usize) -> OutputPage {
        self.collect(from.0 as usize..self.chunks.len(), max_bytes)
    }

    /// A page of one host.
    pub fn host_page(&self, host: u32, from: OutputCursor, max_bytes: usize) -> OutputPage {
        let all = self.by_host.get(&host).map_or(&[][..], Vec::as_slice);
        let start = all.partition_point(|index| (*index as u64) < from.0);
        self.collect(all[start..].iter().copied(), max_bytes)
    }

    fn collect(&self, indexes: impl Iterator<Item = usize>, max_bytes: usize) -> OutputPage {
        let mut page = OutputPage::default();
        let mut bytes = 0;
        for index in indexes {
            if !page.chunks.is_empty() && bytes >= max_bytes {
                return page;
            }
            let chunk = &self.chunks[index];
            bytes += data_len(chunk);
            page.chunks.push(chunk.clone());
            page.next = OutputCursor(index as u64 + 1);
        }
        page.end = true;
        page.next = OutputCursor(self.chunks.len() as u64);
        page
    }
}

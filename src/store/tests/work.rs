//! Work whose every trace can be checked: what was written where is told by the content itself,
//! and what was acknowledged is told line by line.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::Duration;

use bytes::Bytes;

use super::rig::{bytes, durable, host_output, output, retry, small_options};
use crate::store::disk::Options;
use crate::store::{Append, ChunkBody, Digest, NoteKind, Store, StoreError, Stream};

/// The run that never ends.
const LONG: u64 = 1;
/// The first of those that do.
const FIRST: u64 = 100;

/// Files so small that all that happens to files happens often.
pub(super) fn options() -> Options {
    Options {
        log_file_bytes: 64 << 10,
        log_files: 2,
        key_archive_bytes: 8 << 10,
        index_loose_bytes: 0,
        index_measure: Duration::from_millis(200),
        sync_interval: Duration::from_millis(5),
        index_interval: Duration::from_millis(5),
        ..small_options()
    }
}

/// Random numbers, the same for the same seed.
pub(super) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % limit
    }
}

fn payload(stream: Stream, seq: u64) -> String {
    format!("{stream} {seq} {}", "x".repeat((seq * 37 % 300) as usize))
}

fn output_bytes(run: u64, host: u32, from: u64, len: u64) -> Bytes {
    let byte = |at: u64| (at * (run * 2 + 1) + u64::from(host) * 31 + at / 251) as u8;
    (from..from + len).map(byte).collect()
}

fn blob(number: u64) -> Vec<u8> {
    format!("blob {number} ")
        .repeat(1 + (number as usize % 5) * 200)
        .into_bytes()
}

/// One who works on a store and says what was acknowledged.
pub(super) struct Worker<'a> {
    store: &'a dyn Store,
    random: Random,
    tell: &'a mut dyn Write,
    run: u64,
    number: u64,
    /// How far each stream is known to go.
    next: BTreeMap<Stream, u64>,
}

impl<'a> Worker<'a> {
    /// Goes on where the last one was stopped.
    pub fn new(store: &'a dyn Store, seed: u64, tell: &'a mut dyn Write) -> Self {
        let live = store.live_runs().unwrap();
        let number = store
            .get(b"number")
            .unwrap()
            .map_or(0, |found| number_of(&found.value));
        let run = live.into_iter().filter(|run| *run >= FIRST).max();
        let run = run.unwrap_or(FIRST + number);
        Self {
            store,
            random: Random::new(seed),
            tell,
            run,
            number,
            next: BTreeMap::new(),
        }
    }

    /// Some rounds of everything.
    pub fn work(&mut self, rounds: u64) {
        for _ in 0..rounds {
            self.round();
        }
    }

    fn say(&mut self, text: &str) {
        writeln!(self.tell, "@{text}").unwrap();
        self.tell.flush().unwrap();
    }

    fn round(&mut self) {
        self.number += 1;
        let mut said = Vec::new();
        for _ in 0..self.random.below(5) {
            said.extend(self.output());
        }
        let count = 1 + self.random.below(6);
        let streams: Vec<_> = (0..count).map(|_| self.stream()).collect();
        for stream in streams {
            said.push(self.append(stream));
        }
        if self.random.below(4) == 0 {
            let digest = retry(|| self.store.put_blob(&blob(self.number))).unwrap();
            said.push(format!("blob {} {digest}", self.number));
        }
        let key = self.random.below(20);
        let value = format!(
            "{} {}",
            self.number,
            "v".repeat(self.random.below(4000) as usize)
        );
        retry(|| {
            self.store
                .put(format!("key {key}").as_bytes(), Some(value.as_bytes()))
        })
        .unwrap();
        said.push(format!("key {key} {}", self.number));
        let number = self.number.to_string();
        let last = retry(|| self.store.put(b"number", Some(number.as_bytes()))).unwrap();
        durable(self.store, last);
        // Output is durable when a record of its run is that came after it.
        said.retain(|line| !line.starts_with("output") || self.has_run(said_run(line)));
        for line in said {
            self.say(&line);
        }
        if self.random.below(8) == 0 {
            self.end_run();
        }
    }

    fn has_run(&self, run: u64) -> bool {
        self.store.live_runs().unwrap().contains(&run)
    }

    fn stream(&mut self) -> Stream {
        match self.random.below(10) {
            0 => Stream::Audit,
            1 => Stream::Engine,
            2 => Stream::Run(LONG),
            _ => Stream::Run(self.run),
        }
    }

    fn append(&mut self, stream: Stream) -> String {
        // Notes of the store's own lie between the records of the audit stream.
        let known = self.next.entry(stream).or_default();
        let seq = *known
            + self
                .store
                .read(stream, *known, usize::MAX >> 1)
                .unwrap()
                .len() as u64;
        *known = seq;
        let record = Append::new(stream, payload(stream, seq)).expecting(seq);
        retry(|| self.store.append(vec![record.clone()])).unwrap();
        match stream {
            Stream::Run(run) => format!("run {run} {seq}"),
            Stream::Audit => format!("audit {seq}"),
            Stream::Engine => format!("engine {seq}"),
        }
    }

    /// Output and the record that makes it durable.
    fn output(&mut self) -> Vec<String> {
        let run = if self.random.below(5) == 0 {
            LONG
        } else {
            self.run
        };
        let host = self.random.below(4) as u32;
        let (from, _) = self.store.output_extent(run, host, 1, 1).unwrap();
        let len = 1 + self.random.below(9000);
        output(
            self.store,
            run,
            bytes(host, from, output_bytes(run, host, from, len)),
        );
        vec![
            self.append(Stream::Run(run)),
            format!("output {run} {host} {}", from + len),
        ]
    }

    fn end_run(&mut self) {
        let run = self.run;
        match self.store.seal(run) {
            Ok(root) => self.say(&format!("sealed {run} {root}")),
            Err(StoreError::UnknownRun { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        self.run = FIRST + self.number;
        let old = self.random.below(self.number + 1) + FIRST;
        if old < run {
            self.say(&format!("dropping {old}"));
            match self.store.drop_run(old, "work") {
                Ok(()) => self.say(&format!("dropped {old}")),
                Err(StoreError::UnknownRun { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn said_run(line: &str) -> u64 {
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

fn number_of(value: &[u8]) -> u64 {
    let text = std::str::from_utf8(value).unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// Everything that was ever acknowledged.
#[derive(Debug, Default, Clone)]
pub(super) struct Facts {
    /// How many records each stream must have.
    records: BTreeMap<Stream, u64>,
    keys: BTreeMap<u64, u64>,
    output: BTreeMap<(u64, u32), u64>,
    blobs: BTreeMap<u64, Digest>,
    sealed: BTreeMap<u64, Digest>,
    dropping: BTreeSet<u64>,
    dropped: BTreeSet<u64>,
}

impl Facts {
    /// Takes a line of a worker; others are passed over.
    pub fn hear(&mut self, line: &str) {
        let Some(said) = line.strip_prefix('@') else {
            return;
        };
        let words: Vec<_> = said.split(' ').collect();
        let number = |index: usize| words[index].parse::<u64>().unwrap();
        let mut records = |stream, seq| {
            let count = self.records.entry(stream).or_default();
            *count = (*count).max(seq + 1);
        };
        match words[0] {
            "run" => records(Stream::Run(number(1)), number(2)),
            "audit" => records(Stream::Audit, number(1)),
            "engine" => records(Stream::Engine, number(1)),
            "key" => drop(self.keys.insert(number(1), number(2))),
            "output" => {
                let end = self
                    .output
                    .entry((number(1), number(2) as u32))
                    .or_default();
                *end = (*end).max(number(3));
            }
            "blob" => drop(self.blobs.insert(number(1), words[2].parse().unwrap())),
            "sealed" => drop(self.sealed.insert(number(1), words[2].parse().unwrap())),
            "dropping" => drop(self.dropping.insert(number(1))),
            "dropped" => drop(self.dropped.insert(number(1))),
            other => panic!("{other}"),
        }
    }

    pub fn count(&self) -> u64 {
        self.records.values().sum()
    }

    /// Checks a store that was opened after whatever happened.
    pub fn check(&self, store: &dyn Store) {
        for (stream, count) in &self.records {
            self.check_stream(store, *stream, *count);
        }
        for (key, number) in &self.keys {
            let found = store.get(format!("key {key}").as_bytes()).unwrap().unwrap();
            assert!(number_of(&found.value) >= *number, "key {key}");
        }
        for ((run, host), end) in &self.output {
            if !self.dropping.contains(run) {
                check_output(store, *run, *host, *end);
            }
        }
        for (number, digest) in &self.blobs {
            assert_eq!(store.blob(digest).unwrap().unwrap(), blob(*number));
        }
        for (run, root) in &self.sealed {
            if !self.dropping.contains(run) {
                assert_eq!(store.seal(*run).unwrap(), *root);
            }
        }
        for run in &self.dropped {
            assert_eq!(store.read(Stream::Run(*run), 0, 1).unwrap(), []);
            assert_eq!(store.output_extent(*run, 0, 1, 1).unwrap(), (0, 0));
        }
        assert_eq!(store.verify_audit().unwrap().breaks, []);
        let notes = store.health().notes;
        assert!(
            notes.iter().all(|note| note.kind == NoteKind::Recovered),
            "{notes:?}"
        );
    }

    fn check_stream(&self, store: &dyn Store, stream: Stream, count: u64) {
        let found = store.read(stream, 0, usize::MAX >> 1).unwrap();
        if let Stream::Run(run) = stream
            && self.dropping.contains(&run)
            && found.is_empty()
        {
            return;
        }
        assert!(
            found.len() as u64 >= count,
            "{stream}: {} of {count}",
            found.len()
        );
        for (record, seq) in found.iter().zip(0..) {
            assert_eq!(record.seq, seq, "{stream}");
            let is_note = record.payload.starts_with(b"{\"store\":");
            assert!(
                is_note || record.payload == payload(stream, seq),
                "{stream} {seq}"
            );
        }
    }
}

fn check_output(store: &dyn Store, run: u64, host: u32, end: u64) {
    let mut at = 0;
    for chunk in host_output(store, run, host) {
        assert_eq!(chunk.offset, at, "run {run} host {host}");
        let ChunkBody::Data(found) = &chunk.body else {
            panic!("a gap in run {run} host {host} at {at}");
        };
        assert!(*found == output_bytes(run, host, at, found.len() as u64));
        at = chunk.end();
    }
    assert!(at >= end, "run {run} host {host}: {at} of {end}");
    assert_eq!(store.output_extent(run, host, 1, 1).unwrap().0, at);
}

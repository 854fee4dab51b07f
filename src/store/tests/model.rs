//! Random operations with closes and crashes between, against a model that is too simple to be
//! wrong: what was acknowledged stays, and nothing is there that was not written.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::rig::{
    DiskRig, Rig, SimRig, bytes, durable, full_or, host_output, output, retry, small_options,
};
use crate::store::disk::Options;
use crate::store::{
    Append, ChunkBody, Digest, Lsn, NoteKind, Store, StoreError, StoreNote, Stream,
};

#[derive(Debug, Clone)]
enum Op {
    Append(Vec<(u64, u16)>),
    Audit(u16),
    Put(u8, u16),
    Remove(u8),
    CompareAndSet(u8, bool, u16),
    Output(u64, u32, u16),
    Blob(u16),
    Seal(u64),
    Drop(u64),
    Wait,
    Reopen,
    Crash,
}

fn op() -> impl Strategy<Value = Op> {
    let run = 1u64..4;
    let size = prop_oneof![8 => 0u16..200, 1 => 3000u16..20_000];
    prop_oneof![
        6 => vec((run.clone(), size.clone()), 1..4).prop_map(Op::Append),
        1 => size.clone().prop_map(Op::Audit),
        3 => (0u8..8, size.clone()).prop_map(|(key, size)| Op::Put(key, size)),
        1 => (0u8..8).prop_map(Op::Remove),
        2 => (0u8..8, any::<bool>(), size.clone()).prop_map(|(key, right, size)| {
            Op::CompareAndSet(key, right, size)
        }),
        6 => (run.clone(), 0u32..3, size.clone()).prop_map(|(run, host, size)| {
            Op::Output(run, host, size)
        }),
        1 => size.prop_map(Op::Blob),
        1 => run.clone().prop_map(Op::Seal),
        1 => run.prop_map(Op::Drop),
        3 => Just(Op::Wait),
        1 => Just(Op::Reopen),
        1 => Just(Op::Crash),
    ]
}

/// Something that was written, in the order of LSNs.
#[derive(Debug, Clone)]
enum Change {
    Record(Stream, Bytes),
    Put(Vec<u8>, Option<Bytes>),
    Seal(u64),
    Drop(u64),
}

/// What a store should hold.
#[derive(Debug, Default)]
struct State {
    streams: BTreeMap<Stream, Vec<Bytes>>,
    keys: BTreeMap<Vec<u8>, (Lsn, Bytes)>,
    sealed: std::collections::BTreeSet<u64>,
}

#[derive(Debug, Default)]
struct Model {
    ledger: Vec<(Lsn, Change)>,
    /// Up to here it was acknowledged.
    acknowledged: Lsn,
    /// Output given, and how much of it must be there: by the LSN that said so.
    given: BTreeMap<(u64, u32), Vec<u8>>,
    floors: Vec<(Lsn, u64, u32, usize)>,
    blobs: Vec<(Lsn, Bytes)>,
    count: u64,
}

impl Model {
    fn state(&self) -> State {
        let mut state = State::default();
        for (lsn, change) in &self.ledger {
            match change {
                Change::Record(stream, payload) => {
                    state
                        .streams
                        .entry(*stream)
                        .or_default()
                        .push(payload.clone());
                }
                Change::Put(key, Some(value)) => {
                    state.keys.insert(key.clone(), (*lsn, value.clone()));
                }
                Change::Put(key, None) => drop(state.keys.remove(key)),
                Change::Seal(run) => drop(state.sealed.insert(*run)),
                Change::Drop(run) => {
                    state.streams.remove(&Stream::Run(*run));
                    state.sealed.remove(run);
                }
            }
        }
        state
    }

    /// Bytes nobody wrote before.
    fn fresh(&mut self, size: u16) -> Bytes {
        self.count += 1;
        let mut text = format!("{} ", self.count).into_bytes();
        text.resize(text.len().max(size.into()), self.count as u8);
        text.into()
    }

    /// The store was killed: what it still has is what counts, and it must have what it
    /// acknowledged.
    fn forget_after(&mut self, store: &dyn Store) {
        let last = store.health().appended_lsn;
        assert!(last >= self.acknowledged, "{last} < {}", self.acknowledged);
        self.ledger.retain(|(lsn, _)| *lsn <= last);
        // A blob is durable with whatever comes after it.
        self.blobs.retain(|(lsn, _)| *lsn < last);
        self.floors.retain(|(lsn, ..)| *lsn <= last);
        for ((run, host), given) in &mut self.given {
            let (end, _) = store.output_extent(*run, *host, 1, 1).unwrap();
            assert!(end <= given.len() as u64);
            given.truncate(end as usize);
        }
        self.given.retain(|_, given| !given.is_empty());
        for (_, run, host, floor) in &self.floors {
            let left = self.given.get(&(*run, *host)).map_or(0, Vec::len);
            assert!(
                left >= *floor,
                "run {run} host {host}: {left} of {floor} bytes"
            );
        }
    }

    fn apply(&mut self, rig: &mut dyn Rig, op: &Op) {
        let store = rig.store();
        match op {
            Op::Append(list) => self.append(&*store, list),
            Op::Audit(size) => {
                let payload = self.fresh(*size);
                let record = Append::new(Stream::Audit, payload.clone());
                let lsn = retry(|| store.append(vec![record.clone()])).unwrap();
                self.ledger
                    .push((lsn, Change::Record(Stream::Audit, payload)));
            }
            Op::Put(key, size) => {
                let value = self.fresh(*size);
                let lsn = retry(|| store.put(&[b'k', *key], Some(&value))).unwrap();
                self.ledger
                    .push((lsn, Change::Put(vec![b'k', *key], Some(value))));
            }
            Op::Remove(key) => {
                let lsn = retry(|| store.put(&[b'k', *key], None)).unwrap();
                self.ledger.push((lsn, Change::Put(vec![b'k', *key], None)));
            }
            Op::CompareAndSet(key, right, size) => self.compare(&*store, *key, *right, *size),
            Op::Output(run, host, size) => self.output(&*store, *run, *host, *size),
            Op::Blob(size) => {
                let content = self.fresh(*size);
                assert_eq!(
                    retry(|| store.put_blob(&content)).unwrap(),
                    Digest::of(&content)
                );
                self.blobs.push((store.health().appended_lsn, content));
            }
            Op::Seal(run) => self.seal(&*store, *run),
            Op::Drop(run) => self.drop_run(&*store, *run),
            Op::Wait => {
                self.acknowledged = store.health().appended_lsn;
                durable(&*store, self.acknowledged);
            }
            Op::Reopen => {
                drop(store);
                rig.reopen();
                self.acknowledged = rig.store().health().appended_lsn;
            }
            Op::Crash => {
                drop(store);
                rig.crash();
                self.forget_after(&*rig.store());
            }
        }
    }

    fn append(&mut self, store: &dyn Store, list: &[(u64, u16)]) {
        let sealed = self.state().sealed;
        let records: Vec<_> = list
            .iter()
            .map(|(run, size)| Append::new(Stream::Run(*run), self.fresh(*size)))
            .collect();
        let appended = retry(|| store.append(records.clone()));
        if list.iter().any(|(run, _)| sealed.contains(run)) {
            assert!(matches!(appended, Err(StoreError::Sealed { .. })));
            return;
        }
        let end = appended.unwrap();
        let first = end + 1 - records.len() as u64;
        for (lsn, record) in (first..).zip(records) {
            self.ledger
                .push((lsn, Change::Record(record.stream, record.payload)));
        }
        for ((run, host), given) in &self.given {
            if list.iter().any(|(of, _)| of == run) {
                self.floors.push((end, *run, *host, given.len()));
            }
        }
    }

    fn compare(&mut self, store: &dyn Store, key: u8, right: bool, size: u16) {
        let key = vec![b'k', key];
        let actual = self.state().keys.get(&key).map(|(version, _)| *version);
        let expect = if right {
            actual
        } else {
            actual.map_or(Some(1), |version| Some(version + 1))
        };
        let value = self.fresh(size);
        match retry(|| store.compare_and_set(&key, expect, Some(&value))) {
            Ok(lsn) => {
                assert_eq!(expect, actual);
                self.ledger.push((lsn, Change::Put(key, Some(value))));
            }
            Err(StoreError::Conflict { actual: told }) => {
                assert_eq!(told, actual);
                assert_ne!(expect, actual);
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn output(&mut self, store: &dyn Store, run: u64, host: u32, size: u16) {
        if self.state().sealed.contains(&run) {
            return;
        }
        let more = self.fresh(size);
        let given = self.given.entry((run, host)).or_default();
        output(store, run, bytes(host, given.len() as u64, more.clone()));
        given.extend_from_slice(&more);
    }

    fn seal(&mut self, store: &dyn Store, run: u64) {
        let state = self.state();
        let known = state.streams.contains_key(&Stream::Run(run));
        match store.seal(run) {
            Ok(root) if !state.sealed.contains(&run) => {
                let lsn = store.health().durable_lsn;
                let records = state.streams[&Stream::Run(run)].len() as u64;
                let note = StoreNote::Sealed { run, root, records };
                self.ledger
                    .push((lsn, Change::Record(Stream::Audit, note.payload())));
                self.ledger.push((lsn, Change::Seal(run)));
                self.acknowledged = lsn;
            }
            Ok(_) => {}
            Err(StoreError::UnknownRun { .. }) => assert!(!known),
            Err(error) => panic!("{error}"),
        }
    }

    fn drop_run(&mut self, store: &dyn Store, run: u64) {
        let state = self.state();
        let has_output = self.given.keys().any(|(of, _)| *of == run);
        let known = state.streams.contains_key(&Stream::Run(run)) || has_output;
        match store.drop_run(run, "test") {
            Ok(()) => {
                let lsn = store.health().durable_lsn;
                let note = store
                    .read(Stream::Audit, 0, usize::MAX)
                    .unwrap()
                    .pop()
                    .unwrap();
                self.ledger
                    .push((lsn, Change::Record(Stream::Audit, note.payload)));
                self.ledger.push((lsn, Change::Drop(run)));
                self.given.retain(|(of, _), _| *of != run);
                self.floors.retain(|(_, of, ..)| *of != run);
                self.acknowledged = lsn;
            }
            Err(StoreError::UnknownRun { .. }) => assert!(!known),
            Err(error) => panic!("{error}"),
        }
    }

    fn check(&self, store: &dyn Store) {
        let state = self.state();
        for stream in [
            Stream::Run(1),
            Stream::Run(2),
            Stream::Run(3),
            Stream::Audit,
        ] {
            let found = store.read(stream, 0, usize::MAX).unwrap();
            let payloads: Vec<_> = found.iter().map(|record| record.payload.clone()).collect();
            assert_eq!(
                payloads,
                state.streams.get(&stream).cloned().unwrap_or_default(),
                "{stream}"
            );
            assert!(found.iter().zip(0..).all(|(record, seq)| record.seq == seq));
        }
        let found = store.scan(b"", None, usize::MAX >> 1).unwrap().into_iter();
        let keys: BTreeMap<_, _> = found
            .map(|(key, found)| (key, (found.version, found.value)))
            .collect();
        assert_eq!(keys, state.keys);
        for (_, content) in &self.blobs {
            assert_eq!(store.blob(&Digest::of(content)).unwrap().unwrap(), content);
        }
        for ((run, host), given) in &self.given {
            let mut whole = Vec::new();
            for chunk in host_output(store, *run, *host) {
                assert_eq!(chunk.offset, whole.len() as u64);
                match chunk.body {
                    ChunkBody::Data(bytes) => whole.extend_from_slice(&bytes),
                    ChunkBody::Gap { .. } => panic!("a gap in run {run} host {host}"),
                }
            }
            assert!(whole == *given, "run {run} host {host}");
        }
        assert_eq!(store.verify_audit().unwrap().breaks, []);
        let notes = store.health().notes;
        assert!(
            notes.iter().all(|note| note.kind == NoteKind::Recovered),
            "{notes:?}"
        );
    }
}

fn run_model(rig: &mut dyn Rig, ops: &[Op]) {
    let mut model = Model::default();
    for op in ops {
        model.apply(rig, op);
        if matches!(op, Op::Reopen | Op::Crash) {
            model.check(&*rig.store());
        }
    }
    model.check(&*rig.store());
    rig.reopen();
    model.check(&*rig.store());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: full_or(960, 48), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_disk_store_acknowledged_stays(ops in vec(op(), 1..80)) {
        let options = Options { log_file_bytes: 256 << 10, log_files: 2, ..small_options() };
        run_model(&mut DiskRig::with(options), &ops);
    }

    #[test]
    fn what_the_simulated_store_acknowledged_stays(ops in vec(op(), 1..80)) {
        run_model(&mut SimRig::new(), &ops);
    }
}

//! A disk that fills up, on a small filesystem in memory. Needs root, to mount it.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tempfile::TempDir;

use super::rig::{
    block_on, bytes, data, durable, full_or, host_output, output, run, small_options, texts,
    wait_until,
};
use super::work::Random;
use crate::store::disk::{DiskStore, Marks, Options};
use crate::store::{
    Append, Chunk, ChunkBody, GapReason, NoteKind, SpaceState, Store, StoreError, Stream,
};

const MIB: u64 = 1 << 20;

/// A filesystem of this size, gone with this value.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn new(mib: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
            .arg(dir.path())
            .status()
            .unwrap();
        assert!(
            mounted.success(),
            "this test mounts a filesystem and must be run by root"
        );
        Self(dir)
    }

    fn state(&self) -> std::path::PathBuf {
        self.0.path().join("state")
    }

    /// Takes space until only this much is left.
    fn leave(&self, bytes: u64) {
        let free = || {
            let stat = rustix::fs::statvfs(self.0.path()).unwrap();
            stat.f_bavail * stat.f_frsize
        };
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(self.filler())
            .unwrap();
        while free() > bytes {
            let more = (free() - bytes).min(MIB) as usize;
            if file.write_all(&vec![1; more]).is_err() {
                return;
            }
        }
    }

    fn give_back(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> std::path::PathBuf {
        self.0.path().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn options() -> Options {
    let marks = Marks {
        low: 30 * MIB,
        reserve_at: 16 * MIB,
        reserve: 8 * MIB,
        output: 9 * MIB,
        full: 8 * MIB,
    };
    Options {
        log_file_bytes: MIB,
        marks: Some(marks),
        ..small_options()
    }
}

fn open(path: &Path) -> DiskStore {
    DiskStore::open(path, options()).unwrap()
}

fn wait_for(store: &dyn Store, state: SpaceState) {
    wait_until(&format!("{state:?}"), || store.health().space == state);
}

#[test]
fn a_full_disk_refuses_cleanly_and_reading_goes_on() {
    let disk = SmallDisk::new(96);
    let store = open(&disk.state());
    let mut count = 0;
    let mut append = |store: &dyn Store| {
        let lsn = store.append(vec![run(1, &format!("{count}")), run(2, "x")])?;
        durable(store, lsn);
        count += 1;
        Ok::<_, StoreError>(())
    };
    append(&store).unwrap();
    output(&store, 1, data(1, 0, "before"));
    assert_eq!(store.health().space, SpaceState::Plenty);
    assert_eq!(store.health().reserve_bytes, 8 * MIB);

    disk.leave(24 * MIB);
    wait_for(&store, SpaceState::Low);
    append(&store).unwrap();

    disk.leave(14 * MIB);
    wait_for(&store, SpaceState::Reserve);
    assert_eq!(store.health().reserve_bytes, 0);
    append(&store).unwrap();
    output(&store, 1, data(1, 6, " reserve"));

    disk.leave(4 * MIB);
    wait_for(&store, SpaceState::Full);
    assert!(matches!(append(&store), Err(StoreError::NoSpace)));
    assert!(matches!(
        store.put(b"k", Some(b"v")),
        Err(StoreError::NoSpace)
    ));
    assert!(matches!(
        store.put_blob(&[1; 10_000]),
        Err(StoreError::NoSpace)
    ));
    let late = block_on(store.append_output(1, data(1, 14, "x")));
    assert!(matches!(late, Err(StoreError::NoSpace)));

    disk.leave(0);
    store.drop_run(2, "space").unwrap();
    let check = |store: &dyn Store, count: usize| {
        assert_eq!(store.read(Stream::Run(1), 0, 99).unwrap().len(), count);
        assert_eq!(store.read(Stream::Run(2), 0, 99).unwrap().len(), 0);
        let text: Vec<_> = host_output(store, 1, 1);
        assert_eq!(text, [data(1, 0, "before"), data(1, 6, " reserve")]);
        assert_eq!(store.verify_audit().unwrap().breaks, []);
        assert_eq!(store.health().failed, None);
    };
    check(&store, 3);
    drop(store);

    let store = open(&disk.state());
    check(&store, 3);
    assert_eq!(store.health().space, SpaceState::Full);
    assert!(matches!(
        store.append(vec![run(1, "x")]),
        Err(StoreError::NoSpace)
    ));

    disk.give_back();
    wait_for(&store, SpaceState::Plenty);
    assert_eq!(store.health().reserve_bytes, 8 * MIB);
    let lsn = store.append(vec![run(1, "3")]).unwrap();
    durable(&store, lsn);
    store.put(b"k", Some(b"v")).unwrap();
    drop(store);
    let store = open(&disk.state());
    assert_eq!(
        texts(&store.read(Stream::Run(1), 0, 99).unwrap()),
        ["0", "1", "2", "3"]
    );
    assert_eq!(store.get(b"k").unwrap().unwrap().value, &b"v"[..]);
    let notes = store.health().notes;
    assert!(
        notes.iter().all(|note| note.kind == NoteKind::Recovered),
        "{notes:?}"
    );
}

/// Bytes that cannot be packed.
fn noise(random: &mut Random, len: usize) -> Bytes {
    (0..len).map(|_| random.below(256) as u8).collect()
}

#[test]
fn output_alone_leaves_room_for_records_and_for_the_index() {
    let disk = SmallDisk::new(64);
    let marks = Marks {
        low: 20 * MIB,
        reserve_at: 4 * MIB,
        reserve: 16 * MIB,
        output: 10 * MIB,
        full: 2 * MIB,
    };
    let options = Options {
        log_file_bytes: 8 * MIB,
        marks: Some(marks),
        output_queue_bytes: 8 << 20,
        ..small_options()
    };
    let store = DiskStore::open(&disk.state(), options.clone()).unwrap();
    let piece = noise(&mut Random::new(3), 32 << 10);
    let mut taken = [0, 0];
    let mut refused = 0;
    // Far more than the disk holds, as quickly as it is taken.
    for round in 0..2500 {
        let host = round % 2;
        let chunk = bytes(host as u32, taken[host], piece.clone());
        match block_on(store.append_output(1, chunk)) {
            Ok(()) => taken[host] += piece.len() as u64,
            Err(StoreError::NoSpace) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(refused > 0, "80 MB do not fit");
    assert!(taken[0] > 10 * MIB, "the reserve is given up for it");
    let health = store.health();
    assert_eq!(health.reserve_bytes, 0);
    assert_ne!(health.space, SpaceState::Full);
    for round in 0..2000 {
        let lsn = store.append(vec![run(1, &format!("{round}"))]).unwrap();
        durable(&store, lsn);
        store
            .put(b"key", Some(format!("{round}").as_bytes()))
            .unwrap();
    }
    let gap = Chunk {
        body: ChunkBody::Gap {
            len: 7,
            reason: GapReason::NoSpace,
        },
        ..data(1, taken[1], "")
    };
    output(&store, 1, gap.clone());
    let check = |store: &dyn Store| {
        for (host, end) in (0..).zip(taken) {
            let chunks = host_output(store, 1, host);
            let stored = chunks.iter().filter(|chunk| **chunk != gap);
            // What was queued when the disk was full is a counted gap where it found no room.
            let lost = stored.clone().find(|chunk| match chunk.body {
                ChunkBody::Data(_) => false,
                ChunkBody::Gap { reason, .. } => reason != GapReason::NoSpace,
            });
            assert!(lost.is_none(), "{lost:?}");
            let counted: u64 = stored.clone().map(Chunk::len).sum();
            assert_eq!(counted, end, "every byte is stored or counted");
            assert_eq!(stored.map(Chunk::end).max(), Some(end));
        }
        assert_eq!(host_output(store, 1, 1).last(), Some(&gap));
        assert_eq!(store.read(Stream::Run(1), 0, 9999).unwrap().len(), 2000);
        assert_eq!(store.get(b"key").unwrap().unwrap().value, &b"1999"[..]);
        assert_eq!(store.health().notes, []);
    };
    check(&store);
    drop(store);
    check(&DiskStore::open(&disk.state(), options).unwrap());
}

#[test]
fn a_store_opens_without_a_free_byte_reads_everything_and_mends_itself_with_room() {
    let disk = SmallDisk::new(64);
    let store = open(&disk.state());
    output(&store, 1, data(1, 0, "of a live run"));
    output(&store, 2, data(1, 0, "of a sealed run"));
    store
        .append(vec![run(1, "live"), run(2, "sealed")])
        .unwrap();
    for number in 0..100 {
        let key = format!("key {number}");
        store.put(key.as_bytes(), Some(&[7; 500])).unwrap();
    }
    store.seal(2).unwrap();
    store.die();
    drop(store);
    disk.leave(0);
    let check = |store: &dyn Store| {
        assert_eq!(texts(&store.read(Stream::Run(1), 0, 9).unwrap()), ["live"]);
        assert_eq!(
            texts(&store.read(Stream::Run(2), 0, 9).unwrap()),
            ["sealed"]
        );
        assert_eq!(host_output(store, 1, 1), [data(1, 0, "of a live run")]);
        assert_eq!(host_output(store, 2, 1), [data(1, 0, "of a sealed run")]);
        assert_eq!(store.scan(b"key", None, 999).unwrap().len(), 100);
        assert_eq!(store.verify_audit().unwrap().breaks, []);
    };
    for _ in 0..3 {
        let store = open(&disk.state());
        disk.leave(0);
        wait_for(&store, SpaceState::Full);
        check(&store);
        assert!(matches!(
            store.append(vec![run(1, "x")]),
            Err(StoreError::NoSpace)
        ));
        store.die();
    }
    let store = open(&disk.state());
    fs::remove_dir_all(disk.state().join("index")).unwrap();
    check(&store);
    disk.give_back();
    wait_for(&store, SpaceState::Plenty);
    wait_until("the index is on the disk again", || {
        disk.state().join("index/db").exists()
    });
    check(&store);
    let lsn = store.append(vec![run(1, "more")]).unwrap();
    durable(&store, lsn);
    store.put(b"key", Some(b"more")).unwrap();
    drop(store);
    let store = open(&disk.state());
    assert_eq!(store.health().notes, []);
    assert_eq!(store.scan(b"key", None, 999).unwrap().len(), 101);
    assert_eq!(store.read(Stream::Run(1), 0, 9).unwrap().len(), 2);
}

/// What somebody wrote while the disk filled up and emptied again and again.
#[derive(Default)]
struct Written {
    records: u64,
    keys: u64,
    offset: u64,
    refused: u64,
}

impl Written {
    fn write(&mut self, store: &dyn Store) {
        let text = "line of output\n".repeat(500);
        match block_on(store.append_output(1, data(1, self.offset, &text))) {
            Ok(()) | Err(StoreError::NoSpace) => {}
            Err(error) => panic!("{error}"),
        }
        self.offset += text.len() as u64;
        let record = run(1, &format!("{} {}", self.records, "x".repeat(2000)));
        let audit = Append::new(Stream::Audit, format!("{}", self.records));
        if self.took(store, store.append(vec![record, audit])) {
            self.records += 1;
        }
        let key = format!("{}", self.keys % 100);
        let value = format!("{} {}", self.keys, "v".repeat(1000));
        if self.took(store, store.put(key.as_bytes(), Some(value.as_bytes()))) {
            self.keys += 1;
        }
    }

    fn took(&mut self, store: &dyn Store, result: Result<u64, StoreError>) -> bool {
        match result {
            Ok(lsn) => {
                durable(store, lsn);
                true
            }
            Err(StoreError::NoSpace | StoreError::Busy { .. }) => {
                self.refused += 1;
                false
            }
            Err(error) => panic!("after {} records: {error}", self.records),
        }
    }

    fn check(&self, store: &dyn Store) {
        for stream in [Stream::Run(1), Stream::Audit] {
            let found = texts(&store.read(stream, 0, usize::MAX >> 1).unwrap());
            let numbers = found
                .iter()
                .map(|text| text.split(' ').next().unwrap().parse::<u64>().unwrap());
            assert!(
                numbers.eq(0..self.records),
                "{stream}: {} of {}",
                found.len(),
                self.records
            );
        }
        for number in self.keys.saturating_sub(100)..self.keys {
            let found = store
                .get((number % 100).to_string().as_bytes())
                .unwrap()
                .unwrap();
            assert!(found.value.starts_with(format!("{number} ").as_bytes()));
        }
        let mut at = 0;
        for chunk in host_output(store, 1, 1) {
            assert_eq!(chunk.offset, at);
            at = chunk.end();
            if let ChunkBody::Gap { reason, .. } = chunk.body {
                assert_eq!(reason, GapReason::NoSpace);
            }
        }
        assert!(at <= self.offset);
        assert_eq!(store.verify_audit().unwrap().breaks, []);
        let notes = store.health().notes;
        assert!(
            notes.iter().all(|note| note.kind == NoteKind::Recovered),
            "{notes:?}"
        );
    }
}

#[test]
fn a_disk_that_others_fill_at_once_loses_nothing_that_was_acknowledged() {
    let disk = SmallDisk::new(160);
    // No margin: writes meet the full disk itself.
    let marks = Marks {
        low: 0,
        reserve_at: 0,
        reserve: 0,
        output: 0,
        full: 0,
    };
    let options = Options {
        marks: Some(marks),
        key_archive_bytes: 64 << 10,
        ..options()
    };
    let store = DiskStore::open(&disk.state(), options.clone()).unwrap();
    let mut written = Written::default();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                disk.leave(0);
                std::thread::sleep(std::time::Duration::from_millis(60));
                disk.give_back();
                std::thread::sleep(std::time::Duration::from_millis(60));
            }
        });
        while written.records < full_or(20_000, 1500) || written.refused < 20 {
            written.write(&store);
        }
        stop.store(true, Ordering::Relaxed);
    });
    wait_until("there is room", || {
        store.health().space == SpaceState::Plenty
    });
    written.check(&store);
    drop(store);
    written.check(&DiskStore::open(&disk.state(), options).unwrap());
}

//! Files that are damaged: what can be made again is, what cannot is told, nothing is lost
//! without a word.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::rig::{
    DiskRig, Rig, all_output, bytes, data, durable, full_or, host_output, output, run, texts,
};
use crate::store::{
    Append, Chunk, ChunkBody, GapReason, Health, NoteKind, Store, StoreError, Stream,
};

fn damage_notes(health: &Health) -> Vec<String> {
    let notes = health
        .notes
        .iter()
        .filter(|note| note.kind == NoteKind::Damage);
    notes.map(|note| note.text.clone()).collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn only_file(dir: &Path) -> PathBuf {
    let found: Vec<_> = files(dir)
        .into_iter()
        .filter(|path| path.metadata().unwrap().len() > 0)
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// Keys, long values, small blobs and output of many hosts.
fn fill(store: &dyn Store) {
    for index in 0..400u32 {
        let value = vec![index as u8; 50 + (index as usize % 9) * 700];
        store
            .put(format!("key/{index}").as_bytes(), Some(&value))
            .unwrap();
        store.put_blob(format!("blob {index}").as_bytes()).unwrap();
        let text = "line\n".repeat(index as usize % 300 + 1);
        let host = index % 40;
        let offset = store.output_extent(1, host, 1, 1).unwrap().0;
        output(store, 1, data(host, offset, &text));
    }
    for index in (0..400).step_by(7) {
        store.put(format!("key/{index}").as_bytes(), None).unwrap();
    }
    let lsn = store.append(vec![run(1, "end")]).unwrap();
    durable(store, lsn);
}

/// Everything that can be asked of it.
fn everything(store: &dyn Store) -> impl PartialEq + std::fmt::Debug + use<> {
    let blobs: Vec<_> = (0..400)
        .map(|index| {
            let text = format!("blob {index}");
            store
                .blob(&crate::store::Digest::of(text.as_bytes()))
                .unwrap()
        })
        .collect();
    let hosts: Vec<_> = (0..40).map(|host| host_output(store, 1, host)).collect();
    let extents: Vec<_> = (0..40)
        .map(|host| store.output_extent(1, host, 1, 1).unwrap())
        .collect();
    (
        store.scan(b"", None, 10_000).unwrap(),
        blobs,
        all_output(store, 1),
        hosts,
        extents,
    )
}

#[test]
fn a_damaged_index_is_made_again_without_a_word_lost() {
    let mut rig = DiskRig::new();
    fill(&*rig.store());
    let before = everything(&*rig.store());
    let flip = (
        0usize..64,
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        1u8..=255,
    );
    let mut runner = TestRunner::new(Config {
        cases: full_or(1000, 40),
        failure_persistence: None,
        ..Config::default()
    });
    let rig = std::cell::RefCell::new(&mut rig);
    let round = |(count, file, at, bits): (usize, prop::sample::Index, prop::sample::Index, u8)| {
        let mut rig = rig.borrow_mut();
        rig.reopen_after(|path| {
            let index = files(&path.join("index"));
            let victim = &index[file.index(index.len())];
            match count {
                0 => fs::remove_file(victim).unwrap(),
                1 => fs::write(victim, b"").unwrap(),
                2 => change(victim, |bytes| bytes.truncate(at.index(bytes.len().max(1)))),
                _ => change(victim, |bytes| {
                    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
                    for step in 0..count.min(bytes.len()) {
                        let place = (at.index(used) + step * 37) % used;
                        bytes[place] ^= bits;
                    }
                }),
            }
        });
        prop_assert!(everything(&*rig.store()) == before);
        prop_assert_eq!(damage_notes(&rig.store().health()), Vec::<String>::new());
        Ok(())
    };
    runner.run(&flip, round).unwrap();
}

#[test]
fn a_half_made_snapshot_of_the_index_does_no_harm() {
    let mut rig = DiskRig::new();
    fill(&*rig.store());
    let before = everything(&*rig.store());
    rig.reopen_after(|path| {
        fs::write(path.join("index/snap.00000000000F0000.generating"), b"").unwrap();
    });
    assert!(everything(&*rig.store()) == before);
    assert_eq!(rig.store().health().notes, []);
}

#[test]
fn an_older_index_that_was_put_back_catches_up() {
    let mut rig = DiskRig::new();
    let store = rig.store();
    let lsn = store.put(b"early", Some(b"1")).unwrap();
    durable(&*store, lsn);
    drop(store);
    let copy = tempfile::tempdir().unwrap();
    let target = copy.path().join("index");
    rig.reopen_after(|path| copy_dir(&path.join("index"), &target));
    fill(&*rig.store());
    let before = everything(&*rig.store());
    rig.reopen_after(|path| {
        fs::remove_dir_all(path.join("index")).unwrap();
        copy_dir(&target, &path.join("index"));
    });
    assert!(everything(&*rig.store()) == before);
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_dir(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

#[test]
fn a_torn_tail_of_the_journal_is_cut_off() {
    let mut rig = DiskRig::new();
    let store = rig.store();
    for index in 0..20 {
        let lsn = store.append(vec![run(1, &format!("{index}"))]).unwrap();
        durable(&*store, lsn);
    }
    drop(store);
    for garbage in [&b"cnF1"[..], &[0; 5000], b"cnF1\x10\x00\x03\x00abcdefgh"] {
        rig.reopen_after(|path| {
            change(&only_file(&path.join("log")), |bytes| {
                bytes.extend_from_slice(garbage);
            });
        });
        let store = rig.store();
        assert_eq!(store.read(Stream::Run(1), 0, 99).unwrap().len(), 20);
        assert_eq!(damage_notes(&store.health()), [""; 0]);
        assert_eq!(store.health().notes.len(), 1);
    }
    let lsn = rig
        .store()
        .append(vec![run(1, "on").expecting(20)])
        .unwrap();
    durable(&*rig.store(), lsn);
    rig.reopen();
    assert_eq!(rig.store().read(Stream::Run(1), 0, 99).unwrap().len(), 21);
    assert_eq!(rig.store().health().notes, []);
}

#[test]
fn damage_in_the_middle_of_the_journal_is_told_and_kept_aside() {
    let mut rig = DiskRig::new();
    let store = rig.store();
    for index in 0..20 {
        let lsn = store
            .append(vec![run(1, &format!("{index}")), run(2, "x")])
            .unwrap();
        durable(&*store, lsn);
    }
    drop(store);
    let mut damaged = Vec::new();
    rig.reopen_after(|path| {
        change(&only_file(&path.join("log")), |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x40;
            damaged.clone_from(bytes);
        });
    });
    let store = rig.store();
    let records = store.read(Stream::Run(1), 0, 99).unwrap();
    assert_eq!(records.len(), 19);
    let lost = (0..20)
        .find(|seq| !records.iter().any(|record| record.seq == *seq))
        .unwrap();
    let notes = damage_notes(&store.health());
    assert!(notes.iter().any(|note| note.contains("lost")), "{notes:?}");
    assert!(notes.contains(&format!(
        "run 1 lacks its records {lost} to {lost}; see {}",
        rig.path().join("aside").display()
    )));
    assert!(store.health().notes.iter().any(|note| note.run == Some(1)));
    assert_eq!(
        fs::read(only_file(&rig.path().join("aside"))).unwrap(),
        damaged
    );
    store.append(vec![run(1, "on").expecting(20)]).unwrap();
}

#[test]
fn damage_of_the_last_record_after_a_clean_end_is_told() {
    let mut rig = DiskRig::new();
    let store = rig.store();
    for index in 0..5 {
        let lsn = store.append(vec![run(1, &format!("{index}"))]).unwrap();
        durable(&*store, lsn);
    }
    drop(store);
    rig.reopen_after(|path| {
        change(&only_file(&path.join("log")), |bytes| {
            let last = bytes
                .windows(4)
                .enumerate()
                .filter(|(_, window)| window == b"cnF1");
            let places: Vec<_> = last.map(|(at, _)| at).collect();
            bytes[places[places.len() - 2] + 14] ^= 1;
        });
    });
    assert_eq!(
        texts(&rig.store().read(Stream::Run(1), 0, 9).unwrap()),
        ["0", "1", "2", "3"]
    );
    assert!(!damage_notes(&rig.store().health()).is_empty());
    // What was acknowledged once is not given out again.
    let lsn = rig.store().append(vec![run(1, "on")]).unwrap();
    assert!(lsn > 5);
}

/// A run of frames with output of five hosts each.
fn output_of_five(store: &dyn Store) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    for index in 0..60u64 {
        for host in 0..5 {
            let text: Vec<u8> = (0..3000u64)
                .map(|at| (at * index + u64::from(host)) as u8)
                .collect();
            chunks.push(bytes(host, index * 3000, text.into()));
        }
    }
    for chunk in &chunks {
        output(store, 1, chunk.clone());
    }
    let lsn = store.append(vec![run(1, "end")]).unwrap();
    durable(store, lsn);
    chunks
}

/// The data of a host, each byte accounted for.
fn check_contiguous(chunks: &[Chunk], original: &[Chunk], host: u32) -> u64 {
    let whole: Vec<u8> = original
        .iter()
        .filter(|chunk| chunk.host == host)
        .flat_map(|chunk| match &chunk.body {
            ChunkBody::Data(bytes) => bytes.to_vec(),
            ChunkBody::Gap { .. } => panic!("a gap in the original"),
        })
        .collect();
    let mut at = 0;
    let mut missing = 0;
    for chunk in chunks.iter().filter(|chunk| chunk.host == host) {
        assert_eq!(chunk.offset, at);
        at = chunk.end();
        match &chunk.body {
            ChunkBody::Data(bytes) => {
                assert!(bytes[..] == whole[chunk.offset as usize..chunk.end() as usize]);
            }
            ChunkBody::Gap { len, reason } => {
                assert_eq!(*reason, GapReason::Damaged);
                missing += len;
            }
        }
    }
    assert_eq!(at, whole.len() as u64);
    missing
}

#[test]
fn a_damaged_frame_of_output_is_a_gap_with_its_offsets() {
    let index_kept = [true, false];
    for (keep, sealed) in index_kept
        .into_iter()
        .flat_map(|keep| [(keep, false), (keep, true)])
    {
        let mut rig = DiskRig::new();
        let original = output_of_five(&*rig.store());
        if sealed {
            rig.store().seal(1).unwrap();
        }
        rig.reopen_after(|path| {
            change(&only_file(&path.join("seg")), |bytes| {
                for share in [3, 5] {
                    let place = bytes.len() * share / 7;
                    bytes[place] ^= 0x10;
                }
            });
            if !keep {
                fs::remove_dir_all(path.join("index")).unwrap();
            }
        });
        let store = rig.store();
        for _ in 0..2 {
            let all = all_output(&*store, 1);
            let missing: u64 = (0..5)
                .map(|host| check_contiguous(&all, &original, host))
                .sum();
            assert!(
                (1..=4 * 65_536).contains(&missing),
                "{missing} {keep} {sealed}"
            );
            for host in 0..5 {
                let chunks = host_output(&*store, 1, host);
                check_contiguous(&chunks, &original, host);
            }
        }
        assert_eq!(store.output_extent(1, 3, 1, 1).unwrap(), (180_000, 0));
    }
}

#[test]
fn output_whose_file_is_gone_or_short_is_a_gap() {
    for cut in [0, 1, 3] {
        let mut rig = DiskRig::new();
        let original = output_of_five(&*rig.store());
        rig.store().seal(1).unwrap();
        rig.reopen_after(|path| {
            let file = only_file(&path.join("seg"));
            if cut == 0 {
                fs::remove_file(&file).unwrap();
            } else {
                change(&file, |bytes| bytes.truncate(bytes.len() * cut / 4));
            }
        });
        let store = rig.store();
        let all = all_output(&*store, 1);
        let missing: u64 = (0..5)
            .map(|host| check_contiguous(&all, &original, host))
            .sum();
        assert!(missing > 0);
        assert!(!damage_notes(&store.health()).is_empty());
    }
}

#[test]
fn a_torn_tail_of_output_is_cut_off_and_goes_on() {
    let mut rig = DiskRig::new();
    let original = output_of_five(&*rig.store());
    rig.crash_and(|path| {
        change(&only_file(&path.join("seg")), |bytes| {
            bytes.extend_from_slice(b"cnS1 and more");
        });
    });
    let store = rig.store();
    assert!(all_output(&*store, 1) == original);
    output(&*store, 1, data(0, 180_000, "more"));
    drop(store);
    rig.reopen();
    assert!(all_output(&*rig.store(), 1)[..300] == original);
    assert_eq!(all_output(&*rig.store(), 1)[300], data(0, 180_000, "more"));
    assert_eq!(damage_notes(&rig.store().health()), [""; 0]);
}

#[test]
fn any_change_of_the_audit_stream_or_a_sealed_run_is_found() {
    let mut rig = DiskRig::new();
    let store = rig.store();
    for index in 0..10 {
        store
            .append(vec![
                Append::new(Stream::Audit, format!("decision {index}")),
                run(5, "x"),
            ])
            .unwrap();
    }
    store.seal(5).unwrap();
    store
        .append(vec![Append::new(Stream::Audit, "last")])
        .unwrap();
    let whole = store.verify_audit().unwrap();
    assert_eq!(whole.breaks, []);
    drop(store);
    rig.reopen_after(|path| {
        // As one would who knows the format: the frame's checksum fits again.
        change(&only_file(&path.join("log")), |bytes| {
            forge(bytes, b"decision 4", b"decision X");
        });
    });
    let report = rig.store().verify_audit().unwrap();
    assert_eq!(report.breaks.len(), 1);
    assert_eq!(report.breaks[0].seq, 5);
    rig.reopen_after(|path| fs::remove_file(only_file(&path.join("sealed"))).unwrap());
    let report = rig.store().verify_audit().unwrap();
    assert!(
        report
            .breaks
            .iter()
            .any(|found| found.why.contains("are gone")),
        "{report:?}"
    );
}

/// Changes bytes in a file of frames and mends the checksum around them.
fn forge(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let at = bytes
        .windows(from.len())
        .position(|window| window == from)
        .unwrap();
    bytes[at..at + to.len()].copy_from_slice(to);
    let frame = bytes[..at]
        .windows(4)
        .rposition(|window| window == b"cnF1")
        .unwrap();
    let len = usize::from(u16::from_le_bytes([bytes[frame + 4], bytes[frame + 5]]));
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[frame..frame + 8]);
    hasher.update(&bytes[frame + 12..frame + 12 + len]);
    bytes[frame + 8..frame + 12].copy_from_slice(&hasher.finalize().to_le_bytes());
}

#[test]
fn a_damaged_blob_is_refused_until_it_is_put_again() {
    let mut rig = DiskRig::new();
    let content = "some content ".repeat(1000);
    let digest = rig.store().put_blob(content.as_bytes()).unwrap();
    rig.reopen_after(|path| {
        change(&only_file(&path.join("blobs")), |bytes| {
            let last = bytes.len() - 3;
            bytes[last] ^= 1;
        });
    });
    assert!(matches!(
        rig.store().blob(&digest),
        Err(StoreError::DamagedBlob { .. })
    ));
    rig.store().put_blob(content.as_bytes()).unwrap();
    assert_eq!(rig.store().blob(&digest).unwrap().unwrap(), content);
}

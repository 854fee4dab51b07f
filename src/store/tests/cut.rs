//! The journal is cut behind what is live, and nothing that must outlive it is lost.

use std::path::Path;

use super::rig::{DiskRig, Rig, durable, retry, run, small_options, texts, wait_until};
use crate::store::disk::Options;
use crate::store::{Append, Store, Stream};

/// Files so small that a few thousand records fill many.
fn options() -> Options {
    Options {
        log_file_bytes: 64 << 10,
        log_files: 3,
        ..small_options()
    }
}

fn log_files(path: &Path) -> usize {
    std::fs::read_dir(path.join("log")).unwrap().count()
}

fn append(store: &dyn Store, records: &[Append]) -> u64 {
    retry(|| store.append(records.to_vec())).unwrap()
}

/// Rounds of a short run each, with decisions and keys between, beside one run that goes on.
fn work(store: &dyn Store, rounds: std::ops::Range<u64>) {
    let filler = "x".repeat(500);
    for round in rounds {
        for event in 0..40 {
            append(store, &[run(1000 + round, &format!("{event} {filler}"))]);
        }
        append(
            store,
            &[
                run(1, &format!("long {round}")),
                Append::new(Stream::Audit, format!("decision {round}")),
                Append::new(Stream::Engine, format!("engine {round}")),
            ],
        );
        let key = format!("key {}", round % 50);
        let lsn = store
            .put(key.as_bytes(), Some(format!("{round}").as_bytes()))
            .unwrap();
        if round % 3 == 0 {
            store
                .put(format!("gone {}", round - round % 2).as_bytes(), None)
                .unwrap();
        }
        durable(store, lsn);
        store.seal(1000 + round).unwrap();
        if round % 5 == 4 {
            store.drop_run(1000 + round - 2, "short").unwrap();
        }
    }
}

fn check(store: &dyn Store, rounds: u64) {
    let expected = |word: &str| {
        (0..rounds)
            .map(|round| format!("{word} {round}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        texts(&store.read(Stream::Run(1), 0, 10_000).unwrap()),
        expected("long")
    );
    assert_eq!(
        texts(&store.read(Stream::Engine, 0, 10_000).unwrap()),
        expected("engine")
    );
    let audit = texts(&store.read(Stream::Audit, 0, 10_000).unwrap());
    let decisions: Vec<_> = audit
        .into_iter()
        .filter(|text| text.starts_with("decision"))
        .collect();
    assert_eq!(decisions, expected("decision"));
    for round in 0..rounds {
        let events = store.read(Stream::Run(1000 + round), 0, 100).unwrap();
        let dropped = round % 5 == 2 && round + 2 < rounds;
        assert_eq!(
            events.len(),
            if dropped { 0 } else { 40 },
            "run {}",
            1000 + round
        );
    }
    for key in 0..50.min(rounds) {
        let newest = (rounds - 1 - key) / 50 * 50 + key;
        let found = store.get(format!("key {key}").as_bytes()).unwrap().unwrap();
        assert_eq!(found.value, newest.to_string());
    }
    let report = store.verify_audit().unwrap();
    assert_eq!(report.breaks, []);
    assert_eq!(store.live_runs().unwrap(), [1]);
}

#[test]
fn a_long_run_keeps_neither_the_journal_nor_its_own_events_from_going_on() {
    let mut rig = DiskRig::with(options());
    let mut rounds = 0;
    for _ in 0..4 {
        let store = rig.store();
        work(&*store, rounds..rounds + 30);
        rounds += 30;
        wait_until("the journal is short", || log_files(rig.path()) <= 6);
        check(&*store, rounds);
        drop(store);
        rig.reopen();
        check(&*rig.store(), rounds);
        rig.crash();
        check(&*rig.store(), rounds);
    }
}

#[test]
fn the_index_is_made_again_from_the_archives_when_the_journal_was_cut() {
    let mut rig = DiskRig::with(options());
    work(&*rig.store(), 0..60);
    wait_until("the journal is short", || log_files(rig.path()) <= 6);
    rig.reopen_after(|path| std::fs::remove_dir_all(path.join("index")).unwrap());
    check(&*rig.store(), 60);
    work(&*rig.store(), 60..70);
    rig.reopen();
    check(&*rig.store(), 70);
}

#[test]
fn appends_are_refused_while_the_queue_is_full_and_taken_later() {
    let rig = DiskRig::with(options());
    let store = rig.store();
    let filler = "x".repeat(4000);
    let mut refused = 0;
    let mut taken = 0u64;
    while refused == 0 || taken < 200 {
        match store.append(vec![run(1, &filler)]) {
            Ok(_) => taken += 1,
            Err(crate::store::StoreError::Busy { .. }) => {
                refused += 1;
                let lsn = store.health().appended_lsn;
                durable(&*store, lsn);
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(
        store.read(Stream::Run(1), 0, 10_000).unwrap().len() as u64,
        taken
    );
}

#[test]
fn an_index_that_has_swollen_is_made_smaller_and_says_the_same() {
    let options = Options {
        index_loose_bytes: 1 << 20,
        index_measure: std::time::Duration::from_millis(100),
        ..small_options()
    };
    let mut rig = DiskRig::with(options);
    let store = rig.store();
    let key = |index: u32| format!("key {index}").into_bytes();
    let mut last = 0;
    for index in 0..2000 {
        last = retry(|| store.put(&key(index), Some(&[index as u8; 2000]))).unwrap();
    }
    for index in 50..2000 {
        last = retry(|| store.put(&key(index), None)).unwrap();
    }
    wait_until("the index has seen it all", || {
        store.health().indexed_lsn >= last
    });
    wait_until("the index is as small as what is in it", || {
        store.health().index_bytes < 2 << 20
    });
    drop(store);
    for _ in 0..2 {
        let found = rig.store().scan(b"", None, 100).unwrap();
        assert_eq!(found.len(), 50);
        assert!(found.iter().all(|(_, found)| found.value.len() == 2000));
        assert_eq!(rig.store().health().notes, []);
        rig.reopen();
    }
}

//! What every store promises; each promise is checked on both.

use std::sync::Arc;

use bytes::Bytes;

use super::rig::{
    DiskRig, Rig, SimRig, all_output, block_on, data, durable, host_output, output, run, texts,
};
use crate::store::{Append, Digest, MAX_APPEND, MAX_KEY, Store, StoreError, StoreNote, Stream};

super::on_both! {
    records_come_back_in_order_with_their_places
    an_append_with_a_wrong_place_leaves_nothing
    what_is_durable_survives_a_crash
    a_sealed_run_reads_the_same_and_takes_nothing_more
    a_run_nobody_knows_cannot_be_sealed_or_dropped
    a_dropped_run_is_gone_and_the_audit_says_so
    a_key_holds_what_was_put_last
    compare_and_set_takes_the_right_version_only
    a_scan_goes_on_after_a_key
    values_of_all_sizes_come_back
    what_is_too_large_is_refused
    blobs_of_all_sizes_come_back_under_their_digest
    watchers_hear_of_their_keys_once_durable
    the_audit_chain_is_whole_and_has_one_head
    the_engine_stream_is_kept
    a_closed_store_says_so
}

fn read(store: &dyn Store, stream: Stream) -> Vec<String> {
    texts(&store.read(stream, 0, usize::MAX).unwrap())
}

fn records_come_back_in_order_with_their_places(rig: &mut dyn Rig) {
    let store = rig.store();
    store
        .append(vec![run(1, "a"), run(2, "x"), run(1, "b")])
        .unwrap();
    let last = store.append(vec![run(1, "c")]).unwrap();
    assert_eq!(store.append(vec![]).unwrap(), last);
    durable(&*store, last);
    drop(store);
    for _ in 0..2 {
        let store = rig.store();
        let records = store.read(Stream::Run(1), 0, 10).unwrap();
        assert_eq!(texts(&records), ["a", "b", "c"]);
        assert_eq!(
            records.iter().map(|record| record.seq).collect::<Vec<_>>(),
            [0, 1, 2]
        );
        assert!(records.is_sorted_by_key(|record| record.lsn));
        assert_eq!(records[2].lsn, last);
        assert_eq!(texts(&store.read(Stream::Run(1), 1, 1).unwrap()), ["b"]);
        assert_eq!(store.read(Stream::Run(1), 3, 1).unwrap(), []);
        assert_eq!(store.read(Stream::Run(9), 0, 1).unwrap(), []);
        assert_eq!(store.live_runs().unwrap(), [1, 2]);
        drop(store);
        rig.reopen();
    }
}

fn an_append_with_a_wrong_place_leaves_nothing(rig: &mut dyn Rig) {
    let store = rig.store();
    store.append(vec![run(1, "a").expecting(0)]).unwrap();
    let refused = store.append(vec![
        run(2, "x"),
        run(1, "b").expecting(1),
        run(1, "c").expecting(1),
    ]);
    assert!(matches!(
        refused,
        Err(StoreError::WrongSeq {
            stream: Stream::Run(1),
            expected: 1,
            actual: 2
        })
    ));
    assert_eq!(read(&*store, Stream::Run(1)), ["a"]);
    assert_eq!(store.live_runs().unwrap(), [1]);
    store
        .append(vec![run(1, "b").expecting(1), run(1, "c").expecting(2)])
        .unwrap();
    assert_eq!(read(&*store, Stream::Run(1)), ["a", "b", "c"]);
}

fn what_is_durable_survives_a_crash(rig: &mut dyn Rig) {
    for round in 0..3u64 {
        let store = rig.store();
        for index in 0..50u64 {
            store
                .append(vec![
                    run(round, &format!("{index}")),
                    Append::new(Stream::Audit, "who"),
                ])
                .unwrap();
            store
                .put(&index.to_be_bytes(), Some(&round.to_be_bytes()))
                .unwrap();
        }
        let lsn = store.put(b"last", Some(b"x")).unwrap();
        durable(&*store, lsn);
        drop(store);
        rig.crash();
        let store = rig.store();
        for known in 0..=round {
            assert_eq!(read(&*store, Stream::Run(known)).len(), 50);
        }
        assert_eq!(read(&*store, Stream::Audit).len() as u64, 50 * (round + 1));
        for index in 0..50u64 {
            let found = store.get(&index.to_be_bytes()).unwrap().unwrap();
            assert_eq!(found.value, round.to_be_bytes()[..]);
        }
    }
}

fn a_sealed_run_reads_the_same_and_takes_nothing_more(rig: &mut dyn Rig) {
    let store = rig.store();
    for index in 0..300 {
        store
            .append(vec![run(7, &format!("event {index}")), run(8, "other")])
            .unwrap();
        output(&*store, 7, data(index % 5, u64::from(index / 5) * 3, "abc"));
    }
    let before = store.read(Stream::Run(7), 0, 1000).unwrap();
    let chunks = all_output(&*store, 7);
    let root = store.seal(7).unwrap();
    drop(store);
    for _ in 0..2 {
        let store = rig.store();
        assert_eq!(store.seal(7).unwrap(), root);
        assert_eq!(store.read(Stream::Run(7), 0, 1000).unwrap(), before);
        assert_eq!(
            store.read(Stream::Run(7), 200, 7).unwrap(),
            before[200..207]
        );
        assert_eq!(all_output(&*store, 7), chunks);
        assert_eq!(store.live_runs().unwrap(), [8]);
        assert!(matches!(
            store.append(vec![run(7, "x")]),
            Err(StoreError::Sealed { run: 7 })
        ));
        let late = block_on(store.append_output(7, data(1, 0, "x")));
        assert!(matches!(late, Err(StoreError::Sealed { run: 7 })));
        let notes = store.read(Stream::Audit, 0, 10).unwrap();
        let sealed = StoreNote::Sealed {
            run: 7,
            root,
            records: 300,
        };
        assert_eq!(notes.len(), 1);
        assert_eq!(StoreNote::parse(&notes[0].payload), Some(sealed));
        assert_eq!(store.verify_audit().unwrap().sealed_runs, 1);
        drop(store);
        rig.reopen();
    }
}

fn a_run_nobody_knows_cannot_be_sealed_or_dropped(rig: &mut dyn Rig) {
    let store = rig.store();
    assert!(matches!(
        store.seal(3),
        Err(StoreError::UnknownRun { run: 3 })
    ));
    assert!(matches!(
        store.drop_run(3, "age"),
        Err(StoreError::UnknownRun { run: 3 })
    ));
    assert_eq!(read(&*store, Stream::Audit).len(), 0);
}

fn a_dropped_run_is_gone_and_the_audit_says_so(rig: &mut dyn Rig) {
    let store = rig.store();
    for number in [1, 2, 3] {
        store
            .append(vec![run(number, "a"), run(number, "b")])
            .unwrap();
        output(&*store, number, data(1, 0, "text"));
    }
    output(&*store, 4, data(1, 0, "output alone"));
    let root = store.seal(1).unwrap();
    for number in [1, 2, 4] {
        store.drop_run(number, "older than 90d").unwrap();
    }
    drop(store);
    for round in 0..2 {
        let store = rig.store();
        for number in [1, 2, 4] {
            assert_eq!(store.read(Stream::Run(number), 0, 9).unwrap(), []);
            assert_eq!(all_output(&*store, number), []);
            assert_eq!(host_output(&*store, number, 1), []);
            assert_eq!(store.output_extent(number, 1, 1, 1).unwrap(), (0, 0));
            assert!(matches!(
                store.seal(number),
                Err(StoreError::UnknownRun { .. })
            ));
        }
        assert_eq!(store.live_runs().unwrap(), [3]);
        let notes = store.read(Stream::Audit, 1, 9).unwrap();
        let policy = "older than 90d".to_owned();
        let dropped = StoreNote::Dropped {
            run: 1,
            root,
            policy,
        };
        assert_eq!(StoreNote::parse(&notes[0].payload), Some(dropped));
        assert_eq!(notes.len(), 3);
        assert_eq!(store.verify_audit().unwrap().breaks, []);
        drop(store);
        if round == 0 {
            rig.crash();
        }
    }
    let store = rig.store();
    store.append(vec![run(2, "again").expecting(0)]).unwrap();
    output(&*store, 2, data(1, 0, "again"));
    assert_eq!(all_output(&*store, 2), [data(1, 0, "again")]);
}

fn a_key_holds_what_was_put_last(rig: &mut dyn Rig) {
    let store = rig.store();
    assert_eq!(store.get(b"k").unwrap(), None);
    let first = store.put(b"k", Some(b"1")).unwrap();
    assert_eq!(store.get(b"k").unwrap().unwrap().version, first);
    store.put(b"k", None).unwrap();
    assert_eq!(store.get(b"k").unwrap(), None);
    let last = store.put(b"k", Some(b"")).unwrap();
    store.put(b"gone", Some(b"x")).unwrap();
    store.put(b"gone", None).unwrap();
    drop(store);
    rig.reopen();
    let store = rig.store();
    let found = store.get(b"k").unwrap().unwrap();
    assert_eq!((found.version, found.value), (last, Bytes::new()));
    assert_eq!(store.get(b"gone").unwrap(), None);
}

fn compare_and_set_takes_the_right_version_only(rig: &mut dyn Rig) {
    let store = rig.store();
    let version = store.compare_and_set(b"k", None, Some(b"1")).unwrap();
    let taken = store.compare_and_set(b"k", None, Some(b"2"));
    assert!(
        matches!(taken, Err(StoreError::Conflict { actual: Some(actual) }) if actual == version)
    );
    drop(store);
    rig.reopen();
    let store = rig.store();
    assert!(
        store
            .compare_and_set(b"k", Some(version + 1), None)
            .is_err()
    );
    let next = store
        .compare_and_set(b"k", Some(version), Some(b"2"))
        .unwrap();
    store.compare_and_set(b"k", Some(next), None).unwrap();
    let gone = store.compare_and_set(b"k", Some(next), Some(b"3"));
    assert!(matches!(gone, Err(StoreError::Conflict { actual: None })));
    let again = store.compare_and_set(b"k", None, Some(b"3")).unwrap();
    assert!(again > next);
}

fn a_scan_goes_on_after_a_key(rig: &mut dyn Rig) {
    let store = rig.store();
    for index in 0..40 {
        store
            .put(format!("a/{index:02}").as_bytes(), Some(b"v"))
            .unwrap();
        store
            .put(format!("b/{index:02}").as_bytes(), Some(b"v"))
            .unwrap();
    }
    drop(store);
    rig.reopen();
    let store = rig.store();
    for index in (0..40).step_by(2) {
        store.put(format!("a/{index:02}").as_bytes(), None).unwrap();
    }
    store.put(b"a/99", Some(b"new")).unwrap();
    let keys = |prefix: &[u8], after: Option<&[u8]>, limit| {
        let found = store.scan(prefix, after, limit).unwrap().into_iter();
        found
            .map(|(key, _)| String::from_utf8(key).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(b"a/", None, 3), ["a/01", "a/03", "a/05"]);
    assert_eq!(keys(b"a/", Some(b"a/05"), 2), ["a/07", "a/09"]);
    assert_eq!(keys(b"a/", Some(b"a/38"), 9), ["a/39", "a/99"]);
    assert_eq!(keys(b"a/", Some(b"b"), 9), [""; 0]);
    assert_eq!(keys(b"b/", Some(b"a/50"), 1), ["b/00"]);
    assert_eq!(keys(b"", None, 1000).len(), 61);
}

fn values_of_all_sizes_come_back(rig: &mut dyn Rig) {
    let sizes = [0, 1, 3000, 3072, 3073, 4096, 100_000, MAX_APPEND];
    let value = |size: usize| {
        (0..size)
            .map(|index| (index * 7 % 251) as u8)
            .collect::<Vec<_>>()
    };
    let put = |rig: &mut dyn Rig| {
        let store = rig.store();
        for size in sizes {
            let lsn = store.put(&size.to_be_bytes(), Some(&value(size))).unwrap();
            durable(&*store, lsn);
        }
    };
    put(rig);
    rig.reopen();
    for _ in 0..2 {
        let store = rig.store();
        for size in sizes {
            assert_eq!(
                store.get(&size.to_be_bytes()).unwrap().unwrap().value,
                value(size)
            );
        }
        assert_eq!(store.scan(b"", None, 99).unwrap().len(), sizes.len());
        drop(store);
        put(rig);
        rig.crash();
    }
}

fn what_is_too_large_is_refused(rig: &mut dyn Rig) {
    let store = rig.store();
    let large = vec![0; MAX_APPEND + 1];
    let is_refused = |result| assert!(matches!(result, Err(StoreError::TooLarge { .. })));
    is_refused(store.put(b"k", Some(&large)));
    is_refused(store.put(&large[..=MAX_KEY], Some(b"")));
    is_refused(store.append(vec![Append::new(Stream::Engine, large.clone())]));
    let half = Bytes::from(vec![0; MAX_APPEND / 2 + 1]);
    is_refused(store.append(vec![Append::new(Stream::Engine, half); 2]));
    store.put(&large[..MAX_KEY], Some(b"")).unwrap();
}

fn blobs_of_all_sizes_come_back_under_their_digest(rig: &mut dyn Rig) {
    let blob = |size: usize| {
        (0..size)
            .map(|index| (index % 97) as u8)
            .collect::<Vec<_>>()
    };
    let sizes = [0, 10, 3072, 3073, 200_000, 3_000_000];
    let store = rig.store();
    for size in sizes {
        let digest = store.put_blob(&blob(size)).unwrap();
        assert_eq!(digest, Digest::of(&blob(size)));
        assert_eq!(store.put_blob(&blob(size)).unwrap(), digest);
    }
    let lsn = store.append(vec![run(1, "refers to them")]).unwrap();
    durable(&*store, lsn);
    drop(store);
    rig.crash();
    let store = rig.store();
    for size in sizes {
        assert_eq!(
            store.blob(&Digest::of(&blob(size))).unwrap().unwrap(),
            blob(size)
        );
    }
    assert_eq!(store.blob(&Digest::of(b"unknown")).unwrap(), None);
    assert_eq!(store.scan(b"", None, 9).unwrap(), []);
}

fn watchers_hear_of_their_keys_once_durable(rig: &mut dyn Rig) {
    let store = rig.store();
    let mut watcher = store.watch(b"a/");
    store.put(b"b/1", Some(b"")).unwrap();
    let lsn = store.put(b"a/1", Some(b"")).unwrap();
    assert_eq!(block_on(watcher.recv()).unwrap(), b"a/1");
    assert!(store.durability().borrow().lsn >= lsn);
    store.put(b"a/1", None).unwrap();
    assert_eq!(block_on(watcher.recv()).unwrap(), b"a/1");
}

fn the_audit_chain_is_whole_and_has_one_head(rig: &mut dyn Rig) {
    let store = rig.store();
    assert_eq!(store.verify_audit().unwrap().head, None);
    assert_eq!(store.audit_head().unwrap(), None);
    for index in 0..100 {
        store
            .append(vec![
                Append::new(Stream::Audit, format!("decision {index}")),
                run(1, "x"),
            ])
            .unwrap();
    }
    store.seal(1).unwrap();
    let report = store.verify_audit().unwrap();
    assert_eq!(
        (report.records, report.breaks.len(), report.sealed_runs),
        (101, 0, 1)
    );
    let (seq, head) = report.head.unwrap();
    assert_eq!(seq, 100);
    let end = |store: &dyn Store| store.audit_head().unwrap().map(|end| (end.seq, end.hash));
    assert_eq!(end(&*store), Some((seq, head)));
    assert_eq!(store.audit_hash(100).unwrap(), Some(head));
    assert_eq!(store.audit_hash(101).unwrap(), None);
    let early = store.audit_hash(5).unwrap();
    drop(store);
    rig.reopen();
    let store = rig.store();
    assert_eq!(store.verify_audit().unwrap(), report);
    assert_eq!(end(&*store), Some((seq, head)), "also when it is read back");
    assert_eq!(store.audit_hash(5).unwrap(), early);
    store
        .append(vec![Append::new(Stream::Audit, "more")])
        .unwrap();
    assert_eq!(store.audit_hash(100).unwrap(), Some(head));
    assert_eq!(store.verify_audit().unwrap().records, 102);
    assert_eq!(end(&*store), store.verify_audit().unwrap().head);
}

fn the_engine_stream_is_kept(rig: &mut dyn Rig) {
    let store = rig.store();
    store
        .append(vec![Append::new(Stream::Engine, "started")])
        .unwrap();
    drop(store);
    rig.reopen();
    let store = rig.store();
    store
        .append(vec![Append::new(Stream::Engine, "again").expecting(1)])
        .unwrap();
    assert_eq!(read(&*store, Stream::Engine), ["started", "again"]);
}

fn a_closed_store_says_so(rig: &mut dyn Rig) {
    let store: Arc<dyn Store> = rig.store();
    store.append(vec![run(1, "a")]).unwrap();
    store.close().unwrap();
    assert!(matches!(
        store.append(vec![run(1, "b")]),
        Err(StoreError::Closed)
    ));
    assert!(matches!(
        store.read(Stream::Run(1), 0, 1),
        Err(StoreError::Closed)
    ));
    assert!(matches!(store.put(b"k", None), Err(StoreError::Closed)));
    assert!(matches!(store.get(b"k"), Err(StoreError::Closed)));
    assert!(matches!(store.seal(1), Err(StoreError::Closed)));
    let late = block_on(store.append_output(1, data(1, 0, "x")));
    assert!(matches!(late, Err(StoreError::Closed)));
    store.close().unwrap();
}

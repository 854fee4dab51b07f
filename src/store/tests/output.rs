//! What every store promises of host output; each promise is checked on both.

use bytes::Bytes;

use super::rig::{
    DiskRig, Rig, SimRig, all_output, block_on, bytes, data, durable, host_output, output, run,
};
use crate::run::output::OutStream;
use crate::store::{Chunk, ChunkBody, GapReason, MAX_CHUNK, OutputCursor};

super::on_both! {
    a_record_makes_the_output_before_it_durable
    output_is_read_in_the_order_of_arrival
    output_of_one_host_is_read_alone
    stored_bytes_are_left_out_and_jumps_are_gaps
    large_output_is_cut_and_whole
    readers_are_told_of_more_output
}

fn a_record_makes_the_output_before_it_durable(rig: &mut dyn Rig) {
    let store = rig.store();
    output(&*store, 1, data(1, 0, "hello "));
    output(&*store, 1, data(2, 0, "other"));
    output(&*store, 1, data(1, 6, "world"));
    let lsn = store.append(vec![run(1, "ended")]).unwrap();
    durable(&*store, lsn);
    drop(store);
    rig.crash();
    let store = rig.store();
    assert_eq!(
        all_output(&*store, 1),
        [
            data(1, 0, "hello "),
            data(2, 0, "other"),
            data(1, 6, "world")
        ]
    );
    assert_eq!(store.output_extent(1, 1, 1, 1).unwrap(), (11, 0));
    output(&*store, 1, data(1, 11, "!"));
    assert_eq!(host_output(&*store, 1, 1).len(), 3);
}

fn output_is_read_in_the_order_of_arrival(rig: &mut dyn Rig) {
    let store = rig.store();
    let mut chunks = Vec::new();
    for index in 0..2000u32 {
        let text = format!("line {index} of some host\n");
        let host = index % 7;
        let offset = store.output_extent(1, host, 1, 1).unwrap().0;
        chunks.push(data(host, offset, &text));
        output(&*store, 1, chunks[index as usize].clone());
        if index % 500 == 0 {
            assert_eq!(all_output(&*store, 1), chunks);
        }
    }
    let page = store
        .read_output(1, OutputCursor::default(), usize::MAX)
        .unwrap();
    assert!(page.end);
    let after = store.read_output(1, page.next, 10).unwrap();
    assert_eq!((after.chunks.len(), after.end), (0, true));
    output(&*store, 1, data(100, 0, "late"));
    assert_eq!(
        store.read_output(1, page.next, 10).unwrap().chunks,
        [data(100, 0, "late")]
    );
    chunks.push(data(100, 0, "late"));
    drop(store);
    rig.reopen();
    let store = rig.store();
    assert_eq!(all_output(&*store, 1), chunks);
    assert_eq!(
        store.read_output(1, page.next, 10).unwrap().chunks,
        [data(100, 0, "late")]
    );
}

fn output_of_one_host_is_read_alone(rig: &mut dyn Rig) {
    let store = rig.store();
    let text = "x".repeat(400);
    for index in 0..300u64 {
        for host in 0..10 {
            output(&*store, 1, data(host, index * 400, &text));
        }
    }
    output(&*store, 1, data(77, 0, "alone"));
    drop(store);
    for _ in 0..2 {
        let store = rig.store();
        for host in 0..10 {
            let chunks = host_output(&*store, 1, host);
            assert_eq!(chunks.len(), 300);
            assert!(chunks.iter().all(|chunk| chunk.host == host));
            assert!(chunks.is_sorted_by_key(|chunk| chunk.offset));
        }
        assert_eq!(host_output(&*store, 1, 77), [data(77, 0, "alone")]);
        assert_eq!(host_output(&*store, 1, 78), []);
        drop(store);
        rig.reopen();
    }
}

fn stored_bytes_are_left_out_and_jumps_are_gaps(rig: &mut dyn Rig) {
    let store = rig.store();
    let gap = |offset, len, reason| Chunk {
        body: ChunkBody::Gap { len, reason },
        ..data(1, offset, "")
    };
    output(&*store, 1, data(1, 0, "abcdef"));
    output(&*store, 1, data(1, 3, "defghi"));
    output(&*store, 1, data(1, 0, "abc"));
    output(&*store, 1, gap(9, 100, GapReason::OverBudget));
    output(&*store, 1, data(1, 120, "end"));
    let mut other = data(1, 0, "err");
    other.stream = OutStream::Stderr;
    output(&*store, 1, other.clone());
    let expected = [
        data(1, 0, "abcdef"),
        data(1, 6, "ghi"),
        gap(9, 100, GapReason::OverBudget),
        gap(109, 11, GapReason::NoSpace),
        data(1, 120, "end"),
        other,
    ];
    assert_eq!(all_output(&*store, 1), expected);
    assert_eq!(store.output_extent(1, 1, 1, 1).unwrap(), (123, 3));
    drop(store);
    rig.reopen();
    let store = rig.store();
    output(&*store, 1, data(1, 130, "new"));
    assert_eq!(
        all_output(&*store, 1)[6..],
        [gap(123, 7, GapReason::EngineKilled), data(1, 130, "new")]
    );
}

fn large_output_is_cut_and_whole(rig: &mut dyn Rig) {
    let store = rig.store();
    let text: Vec<u8> = (0..5_000_000u32)
        .map(|index| (index.wrapping_mul(index) >> 7) as u8)
        .collect();
    let text = Bytes::from(text);
    output(&*store, 1, bytes(1, 0, text.clone()));
    output(&*store, 1, bytes(2, 0, text.slice(..100)));
    let lsn = store.append(vec![run(1, "end")]).unwrap();
    durable(&*store, lsn);
    let mut whole = Vec::new();
    for chunk in host_output(&*store, 1, 1) {
        let ChunkBody::Data(bytes) = chunk.body else {
            panic!("a gap")
        };
        assert!(bytes.len() <= MAX_CHUNK);
        whole.extend_from_slice(&bytes);
    }
    assert!(whole == text);
}

fn readers_are_told_of_more_output(rig: &mut dyn Rig) {
    let store = rig.store();
    let mut changed = store.output_changed(1);
    changed.mark_unchanged();
    output(&*store, 1, data(1, 0, "x"));
    block_on(changed.changed()).unwrap();
    assert_eq!(
        store
            .read_output(1, OutputCursor(0), 10)
            .unwrap()
            .chunks
            .len(),
        1
    );
}

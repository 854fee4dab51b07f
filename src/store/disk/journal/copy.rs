//! Copies what is live in an old file of the journal to its end, so that one long run does not
//! keep everything that was written beside it.

use std::time::Duration;

use bytes::Bytes;

use super::{Front, Journal, Urgency};
use crate::store::disk::entry::{Entry, Item, Op};
use crate::store::disk::frame::{self, Items};
use crate::store::disk::sync::wait;
use crate::store::{Lsn, StoreError, Stream};

/// So much is copied in one entry, about.
const PART: usize = 64 << 10;

/// A record and the place it is copied from.
struct Candidate {
    item: Item,
    entry: Lsn,
    index: u32,
}

/// Copies the live records of a file and waits until the copies are durable; after that nothing
/// in the file is needed.
pub(in crate::store::disk) fn copy_forward(
    journal: &Journal,
    number: u64,
) -> Result<(), StoreError> {
    let path = journal.layout.log_file(number);
    let bytes = Bytes::from(std::fs::read(&path).map_err(StoreError::io("read", &path))?);
    let mut part = Vec::new();
    let mut size = 0;
    let mut last = 0;
    for candidate in candidates(&bytes) {
        size += candidate.item.op.size();
        part.push(candidate);
        if size >= PART {
            last = push(journal, &part)?.max(last);
            part.clear();
            size = 0;
        }
    }
    last = push(journal, &part)?.max(last);
    journal.wait_durable(last)?;
    journal.lock().files.forget_file(number);
    Ok(())
}

/// All records of runs in a file.
fn candidates(bytes: &Bytes) -> impl Iterator<Item = Candidate> {
    let entries = Items::new(bytes).filter_map(|item| match item {
        frame::Item::Entry { bytes, .. } => Entry::decode(Bytes::from(bytes.into_owned())),
        frame::Item::Bad { .. } => None,
    });
    entries.flat_map(|entry| {
        let first = entry.first;
        let numbered = entry.items.into_iter().zip(0..);
        numbered
            .filter(|(item, _)| is_run(item))
            .map(move |(item, index)| Candidate {
                item,
                entry: first,
                index,
            })
    })
}

fn is_run(item: &Item) -> bool {
    matches!(
        item.op,
        Op::Record {
            stream: Stream::Run(_),
            ..
        }
    )
}

/// Appends those that are still live, where they are; returns the LSN to wait for.
fn push(journal: &Journal, part: &[Candidate]) -> Result<Lsn, StoreError> {
    let mut front = journal.lock();
    loop {
        let live = part.iter().filter(|candidate| is_live(&front, candidate));
        let items: Vec<Item> = live.map(|candidate| candidate.item.clone()).collect();
        if items.is_empty() {
            return Ok(0);
        }
        match journal.admit(&front, &items, Urgency::MakesSpace) {
            Ok(()) => return Ok(journal.push(&mut front, items, Vec::new())),
            Err(StoreError::Busy { .. }) => {
                front = wait(&journal.synced, front, Duration::from_millis(100));
            }
            Err(error) => return Err(error),
        }
    }
}

fn is_live(front: &Front, candidate: &Candidate) -> bool {
    let Op::Record { stream, seq, .. } = &candidate.item.op else {
        return false;
    };
    let slots = front.streams.get(stream);
    let slot = slots.and_then(|slots| slots.from(*seq, 1).next());
    slot.is_some_and(|slot| {
        slot.seq == *seq && slot.entry == candidate.entry && slot.index == candidate.index
    })
}

//! Reads live records, from memory or from the journal's files, without the writer noticing.

use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;

use super::Journal;
use super::front::{Front, Place, Slot};
use crate::store::disk::entry::{Entry, Item, Op};
use crate::store::disk::frame;
use crate::store::{Digest, Lsn, Record, StoreError, Stream};

/// A record with the hash it carries.
#[derive(Debug, Clone)]
pub(in crate::store::disk) struct Linked {
    pub record: Record,
    pub prev: Option<Digest>,
}

/// Where a record can be had from after the lock is released.
enum Source {
    Memory(Arc<Entry>),
    File {
        number: u64,
        file: Arc<File>,
        at: u64,
    },
}

impl Journal {
    /// The first live record of a stream from `seq` on decides what is here and what is not.
    pub fn first_live(&self, stream: Stream) -> Option<u64> {
        let front = self.lock();
        front
            .streams
            .get(&stream)?
            .list
            .front()
            .map(|slot| slot.seq)
    }

    /// At most `limit` live records of a stream.
    pub fn read(&self, stream: Stream, from: u64, limit: usize) -> Result<Vec<Linked>, StoreError> {
        let sources = self.sources(stream, from, limit);
        let mut records = Vec::with_capacity(sources.len());
        let mut last: Option<(Lsn, Arc<Entry>)> = None;
        for (slot, source) in sources {
            let entry = match &last {
                Some((lsn, entry)) if *lsn == slot.entry => entry.clone(),
                _ => self.load(source)?,
            };
            last = Some((slot.entry, entry.clone()));
            let item = entry.items.get(slot.index as usize).and_then(linked);
            records.extend(item.filter(|found| found.record.seq == slot.seq));
        }
        Ok(records)
    }

    fn sources(&self, stream: Stream, from: u64, limit: usize) -> Vec<(Slot, Source)> {
        let front = self.lock();
        let Some(slots) = front.streams.get(&stream) else {
            return Vec::new();
        };
        let places = slots.from(from, limit);
        places
            .filter_map(|slot| Some((*slot, source(&front, slot.entry)?)))
            .collect()
    }

    fn load(&self, source: Source) -> Result<Arc<Entry>, StoreError> {
        match source {
            Source::Memory(entry) => Ok(entry),
            Source::File { number, file, at } => {
                let path = self.layout.log_file(number);
                let bytes = frame::read_entry(&file, at).map_err(StoreError::io("read", &path))?;
                let entry =
                    Entry::decode(Bytes::from(bytes)).ok_or_else(|| StoreError::Damaged {
                        path,
                        why: format!("no entry of the journal at byte {at}"),
                    })?;
                Ok(Arc::new(entry))
            }
        }
    }
}

fn source(front: &Front, entry: Lsn) -> Option<Source> {
    match front.places.get(&entry)? {
        Place::Memory(entry) => Some(Source::Memory(entry.clone())),
        Place::File { number, at } => {
            let file = front.files.get(*number)?.file.clone();
            Some(Source::File {
                number: *number,
                file,
                at: *at,
            })
        }
    }
}

/// The record an item holds.
pub(in crate::store::disk) fn linked(item: &Item) -> Option<Linked> {
    let Op::Record {
        stream,
        seq,
        payload,
        prev,
    } = &item.op
    else {
        return None;
    };
    let record = Record {
        lsn: item.lsn,
        stream: *stream,
        seq: *seq,
        payload: payload.clone(),
    };
    Some(Linked {
        record,
        prev: *prev,
    })
}

//! The records of one stream that left the journal, in files named by their first `seq`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::row::{self, Tail};
use crate::store::disk::aside;
use crate::store::disk::entry::{Entry, Item, Op};
use crate::store::disk::files::Files;
use crate::store::disk::journal::{Linked, linked};
use crate::store::disk::layout::{Layout, numbered};
use crate::store::disk::notes::Notes;
use crate::store::disk::sync::lock;
use crate::store::{Digest, Lsn, StoreError, Stream, audit};

/// A file that is longer is followed by another, so that opening and reading one stays cheap.
const FILE_BYTES: u64 = 4 << 20;

/// The archive of the audit or the engine stream.
#[derive(Debug)]
pub(in crate::store::disk) struct RecordArchive {
    dir: PathBuf,
    stream: Stream,
    files: Arc<dyn Files>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The first `seq` in each file, and its path.
    list: Vec<(u64, PathBuf)>,
    tail: Option<Tail>,
    next_seq: u64,
    last_lsn: Lsn,
    /// The hash of the last record, for the audit stream.
    head: Digest,
}

impl RecordArchive {
    /// Opens the archive in a directory; reads its last file only.
    pub fn open(
        layout: &Layout,
        name: &str,
        stream: Stream,
        files: Arc<dyn Files>,
        notes: &Notes,
    ) -> Result<Self, StoreError> {
        let dir = layout.dir(name);
        let list = numbered(&dir, "log").map_err(StoreError::io("list", &dir))?;
        let head = audit::genesis();
        let mut inner = Inner {
            list,
            tail: None,
            next_seq: 0,
            last_lsn: 0,
            head,
        };
        if let Some((first, path)) = inner.list.last().cloned() {
            let content = row::read(&path)?;
            note_damage(layout, &path, content.damaged, notes);
            inner.next_seq = first;
            content.entries.iter().for_each(|entry| inner.see(entry));
            let tail = Tail::resume(&*files, &path, content.sound_len);
            inner.tail = Some(tail.map_err(StoreError::io("open", &path))?);
        }
        Ok(Self {
            dir,
            stream,
            files,
            inner: Mutex::new(inner),
        })
    }

    /// The `seq` that is to be archived next.
    pub fn next_seq(&self) -> u64 {
        lock(&self.inner).next_seq
    }

    /// The hash of the last archived record.
    pub fn head(&self) -> Digest {
        lock(&self.inner).head
    }

    pub fn last_lsn(&self) -> Lsn {
        lock(&self.inner).last_lsn
    }

    /// Adds those of these items that are this stream's and not here yet, and syncs them.
    pub fn append(&self, items: &[Item]) -> Result<(), StoreError> {
        let mut inner = lock(&self.inner);
        let next = inner.next_seq;
        let new = items.iter().filter(|item| is_new(item, self.stream, next));
        let new: Vec<Item> = new.cloned().collect();
        let Some(first) = new.first().and_then(seq) else {
            return Ok(());
        };
        let full = inner
            .tail
            .as_ref()
            .is_none_or(|tail| tail.len >= FILE_BYTES);
        let failed = |error| StoreError::io("write", &self.dir)(error);
        if full {
            let path = self.dir.join(format!("{first:016x}.log"));
            inner.tail = Some(Tail::create(&*self.files, &path).map_err(failed)?);
            inner.list.push((first, path));
        }
        let Some(tail) = inner.tail.as_mut() else {
            return Ok(());
        };
        tail.append(new.clone())
            .and_then(|()| tail.sync())
            .map_err(failed)?;
        inner.see(&Entry::new(0, new));
        Ok(())
    }

    /// At most `limit` archived records from `from` on.
    pub fn read(&self, from: u64, limit: usize) -> Result<Vec<Linked>, StoreError> {
        let list = {
            let inner = lock(&self.inner);
            if from >= inner.next_seq {
                return Ok(Vec::new());
            }
            let start = inner
                .list
                .partition_point(|(first, _)| *first <= from)
                .max(1)
                - 1;
            inner.list[start.min(inner.list.len())..].to_vec()
        };
        let mut records = Vec::new();
        for (_, path) in list {
            let entries = row::read(&path)?.entries;
            let found = entries
                .iter()
                .flat_map(|entry| &entry.items)
                .filter_map(linked);
            let wanted = found.filter(|found| found.record.seq >= from);
            records.extend(wanted.take(limit - records.len()));
            if records.len() >= limit {
                break;
            }
        }
        Ok(records)
    }
}

impl Inner {
    fn see(&mut self, entry: &Entry) {
        for found in entry.items.iter().filter_map(linked) {
            let record = &found.record;
            self.next_seq = record.seq + 1;
            self.last_lsn = self.last_lsn.max(record.lsn);
            if let Some(prev) = &found.prev {
                self.head = audit::link(prev, record.seq, &record.payload);
            }
        }
    }
}

fn seq(item: &Item) -> Option<u64> {
    match &item.op {
        Op::Record { seq, .. } => Some(*seq),
        _ => None,
    }
}

fn is_new(item: &Item, wanted: Stream, next: u64) -> bool {
    matches!(&item.op, Op::Record { stream, seq, .. } if *stream == wanted && *seq >= next)
}

fn note_damage(layout: &Layout, path: &std::path::Path, bytes: u64, notes: &Notes) {
    if bytes > 0 {
        let copy = aside::keep(layout, path);
        notes.damage(
            None,
            format!("{} has {bytes} damaged bytes; {copy}", path.display()),
        );
    }
}

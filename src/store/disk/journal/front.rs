//! What the journal knows in memory: numbers, places of live records, and the queue to the disk.
//!
//! Everything here happens under one lock and touches no file.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::live::LiveFiles;
use super::overlay::Overlay;
use crate::store::disk::entry::{Entry, Item, Op};
use crate::store::{Append, AuditHead, Digest, Lsn, StoreError, StoreNote, Stream, audit};

/// The state behind the journal's lock.
#[derive(Debug)]
pub(in crate::store::disk) struct Front {
    /// The next LSN to be given out.
    pub next: Lsn,
    /// Everything up to here is synced.
    pub durable: Lsn,
    pub streams: HashMap<Stream, Slots>,
    /// The hash of the last audit record.
    pub audit_head: Digest,
    /// Where entries with live records are.
    pub places: BTreeMap<Lsn, Place>,
    pub overlay: Overlay,
    pub files: LiveFiles,
    pub queue: VecDeque<Queued>,
    pub queued_bytes: usize,
    /// How many bytes are claimed on disk for what is queued.
    pub room: u64,
    pub failed: Option<Arc<str>>,
    pub stop: Stop,
}

/// Whether the journal goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::disk) enum Stop {
    No,
    /// Write what is queued, then end.
    Drain,
    /// End as a killed process would.
    Now,
}

/// An entry on its way to the disk.
#[derive(Debug)]
pub(in crate::store::disk) struct Queued {
    pub entry: Arc<Entry>,
    /// Output that must be synced first: runs and how far.
    pub barriers: Vec<(u64, u64)>,
    pub size: usize,
}

/// Where an entry is.
#[derive(Debug, Clone)]
pub(in crate::store::disk) enum Place {
    Memory(Arc<Entry>),
    File { number: u64, at: u64 },
}

/// The live records of one stream.
#[derive(Debug, Default)]
pub(in crate::store::disk) struct Slots {
    /// In ascending order of `seq`.
    pub list: VecDeque<Slot>,
    pub next_seq: u64,
    /// The run takes nothing more: it is being sealed.
    pub closing: bool,
}

/// Where one record is.
#[derive(Debug, Clone, Copy)]
pub(in crate::store::disk) struct Slot {
    pub seq: u64,
    /// The entry it is in.
    pub entry: Lsn,
    /// Which of its items it is.
    pub index: u32,
}

impl Slots {
    /// Adds a record, or its newer place.
    pub fn put(&mut self, slot: Slot) {
        self.next_seq = self.next_seq.max(slot.seq + 1);
        if self.list.back().is_none_or(|last| last.seq < slot.seq) {
            self.list.push_back(slot);
            return;
        }
        let at = self.list.partition_point(|known| known.seq < slot.seq);
        match self.list.get_mut(at) {
            Some(known) if known.seq == slot.seq => *known = slot,
            _ => self.list.insert(at, slot),
        }
    }

    /// Forgets the records before this one.
    pub fn forget_before(&mut self, seq: u64) {
        let count = self.list.partition_point(|slot| slot.seq < seq);
        self.list.drain(..count);
    }

    /// At most `limit` places from `seq` on.
    pub fn from(&self, seq: u64, limit: usize) -> impl Iterator<Item = &Slot> {
        let start = self.list.partition_point(|slot| slot.seq < seq);
        self.list.range(start..).take(limit)
    }
}

impl Front {
    pub fn new(files: LiveFiles) -> Self {
        Self {
            next: 1,
            durable: 0,
            streams: HashMap::new(),
            audit_head: audit::genesis(),
            places: BTreeMap::new(),
            overlay: Overlay::default(),
            files,
            queue: VecDeque::new(),
            queued_bytes: 0,
            room: 0,
            failed: None,
            stop: Stop::No,
        }
    }

    /// Whether anything can be read.
    pub fn check_open(&self) -> Result<(), StoreError> {
        if self.stop == Stop::No {
            Ok(())
        } else {
            Err(StoreError::Closed)
        }
    }

    /// Whether anything can be written.
    pub fn check_writing(&self) -> Result<(), StoreError> {
        self.check_open()?;
        match &self.failed {
            Some(reason) => Err(StoreError::Failed {
                reason: reason.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Turns appends into items with their numbers; changes nothing.
    pub fn number(&self, appends: Vec<Append>) -> Result<Vec<Item>, StoreError> {
        let mut next: HashMap<Stream, u64> = HashMap::new();
        let mut head = self.audit_head;
        let mut items = Vec::with_capacity(appends.len());
        for (append, lsn) in appends.into_iter().zip(self.next..) {
            let stream = append.stream;
            let known = self.streams.get(&stream);
            if let Stream::Run(run) = stream
                && known.is_some_and(|slots| slots.closing)
            {
                return Err(StoreError::Sealed { run });
            }
            let start = known.map_or(0, |slots| slots.next_seq);
            let seq = next.entry(stream).or_insert(start);
            if let Some(expected) = append.expect.filter(|expected| expected != seq) {
                return Err(StoreError::WrongSeq {
                    stream,
                    expected,
                    actual: *seq,
                });
            }
            let prev = chain(stream, *seq, &append.payload, &mut head);
            let op = Op::Record {
                stream,
                seq: *seq,
                payload: append.payload,
                prev,
            };
            items.push(Item { lsn, op });
            *seq += 1;
        }
        Ok(items)
    }

    /// The newest audit record.
    pub fn audit_end(&self) -> Option<AuditHead> {
        let slots = self.streams.get(&Stream::Audit)?;
        Some(AuditHead {
            seq: slots.next_seq.checked_sub(1)?,
            hash: self.audit_head,
            lsn: self.next - 1,
        })
    }

    /// The item of a note of the store's own in the audit stream.
    pub fn note(&self, note: &StoreNote) -> Item {
        let seq = self
            .streams
            .get(&Stream::Audit)
            .map_or(0, |slots| slots.next_seq);
        let op = Op::Record {
            stream: Stream::Audit,
            seq,
            payload: note.payload(),
            prev: Some(self.audit_head),
        };
        Item { lsn: self.next, op }
    }

    /// Queues an entry; from now on reads see it.
    pub fn push(&mut self, items: Vec<Item>, barriers: Vec<(u64, u64)>) -> Lsn {
        let entry = Arc::new(Entry::new(self.next, items));
        self.see(&entry);
        if has_records(&entry) {
            self.places
                .insert(entry.first, Place::Memory(entry.clone()));
        }
        let size = entry.size();
        self.queued_bytes += size;
        let last = entry.last();
        self.next = last + 1;
        self.queue.push_back(Queued {
            entry,
            barriers,
            size,
        });
        last
    }

    /// Takes note of what an entry says.
    fn see(&mut self, entry: &Entry) {
        for (item, index) in entry.items.iter().zip(0..) {
            match &item.op {
                Op::Record { .. } => self.see_record(entry.first, index, &item.op),
                Op::Put { key, value } => self.overlay.put(item.lsn, key, value.as_ref()),
                Op::Sealed { run, .. } | Op::Dropped { run } => self.forget_run(*run),
                Op::Gone { .. } => {}
            }
        }
    }

    /// Takes note of a record and where it is.
    pub fn see_record(&mut self, entry: Lsn, index: u32, op: &Op) {
        let Op::Record {
            stream,
            seq,
            payload,
            prev,
        } = op
        else {
            return;
        };
        let slots = self.streams.entry(*stream).or_default();
        let newest = *seq >= slots.next_seq;
        slots.put(Slot {
            seq: *seq,
            entry,
            index,
        });
        if let Some(prev) = prev.filter(|_| newest) {
            self.audit_head = audit::link(&prev, *seq, payload);
        }
    }

    /// A run's records do not keep files of the journal any longer.
    pub fn forget_run(&mut self, run: u64) {
        self.streams.remove(&Stream::Run(run));
        self.files.forget_run(run);
    }
}

/// The hash a record carries: that of the audit record before it.
fn chain(stream: Stream, seq: u64, payload: &[u8], head: &mut Digest) -> Option<Digest> {
    (stream == Stream::Audit).then(|| {
        let prev = *head;
        *head = audit::link(&prev, seq, payload);
        prev
    })
}

/// Whether an entry must be found again in the journal.
pub(super) fn has_records(entry: &Entry) -> bool {
    entry
        .items
        .iter()
        .any(|item| matches!(item.op, Op::Record { .. }))
}

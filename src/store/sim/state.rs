//! What is done to a simulated store, and which part of it a crash would leave.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio::sync::watch;

use super::Syncing;
use super::model::{Model, Op};
use crate::store::page::OutputKey;
use crate::store::watchers::Watchers;
use crate::store::{
    Append, Chunk, Digest, Durability, GapReason, Lsn, Record, SpaceState, StoreError, StoreNote,
    Stream, stitch,
};

/// Behind the lock of a [`super::SimStore`].
#[derive(Debug)]
pub(super) struct State {
    /// What reads see.
    pub current: Model,
    /// What a crash leaves.
    pub durable: Model,
    /// What lies between the two, in order.
    pending: Vec<Op>,
    pub syncing: Syncing,
    pub space: SpaceState,
    pub busy: bool,
    pub closed: bool,
    /// The reason the next sync fails with.
    pub sync_fault: Option<Arc<str>>,
    pub durability: watch::Sender<Durability>,
    pub watchers: Watchers,
    changed: HashMap<u64, watch::Sender<u64>>,
    /// Streams of output that were written to since this store was opened.
    touched: BTreeSet<(u64, OutputKey)>,
}

impl State {
    /// A store that was just opened on this.
    pub fn open(model: Model, syncing: Syncing) -> Self {
        let durability = Durability {
            lsn: model.last_lsn,
            failed: None,
        };
        Self {
            current: model.clone(),
            durable: model,
            pending: Vec::new(),
            syncing,
            space: SpaceState::Plenty,
            busy: false,
            closed: false,
            sync_fault: None,
            durability: watch::Sender::new(durability),
            watchers: Watchers::default(),
            changed: HashMap::new(),
            touched: BTreeSet::new(),
        }
    }

    /// Whether anything can be written.
    pub fn admit(&self) -> Result<(), StoreError> {
        self.check_open()?;
        if let Some(reason) = self.failed() {
            return Err(StoreError::Failed { reason });
        }
        if self.space == SpaceState::Full {
            return Err(StoreError::NoSpace);
        }
        if self.busy {
            let queued = self.pending.len();
            return Err(StoreError::Busy { queued });
        }
        Ok(())
    }

    /// Whether anything can be read.
    pub fn check_open(&self) -> Result<(), StoreError> {
        if self.closed {
            Err(StoreError::Closed)
        } else {
            Ok(())
        }
    }

    pub fn failed(&self) -> Option<Arc<str>> {
        self.durability.borrow().failed.clone()
    }

    /// Applies a change to what reads see; what a crash leaves follows later.
    pub fn write(&mut self, op: Op) {
        self.current.apply(op.clone());
        self.pending.push(op);
    }

    /// Numbers the records of one append, or says which of them is out of place.
    pub fn number(&self, appends: Vec<Append>) -> Result<Vec<Record>, StoreError> {
        let mut next: HashMap<Stream, u64> = HashMap::new();
        let mut records = Vec::with_capacity(appends.len());
        for (append, lsn) in appends.into_iter().zip(self.current.last_lsn + 1..) {
            let stream = append.stream;
            if let Stream::Run(run) = stream
                && self.current.sealed.contains_key(&run)
            {
                return Err(StoreError::Sealed { run });
            }
            let seq = next
                .entry(stream)
                .or_insert_with(|| self.current.next_seq(stream));
            if let Some(expected) = append.expect.filter(|expected| expected != seq) {
                return Err(StoreError::WrongSeq {
                    stream,
                    expected,
                    actual: *seq,
                });
            }
            records.push(Record {
                lsn,
                stream,
                seq: *seq,
                payload: append.payload,
            });
            *seq += 1;
        }
        Ok(records)
    }

    /// Appends a note of the store's own to the audit stream.
    pub fn note(&mut self, note: &StoreNote) {
        let record = Record {
            lsn: self.current.last_lsn + 1,
            stream: Stream::Audit,
            seq: self.current.next_seq(Stream::Audit),
            payload: note.payload(),
        };
        self.write(Op::Records(vec![record]));
    }

    /// Seals a run and notes its root.
    pub fn seal(&mut self, run: u64) -> Result<Digest, StoreError> {
        if let Some(root) = self.current.sealed.get(&run) {
            return Ok(*root);
        }
        let (root, records) = self
            .current
            .root(run)
            .filter(|(_, records)| *records > 0)
            .ok_or(StoreError::UnknownRun { run })?;
        self.note(&StoreNote::Sealed { run, root, records });
        self.write(Op::Seal(run, root));
        Ok(root)
    }

    /// Stores a piece of output and tells those who read along.
    pub fn output(&mut self, run: u64, chunk: Chunk) -> Result<(), StoreError> {
        if self.current.sealed.contains_key(&run) {
            return Err(StoreError::Sealed { run });
        }
        let key = OutputKey::of(&chunk);
        let end = self
            .current
            .outputs
            .get(&run)
            .and_then(|output| output.ends.get(&key));
        let fresh = self.touched.insert((run, key));
        let missing = if fresh {
            GapReason::EngineKilled
        } else {
            GapReason::NoSpace
        };
        let pieces = stitch::stitch(chunk, end.copied().unwrap_or(0), missing);
        if !pieces.is_empty() {
            self.write(Op::Output(run, pieces));
            self.changed(run).send_modify(|count| *count += 1);
        }
        Ok(())
    }

    pub fn changed(&mut self, run: u64) -> &watch::Sender<u64> {
        self.changed
            .entry(run)
            .or_insert_with(|| watch::Sender::new(0))
    }

    /// After each append: with automatic syncing everything journalled becomes durable, and the
    /// output of the runs it speaks of; other output waits, as it may on a disk.
    pub fn appended(&mut self) -> Lsn {
        let lsn = self.current.last_lsn;
        if self.syncing == Syncing::Automatic {
            let runs: BTreeSet<u64> = self.pending.iter().flat_map(Op::runs).collect();
            self.sync_where(|op| !matches!(op, Op::Output(run, _) if !runs.contains(run)));
        }
        lsn
    }

    /// Makes everything durable up to an LSN.
    pub fn sync_to(&mut self, lsn: Lsn) {
        let covered = |op: &Op| op.lsn().is_none_or(|last| last <= lsn);
        let count = self.pending.iter().take_while(|op| covered(op)).count();
        let mut index = 0;
        self.sync_where(|_| {
            index += 1;
            index <= count
        });
    }

    /// Makes those pending changes durable that the caller picks, in order.
    fn sync_where(&mut self, mut pick: impl FnMut(&Op) -> bool) {
        if self.failed().is_some() {
            return;
        }
        if let Some(reason) = self.sync_fault.take() {
            self.durability
                .send_modify(|durability| durability.failed = Some(reason));
            return;
        }
        let (synced, rest) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(&mut pick);
        self.pending = rest;
        let synced: Vec<Op> = synced;
        for op in &synced {
            self.durable.apply(op.clone());
        }
        let lsn = self.durable.last_lsn;
        self.durability
            .send_if_modified(|durability| std::mem::replace(&mut durability.lsn, lsn) != lsn);
        for op in &synced {
            if let Op::Put { key, .. } = op {
                self.watchers.tell(key);
            }
        }
        self.watchers.catch_up();
    }
}

impl Op {
    fn lsn(&self) -> Option<Lsn> {
        match self {
            Self::Records(records) => records.last().map(|record| record.lsn),
            Self::Put { lsn, .. } => Some(*lsn),
            Self::Blob(..) | Self::Output(..) | Self::Seal(..) | Self::Drop(..) => None,
        }
    }

    /// The runs whose output must be durable before this is.
    fn runs(&self) -> Vec<u64> {
        let Self::Records(records) = self else {
            return Vec::new();
        };
        let runs = records.iter().filter_map(|record| match record.stream {
            Stream::Run(run) => Some(run),
            Stream::Audit | Stream::Engine => None,
        });
        runs.collect()
    }
}

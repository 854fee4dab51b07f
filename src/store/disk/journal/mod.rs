//! The journal: one append-only log for everything that is live, and the truth.
//!
//! Callers queue entries ([`Journal::append`] and its like, under one lock, without a file
//! touched); the writer thread takes all that is queued, writes it, syncs once and tells everybody
//! who waits. A failed write or sync is the end: nothing is written any more, and nothing is tried
//! again, because a second `fdatasync` may report success for pages that were thrown away.

mod copy;
mod files;
mod front;
mod live;
mod overlay;
mod read;
mod recover;
mod writer;

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

pub(super) use self::copy::copy_forward;
pub(super) use self::files::LogFiles;
pub(super) use self::front::{Front, Stop};
pub(super) use self::read::{Linked, linked};
pub(super) use self::recover::{Archived, Put, Recovered, recover};
pub(super) use self::writer::Writer;

use super::entry::{Item, Op, size_of};
use super::layout::Layout;
use super::options::Options;
use super::space::Space;
use super::sync::{lock, wait};
use crate::store::watchers::Watchers;
use crate::store::{
    Append, Durability, Lsn, MAX_APPEND, SpaceState, StoreError, StoreNote, Stream, limits,
};

/// Changes that the index has not seen may take this much memory.
const OVERLAY_MAX: usize = 32 << 20;

/// The journal's front door.
#[derive(Debug)]
pub(super) struct Journal {
    front: Mutex<Front>,
    /// Wakes the writer.
    work: Condvar,
    /// Wakes those who wait for something to be durable.
    synced: Condvar,
    durability: watch::Sender<Durability>,
    watchers: Mutex<Watchers>,
    layout: Layout,
    space: Arc<Space>,
    /// How much may be queued; half of a file.
    queue_max: usize,
    /// The largest entry, and so the most that is left unused at the end of a file.
    entry_max: usize,
}

impl Journal {
    pub fn new(front: Front, layout: &Layout, space: Arc<Space>, options: &Options) -> Self {
        let durability = Durability {
            lsn: front.durable,
            failed: None,
        };
        let file = usize::try_from(options.log_file_bytes).unwrap_or(usize::MAX);
        Self {
            front: Mutex::new(front),
            work: Condvar::new(),
            synced: Condvar::new(),
            durability: watch::Sender::new(durability),
            watchers: Mutex::default(),
            layout: layout.clone(),
            space,
            queue_max: file / 2,
            entry_max: (2 * MAX_APPEND).min(file / 4),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, Front> {
        lock(&self.front)
    }

    /// Looks at the front and lets go of it before the caller goes on.
    pub fn look<T>(&self, look: impl FnOnce(&Front) -> T) -> T {
        look(&self.lock())
    }

    pub fn durability(&self) -> watch::Receiver<Durability> {
        self.durability.subscribe()
    }

    /// A channel on which keys with this prefix arrive once their change is durable.
    pub fn watch(&self, prefix: &[u8]) -> mpsc::Receiver<Vec<u8>> {
        lock(&self.watchers).add(prefix)
    }

    /// Appends records, after output that was accepted before (`barriers`).
    pub fn append(
        &self,
        appends: Vec<Append>,
        barriers: Vec<(u64, u64)>,
    ) -> Result<Lsn, StoreError> {
        limits::check_append(&appends)?;
        self.space.refresh_if_stale();
        let mut front = self.lock();
        self.check_unsealed(&front, &appends)?;
        let items = front.number(appends)?;
        self.admit(&front, &items, Urgency::Normal)?;
        if items.is_empty() {
            return Ok(front.next - 1);
        }
        Ok(self.push(&mut front, items, barriers))
    }

    /// Changes a key, if `allowed` says so with the lock held.
    pub fn put(
        &self,
        item: Item,
        allowed: impl FnOnce(&Front) -> Result<(), StoreError>,
    ) -> Result<Lsn, StoreError> {
        self.space.refresh_if_stale();
        let mut front = self.lock();
        let item = Item {
            lsn: front.next,
            ..item
        };
        let items = vec![item];
        self.admit(&front, &items, Urgency::Normal)?;
        if front.overlay.bytes() > OVERLAY_MAX {
            let queued = front.overlay.bytes();
            return Err(StoreError::Busy { queued });
        }
        allowed(&front)?;
        Ok(self.push(&mut front, items, Vec::new()))
    }

    /// Appends a note of the store's own to the audit stream, with what belongs to it, and waits
    /// until both are durable. Goes on where others are refused for want of space, because
    /// deleting is what makes space.
    pub fn note(
        &self,
        note: &StoreNote,
        then: impl Fn(Lsn) -> Vec<Item>,
    ) -> Result<(), StoreError> {
        let lsn = self.append_own(|front| {
            let mut items = vec![front.note(note)];
            items.extend(then(front.next + 1));
            items
        })?;
        self.wait_durable(lsn)
    }

    /// Says that nothing is left of a dropped run. If there is no room to say it, the next open
    /// looks for what might be left, and finds nothing.
    pub fn gone(&self, run: u64) {
        let item = |front: &Front| Item {
            lsn: front.next,
            op: Op::Gone { run },
        };
        let _ = self.append_own(|front| vec![item(front)]);
    }

    /// Appends what the store itself has to say, when there is room for it in the queue.
    fn append_own(&self, items: impl Fn(&Front) -> Vec<Item>) -> Result<Lsn, StoreError> {
        let mut front = self.lock();
        loop {
            let items = items(&front);
            match self.admit(&front, &items, Urgency::MakesSpace) {
                Ok(()) => return Ok(self.push(&mut front, items, Vec::new())),
                Err(StoreError::Busy { .. }) => {
                    front = wait(&self.synced, front, Duration::from_millis(100));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The runs that have records here.
    pub fn live_runs(&self) -> Vec<u64> {
        let front = self.lock();
        let runs = front
            .streams
            .iter()
            .filter_map(|(stream, slots)| match stream {
                Stream::Run(run) if !slots.list.is_empty() => Some(*run),
                _ => None,
            });
        let mut runs: Vec<u64> = runs.collect();
        runs.sort_unstable();
        runs
    }

    /// Waits until everything up to an LSN is durable.
    pub fn wait_durable(&self, lsn: Lsn) -> Result<(), StoreError> {
        let mut front = self.lock();
        while front.durable < lsn {
            if let Some(reason) = &front.failed {
                return Err(StoreError::Failed {
                    reason: reason.clone(),
                });
            }
            if front.stop == Stop::Now {
                return Err(StoreError::Closed);
            }
            front = wait(&self.synced, front, Duration::from_millis(500));
        }
        Ok(())
    }

    /// Nothing will be durable any more, for this reason.
    pub fn fail(&self, reason: &str) {
        let mut front = self.lock();
        if front.failed.is_none() {
            tracing::error!("the store stops writing: {reason}");
            let reason: Arc<str> = reason.into();
            front.failed = Some(reason.clone());
            self.durability
                .send_modify(|durability| durability.failed = Some(reason));
        }
        drop(front);
        self.synced.notify_all();
        self.work.notify_all();
    }

    /// There is room again for those who were told that the disk is behind.
    pub fn room_again(&self) {
        self.synced.notify_all();
        self.durability.send_modify(|_| {});
    }

    /// The index has taken over these changes.
    pub fn forget_changes(&self, changes: impl Iterator<Item = (Bytes, Lsn)>) {
        let mut front = self.lock();
        let was_full = front.overlay.bytes() > OVERLAY_MAX;
        for (key, lsn) in changes {
            front.overlay.remove(&key, lsn);
        }
        drop(front);
        if was_full {
            self.room_again();
        }
    }

    pub fn stop(&self, stop: Stop) {
        self.lock().stop = stop;
        self.work.notify_all();
        self.synced.notify_all();
    }

    fn push(&self, front: &mut Front, items: Vec<Item>, barriers: Vec<(u64, u64)>) -> Lsn {
        let lsn = front.push(items, barriers);
        self.work.notify_one();
        lsn
    }

    /// Whether there is room for these items, in the queue and on the disk.
    fn admit(&self, front: &Front, items: &[Item], urgency: Urgency) -> Result<(), StoreError> {
        front.check_writing()?;
        if self.space.state() == SpaceState::Full && urgency == Urgency::Normal {
            return Err(StoreError::NoSpace);
        }
        let size = size_of(items);
        if size > self.entry_max {
            return Err(StoreError::TooLarge {
                what: "append",
                size,
                limit: self.entry_max,
            });
        }
        let queued = front.queued_bytes;
        if queued > 0 && queued + size > self.queue_max {
            return Err(StoreError::Busy { queued });
        }
        if (queued + size + self.entry_max) as u64 > front.room {
            let full = self.space.state() == SpaceState::Full;
            return Err(if full {
                StoreError::NoSpace
            } else {
                StoreError::Busy { queued }
            });
        }
        Ok(())
    }

    /// A run that the journal does not know may be one that was sealed.
    fn check_unsealed(&self, front: &Front, appends: &[Append]) -> Result<(), StoreError> {
        for append in appends {
            if let Stream::Run(run) = append.stream
                && !front.streams.contains_key(&append.stream)
                && self.layout.sealed(run).exists()
            {
                return Err(StoreError::Sealed { run });
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Urgency {
    Normal,
    MakesSpace,
}

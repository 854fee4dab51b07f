//! The one thread that writes the journal: all that is queued in one go, one sync for all who
//! wait.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use super::files::LogFiles;
use super::front::{Place, Queued, Stop, has_records};
use super::{Front, Journal};
use crate::store::Stream;
use crate::store::disk::entry::{Entry, Op};
use crate::store::disk::frame;
use crate::store::disk::keeper::Task;
use crate::store::disk::kv;
use crate::store::disk::sync::{lock, wait};

/// How long the writer sleeps when there is nothing to do.
const TICK: Duration = Duration::from_millis(250);
/// How long a sync is put off while several append at a time: what comes meanwhile shares it.
/// Whoever appends alone never waits for it.
const COMPANY: Duration = Duration::from_millis(1);

/// Waits until a run's output is synced up to a ticket; an error ends the journal.
pub(in crate::store::disk) type Barrier = Box<dyn Fn(u64, u64) -> Result<(), String> + Send>;

/// What the thread works with.
pub(in crate::store::disk) struct Writer {
    pub journal: Arc<Journal>,
    pub files: LogFiles,
    pub barrier: Barrier,
    pub keeper: Sender<Task>,
}

/// Entries that were put into one buffer, with the places they will have.
#[derive(Default)]
struct Group {
    bytes: Vec<u8>,
    entries: Vec<(Arc<Entry>, u64, u64)>,
    size: usize,
}

impl Writer {
    /// Works until the journal is stopped or fails; says when it can take what comes.
    pub fn run(mut self, prepared: &Sender<()>) {
        let ready = self.prepare();
        // Whoever opens the store waits for this, unless it is gone.
        let _ = prepared.send(());
        if let Err(error) = ready.and_then(|()| self.work()) {
            self.journal
                .fail(&format!("the journal could not be written: {error}"));
        }
    }

    fn work(&mut self) -> io::Result<()> {
        let mut company = false;
        while let Some(batch) = self.next_batch(company) {
            company = batch.len() > 1;
            if !batch.is_empty() {
                self.write(batch)?;
                self.journal.space.refresh_if_stale();
            }
            self.prepare()?;
            lock(&self.journal.watchers).catch_up();
        }
        if self.journal.lock().stop == Stop::Drain {
            self.mark()?;
        }
        Ok(())
    }

    /// Everything that is queued, and with `company` what is queued just afterwards; empty after a
    /// while; `None` at the end.
    fn next_batch(&self, company: bool) -> Option<Vec<Queued>> {
        let mut front = self.journal.lock();
        if front.queue.is_empty() && front.stop == Stop::No && front.failed.is_none() {
            front = wait(&self.journal.work, front, TICK);
        }
        if company && !front.queue.is_empty() && front.stop == Stop::No {
            drop(front);
            std::thread::sleep(COMPANY);
            front = self.journal.lock();
        }
        let ends = front.stop == Stop::Now
            || front.failed.is_some()
            || front.stop == Stop::Drain && front.queue.is_empty();
        (!ends).then(|| front.queue.drain(..).collect())
    }

    /// Writes entries in as few syncs as the files allow.
    fn write(&mut self, batch: Vec<Queued>) -> io::Result<()> {
        for (run, ticket) in newest(&batch) {
            (self.barrier)(run, ticket).map_err(io::Error::other)?;
        }
        let mut synced = self.journal.lock().durable;
        let mut group = Group::default();
        for queued in batch {
            let bytes = queued.entry.encode(synced);
            if !self
                .files
                .fits(group.bytes.len() + frame::encoded_len(bytes.len()))
            {
                synced = self.flush(std::mem::take(&mut group), synced)?;
                self.roll()?;
            }
            let at = self.files.end() + group.bytes.len() as u64;
            frame::encode(&bytes, &mut group.bytes);
            let end = self.files.end() + group.bytes.len() as u64;
            group.entries.push((queued.entry, at, end));
            group.size += queued.size;
        }
        self.flush(group, synced)?;
        Ok(())
    }

    /// Makes a group durable and tells everybody. Returns what is durable now.
    fn flush(&mut self, group: Group, synced: u64) -> io::Result<u64> {
        let Some((last, ..)) = group.entries.last() else {
            return Ok(synced);
        };
        let lsn = last.last();
        self.files.write(&group.bytes)?;
        let mut front = self.journal.lock();
        for (entry, at, end) in &group.entries {
            place(&mut front, self.files.number(), entry, *at, *end);
        }
        front.durable = lsn;
        front.queued_bytes -= group.size;
        front.room = self.files.room();
        drop(front);
        self.journal.synced.notify_all();
        self.journal
            .durability
            .send_modify(|durability| durability.lsn = lsn);
        self.tell_watchers(&group.entries);
        let entries = group.entries.into_iter().map(|(entry, ..)| entry).collect();
        // The keeper ends after the writer; if it is gone, so is the need to tell it.
        let _ = self.keeper.send(Task::Committed(entries));
        Ok(lsn)
    }

    fn tell_watchers(&self, entries: &[(Arc<Entry>, u64, u64)]) {
        let mut watchers = lock(&self.journal.watchers);
        for item in entries.iter().flat_map(|(entry, ..)| &entry.items) {
            if let Op::Put { key, .. } = &item.op
                && let Some(key) = kv::user_key(key)
            {
                watchers.tell(key);
            }
        }
        watchers.catch_up();
    }

    fn roll(&mut self) -> io::Result<()> {
        let done = self.files.number();
        let (number, file) = self.files.roll()?;
        let mut front = self.journal.lock();
        front.files.close(done);
        front.files.add(number, file);
        front.room = self.files.room();
        drop(front);
        let _ = self.keeper.send(Task::Rolled);
        Ok(())
    }

    /// Claims space for what comes next, from the reserve if need be.
    fn prepare(&mut self) -> io::Result<()> {
        if self.files.next_ready() {
            return Ok(());
        }
        let mut ready = self.files.prepare()?;
        if !ready && self.journal.space.release() {
            ready = self.files.prepare()?;
        }
        let mut front = self.journal.lock();
        front.room = self.files.room();
        drop(front);
        self.journal.space.set_journal_full(!ready);
        if ready {
            self.journal.room_again();
        }
        Ok(())
    }

    /// At a clean end: an entry without items says that everything before it was durable, so that
    /// later damage at the very end can be told from a write that was cut off.
    fn mark(&mut self) -> io::Result<()> {
        let (next, durable) = {
            let front = self.journal.lock();
            (front.next, front.durable)
        };
        let mut bytes = Vec::new();
        frame::encode(&Entry::new(next, Vec::new()).encode(durable), &mut bytes);
        if self.files.fits(bytes.len()) {
            self.files.write(&bytes)
        } else {
            Ok(())
        }
    }
}

/// For each run the newest barrier of a batch.
fn newest(batch: &[Queued]) -> std::collections::BTreeMap<u64, u64> {
    let mut barriers = std::collections::BTreeMap::new();
    for (run, ticket) in batch.iter().flat_map(|queued| &queued.barriers) {
        let newest = barriers.entry(*run).or_insert(0);
        *newest = (*newest).max(*ticket);
    }
    barriers
}

/// An entry is in a file now.
fn place(front: &mut Front, number: u64, entry: &Entry, at: u64, end: u64) {
    if has_records(entry) {
        front.places.insert(entry.first, Place::File { number, at });
    }
    let Front { files, streams, .. } = front;
    files.wrote(number, entry, end, |run| {
        streams.contains_key(&Stream::Run(run))
    });
}

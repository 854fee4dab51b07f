//! All runs' output: who may write, what waits, and what the writer is to do next.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use super::load::load;
use super::read::{Cache, Chunks};
use super::state::{RunOut, State};
use crate::store::disk::aside;
use crate::store::disk::index::Index;
use crate::store::disk::keeper::Task;
use crate::store::disk::layout::{Layout, number};
use crate::store::disk::notes::Notes;
use crate::store::disk::options::Options;
use crate::store::disk::space::Space;
use crate::store::disk::sync::{lock, wait};
use crate::store::page::data_len;
use crate::store::{Chunk, ChunkBody, SpaceState, StoreError};

/// What a chunk takes of the queue beside its bytes.
const CHUNK_COST: usize = 64;
/// Frames of the cache of unpacked ones.
const CACHED: usize = 64;
/// Ended runs whose places are kept in memory.
const COLD: usize = 16;
/// Frames that the index has not seen, over all runs, before writers wait for it.
const LAG_MAX: usize = 64 << 10;

/// All output of an open store.
#[derive(Debug)]
pub(in crate::store::disk) struct Outputs {
    pub(super) layout: Layout,
    pub(super) space: Arc<Space>,
    pub(super) index: Arc<Index>,
    pub(super) notes: Arc<Notes>,
    /// Runs that may be written to.
    hot: Mutex<HashMap<u64, Arc<RunOut>>>,
    /// Ended runs that were read lately.
    cold: Mutex<VecDeque<Arc<RunOut>>>,
    cache: Mutex<VecDeque<(u64, u32, Chunks)>>,
    /// Room in the queue, in bytes.
    pub(super) room: Semaphore,
    queue_bytes: usize,
    pub(super) orders: Mutex<Orders>,
    /// Wakes the writer.
    pub(super) work: Condvar,
    /// Wakes those who wait for a sync.
    pub(super) done: Condvar,
    /// Written frames that the index has not seen.
    lag: AtomicUsize,
    lag_shrunk: Notify,
    failed: AtomicBool,
    keeper: Sender<Task>,
}

/// What the writer is to do.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// Runs that have something to write and are not on the writer's list yet.
    pub dirty: Vec<Arc<RunOut>>,
    /// Runs to be synced up to a ticket, at once.
    pub wanted: HashMap<u64, u64>,
    /// Runs that are gone; their files are to be closed.
    pub forget: Vec<u64>,
    /// Write what there is: the queue is full.
    pub pressed: bool,
    pub stop: Stop,
}

/// Whether the writer goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Stop {
    #[default]
    No,
    Drain,
    Now,
}

impl Outputs {
    pub fn new(
        layout: &Layout,
        options: &Options,
        space: Arc<Space>,
        index: Arc<Index>,
        notes: Arc<Notes>,
        keeper: Sender<Task>,
    ) -> Self {
        Self {
            layout: layout.clone(),
            space,
            index,
            notes,
            hot: Mutex::default(),
            cold: Mutex::default(),
            cache: Mutex::default(),
            room: Semaphore::new(options.output_queue_bytes),
            queue_bytes: options.output_queue_bytes,
            orders: Mutex::default(),
            work: Condvar::new(),
            done: Condvar::new(),
            lag: AtomicUsize::new(0),
            lag_shrunk: Notify::new(),
            failed: AtomicBool::new(false),
            keeper,
        }
    }

    /// Loads all runs that are not sealed, and cuts off what was never synced; after a `clean` end
    /// there is no such thing.
    pub fn open(&self, options: &Options, clean: bool) -> Result<(), StoreError> {
        for run in self.stored_runs()? {
            if !self.layout.sealed(run).exists() {
                let run_out = self.load(run, clean)?;
                run_out.lock().ended = false;
                let state = run_out.lock();
                let cut = options.files.open(&run_out.path).and_then(|out| {
                    out.set_len(state.len)?;
                    // What a killed process left unsynced is believed from now on.
                    out.sync()
                });
                cut.map_err(StoreError::io("open", &run_out.path))?;
                drop(state);
                lock(&self.hot).insert(run, run_out);
            }
        }
        Ok(())
    }

    /// The runs that have a segment file.
    fn stored_runs(&self) -> Result<Vec<u64>, StoreError> {
        let dir = self.layout.dir("seg");
        let list = |dir: &std::path::Path| fs::read_dir(dir).map_err(StoreError::io("list", dir));
        let mut runs = Vec::new();
        for shard in list(&dir)?.flatten() {
            let files = list(&shard.path())?.flatten();
            runs.extend(files.filter_map(|file| number(&file.path(), "seg")));
        }
        Ok(runs)
    }

    /// Stores a chunk: waits for room, then puts it where the writer and readers find it.
    pub async fn append(&self, run: u64, chunk: Chunk) -> Result<(), StoreError> {
        self.space.refresh_if_stale();
        let is_gap = matches!(chunk.body, ChunkBody::Gap { .. });
        if self.space.state() == SpaceState::Full && !is_gap {
            return Err(StoreError::NoSpace);
        }
        let cost = (data_len(&chunk) + CHUNK_COST).min(self.queue_bytes / 2);
        self.wait_for_index().await;
        self.take_room(cost as u32).await?;
        // A gap has room always: that something is missing must not get lost as well.
        if !self.space.admit(cost as u64, is_gap) {
            self.room.add_permits(cost);
            return Err(StoreError::NoSpace);
        }
        let stored = self.accept(run, chunk, cost);
        if stored.is_err() {
            self.give_room(cost);
        }
        stored
    }

    /// What took so much of the queue is written or given up.
    pub(super) fn give_room(&self, charge: usize) {
        self.room.add_permits(charge);
        self.space.settle(charge as u64);
    }

    async fn take_room(&self, cost: u32) -> Result<(), StoreError> {
        if let Ok(permit) = self.room.try_acquire_many(cost) {
            permit.forget();
            return Ok(());
        }
        self.press();
        let permit = self.room.acquire_many(cost).await;
        permit.map_err(|_| StoreError::Closed)?.forget();
        Ok(())
    }

    fn accept(&self, run: u64, chunk: Chunk, cost: usize) -> Result<(), StoreError> {
        let run_out = self.writable(run)?;
        let accepted = run_out.lock().accept(run, chunk, cost)?;
        if accepted.known {
            self.give_room(cost);
            return Ok(());
        }
        if accepted.newly_dirty {
            lock(&self.orders).dirty.push(run_out.clone());
        }
        if accepted.newly_dirty || accepted.closed_one {
            self.work.notify_one();
        }
        run_out.changed.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Output waits while the index is far behind, so that memory stays bounded.
    async fn wait_for_index(&self) {
        loop {
            let shrunk = self.lag_shrunk.notified();
            if self.lag.load(Ordering::Acquire) < LAG_MAX {
                return;
            }
            shrunk.await;
        }
    }

    /// The queue is full: open frames are written as they are.
    fn press(&self) {
        lock(&self.orders).pressed = true;
        self.work.notify_one();
    }

    /// A run that takes output.
    fn writable(&self, run: u64) -> Result<Arc<RunOut>, StoreError> {
        if let Some(known) = lock(&self.hot).get(&run) {
            return Ok(known.clone());
        }
        if self.layout.sealed(run).exists() {
            return Err(StoreError::Sealed { run });
        }
        Ok(self.hot_or_new(run))
    }

    fn hot_or_new(&self, run: u64) -> Arc<RunOut> {
        let new = || Arc::new(RunOut::new(run, self.layout.segment(run), State::default()));
        lock(&self.hot).entry(run).or_insert_with(new).clone()
    }

    /// A run whose output can be read; `None` if it has none.
    pub fn readable(&self, run: u64) -> Result<Option<Arc<RunOut>>, StoreError> {
        loop {
            if let Some(known) = self.in_memory(run) {
                return Ok(Some(known));
            }
            let epoch = self.index.epoch();
            if !self.layout.segment(run).exists() && self.index.run(run)?.frames.is_empty() {
                return Ok(None);
            }
            let loaded = self.load(run, true)?;
            let mut cold = lock(&self.cold);
            // It leaves out what an index knew that has been replaced meanwhile.
            if self.index.epoch() == epoch {
                cold.truncate(COLD - 1);
                cold.push_front(loaded.clone());
                drop(cold);
                // An index that was made again learns of ended runs when they are first read.
                let _ = self.keeper.send(Task::IndexRun(loaded.clone()));
                return Ok(Some(loaded));
            }
        }
    }

    fn in_memory(&self, run: u64) -> Option<Arc<RunOut>> {
        if let Some(known) = lock(&self.hot).get(&run) {
            return Some(known.clone());
        }
        let cold = lock(&self.cold);
        cold.iter().find(|known| known.run == run).cloned()
    }

    /// A run to wait for output of, whether it has any yet or not.
    pub fn awaitable(&self, run: u64) -> Result<Arc<RunOut>, StoreError> {
        Ok(self.readable(run)?.unwrap_or_else(|| self.hot_or_new(run)))
    }

    /// Reads what a run's file holds. A `complete` file was synced to its end.
    fn load(&self, run: u64, complete: bool) -> Result<Arc<RunOut>, StoreError> {
        let path = self.layout.segment(run);
        let known = self.index.run(run)?;
        let mut loaded = match load(&path, &known, complete) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => super::load::lost(&known),
            other => other.map_err(StoreError::io("read", &path))?,
        };
        let name = path.display();
        if !loaded.damaged.is_empty() || loaded.missing > 0 {
            let copy = aside::keep(&self.layout, &path);
            let bytes: u64 = loaded.damaged.iter().map(|(start, end)| end - start).sum();
            let missing = loaded.missing;
            self.notes.damage(
                Some(run),
                format!("{name} has {bytes} damaged bytes and lacks {missing} frames; {copy}"),
            );
        }
        if loaded.torn > 0 {
            let torn = loaded.torn;
            self.notes.recovered(format!(
                "cut {torn} bytes off {name} that were never synced"
            ));
        }
        loaded.state.ended = complete;
        Ok(Arc::new(RunOut::new(run, path, loaded.state)))
    }

    /// How much output a run has accepted that is not synced: what a record must wait for.
    pub fn barrier(&self, run: u64) -> Option<(u64, u64)> {
        let run_out = lock(&self.hot).get(&run)?.clone();
        let state = run_out.lock();
        (state.accepted > state.synced).then_some((run, state.accepted))
    }

    /// Waits until a run's output is synced up to a ticket.
    pub fn wait_synced(&self, run: u64, ticket: u64) -> Result<(), String> {
        let Some(run_out) = lock(&self.hot).get(&run).cloned() else {
            return Ok(());
        };
        let mut orders = lock(&self.orders);
        loop {
            if run_out.lock().synced >= ticket {
                return Ok(());
            }
            if self.failed.load(Ordering::Acquire) || orders.stop == Stop::Now {
                return Err("output could not be synced before it".to_owned());
            }
            let wanted = orders.wanted.entry(run).or_default();
            *wanted = ticket.max(*wanted);
            self.work.notify_one();
            orders = wait(&self.done, orders, Duration::from_millis(200));
        }
    }

    /// The run takes output again: it could not be sealed.
    pub fn reopen(&self, run: u64) {
        if let Some(run_out) = lock(&self.hot).get(&run) {
            run_out.lock().ended = false;
        }
    }

    /// The run takes no more output; what it has is synced when this returns.
    pub fn end(&self, run: u64) -> Result<(), StoreError> {
        let Some(run_out) = lock(&self.hot).get(&run).cloned() else {
            return Ok(());
        };
        let ticket = {
            let mut state = run_out.lock();
            state.ended = true;
            state.accepted
        };
        let synced = self.wait_synced(run, ticket);
        synced.map_err(|reason| StoreError::Failed {
            reason: reason.into(),
        })
    }

    /// A sealed run need not be in memory once the index knows all of it. Whether it is gone.
    pub fn retire(&self, run: u64) -> bool {
        let mut hot = lock(&self.hot);
        let done = hot.get(&run).is_none_or(|run_out| {
            let state = run_out.lock();
            !state.dirty && state.indexed as usize == state.frames.len()
        });
        if done {
            hot.remove(&run);
        }
        done
    }

    /// Forgets a run whose files are to be removed; the writer has closed them when this returns.
    pub fn forget(&self, run: u64) {
        lock(&self.hot).remove(&run);
        lock(&self.cold).retain(|known| known.run != run);
        lock(&self.cache).retain(|(known, ..)| *known != run);
        let mut orders = lock(&self.orders);
        orders.dirty.retain(|dirty| dirty.run != run);
        orders.forget.push(run);
        self.work.notify_one();
        while !orders.forget.is_empty()
            && orders.stop == Stop::No
            && !self.failed.load(Ordering::Acquire)
        {
            orders = wait(&self.done, orders, Duration::from_millis(200));
        }
    }

    /// Forgets what was read of ended runs: the index was made again.
    pub fn forget_cold(&self) {
        lock(&self.cold).clear();
    }

    /// All runs that may have something for the index.
    pub fn hot(&self) -> Vec<Arc<RunOut>> {
        lock(&self.hot).values().cloned().collect()
    }

    /// So many more frames are written; returns how many the index has not seen.
    pub(super) fn add_lag(&self, frames: usize) -> usize {
        self.lag.fetch_add(frames, Ordering::AcqRel) + frames
    }

    pub(super) fn ask_to_index(&self) {
        // The keeper ends after everybody else.
        let _ = self.keeper.send(Task::Index);
    }

    /// The index has seen what there was.
    pub fn count_lag(&self) {
        let lag = self.hot().iter().map(|run| run.lock().unindexed()).sum();
        self.lag.store(lag, Ordering::Release);
        self.lag_shrunk.notify_waiters();
    }

    /// Nothing more can be synced.
    pub fn fail(&self) {
        self.failed.store(true, Ordering::Release);
        self.room.close();
        self.done.notify_all();
    }

    /// Writes and syncs what there is, then ends the writer.
    pub fn stop(&self) {
        self.order_stop(Stop::Drain);
    }

    /// Ends the writer as a kill would.
    #[cfg(test)]
    pub fn stop_now(&self) {
        self.order_stop(Stop::Now);
    }

    fn order_stop(&self, stop: Stop) {
        lock(&self.orders).stop = stop;
        self.room.close();
        self.work.notify_all();
        self.done.notify_all();
    }
}

impl Cache for Outputs {
    fn get(&self, run: u64, number: u32) -> Option<Chunks> {
        let cache = lock(&self.cache);
        let found = cache
            .iter()
            .find(|(of, frame, _)| (*of, *frame) == (run, number));
        found.map(|(.., chunks)| chunks.clone())
    }

    fn put(&self, run: u64, number: u32, chunks: &Chunks) {
        let mut cache = lock(&self.cache);
        cache.truncate(CACHED - 1);
        cache.push_front((run, number, chunks.clone()));
    }
}

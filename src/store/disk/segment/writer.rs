//! The one thread that packs, writes and syncs output.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::frame::Packer;
use super::outputs::{Orders, Outputs, Stop};
use super::state::{Pending, Place, RunOut};
use crate::store::disk::files::{Files, Out, is_no_space};
use crate::store::disk::sealed::{make_shard, sync_parent};
use crate::store::disk::sync::{lock, wait};
use crate::store::failpoint;

/// So much is written in one call, about.
const WRITE: usize = 1 << 20;
/// So much may be written without a sync; more makes a sync wait long.
const SYNC_AT: u64 = 4 << 20;
/// The keeper is told when the index is this many frames behind.
const INDEX_AT: usize = 1024;
/// Idle files beyond this many are closed.
const OPEN_FILES: usize = 128;

/// What the thread works with.
pub(in crate::store::disk) struct OutputWriter {
    outputs: Arc<Outputs>,
    files: Arc<dyn Files>,
    interval: Duration,
    packer: Packer,
    buffer: Vec<u8>,
    /// Runs with something not synced, and since when.
    dirty: HashMap<u64, (Arc<RunOut>, Instant)>,
    open: HashMap<u64, Arc<dyn Out>>,
    /// The disk had no room at the last write.
    no_room: bool,
}

/// How much is to be done for a run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Write the frames that are full.
    Full,
    /// Also the open one.
    All,
    /// And sync.
    Sync,
}

impl OutputWriter {
    pub fn new(
        outputs: Arc<Outputs>,
        files: Arc<dyn Files>,
        interval: Duration,
    ) -> io::Result<Self> {
        Ok(Self {
            outputs,
            files,
            interval,
            packer: Packer::new()?,
            buffer: Vec::new(),
            dirty: HashMap::new(),
            open: HashMap::new(),
            no_room: false,
        })
    }

    /// Works until it is stopped; an error is for the journal to fail with.
    pub fn run(mut self) -> Result<(), String> {
        loop {
            let orders = self.next_orders();
            if orders.stop == Stop::Now {
                return Ok(());
            }
            if let Err(error) = self.work(&orders) {
                self.outputs.fail();
                return Err(format!("host output could not be written: {error}"));
            }
            self.outputs.done.notify_all();
            if orders.stop == Stop::Drain {
                return Ok(());
            }
        }
    }

    fn next_orders(&mut self) -> Orders {
        let mut orders = lock(&self.outputs.orders);
        let idle = orders.dirty.is_empty()
            && orders.wanted.is_empty()
            && orders.forget.is_empty()
            && !orders.pressed
            && orders.stop == Stop::No;
        if idle && (self.no_room || !self.something_full()) {
            let limit = if self.dirty.is_empty() {
                Duration::from_secs(1)
            } else {
                self.interval / 4
            };
            orders = wait(&self.outputs.work, orders, limit);
        }
        for run in orders.forget.drain(..) {
            self.dirty.remove(&run);
            self.open.remove(&run);
        }
        self.outputs.done.notify_all();
        let now = Instant::now();
        for run in orders.dirty.drain(..) {
            self.dirty.insert(run.run, (run, now));
        }
        Orders {
            wanted: std::mem::take(&mut orders.wanted),
            pressed: std::mem::take(&mut orders.pressed),
            stop: orders.stop,
            ..Orders::default()
        }
    }

    fn something_full(&self) -> bool {
        self.dirty
            .values()
            .any(|(run, _)| !run.lock().closed.is_empty())
    }

    fn work(&mut self, orders: &Orders) -> io::Result<()> {
        let runs: Vec<_> = self.dirty.values().cloned().collect();
        for (run, since) in runs {
            let wanted = orders.wanted.contains_key(&run.run) || orders.stop == Stop::Drain;
            let extent = if wanted || since.elapsed() >= self.interval {
                Extent::Sync
            } else if orders.pressed {
                Extent::All
            } else {
                Extent::Full
            };
            self.serve(&run, extent)?;
        }
        if self.open.len() > OPEN_FILES {
            let dirty = &self.dirty;
            self.open.retain(|run, _| dirty.contains_key(run));
        }
        Ok(())
    }

    /// Writes what a run has, and syncs it if that is due.
    fn serve(&mut self, run: &Arc<RunOut>, extent: Extent) -> io::Result<()> {
        if extent != Extent::Full {
            run.lock().close_frame();
        }
        loop {
            let batch = next_batch(run);
            if batch.is_empty() {
                break;
            }
            if !self.write(run, &batch)? {
                return Ok(());
            }
        }
        let unsynced = {
            let state = run.lock();
            state.len - state.synced_len
        };
        if extent == Extent::Sync || unsynced >= SYNC_AT {
            self.sync(run)?;
        }
        Ok(())
    }

    /// Writes some frames. False: there was no room for them, and they are gaps now.
    fn write(&mut self, run: &Arc<RunOut>, batch: &[Arc<Pending>]) -> io::Result<bool> {
        let (start, synced) = {
            let state = run.lock();
            (state.len, state.synced_len)
        };
        self.buffer.clear();
        let mut places = Vec::with_capacity(batch.len());
        for pending in batch {
            let at = self.buffer.len();
            self.packer
                .pack(pending.number, synced, &pending.chunks, &mut self.buffer)?;
            let len = (self.buffer.len() - at) as u32;
            places.push(Place {
                start: start + at as u64,
                len,
            });
        }
        match self.write_out(run, start) {
            Ok(()) => {}
            Err(error) if is_no_space(&error) => return self.no_room(run, start),
            Err(error) => return Err(error),
        }
        let mut state = run.lock();
        for place in places {
            state.written(place);
        }
        drop(state);
        self.no_room = false;
        self.outputs
            .give_room(batch.iter().map(|pending| pending.charge).sum());
        Ok(true)
    }

    fn write_out(&mut self, run: &RunOut, start: u64) -> io::Result<()> {
        let out = self.file(run)?;
        let once = || -> io::Result<()> {
            let half = self.buffer.len() / 2;
            out.write_at(start, &self.buffer[..half])?;
            failpoint::hit("segment.half_written");
            out.write_at(start + half as u64, &self.buffer[half..])?;
            failpoint::hit("segment.written");
            Ok(())
        };
        match once() {
            Err(error) if is_no_space(&error) && self.outputs.space.release() => once(),
            other => other,
        }
    }

    fn file(&mut self, run: &RunOut) -> io::Result<Arc<dyn Out>> {
        if let Some(out) = self.open.get(&run.run) {
            return Ok(out.clone());
        }
        make_shard(&*self.files, &run.path)?;
        let fresh = run.lock().frames.is_empty();
        let out = self.files.open(&run.path)?;
        if fresh {
            sync_parent(&*self.files, &run.path)?;
            failpoint::hit("segment.created");
        }
        self.open.insert(run.run, out.clone());
        Ok(out)
    }

    fn no_room(&mut self, run: &Arc<RunOut>, start: u64) -> io::Result<bool> {
        self.no_room = true;
        if let Some(out) = self.open.get(&run.run) {
            // What was written of them must not be taken for sound frames later.
            out.set_len(start)?;
        }
        // Nobody waits for what is given up; what was written before is not given up.
        self.sync(run)?;
        let charge = run.lock().give_up_data();
        self.outputs.give_room(charge);
        self.outputs.space.refresh();
        Ok(false)
    }

    fn sync(&mut self, run: &Arc<RunOut>) -> io::Result<()> {
        let unsynced = {
            let state = run.lock();
            state.len > state.synced_len
        };
        if unsynced {
            self.file(run)?.sync()?;
            failpoint::hit("segment.synced");
        }
        let (clean, new) = {
            let mut state = run.lock();
            let before = state.synced_frames;
            state.all_synced();
            let clean = state.open.is_empty() && state.closed.is_empty();
            state.dirty = !clean;
            (clean, state.synced_frames - before)
        };
        if clean {
            self.dirty.remove(&run.run);
        } else {
            self.dirty.insert(run.run, (run.clone(), Instant::now()));
        }
        if self.outputs.add_lag(new as usize) >= INDEX_AT {
            self.outputs.ask_to_index();
        }
        Ok(())
    }
}

/// The oldest closed frames, as many as are written at once.
fn next_batch(run: &RunOut) -> Vec<Arc<Pending>> {
    let state = run.lock();
    let mut bytes = 0;
    let fits = |pending: &&Arc<Pending>| {
        let before = bytes;
        bytes += pending.charge.max(1);
        before < WRITE
    };
    state.closed.iter().take_while(fits).cloned().collect()
}

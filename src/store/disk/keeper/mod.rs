//! The one thread that follows behind: it tells the index what is durable, moves what must be
//! kept out of the journal's files, and removes those.
//!
//! Nobody waits for it to acknowledge anything; if it falls behind, writers are slowed down.

mod cut;
mod mend;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::entry::{Entry, Op};
use super::journal::Put;
use super::segment::RunOut;
use super::shared::Shared;
use crate::store::{Lsn, SpaceState};

/// What the keeper is told.
#[derive(Debug)]
pub(super) enum Task {
    /// These entries are durable.
    Committed(Vec<Arc<Entry>>),
    /// The journal goes on in another file.
    Rolled,
    /// The index is behind on output.
    Index,
    /// It does not know this run's output.
    IndexRun(Arc<RunOut>),
    /// This run is sealed.
    Retire(u64),
    /// This run is deleted: answers whether the index has durably forgotten it.
    ForgetRun(u64, Sender<bool>),
    /// Catch up and end.
    Stop,
    /// End as a killed process would.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests let a store die"))]
    StopNow,
}

/// So much is handed to the index without a flush.
const FLUSH_AT: usize = 4 << 20;
/// How long the keeper sleeps when there is nothing to do.
const TICK: Duration = Duration::from_millis(250);

/// The keeper's own state.
pub(super) struct Keeper {
    shared: Arc<Shared>,
    tasks: Receiver<Task>,
    /// Durable changes the index has not been given.
    puts: Vec<Put>,
    /// Everything up to here is in the index or in `puts`.
    seen: Lsn,
    /// Keys given to the index since it was flushed; they stay in memory until then.
    unflushed: Vec<(Bytes, Lsn)>,
    unflushed_bytes: usize,
    /// The index was changed since it was flushed.
    dirty: bool,
    retiring: Vec<u64>,
    looked: Instant,
    /// When the size of the index was last looked at.
    measured: Instant,
    /// When the index was last mended or moved, or that was tried.
    mended: Option<Instant>,
    /// It could not be mended.
    unmendable: bool,
}

impl Keeper {
    /// A keeper that begins with what the journal knew at open.
    pub fn new(shared: Arc<Shared>, tasks: Receiver<Task>, puts: Vec<Put>, seen: Lsn) -> Self {
        Self {
            shared,
            tasks,
            puts,
            seen,
            unflushed: Vec::new(),
            unflushed_bytes: 0,
            dirty: false,
            retiring: Vec::new(),
            looked: Instant::now(),
            measured: Instant::now(),
            mended: None,
            unmendable: false,
        }
    }

    /// Works until it is told to stop.
    pub fn run(mut self) {
        if let Err(why) = self.shared.index.check_if_large() {
            self.shared.index.give_up(&why);
        }
        loop {
            let mut next = match self.tasks.recv_timeout(TICK) {
                Ok(task) => Some(task),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let mut rolled = false;
            let mut index = false;
            while let Some(task) = next {
                match task {
                    Task::Stop => return self.finish(),
                    Task::StopNow => return,
                    Task::Rolled => rolled = true,
                    Task::Index => index = true,
                    other => self.take(other),
                }
                next = self.tasks.try_recv().ok();
            }
            self.work(index, rolled);
        }
    }

    fn take(&mut self, task: Task) {
        match task {
            Task::Committed(entries) => entries.iter().for_each(|entry| self.committed(entry)),
            Task::IndexRun(run) => {
                let taken = self.shared.index.take_run(&run);
                self.index_result(taken);
            }
            Task::Retire(run) => self.retiring.push(run),
            Task::ForgetRun(run, told) => {
                // Whoever asked may have given up.
                let _ = told.send(self.forget_run(run));
            }
            Task::Rolled | Task::Index | Task::Stop | Task::StopNow => {}
        }
    }

    fn forget_run(&mut self, run: u64) -> bool {
        // The number may be given to another run, which is not to be retired.
        self.retiring.retain(|retiring| *retiring != run);
        if self.shared.index.trouble().is_some() {
            return false;
        }
        let forgotten = self.shared.index.drop_run(run);
        self.index_result(forgotten);
        if self.is_frozen() || self.shared.index.is_in_memory() {
            return false;
        }
        self.flush();
        !self.dirty
    }

    fn committed(&mut self, entry: &Entry) {
        self.seen = entry.last();
        for item in &entry.items {
            if let Op::Put { key, value } = &item.op {
                self.puts.push(Put {
                    lsn: item.lsn,
                    key: key.clone(),
                    value: value.clone(),
                });
            }
        }
    }

    /// One round.
    fn work(&mut self, index: bool, rolled: bool) {
        self.shared.space.refresh_if_stale();
        self.look_after_index();
        if self.is_frozen() {
            return;
        }
        self.give();
        let due = self.looked.elapsed() >= self.shared.options.index_interval;
        if due || index {
            self.take_runs();
        }
        if due || self.unflushed_bytes >= FLUSH_AT {
            self.looked = Instant::now();
            self.flush();
        }
        if self.shared.space.state() == SpaceState::Full {
            return;
        }
        if due || rolled {
            self.cut();
        }
        if self.measured.elapsed() >= self.shared.options.index_measure {
            self.measured = Instant::now();
            self.shrink_if_swollen();
        }
    }

    /// Whether the index must be left alone: sled would take a failed write for the end.
    fn is_frozen(&self) -> bool {
        self.shared.space.state() == SpaceState::Full && !self.shared.index.is_in_memory()
    }

    /// Gives the index what is durable.
    fn give(&mut self) {
        if self.puts.is_empty() {
            return;
        }
        for part in self.puts.chunks(500) {
            let last = part.last().map_or(0, |put| put.lsn);
            if let Err(why) = self.shared.index.apply(part, last) {
                // What was applied before is applied again after the index was mended.
                self.shared.index.give_up(&why);
                return;
            }
        }
        for put in self.puts.drain(..) {
            self.unflushed_bytes += put.key.len() + put.value.as_ref().map_or(0, Bytes::len);
            self.unflushed.push((put.key, put.lsn));
        }
        self.dirty = true;
    }

    /// Tells the index where output lies.
    fn take_runs(&mut self) {
        for run in self.shared.outputs.hot() {
            let taken = self.shared.index.take_run(&run);
            self.index_result(taken);
        }
        self.shared.outputs.count_lag();
        let retiring = std::mem::take(&mut self.retiring);
        self.retiring = retiring
            .into_iter()
            .filter(|run| !self.shared.outputs.retire(*run))
            .collect();
    }

    fn index_result(&mut self, result: Result<(), String>) {
        match result {
            Ok(()) => self.dirty = true,
            Err(why) => self.shared.index.give_up(&why),
        }
    }

    /// Makes durable what the index was given; memory can let go of it then.
    fn flush(&mut self) {
        if !self.dirty || self.shared.index.trouble().is_some() {
            return;
        }
        let told = self.shared.index.apply(&[], self.seen_by_index());
        if let Err(why) = told.and_then(|()| self.shared.index.flush()) {
            self.shared.index.give_up(&why);
            return;
        }
        self.dirty = false;
        self.unflushed_bytes = 0;
        self.shared.journal.forget_changes(self.unflushed.drain(..));
    }

    /// How far the index has come, when all it was to be given was given.
    fn seen_by_index(&self) -> Lsn {
        if self.puts.is_empty() { self.seen } else { 0 }
    }

    fn finish(&mut self) {
        self.shared.space.refresh();
        if !self.is_frozen() {
            self.give();
            self.take_runs();
            self.dirty = true;
            self.flush();
        }
        self.shared.index.supervise(false);
    }
}

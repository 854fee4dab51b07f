//! The index: sled, holding the newest value of every key, and where output lies in segments.
//!
//! It is never the truth and never waited for: it follows the journal and the segments, and is
//! made again from them when it is damaged. One thread writes it. What is known of sled 0.34.7
//! and heeded here:
//!
//! - it flushes when told, not by a timer of its own;
//! - `flush` uses `sync_file_range`, so its `db` file is synced as well;
//! - an empty `snap.*.generating` left by a crash makes every later open fail: removed before;
//! - it may panic on damaged files: every call is fenced;
//! - it takes several times the space of what is live in it, and more with time: copied into a
//!   new one then;
//! - a full disk is the end of it: memory takes its place until there is room again;
//! - it lets go of its files some time after it was dropped: that is waited for;
//! - it may lose entries of damaged files without a word: a sum over all entries is kept in it
//!   and checked at open;
//! - values stay under 4 KiB and batches under 1,024 operations.

mod batch;
mod copy;
mod keys;
mod open;
mod records;
mod runs;
mod table;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::time::Duration;

use self::batch::Totals;
use self::copy::{settle, sync};
use self::open::{close_aside, let_go, open_table, verify};
use self::table::Table;
use super::layout::Layout;
use super::notes::Notes;
use super::options::Options;
use super::sync::{lock, read, wait, write};
use crate::store::{Lsn, StoreError, failpoint};

/// A larger index is checked after open, by the keeper.
const CHECK_AT_OPEN: u64 = 64 << 20;

/// Why there is nothing on disk to begin with.
pub(super) const DISK_FULL: &str = "the disk is full";

/// The index's front door.
#[derive(Debug)]
pub(super) struct Index {
    layout: Layout,
    dir: PathBuf,
    cache_bytes: u64,
    notes: Arc<Notes>,
    table: RwLock<Option<Table>>,
    totals: Mutex<Totals>,
    trouble: Mutex<Trouble>,
    mended: Condvar,
    /// Grows whenever another table takes the place of the one before.
    epoch: AtomicU64,
}

/// What readers found wrong.
#[derive(Debug, Default)]
struct Trouble {
    /// How often the index was opened; what was seen in an older one is no news.
    generation: u64,
    /// Why the present one cannot be used.
    why: Option<String>,
    /// There is a keeper that mends it.
    supervised: bool,
}

impl Index {
    /// Opens the index; one that is damaged is moved aside and an empty one takes its place, in
    /// memory if the disk does not take it.
    pub fn open(layout: &Layout, options: &Options, notes: Arc<Notes>, full: bool) -> Self {
        let index = Self::closed(layout, options, notes);
        if full {
            // Opening sled writes.
            index.start_in_memory(DISK_FULL);
        } else if let Err(why) = index.open_existing()
            && let Err(why) = index.start_empty(&why)
        {
            index.start_in_memory(&why);
        }
        index
    }

    fn closed(layout: &Layout, options: &Options, notes: Arc<Notes>) -> Self {
        Self {
            layout: layout.clone(),
            dir: layout.index(),
            cache_bytes: options.index_cache_bytes,
            notes,
            table: RwLock::new(None),
            totals: Mutex::default(),
            trouble: Mutex::default(),
            mended: Condvar::new(),
            epoch: AtomicU64::new(0),
        }
    }

    /// Opens what is there, and checks it if that is quickly done.
    pub fn open_existing(&self) -> Result<(), String> {
        settle(&self.dir).map_err(|error| error.to_string())?;
        let table = open_table(&self.dir, self.cache_bytes)?;
        let totals = Totals::read(&table)?;
        if totals.live_bytes <= CHECK_AT_OPEN {
            verify(&table, &totals)?;
        }
        self.install(table, totals);
        Ok(())
    }

    /// Moves the index aside and starts with an empty one.
    pub fn start_empty(&self, why: &str) -> Result<(), String> {
        self.close();
        close_aside(&self.layout).map_err(|error| error.to_string())?;
        failpoint::hit("index.moved_aside");
        let table = open_table(&self.dir, self.cache_bytes)?;
        self.notes
            .recovered(format!("the index was made again: {why}"));
        self.install(table, Totals::default());
        Ok(())
    }

    /// Starts with an empty index that is gone with the process: reading goes on where sled finds
    /// no room to work.
    pub fn start_in_memory(&self, why: &str) {
        self.close();
        self.notes
            .recovered(format!("the index is kept in memory for now: {why}"));
        self.install(Table::memory(), Totals::default());
    }

    /// Whether it is gone with the process.
    pub fn is_in_memory(&self) -> bool {
        read(&self.table).as_ref().is_some_and(Table::is_memory)
    }

    /// Reads all of it, if that was not done at open.
    pub fn check_if_large(&self) -> Result<(), String> {
        if self.live_bytes() <= CHECK_AT_OPEN {
            return Ok(());
        }
        let guard = read(&self.table);
        let table = guard.as_ref().ok_or("the index is closed")?;
        verify(table, &lock(&self.totals).clone())
    }

    fn install(&self, table: Table, totals: Totals) {
        *write(&self.table) = Some(table);
        *lock(&self.totals) = totals;
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// Changes with the table: what was told to the one before, this one may not know.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// The index has everything it should: readers may go on.
    pub fn mended(&self) {
        let mut trouble = lock(&self.trouble);
        trouble.generation += 1;
        trouble.why = None;
        self.mended.notify_all();
    }

    /// Ends sled; its files are closed when this returns.
    pub fn close(&self) {
        if let Some(table) = write(&self.table).take() {
            let_go(table, &self.dir);
        }
    }

    /// From now on somebody looks after [`Index::trouble`].
    pub fn supervise(&self, supervised: bool) {
        lock(&self.trouble).supervised = supervised;
        self.mended.notify_all();
    }

    /// The keeper itself met trouble.
    pub fn give_up(&self, why: &str) {
        let generation = lock(&self.trouble).generation;
        self.report(generation, why);
    }

    /// Why the index cannot be used, if it cannot.
    pub fn trouble(&self) -> Option<String> {
        lock(&self.trouble).why.clone()
    }

    /// The newest LSN whose change of a key is in the index.
    pub fn applied(&self) -> Lsn {
        lock(&self.totals).applied
    }

    pub fn live_bytes(&self) -> u64 {
        lock(&self.totals).live_bytes
    }

    pub fn dir(&self) -> &std::path::Path {
        &self.dir
    }

    /// Asks the table something; a failure is mended by the keeper and asked again once.
    fn read<T>(&self, ask: impl Fn(&Table) -> Result<T, String>) -> Result<T, StoreError> {
        let (generation, sound) = {
            let trouble = lock(&self.trouble);
            (trouble.generation, trouble.why.is_none())
        };
        if !sound {
            self.wait_mended(generation)?;
        }
        match self.try_read(&ask) {
            Ok(answer) => Ok(answer),
            Err(why) => {
                self.report(generation, &why);
                self.wait_mended(generation)?;
                self.try_read(&ask).map_err(|why| StoreError::Index { why })
            }
        }
    }

    fn try_read<T>(&self, ask: impl Fn(&Table) -> Result<T, String>) -> Result<T, String> {
        let guard = read(&self.table);
        ask(guard.as_ref().ok_or("the index is closed")?)
    }

    fn report(&self, generation: u64, why: &str) {
        let mut trouble = lock(&self.trouble);
        if trouble.generation == generation && trouble.why.is_none() {
            trouble.why = Some(why.to_owned());
        }
    }

    fn wait_mended(&self, generation: u64) -> Result<(), StoreError> {
        let mut trouble = lock(&self.trouble);
        while trouble.generation == generation {
            if !trouble.supervised {
                let why = trouble.why.clone().unwrap_or_default();
                return Err(StoreError::Index { why });
            }
            trouble = wait(&self.mended, trouble, Duration::from_millis(100));
        }
        Ok(())
    }

    /// Makes what was applied durable.
    pub fn flush(&self) -> Result<(), String> {
        let guard = read(&self.table);
        sync(guard.as_ref().ok_or("the index is closed")?, &self.dir)
    }
}

//! How much the disk still takes, and the reserve that is given up when it gets little.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::files::Files;
use super::layout::Layout;
use super::options::Marks;
use super::sync::lock;
use crate::store::{SpaceState, StoreError};

/// Free space changes slowly against this.
const STALE: Duration = Duration::from_millis(100);

/// Output that would be refused is worth another look after this.
const BRIEF: Duration = Duration::from_millis(5);

/// Watches the free space of the state directory.
#[derive(Debug)]
pub(super) struct Space {
    marks: Marks,
    root: PathBuf,
    reserve: PathBuf,
    files: Arc<dyn Files>,
    state: AtomicU8,
    free: AtomicU64,
    /// The journal could not claim its next file.
    journal_full: AtomicBool,
    /// Output that was ever admitted, in bytes; of it, what was written or given up; and how far
    /// the first may go, by the free space when last looked. What waits to be written counts as
    /// if the disk held it already, so output alone never fills it.
    admitted: AtomicU64,
    settled: AtomicU64,
    limit: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    has_reserve: bool,
    looked: Instant,
}

const STATES: [SpaceState; 4] = [
    SpaceState::Plenty,
    SpaceState::Low,
    SpaceState::Reserve,
    SpaceState::Full,
];

impl Space {
    /// Looks at the disk and makes the reserve if there is room for it.
    pub fn open(
        layout: &Layout,
        marks: Option<Marks>,
        files: Arc<dyn Files>,
    ) -> Result<Self, StoreError> {
        let root = layout.root().to_owned();
        let (_, total) = free_and_total(&root).map_err(StoreError::io("inspect", &root))?;
        let marks = marks.unwrap_or_else(|| Marks::for_size(total));
        let reserve = layout.reserve();
        let kept = reserve
            .metadata()
            .is_ok_and(|meta| meta.len() >= marks.reserve);
        let space = Self {
            marks,
            root,
            reserve,
            files,
            state: AtomicU8::new(0),
            free: AtomicU64::new(0),
            journal_full: AtomicBool::new(false),
            admitted: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            limit: AtomicU64::new(0),
            inner: Mutex::new(Inner {
                has_reserve: kept,
                looked: Instant::now(),
            }),
        };
        space.refresh();
        Ok(space)
    }

    /// What was found when last looked.
    pub fn state(&self) -> SpaceState {
        STATES[usize::from(self.state.load(Ordering::Acquire)) & 3]
    }

    pub fn free(&self) -> u64 {
        self.free.load(Ordering::Relaxed)
    }

    pub fn reserve_bytes(&self) -> u64 {
        if lock(&self.inner).has_reserve {
            self.marks.reserve
        } else {
            0
        }
    }

    /// Tells whether the journal has room for what it accepts next.
    pub fn set_journal_full(&self, full: bool) {
        if self.journal_full.swap(full, Ordering::AcqRel) != full {
            self.refresh();
        }
    }

    /// Looks again if the last look was some time ago.
    pub fn refresh_if_stale(&self) {
        let stale = lock(&self.inner).looked.elapsed() >= STALE;
        if stale {
            self.refresh();
        }
    }

    /// Whether there is room for this many bytes of output, from the reserve if need be; they
    /// count as taken then. What `must` be taken is.
    pub fn admit(&self, bytes: u64, must: bool) -> bool {
        if self.take(bytes) {
            return true;
        }
        if must {
            self.admitted.fetch_add(bytes, Ordering::AcqRel);
            return true;
        }
        let stale = lock(&self.inner).looked.elapsed() >= BRIEF;
        if stale {
            self.refresh();
        }
        self.take(bytes) || self.release() && self.take(bytes)
    }

    /// So much of what was admitted is written or given up.
    pub fn settle(&self, bytes: u64) {
        self.settled.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Whether so much can be written without getting in the way of output and records.
    pub fn has_room_for(&self, bytes: u64) -> bool {
        self.state() != SpaceState::Full && self.free() >= self.marks.output.saturating_add(bytes)
    }

    fn take(&self, bytes: u64) -> bool {
        let admitted = self.admitted.fetch_add(bytes, Ordering::AcqRel) + bytes;
        let fits = admitted <= self.limit.load(Ordering::Acquire);
        if !fits {
            self.admitted.fetch_sub(bytes, Ordering::AcqRel);
        }
        fits
    }

    /// Looks at the disk; gives up the reserve or makes it again.
    pub fn refresh(&self) {
        let mut inner = lock(&self.inner);
        inner.looked = Instant::now();
        // Before the disk is asked: what is written meanwhile counts twice rather than not at all.
        let settled = self.settled.load(Ordering::Acquire);
        let Ok((mut free, _)) = free_and_total(&self.root) else {
            return;
        };
        if inner.has_reserve && free < self.marks.reserve_at {
            free = self.give_up(&mut inner).unwrap_or(free);
        } else if !inner.has_reserve && free >= self.marks.low.saturating_add(self.marks.reserve) {
            free = self.make(&mut inner).unwrap_or(free);
        }
        self.free.store(free, Ordering::Relaxed);
        let limit = settled.saturating_add(free.saturating_sub(self.marks.output));
        self.limit.store(limit, Ordering::Release);
        let state = self.judge(free, inner.has_reserve);
        self.state.store(state as u8, Ordering::Release);
    }

    /// Gives the reserve up at once, for a write that found the disk full.
    pub fn release(&self) -> bool {
        let had = {
            let mut inner = lock(&self.inner);
            inner.has_reserve && self.give_up(&mut inner).is_ok()
        };
        self.refresh();
        had
    }

    fn judge(&self, free: u64, has_reserve: bool) -> SpaceState {
        if free < self.marks.full || self.journal_full.load(Ordering::Acquire) {
            SpaceState::Full
        } else if self.marks.reserve > 0 && !has_reserve && free < self.marks.low {
            SpaceState::Reserve
        } else if free < self.marks.low {
            SpaceState::Low
        } else {
            SpaceState::Plenty
        }
    }

    fn give_up(&self, inner: &mut Inner) -> io::Result<u64> {
        self.files.remove(&self.reserve)?;
        inner.has_reserve = false;
        free_and_total(&self.root).map(|(free, _)| free)
    }

    fn make(&self, inner: &mut Inner) -> io::Result<u64> {
        let claim = || -> io::Result<()> {
            let out = self.files.open(&self.reserve)?;
            out.reserve(self.marks.reserve)?;
            out.set_len(self.marks.reserve)
        };
        match claim() {
            Ok(()) => inner.has_reserve = true,
            Err(_) => self.files.remove(&self.reserve)?,
        }
        free_and_total(&self.root).map(|(free, _)| free)
    }
}

fn free_and_total(path: &std::path::Path) -> io::Result<(u64, u64)> {
    let stat = rustix::fs::statvfs(path)?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Ok((bytes(stat.f_bavail), bytes(stat.f_blocks)))
}

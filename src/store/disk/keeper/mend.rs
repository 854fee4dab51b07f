//! Mends the index: opens it again, or makes it again from the journal, the archives and the
//! segments.

use std::time::{Duration, Instant};

use super::Keeper;
use super::cut::items;
use crate::store::disk::entry::{Item, Op};
use crate::store::disk::journal::Put;
use crate::store::disk::segment::{RunOut, load};
use crate::store::disk::shared::Shared;
use crate::store::{SpaceState, StoreError};

/// How long the index is left where it is after it was mended, or that was tried.
const AGAIN: Duration = Duration::from_secs(5);
/// So many changes are given to the index at once.
const PART: usize = 500;

impl Keeper {
    /// Sees to it that readers have an index: on disk if the disk takes it, else in memory.
    pub(super) fn look_after_index(&mut self) {
        let lately = self.mended.is_some_and(|last| last.elapsed() < AGAIN);
        if self.shared.index.trouble().is_some() {
            self.mend(lately);
        } else if self.shared.index.is_in_memory() && !lately {
            self.go_home();
        }
    }

    /// Brings the index back; readers that met its trouble wait for it. One that was in trouble
    /// `lately` is not tried again at once: memory is quicker.
    fn mend(&mut self, lately: bool) {
        if lately && self.unmendable {
            return;
        }
        self.mended = Some(Instant::now());
        let mended = self.try_mend(lately);
        self.unmendable = mended.is_err();
        match mended {
            Ok(()) => {
                self.dirty = true;
                self.shared.index.mended();
                self.shared.index.supervise(true);
            }
            Err(error) => {
                tracing::error!("the index could not be mended: {error}");
                // Nobody is to wait for what may not come.
                self.shared.index.supervise(false);
            }
        }
    }

    fn try_mend(&mut self, lately: bool) -> Result<(), StoreError> {
        let shared = self.shared.clone();
        let why = shared.index.trouble().unwrap_or_default();
        shared.index.close();
        if lately || shared.space.state() == SpaceState::Full {
            shared.index.start_in_memory(&why);
        } else if let Err(found) = shared.index.open_existing() {
            let why = format!("{why}; {found}");
            if let Err(why) = shared.index.start_empty(&why) {
                shared.index.start_in_memory(&why);
            }
        }
        match self.fill() {
            Err(StoreError::Index { why }) if !shared.index.is_in_memory() => {
                shared.index.start_in_memory(&why);
                self.fill()
            }
            other => other,
        }
    }

    /// Gives the index what it does not know.
    fn fill(&mut self) -> Result<(), StoreError> {
        let shared = self.shared.clone();
        if shared.index.applied() < shared.keys.last_lsn() {
            shared.fill_index_from_archive()?;
        }
        // The journal is not cut before the index is synced past it, so it has all the rest.
        shared.fill_index_from_journal()?;
        let unusable = |why| StoreError::Index { why };
        // What it had not synced is still in memory.
        let recent = shared.journal.lock().overlay.with_prefix(b"");
        let recent = recent
            .into_iter()
            .map(|(key, lsn, value)| Put { lsn, key, value });
        let recent: Vec<Put> = recent.filter(|put| put.lsn <= self.seen).collect();
        for part in recent.chunks(PART) {
            shared.index.apply(part, 0).map_err(unusable)?;
        }
        self.puts.clear();
        shared.index.apply(&[], self.seen).map_err(unusable)?;
        shared.outputs.forget_cold();
        shared
            .outputs
            .hot()
            .iter()
            .try_for_each(|run| shared.relearn(run))
    }

    /// Puts the index in memory on the disk if there is room again.
    fn go_home(&mut self) {
        let index = &self.shared.index;
        if !self.shared.space.has_room_for(index.copy_bytes()) {
            return;
        }
        self.mended = Some(Instant::now());
        match index.go_home() {
            Ok(()) => tracing::info!("the index is on the disk again"),
            Err(why) => tracing::info!("the index stays in memory: {why}"),
        }
    }

    /// Makes the index smaller if sled has let it swell and there is room for both.
    pub(super) fn shrink_if_swollen(&mut self) {
        let at_least = self.shared.options.index_loose_bytes;
        let index = &self.shared.index;
        if !index.is_swollen(at_least) || !self.shared.space.has_room_for(index.copy_bytes()) {
            return;
        }
        if let Err(why) = index.shrink() {
            tracing::info!("the index stays as large as it is: {why}");
        }
    }
}

impl Shared {
    /// Gives an empty index all changes of keys that left the journal.
    pub fn fill_index_from_archive(&self) -> Result<(), StoreError> {
        let mut part = Vec::new();
        let mut failed = None;
        let mut give = |part: &mut Vec<Put>| {
            let last = part.last().map_or(0, |put: &Put| put.lsn);
            if failed.is_none() {
                failed = self.index.apply(part, last).err();
            }
            part.clear();
        };
        self.keys.replay(|put| {
            part.push(put);
            if part.len() >= PART {
                give(&mut part);
            }
        })?;
        give(&mut part);
        failed.map_or(Ok(()), |why| Err(StoreError::Index { why }))
    }

    /// Gives the index all durable changes of keys that the journal's files hold.
    fn fill_index_from_journal(&self) -> Result<(), StoreError> {
        let (numbers, durable) = {
            let front = self.journal.lock();
            (front.files.numbers(), front.durable)
        };
        for number in numbers {
            let path = self.layout.log_file(number);
            let bytes = std::fs::read(&path).map_err(StoreError::io("read", &path))?;
            let puts = items(&bytes).into_iter().filter_map(put);
            let puts: Vec<Put> = puts.filter(|put| put.lsn <= durable).collect();
            for part in puts.chunks(PART) {
                self.index
                    .apply(part, 0)
                    .map_err(|why| StoreError::Index { why })?;
            }
        }
        Ok(())
    }

    /// Reads again what the index does not know of a run any more.
    fn relearn(&self, run: &RunOut) -> Result<(), StoreError> {
        let known = self.index.run_unmended(run.run);
        let known = known.map_err(|why| StoreError::Index { why })?;
        let indexed = known.frames.len() as u32;
        if indexed >= run.lock().indexed {
            return Ok(());
        }
        let loaded = load(&run.path, &known, false).map_err(StoreError::io("read", &run.path))?;
        run.lock().relearn(indexed, loaded.state);
        Ok(())
    }
}

fn put(item: Item) -> Option<Put> {
    match item.op {
        Op::Put { key, value } => Some(Put {
            lsn: item.lsn,
            key,
            value,
        }),
        _ => None,
    }
}

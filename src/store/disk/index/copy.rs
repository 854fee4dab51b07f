//! Copies the index into a new sled: out of memory once there is room on the disk again, and out
//! of an old sled that has swollen, because sled gives no space back.

use std::io;
use std::path::{Path, PathBuf};

use super::Index;
use super::batch::MARK;
use super::open::{fenced, let_go, open_table};
use super::table::Table;
use crate::store::disk::health;
use crate::store::disk::sync::{read, write};
use crate::store::failpoint;

/// How often what is live the index may take; a new one takes less.
const TIMES: u64 = 4;
/// So many entries are copied at once.
const PAGE: usize = 500;

impl Index {
    /// How much space a copy may take.
    pub fn copy_bytes(&self) -> u64 {
        self.live_bytes() * TIMES
    }

    /// Whether it takes much more space than what is in it, and more than `at_least`.
    pub fn is_swollen(&self, at_least: u64) -> bool {
        !self.is_in_memory() && health::size(&self.dir) > at_least.max(self.copy_bytes())
    }

    /// Goes on from memory on the disk; readers notice nothing. What is there is older. Only the
    /// keeper calls this; after an error memory goes on.
    pub fn go_home(&self) -> Result<(), String> {
        let copied = self.copy_to(&self.dir)?;
        *write(&self.table) = Some(copied);
        Ok(())
    }

    /// Copies what is live into a new index, which takes the old one's place. Only the keeper
    /// calls this; readers wait for the moment of the change. After an error the old one goes on,
    /// or is in trouble.
    pub fn shrink(&self) -> Result<(), String> {
        let new = new_path(&self.dir);
        let_go(self.copy_to(&new)?, &new);
        self.give_up("it is changed for a smaller one");
        self.close();
        self.swap().map_err(|error| error.to_string())?;
        self.open_existing()?;
        self.mended();
        Ok(())
    }

    /// A durable copy in a directory of its own; nothing is left there after an error.
    fn copy_to(&self, dir: &Path) -> Result<Table, String> {
        remove_dir(dir).map_err(|error| error.to_string())?;
        let new = open_table(dir, self.cache_bytes)?;
        match self.fill(&new, dir) {
            Ok(()) => Ok(new),
            Err(why) => {
                let_go(new, dir);
                // What is left is removed when the next copy begins.
                let _ = remove_dir(dir);
                Err(why)
            }
        }
    }

    fn fill(&self, new: &Table, dir: &Path) -> Result<(), String> {
        let guard = read(&self.table);
        let old = guard.as_ref().ok_or("the index is closed")?;
        let mut last: Option<Vec<u8>> = None;
        loop {
            let page = old.list(b"", last.as_deref(), PAGE)?;
            let Some((key, _)) = page.last() else {
                break;
            };
            last = Some(key.clone());
            // The totals go last: they are true when everything is there.
            let part = page.into_iter().filter(|(key, _)| key != MARK);
            new.apply(part.map(|(key, value)| (key, Some(value))).collect())?;
        }
        new.apply(vec![(MARK.to_vec(), old.get(MARK)?)])?;
        sync(new, dir)
    }

    fn swap(&self) -> io::Result<()> {
        std::fs::rename(&self.dir, old_path(&self.dir))?;
        failpoint::hit("index.swapping");
        std::fs::rename(new_path(&self.dir), &self.dir)?;
        remove_dir(&old_path(&self.dir))
    }
}

/// Makes durable what a table was given.
pub(super) fn sync(table: &Table, dir: &Path) -> Result<(), String> {
    let Table::Sled(db) = table else {
        return Ok(());
    };
    fenced(|| db.flush())?;
    failpoint::hit("index.flushed");
    let synced = std::fs::File::open(dir.join("db")).and_then(|file| file.sync_data());
    synced.map_err(|error| error.to_string())?;
    failpoint::hit("index.synced");
    Ok(())
}

/// Finishes or takes back a change that a crash interrupted.
pub(super) fn settle(dir: &Path) -> io::Result<()> {
    let old = old_path(dir);
    if !dir.exists() && old.exists() {
        std::fs::rename(&old, dir)?;
    }
    remove_dir(&old)?;
    remove_dir(&new_path(dir))
}

fn new_path(dir: &Path) -> PathBuf {
    dir.with_extension("new")
}

fn old_path(dir: &Path) -> PathBuf {
    dir.with_extension("old")
}

fn remove_dir(path: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

//! The changes of keys that left the journal: what the index is made of when it must be made
//! again.
//!
//! `N.base` holds the newest change of every key from before `N.log`; the logs follow. When the
//! logs outgrow the base, both become a new base.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::row::{self, Tail};
use crate::store::disk::aside;
use crate::store::disk::entry::{Item, Op};
use crate::store::disk::files::Files;
use crate::store::disk::journal::Put;
use crate::store::disk::layout::{Layout, numbered};
use crate::store::disk::notes::Notes;
use crate::store::disk::sync::lock;
use crate::store::{Lsn, StoreError, failpoint};

/// The archive of key changes.
#[derive(Debug)]
pub(in crate::store::disk) struct KeyArchive {
    dir: PathBuf,
    files: Arc<dyn Files>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The base, if there is one, then the logs, in order.
    list: Vec<PathBuf>,
    base_bytes: u64,
    log_bytes: u64,
    number: u64,
    tail: Option<Tail>,
    last_lsn: Lsn,
}

impl KeyArchive {
    /// Opens the archive; removes what a newer base replaces.
    pub fn open(layout: &Layout, files: Arc<dyn Files>, notes: &Notes) -> Result<Self, StoreError> {
        let dir = layout.dir("kv");
        let listed = |extension| numbered(&dir, extension).map_err(StoreError::io("list", &dir));
        let bases = listed("base")?;
        let start = bases.last().map_or(0, |(number, _)| *number);
        let (logs, old): (Vec<_>, Vec<_>) = listed("log")?
            .into_iter()
            .partition(|(number, _)| *number >= start);
        let old_bases = bases.iter().filter(|(number, _)| *number < start);
        for (_, path) in old.iter().chain(old_bases) {
            files.remove(path).map_err(StoreError::io("remove", path))?;
        }
        let base = bases.last().map(|(_, path)| path.clone());
        let mut inner = Inner {
            base_bytes: base.as_deref().map_or(0, len),
            log_bytes: logs.iter().map(|(_, path)| len(path)).sum(),
            number: logs.last().map_or(start, |(number, _)| *number),
            list: base
                .into_iter()
                .chain(logs.iter().map(|(_, path)| path.clone()))
                .collect(),
            tail: None,
            last_lsn: 0,
        };
        inner.resume(layout, &*files, notes)?;
        Ok(Self {
            dir,
            files,
            inner: Mutex::new(inner),
        })
    }

    /// The newest change that is here.
    pub fn last_lsn(&self) -> Lsn {
        lock(&self.inner).last_lsn
    }

    /// Adds those of these items that change keys and are not here yet, and syncs them.
    pub fn append(&self, items: &[Item]) -> Result<(), StoreError> {
        let mut inner = lock(&self.inner);
        let last = inner.last_lsn;
        let new = items.iter().filter(|item| item.lsn > last && is_put(item));
        let new: Vec<Item> = new.cloned().collect();
        let Some(newest) = new.last().map(|item| item.lsn) else {
            return Ok(());
        };
        let write = |inner: &mut Inner| -> io::Result<()> {
            if inner.tail.is_none() {
                let path = self.dir.join(format!("{:016x}.log", inner.number));
                inner.tail = Some(Tail::create(&*self.files, &path)?);
                inner.list.push(path);
            }
            let Some(tail) = inner.tail.as_mut() else {
                return Ok(());
            };
            let before = tail.len;
            tail.append(new)?;
            tail.sync()?;
            inner.log_bytes += tail.len - before;
            Ok(())
        };
        write(&mut inner).map_err(StoreError::io("write", &self.dir))?;
        inner.last_lsn = newest;
        Ok(())
    }

    /// Hands out all changes in order, older ones of the same key first.
    pub fn replay(&self, mut each: impl FnMut(Put)) -> Result<(), StoreError> {
        let list = lock(&self.inner).list.clone();
        for path in list {
            let entries = row::read(&path)?.entries;
            let items = entries.into_iter().flat_map(|entry| entry.items);
            items.filter_map(put).for_each(&mut each);
        }
        Ok(())
    }

    /// Makes a new base if the logs have outgrown the old one.
    pub fn compact_if_due(&self, at_least: u64) -> Result<(), StoreError> {
        let due = {
            let inner = lock(&self.inner);
            inner.log_bytes > at_least.max(inner.base_bytes * 2)
        };
        if due { self.compact() } else { Ok(()) }
    }

    /// Only the keeper calls this, and nobody else writes; readers see the old list or the new.
    pub(super) fn compact(&self) -> Result<(), StoreError> {
        let number = lock(&self.inner).number + 1;
        let base = self.dir.join(format!("{number:016x}.base"));
        let new = self.dir.join(format!("{number:016x}.base.new"));
        let len = self.write_base(&new)?;
        let publish = || -> io::Result<()> {
            self.files.rename(&new, &base)?;
            self.files.sync_dir(&self.dir)
        };
        publish().map_err(StoreError::io("rename", &new))?;
        failpoint::hit("archive.renamed");
        let old = {
            let mut inner = lock(&self.inner);
            inner.number = number;
            inner.base_bytes = len;
            inner.log_bytes = 0;
            inner.tail = None;
            std::mem::replace(&mut inner.list, vec![base])
        };
        for path in old {
            self.files
                .remove(&path)
                .map_err(StoreError::io("remove", &path))?;
        }
        Ok(())
    }

    fn write_base(&self, path: &Path) -> Result<u64, StoreError> {
        let mut newest: HashMap<Bytes, Lsn> = HashMap::new();
        self.replay(|put| {
            newest.insert(put.key, put.lsn);
        })?;
        let last_lsn = lock(&self.inner).last_lsn;
        let mut items = Vec::new();
        self.replay(|put| {
            // The newest change of all stays even if it is a removal: it says how far this goes.
            let live = put.value.is_some() || put.lsn == last_lsn;
            if live && newest.get(&put.key) == Some(&put.lsn) {
                let op = Op::Put {
                    key: put.key,
                    value: put.value,
                };
                items.push(Item { lsn: put.lsn, op });
            }
        })?;
        let write = || -> io::Result<u64> {
            let mut tail = Tail::create(&*self.files, path)?;
            tail.append(items)?;
            tail.sync()?;
            Ok(tail.len)
        };
        let len = write().map_err(StoreError::io("write", path))?;
        failpoint::hit("archive.compacted");
        Ok(len)
    }
}

impl Inner {
    /// Reads how far the archive goes; cuts off a tail that was not synced.
    fn resume(
        &mut self,
        layout: &Layout,
        files: &dyn Files,
        notes: &Notes,
    ) -> Result<(), StoreError> {
        for path in self.list.iter().rev() {
            let content = row::read(path)?;
            if content.damaged > 0 {
                let copy = aside::keep(layout, path);
                let bytes = content.damaged;
                notes.damage(
                    None,
                    format!("{} has {bytes} damaged bytes; {copy}", path.display()),
                );
            }
            let items = content.entries.iter().flat_map(|entry| &entry.items);
            self.last_lsn = items
                .map(|item| item.lsn)
                .max()
                .unwrap_or(0)
                .max(self.last_lsn);
            let is_log = path.extension().is_some_and(|extension| extension == "log");
            if is_log && self.tail.is_none() {
                let tail = Tail::resume(files, path, content.sound_len);
                self.tail = Some(tail.map_err(StoreError::io("open", path))?);
            }
            if self.last_lsn > 0 {
                break;
            }
        }
        Ok(())
    }
}

fn len(path: &Path) -> u64 {
    path.metadata().map_or(0, |meta| meta.len())
}

fn is_put(item: &Item) -> bool {
    matches!(item.op, Op::Put { .. })
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::store::disk::directory;
    use crate::store::disk::files::RealFiles;

    fn change(lsn: Lsn, key: &str, value: Option<&str>) -> Item {
        let value = value.map(|value| Bytes::copy_from_slice(value.as_bytes()));
        let op = Op::Put {
            key: Bytes::copy_from_slice(key.as_bytes()),
            value,
        };
        Item { lsn, op }
    }

    fn state(archive: &KeyArchive) -> BTreeMap<Bytes, (Lsn, Bytes)> {
        let mut state = BTreeMap::new();
        let apply = |put: Put| match put.value {
            Some(value) => drop(state.insert(put.key, (put.lsn, value))),
            None => drop(state.remove(&put.key)),
        };
        archive.replay(apply).unwrap();
        state
    }

    #[test]
    fn a_new_base_says_the_same_and_survives_a_reopen() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let _lock = directory::take(&layout, &RealFiles).unwrap();
        let open = || KeyArchive::open(&layout, Arc::new(RealFiles), &Notes::default()).unwrap();
        let archive = open();
        archive
            .append(&[change(1, "a", Some("1")), change(2, "b", Some("2"))])
            .unwrap();
        archive
            .append(&[change(2, "b", Some("2")), change(3, "a", Some("3"))])
            .unwrap();
        archive.append(&[change(4, "b", None)]).unwrap();
        let before = state(&archive);
        assert_eq!(before.len(), 1);
        archive.compact().unwrap();
        assert_eq!(state(&archive), before);
        assert_eq!(archive.last_lsn(), 4);
        archive.append(&[change(5, "c", Some("5"))]).unwrap();
        let after = open();
        assert_eq!(after.last_lsn(), 5);
        assert_eq!(state(&after).len(), 2);
        after.compact().unwrap();
        assert_eq!(open().last_lsn(), 5);
    }
}

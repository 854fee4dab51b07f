//! A sorted table of bytes: sled, or memory while sled has no room to work.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::RwLock;

use super::open::fenced;
use crate::store::disk::sync::{read, write};

/// A key and its value.
pub(super) type Entry = (Vec<u8>, Vec<u8>);

/// Some changes to be made together.
pub(super) type Part = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Where the entries are.
#[derive(Debug)]
pub(super) enum Table {
    Sled(sled::Db),
    Memory(RwLock<BTreeMap<Vec<u8>, Vec<u8>>>),
}

impl Table {
    pub fn memory() -> Self {
        Self::Memory(RwLock::default())
    }

    pub fn is_memory(&self) -> bool {
        matches!(self, Self::Memory(_))
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
        match self {
            Self::Sled(db) => fenced(|| Ok(db.get(key)?.map(|value| value.to_vec()))),
            Self::Memory(map) => Ok(read(map).get(key).cloned()),
        }
    }

    /// At most `limit` entries whose keys have this prefix and come after `after`, in order.
    pub fn list(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Entry>, String> {
        let start = match after.filter(|after| *after >= prefix) {
            Some(after) => Bound::Excluded(after.to_vec()),
            None => Bound::Included(prefix.to_vec()),
        };
        let range = (start, Bound::Unbounded);
        match self {
            Self::Sled(db) => fenced(|| {
                let owned = |(key, value): (sled::IVec, sled::IVec)| (key.to_vec(), value.to_vec());
                let fits = |entry: &sled::Result<Entry>| {
                    entry
                        .as_ref()
                        .map_or(true, |(key, _)| key.starts_with(prefix))
                };
                let entries = db.range(range).map(|entry| entry.map(owned));
                entries.take_while(fits).take(limit).collect()
            }),
            Self::Memory(map) => {
                let map = read(map);
                let entries = map
                    .range(range)
                    .take_while(|(key, _)| key.starts_with(prefix));
                let owned = entries.map(|(key, value)| (key.clone(), value.clone()));
                Ok(owned.take(limit).collect())
            }
        }
    }

    /// Makes some changes, all or none.
    pub fn apply(&self, part: Part) -> Result<(), String> {
        match self {
            Self::Sled(db) => {
                let mut batch = sled::Batch::default();
                for (key, value) in part {
                    match value {
                        Some(value) => batch.insert(key, value),
                        None => batch.remove(key),
                    }
                }
                fenced(|| db.apply_batch(batch))
            }
            Self::Memory(map) => {
                let mut map = write(map);
                for (key, value) in part {
                    match value {
                        Some(value) => map.insert(key, value),
                        None => map.remove(&key),
                    };
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tables_answer_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let sled = Table::Sled(sled::open(dir.path()).unwrap());
        let tables = [sled, Table::memory()];
        let keys = ["a", "a/1", "a/2", "a/3", "b"];
        for table in &tables {
            let insert = keys.map(|key| (key.into(), Some(vec![1; 3])));
            table.apply(insert.into()).unwrap();
            table.apply(vec![("a/2".into(), None)]).unwrap();
        }
        let answers = tables.map(|table| {
            let list = |prefix: &str, after: Option<&str>, limit| {
                table
                    .list(prefix.as_bytes(), after.map(str::as_bytes), limit)
                    .unwrap()
            };
            (
                table.get(b"a/1").unwrap(),
                table.get(b"a/2").unwrap(),
                list("", None, 9),
                list("a/", None, 9),
                list("a/", Some("a/1"), 9),
                list("a/", Some("A"), 1),
                list("b", Some("c"), 9),
            )
        });
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0].2.len(), 4);
        assert_eq!(answers[0].3.len(), 2);
    }
}

//! Changes of keys that the index has not seen yet.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::store::Lsn;

/// The newest change of each key that is not in the index.
#[derive(Debug, Default)]
pub(in crate::store::disk) struct Overlay {
    changes: BTreeMap<Bytes, (Lsn, Option<Bytes>)>,
    bytes: usize,
    /// Grows whenever something leaves for the index.
    left: u64,
}

impl Overlay {
    pub fn put(&mut self, lsn: Lsn, key: &Bytes, value: Option<&Bytes>) {
        // Copies of our own: a small slice must not keep a large buffer alive.
        let new = (lsn, value.map(|value| Bytes::copy_from_slice(value)));
        self.bytes += size(key, new.1.as_ref());
        if let Some(old) = self.changes.insert(Bytes::copy_from_slice(key), new) {
            self.bytes -= size(key, old.1.as_ref());
        }
    }

    pub fn get(&self, key: &[u8]) -> Option<(Lsn, Option<Bytes>)> {
        self.changes.get(key).cloned()
    }

    /// The index has this change of a key.
    pub fn remove(&mut self, key: &[u8], lsn: Lsn) {
        self.left += 1;
        let covered = self
            .changes
            .get(key)
            .is_some_and(|(newest, _)| *newest <= lsn);
        if covered && let Some((_, value)) = self.changes.remove(key) {
            self.bytes -= size(key, value.as_ref());
        }
    }

    /// All changes of keys with a prefix.
    pub fn with_prefix(&self, prefix: &[u8]) -> Vec<(Bytes, Lsn, Option<Bytes>)> {
        self.changes
            .range(Bytes::copy_from_slice(prefix)..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, (lsn, value))| (key.clone(), *lsn, value.clone()))
            .collect()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn left(&self) -> u64 {
        self.left
    }
}

fn size(key: &[u8], value: Option<&Bytes>) -> usize {
    key.len() + value.map_or(0, Bytes::len) + 128
}

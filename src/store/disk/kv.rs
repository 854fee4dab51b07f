//! Keys and values: the newest change from the journal's memory, what is older from the index.

use bytes::Bytes;

use super::entry::{Item, Op};
use super::shared::Shared;
use crate::store::{Lsn, StoreError, Versioned, limits};

/// Keys of the engine and of the store itself do not meet.
const USER: u8 = b'u';
const BLOB: u8 = b'b';

/// The key as it is stored.
pub(super) fn stored_key(key: &[u8]) -> Bytes {
    [&[USER], key].concat().into()
}

/// The key of a small blob.
pub(super) fn blob_key(digest: &[u8]) -> Bytes {
    [&[BLOB], digest].concat().into()
}

/// The engine's key, if it is one of its own.
pub(super) fn user_key(stored: &[u8]) -> Option<&[u8]> {
    stored.strip_prefix(&[USER])
}

impl Shared {
    /// The newest value of a stored key.
    pub fn value(&self, key: &[u8]) -> Result<Option<Versioned>, StoreError> {
        // What is not in memory any more is in the index by then.
        let recent = self.journal.lock().overlay.get(key);
        match recent {
            Some((version, value)) => Ok(value.map(|value| Versioned { version, value })),
            None => self.index.value(key),
        }
    }

    /// Changes a stored key whatever it holds.
    pub fn put_value(&self, key: Bytes, value: Option<&[u8]>) -> Result<Lsn, StoreError> {
        self.journal.put(put(key, value), |_| Ok(()))
    }

    /// Changes a key if its version is the expected one.
    pub fn put_if(
        &self,
        key: &[u8],
        expect: Option<u64>,
        value: Option<&[u8]>,
    ) -> Result<Lsn, StoreError> {
        limits::check_put(key, value)?;
        let key = stored_key(key);
        loop {
            let moved = self.journal.lock().overlay.left();
            let indexed = self.index.value(&key)?.map(|found| found.version);
            let mut again = false;
            let set = self.journal.put(put(key.clone(), value), |front| {
                let actual = match front.overlay.get(&key) {
                    Some((version, value)) => value.map(|_| version),
                    None => indexed,
                };
                // Between the two looks something may have moved from memory to the index.
                again = front.overlay.left() != moved;
                if again || actual != expect {
                    return Err(StoreError::Conflict { actual });
                }
                Ok(())
            });
            if !again {
                return set;
            }
        }
    }

    /// At most `limit` keys with a prefix after a key.
    pub fn scan_values(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Versioned)>, StoreError> {
        let stored = stored_key(prefix);
        let after = after.map(stored_key);
        let recent = self.journal.lock().overlay.with_prefix(&stored);
        let is_after = |key: &[u8]| after.as_ref().is_none_or(|after| key > after);
        let recent: Vec<_> = recent
            .into_iter()
            .filter(|(key, ..)| is_after(key))
            .collect();
        // Each recent change may replace one of those in the index.
        let indexed = self
            .index
            .values(&stored, after.as_deref(), limit + recent.len())?;
        Ok(merge(indexed, recent, limit))
    }
}

fn put(key: Bytes, value: Option<&[u8]>) -> Item {
    let value = value.map(Bytes::copy_from_slice);
    Item {
        lsn: 0,
        op: Op::Put { key, value },
    }
}

type Found = Vec<(Vec<u8>, Versioned)>;

/// The newest of both, in order, under the engine's keys.
fn merge(indexed: Found, recent: Vec<(Bytes, Lsn, Option<Bytes>)>, limit: usize) -> Found {
    let mut merged: std::collections::BTreeMap<Vec<u8>, Option<Versioned>> = indexed
        .into_iter()
        .map(|(key, value)| (key, Some(value)))
        .collect();
    for (key, version, value) in recent {
        let newest = merged.entry(key.to_vec()).or_default();
        if newest.as_ref().is_none_or(|known| known.version < version) {
            *newest = value.map(|value| Versioned { version, value });
        }
    }
    let live = merged.into_iter().filter_map(|(key, value)| {
        let key = user_key(&key)?.to_vec();
        Some((key, value?))
    });
    live.take(limit).collect()
}

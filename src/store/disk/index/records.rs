//! The newest value of every key.
//!
//! `version u64 | kind u8 | value`, or for a long value its length, and the value in parts under
//! keys of their own. A version is an LSN and so names one value only: a reader that finds a part
//! missing has met a newer value, and looks again.

use bytes::Bytes;

use super::batch::Changes;
use super::table::Table;
use super::{Index, keys};
use crate::store::disk::journal::Put;
use crate::store::{Lsn, StoreError, Versioned};

/// Longer values swell sled.
const PART: usize = 3 << 10;
const INLINE: u8 = 0;
const PARTS: u8 = 1;

/// How often a reader looks again when a value changes under its eyes.
const LOOKS: usize = 8;

impl Index {
    /// The value of a key as far as the index has come.
    pub fn value(&self, key: &[u8]) -> Result<Option<Versioned>, StoreError> {
        let key = keys::value(key);
        for _ in 0..LOOKS {
            let found = self.read(|table| {
                let Some(head) = table.get(&key)? else {
                    return Ok(Found::Absent);
                };
                read_value(table, &head)
            })?;
            match found {
                Found::Absent => return Ok(None),
                Found::Value(value) => return Ok(Some(value)),
                Found::Changed => {}
            }
        }
        Err(lost_part())
    }

    /// At most `limit` keys with a prefix after a key, in order.
    pub fn values(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Versioned)>, StoreError> {
        let prefix = keys::value(prefix);
        let after = after.map(keys::value);
        let heads = self.read(|table| table.list(&prefix, after.as_deref(), limit))?;
        let mut values = Vec::with_capacity(heads.len());
        for (key, head) in heads {
            let key = keys::of_value(&key).to_vec();
            let value = match self.read(|table| read_value(table, &head))? {
                Found::Value(value) => Some(value),
                Found::Absent | Found::Changed => self.value(&key)?,
            };
            values.extend(value.map(|value| (key, value)));
        }
        Ok(values)
    }

    /// Takes over changes of keys, in their order; all up to `applied` have been seen then.
    pub fn apply(&self, puts: &[Put], applied: Lsn) -> Result<(), String> {
        let mut changes = Changes::new();
        let mut newest = std::collections::BTreeMap::new();
        for put in puts {
            newest.insert(&put.key, put);
        }
        for put in newest.into_values() {
            self.plan(put, &mut changes)?;
        }
        self.change(changes, Some(applied))
    }

    fn plan(&self, put: &Put, changes: &mut Changes) -> Result<(), String> {
        let key = keys::value(&put.key);
        let old = self.try_read(|table| table.get(&key))?;
        if let Some(old) = old.as_deref().and_then(Head::read) {
            if old.version >= put.lsn {
                return Ok(());
            }
            for part in 0..old.parts() {
                changes.insert(keys::part(old.version, part), None);
            }
        }
        let head = put
            .value
            .as_ref()
            .map(|value| write_value(put.lsn, value, changes));
        changes.insert(key, head);
        Ok(())
    }
}

/// The fixed part of a value.
struct Head {
    version: u64,
    /// Of a value in parts.
    len: Option<usize>,
}

enum Found {
    Absent,
    Value(Versioned),
    /// A newer value has replaced the one whose head was read.
    Changed,
}

impl Head {
    fn read(bytes: &[u8]) -> Option<Self> {
        let version = u64::from_be_bytes(*bytes.first_chunk()?);
        let len = match *bytes.get(8)? {
            INLINE => None,
            _ => Some(u32::from_be_bytes(bytes.get(9..13)?.try_into().ok()?) as usize),
        };
        Some(Self { version, len })
    }

    fn parts(&self) -> u16 {
        self.len.map_or(0, |len| len.div_ceil(PART) as u16)
    }
}

fn read_value(table: &Table, bytes: &[u8]) -> Result<Found, String> {
    let Some(head) = Head::read(bytes) else {
        return Err("a value has lost its head".to_owned());
    };
    let version = head.version;
    let Some(len) = head.len else {
        let value = Bytes::copy_from_slice(&bytes[9..]);
        return Ok(Found::Value(Versioned { version, value }));
    };
    let mut value = Vec::with_capacity(len.min(crate::store::MAX_APPEND));
    for part in 0..head.parts() {
        match table.get(&keys::part(version, part))? {
            Some(bytes) => value.extend_from_slice(&bytes),
            None => return Ok(Found::Changed),
        }
    }
    Ok(Found::Value(Versioned {
        version,
        value: value.into(),
    }))
}

/// Plans the parts of a value; returns its head.
fn write_value(version: u64, value: &[u8], changes: &mut Changes) -> Vec<u8> {
    let mut head = version.to_be_bytes().to_vec();
    if value.len() <= PART {
        head.push(INLINE);
        head.extend_from_slice(value);
        return head;
    }
    head.push(PARTS);
    head.extend_from_slice(&(value.len() as u32).to_be_bytes());
    for (part, bytes) in value.chunks(PART).enumerate() {
        changes.insert(keys::part(version, part as u16), Some(bytes.to_vec()));
    }
    head
}

fn lost_part() -> StoreError {
    StoreError::Index {
        why: "a value's parts are not there".to_owned(),
    }
}

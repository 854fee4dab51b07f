//! Writes to the table in small atomic batches, and keeps a sum over all that is in it.

use std::collections::BTreeMap;

use super::Index;
use super::table::{Part, Table};
use crate::store::disk::sync::{lock, read};
use crate::store::{Lsn, failpoint};

/// sled slows down and swells with larger batches.
const BATCH: usize = 1000;

/// Under this key lie the totals.
pub(super) const MARK: &[u8] = b"\0totals";

/// What all entries come to; written with each batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Every change of a key up to this LSN is in the index.
    pub applied: Lsn,
    pub sum: u64,
    pub count: u64,
    pub live_bytes: u64,
}

/// What one entry adds to the totals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weight {
    sum: u64,
    bytes: u64,
}

pub(super) fn weight(key: &[u8], value: &[u8]) -> Weight {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&(key.len() as u64).to_be_bytes());
    hasher.update(key);
    hasher.update(value);
    Weight {
        sum: hasher.finalize().into(),
        bytes: (key.len() + value.len()) as u64,
    }
}

impl Totals {
    pub fn add(&mut self, weight: Weight) {
        self.sum = self.sum.wrapping_add(weight.sum);
        self.count = self.count.wrapping_add(1);
        self.live_bytes = self.live_bytes.wrapping_add(weight.bytes);
    }

    fn subtract(&mut self, weight: Weight) {
        self.sum = self.sum.wrapping_sub(weight.sum);
        self.count = self.count.wrapping_sub(1);
        self.live_bytes = self.live_bytes.wrapping_sub(weight.bytes);
    }

    pub fn read(table: &Table) -> Result<Self, String> {
        let Some(bytes) = table.get(MARK)? else {
            return Ok(Self::default());
        };
        let mut fields = bytes.chunks_exact(8).map(|field| {
            field
                .iter()
                .fold(0u64, |value, byte| value << 8 | u64::from(*byte))
        });
        let mut next = || fields.next().unwrap_or(0);
        Ok(Self {
            applied: next(),
            sum: next(),
            count: next(),
            live_bytes: next(),
        })
    }

    fn bytes(&self) -> Vec<u8> {
        [self.applied, self.sum, self.count, self.live_bytes]
            .map(u64::to_be_bytes)
            .concat()
    }
}

/// Changes to be made together, the last one of a key counting.
pub(super) type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

impl Index {
    /// Makes changes, in several batches if they are many. Only the keeper calls this.
    pub(super) fn change(&self, changes: Changes, applied: Option<Lsn>) -> Result<(), String> {
        let guard = read(&self.table);
        let table = guard.as_ref().ok_or("the index is closed")?;
        let mut changes = changes.into_iter().peekable();
        if changes.peek().is_none() && applied.is_none() {
            return Ok(());
        }
        loop {
            let part: Part = changes.by_ref().take(BATCH).collect();
            let last = changes.peek().is_none();
            let mut totals = lock(&self.totals).clone();
            if last {
                totals.applied = totals.applied.max(applied.unwrap_or(0));
            }
            let totals = apply(table, part, totals)?;
            *lock(&self.totals) = totals;
            failpoint::hit("index.applied");
            if last {
                return Ok(());
            }
        }
    }
}

fn apply(table: &Table, mut part: Part, mut totals: Totals) -> Result<Totals, String> {
    for (key, value) in &part {
        if let Some(old) = table.get(key)? {
            totals.subtract(weight(key, &old));
        }
        if let Some(value) = value {
            totals.add(weight(key, value));
        }
    }
    part.push((MARK.to_vec(), Some(totals.bytes())));
    table.apply(part)?;
    Ok(totals)
}

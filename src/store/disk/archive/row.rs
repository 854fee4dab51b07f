//! One growing file of entries, as both archives have it.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::store::StoreError;
use crate::store::disk::entry::{Entry, Item};
use crate::store::disk::files::{Files, Out};
use crate::store::disk::frame::{self, Items};
use crate::store::failpoint;

/// So much goes into one entry, about.
const PART: usize = 32 << 10;

/// The file at the end of an archive.
#[derive(Debug)]
pub(super) struct Tail {
    out: Arc<dyn Out>,
    pub len: u64,
    dirty: bool,
}

impl Tail {
    /// Makes a file, durable by name.
    pub fn create(files: &dyn Files, path: &Path) -> io::Result<Self> {
        let out = files.open(path)?;
        out.set_len(0)?;
        if let Some(dir) = path.parent() {
            files.sync_dir(dir)?;
        }
        Ok(Self {
            out,
            len: 0,
            dirty: false,
        })
    }

    /// Goes on in a file after its last sound entry; what lies behind was never relied upon.
    pub fn resume(files: &dyn Files, path: &Path, len: u64) -> io::Result<Self> {
        let out = files.open(path)?;
        out.set_len(len)?;
        out.sync()?;
        Ok(Self {
            out,
            len,
            dirty: false,
        })
    }

    /// Adds items; durable after [`Tail::sync`].
    pub fn append(&mut self, items: Vec<Item>) -> io::Result<()> {
        let mut bytes = Vec::new();
        let mut part = Vec::new();
        let mut size = 0;
        for item in items {
            size += item.op.size();
            part.push(item);
            if size >= PART {
                encode(std::mem::take(&mut part), &mut bytes);
                size = 0;
            }
        }
        encode(part, &mut bytes);
        self.out.write_at(self.len, &bytes)?;
        failpoint::hit("archive.written");
        self.len += bytes.len() as u64;
        self.dirty = true;
        Ok(())
    }

    pub fn sync(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.dirty) {
            self.out.sync()?;
            failpoint::hit("archive.synced");
        }
        Ok(())
    }
}

fn encode(items: Vec<Item>, out: &mut Vec<u8>) {
    if let Some(first) = items.first() {
        let entry = Entry::new(first.lsn, items);
        frame::encode(&entry.encode(0), out);
    }
}

/// What a file of an archive holds.
pub(super) struct Content {
    pub entries: Vec<Entry>,
    /// Where the last sound entry ends.
    pub sound_len: u64,
    /// Bytes between sound entries that are not sound.
    pub damaged: u64,
    /// Bytes after the last sound entry.
    pub torn: u64,
}

/// Reads a whole file of an archive.
pub(super) fn read(path: &Path) -> Result<Content, StoreError> {
    let bytes = fs::read(path).map_err(StoreError::io("read", path))?;
    let mut content = Content {
        entries: Vec::new(),
        sound_len: 0,
        damaged: 0,
        torn: 0,
    };
    for item in Items::new(&bytes) {
        match item {
            frame::Item::Bad { at, end } => content.torn += (end - at) as u64,
            frame::Item::Entry { end, bytes, .. } => {
                content.damaged += std::mem::take(&mut content.torn);
                content.sound_len = end as u64;
                content
                    .entries
                    .extend(Entry::decode(Bytes::from(bytes.into_owned())));
            }
        }
    }
    Ok(content)
}

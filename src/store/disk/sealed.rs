//! The events of ended runs, one packed file a run, the root hash at its end.
//!
//! A file is written under another name, synced, renamed: it is whole or it is not there.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::entry::{Entry, Item, Op};
use super::files::{Files, is_no_space};
use super::frame::{self, Items};
use super::journal::linked;
use super::layout::Layout;
use super::sync::lock;
use crate::store::{Digest, Record, StoreError, Stream, audit, failpoint};

/// So much goes into one packed entry, about.
const PART: usize = 64 << 10;
/// How many runs' tables of contents are kept in memory.
const TABLES: usize = 8;

/// All sealed runs.
#[derive(Debug)]
pub(super) struct Sealed {
    layout: Layout,
    files: Arc<dyn Files>,
    tables: Mutex<VecDeque<(u64, Arc<Table>)>>,
}

/// Where the entries of a sealed run are.
#[derive(Debug)]
struct Table {
    /// The first `seq` of each entry, and its place.
    entries: Vec<(u64, u64)>,
    root: Option<(Digest, u64)>,
}

impl Sealed {
    pub fn new(layout: &Layout, files: Arc<dyn Files>) -> Self {
        Self {
            layout: layout.clone(),
            files,
            tables: Mutex::default(),
        }
    }

    pub fn contains(&self, run: u64) -> bool {
        self.layout.sealed(run).exists()
    }

    /// Writes a run's records; they are durable there when this returns.
    pub fn write(&self, run: u64, records: &[Record]) -> Result<(Digest, u64), StoreError> {
        let path = self.layout.sealed(run);
        let new = path.with_extension("new");
        let root = root_of(run, records);
        let bytes = encode(run, records, root).map_err(StoreError::io("pack", &path))?;
        let write = || -> io::Result<()> {
            make_shard(&*self.files, &path)?;
            let out = self.files.open(&new)?;
            out.set_len(0)?;
            out.write_at(0, &bytes)?;
            failpoint::hit("seal.written");
            out.sync()?;
            failpoint::hit("seal.synced");
            self.files.rename(&new, &path)?;
            sync_parent(&*self.files, &path)?;
            failpoint::hit("seal.renamed");
            Ok(())
        };
        write().map_err(|error| {
            if is_no_space(&error) {
                // What there is of it is in the way of others; the next try begins anew.
                let _ = self.files.remove(&new);
                return StoreError::NoSpace;
            }
            StoreError::io("write", &path)(error)
        })?;
        Ok((root, records.len() as u64))
    }

    /// The root that a sealed run's file says it has, and how many records.
    pub fn root(&self, run: u64) -> Result<Option<(Digest, u64)>, StoreError> {
        let Some((_, table)) = self.open(run)? else {
            return Ok(None);
        };
        let damaged = || StoreError::Damaged {
            path: self.layout.sealed(run),
            why: "its end is missing".to_owned(),
        };
        table.root.map(Some).ok_or_else(damaged)
    }

    /// The root over the records that are really there.
    pub fn computed_root(&self, run: u64) -> Result<Option<(Digest, u64)>, StoreError> {
        let records = self.read(run, 0, usize::MAX)?;
        Ok(records.map(|records| (root_of(run, &records), records.len() as u64)))
    }

    /// At most `limit` records; `None` if the run is not sealed.
    pub fn read(
        &self,
        run: u64,
        from: u64,
        limit: usize,
    ) -> Result<Option<Vec<Record>>, StoreError> {
        let Some((file, table)) = self.open(run)? else {
            return Ok(None);
        };
        let path = self.layout.sealed(run);
        let start = table
            .entries
            .partition_point(|(seq, _)| *seq <= from)
            .max(1)
            - 1;
        let mut records = Vec::new();
        for (_, at) in table.entries.iter().skip(start) {
            if records.len() >= limit {
                break;
            }
            let bytes = frame::read_entry(&file, *at).map_err(StoreError::io("read", &path))?;
            let items = Entry::decode(bytes.into()).map_or_else(Vec::new, |entry| entry.items);
            let found = items.iter().filter_map(linked).map(|found| found.record);
            let wanted = found.filter(|record| record.seq >= from);
            records.extend(wanted.take(limit - records.len()));
        }
        Ok(Some(records))
    }

    /// Removes a run's file.
    pub fn remove(&self, run: u64) -> Result<(), StoreError> {
        let path = self.layout.sealed(run);
        lock(&self.tables).retain(|(known, _)| *known != run);
        self.files
            .remove(&path)
            .map_err(StoreError::io("remove", &path))
    }

    fn open(&self, run: u64) -> Result<Option<(File, Arc<Table>)>, StoreError> {
        let path = self.layout.sealed(run);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StoreError::io("open", &path)(source)),
        };
        let known = lock(&self.tables)
            .iter()
            .find(|(known, _)| *known == run)
            .cloned();
        if let Some((_, table)) = known {
            return Ok(Some((file, table)));
        }
        let table = Arc::new(Table::read(&path)?);
        let mut tables = lock(&self.tables);
        tables.truncate(TABLES - 1);
        tables.push_front((run, table.clone()));
        Ok(Some((file, table)))
    }
}

impl Table {
    fn read(path: &Path) -> Result<Self, StoreError> {
        let bytes = fs::read(path).map_err(StoreError::io("read", path))?;
        let mut table = Self {
            entries: Vec::new(),
            root: None,
        };
        for item in Items::new(&bytes) {
            let frame::Item::Entry { at, bytes, .. } = item else {
                continue;
            };
            let entry = Entry::decode(Bytes::from(bytes.into_owned()));
            for item in entry.map_or_else(Vec::new, |entry| entry.items) {
                match item.op {
                    Op::Record { seq, .. } => {
                        table.entries.push((seq, at as u64));
                        break;
                    }
                    Op::Sealed { root, records, .. } => table.root = Some((root, records)),
                    Op::Put { .. } | Op::Dropped { .. } | Op::Gone { .. } => {}
                }
            }
        }
        Ok(table)
    }
}

/// The root over these records of a run.
pub(super) fn root_of(run: u64, records: &[Record]) -> Digest {
    records.iter().fold(audit::run_root(run), |root, record| {
        audit::run_link(&root, record.seq, &record.payload)
    })
}

fn encode(run: u64, records: &[Record], root: Digest) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut items = Vec::new();
    let mut size = 0;
    for record in records {
        let op = Op::Record {
            stream: Stream::Run(run),
            seq: record.seq,
            payload: record.payload.clone(),
            prev: None,
        };
        size += op.size();
        items.push(Item {
            lsn: record.lsn,
            op,
        });
        if size >= PART {
            pack(std::mem::take(&mut items), &mut bytes)?;
            size = 0;
        }
    }
    pack(items, &mut bytes)?;
    let op = Op::Sealed {
        run,
        root,
        records: records.len() as u64,
    };
    pack(vec![Item { lsn: 0, op }], &mut bytes)?;
    Ok(bytes)
}

fn pack(items: Vec<Item>, out: &mut Vec<u8>) -> io::Result<()> {
    if let Some(first) = items.first() {
        let entry = Entry::new(first.lsn, items);
        frame::encode(&entry.encode_packed()?, out);
    }
    Ok(())
}

/// Makes the directory a file goes into, durable by name.
pub(super) fn make_shard(files: &dyn Files, path: &Path) -> io::Result<()> {
    let Some(shard) = path.parent().filter(|shard| !shard.is_dir()) else {
        return Ok(());
    };
    files.create_dir(shard)?;
    sync_parent(files, shard)
}

/// Makes a file's name durable.
pub(super) fn sync_parent(files: &dyn Files, path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |dir| files.sync_dir(dir))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::disk::files::RealFiles;

    fn record(seq: u64) -> Record {
        let payload = format!("event {seq} {}", "x".repeat(seq as usize % 700)).into();
        Record {
            lsn: seq * 3 + 1,
            stream: Stream::Run(5),
            seq,
            payload,
        }
    }

    #[test]
    fn a_sealed_run_reads_as_it_was_from_any_place() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sealed")).unwrap();
        let sealed = Sealed::new(&Layout::new(dir.path()), Arc::new(RealFiles));
        let records: Vec<_> = (0..1000).map(record).collect();
        let root = sealed.write(5, &records).unwrap();
        assert_eq!(sealed.root(5).unwrap(), Some(root));
        assert_eq!(sealed.computed_root(5).unwrap(), Some(root));
        for (from, limit) in [(0, 10), (0, 2000), (999, 5), (333, 400), (1000, 5)] {
            let read = sealed.read(5, from, limit).unwrap().unwrap();
            let start = records.len().min(from as usize);
            let end = records.len().min(start + limit);
            assert_eq!(read, records[start..end]);
        }
        assert_eq!(sealed.read(6, 0, 1).unwrap(), None);
    }
}

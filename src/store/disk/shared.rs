//! The parts of an open disk store, as its threads and callers share them.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};

use super::archive::{KeyArchive, RecordArchive};
use super::health::Sizes;
use super::index::Index;
use super::journal::{Journal, Linked};
use super::keeper::Task;
use super::layout::Layout;
use super::notes::Notes;
use super::options::Options;
use super::sealed::Sealed;
use super::segment::Outputs;
use super::space::Space;
use crate::store::{StoreError, Stream};

/// Everything but the threads and the lock on the directory.
#[derive(Debug)]
pub(super) struct Shared {
    pub layout: Layout,
    pub options: Options,
    pub notes: Arc<Notes>,
    pub space: Arc<Space>,
    pub journal: Arc<Journal>,
    pub outputs: Arc<Outputs>,
    pub index: Arc<Index>,
    pub audit: RecordArchive,
    pub engine: RecordArchive,
    pub keys: KeyArchive,
    pub sealed: Sealed,
    pub keeper: Sender<Task>,
    /// One seal, drop or verification at a time.
    pub admin: Mutex<()>,
    /// One large blob at a time.
    pub blob_guard: Mutex<()>,
    pub sizes: Mutex<Sizes>,
}

impl Shared {
    /// Records of a stream, wherever they are by now.
    pub fn read(&self, stream: Stream, from: u64, limit: usize) -> Result<Vec<Linked>, StoreError> {
        match stream {
            Stream::Audit => self.read_archived(&self.audit, stream, from, limit),
            Stream::Engine => self.read_archived(&self.engine, stream, from, limit),
            Stream::Run(run) => {
                if self.journal.first_live(stream).is_some() {
                    let live = self.journal.read(stream, from, limit)?;
                    if !live.is_empty() || self.journal.first_live(stream).is_some() {
                        return Ok(live);
                    }
                }
                let sealed = self.sealed.read(run, from, limit)?.unwrap_or_default();
                let linked = sealed
                    .into_iter()
                    .map(|record| Linked { record, prev: None });
                Ok(linked.collect())
            }
        }
    }

    /// From the archive first, then from the journal. What moves from one to the other meanwhile
    /// is looked for again.
    fn read_archived(
        &self,
        archive: &RecordArchive,
        stream: Stream,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Linked>, StoreError> {
        let mut records = Vec::new();
        let mut next = from;
        while records.len() < limit {
            let live = self.journal.read(stream, next, limit - records.len())?;
            let gapless = live.first().is_some_and(|first| first.record.seq == next);
            if gapless {
                records.extend(live);
                break;
            }
            let archived = archive.read(next, limit - records.len())?;
            let Some(last) = archived.last() else {
                records.extend(live);
                break;
            };
            next = last.record.seq + 1;
            records.extend(archived);
        }
        Ok(records)
    }
}

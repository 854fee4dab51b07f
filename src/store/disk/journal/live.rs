//! Which files of the journal hold something that is still live.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::sync::Arc;

use crate::store::disk::entry::{Entry, Op};
use crate::store::{Lsn, Stream};

/// The files of the journal in their order.
#[derive(Debug, Default)]
pub(in crate::store::disk) struct LiveFiles {
    files: BTreeMap<u64, LiveFile>,
}

/// One file of the journal.
#[derive(Debug)]
pub(in crate::store::disk) struct LiveFile {
    /// For reading.
    pub file: Arc<File>,
    pub len: u64,
    /// The last LSN in it; 0 if it is empty.
    pub last: Lsn,
    /// Bytes of records of live runs.
    runs: HashMap<u64, u64>,
    /// Nothing more is written to it.
    pub closed: bool,
    /// What must be kept of it, but for records of live runs, is in the archives.
    pub archived: bool,
}

impl LiveFiles {
    pub fn add(&mut self, number: u64, file: File) {
        let file = LiveFile {
            file: Arc::new(file),
            len: 0,
            last: 0,
            runs: HashMap::new(),
            closed: false,
            archived: false,
        };
        self.files.insert(number, file);
    }

    /// An entry is in a file, which ends after it. Only records of runs that `is_live` keep it.
    pub fn wrote(&mut self, number: u64, entry: &Entry, end: u64, is_live: impl Fn(u64) -> bool) {
        let Some(file) = self.files.get_mut(&number) else {
            return;
        };
        file.len = end;
        file.last = file.last.max(entry.last());
        for item in &entry.items {
            if let Op::Record {
                stream: Stream::Run(run),
                payload,
                ..
            } = &item.op
                && is_live(*run)
            {
                *file.runs.entry(*run).or_default() += payload.len() as u64 + 32;
            }
        }
    }

    /// A copy of the records of all runs in this file lies further on.
    pub fn forget_file(&mut self, number: u64) {
        if let Some(file) = self.files.get_mut(&number) {
            file.runs.clear();
        }
    }

    pub fn forget_run(&mut self, run: u64) {
        for file in self.files.values_mut() {
            file.runs.remove(&run);
        }
    }

    pub fn close(&mut self, number: u64) {
        if let Some(file) = self.files.get_mut(&number) {
            file.closed = true;
        }
    }

    pub fn archived(&mut self, number: u64) {
        if let Some(file) = self.files.get_mut(&number) {
            file.archived = true;
        }
    }

    pub fn remove(&mut self, number: u64) {
        self.files.remove(&number);
    }

    pub fn get(&self, number: u64) -> Option<&LiveFile> {
        self.files.get(&number)
    }

    pub fn numbers(&self) -> Vec<u64> {
        self.files.keys().copied().collect()
    }

    pub fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.len).sum()
    }

    /// The oldest closed file that is not archived yet.
    pub fn to_archive(&self) -> Option<u64> {
        let mut closed = self.files.iter().filter(|(_, file)| file.closed);
        closed
            .find(|(_, file)| !file.archived)
            .map(|(number, _)| *number)
    }

    /// The oldest file, if nothing in it is live. Only from the front: what a file says of runs
    /// in older ones must outlive those. And only while a later one has entries, which tell the
    /// next LSN.
    pub fn to_remove(&self) -> Option<(u64, Lsn)> {
        let mut files = self.files.iter();
        let (number, oldest) = files.next()?;
        let told = files.any(|(_, later)| later.len > 0);
        (oldest.archived && oldest.runs.is_empty() && told).then_some((*number, oldest.last))
    }

    /// The oldest file, if there are more than `limit` and less than half of it is live.
    pub fn to_copy_forward(&self, limit: usize) -> Option<u64> {
        let closed = self.files.values().filter(|file| file.closed).count();
        let (number, oldest) = self.files.iter().next()?;
        let live: u64 = oldest.runs.values().sum();
        let wanted = closed > limit && oldest.archived && live > 0 && live * 2 <= oldest.len;
        wanted.then_some(*number)
    }
}

//! The files the journal is written to: one that grows, and the next one, both with their disk
//! space claimed in advance, so that what was accepted can be written even on a full disk.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::store::StoreError;
use crate::store::disk::files::{Files, Out, is_no_space};
use crate::store::disk::layout::Layout;
use crate::store::disk::options::Options;
use crate::store::failpoint;

/// The end of the journal on disk.
#[derive(Debug)]
pub(in crate::store::disk) struct LogFiles {
    layout: Layout,
    files: Arc<dyn Files>,
    size: u64,
    current: LogFile,
    next: Option<LogFile>,
}

/// One file.
#[derive(Debug)]
struct LogFile {
    number: u64,
    out: Arc<dyn Out>,
    len: u64,
    /// Its space is claimed up to the size of a file.
    claimed: bool,
}

impl LogFiles {
    /// Goes on in a file of this length, which is synced first: it may hold what a killed process
    /// wrote and did not sync.
    pub fn open(
        layout: &Layout,
        options: &Options,
        number: u64,
        len: u64,
    ) -> Result<Self, StoreError> {
        let path = layout.log_file(number);
        let open = || -> io::Result<LogFile> {
            let out = options.files.open(&path)?;
            out.set_len(len)?;
            out.sync()?;
            options.files.sync_dir(&layout.dir("log"))?;
            Ok(LogFile {
                number,
                out,
                len,
                claimed: false,
            })
        };
        let current = open().map_err(StoreError::io("open", &path))?;
        Ok(Self {
            layout: layout.clone(),
            files: options.files.clone(),
            size: options.log_file_bytes,
            current,
            next: None,
        })
    }

    pub fn number(&self) -> u64 {
        self.current.number
    }

    /// Where the next byte goes.
    pub fn end(&self) -> u64 {
        self.current.len
    }

    /// How many bytes are claimed on disk and not written.
    pub fn room(&self) -> u64 {
        let left = |file: &LogFile| {
            if file.claimed {
                self.size.saturating_sub(file.len)
            } else {
                0
            }
        };
        left(&self.current) + self.next.as_ref().map_or(0, left)
    }

    pub fn next_ready(&self) -> bool {
        self.current.claimed && self.next.is_some()
    }

    /// Whether so much more fits in the current file.
    pub fn fits(&self, more: usize) -> bool {
        self.current.len + more as u64 <= self.size
    }

    /// Writes and syncs; the bytes are durable when this returns.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        failpoint::hit("journal.before_write");
        // In two halves, so that a test can let the process die between them.
        let half = bytes.len() / 2;
        self.current
            .out
            .write_at(self.current.len, &bytes[..half])?;
        failpoint::hit("journal.half_written");
        self.current
            .out
            .write_at(self.current.len + half as u64, &bytes[half..])?;
        failpoint::hit("journal.written");
        self.current.out.sync()?;
        failpoint::hit("journal.synced");
        self.current.len += bytes.len() as u64;
        Ok(())
    }

    /// Goes on in the next file. Everything before is synced by now.
    pub fn roll(&mut self) -> io::Result<(u64, File)> {
        let next = match self.next.take() {
            Some(next) => next,
            None => self.create()?,
        };
        let done = std::mem::replace(&mut self.current, next);
        done.out.set_len(done.len)?;
        failpoint::hit("journal.rolled");
        let file = File::open(self.path(self.current.number))?;
        Ok((self.current.number, file))
    }

    /// Claims what is missing for what comes next. `Ok(false)`: there is no room for it.
    pub fn prepare(&mut self) -> io::Result<bool> {
        let prepared = self.try_prepare();
        match prepared {
            Ok(()) => Ok(true),
            Err(error) if is_no_space(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn try_prepare(&mut self) -> io::Result<()> {
        if !self.current.claimed {
            self.current.out.reserve(self.size)?;
            self.current.claimed = true;
        }
        if self.next.is_none() {
            self.next = Some(self.create()?);
            failpoint::hit("journal.next_created");
        }
        Ok(())
    }

    fn create(&self) -> io::Result<LogFile> {
        let number = self.current.number + 1;
        let path = self.path(number);
        let out = self.files.open(&path)?;
        if let Err(error) = out.set_len(0).and_then(|()| out.reserve(self.size)) {
            // An empty file would do no harm, but it says something that is not so.
            self.files.remove(&path)?;
            return Err(error);
        }
        self.files.sync_dir(&self.layout.dir("log"))?;
        Ok(LogFile {
            number,
            out,
            len: 0,
            claimed: true,
        })
    }

    fn path(&self, number: u64) -> std::path::PathBuf {
        self.layout.log_file(number)
    }
}

/// Opens a file of the journal for reading.
pub(super) fn open_for_reading(path: &Path) -> Result<File, StoreError> {
    File::open(path).map_err(StoreError::io("open", path))
}

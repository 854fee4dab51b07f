//! Walks over the frames of a segment file, sound and unsound ones, in little memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::frame::{self, HEADER, Head, MAGIC};
use crate::store::disk::frame::find;

/// At least so much is read at once.
const WINDOW: usize = 1 << 20;

/// What lies at a place in the file.
#[derive(Debug)]
pub(super) enum Step {
    /// A sound frame.
    Frame { start: u64, head: Head },
    /// Something else, up to the next sound frame or the end.
    Bad { start: u64, end: u64 },
}

/// A walk over a file.
pub(super) struct Walk {
    file: File,
    len: u64,
    at: u64,
    window: Vec<u8>,
    window_start: u64,
}

impl Walk {
    /// Starts at a place where a frame starts.
    pub fn new(file: File, at: u64) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self {
            file,
            len,
            at,
            window: Vec::new(),
            window_start: 0,
        })
    }

    /// The next frame or bad stretch; `None` at the end.
    pub fn next(&mut self) -> io::Result<Option<Step>> {
        if self.at >= self.len {
            return Ok(None);
        }
        let start = self.at;
        if let Some(head) = self.sound_at(start)? {
            self.at = start + head.frame_len() as u64;
            return Ok(Some(Step::Frame { start, head }));
        }
        self.at = self.next_sound(start + 1)?;
        Ok(Some(Step::Bad {
            start,
            end: self.at,
        }))
    }

    /// The bytes of the frame that was just walked over.
    pub fn frame(&mut self, start: u64, head: &Head) -> io::Result<&[u8]> {
        let len = head.frame_len();
        let bytes = self.view(start, len)?;
        Ok(&bytes[..len.min(bytes.len())])
    }

    fn sound_at(&mut self, at: u64) -> io::Result<Option<Head>> {
        let Some(head) = Head::read(self.view(at, HEADER)?) else {
            return Ok(None);
        };
        let bytes = self.view(at, head.frame_len())?;
        Ok(frame::check(bytes))
    }

    fn next_sound(&mut self, mut from: u64) -> io::Result<u64> {
        while from < self.len {
            let bytes = self.view(from, WINDOW)?;
            let Some(found) = find(bytes, MAGIC) else {
                // The mark may lie across the end of what was looked at.
                from += (bytes.len() as u64).saturating_sub(3).max(1);
                continue;
            };
            let at = from + found as u64;
            if self.sound_at(at)?.is_some() {
                return Ok(at);
            }
            from = at + 1;
        }
        Ok(self.len)
    }

    /// The file from a place on, at least so much of it unless it ends before.
    fn view(&mut self, at: u64, want: usize) -> io::Result<&[u8]> {
        let end = (at + want as u64).min(self.len);
        let window_end = self.window_start + self.window.len() as u64;
        if at < self.window_start || end > window_end {
            self.fill(at, want.max(WINDOW))?;
        }
        let skip = (at - self.window_start) as usize;
        Ok(self.window.get(skip..).unwrap_or(&[]))
    }

    fn fill(&mut self, at: u64, want: usize) -> io::Result<()> {
        let want = (self.len.saturating_sub(at)).min(want as u64) as usize;
        self.window.resize(want, 0);
        self.window_start = at;
        self.file.read_exact_at(&mut self.window, at)
    }
}

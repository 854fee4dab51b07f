//! Output as lines, each with a number that never changes.
//!
//! A line of one stream stands where it is completed: lines of the two streams follow each other in
//! the order of their line feeds. What is unfinished stands after all that is finished, until it is
//! finished itself. A new attempt, a gap and the end finish what is open. A carriage return is a
//! byte like any other.

use bytes::Bytes;

use super::output::{Chunk, ChunkBody, GapReason, OutStream};

/// The longest line, in bytes; a longer one comes in several pieces.
pub const LONGEST_LINE: usize = 4096;

/// A line, or a piece of a long one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Its place in the host's output, from 0.
    pub number: u64,
    /// When its first byte arrived: Unix milliseconds.
    pub at_ms: i64,
    /// Which stream.
    pub stream: OutStream,
    /// The step.
    pub step: u16,
    /// The attempt.
    pub attempt: u32,
    /// Its bytes, without the line feed.
    pub bytes: &'a [u8],
    /// Whether the piece before in its stream goes on here.
    pub goes_on: bool,
    /// Bytes that are not stored stood here, and why.
    pub gap: Option<(u64, GapReason)>,
}

/// Makes lines of one host's chunks in the order they are stored.
#[derive(Debug, Clone, Default)]
pub struct Splitter {
    finished: u64,
    /// The step and the attempt that is open.
    attempt: (u16, u32),
    open: [Open; 2],
}

/// The unfinished line of one stream.
#[derive(Debug, Clone, Default)]
struct Open {
    bytes: Vec<u8>,
    at_ms: i64,
    goes_on: bool,
}

impl Splitter {
    /// Lines that are finished: they do not change any more.
    pub fn finished(&self) -> u64 {
        self.finished
    }

    /// All lines, unfinished ones too.
    pub fn total(&self) -> u64 {
        self.finished
            + self
                .open
                .iter()
                .filter(|open| !open.bytes.is_empty())
                .count() as u64
    }

    /// Bytes of memory that unfinished lines take.
    pub fn held(&self) -> usize {
        self.open.iter().map(|open| open.bytes.capacity()).sum()
    }

    /// Gives each line that this chunk finishes to `give`.
    pub fn feed(&mut self, chunk: &Chunk, give: &mut impl FnMut(Piece<'_>)) {
        if self.attempt != (chunk.step, chunk.attempt) {
            for stream in OutStream::ALL {
                self.finish(stream, give);
            }
            self.attempt = (chunk.step, chunk.attempt);
        }
        match &chunk.body {
            ChunkBody::Data(bytes) => self.data(chunk, bytes, give),
            ChunkBody::Gap { len, reason } => {
                self.finish(chunk.stream, give);
                let gap = Some((*len, *reason));
                self.give(chunk.stream, &Open::at(chunk.at_ms), &[], gap, give);
            }
        }
    }

    /// The unfinished lines as they are.
    pub fn unfinished(&self) -> impl Iterator<Item = Piece<'_>> {
        let open = OutStream::ALL.into_iter().zip(&self.open);
        open.filter(|(_, open)| !open.bytes.is_empty())
            .zip(self.finished..)
            .map(|((stream, open), number)| Piece {
                number,
                at_ms: open.at_ms,
                stream,
                step: self.attempt.0,
                attempt: self.attempt.1,
                bytes: &open.bytes,
                goes_on: open.goes_on,
                gap: None,
            })
    }

    fn data(&mut self, chunk: &Chunk, bytes: &Bytes, give: &mut impl FnMut(Piece<'_>)) {
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            self.part(chunk, &bytes[from..end], true, give);
            from = end + 1;
        }
        if from < bytes.len() {
            self.part(chunk, &bytes[from..], false, give);
        }
    }

    /// A part of a line, and whether the line ends with it.
    fn part(
        &mut self,
        chunk: &Chunk,
        mut part: &[u8],
        ends: bool,
        give: &mut impl FnMut(Piece<'_>),
    ) {
        let stream = chunk.stream;
        let mut open = std::mem::take(&mut self.open[stream as usize]);
        if !open.bytes.is_empty() {
            let (first, rest) = part.split_at(part.len().min(LONGEST_LINE - open.bytes.len()));
            open.bytes.extend_from_slice(first);
            part = rest;
            if ends && part.is_empty() {
                self.give(stream, &open, &open.bytes, None, give);
                open.bytes.clear();
                open.goes_on = false;
                self.open[stream as usize] = open;
                return;
            }
            if !part.is_empty() {
                self.give(stream, &open, &open.bytes, None, give);
                open.bytes.clear();
                open.goes_on = true;
            }
        }
        if open.bytes.is_empty() {
            open.at_ms = chunk.at_ms;
        }
        while part.len() > LONGEST_LINE {
            let (first, rest) = part.split_at(LONGEST_LINE);
            self.give(stream, &open, first, None, give);
            open.goes_on = true;
            part = rest;
        }
        if ends {
            self.give(stream, &open, part, None, give);
            open.goes_on = false;
        } else {
            open.bytes.extend_from_slice(part);
        }
        self.open[stream as usize] = open;
    }

    fn finish(&mut self, stream: OutStream, give: &mut impl FnMut(Piece<'_>)) {
        let open = std::mem::take(&mut self.open[stream as usize]);
        if !open.bytes.is_empty() {
            self.give(stream, &open, &open.bytes, None, give);
        }
    }

    fn give(
        &mut self,
        stream: OutStream,
        open: &Open,
        bytes: &[u8],
        gap: Option<(u64, GapReason)>,
        give: &mut impl FnMut(Piece<'_>),
    ) {
        give(Piece {
            number: self.finished,
            at_ms: open.at_ms,
            stream,
            step: self.attempt.0,
            attempt: self.attempt.1,
            bytes,
            goes_on: open.goes_on,
            gap,
        });
        self.finished += 1;
    }
}

impl Open {
    fn at(at_ms: i64) -> Self {
        Self {
            at_ms,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests;

//! Where lines are found in a long output: a mark every so many bytes, to read on from.

use super::lines::{Piece, Splitter};
use super::output::Chunk;

/// Bytes of output from one mark to the next.
pub const MARK_EVERY: u64 = 64 << 10;

/// A place in the output, and the lines that are open there.
#[derive(Debug, Clone, Default)]
pub struct Mark {
    /// Where to read on, in the store's words.
    pub cursor: u64,
    /// Makes lines of what follows.
    pub splitter: Splitter,
}

/// The lines of one host's output. It grows with the output.
#[derive(Debug, Clone, Default)]
pub struct LineIndex {
    marks: Vec<Mark>,
    end: Mark,
    bytes: u64,
    since_mark: u64,
}

impl LineIndex {
    /// Where to read on.
    pub fn cursor(&self) -> u64 {
        self.end.cursor
    }

    /// All lines, unfinished ones too.
    pub fn total(&self) -> u64 {
        self.end.splitter.total()
    }

    /// Bytes of output, stored or not.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of memory that it takes.
    pub fn cost(&self) -> usize {
        let held: usize = self.marks.iter().map(|mark| mark.splitter.held()).sum();
        held + self.marks.len() * size_of::<Mark>()
    }

    /// Adds the chunks from [`Self::cursor`] on; reading goes on at `next`.
    pub fn grow(&mut self, chunks: &[Chunk], next: u64) {
        for chunk in chunks {
            self.end.splitter.feed(chunk, &mut |_| ());
            self.bytes += chunk.len();
            self.since_mark += chunk.len().min(MARK_EVERY);
        }
        self.end.cursor = next;
        if self.since_mark >= MARK_EVERY {
            self.since_mark = 0;
            self.marks.push(self.end.clone());
        }
    }

    /// The last mark that this line is behind.
    pub fn before(&self, line: u64) -> Mark {
        let behind = |mark: &Mark| mark.splitter.finished() <= line;
        let place = self.marks.partition_point(behind);
        let mark = place.checked_sub(1).and_then(|place| self.marks.get(place));
        mark.cloned().unwrap_or_default()
    }
}

/// Reads lines `from..until` on from a mark.
#[derive(Debug)]
pub struct Window {
    mark: Mark,
    from: u64,
    until: u64,
}

impl Window {
    /// The lines `from..until`, of this index.
    pub fn new(index: &LineIndex, from: u64, until: u64) -> Self {
        Self {
            mark: index.before(from),
            from,
            until,
        }
    }

    /// Where to read on.
    pub fn cursor(&self) -> u64 {
        self.mark.cursor
    }

    /// Whether every line was given.
    pub fn is_full(&self) -> bool {
        self.mark.splitter.finished() >= self.until
    }

    /// Lines there are up to here.
    pub fn total(&self) -> u64 {
        self.mark.splitter.total()
    }

    /// Gives the wanted lines of the chunks from [`Self::cursor`] on; reading goes on at `next`.
    pub fn feed(&mut self, chunks: &[Chunk], next: u64, give: &mut impl FnMut(Piece<'_>)) {
        let wanted = self.from..self.until;
        for chunk in chunks {
            self.mark.splitter.feed(chunk, &mut |piece: Piece<'_>| {
                if wanted.contains(&piece.number) {
                    give(piece);
                }
            });
        }
        self.mark.cursor = next;
    }

    /// Gives the wanted lines that are unfinished: there is nothing to read any more.
    pub fn end(&self, give: &mut impl FnMut(Piece<'_>)) {
        let wanted = self.from..self.until;
        for piece in self.mark.splitter.unfinished() {
            if wanted.contains(&piece.number) {
                give(piece);
            }
        }
    }
}

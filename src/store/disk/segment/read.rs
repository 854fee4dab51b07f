//! Reads a run's output page by page, from memory and from the file alike.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::damage::{self, Gaps};
use super::frame;
use super::state::{Place, RunOut};
use crate::store::page::data_len;
use crate::store::{Chunk, OutputCursor, OutputPage};

/// A cursor is the frame's number and the chunk's number in it.
const CHUNK_BITS: u32 = 16;

/// The chunks of a frame.
pub(super) type Chunks = Arc<Vec<Chunk>>;

/// One reading of a run.
pub(super) struct Reading<'a> {
    pub run: &'a RunOut,
    /// Only chunks of this host.
    pub host: Option<u32>,
    pub max_bytes: usize,
}

/// What can be read at this moment.
struct Horizon {
    open_number: u32,
    open: Vec<Chunk>,
}

/// Where a frame is found.
enum Found {
    Memory(Chunks),
    File(Place),
    Bad,
}

/// Remembers frames that were unpacked lately.
pub(super) trait Cache {
    fn get(&self, run: u64, number: u32) -> Option<Chunks>;
    fn put(&self, run: u64, number: u32, chunks: &Chunks);
}

impl Reading<'_> {
    /// The page from a cursor on. `numbers`: which frames to look at, ascending; those before the
    /// cursor are passed over. The open frame is looked at in any case.
    pub fn page(
        &self,
        from: OutputCursor,
        numbers: impl Iterator<Item = u32>,
        cache: &dyn Cache,
    ) -> io::Result<OutputPage> {
        let horizon = self.horizon();
        let (first, skip) = split(from);
        let mut page = OutputPage::default();
        let mut bytes = 0;
        let wanted = numbers.skip_while(|number| *number < first);
        let closed = wanted.take_while(|number| *number < horizon.open_number);
        for number in closed
            .chain([horizon.open_number])
            .filter(|number| *number >= first)
        {
            let chunks = self.chunks(number, &horizon, cache)?;
            let start = if number == first { skip } else { 0 };
            for (index, chunk) in chunks.iter().enumerate().skip(start) {
                if self.host.is_some_and(|host| host != chunk.host) {
                    continue;
                }
                if !page.chunks.is_empty() && bytes >= self.max_bytes {
                    return Ok(page);
                }
                bytes += data_len(chunk);
                page.chunks.push(chunk.clone());
                page.next = cursor(number, index + 1);
            }
        }
        page.end = true;
        page.next = from.max(cursor(horizon.open_number, horizon.open.len()));
        Ok(page)
    }

    fn horizon(&self) -> Horizon {
        let state = self.run.lock();
        Horizon {
            open_number: state.open_number(),
            open: state.open.clone(),
        }
    }

    fn chunks(&self, number: u32, horizon: &Horizon, cache: &dyn Cache) -> io::Result<Chunks> {
        if number == horizon.open_number {
            return Ok(Arc::new(horizon.open.clone()));
        }
        if let Some(chunks) = cache.get(self.run.run, number) {
            return Ok(chunks);
        }
        let place = match self.find(number) {
            Found::Memory(chunks) => return Ok(chunks),
            Found::File(place) => place,
            Found::Bad => return self.instead(number),
        };
        let Some(chunks) = self.read(place)? else {
            self.mark_bad(number);
            return self.instead(number);
        };
        let chunks = Arc::new(chunks);
        cache.put(self.run.run, number, &chunks);
        Ok(chunks)
    }

    fn find(&self, number: u32) -> Found {
        let state = self.run.lock();
        if state.bad.contains(&number) {
            return Found::Bad;
        }
        if let Some(place) = state.frames.get(number as usize) {
            return Found::File(*place);
        }
        let pending = state.closed.get(number as usize - state.frames.len());
        let chunks = pending.map(|pending| pending.chunks.clone());
        Found::Memory(Arc::new(chunks.unwrap_or_default()))
    }

    /// `None` if the file does not hold what it should.
    fn read(&self, place: Place) -> io::Result<Option<Vec<Chunk>>> {
        let mut bytes = vec![0; place.len as usize];
        let open = File::open(&self.run.path);
        match open.and_then(|file| file.read_exact_at(&mut bytes, place.start)) {
            Err(error) if is_lost(&error) => return Ok(None),
            other => other?,
        }
        let head = frame::check(&bytes);
        Ok(head.and_then(|head| frame::chunks(&bytes, &head)))
    }

    fn mark_bad(&self, number: u32) {
        let mut state = self.run.lock();
        state.bad.insert(number);
        state.gaps = None;
    }

    /// The gaps that stand for a bad frame.
    fn instead(&self, number: u32) -> io::Result<Chunks> {
        let known = self.run.lock().gaps.clone();
        let gaps: Arc<Gaps> = if let Some(known) = known {
            known
        } else {
            let found = Arc::new(damage::gaps(self.run)?);
            self.run.lock().gaps = Some(found.clone());
            found
        };
        Ok(Arc::new(gaps.get(&number).cloned().unwrap_or_default()))
    }
}

/// The file is gone or shorter than it was.
fn is_lost(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound
    )
}

fn cursor(number: u32, index: usize) -> OutputCursor {
    OutputCursor(u64::from(number) << CHUNK_BITS | index as u64)
}

fn split(cursor: OutputCursor) -> (u32, usize) {
    let number = u32::try_from(cursor.0 >> CHUNK_BITS).unwrap_or(u32::MAX);
    (number, (cursor.0 & ((1 << CHUNK_BITS) - 1)) as usize)
}

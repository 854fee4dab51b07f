//! What was in damaged frames, told from what lies around them: the offsets of each stream jump
//! where something is missing.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::frame;
use super::state::{Place, RunOut};
use crate::store::page::OutputKey;
use crate::store::{Chunk, ChunkBody, GapReason};

/// For each bad frame the gaps that stand for it.
pub(super) type Gaps = HashMap<u32, Vec<Chunk>>;

/// Reads the tables of all frames and finds what is missing between them.
pub(super) fn gaps(run: &RunOut) -> io::Result<Gaps> {
    let (frames, bad, extents) = {
        let state = run.lock();
        (
            state.frames.clone(),
            state.bad.clone(),
            state.extents.clone(),
        )
    };
    let file = match File::open(&run.path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        other => Some(other?),
    };
    let mut search = Search {
        bad,
        seen: HashMap::new(),
        gaps: HashMap::new(),
    };
    for (number, place) in (0..).zip(&frames) {
        if let Some(chunks) = file.as_ref().and_then(|file| table(file, place)) {
            for (chunk, len) in &chunks {
                search.see(number, chunk, *len);
            }
        }
    }
    let last = frames.len() as u32;
    for (key, extent) in &extents {
        // What only a damaged frame at the end held is known from the index alone.
        search.jump(*key, last, extent.synced, 0);
    }
    Ok(search.gaps)
}

fn table(file: &File, place: &Place) -> Option<Vec<(Chunk, usize)>> {
    let mut bytes = vec![0; place.len as usize];
    file.read_exact_at(&mut bytes, place.start).ok()?;
    let head = frame::check(&bytes)?;
    frame::table(&bytes, &head)
}

struct Search {
    bad: BTreeSet<u32>,
    /// Where each stream went on, and the frame that showed it.
    seen: HashMap<OutputKey, (u64, u32)>,
    gaps: Gaps,
}

impl Search {
    fn see(&mut self, number: u32, chunk: &Chunk, len: usize) {
        let key = OutputKey::of(chunk);
        self.jump(key, number, chunk.offset, chunk.at_ms);
        let span = match chunk.body {
            ChunkBody::Data(_) => len as u64,
            ChunkBody::Gap { len, .. } => len,
        };
        self.seen
            .insert(key, (chunk.offset.saturating_add(span), number));
    }

    /// A stream goes on at `offset` in frame `number`.
    fn jump(&mut self, key: OutputKey, number: u32, offset: u64, at_ms: i64) {
        let (end, since) = self.seen.get(&key).copied().unwrap_or((0, 0));
        if offset <= end {
            return;
        }
        let Some(lost) = self.bad.range(since..number).next() else {
            return;
        };
        let body = ChunkBody::Gap {
            len: offset - end,
            reason: GapReason::Damaged,
        };
        let OutputKey {
            host,
            step,
            attempt,
            stream,
        } = key;
        let gap = Chunk {
            host,
            step,
            attempt,
            stream,
            offset: end,
            at_ms,
            body,
        };
        self.gaps.entry(*lost).or_default().push(gap);
    }
}

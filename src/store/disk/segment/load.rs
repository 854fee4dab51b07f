//! Finds out what a run's segment file holds: what the index knows is believed, the rest is read.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::path::Path;

use super::frame;
use super::state::{Extent, Place, State};
use super::walk::{Step, Walk};
use crate::store::page::OutputKey;

/// What the index knows of a run's output.
#[derive(Debug, Clone, Default)]
pub(in crate::store::disk) struct Known {
    pub frames: Vec<Place>,
    pub extents: HashMap<OutputKey, u64>,
}

/// What was found, and what a person should know of it.
#[derive(Debug, Default)]
pub(in crate::store::disk) struct Loaded {
    pub state: State,
    /// Bytes at the end that were never synced and do not count.
    pub torn: u64,
    /// Stretches of the file that are damaged.
    pub damaged: Vec<(u64, u64)>,
    /// Frames the index knows that are not in the file any more.
    pub missing: u32,
}

/// A frame with what the index should know of it.
struct Found {
    number: u32,
    place: Place,
    synced: u64,
    ends: HashMap<OutputKey, u64>,
}

/// What a walk over a file found, with the tail undecided until something proves it good.
#[derive(Default)]
struct Finding {
    loaded: Loaded,
    /// Bad stretches that nothing proves to have been good, and the frames after the first.
    doubtful: Vec<(u64, u64)>,
    after: Vec<Found>,
}

/// Loads a run's output. In a file that is `complete` whatever is bad is damage, also at its end.
pub(in crate::store::disk) fn load(
    path: &Path,
    known: &Known,
    complete: bool,
) -> io::Result<Loaded> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    let indexed_len = known
        .frames
        .last()
        .map_or(0, |place| place.start + u64::from(place.len));
    let mut finding = Finding::default();
    let mut start = 0;
    if indexed_len <= len {
        start = indexed_len;
        let state = &mut finding.loaded.state;
        state.frames.clone_from(&known.frames);
        state.indexed = known.frames.len() as u32;
        state.bad = bad_of(&known.frames);
    }
    let mut walk = Walk::new(file, start)?;
    while let Some(step) = walk.next()? {
        finding.step(&mut walk, &step)?;
    }
    Ok(finding.finish(known, complete, len))
}

fn bad_of(frames: &[Place]) -> BTreeSet<u32> {
    let numbered = (0..).zip(frames);
    numbered
        .filter(|(_, place)| place.len == 0)
        .map(|(number, _)| number)
        .collect()
}

impl Finding {
    fn step(&mut self, walk: &mut Walk, step: &Step) -> io::Result<()> {
        match *step {
            Step::Bad { start, end } => self.doubtful.push((start, end)),
            Step::Frame { start, head } => {
                let table = frame::table(walk.frame(start, &head)?, &head);
                let chunks = table.unwrap_or_default();
                let end = |chunk: &crate::store::Chunk, len: usize| match chunk.body {
                    crate::store::ChunkBody::Data(_) => chunk.offset.saturating_add(len as u64),
                    crate::store::ChunkBody::Gap { .. } => chunk.end(),
                };
                let ends = chunks
                    .iter()
                    .map(|(chunk, len)| (OutputKey::of(chunk), end(chunk, *len)));
                self.found(Found {
                    number: head.number,
                    place: Place {
                        start,
                        len: head.frame_len() as u32,
                    },
                    synced: head.synced,
                    ends: ends.collect(),
                });
            }
        }
        Ok(())
    }

    fn found(&mut self, found: Found) {
        let proof = found.synced;
        self.after.push(found);
        if self.doubtful.iter().all(|(start, _)| proof > *start) {
            self.settle();
        }
    }

    /// Everything up to here was once good.
    fn settle(&mut self) {
        self.loaded.damaged.append(&mut self.doubtful);
        for found in self.after.drain(..) {
            self.loaded.take(found);
        }
    }

    fn finish(mut self, known: &Known, complete: bool, len: u64) -> Loaded {
        let cut = self.doubtful.first().map_or(len, |(start, _)| *start);
        if complete {
            self.settle();
        }
        let mut loaded = self.loaded;
        loaded.torn = if complete { 0 } else { len - cut };
        let state = &mut loaded.state;
        state.len = if complete { len } else { cut };
        while state.frames.len() < known.frames.len() {
            state.bad.insert(state.frames.len() as u32);
            state.frames.push(Place {
                start: state.len,
                len: 0,
            });
            loaded.missing += 1;
        }
        for (key, end) in &known.extents {
            let extent = state.extents.entry(*key).or_default();
            extent.end = extent.end.max(*end);
        }
        for extent in state.extents.values_mut() {
            extent.synced = extent.end;
        }
        state.synced_len = state.len;
        state.synced_frames = state.frames.len() as u32;
        loaded
    }
}

impl Loaded {
    fn take(&mut self, found: Found) {
        let state = &mut self.state;
        let next = state.frames.len() as u32;
        if found.number < next {
            // An older writing of the same frame; the newer one counts.
            return;
        }
        // A number can only be skipped by frames that are damaged; a wild one is no number.
        if u64::from(found.number - next) > found.place.start {
            return;
        }
        for lost in next..found.number {
            state.bad.insert(lost);
            state.frames.push(Place {
                start: found.place.start,
                len: 0,
            });
        }
        state.frames.push(found.place);
        for (key, end) in found.ends {
            let frames = state.hosts.entry(key.host).or_default();
            if frames.last() != Some(&found.number) {
                frames.push(found.number);
            }
            let extent = state.extents.entry(key).or_default();
            *extent = Extent {
                end: extent.end.max(end),
                stale: true,
                ..*extent
            };
        }
    }
}

/// What is left of a run whose file is gone: the gaps.
pub(super) fn lost(known: &Known) -> Loaded {
    let mut finding = Finding::default();
    finding.loaded.state.indexed = 0;
    finding.finish(known, true, 0)
}

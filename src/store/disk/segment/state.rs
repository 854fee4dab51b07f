//! One run's output: what is in its file, what is on the way there, and whose it is.
//!
//! A chunk gets its place (frame number and number in the frame) when it is accepted, so a cursor
//! holds whether the frame is still open, waits to be written, or is in the file.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

use super::frame::{MAX_CHUNKS, TARGET};
use crate::store::disk::sync::lock;
use crate::store::page::{OutputKey, data_len};
use crate::store::{Chunk, ChunkBody, GapReason, StoreError, stitch};

/// The output of one run.
#[derive(Debug)]
pub(in crate::store::disk) struct RunOut {
    pub run: u64,
    pub path: PathBuf,
    pub changed: watch::Sender<u64>,
    state: Mutex<State>,
}

/// Where a frame is in its file. A length of 0 stands for a frame that is damaged or missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::disk) struct Place {
    pub start: u64,
    pub len: u32,
}

/// A frame that is full and not in the file yet.
#[derive(Debug)]
pub(in crate::store::disk) struct Pending {
    pub number: u32,
    pub chunks: Vec<Chunk>,
    /// How many chunks of the run were accepted with it.
    pub ticket: u64,
    /// What it takes of the queue.
    pub charge: usize,
}

/// How far one stream of an attempt is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::store::disk) struct Extent {
    pub end: u64,
    pub synced: u64,
    /// Something was written to it since the store was opened.
    pub touched: bool,
    /// Something was synced since the index was told.
    pub stale: bool,
}

/// What a sync of a written frame makes durable.
#[derive(Debug)]
struct Unsynced {
    ticket: u64,
    ends: HashMap<OutputKey, u64>,
}

/// Behind the lock of a [`RunOut`].
#[derive(Debug, Default)]
pub(in crate::store::disk) struct State {
    pub open: Vec<Chunk>,
    open_bytes: usize,
    open_charge: usize,
    pub closed: VecDeque<Arc<Pending>>,
    /// Frames in the file; the open frame's number is this and the closed ones together.
    pub frames: Vec<Place>,
    /// Where the file ends.
    pub len: u64,
    pub synced_len: u64,
    pub synced_frames: u32,
    /// Chunks accepted and chunks synced since the store was opened.
    pub accepted: u64,
    pub synced: u64,
    unsynced: VecDeque<Unsynced>,
    pub extents: HashMap<OutputKey, Extent>,
    /// Frames with output of a host that the index does not know yet.
    pub hosts: HashMap<u32, Vec<u32>>,
    /// Frames the index knows.
    pub indexed: u32,
    /// Frames that are damaged, and what was in them if that is known.
    pub bad: BTreeSet<u32>,
    pub gaps: Option<Arc<HashMap<u32, Vec<Chunk>>>>,
    /// The writer has it on its list.
    pub dirty: bool,
    /// The run takes no more output.
    pub ended: bool,
}

impl RunOut {
    pub fn new(run: u64, path: PathBuf, state: State) -> Self {
        Self {
            run,
            path,
            changed: watch::Sender::new(0),
            state: Mutex::new(state),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// What accepting a chunk asks of the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::disk) struct Accepted {
    /// The run was not on its list.
    pub newly_dirty: bool,
    /// There is a frame to be written.
    pub closed_one: bool,
    /// All of it was stored already; the charge is free again.
    pub known: bool,
}

impl State {
    /// The number of the frame that is being filled.
    pub fn open_number(&self) -> u32 {
        (self.frames.len() + self.closed.len()) as u32
    }

    /// Takes a chunk; `charge` is given back when its frame is written.
    pub fn accept(
        &mut self,
        run: u64,
        chunk: Chunk,
        charge: usize,
    ) -> Result<Accepted, StoreError> {
        if self.ended {
            return Err(StoreError::Sealed { run });
        }
        let extent = self.extents.entry(OutputKey::of(&chunk)).or_default();
        let missing = if extent.touched {
            GapReason::NoSpace
        } else {
            GapReason::EngineKilled
        };
        extent.touched = true;
        let pieces = stitch::stitch(chunk, extent.end, missing);
        if pieces.is_empty() {
            return Ok(Accepted {
                newly_dirty: false,
                closed_one: false,
                known: true,
            });
        }
        let before = self.closed.len();
        self.open_charge += charge;
        for piece in pieces {
            self.place(piece);
        }
        let newly_dirty = !std::mem::replace(&mut self.dirty, true);
        Ok(Accepted {
            newly_dirty,
            closed_one: self.closed.len() > before,
            known: false,
        })
    }

    fn place(&mut self, piece: Chunk) {
        let number = self.open_number();
        let frames = self.hosts.entry(piece.host).or_default();
        if frames.last() != Some(&number) {
            frames.push(number);
        }
        self.extents.entry(OutputKey::of(&piece)).or_default().end = piece.end();
        self.open_bytes += data_len(&piece);
        self.open.push(piece);
        self.accepted += 1;
        if self.open_bytes >= TARGET || self.open.len() >= MAX_CHUNKS {
            self.close_frame();
        }
    }

    /// The index lost what it knew after some frames; here is what was read from the file again.
    pub fn relearn(&mut self, indexed: u32, read: Self) {
        for (host, mut frames) in read.hosts {
            let known = self.hosts.entry(host).or_default();
            frames.append(known);
            frames.sort_unstable();
            frames.dedup();
            *known = frames;
        }
        for extent in self.extents.values_mut() {
            extent.stale = extent.synced > 0;
        }
        self.indexed = indexed;
    }

    /// How many synced frames the index does not know.
    pub fn unindexed(&self) -> usize {
        self.synced_frames.saturating_sub(self.indexed) as usize
    }

    /// What is in the open frame goes to the file as it is.
    pub fn close_frame(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let pending = Pending {
            number: self.open_number(),
            chunks: std::mem::take(&mut self.open),
            ticket: self.accepted,
            charge: std::mem::take(&mut self.open_charge),
        };
        self.open_bytes = 0;
        self.closed.push_back(Arc::new(pending));
    }

    /// The oldest closed frame is in the file now.
    pub fn written(&mut self, place: Place) {
        if let Some(pending) = self.closed.pop_front() {
            let ends = pending
                .chunks
                .iter()
                .map(|chunk| (OutputKey::of(chunk), chunk.end()));
            self.unsynced.push_back(Unsynced {
                ticket: pending.ticket,
                ends: ends.collect(),
            });
            self.frames.push(place);
            self.len = place.start + u64::from(place.len);
        }
    }

    /// Everything that is in the file is synced now.
    pub fn all_synced(&mut self) {
        for unsynced in self.unsynced.drain(..) {
            self.synced = self.synced.max(unsynced.ticket);
            for (key, end) in unsynced.ends {
                let extent = self.extents.entry(key).or_default();
                extent.synced = end;
                extent.stale = true;
            }
        }
        self.synced_frames = self.frames.len() as u32;
        self.synced_len = self.len;
    }

    /// The disk had no room for the closed frames: their bytes are given up, the gaps stay and are
    /// written when there is room. Returns what they took of the queue.
    pub fn give_up_data(&mut self) -> usize {
        let mut charge = 0;
        for pending in &mut self.closed {
            charge += pending.charge;
            let chunks = pending.chunks.iter().map(|chunk| {
                let body = match &chunk.body {
                    ChunkBody::Data(bytes) => ChunkBody::Gap {
                        len: bytes.len() as u64,
                        reason: GapReason::NoSpace,
                    },
                    gap @ ChunkBody::Gap { .. } => gap.clone(),
                };
                Chunk {
                    body,
                    ..chunk.clone()
                }
            });
            let chunks = chunks.collect();
            let (number, ticket) = (pending.number, pending.ticket);
            *pending = Arc::new(Pending {
                number,
                chunks,
                ticket,
                charge: 0,
            });
        }
        // Nobody is to wait for them; that they are missing is told by the gaps.
        self.synced = self.closed.back().map_or(self.synced, |last| last.ticket);
        charge
    }
}

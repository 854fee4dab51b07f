//! Reads the journal at open: tells a tail that was cut off from damage, and rebuilds the front.
//!
//! Both look the same at the place itself: something that is no sound entry. The difference is
//! whether it was ever synced. Each entry says what was durable when it was written, so a bad
//! stretch is damage if anything later proves that it was durable; else nobody was ever told of
//! it, and it is cut off, along with whatever lies behind it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::files::open_for_reading;
use super::front::{Front, Place, Slots, has_records};
use super::live::LiveFiles;
use crate::store::disk::aside;
use crate::store::disk::entry::{Entry, Op};
use crate::store::disk::frame::{self, Items};
use crate::store::disk::layout::{Layout, numbered};
use crate::store::disk::notes::Notes;
use crate::store::disk::options::Options;
use crate::store::{Digest, Lsn, StoreError, Stream};

/// What the archives know, to be left out of the live streams.
#[derive(Debug, Clone)]
pub(in crate::store::disk) struct Archived {
    pub audit_next: u64,
    pub audit_head: Digest,
    pub engine_next: u64,
    /// The newest LSN that was ever seen durable outside the journal.
    pub known_durable: Lsn,
}

/// What the journal says.
#[derive(Debug)]
pub(in crate::store::disk) struct Recovered {
    pub front: Front,
    /// The file to go on in, and where.
    pub number: u64,
    pub end: u64,
    /// The first LSN in it; `None` if it is empty.
    pub first: Option<Lsn>,
    /// The store was closed as it should be: everything it wrote was synced.
    pub clean: bool,
    /// All changes of keys.
    pub puts: Vec<Put>,
    /// Runs whose files must be gone.
    pub dropped: Vec<u64>,
}

/// A change of a key.
#[derive(Debug, Clone)]
pub(in crate::store::disk) struct Put {
    pub lsn: Lsn,
    pub key: Bytes,
    pub value: Option<Bytes>,
}

/// A stretch of one file.
struct Piece {
    file: usize,
    at: u64,
    end: u64,
    /// `None`: no sound entry.
    entry: Option<Arc<Entry>>,
}

struct LogFile {
    number: u64,
    path: PathBuf,
    len: u64,
}

/// Reads the journal. Cuts off what was never acknowledged; keeps what is damaged aside.
pub(in crate::store::disk) fn recover(
    layout: &Layout,
    options: &Options,
    notes: &Notes,
    archived: &Archived,
) -> Result<Recovered, StoreError> {
    let dir = layout.dir("log");
    let found = numbered(&dir, "log").map_err(StoreError::io("list", &dir))?;
    let mut files = Vec::new();
    let mut pieces = Vec::new();
    for (number, path) in found {
        let bytes = fs::read(&path).map_err(StoreError::io("read", &path))?;
        pieces.extend(split(files.len(), &bytes));
        files.push(LogFile {
            number,
            path,
            len: bytes.len() as u64,
        });
    }
    let cut = judge(layout, &files, &mut pieces, notes, archived.known_durable);
    if let Some((file, at)) = cut {
        truncate(options, &mut files, file, at)?;
    }
    remove_empty_tail(options, &mut files)?;
    trim(options, &files)?;
    rebuild(layout, &files, &pieces, archived, notes)
}

fn split(file: usize, bytes: &[u8]) -> Vec<Piece> {
    let pieces = Items::new(bytes).map(|item| match item {
        frame::Item::Bad { at, end } => Piece {
            file,
            at: at as u64,
            end: end as u64,
            entry: None,
        },
        frame::Item::Entry { at, end, bytes } => Piece {
            file,
            at: at as u64,
            end: end as u64,
            entry: Entry::decode(Bytes::from(bytes.into_owned())).map(Arc::new),
        },
    });
    pieces.collect()
}

/// Finds what is bad: damage is noted, and where a tail begins that was never acknowledged is
/// returned, after the pieces from there on were dropped.
fn judge(
    layout: &Layout,
    files: &[LogFile],
    pieces: &mut Vec<Piece>,
    notes: &Notes,
    known_durable: Lsn,
) -> Option<(usize, u64)> {
    let proven = proven_after(pieces, known_durable);
    let mut expected = None;
    for index in 0..pieces.len() {
        let piece = &pieces[index];
        let first = piece.entry.as_ref().map(|entry| entry.first);
        let missing = expected.unwrap_or_else(|| first.unwrap_or(1));
        if first.is_none_or(|first| first > missing) {
            if proven[index] < missing {
                let cut = (piece.file, piece.at);
                let bytes = files[piece.file].len - piece.at;
                notes.recovered(format!(
                    "cut {bytes} bytes off the journal that were never acknowledged"
                ));
                pieces.truncate(index);
                return Some(cut);
            }
            note_damage(layout, &files[piece.file], piece, missing, notes);
        }
        if let Some(entry) = &piece.entry {
            expected = Some(entry.first + entry.items.len() as u64);
        }
    }
    None
}

/// For each piece: the newest LSN that it or anything after it proves to have been durable.
fn proven_after(pieces: &[Piece], known_durable: Lsn) -> Vec<Lsn> {
    let mut proven = vec![known_durable; pieces.len()];
    let mut newest = known_durable;
    for (piece, proven) in pieces.iter().zip(&mut proven).rev() {
        newest = newest.max(piece.entry.as_ref().map_or(0, |entry| entry.synced));
        *proven = newest;
    }
    proven
}

fn note_damage(layout: &Layout, file: &LogFile, piece: &Piece, missing: Lsn, notes: &Notes) {
    let copy = aside::keep(layout, &file.path);
    notes.damage(
        None,
        format!(
            "the journal is damaged at byte {} of {}: records from LSN {missing} on are lost up \
             to the next sound one; {copy}",
            piece.at,
            file.path.display(),
        ),
    );
}

fn truncate(
    options: &Options,
    files: &mut Vec<LogFile>,
    file: usize,
    at: u64,
) -> Result<(), StoreError> {
    for later in files.drain(file + 1..) {
        options
            .files
            .remove(&later.path)
            .map_err(StoreError::io("remove", &later.path))?;
    }
    let path = files[file].path.clone();
    files[file].len = at;
    let cut = options.files.open(&path).and_then(|out| {
        out.set_len(at)?;
        out.sync()
    });
    cut.map_err(StoreError::io("cut", &path))
}

/// Files at the end that were prepared and never written.
fn remove_empty_tail(options: &Options, files: &mut Vec<LogFile>) -> Result<(), StoreError> {
    while files.len() > 1 && files.last().is_some_and(|last| last.len == 0) {
        if let Some(empty) = files.pop() {
            options
                .files
                .remove(&empty.path)
                .map_err(StoreError::io("remove", &empty.path))?;
        }
    }
    Ok(())
}

/// Gives back what was claimed for files that are done.
fn trim(options: &Options, files: &[LogFile]) -> Result<(), StoreError> {
    for file in files.iter().rev().skip(1) {
        let trimmed = options
            .files
            .open(&file.path)
            .and_then(|out| out.set_len(file.len));
        trimmed.map_err(StoreError::io("trim", &file.path))?;
    }
    Ok(())
}

fn rebuild(
    layout: &Layout,
    files: &[LogFile],
    pieces: &[Piece],
    archived: &Archived,
    notes: &Notes,
) -> Result<Recovered, StoreError> {
    let mut recovered = Recovered {
        front: Front::new(LiveFiles::default()),
        number: files.last().map_or(1, |file| file.number),
        end: files.last().map_or(0, |file| file.len),
        clean: false,
        first: pieces
            .iter()
            .find_map(|piece| Some(piece.entry.as_ref()?.first)),
        puts: Vec::new(),
        dropped: Vec::new(),
    };
    for (index, file) in files.iter().enumerate() {
        recovered
            .front
            .files
            .add(file.number, open_for_reading(&file.path)?);
        if index + 1 < files.len() {
            recovered.front.files.close(file.number);
        }
    }
    recovered.front.audit_head = archived.audit_head;
    start_at(&mut recovered.front, Stream::Audit, archived.audit_next);
    start_at(&mut recovered.front, Stream::Engine, archived.engine_next);
    for piece in pieces {
        if let Some(entry) = &piece.entry {
            let number = files[piece.file].number;
            recovered.take(
                entry,
                Place::File {
                    number,
                    at: piece.at,
                },
                number,
                piece.end,
            );
        }
    }
    recovered.finish(layout, archived, notes);
    if let Some(mark) = pieces.last().filter(|piece| is_mark(piece)) {
        // The mark is taken off, so that it says nothing of what is written from now on.
        recovered.clean = true;
        recovered.end = mark.at;
    }
    Ok(recovered)
}

/// Whether this is what a clean end leaves.
fn is_mark(piece: &Piece) -> bool {
    piece
        .entry
        .as_ref()
        .is_some_and(|entry| entry.items.is_empty())
}

fn start_at(front: &mut Front, stream: Stream, next_seq: u64) {
    front.streams.insert(
        stream,
        Slots {
            next_seq,
            ..Slots::default()
        },
    );
}

impl Recovered {
    /// Takes over what an entry says.
    fn take(&mut self, entry: &Entry, place: Place, number: u64, end: u64) {
        let front = &mut self.front;
        if has_records(entry) {
            front.places.insert(entry.first, place);
        }
        for (item, index) in entry.items.iter().zip(0..) {
            match &item.op {
                Op::Record { .. } => front.see_record(entry.first, index, &item.op),
                Op::Put { key, value } => self.puts.push(Put {
                    lsn: item.lsn,
                    key: key.clone(),
                    value: value.clone(),
                }),
                Op::Sealed { run, .. } => front.forget_run(*run),
                Op::Dropped { run } => {
                    front.forget_run(*run);
                    self.dropped.push(*run);
                }
                Op::Gone { run } => self.dropped.retain(|dropped| dropped != run),
            }
        }
        front.files.wrote(number, entry, end, |_| true);
        front.next = front.next.max(entry.first + entry.items.len() as u64);
    }

    fn finish(&mut self, layout: &Layout, archived: &Archived, notes: &Notes) {
        let front = &mut self.front;
        front.next = front.next.max(archived.known_durable + 1);
        front.durable = front.next - 1;
        for (stream, next) in [
            (Stream::Audit, archived.audit_next),
            (Stream::Engine, archived.engine_next),
        ] {
            if let Some(slots) = front.streams.get_mut(&stream) {
                slots.forget_before(next);
                note_holes(layout, stream, slots, next, notes);
            }
        }
        for (stream, slots) in &front.streams {
            if matches!(stream, Stream::Run(_)) {
                note_holes(layout, *stream, slots, 0, notes);
            }
        }
    }
}

/// Says which records of a stream are missing.
fn note_holes(layout: &Layout, stream: Stream, slots: &Slots, first: u64, notes: &Notes) {
    let mut expected = first;
    for slot in &slots.list {
        if slot.seq > expected {
            let run = if let Stream::Run(run) = stream {
                Some(run)
            } else {
                None
            };
            let last = slot.seq - 1;
            let aside = layout.dir("aside");
            notes.damage(
                run,
                format!(
                    "{stream} lacks its records {expected} to {last}; see {}",
                    aside.display()
                ),
            );
        }
        expected = slot.seq + 1;
    }
}

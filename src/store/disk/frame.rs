//! Entries in CRC frames of at most 16 KiB: the form of the journal, the archives and the events
//! of sealed runs.
//!
//! A frame is `magic u32 | len u16 | part u8 | 0 u8 | crc u32 | payload`, little-endian, the CRC
//! over all the rest. An entry that is longer than a frame spans several, marked first and last.
//! An entry is whole or it is not there, so what one entry holds happens together.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

const MAGIC: [u8; 4] = *b"cnF1";
const HEADER: usize = 12;
const MAX_FRAME: usize = 16 << 10;
const MAX_PAYLOAD: usize = MAX_FRAME - HEADER;
const FIRST: u8 = 1;
const LAST: u8 = 2;

/// No entry is longer; a longer one in a file is damage.
pub(super) const MAX_ENTRY: usize = 4 << 20;

/// Appends an entry in frames to a buffer.
pub(super) fn encode(entry: &[u8], out: &mut Vec<u8>) {
    let count = entry.len().div_ceil(MAX_PAYLOAD).max(1);
    for index in 0..count {
        let start = index * MAX_PAYLOAD;
        let payload = &entry[start..entry.len().min(start + MAX_PAYLOAD)];
        let first = if index == 0 { FIRST } else { 0 };
        let last = if index + 1 == count { LAST } else { 0 };
        encode_frame(payload, first | last, out);
    }
}

/// How long an entry is in frames.
pub(super) fn encoded_len(entry: usize) -> usize {
    entry + entry.div_ceil(MAX_PAYLOAD).max(1) * HEADER
}

fn encode_frame(payload: &[u8], part: u8, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&(payload.len() as u16).to_le_bytes());
    out.extend_from_slice(&[part, 0]);
    let crc = checksum(&out[start..start + 8], payload);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(payload);
}

fn checksum(head: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(payload);
    hasher.finalize()
}

struct Frame<'a> {
    part: u8,
    payload: &'a [u8],
}

/// The frame at the start of `bytes`, if there is a sound one.
fn decode_frame(bytes: &[u8]) -> Option<Frame<'_>> {
    let head = bytes.get(..HEADER)?;
    let len = usize::from(u16::from_le_bytes([head[4], head[5]]));
    if head[..4] != MAGIC || len > MAX_PAYLOAD || head[6] > FIRST | LAST || head[7] != 0 {
        return None;
    }
    let payload = bytes.get(HEADER..HEADER + len)?;
    let crc = u32::from_le_bytes([head[8], head[9], head[10], head[11]]);
    (checksum(&head[..8], payload) == crc).then_some(Frame {
        part: head[6],
        payload,
    })
}

/// What lies at a place in a file of entries.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// A whole entry.
    Entry {
        at: usize,
        end: usize,
        bytes: Cow<'a, [u8]>,
    },
    /// Something else, up to where the next sound entry starts or the file ends.
    Bad { at: usize, end: usize },
}

/// Walks over all entries in the bytes of a file.
pub(super) struct Items<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Items<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let at = self.at;
        if at >= self.bytes.len() {
            return None;
        }
        if let Some((bytes, end)) = entry_at(self.bytes, at) {
            self.at = end;
            return Some(Item::Entry { at, end, bytes });
        }
        self.at = next_sound(self.bytes, at + 1);
        Some(Item::Bad { at, end: self.at })
    }
}

/// The entry that starts here, and where it ends.
fn entry_at(bytes: &[u8], at: usize) -> Option<(Cow<'_, [u8]>, usize)> {
    let first = decode_frame(&bytes[at..])?;
    if first.part & FIRST == 0 {
        return None;
    }
    let mut end = at + HEADER + first.payload.len();
    if first.part & LAST != 0 {
        return Some((Cow::Borrowed(first.payload), end));
    }
    let mut whole = first.payload.to_vec();
    loop {
        let frame = decode_frame(&bytes[end..])?;
        if frame.part & FIRST != 0 || whole.len() + frame.payload.len() > MAX_ENTRY {
            return None;
        }
        whole.extend_from_slice(frame.payload);
        end += HEADER + frame.payload.len();
        if frame.part & LAST != 0 {
            return Some((Cow::Owned(whole), end));
        }
    }
}

/// Where the next sound entry starts, or the end.
fn next_sound(bytes: &[u8], mut from: usize) -> usize {
    while let Some(found) = find(&bytes[from..], MAGIC) {
        let at = from + found;
        if entry_at(bytes, at).is_some() {
            return at;
        }
        from = at + 1;
    }
    bytes.len()
}

/// Where `needle` is first found in `bytes`.
pub(super) fn find(bytes: &[u8], needle: [u8; 4]) -> Option<usize> {
    bytes.windows(4).position(|window| window == needle)
}

/// Reads the entry that starts at a place in a file.
pub(super) fn read_entry(file: &File, at: u64) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; MAX_FRAME];
    let mut whole = Vec::new();
    let mut offset = at;
    loop {
        let got = read_up_to(file, &mut frame, offset)?;
        let Some(next) = decode_frame(&frame[..got]) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "not a sound frame",
            ));
        };
        let starts = next.part & FIRST != 0;
        if starts != whole.is_empty() || whole.len() + next.payload.len() > MAX_ENTRY {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a frame out of place",
            ));
        }
        whole.extend_from_slice(next.payload);
        offset += (HEADER + next.payload.len()) as u64;
        if next.part & LAST != 0 {
            return Ok(whole);
        }
    }
}

fn read_up_to(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match file.read_at(&mut buffer[got..], offset + got as u64) {
            Ok(0) => break,
            Ok(count) => got += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn file(entries: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
        let mut bytes = Vec::new();
        let starts = entries.iter().map(|entry| {
            let at = bytes.len();
            encode(entry, &mut bytes);
            assert_eq!(bytes.len() - at, encoded_len(entry.len()));
            at
        });
        let starts = starts.collect();
        (bytes, starts)
    }

    fn whole(bytes: &[u8]) -> Vec<Vec<u8>> {
        let entries = Items::new(bytes).filter_map(|item| match item {
            Item::Entry { bytes, .. } => Some(bytes.into_owned()),
            Item::Bad { .. } => None,
        });
        entries.collect()
    }

    #[test]
    fn a_long_entry_that_lost_a_frame_is_not_there_at_all() {
        let entries = vec![vec![1; 10], vec![2; 50_000], vec![3; 10]];
        let (mut bytes, starts) = file(&entries);
        bytes[starts[1] + MAX_FRAME + 100] ^= 1;
        let items: Vec<_> = Items::new(&bytes).collect();
        assert_eq!(
            items[1],
            Item::Bad {
                at: starts[1],
                end: starts[2]
            }
        );
        assert_eq!(whole(&bytes), vec![entries[0].clone(), entries[2].clone()]);
    }

    proptest! {
        #[test]
        fn entries_come_back_whole_from_bytes_and_from_a_file(
            entries in vec(vec(any::<u8>(), 1..40_000), 0..6),
        ) {
            let (bytes, starts) = file(&entries);
            prop_assert_eq!(whole(&bytes), entries.clone());
            let disk = tempfile::tempfile().unwrap();
            disk.write_all_at(&bytes, 0).unwrap();
            for (entry, at) in entries.iter().zip(starts) {
                prop_assert_eq!(&read_entry(&disk, at as u64).unwrap(), entry);
            }
        }

        #[test]
        fn a_cut_leaves_the_entries_before_it(
            entries in vec(vec(any::<u8>(), 1..20_000), 1..5), cut in any::<prop::sample::Index>(),
        ) {
            let (bytes, starts) = file(&entries);
            let cut = cut.index(bytes.len());
            let kept = whole(&bytes[..cut]);
            let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
            prop_assert_eq!(kept.len(), ends.filter(|end| *end <= cut).count());
            prop_assert_eq!(&kept[..], &entries[..kept.len()]);
        }

        #[test]
        fn any_bytes_are_walked_without_a_panic(bytes in vec(any::<u8>(), 0..2000)) {
            let covered: usize = Items::new(&bytes).map(|item| match item {
                Item::Entry { at, end, .. } | Item::Bad { at, end } => end - at,
            }).sum();
            prop_assert_eq!(covered, bytes.len());
        }
    }
}

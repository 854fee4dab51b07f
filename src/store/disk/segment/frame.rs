//! One frame of a segment: some chunks of output, compressed, with a CRC.
//!
//! `magic | crc u32 | number u32 | synced u64 | table raw, packed u32 | data raw, packed u32 |
//! table | data`, little-endian, the CRC over all after it. The table tells whose chunks these
//! are and is packed apart from the bytes, so that it can be read without unpacking those. A
//! packed length equal to the raw one means not packed. `synced` is how far the file was durable
//! when this was written: proof that a bad stretch before there was once good.

use std::cell::RefCell;
use std::io;

use bytes::Bytes;

use crate::run::output::OutStream;
use crate::store::disk::codec::{Reader, put_signed, put_varint};
use crate::store::{Chunk, ChunkBody, GapReason};

pub(super) const MAGIC: [u8; 4] = *b"cnS1";
pub(super) const HEADER: usize = 36;

/// A frame is closed when it holds this much, so it never holds more than twice as much.
pub(super) const TARGET: usize = 32 << 10;
/// Or this many chunks.
pub(super) const MAX_CHUNKS: usize = 2048;

const MAX_TABLE: usize = 1 << 20;
const MAX_DATA: usize = 1 << 20;

/// What the first bytes of a frame say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub number: u32,
    pub synced: u64,
    table_raw: usize,
    table_len: usize,
    data_raw: usize,
    data_len: usize,
}

/// Packs frames one after the other.
pub(super) struct Packer {
    zstd: zstd::bulk::Compressor<'static>,
    table: Vec<u8>,
    data: Vec<u8>,
}

impl Packer {
    pub fn new() -> io::Result<Self> {
        // Level 1 takes half the time of level 3 and a tenth more space on log lines.
        let zstd = zstd::bulk::Compressor::new(1)?;
        Ok(Self {
            zstd,
            table: Vec::new(),
            data: Vec::new(),
        })
    }

    /// Appends a frame with these chunks to a buffer.
    pub fn pack(
        &mut self,
        number: u32,
        synced: u64,
        chunks: &[Chunk],
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        self.table.clear();
        self.data.clear();
        encode_table(chunks, &mut self.table);
        for chunk in chunks {
            if let ChunkBody::Data(bytes) = &chunk.body {
                self.data.extend_from_slice(bytes);
            }
        }
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[0; HEADER - 4]);
        let table_len = pack_part(&mut self.zstd, &self.table, out)?;
        let data_len = pack_part(&mut self.zstd, &self.data, out)?;
        let head = Head {
            number,
            synced,
            table_raw: self.table.len(),
            table_len,
            data_raw: self.data.len(),
            data_len,
        };
        head.write(&mut out[start..]);
        Ok(())
    }
}

/// Appends a part, packed if that makes it shorter; returns its length.
fn pack_part(
    zstd: &mut zstd::bulk::Compressor<'_>,
    raw: &[u8],
    out: &mut Vec<u8>,
) -> io::Result<usize> {
    let packed = zstd.compress(raw)?;
    let shorter = if packed.len() < raw.len() {
        &packed[..]
    } else {
        raw
    };
    out.extend_from_slice(shorter);
    Ok(shorter.len())
}

impl Head {
    fn write(self, frame: &mut [u8]) {
        frame[8..12].copy_from_slice(&self.number.to_le_bytes());
        frame[12..20].copy_from_slice(&self.synced.to_le_bytes());
        let lens = [self.table_raw, self.table_len, self.data_raw, self.data_len];
        for (index, len) in lens.into_iter().enumerate() {
            let at = 20 + index * 4;
            frame[at..at + 4].copy_from_slice(&(len as u32).to_le_bytes());
        }
        let crc = crc32fast::hash(&frame[8..]);
        frame[4..8].copy_from_slice(&crc.to_le_bytes());
    }

    /// Reads it from the first bytes of what may be a frame.
    pub fn read(frame: &[u8]) -> Option<Self> {
        let bytes = frame.get(..HEADER)?;
        let u32_at = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let size = |at: usize| u32_at(at) as usize;
        let head = Self {
            number: u32_at(8),
            synced: u64::from(u32_at(12)) | u64::from(u32_at(16)) << 32,
            table_raw: size(20),
            table_len: size(24),
            data_raw: size(28),
            data_len: size(32),
        };
        let sane = head.table_raw <= MAX_TABLE
            && head.data_raw <= MAX_DATA
            && head.table_len <= head.table_raw
            && head.data_len <= head.data_raw;
        (bytes[..4] == MAGIC && sane).then_some(head)
    }

    /// How long the whole frame is.
    pub fn frame_len(&self) -> usize {
        HEADER + self.table_len + self.data_len
    }
}

/// The frame at the start of `bytes`, if there is a sound one.
pub(super) fn check(bytes: &[u8]) -> Option<Head> {
    let head = Head::read(bytes)?;
    let frame = bytes.get(..head.frame_len())?;
    let crc = u32::from_le_bytes([frame[4], frame[5], frame[6], frame[7]]);
    (crc32fast::hash(&frame[8..]) == crc).then_some(head)
}

/// The chunks of a sound frame without their bytes: data is as long as it should be, and empty.
pub(super) fn table(bytes: &[u8], head: &Head) -> Option<Vec<(Chunk, usize)>> {
    let packed = bytes.get(HEADER..HEADER + head.table_len)?;
    decode_table(unpack(packed, head.table_raw)?)
}

/// The chunks of a sound frame.
pub(super) fn chunks(bytes: &[u8], head: &Head) -> Option<Vec<Chunk>> {
    let start = HEADER + head.table_len;
    let mut data = unpack(bytes.get(start..start + head.data_len)?, head.data_raw)?;
    let mut chunks = Vec::new();
    for (mut chunk, len) in table(bytes, head)? {
        if let ChunkBody::Data(bytes) = &mut chunk.body {
            if len > data.len() {
                return None;
            }
            *bytes = data.split_to(len);
        }
        chunks.push(chunk);
    }
    Some(chunks)
}

fn unpack(packed: &[u8], raw: usize) -> Option<Bytes> {
    if packed.len() == raw {
        return Some(Bytes::copy_from_slice(packed));
    }
    let bytes = UNPACKER.with_borrow_mut(|unpacker| {
        if unpacker.is_none() {
            *unpacker = zstd::bulk::Decompressor::new().ok();
        }
        unpacker.as_mut()?.decompress(packed, raw).ok()
    })?;
    (bytes.len() == raw).then(|| bytes.into())
}

thread_local! {
    /// Kept by each thread that reads: making one takes longer than unpacking a frame with it.
    static UNPACKER: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

const DATA: u8 = 0;
const STDERR: u8 = 1;
const REASONS: [GapReason; 5] = [
    GapReason::OverBudget,
    GapReason::EngineKilled,
    GapReason::HostCap,
    GapReason::NoSpace,
    GapReason::Damaged,
];

fn encode_table(chunks: &[Chunk], out: &mut Vec<u8>) {
    let mut at_ms = 0;
    for chunk in chunks {
        let stderr = if chunk.stream == OutStream::Stderr {
            STDERR
        } else {
            0
        };
        let (kind, len) = match &chunk.body {
            ChunkBody::Data(bytes) => (DATA, bytes.len() as u64),
            ChunkBody::Gap { len, reason } => {
                let place = REASONS
                    .iter()
                    .position(|known| known == reason)
                    .unwrap_or(0);
                (1 + place as u8, *len)
            }
        };
        out.push(kind << 1 | stderr);
        put_varint(chunk.host.into(), out);
        put_varint(chunk.step.into(), out);
        put_varint(chunk.attempt.into(), out);
        put_varint(chunk.offset, out);
        put_varint(len, out);
        put_signed(chunk.at_ms.wrapping_sub(at_ms), out);
        at_ms = chunk.at_ms;
    }
}

fn decode_table(bytes: Bytes) -> Option<Vec<(Chunk, usize)>> {
    let mut reader = Reader::new(bytes);
    let mut chunks = Vec::new();
    let mut at_ms = 0i64;
    while !reader.is_empty() {
        let kind = reader.byte()?;
        let stream = if kind & STDERR == 0 {
            OutStream::Stdout
        } else {
            OutStream::Stderr
        };
        let (host, step, attempt) = (reader.small()?, reader.small()?, reader.small()?);
        let (offset, len) = (reader.varint()?, reader.varint()?);
        at_ms = at_ms.wrapping_add(reader.signed()?);
        let body = match kind >> 1 {
            DATA => ChunkBody::Data(Bytes::new()),
            place => {
                let reason = *REASONS.get(usize::from(place) - 1)?;
                ChunkBody::Gap { len, reason }
            }
        };
        chunks.push((
            Chunk {
                host,
                step,
                attempt,
                stream,
                offset,
                at_ms,
                body,
            },
            len as usize,
        ));
    }
    Some(chunks)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn body() -> impl Strategy<Value = ChunkBody> {
        prop_oneof![
            vec(any::<u8>(), 0..400).prop_map(|bytes| ChunkBody::Data(bytes.into())),
            (any::<u64>(), proptest::sample::select(&REASONS[..]))
                .prop_map(|(len, reason)| ChunkBody::Gap { len, reason }),
        ]
    }

    fn chunk() -> impl Strategy<Value = Chunk> {
        (
            any::<u32>(),
            any::<u16>(),
            any::<u32>(),
            any::<bool>(),
            any::<u64>(),
            any::<i64>(),
            body(),
        )
            .prop_map(|(host, step, attempt, err, offset, at_ms, body)| {
                let stream = if err {
                    OutStream::Stderr
                } else {
                    OutStream::Stdout
                };
                Chunk {
                    host,
                    step,
                    attempt,
                    stream,
                    offset,
                    at_ms,
                    body,
                }
            })
    }

    fn packed(chunks: &[Chunk]) -> Vec<u8> {
        let mut out = Vec::new();
        Packer::new()
            .unwrap()
            .pack(9, 77, chunks, &mut out)
            .unwrap();
        out
    }

    proptest! {
        #[test]
        fn chunks_come_back_as_they_were(list in vec(chunk(), 0..20)) {
            let bytes = packed(&list);
            let head = check(&bytes).unwrap();
            prop_assert_eq!((head.number, head.synced, head.frame_len()), (9, 77, bytes.len()));
            prop_assert_eq!(chunks(&bytes, &head).unwrap(), list);
        }

        #[test]
        fn a_changed_byte_is_found(list in vec(chunk(), 1..5), at: prop::sample::Index, bit in 0u8..8) {
            let mut bytes = packed(&list);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(check(&bytes), None);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(mut bytes in vec(any::<u8>(), 0..300)) {
            let _ = check(&bytes);
            if bytes.len() >= HEADER {
                bytes[..4].copy_from_slice(&MAGIC);
                if let Some(head) = Head::read(&bytes) {
                    let _ = chunks(&bytes, &head);
                }
            }
            let _ = decode_table(bytes.into());
        }
    }
}

//! What an entry of the journal says: some items that happen together.
//!
//! The same form serves the archives and the events of sealed runs, where items keep the LSN they
//! had in the journal.

use bytes::Bytes;

use super::codec::{Reader, put_bytes, put_signed, put_varint};
use super::frame::MAX_ENTRY;
use crate::store::{Digest, Lsn, Stream};

const PLAIN: u8 = 1;
const PACKED: u8 = 2;

/// Items that are all there or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Of its first item. Every item uses up one, also one that keeps an older LSN.
    pub first: Lsn,
    /// What was durable when this was written: proof that a bad stretch before it was once good.
    pub synced: Lsn,
    pub items: Vec<Item>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Its own LSN; older than its place when it was copied forward.
    pub lsn: Lsn,
    pub op: Op,
}

/// What a change is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Op {
    /// A record; of the audit stream with the hash of the record before it.
    Record {
        stream: Stream,
        seq: u64,
        payload: Bytes,
        prev: Option<Digest>,
    },
    /// A key's new value.
    Put { key: Bytes, value: Option<Bytes> },
    /// The run's events are in a file of their own.
    Sealed {
        run: u64,
        root: Digest,
        records: u64,
    },
    /// The run is to be deleted.
    Dropped { run: u64 },
    /// Its files are deleted; whoever uses its number again has files of his own.
    Gone { run: u64 },
}

impl Entry {
    /// The LSN of the last item's place.
    pub fn last(&self) -> Lsn {
        self.first + (self.items.len() as u64).saturating_sub(1)
    }

    /// An entry to be written; what is durable is filled in when it is.
    pub fn new(first: Lsn, items: Vec<Item>) -> Self {
        Self {
            first,
            synced: 0,
            items,
        }
    }

    /// The bytes, as they go into frames.
    pub fn encode(&self, synced: Lsn) -> Vec<u8> {
        let mut out = vec![PLAIN];
        self.encode_body(synced, &mut out);
        out
    }

    /// At least as many bytes as it takes in frames.
    pub fn size(&self) -> usize {
        size_of(&self.items)
    }

    /// The bytes, packed: for files that are kept and seldom read.
    pub fn encode_packed(&self) -> std::io::Result<Vec<u8>> {
        let mut body = Vec::new();
        self.encode_body(self.synced, &mut body);
        let packed = zstd::bulk::compress(&body, 3)?;
        let mut out = vec![PACKED];
        put_varint(body.len() as u64, &mut out);
        out.extend_from_slice(&packed);
        Ok(out)
    }

    fn encode_body(&self, synced: Lsn, out: &mut Vec<u8>) {
        put_varint(self.first, out);
        put_varint(synced, out);
        put_varint(self.items.len() as u64, out);
        for (place, item) in (self.first..).zip(&self.items) {
            put_signed(item.lsn.wrapping_sub(place).cast_signed(), out);
            item.op.encode(out);
        }
    }

    /// Reads an entry back; `None` if these bytes are not one.
    pub fn decode(bytes: Bytes) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        match reader.byte()? {
            PLAIN => Self::decode_body(reader),
            PACKED => {
                let len = reader.small::<usize>().filter(|len| *len <= MAX_ENTRY)?;
                let body = zstd::bulk::decompress(&reader.rest(), len).ok()?;
                Self::decode_body(Reader::new(body.into()))
            }
            _ => None,
        }
    }

    fn decode_body(mut reader: Reader) -> Option<Self> {
        let first = reader.varint()?;
        let synced = reader.varint()?;
        let count = reader.varint()?;
        first.checked_add(count)?;
        let mut items = Vec::new();
        for place in first..first + count {
            let lsn = place.wrapping_add(reader.signed()?.cast_unsigned());
            items.push(Item {
                lsn,
                op: Op::decode(&mut reader)?,
            });
        }
        reader.is_empty().then_some(Self {
            first,
            synced,
            items,
        })
    }
}

/// At least as many bytes as an entry of these items takes in frames.
pub(super) fn size_of(items: &[Item]) -> usize {
    64 + items.iter().map(|item| item.op.size()).sum::<usize>()
}

const RUN: u8 = 1;
const AUDIT: u8 = 2;
const ENGINE: u8 = 3;
const PUT: u8 = 4;
const REMOVE: u8 = 5;
const SEALED: u8 = 6;
const DROPPED: u8 = 7;
const GONE: u8 = 8;

impl Op {
    /// How much memory and disk it takes, about.
    pub fn size(&self) -> usize {
        96 + match self {
            Self::Record { payload, .. } => payload.len(),
            Self::Put { key, value } => key.len() + value.as_ref().map_or(0, Bytes::len),
            Self::Sealed { .. } | Self::Dropped { .. } | Self::Gone { .. } => 0,
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Record {
                stream,
                seq,
                payload,
                prev,
            } => {
                encode_stream(*stream, out);
                put_varint(*seq, out);
                put_bytes(prev.as_ref().map_or(&[][..], |digest| &digest.0), out);
                put_bytes(payload, out);
            }
            Self::Put {
                key,
                value: Some(value),
            } => {
                out.push(PUT);
                put_bytes(key, out);
                put_bytes(value, out);
            }
            Self::Put { key, value: None } => {
                out.push(REMOVE);
                put_bytes(key, out);
            }
            Self::Sealed { run, root, records } => {
                out.push(SEALED);
                put_varint(*run, out);
                out.extend_from_slice(&root.0);
                put_varint(*records, out);
            }
            Self::Dropped { run } => {
                out.push(DROPPED);
                put_varint(*run, out);
            }
            Self::Gone { run } => {
                out.push(GONE);
                put_varint(*run, out);
            }
        }
    }

    fn decode(reader: &mut Reader) -> Option<Self> {
        Some(match reader.byte()? {
            RUN => {
                let run = reader.varint()?;
                decode_record(Stream::Run(run), reader)?
            }
            AUDIT => decode_record(Stream::Audit, reader)?,
            ENGINE => decode_record(Stream::Engine, reader)?,
            PUT => Self::Put {
                key: reader.bytes()?,
                value: Some(reader.bytes()?),
            },
            REMOVE => Self::Put {
                key: reader.bytes()?,
                value: None,
            },
            SEALED => Self::Sealed {
                run: reader.varint()?,
                root: reader.digest()?,
                records: reader.varint()?,
            },
            DROPPED => Self::Dropped {
                run: reader.varint()?,
            },
            GONE => Self::Gone {
                run: reader.varint()?,
            },
            _ => return None,
        })
    }
}

fn encode_stream(stream: Stream, out: &mut Vec<u8>) {
    match stream {
        Stream::Run(run) => {
            out.push(RUN);
            put_varint(run, out);
        }
        Stream::Audit => out.push(AUDIT),
        Stream::Engine => out.push(ENGINE),
    }
}

fn decode_record(stream: Stream, reader: &mut Reader) -> Option<Op> {
    let seq = reader.varint()?;
    let prev = reader.bytes()?;
    let prev = match prev.len() {
        0 => None,
        _ => Some(Digest(prev.as_ref().try_into().ok()?)),
    };
    Some(Op::Record {
        stream,
        seq,
        payload: reader.bytes()?,
        prev,
    })
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn stream() -> impl Strategy<Value = Stream> {
        prop_oneof![
            any::<u64>().prop_map(Stream::Run),
            Just(Stream::Audit),
            Just(Stream::Engine)
        ]
    }

    fn some_bytes() -> impl Strategy<Value = Bytes> {
        vec(any::<u8>(), 0..300).prop_map(Bytes::from)
    }

    fn op() -> impl Strategy<Value = Op> {
        let digest = any::<[u8; 32]>().prop_map(Digest);
        prop_oneof![
            (
                stream(),
                any::<u64>(),
                some_bytes(),
                proptest::option::of(digest.clone())
            )
                .prop_map(|(stream, seq, payload, prev)| Op::Record {
                    stream,
                    seq,
                    payload,
                    prev
                }),
            (some_bytes(), proptest::option::of(some_bytes()))
                .prop_map(|(key, value)| Op::Put { key, value }),
            (any::<u64>(), digest, any::<u64>()).prop_map(|(run, root, records)| Op::Sealed {
                run,
                root,
                records
            }),
            any::<u64>().prop_map(|run| Op::Dropped { run }),
            any::<u64>().prop_map(|run| Op::Gone { run }),
        ]
    }

    proptest! {
        #[test]
        fn an_entry_comes_back_plain_and_packed(
            first in 0..u64::MAX / 2, synced: u64, items in vec((any::<u64>(), op()), 0..8),
        ) {
            let items = items.into_iter().map(|(lsn, op)| Item { lsn, op }).collect();
            let entry = Entry { first, synced, items };
            prop_assert_eq!(Entry::decode(entry.encode(synced).into()), Some(entry.clone()));
            let packed = entry.encode_packed().unwrap();
            prop_assert_eq!(Entry::decode(packed.into()), Some(entry));
        }

        #[test]
        fn any_bytes_are_decoded_without_a_panic(mut bytes: Vec<u8>, kind in 0u8..4) {
            bytes.insert(0, kind);
            let _ = Entry::decode(bytes.into());
        }

        #[test]
        fn an_entry_takes_no_more_than_it_said(
            first: u32, items in vec((any::<u64>(), op()), 0..200),
        ) {
            let items = items.into_iter().map(|(lsn, op)| Item { lsn, op }).collect();
            let entry = Entry::new(first.into(), items);
            let taken = crate::store::disk::frame::encoded_len(entry.encode(u64::MAX).len());
            prop_assert!(taken <= entry.size(), "{} {}", taken, entry.size());
        }
    }
}

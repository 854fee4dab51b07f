//! Makes the bytes of one stream contiguous: what is stored already is left out, what is missing
//! becomes a gap, what is long is cut.
//!
//! Pure: chunks in, chunks out.

use super::{Chunk, ChunkBody, GapReason, MAX_CHUNK};

/// What to store of a chunk when the stream's bytes are stored up to `end`.
pub(in crate::store) fn stitch(chunk: Chunk, end: u64, missing: GapReason) -> Vec<Chunk> {
    let mut pieces = Vec::new();
    if chunk.offset > end {
        let body = ChunkBody::Gap {
            len: chunk.offset - end,
            reason: missing,
        };
        pieces.push(Chunk {
            offset: end,
            body,
            ..chunk.clone()
        });
    }
    let Some(rest) = after(chunk, end) else {
        return pieces;
    };
    cut(rest, &mut pieces);
    pieces
}

/// The part of a chunk that lies after `end`.
fn after(chunk: Chunk, end: u64) -> Option<Chunk> {
    if chunk.end() <= end {
        return None;
    }
    let known = end.saturating_sub(chunk.offset);
    let offset = chunk.offset + known;
    let body = match chunk.body {
        ChunkBody::Data(bytes) => ChunkBody::Data(bytes.slice(known as usize..)),
        ChunkBody::Gap { len, reason } => ChunkBody::Gap {
            len: len - known,
            reason,
        },
    };
    Some(Chunk {
        offset,
        body,
        ..chunk
    })
}

fn cut(chunk: Chunk, pieces: &mut Vec<Chunk>) {
    let ChunkBody::Data(bytes) = &chunk.body else {
        pieces.push(chunk);
        return;
    };
    for start in (0..bytes.len()).step_by(MAX_CHUNK) {
        let piece = bytes.slice(start..bytes.len().min(start + MAX_CHUNK));
        let offset = chunk.offset + start as u64;
        pieces.push(Chunk {
            offset,
            body: ChunkBody::Data(piece),
            ..chunk.clone()
        });
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::run::output::OutStream;
    use crate::store::page::data_len;

    fn data(offset: u64, len: usize) -> Chunk {
        Chunk {
            host: 1,
            step: 2,
            attempt: 3,
            stream: OutStream::Stdout,
            offset,
            at_ms: 5,
            body: ChunkBody::Data(Bytes::from(vec![7; len])),
        }
    }

    #[test]
    fn bytes_that_are_stored_are_left_out() {
        assert_eq!(stitch(data(0, 10), 10, GapReason::NoSpace), vec![]);
        assert_eq!(stitch(data(0, 10), 4, GapReason::NoSpace), vec![data(4, 6)]);
    }

    #[test]
    fn a_jump_becomes_a_gap_with_its_reason() {
        let pieces = stitch(data(30, 1), 10, GapReason::EngineKilled);
        let gap = ChunkBody::Gap {
            len: 20,
            reason: GapReason::EngineKilled,
        };
        assert_eq!(
            pieces,
            vec![
                Chunk {
                    body: gap,
                    ..data(10, 0)
                },
                data(30, 1)
            ]
        );
    }

    proptest! {
        #[test]
        fn pieces_are_contiguous_and_small(
            offset in 0u64..200_000, len in 0usize..200_000, end in 0u64..200_000,
        ) {
            let chunk = data(offset, len);
            let last = chunk.end();
            let mut at = end;
            for piece in stitch(chunk, end, GapReason::NoSpace) {
                prop_assert_eq!(piece.offset, at);
                prop_assert!(!piece.is_empty() && data_len(&piece) <= MAX_CHUNK);
                at = piece.end();
            }
            prop_assert_eq!(at, end.max(last).max(if offset > end { offset } else { 0 }));
        }
    }
}

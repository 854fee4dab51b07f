//! What of a run's output has been printed, so that reading it again from the start prints nothing
//! twice.
//!
//! An engine that is killed forgets the output it had not stored yet, and takes it from the hosts
//! again: in other pieces, at other places of the run's output. Only a byte's place in its own
//! stream stays the same.

use std::collections::HashMap;

use crate::run::output::{Chunk, ChunkBody, OutStream};

/// A stream of one attempt: host, step, attempt.
type Key = (u32, u16, u32, OutStream);

/// How far each stream has been printed.
#[derive(Debug, Default)]
pub struct Seen(HashMap<Key, u64>);

impl Seen {
    /// The part of a chunk that is new, if any; it counts as seen from now on.
    pub fn fresh(&mut self, chunk: Chunk) -> Option<Chunk> {
        let key = (chunk.host, chunk.step, chunk.attempt, chunk.stream);
        let seen = self.0.entry(key).or_default();
        let known = seen.saturating_sub(chunk.offset);
        let end = chunk.end();
        if end <= *seen {
            return None;
        }
        *seen = end;
        if known == 0 {
            return Some(chunk);
        }
        let body = match chunk.body {
            ChunkBody::Data(bytes) => {
                ChunkBody::Data(bytes.slice(usize::try_from(known).unwrap_or(bytes.len())..))
            }
            ChunkBody::Gap { len, reason } => ChunkBody::Gap {
                len: len - known,
                reason,
            },
        };
        Some(Chunk {
            offset: chunk.offset + known,
            body,
            ..chunk
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::output::GapReason;

    fn chunk(attempt: u32, offset: u64, body: ChunkBody) -> Chunk {
        Chunk {
            host: 1,
            step: 0,
            attempt,
            stream: OutStream::Stdout,
            offset,
            at_ms: 0,
            body,
        }
    }

    fn data(offset: u64, text: &'static str) -> Chunk {
        chunk(1, offset, ChunkBody::Data(text.as_bytes().into()))
    }

    #[test]
    fn bytes_that_come_again_in_other_pieces_are_left_out() {
        let mut seen = Seen::default();
        assert_eq!(seen.fresh(data(0, "abcd")), Some(data(0, "abcd")));
        assert_eq!(seen.fresh(data(0, "ab")), None);
        assert_eq!(seen.fresh(data(2, "cdef")), Some(data(4, "ef")));
        assert_eq!(seen.fresh(data(6, "gh")), Some(data(6, "gh")));
    }

    #[test]
    fn another_attempt_is_another_stream() {
        let mut seen = Seen::default();
        seen.fresh(data(0, "abcd"));
        let second = chunk(2, 0, ChunkBody::Data("ab".into()));
        assert_eq!(seen.fresh(second.clone()), Some(second));
    }

    #[test]
    fn only_the_new_part_of_a_gap_is_told() {
        let gap = |offset, len| {
            let reason = GapReason::OverBudget;
            chunk(1, offset, ChunkBody::Gap { len, reason })
        };
        let mut seen = Seen::default();
        seen.fresh(data(0, "abcd"));
        assert_eq!(seen.fresh(gap(2, 10)), Some(gap(4, 8)));
        assert_eq!(seen.fresh(gap(2, 10)), None);
    }
}

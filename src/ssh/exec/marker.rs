//! Takes the wrapper's own words out of a command's standard error.

use bytes::{Bytes, BytesMut};

/// A mark that has not come after this much is not coming: the host does something else with
/// requests than to run them.
const GIVE_UP: u64 = 64 * 1024;

/// Longest fact after a mark.
const MAX_FACT: usize = 64;

/// Filters one stream.
#[derive(Debug)]
pub(super) struct Marker {
    mark: Vec<u8>,
    held: BytesMut,
    seen: u64,
    /// Facts that are still to come.
    expected: usize,
    /// What followed the marks, in order.
    pub facts: Vec<String>,
}

impl Marker {
    pub fn new(mark: String, expected: usize) -> Self {
        Self {
            mark: mark.into_bytes(),
            held: BytesMut::new(),
            seen: 0,
            expected,
            facts: Vec::new(),
        }
    }

    /// Gives back what belongs to the command.
    pub fn feed(&mut self, bytes: Bytes) -> Bytes {
        if self.expected == 0 && self.held.is_empty() {
            return bytes;
        }
        self.seen += bytes.len() as u64;
        self.held.extend_from_slice(&bytes);
        while self.expected > 0 && self.take_fact() {}
        let keep = if self.expected == 0 || self.seen > GIVE_UP {
            0
        } else {
            self.undecided()
        };
        if self.seen > GIVE_UP {
            self.expected = 0;
        }
        self.held.split_to(self.held.len() - keep).freeze()
    }

    /// What is left when the stream has ended.
    pub fn rest(&mut self) -> Bytes {
        self.held.split().freeze()
    }

    /// Cuts one complete marked line out.
    fn take_fact(&mut self) -> bool {
        let Some(at) = find(&self.held, &self.mark) else {
            return false;
        };
        let fact = at + self.mark.len();
        let window = &self.held[fact..self.held.len().min(fact + MAX_FACT)];
        let Some(len) = window.iter().position(|&b| b == b'\n') else {
            return false;
        };
        self.facts
            .push(String::from_utf8_lossy(&window[..len]).into_owned());
        let after = self.held.split_off(fact + len + 1);
        self.held.truncate(at);
        self.held.unsplit(after);
        self.expected -= 1;
        true
    }

    /// How many of the last bytes may be the beginning of a marked line.
    fn undecided(&self) -> usize {
        if let Some(at) = find(&self.held, &self.mark) {
            let len = self.held.len() - at;
            return if len > self.mark.len() + MAX_FACT {
                0
            } else {
                len
            };
        }
        let longest = self.held.len().min(self.mark.len() - 1);
        (1..=longest)
            .rev()
            .find(|&n| self.held.ends_with(&self.mark[..n]))
            .unwrap_or(0)
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_everywhere(text: &[u8], expected: usize) {
        for size in 1..=text.len() {
            let mut marker = Marker::new("conn:n0nce:".into(), expected);
            let mut out = Vec::new();
            for piece in text.chunks(size) {
                out.extend(marker.feed(Bytes::copy_from_slice(piece)));
            }
            out.extend(marker.rest());
            assert_eq!(
                out, b"noise conn:nope\nreal conn: end",
                "in pieces of {size}"
            );
            assert_eq!(marker.facts, ["123", "in"]);
        }
    }

    #[test]
    fn marks_are_taken_out_wherever_the_stream_is_cut() {
        split_everywhere(
            b"noise conn:nope\nconn:n0nce:123\nconn:n0nce:in\nreal conn: end",
            2,
        );
        split_everywhere(
            b"conn:n0nce:123\nnoise conn:nope\nconn:n0nce:in\nreal conn: end",
            2,
        );
    }

    #[test]
    fn a_later_mark_is_the_commands_own_output() {
        let mut marker = Marker::new("conn:n:".into(), 1);
        let out = marker.feed(Bytes::from_static(b"conn:n:1\nconn:n:2\n"));
        assert_eq!(&out[..], b"conn:n:2\n");
        assert_eq!(marker.facts, ["1"]);
    }

    #[test]
    fn a_stream_without_marks_is_held_back_only_where_it_might_be_one() {
        let mut marker = Marker::new("conn:n:".into(), 1);
        assert_eq!(
            &marker.feed(Bytes::from_static(b"prompt: conn"))[..],
            b"prompt: "
        );
        assert_eq!(&marker.feed(Bytes::from_static(b"ected"))[..], b"connected");
        assert_eq!(
            &marker.feed(Bytes::from(vec![b'c'; 70_000]))[..],
            vec![b'c'; 70_000]
        );
        assert_eq!(
            &marker.feed(Bytes::from_static(b"conn:n:1\n"))[..],
            b"conn:n:1\n"
        );
    }
}

//! Stored output of one host, read page by page: all of it, or what of it fits.

use std::collections::VecDeque;

use sha2::{Digest as _, Sha256};

use super::exit::CliError;
use super::print::gap_word;
use crate::run::ids::RunId;
use crate::run::neutral::{Policy, neutral};
use crate::run::output::{Chunk, ChunkBody, OutStream};
use crate::wire::{Client, Reply, Request};

/// Output asked for at once.
const PAGE_BYTES: u32 = 512 << 10;

/// What of a host's output is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// Only standard error.
    pub only_stderr: bool,
    /// Only as many lines, the last ones.
    pub tail: Option<usize>,
    /// Only of the step at this place.
    pub step: Option<u16>,
    /// Only of this attempt.
    pub attempt: Option<u32>,
}

impl Wanted {
    /// Whether this is less than all that an attempt wrote.
    pub fn is_part(&self) -> bool {
        self.only_stderr || self.tail.is_some()
    }

    fn takes(&self, chunk: &Chunk) -> bool {
        (!self.only_stderr || chunk.stream == OutStream::Stderr)
            && self.step.is_none_or(|step| chunk.step == step)
            && self.attempt.is_none_or(|attempt| chunk.attempt == attempt)
    }
}

/// Hands every wanted piece of a host's output to `take`, in the order it came. A gap comes as
/// words.
pub async fn each_piece(
    client: &Client,
    run: RunId,
    host: &str,
    wanted: Wanted,
    mut take: impl FnMut(OutStream, &[u8]) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut tail = wanted.tail.map(TailLines::new);
    let mut cursor = 0;
    loop {
        let request = Request::HostOutput {
            run,
            host: host.to_owned(),
            cursor,
            max_bytes: PAGE_BYTES,
        };
        let Reply::Output {
            chunks,
            cursor: next,
            end,
        } = client.call(request).await?
        else {
            return Err(CliError::Unexpected);
        };
        for chunk in chunks.iter().filter(|chunk| wanted.takes(chunk)) {
            let bytes = bytes_of(chunk);
            match &mut tail {
                Some(tail) => tail.push(&bytes),
                None => take(chunk.stream, &bytes)?,
            }
        }
        cursor = next;
        if end {
            break;
        }
    }
    match tail {
        Some(tail) => take(OutStream::Stdout, &tail.bytes()),
        None => Ok(()),
    }
}

fn bytes_of(chunk: &Chunk) -> bytes::Bytes {
    match &chunk.body {
        ChunkBody::Data(bytes) => bytes.clone(),
        ChunkBody::Gap { len, reason } => {
            format!("[{len} bytes left out: {}]\n", gap_word(*reason)).into()
        }
    }
}

/// What tells one wanted output from another.
pub async fn fingerprint(
    client: &Client,
    run: RunId,
    host: &str,
    wanted: Wanted,
) -> Result<[u8; 32], CliError> {
    let mut streams = [Sha256::new(), Sha256::new()];
    each_piece(client, run, host, wanted, |stream, bytes| {
        streams[stream as usize].update(bytes);
        Ok(())
    })
    .await?;
    let [stdout, stderr] = streams.map(Sha256::finalize);
    Ok(Sha256::new()
        .chain_update(stdout)
        .chain_update(stderr)
        .finalize()
        .into())
}

/// Beginning and end of a text, safe to show: no control, no invisible and no bidirectional
/// character is left in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// The text, with a line about what is missing in its middle.
    pub text: String,
    /// Bytes that are missing there.
    pub left_out: u64,
}

/// At most `most` bytes of a host's output.
pub async fn excerpt(
    client: &Client,
    run: RunId,
    host: &str,
    wanted: Wanted,
    most: usize,
) -> Result<Excerpt, CliError> {
    let mut ends = Ends::new(most / 2);
    each_piece(client, run, host, wanted, |_, bytes| {
        ends.push(bytes);
        Ok(())
    })
    .await?;
    Ok(ends.excerpt())
}

/// The first and the last bytes of what goes by.
struct Ends {
    each: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: u64,
}

impl Ends {
    fn new(each: usize) -> Self {
        Self {
            each,
            head: Vec::new(),
            tail: VecDeque::new(),
            left_out: 0,
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let (head, rest) = bytes.split_at(bytes.len().min(self.each - self.head.len()));
        self.head.extend_from_slice(head);
        let kept = rest.len().min(self.each);
        self.left_out += (rest.len() - kept) as u64;
        self.tail.extend(&rest[rest.len() - kept..]);
        let surplus = self.tail.len().saturating_sub(self.each);
        self.left_out += surplus as u64;
        self.tail.drain(..surplus);
    }

    fn excerpt(mut self) -> Excerpt {
        let mut text = Vec::new();
        text.extend_from_slice(&self.head);
        if self.left_out > 0 {
            let mark = format!("\n[{} bytes left out here]\n", self.left_out);
            text.extend_from_slice(mark.as_bytes());
        }
        text.extend_from_slice(self.tail.make_contiguous());
        Excerpt {
            text: neutral(&text, Policy::LINES),
            left_out: self.left_out,
        }
    }
}

/// The last lines of what goes by.
struct TailLines {
    most: usize,
    lines: VecDeque<Vec<u8>>,
}

impl TailLines {
    fn new(most: usize) -> Self {
        Self {
            most,
            lines: VecDeque::new(),
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            match self.lines.back_mut() {
                Some(open) if !open.ends_with(b"\n") => open.extend_from_slice(piece),
                _ => self.lines.push_back(piece.to_vec()),
            }
            while self.lines.len() > self.most {
                self.lines.pop_front();
            }
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.lines.iter().flatten().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_both_ends_and_says_how_much_is_missing() {
        let mut ends = Ends::new(4);
        for piece in ["ab", "cdef", "ghij", "kl"] {
            ends.push(piece.as_bytes());
        }
        let excerpt = ends.excerpt();
        assert_eq!(excerpt.left_out, 4);
        assert_eq!(excerpt.text, "abcd\n[4 bytes left out here]\nijkl");
    }

    #[test]
    fn what_fits_is_whole() {
        let mut short = Ends::new(8);
        short.push(b"abc\x1b]0;x\x07");
        assert_eq!(short.excerpt().text, "abc^[]0;x^G");
    }

    #[test]
    fn the_tail_is_made_of_lines_however_they_were_cut() {
        let mut tail = TailLines::new(2);
        for piece in ["a\nb", "b\nc", "c\nd"] {
            tail.push(piece.as_bytes());
        }
        assert_eq!(tail.bytes(), b"cc\nd");
    }
}

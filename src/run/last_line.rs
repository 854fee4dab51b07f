//! The last line of a stream that goes on, kept as bytes pass by.

use super::output::OutStream;

/// Bytes of a line that are kept.
const KEPT: usize = 200;

/// The beginning of the last line that holds anything.
#[derive(Debug, Default)]
pub struct LastLine {
    bytes: Vec<u8>,
    /// The stream whose next bytes go on with it.
    open: Option<OutStream>,
}

impl LastLine {
    /// More bytes of a stream.
    pub fn feed(&mut self, stream: OutStream, bytes: &[u8]) {
        let ends = bytes.last() == Some(&b'\n');
        let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let begins = memchr::memrchr(b'\n', text);
        let line = begins.map_or(text, |at| &text[at + 1..]);
        let goes_on = begins.is_none() && self.open == Some(stream);
        if goes_on {
            let room = KEPT.saturating_sub(self.bytes.len());
            self.bytes.extend(&line[..line.len().min(room)]);
        } else if !line.is_empty() {
            self.bytes.clear();
            self.bytes.extend(&line[..line.len().min(KEPT)]);
        }
        // An empty line says nothing: what stands before it stays.
        self.open = (!ends && (goes_on || !line.is_empty())).then_some(stream);
    }

    /// The line, as far as it is kept.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(pieces: &[&str]) -> String {
        let mut line = LastLine::default();
        for piece in pieces {
            line.feed(OutStream::Stdout, piece.as_bytes());
        }
        String::from_utf8_lossy(line.bytes()).into_owned()
    }

    #[test]
    fn the_last_line_with_words_is_kept_however_it_comes() {
        for (pieces, wanted) in [
            (&["one\ntwo\n"][..], "two"),
            (&["one\n", "tw", "o"], "two"),
            (&["one\n", "tw", "o\n"], "two"),
            (&["one\ntw", "o\nthree\n"], "three"),
            (&["one\n", "\n", "\n"], "one"),
            (&["one", "\n"], "one"),
            (&["one", "\ntwo"], "two"),
            (&["a\n", "b\n"], "b"),
            (&[], ""),
        ] {
            assert_eq!(fed(pieces), wanted, "{pieces:?}");
        }
    }

    #[test]
    fn a_line_without_end_costs_no_more_than_its_beginning() {
        let long = "x".repeat(10_000);
        assert_eq!(fed(&[&long, &long]).len(), KEPT);
    }

    #[test]
    fn the_other_stream_does_not_go_on_with_a_line() {
        let mut line = LastLine::default();
        line.feed(OutStream::Stdout, b"half");
        line.feed(OutStream::Stderr, b"error\n");
        assert_eq!(line.bytes(), b"error");
    }
}

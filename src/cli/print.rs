//! Host output on our own streams: whole lines, each behind its host's name.

use std::collections::HashMap;
use std::io::{IsTerminal as _, Write};

use serde_json::Value;

use super::exit::CliError;
use super::terminal::{self, Terminal};
use crate::run::neutral::{Neutraliser, Newlines, Policy, is_hazard, neutral};
use crate::run::output::{Chunk, ChunkBody, GapReason, OutStream};

/// A line longer than this is printed in pieces, so that a host without newlines costs no memory.
const LONGEST_LINE: usize = 64 << 10;

/// Prints chunks as `host: line`.
pub struct Printer {
    terminal: Terminal,
    partial: HashMap<(u32, OutStream), Vec<u8>>,
}

impl Printer {
    /// A printer for these streams.
    pub fn new(terminal: Terminal) -> Self {
        Self {
            terminal,
            partial: HashMap::new(),
        }
    }

    /// Prints the whole lines of a chunk and keeps the rest of its last line.
    pub fn chunk(&mut self, host: &str, chunk: &Chunk) -> Result<(), CliError> {
        let key = (chunk.host, chunk.stream);
        match &chunk.body {
            ChunkBody::Data(bytes) => {
                let mut kept = self.partial.remove(&key).unwrap_or_default();
                let mut out = Vec::with_capacity(bytes.len() * 2);
                let mut start = 0;
                for end in memchr::memchr_iter(b'\n', bytes) {
                    let line = &bytes[start..end];
                    start = end + 1;
                    if kept.is_empty() {
                        self.line(&mut out, host, chunk.stream, line);
                    } else {
                        kept.extend_from_slice(line);
                        self.line(&mut out, host, chunk.stream, &kept);
                        kept.clear();
                    }
                }
                kept.extend_from_slice(&bytes[start..]);
                if kept.len() >= LONGEST_LINE {
                    self.line(&mut out, host, chunk.stream, &kept);
                } else if !kept.is_empty() {
                    self.partial.insert(key, kept);
                }
                write_to(chunk.stream, &out)
            }
            ChunkBody::Gap { len, reason } => {
                self.flush(host, chunk.host)?;
                notice(&format!(
                    "{host}: {len} bytes of output are left out here ({})",
                    gap_word(*reason)
                ))
            }
        }
    }

    /// Prints what a host left without a newline.
    pub fn flush(&mut self, host: &str, ix: u32) -> Result<(), CliError> {
        for stream in [OutStream::Stdout, OutStream::Stderr] {
            if let Some(kept) = self.partial.remove(&(ix, stream)) {
                let mut out = Vec::with_capacity(kept.len() + 64);
                self.line(&mut out, host, stream, &kept);
                write_to(stream, &out)?;
            }
        }
        Ok(())
    }

    fn line(&self, out: &mut Vec<u8>, host: &str, stream: OutStream, line: &[u8]) {
        out.extend_from_slice(one_line(host).as_bytes());
        out.extend_from_slice(b": ");
        let to_terminal = match stream {
            OutStream::Stdout => self.terminal.stdout,
            OutStream::Stderr => self.terminal.stderr,
        };
        if to_terminal {
            out.extend_from_slice(safe_line(self.terminal, line).as_bytes());
        } else {
            out.extend_from_slice(line);
        }
        out.push(b'\n');
    }
}

/// Output of one host as it is, or neutralised for a terminal.
pub fn raw(terminal: Terminal, stream: OutStream, bytes: &[u8]) -> Result<(), CliError> {
    if !terminal.stdout {
        return write_to(stream, bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
        let (line, end): (&[u8], &[u8]) = match piece.strip_suffix(b"\n") {
            Some(line) => (line, b"\n"),
            None => (piece, b""),
        };
        out.extend_from_slice(safe_line(terminal, line).as_bytes());
        out.extend_from_slice(end);
    }
    write_to(stream, &out)
}

/// A line of host output as a terminal may have it.
fn safe_line(terminal: Terminal, line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    neutral(
        line,
        if terminal.color {
            Policy::COLOUR
        } else {
            Policy::LINES
        },
    )
}

/// A name or title on one line, everything in it visible.
pub fn one_line(text: &str) -> String {
    neutral(text.as_bytes(), Policy::ONE_LINE)
}

/// One line of a list to standard output: on a terminal its end is cut off rather than wrapped, so
/// that a row is a row.
pub fn say_row(line: &str) -> Result<(), CliError> {
    let line = one_line(line);
    let columns = terminal::columns();
    if !std::io::stdout().is_terminal() || line.chars().count() <= columns {
        return say(&line);
    }
    let kept: String = line.chars().take(columns.saturating_sub(1)).collect();
    say(&format!("{kept}\u{2026}"))
}

/// One line to standard output. Names, reasons and notes in it come from hosts and from other
/// people: everything in it is shown, and nothing is obeyed.
pub fn say(line: &str) -> Result<(), CliError> {
    write_to(OutStream::Stdout, (one_line(line) + "\n").as_bytes())
}

/// The same for a line that has colours of ours.
pub fn say_styled(terminal: Terminal, line: &str) -> Result<(), CliError> {
    raw(
        terminal,
        OutStream::Stdout,
        (line.to_owned() + "\n").as_bytes(),
    )
}

/// One JSON document on a line. What a terminal would obey is written as an escape of JSON.
pub fn say_json(document: &Value) -> Result<(), CliError> {
    let mut line = String::new();
    for letter in document.to_string().chars() {
        if is_hazard(letter) {
            let units = letter.encode_utf16(&mut [0; 2]).to_vec();
            line.extend(units.iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            line.push(letter);
        }
    }
    write_to(OutStream::Stdout, (line + "\n").as_bytes())
}

/// One line to standard error, as [`say`].
pub fn notice(line: &str) -> Result<(), CliError> {
    let line = format!("conn: {}\n", one_line(line));
    write_to(OutStream::Stderr, line.as_bytes())
}

/// A text of several lines, everything in it visible but where its lines end.
pub fn lines(stream: OutStream, text: &str) -> Result<(), CliError> {
    write_to(stream, visible(text).as_bytes())
}

/// A text with everything in it visible but where its lines end.
pub fn visible(text: &str) -> String {
    let policy = Policy {
        newlines: Newlines::Keep,
        ..Policy::ONE_LINE
    };
    neutral(text.as_bytes(), policy)
}

/// Why a command failed, to standard error. A line of it that others wrote does not begin as ours
/// do. When standard error is gone there is nobody left to tell.
pub fn failure(why: &impl std::fmt::Display) {
    let why = why
        .to_string()
        .replace('\n', "\n  ")
        .replace("\n  \n", "\n\n");
    let _ = lines(OutStream::Stderr, &format!("conn: {why}\n"));
}

/// A stream that is a terminal, and what programs for whole streams write to it.
pub struct Filter<W: Write> {
    inner: W,
    neutraliser: Neutraliser,
}

impl<W: Write> Filter<W> {
    /// Colours pass, written anew.
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            neutraliser: Neutraliser::new(Policy::COLOUR),
        }
    }
}

impl<W: Write> Write for Filter<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut shown = String::with_capacity(bytes.len());
        self.neutraliser.push(bytes, &mut shown);
        self.inner.write_all(shown.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

impl<W: Write> Drop for Filter<W> {
    fn drop(&mut self) {
        let mut rest = String::new();
        self.neutraliser.finish(&mut rest);
        let _ = self.inner.write_all(rest.as_bytes());
    }
}

/// Bytes to one of our streams.
pub fn write_to(stream: OutStream, bytes: &[u8]) -> Result<(), CliError> {
    let written = match stream {
        OutStream::Stdout => {
            let mut out = std::io::stdout().lock();
            out.write_all(bytes).and_then(|()| out.flush())
        }
        OutStream::Stderr => std::io::stderr().lock().write_all(bytes),
    };
    written.map_err(|error| CliError::io("writing output", error))
}

/// Why bytes are missing, in words.
pub fn gap_word(reason: GapReason) -> &'static str {
    match reason {
        GapReason::OverBudget => "over the output budget of a host",
        GapReason::EngineKilled => "the engine was killed before they were stored",
        GapReason::HostCap => "over the cap of a durable command on its host",
        GapReason::NoSpace => "the disk of the engine was full when they arrived",
        GapReason::Damaged => "the stored bytes are damaged",
    }
}

//! Host output made safe for a terminal: every byte is shown, none is obeyed.
//!
//! | in | out |
//! |---|---|
//! | printable text, tab | as it is |
//! | line feed, carriage return before it | a line feed, or `^J` and `^M`, as the policy says |
//! | other C0 controls, DEL | `^[`, `^G`, `^M`, `^?` |
//! | C1 controls, bidirectional and invisible characters, tags | `<U+009B>`, `<U+202E>` |
//! | bytes that are not UTF-8 | `\x9b` |
//! | CSI, OSC, DCS, PM, APC, SOS, SS2, SS3 sequences | their bytes by the rows above: `^[]0;title^G` |
//! | colours and styles (SGR) | the same, or nothing, or rebuilt from parsed values |
//!
//! Works on a stream: what it makes of the bytes does not depend on where they were split, and it
//! holds fewer than a hundred of them back. The result cannot be turned back into the input, and a
//! host can print `^[` itself: this is for looking at. What is stored stays raw.

mod chars;
mod sgr;
#[cfg(test)]
mod tests;
mod utf8;

pub use chars::is_hazard;

use sgr::{Style, parse as parse_sgr};
use utf8::{Decoder, Item};

/// The longest run of SGR parameters that is looked at.
const MAX_PARAMETERS: usize = 64;

/// What becomes of line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newlines {
    /// A line feed passes, and swallows one carriage return before it.
    Keep,
    /// `^J` and `^M`: for text that must stay on its line, as in logs and labels.
    Show,
}

/// What becomes of colours and styles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sgr {
    /// Shown like any other sequence.
    Show,
    /// Left out.
    Strip,
    /// Written anew from the values that are known to be harmless; blinking and concealed text is
    /// not. A style ends at the end of its line.
    Rebuild,
}

/// How to treat a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Line ends.
    pub newlines: Newlines,
    /// Colours and styles.
    pub sgr: Sgr,
}

impl Policy {
    /// For output on a terminal, line by line, without colour.
    pub const LINES: Self = Self {
        newlines: Newlines::Keep,
        sgr: Sgr::Strip,
    };
    /// For output on a terminal that shows colours.
    pub const COLOUR: Self = Self {
        newlines: Newlines::Keep,
        sgr: Sgr::Rebuild,
    };
    /// For a name, a title or a log line: one line, everything visible.
    pub const ONE_LINE: Self = Self {
        newlines: Newlines::Show,
        sgr: Sgr::Show,
    };
}

/// The whole of a text at once.
pub fn neutral(bytes: &[u8], policy: Policy) -> String {
    let mut out = String::with_capacity(bytes.len());
    let mut neutraliser = Neutraliser::new(policy);
    neutraliser.push(bytes, &mut out);
    neutraliser.finish(&mut out);
    out
}

/// What is held back until it is known how it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Held {
    Nothing,
    /// A carriage return, perhaps before a line feed.
    Return,
    /// An ESC, perhaps of an SGR sequence.
    Escape,
    /// `ESC [` and parameters.
    Parameters(String),
}

/// The filter for one stream.
#[derive(Debug, Clone)]
pub struct Neutraliser {
    policy: Policy,
    decoder: Decoder,
    held: Held,
    /// Whether a style was written that has to be ended.
    styled: bool,
}

impl Neutraliser {
    /// A filter at the start of its stream.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            decoder: Decoder::default(),
            held: Held::Nothing,
            styled: false,
        }
    }

    /// Takes the next bytes and appends what can be shown by now.
    pub fn push(&mut self, bytes: &[u8], out: &mut String) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let plain = self.take_plain(rest, out);
            rest = &rest[plain..];
            if let Some((&byte, tail)) = rest.split_first() {
                rest = tail;
                self.push_byte(byte, out);
            }
        }
    }

    /// Ends the stream: what is held back is shown, and a style is ended.
    pub fn finish(&mut self, out: &mut String) {
        let mut decoder = std::mem::take(&mut self.decoder);
        decoder.finish(|item| self.take(item, out));
        self.release(out);
        self.end_style(out);
    }

    /// The fast way for the bulk of all output: printable ASCII with nothing held back.
    fn take_plain(&self, bytes: &[u8], out: &mut String) -> usize {
        if self.held != Held::Nothing || !self.decoder.is_empty() {
            return 0;
        }
        let is_plain = |c: &u8| matches!(c, b' '..=b'~' | b'\t');
        let count = bytes
            .iter()
            .position(|c| !is_plain(c))
            .unwrap_or(bytes.len());
        match std::str::from_utf8(&bytes[..count]) {
            Ok(text) => {
                out.push_str(text);
                count
            }
            Err(_) => 0,
        }
    }

    fn push_byte(&mut self, byte: u8, out: &mut String) {
        let mut decoder = std::mem::take(&mut self.decoder);
        decoder.push(byte, |item| self.take(item, out));
        self.decoder = decoder;
    }

    fn take(&mut self, item: Item, out: &mut String) {
        match (&mut self.held, item) {
            (Held::Nothing, item) => self.take_free(item, out),
            (Held::Return, Item::Char('\n')) => {
                self.held = Held::Nothing;
                self.end_line(out);
            }
            (Held::Escape, Item::Char('[')) => self.held = Held::Parameters(String::new()),
            (Held::Parameters(text), Item::Char(c @ ('0'..='9' | ':' | ';')))
                if text.len() < MAX_PARAMETERS =>
            {
                text.push(c);
            }
            (Held::Parameters(_), Item::Char('m')) => self.end_sgr(out),
            (_, item) => {
                self.release(out);
                self.take_free(item, out);
            }
        }
    }

    /// Takes an item with nothing held back.
    fn take_free(&mut self, item: Item, out: &mut String) {
        let keep = self.policy.newlines == Newlines::Keep;
        match item {
            Item::Char('\x1b') if self.policy.sgr != Sgr::Show => self.held = Held::Escape,
            Item::Char('\r') if keep => self.held = Held::Return,
            Item::Char('\n') if keep => self.end_line(out),
            Item::Char(c) => chars::push(c, out),
            Item::Bad(byte) => chars::push_bad(byte, out),
        }
    }

    /// Shows what is held back.
    fn release(&mut self, out: &mut String) {
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Nothing => {}
            Held::Return => out.push_str("^M"),
            Held::Escape => out.push_str("^["),
            Held::Parameters(text) => {
                out.push_str("^[[");
                out.push_str(&text);
            }
        }
    }

    fn end_sgr(&mut self, out: &mut String) {
        let Held::Parameters(text) = std::mem::replace(&mut self.held, Held::Nothing) else {
            return;
        };
        if self.policy.sgr == Sgr::Rebuild {
            let Style { sequence, styled } = parse_sgr(&text, self.styled);
            out.push_str(&sequence);
            self.styled = styled;
        }
    }

    fn end_line(&mut self, out: &mut String) {
        self.end_style(out);
        out.push('\n');
    }

    fn end_style(&mut self, out: &mut String) {
        if std::mem::take(&mut self.styled) {
            out.push_str("\x1b[0m");
        }
    }
}

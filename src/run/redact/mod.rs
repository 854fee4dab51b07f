//! Secrets taken out of what hosts write, before it is stored.
//!
//! Each byte of a secret becomes a `*`, so that every offset is that of the raw output: what was
//! stored of an attempt, its host can be asked to go on behind. Ends of lines stay.
//!
//! Memory is bounded by the longest secret: only what may be the beginning of one is held back.

#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;

use zeroize::Zeroizing;

pub use words::Words;

/// A shorter secret would tear other texts apart, and could be guessed from the gaps.
pub const SHORTEST: usize = 6;

/// What stands in place of a byte.
const STAR: u8 = b'*';
/// What stands in place of a sentence that may have any secret in it.
const UNKNOWN: &str = "what was said is not shown: secrets may be in it that nobody knows now";

/// How a stream is shown.
#[derive(Debug, Clone)]
pub enum Redact {
    /// Without these secrets.
    Words(Arc<Words>),
    /// Not at all: nobody knows the secrets that may be in it.
    All,
}

impl Redact {
    /// Without these.
    pub fn of(words: Words) -> Self {
        Self::Words(Arc::new(words))
    }

    /// Whether everything is shown as it is.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Words(words) if words.is_empty())
    }

    /// How far before the end of what is stored the raw stream is needed, to see a secret that began
    /// there.
    pub fn overlap(&self) -> u64 {
        match self {
            Self::Words(words) => words.longest().saturating_sub(1) as u64,
            Self::All => 0,
        }
    }

    /// A sentence without the secrets; they stand in it by their names.
    pub fn text(&self, text: &str) -> String {
        let Self::Words(words) = self else {
            return UNKNOWN.to_owned();
        };
        if words.is_empty() {
            return text.to_owned();
        }
        let mut text = text.to_owned();
        for (word, name) in words.words() {
            if let Ok(word) = std::str::from_utf8(word)
                && text.contains(word)
            {
                text = text.replace(word, &format!("[secret {name}]"));
            }
        }
        // A sentence is often cut off, in the middle of a secret as well.
        let mut stream = Stream::new(self, 0);
        let mut bytes = stream.feed(0, text.as_bytes()).bytes;
        bytes.extend(stream.finish().bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A part of a stream that may be stored.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Its place in the stream.
    pub offset: u64,
    /// What is shown of it.
    pub bytes: Vec<u8>,
}

/// One stream on its way to the store.
#[derive(Debug)]
pub struct Stream {
    redact: Redact,
    /// What is stored already: nothing before this is shown again.
    from: u64,
    /// Raw bytes that are held back, and where they begin.
    held: Zeroizing<Vec<u8>>,
    at: u64,
    /// Which of them belong to a secret.
    hidden: Vec<bool>,
    state: u32,
    /// So many held bytes may be the end of a secret that began where bytes are missing.
    lead: usize,
}

impl Stream {
    /// A stream of which everything before `from` is stored.
    pub fn new(redact: &Redact, from: u64) -> Self {
        Self {
            redact: redact.clone(),
            from,
            held: Zeroizing::new(Vec::new()),
            at: 0,
            hidden: Vec::new(),
            state: 0,
            lead: 0,
        }
    }

    /// Whether bytes at this place do not follow those before them.
    pub fn jumps_to(&self, offset: u64) -> bool {
        offset != self.at + self.held.len() as u64
    }

    /// Takes raw bytes; gives what can be shown by now. Where bytes are missing before them, what
    /// came before those is to be taken with [`Self::finish`] first.
    pub fn feed(&mut self, offset: u64, bytes: &[u8]) -> Shown {
        if self.jumps_to(offset) {
            self.begin(offset);
        }
        let words = match &self.redact {
            Redact::Words(words) if !words.is_empty() => Arc::clone(words),
            Redact::Words(_) => {
                self.at = offset + bytes.len() as u64;
                return self.unstored(offset, bytes.to_vec());
            }
            Redact::All => {
                self.at = offset + bytes.len() as u64;
                return self.unstored(offset, bytes.iter().map(|byte| star(*byte)).collect());
            }
        };
        self.held.reserve_exact(bytes.len());
        for &byte in bytes {
            self.held.push(byte);
            self.hidden.push(false);
            self.state = words.step(self.state, byte);
            self.hide_last(words.ended(self.state));
        }
        if self.lead > 0 {
            if self.held.len() < self.lead {
                return Shown::default();
            }
            self.hide_rest(&words);
        }
        self.show(words.open(self.state))
    }

    /// Gives what is held back: nothing follows it, or not at once. What may be a secret that was
    /// cut off is not shown.
    pub fn finish(&mut self) -> Shown {
        if let Redact::Words(words) = &self.redact {
            let words = Arc::clone(words);
            let open = words.open(self.state);
            if open >= SHORTEST {
                self.hide_last(open);
            }
            if self.lead > 0 {
                self.hide_rest(&words);
            }
        }
        self.state = 0;
        self.show(0)
    }

    /// Goes on at another place.
    fn begin(&mut self, offset: u64) {
        self.forget(self.held.len());
        self.at = offset;
        self.state = 0;
        self.lead = match &self.redact {
            Redact::Words(words) => words.longest().saturating_sub(1),
            Redact::All => 0,
        };
    }

    fn hide_last(&mut self, count: usize) {
        let from = self.hidden.len().saturating_sub(count);
        for hidden in &mut self.hidden[from..] {
            *hidden = true;
        }
    }

    /// Hides what may be the end of a secret whose beginning is missing.
    fn hide_rest(&mut self, words: &Words) {
        self.lead = 0;
        let held = &self.held;
        let rest = |word: &[u8]| {
            (SHORTEST..word.len())
                .rev()
                .find(|length| held.starts_with(&word[word.len() - length..]))
        };
        let inside = |word: &[u8]| {
            held.len() >= SHORTEST && memchr::memmem::find(word, held.as_slice()).is_some()
        };
        let mut count = 0;
        for (word, _) in words.words() {
            count = count.max(rest(word).unwrap_or(0));
            if inside(word) {
                count = held.len();
            }
        }
        for hidden in &mut self.hidden[..count] {
            *hidden = true;
        }
    }

    /// Everything but the last `keep` bytes.
    fn show(&mut self, keep: usize) -> Shown {
        let count = self.held.len().saturating_sub(keep);
        let offset = self.at;
        let bytes = self.held[..count].iter().zip(&self.hidden);
        let bytes = bytes.map(|(byte, hidden)| if *hidden { star(*byte) } else { *byte });
        let bytes = bytes.collect();
        self.forget(count);
        self.unstored(offset, bytes)
    }

    fn forget(&mut self, count: usize) {
        let rest = Zeroizing::new(self.held[count..].to_vec());
        self.held = rest;
        self.hidden.drain(..count);
        self.at += count as u64;
    }

    fn unstored(&self, offset: u64, mut bytes: Vec<u8>) -> Shown {
        let known = usize::try_from(self.from.saturating_sub(offset)).unwrap_or(usize::MAX);
        let known = known.min(bytes.len());
        bytes.drain(..known);
        Shown {
            offset: offset + known as u64,
            bytes,
        }
    }
}

fn star(byte: u8) -> u8 {
    if byte == b'\n' { byte } else { STAR }
}

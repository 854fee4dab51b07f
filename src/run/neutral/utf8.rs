//! UTF-8 from a stream of bytes, without losing a bad one.

/// What the bytes turn out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Char(char),
    /// A byte that belongs to no character.
    Bad(u8),
}

/// Holds the beginning of a character: three bytes at most.
#[derive(Debug, Clone, Default)]
pub(super) struct Decoder {
    bytes: [u8; 4],
    len: usize,
}

impl Decoder {
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes a byte; gives an item when one is complete, and several when it breaks a character.
    pub fn push(&mut self, byte: u8, mut give: impl FnMut(Item)) {
        if self.try_push(byte, &mut give) {
            return;
        }
        // The byte breaks what came before: that was no character, and the byte begins anew.
        self.finish(&mut give);
        if !self.try_push(byte, &mut give) {
            give(Item::Bad(byte));
        }
    }

    /// Gives what is left as bad bytes.
    pub fn finish(&mut self, mut give: impl FnMut(Item)) {
        for &byte in &self.bytes[..self.len] {
            give(Item::Bad(byte));
        }
        self.len = 0;
    }

    /// Whether the byte goes on with what is held, or begins a character.
    fn try_push(&mut self, byte: u8, give: &mut impl FnMut(Item)) -> bool {
        let mut bytes = self.bytes;
        bytes[self.len] = byte;
        let len = self.len + 1;
        match std::str::from_utf8(&bytes[..len]) {
            Ok(text) => {
                self.len = 0;
                text.chars().for_each(|c| give(Item::Char(c)));
                true
            }
            Err(error) if error.error_len().is_none() => {
                (self.bytes, self.len) = (bytes, len);
                true
            }
            Err(_) => false,
        }
    }
}

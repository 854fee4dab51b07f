//! Which characters a terminal, or a reader's eye, could be led astray by; and how they are shown.

use std::fmt::Write as _;

/// Whether a character must not reach a terminal as it is.
///
/// All controls (C0, DEL, C1), line and paragraph separators, and everything that is invisible or
/// changes the order of what is seen: bidirectional marks, zero-width characters, fillers, tags.
/// Emoji presentation selectors (U+FE0E, U+FE0F) are common and harmless and pass.
pub fn is_hazard(c: char) -> bool {
    if c < '\u{a0}' {
        return c.is_control();
    }
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0d}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Appends a character, or what stands for it. A tab passes; a line feed does not.
pub(super) fn push(c: char, out: &mut String) {
    match c {
        '\t' => out.push(c),
        '\x7f' => out.push_str("^?"),
        c if c < ' ' => {
            out.push('^');
            out.push(char::from(c as u8 ^ 0x40));
        }
        c if is_hazard(c) => {
            // Writing to a String cannot fail.
            let _ = write!(out, "<U+{:04X}>", u32::from(c));
        }
        c => out.push(c),
    }
}

/// Appends what stands for a byte that is no text.
pub(super) fn push_bad(byte: u8, out: &mut String) {
    let _ = write!(out, "\\x{byte:02x}");
}

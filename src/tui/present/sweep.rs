//! The last look at a buffer: whatever got into a cell, the terminal only ever shows it.

use ratatui::buffer::Buffer;
use unicode_width::UnicodeWidthStr as _;

use crate::run::neutral::is_hazard;

/// What stands for a character that must not be sent.
const STAND_IN: &str = "\u{fffd}";

/// A letter with more marks on it than this is no letter of any language.
const MOST_CHARS: usize = 8;

/// Replaces everything that a terminal could act on, or that it could give another width than we
/// counted with.
pub(super) fn sweep(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if symbol.len() == 1 && !symbol.as_bytes()[0].is_ascii_control() {
            continue;
        }
        let bad = symbol
            .chars()
            .any(|c| is_hazard(c) || matches!(c, '\t' | '\n'))
            || symbol.chars().count() > MOST_CHARS
            || !(1..=2).contains(&symbol.width());
        if bad {
            cell.set_symbol(STAND_IN);
        }
    }
}

//! Rows that only moved: a log that grew is moved by the terminal itself, for a few bytes.

use std::hash::{Hash as _, Hasher as _};

use ratatui::buffer::{Buffer, Cell};
use rustc_hash::FxHasher;

/// Fewer rows than this are drawn again instead.
const FEWEST: usize = 4;

/// A region of rows that moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scroll {
    /// The first row of the region.
    pub top: u16,
    /// The row behind its last one.
    pub bottom: u16,
    /// By so many rows.
    pub by: u16,
    /// To the top, or to the bottom.
    pub up: bool,
}

impl Scroll {
    /// The move that leaves the least to be drawn, if there is one that is worth it.
    pub fn find(shown: &Buffer, next: &Buffer) -> Option<Self> {
        let width = usize::from(next.area.width).max(1);
        let both = shown.content.chunks(width).zip(next.content.chunks(width));
        if both.filter(|(old, new)| old != new).count() < FEWEST {
            return None;
        }
        let (old, new) = (rows(shown), rows(next));
        let most = old.len() / 2;
        let ups = (1..=most).filter_map(|by| best(&old, &new, by, true));
        let downs = (1..=most).filter_map(|by| best(&old, &new, by, false));
        ups.chain(downs)
            .max_by_key(|(saved, scroll)| (*saved, std::cmp::Reverse(scroll.by)))
            .map(|(_, scroll)| scroll)
    }

    /// What the terminal shows after the move: the rows that came in are empty.
    pub fn apply(self, shown: &mut Buffer) {
        let width = usize::from(shown.area.width);
        let (top, bottom) = (
            usize::from(self.top) * width,
            usize::from(self.bottom) * width,
        );
        let by = usize::from(self.by) * width;
        let region = &mut shown.content[top..bottom];
        let empty = if self.up {
            region.rotate_left(by);
            region.len() - by..region.len()
        } else {
            region.rotate_right(by);
            0..by
        };
        region[empty].fill(Cell::EMPTY);
    }
}

/// A number for each row: the same for rows that look the same. Should two others share one, more
/// is drawn, and nothing wrong.
fn rows(buffer: &Buffer) -> Vec<u64> {
    let width = usize::from(buffer.area.width).max(1);
    let rows = buffer.content.chunks(width);
    rows.map(|row| {
        let mut hasher = FxHasher::default();
        row.hash(&mut hasher);
        hasher.finish()
    })
    .collect()
}

/// The longest stretch of rows that moved by so many, and how many of them need not be drawn.
fn best(old: &[u64], new: &[u64], by: usize, up: bool) -> Option<(usize, Scroll)> {
    // Row `y` of the shorter side is row `y + by` of the other one.
    let (to, from) = if up { (new, old) } else { (old, new) };
    let moved = |y: usize| to[y] == from[y + by];
    let worth = |y: usize| {
        let place = if up { y } else { y + by };
        new[place] != old[place]
    };
    let mut found: Option<(usize, Scroll)> = None;
    let mut first = 0;
    for y in 0..=old.len() - by {
        if y < old.len() - by && moved(y) {
            continue;
        }
        let saved = (first..y).filter(|y| worth(*y)).count();
        if saved >= FEWEST && found.as_ref().is_none_or(|(most, _)| saved > *most) {
            let scroll = Scroll {
                top: u16::try_from(first).ok()?,
                bottom: u16::try_from(y + by).ok()?,
                by: u16::try_from(by).ok()?,
                up,
            };
            found = Some((saved, scroll));
        }
        first = y + 1;
    }
    found
}

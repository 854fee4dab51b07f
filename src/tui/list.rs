//! A cursor in a list that is never seen whole.

/// Which row the keys act on, and which rows are in sight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct List {
    /// The row under the cursor.
    pub at: u32,
    /// The first row in sight.
    pub top: u32,
    /// All rows.
    pub total: u32,
    /// Rows in sight.
    pub rows: u32,
}

impl List {
    /// Another number of rows, or another room for them.
    pub fn fit(&mut self, total: u32, rows: u32) {
        self.total = total;
        self.rows = rows.max(1);
        self.at = self.at.min(total.saturating_sub(1));
        self.show();
    }

    /// The cursor so many rows further; false when it stood at the end.
    pub fn step(&mut self, by: i64) -> bool {
        let before = self.at;
        let last = self.total.saturating_sub(1);
        let wanted = i64::from(self.at) + by;
        self.at = u32::try_from(wanted.max(0)).unwrap_or(u32::MAX).min(last);
        self.show();
        self.at != before
    }

    /// The cursor on this row.
    pub fn go(&mut self, row: u32) {
        self.at = row.min(self.total.saturating_sub(1));
        self.show();
    }

    /// Half of what is in sight.
    pub fn half(&self) -> i64 {
        i64::from(self.rows / 2).max(1)
    }

    /// Moves as an act says; false when it is no move.
    pub fn act(&mut self, act: super::keys::Act) -> bool {
        use super::keys::Act;
        match act {
            Act::Down => self.step(1),
            Act::Up => self.step(-1),
            Act::PageDown => self.step(self.half()),
            Act::PageUp => self.step(-self.half()),
            Act::Top => {
                self.go(0);
                true
            }
            Act::Bottom => {
                self.go(u32::MAX);
                true
            }
            _ => return false,
        };
        true
    }

    /// Rows in sight: first and one behind the last.
    pub fn seen(&self) -> (u32, u32) {
        (self.top, (self.top + self.rows).min(self.total))
    }

    fn show(&mut self) {
        let most = self.total.saturating_sub(self.rows);
        self.top = self
            .top
            .clamp((self.at + 1).saturating_sub(self.rows.max(1)), self.at)
            .min(most);
    }
}

/// A place so many further on, around the end of so many.
pub(super) fn turned(at: usize, by: i64, count: usize) -> usize {
    let wide = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let place = wide(at).saturating_add(by).rem_euclid(wide(count).max(1));
    usize::try_from(place).unwrap_or(0)
}

/// The nearest place from `at` on, or before it, that fits, around the end of so many.
pub(super) fn nearest(
    at: usize,
    by: i64,
    count: usize,
    fits: impl Fn(usize) -> bool,
) -> Option<usize> {
    let steps = i64::try_from(count).unwrap_or(i64::MAX);
    (1..=steps)
        .map(|step| turned(at, by * step, count))
        .find(|place| fits(*place))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_cursor_is_always_in_sight_and_no_row_is_wasted(
            moves in proptest::collection::vec((0u32..4, -40i64..40, 0u32..90, 0u32..30), 0..40)
        ) {
            let mut list = List::default();
            list.fit(10, 5);
            for (kind, by, total, rows) in moves {
                match kind {
                    0 => drop(list.step(by)),
                    1 => list.go(total),
                    _ => list.fit(total, rows),
                }
                let (from, until) = list.seen();
                if list.total > 0 {
                    prop_assert!(from <= list.at && list.at < until, "{list:?}");
                }
                prop_assert!(until - from == list.rows.min(list.total), "{list:?}");
            }
        }
    }
}

//! Two groups' outputs, compared line by line.

use crate::run::unified::unified;
use crate::tui::canvas::Canvas;
use crate::tui::list::List;
use crate::tui::theme::Role;

/// Two outputs side by side: the hosts whose outputs they are, and their lines.
pub(super) struct Difference {
    pub hosts: (u32, u32),
    pub words: String,
    pub sides: [Option<Vec<String>>; 2],
    pub shown: Vec<String>,
    pub list: List,
}

/// Compares as soon as both sides are there.
pub(super) fn settle(difference: &mut Difference) {
    if let [Some(one), Some(other)] = &difference.sides {
        difference.shown = unified(one, other);
        if difference.shown.is_empty() {
            difference.shown = vec!["The stored lines are equal.".to_owned()];
        }
        difference.list.total = u32::try_from(difference.shown.len()).unwrap_or(u32::MAX);
    }
}

pub(super) fn draw_difference(canvas: &mut Canvas, difference: &mut Difference) {
    if difference.shown.is_empty() {
        canvas.text(1, 0, Role::Dim, "comparing…");
        return;
    }
    difference
        .list
        .fit(difference.list.total, u32::from(canvas.height()));
    let (from, until) = difference.list.seen();
    for (y, place) in (0..).zip(from..until) {
        let Some(line) = difference.shown.get(place as usize) else {
            break;
        };
        let role = match line.chars().next() {
            Some('+') => Role::Added,
            Some('-') => Role::Removed,
            Some('@') => Role::Accent,
            _ => Role::Text,
        };
        canvas.clipped(1, y, canvas.width() - 1, role, line);
    }
}

//! Choosing from what could be meant, below a field: the keys, the list, and what is in it for a set
//! of hosts. The same in every form.

use crossterm::event::KeyCode;

use crate::tui::canvas::Canvas;
use crate::tui::fuzzy::ranked;
use crate::tui::list::List;
use crate::tui::pane::Context;
use crate::tui::theme::Role;
use crate::tui::words::{counted, plain};
use crate::wire::console::GroupLine;

/// Suggestions in sight.
const SUGGESTED: usize = 6;
/// Where they stand: under the fields.
const FIELD: u16 = 14;

/// A text that could be meant, and a few words on it.
pub(super) type Suggestion = (String, String);

/// Whether somebody chooses, and where they are.
#[derive(Default)]
pub(super) struct Choosing {
    on: bool,
    list: List,
}

/// What a key stands for in a form with fields below each other.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pressed {
    /// The choosing moved, began or ended.
    Done,
    /// The form is left.
    Leave,
    /// To another field, so far away.
    Go(i64),
    /// This one of what could be meant is taken.
    Take(usize),
}

impl Choosing {
    pub fn is_on(&self) -> bool {
        self.on
    }

    pub fn close(&mut self) {
        self.on = false;
    }

    /// What the key stands for, when so many texts could be meant; none leaves it to the form.
    pub fn key(&mut self, code: KeyCode, found: usize) -> Option<Pressed> {
        Some(match code {
            KeyCode::Esc if self.on => {
                self.on = false;
                Pressed::Done
            }
            KeyCode::Esc => Pressed::Leave,
            KeyCode::Enter if self.on => {
                self.on = false;
                Pressed::Take(self.list.at as usize)
            }
            KeyCode::Down if self.on => {
                self.list.step(1);
                Pressed::Done
            }
            KeyCode::Up if self.on => {
                self.on = self.list.at > 0;
                self.list.step(-1);
                Pressed::Done
            }
            KeyCode::Down if found > 0 => {
                self.on = true;
                self.list.go(0);
                Pressed::Done
            }
            KeyCode::Tab | KeyCode::Down => Pressed::Go(1),
            KeyCode::Up | KeyCode::BackTab => Pressed::Go(-1),
            _ => return None,
        })
    }

    /// What could be meant, under a line that says which key takes it.
    pub fn draw(&mut self, canvas: &mut Canvas, y: u16, found: &[Suggestion]) {
        let room = canvas.height().saturating_sub(y + 1);
        if found.is_empty() || room == 0 {
            return;
        }
        let total = u32::try_from(found.len()).unwrap_or(u32::MAX);
        self.list.fit(total, u32::from(room));
        let title = if self.on {
            "Enter takes it"
        } else {
            "Down to choose"
        };
        canvas.rule(y, title, "");
        let (from, until) = self.list.seen();
        let width = canvas.width();
        for (row, place) in (y + 1..).zip(from..until) {
            let Some((name, about)) = found.get(place as usize) else {
                break;
            };
            let here = self.on && place == self.list.at;
            if here {
                canvas.paint_row(row, Role::Cursor);
            }
            let (role, about_role) = if here {
                (Role::Cursor, Role::Cursor)
            } else {
                (Role::Text, Role::Dim)
            };
            let name = plain(&name.replace('\n', " ⏎ "));
            let x = canvas.clipped(FIELD, row, width / 2, role, &name);
            let room = width.saturating_sub(x + 3);
            canvas.clipped(x + 2, row, room, about_role, about);
        }
    }
}

/// The groups and the sets used before that fit the last word of a host set.
pub(super) fn hosts(text: &str, groups: &[GroupLine], context: &Context) -> Vec<Suggestion> {
    let groups = groups.iter().map(|group| {
        let about = counted(group.count, "host");
        let hosts = plain(&group.hosts);
        (group.name.clone(), format!("{about}   {hosts}"))
    });
    let before = context.recent.iter();
    let before = before.map(|(hosts, _)| (hosts.clone(), "used before".to_owned()));
    let all = groups.chain(before).collect();
    once(ranked(all, last_word(text).1, |(name, _)| name.clone()))
}

/// The text with its last word replaced by this one.
pub(super) fn with_last(text: &str, word: &str) -> String {
    format!("{}{word}", last_word(text).0)
}

/// What stands before the last word of a host set, and that word.
fn last_word(text: &str) -> (&str, &str) {
    let from = text
        .rfind([',', '!', '&', '^', ' '])
        .map_or(0, |place| place + 1);
    text.split_at(from)
}

/// The first few, each once.
pub(super) fn once(all: Vec<Suggestion>) -> Vec<Suggestion> {
    let mut seen = std::collections::BTreeSet::new();
    all.into_iter()
        .filter(|(name, _)| seen.insert(name.clone()))
        .take(SUGGESTED)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_choosing_lead_in_through_and_out() {
        let mut choosing = Choosing::default();
        choosing.list.total = 2;
        let mut press = |code, found| choosing.key(code, found);
        assert_eq!(press(KeyCode::Down, 0), Some(Pressed::Go(1)));
        assert_eq!(press(KeyCode::Enter, 2), None, "the form's own");
        assert_eq!(press(KeyCode::Down, 2), Some(Pressed::Done));
        assert_eq!(press(KeyCode::Down, 2), Some(Pressed::Done));
        assert_eq!(press(KeyCode::Enter, 2), Some(Pressed::Take(1)));
        assert_eq!(press(KeyCode::Down, 2), Some(Pressed::Done));
        assert_eq!(press(KeyCode::Up, 2), Some(Pressed::Done));
        assert_eq!(press(KeyCode::Up, 2), Some(Pressed::Go(-1)));
        assert_eq!(press(KeyCode::Down, 2), Some(Pressed::Done));
        assert_eq!(press(KeyCode::Esc, 2), Some(Pressed::Done));
        assert_eq!(press(KeyCode::Esc, 2), Some(Pressed::Leave));
    }

    #[test]
    fn the_last_word_of_a_set_is_what_is_chosen() {
        assert_eq!(with_last("@web,!@do", "@down"), "@web,!@down");
        assert_eq!(with_last("", "@web"), "@web");
    }
}

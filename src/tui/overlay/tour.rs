//! The first look: what is seen, and three keys to try.

use crossterm::event::{KeyCode, KeyEvent};

use super::Overlay;
use crate::tui::canvas::Canvas;
use crate::tui::keys::{Act, Chord, Found};
use crate::tui::pane::{Context, Effect};
use crate::tui::theme::Role;

/// The tour.
pub(in crate::tui) struct Tour {
    /// Where it is noted that it is not wanted any more.
    seen: String,
}

impl Tour {
    pub fn new(seen: String) -> Self {
        Self { seen }
    }
}

const LINES: [(&str, &str); 9] = [
    (
        "",
        "This is conn on a small fleet that lives inside this program: 60 hosts in",
    ),
    (
        "",
        "@web, @db, @cache, @batch and @hbase. Nothing here reaches the network.",
    ),
    ("", ""),
    (
        "1",
        "Now: what needs a person, what runs, what ended. You start here.",
    ),
    (
        "2",
        "flows; again: every run. Enter opens one: a letter a host, worst first.",
    ),
    (
        "r",
        "start a command: hosts, then the command. It says what it will do first.",
    ),
    ("", ""),
    (
        "?",
        "the keys of any screen.   : everything by name.   / filter or search.",
    ),
    (
        "q",
        "leave: what runs goes on, and you can come back. Here as well: try it.",
    ),
];

impl Overlay for Tour {
    fn key(&mut self, event: &KeyEvent, context: &Context, effects: &mut Vec<Effect>) {
        effects.push(Effect::Close);
        if event.code == KeyCode::Char('x') {
            effects.push(Effect::Save {
                path: self.seen.clone(),
                text: "The first look was dismissed.\n".to_owned(),
            });
            return;
        }
        // A key that was meant to be tried does what it says.
        let pressed = Chord::of(event).map(|chord| context.keys.find(&[chord]));
        if let Some(Found::Act(act)) = pressed
            && !matches!(act, Act::Back | Act::Open)
        {
            effects.push(Effect::Do(act));
        }
    }

    fn draw(&mut self, canvas: &mut Canvas, _: &Context) -> Option<(u16, u16)> {
        let height = u16::try_from(LINES.len()).unwrap_or(0) + 2;
        let width = canvas.width().min(80);
        let x = (canvas.width() - width) / 2;
        let y = canvas.height().saturating_sub(height + 1);
        let mut part = canvas.part(x, y, width, height);
        part.clear();
        part.rule(0, "welcome aboard", "x never again   any other key closes");
        for (row, (key, text)) in (1..).zip(LINES) {
            part.text(2, row, Role::Key, key);
            let column = if key.is_empty() { 2 } else { 5 };
            part.text(column, row, Role::Text, text);
        }
        part.rule(height - 1, "", "");
        None
    }

    fn hint(&self) -> String {
        "x never again   any other key closes this and does what it does".to_owned()
    }
}

//! The keys of the screen, and what the signs mean.

use crossterm::event::{KeyCode, KeyEvent};

use super::Overlay;
use crate::run::sign::Sign;
use crate::tui::canvas::Canvas;
use crate::tui::keys::{Act, Entry, TABLE, Tier};
use crate::tui::pane::{Context, Effect, role_of};
use crate::tui::theme::Role;

/// The help.
pub(in crate::tui) struct Help {
    crumb: String,
    here: Vec<Act>,
    /// All keys, not only those of the screen.
    all: bool,
    top: u16,
    rows: u16,
}

impl Help {
    pub fn new(crumb: String, here: Vec<Act>) -> Self {
        Self {
            crumb,
            here,
            all: false,
            top: 0,
            rows: 0,
        }
    }

    fn entries(&self) -> Vec<&'static Entry> {
        TABLE
            .iter()
            .filter(|entry| !entry.label.is_empty())
            .filter(|entry| self.all || self.here.contains(&entry.act) || everywhere(entry.act))
            .collect()
    }
}

/// Acts that mean the same on every screen.
fn everywhere(act: Act) -> bool {
    matches!(
        act,
        Act::Back | Act::Palette | Act::Help | Act::Detach | Act::Undo | Act::Theme | Act::Earlier
    )
}

impl Overlay for Help {
    fn key(&mut self, event: &KeyEvent, _: &Context, effects: &mut Vec<Effect>) {
        match event.code {
            KeyCode::Tab => {
                self.all = !self.all;
                self.top = 0;
            }
            KeyCode::Char('j') | KeyCode::Down => {
                self.top = (self.top + 1).min(self.rows.saturating_sub(1));
            }
            KeyCode::Char('k') | KeyCode::Up => self.top = self.top.saturating_sub(1),
            _ => effects.push(Effect::Close),
        }
    }

    fn draw(&mut self, canvas: &mut Canvas, context: &Context) -> Option<(u16, u16)> {
        canvas.clear();
        let title = if self.all {
            "ALL KEYS".to_owned()
        } else {
            format!("KEYS HERE: {}", self.crumb)
        };
        canvas.text(1, 0, Role::Title, &title);
        canvas.right(1, 0, Role::Dim, "Tab all keys");
        let entries = self.entries();
        self.rows = u16::try_from(entries.len()).unwrap_or(u16::MAX);
        let signs_at = canvas.height().saturating_sub(5);
        let room = canvas.width();
        for (y, entry) in (1..signs_at).zip(entries.iter().skip(usize::from(self.top))) {
            canvas.text(2, y, Role::Key, context.keys.key(entry.act));
            canvas.text(10, y, role_of_tier(entry.tier), entry.label);
            canvas.clipped(27, y, room.saturating_sub(28), Role::Text, entry.about);
        }
        canvas.rule(signs_at, "what the signs mean", "");
        draw_signs(canvas, signs_at + 1);
        let files = "Keys come from this table and from keys.toml in your configuration.";
        canvas.text(1, canvas.height().saturating_sub(1), Role::Dim, files);
        None
    }

    fn hint(&self) -> String {
        "Tab all keys   j k scroll   any other key closes".to_owned()
    }
}

fn role_of_tier(tier: Tier) -> Role {
    match tier {
        Tier::Look => Role::Dim,
        Tier::Reversible => Role::Accent,
        Tier::Asks => Role::Failed,
    }
}

fn draw_signs(canvas: &mut Canvas, first: u16) {
    let (mut x, mut y) = (1, first);
    for sign in Sign::all() {
        let width = 4 + u16::try_from(sign.word().len()).unwrap_or(0);
        if x + width > canvas.width() {
            (x, y) = (1, y + 1);
        }
        x = canvas.text(x, y, role_of(sign), sign.letter());
        x = canvas.text(x + 1, y, Role::Text, sign.word()) + 2;
    }
}

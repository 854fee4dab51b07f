//! Themes to choose from, each shown as soon as the cursor is on it.

use crossterm::event::{KeyCode, KeyEvent};

use super::Overlay;
use crate::run::sign::Sign;
use crate::tui::canvas::Canvas;
use crate::tui::list::List;
use crate::tui::pane::{Context, Effect, role_of};
use crate::tui::theme::{Ground, Role};

/// The choice.
pub(in crate::tui) struct Themes {
    list: List,
    before: String,
    began: bool,
}

impl Themes {
    /// Beginning with the theme that is in use.
    pub fn new(now: &str) -> Self {
        Self {
            list: List::default(),
            before: now.to_owned(),
            began: false,
        }
    }
}

impl Overlay for Themes {
    fn key(&mut self, event: &KeyEvent, context: &Context, effects: &mut Vec<Effect>) {
        match event.code {
            KeyCode::Char('j') | KeyCode::Down => drop(self.list.step(1)),
            KeyCode::Char('k') | KeyCode::Up => drop(self.list.step(-1)),
            KeyCode::Enter => {
                effects.push(Effect::Close);
                let name = &context.look.theme.name;
                effects.push(Effect::Say(format!(
                    "Theme {name}. To keep it: theme = \"{name}\" in conn.toml under [console]."
                )));
                return;
            }
            _ => {
                effects.push(Effect::Theme(self.before.clone()));
                effects.push(Effect::Close);
                return;
            }
        }
        if let Some(name) = context.themes.get(self.list.at as usize) {
            effects.push(Effect::Theme(name.clone()));
        }
    }

    fn draw(&mut self, canvas: &mut Canvas, context: &Context) -> Option<(u16, u16)> {
        canvas.clear();
        canvas.rule(0, "themes", "");
        let rows = canvas.height().saturating_sub(4);
        let total = u32::try_from(context.themes.len()).unwrap_or(u32::MAX);
        self.list.fit(total, u32::from(rows));
        if !self.began {
            self.began = true;
            let place = context.themes.iter().position(|name| *name == self.before);
            self.list.go(u32::try_from(place.unwrap_or(0)).unwrap_or(0));
        }
        let (from, until) = self.list.seen();
        for (y, place) in (1..).zip(from..until) {
            let Some(name) = context.themes.get(place as usize) else {
                break;
            };
            let here = place == self.list.at;
            canvas.text(1, y, Role::Key, if here { ">" } else { " " });
            canvas.text(3, y, if here { Role::Title } else { Role::Text }, name);
        }
        let room = canvas.width().saturating_sub(20);
        let theme = &context.look.theme;
        let ground = match &theme.ground {
            Ground::Terminal => "whatever the terminal has".to_owned(),
            Ground::Colour(colour) => format!("a ground like {colour}"),
        };
        let about = format!("{} Made for {ground}.", theme.about);
        let mut part = canvas.part(18, 2, room, u16::MAX);
        part.clipped(0, 0, room, Role::Text, &about);
        let mut x = 0;
        for sign in Sign::all().take(9) {
            x = part.text(
                x,
                2,
                role_of(sign),
                &format!("{} {}  ", sign.letter(), sign.word()),
            );
        }
        part.text(0, 4, Role::Cursor, " the row the keys act on ");
        part.text(26, 4, Role::Match, " found ");
        part.text(35, 4, Role::Alarm, " ALARM ");
        part.text(0, 5, Role::Added, "+ only here");
        part.text(14, 5, Role::Removed, "- only in the main group");
        part.text(0, 6, Role::Stderr, "standard error");
        part.text(18, 6, Role::Dim, "less important");
        None
    }

    fn hint(&self) -> String {
        "j k try   Enter keep   Esc as before".to_owned()
    }
}

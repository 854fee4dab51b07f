//! The console as a person sees it, without a terminal and without an engine: keys and answers in,
//! the screen out.

mod acts;
mod bytes;
mod families;
mod fixtures;
mod flow_fixtures;
mod flows;
mod hostile;
mod keys;
mod screens;
mod steering;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::app::{App, Outside, Setup};
use super::keys::{Chord, Key, Keymap};
use super::theme::Level;
use crate::run::ids::At;
use crate::wire::reply::Fault;
use crate::wire::{Reply, Request};

/// 2026-11-23 14:02:11Z.
pub(super) const NOW: At = At(1_795_442_531_000);

/// A console that is driven by hand.
pub(super) struct Console {
    pub app: App,
    pub size: (u16, u16),
    pub outside: Vec<Outside>,
}

impl Console {
    pub fn new(width: u16, height: u16) -> Self {
        let setup = Setup {
            you: "kim".into(),
            environment: "prod".into(),
            bastion: "bastion3".into(),
            level: Level::Sixteen,
            theme: "terminal".into(),
            themes: Vec::new(),
            ascii: false,
            zone: None,
            keys: Keymap::default(),
            tour: None,
            complaint: None,
        };
        Self {
            app: App::new(setup, NOW, (width, height)),
            size: (width, height),
            outside: Vec::new(),
        }
    }

    /// Presses keys as they are written in `keys.toml`, separated by blanks.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        for key in keys.split(' ') {
            let chord = Chord::parse(key).unwrap_or_else(|| panic!("{key}"));
            self.key(chord);
        }
        self
    }

    /// Types text.
    pub fn type_text(&mut self, text: &str) -> &mut Self {
        for letter in text.chars() {
            let event = KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE);
            let outside = self.app.key(&event);
            self.outside.extend(outside);
        }
        self
    }

    fn key(&mut self, chord: Chord) {
        let code = match chord.key {
            Key::Char(letter) => KeyCode::Char(letter),
            Key::Named("Enter") => KeyCode::Enter,
            Key::Named("Esc") => KeyCode::Esc,
            Key::Named("Tab") => KeyCode::Tab,
            Key::Named("Down") => KeyCode::Down,
            Key::Named("Up") => KeyCode::Up,
            Key::Named("Space") => KeyCode::Char(' '),
            Key::Named("Backspace") => KeyCode::Backspace,
            Key::Named(other) => panic!("{other}"),
        };
        let modifiers = if chord.ctrl {
            KeyModifiers::CONTROL
        } else {
            KeyModifiers::NONE
        };
        let outside = self.app.key(&KeyEvent::new(code, modifiers));
        self.outside.extend(outside);
    }

    /// Everything the console wants is answered, until it wants nothing new.
    pub fn answer(&mut self, engine: impl Fn(&Request) -> Result<Reply, Fault>) -> &mut Self {
        for _ in 0..8 {
            self.draw();
            for (asker, want) in self.app.wants() {
                let reply = engine(&want.request);
                let outside = self.app.take(asker, want.slot, want.mark, reply);
                self.outside.extend(outside);
            }
        }
        self
    }

    pub fn draw(&mut self) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, self.size.0, self.size.1));
        self.app.draw(&mut buffer);
        buffer
    }

    /// The screen's text.
    pub fn screen(&mut self) -> String {
        let buffer = self.draw();
        let width = usize::from(self.size.0);
        let mut text = String::new();
        for row in buffer.content.chunks(width) {
            let mut line = String::new();
            let mut skip = 0;
            for cell in row {
                if skip == 0 {
                    line.push_str(cell.symbol());
                    skip = unicode_width::UnicodeWidthStr::width(cell.symbol()).max(1);
                }
                skip -= 1;
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// The acts that went out.
    pub fn acts(&self) -> Vec<&Request> {
        let act = |outside: &'_ Outside| matches!(outside, Outside::Act(_));
        self.outside
            .iter()
            .filter(|outside| act(outside))
            .filter_map(|outside| match outside {
                Outside::Act(request) => Some(request),
                _ => None,
            })
            .collect()
    }
}

//! A key as people write it: `j`, `^d`, `PageDown`.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key without its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Key {
    /// A letter, digit or sign; upper case says that shift was held.
    Char(char),
    /// A key with a name.
    Named(&'static str),
}

/// Names of keys that are no characters.
const NAMES: [(KeyCode, &str); 16] = [
    (KeyCode::Enter, "Enter"),
    (KeyCode::Esc, "Esc"),
    (KeyCode::Tab, "Tab"),
    (KeyCode::BackTab, "BackTab"),
    (KeyCode::Backspace, "Backspace"),
    (KeyCode::Delete, "Delete"),
    (KeyCode::Insert, "Insert"),
    (KeyCode::Up, "Up"),
    (KeyCode::Down, "Down"),
    (KeyCode::Left, "Left"),
    (KeyCode::Right, "Right"),
    (KeyCode::Home, "Home"),
    (KeyCode::End, "End"),
    (KeyCode::PageUp, "PageUp"),
    (KeyCode::PageDown, "PageDown"),
    (KeyCode::F(1), "F1"),
];

/// A key, with or without Ctrl. There is no Alt: terminals do not agree on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Chord {
    /// The key.
    pub key: Key,
    /// Whether Ctrl is held.
    pub ctrl: bool,
}

impl Chord {
    /// What was pressed; `None` for keys that have no meaning here.
    pub fn of(event: &KeyEvent) -> Option<Self> {
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        if event
            .modifiers
            .intersects(KeyModifiers::ALT | KeyModifiers::SUPER | KeyModifiers::META)
        {
            return None;
        }
        let key = match event.code {
            KeyCode::Char(' ') => Key::Named("Space"),
            KeyCode::Char(letter) => Key::Char(letter),
            code => Key::Named(NAMES.iter().find(|(known, _)| *known == code)?.1),
        };
        Some(Self { key, ctrl })
    }

    /// Reads `j`, `^d`, `PageDown`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (ctrl, rest) = match text.strip_prefix('^') {
            Some(rest) if !rest.is_empty() => (true, rest),
            _ => (false, text),
        };
        let mut letters = rest.chars();
        let key = match (letters.next()?, letters.next()) {
            (letter, None) if !letter.is_control() => Key::Char(letter),
            _ if rest == "Space" => Key::Named("Space"),
            _ => Key::Named(NAMES.iter().find(|(_, name)| *name == rest)?.1),
        };
        Some(Self { key, ctrl })
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("^")?;
        }
        match self.key {
            Key::Char(letter) => write!(f, "{letter}"),
            Key::Named(name) => f.write_str(name),
        }
    }
}

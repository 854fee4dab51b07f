//! Which act a key stands for: the table, and what the user changed in it.

use std::collections::BTreeMap;

use super::{Act, Chord, TABLE};

/// One or two keys in a row.
type Sequence = Vec<Chord>;

/// Keys by sequence.
#[derive(Debug, Clone)]
pub(crate) struct Keymap {
    acts: BTreeMap<Sequence, Act>,
    first: BTreeMap<Act, String>,
}

/// What keys pressed so far come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// This act.
    Act(Act),
    /// The beginning of one.
    Begun,
    /// Nothing.
    Nothing,
}

impl Default for Keymap {
    fn default() -> Self {
        let mut map = Self {
            acts: BTreeMap::new(),
            first: BTreeMap::new(),
        };
        for entry in TABLE {
            for keys in entry.keys.split(' ') {
                // The table is checked by a test.
                let _ = map.bind(entry.act, keys);
            }
        }
        map
    }
}

impl Keymap {
    /// The keys of a user's `keys.toml`: `abort = "X"`, `down = ["j", "^n"]`. `Err` is a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let table: toml::Table = text
            .parse()
            .map_err(|error| format!("keys.toml: {error}"))?;
        let mut map = Self::default();
        for (name, value) in &table {
            let entry = TABLE
                .iter()
                .find(|entry| entry.name == name)
                .ok_or_else(|| format!("keys.toml: there is no act {name:?}"))?;
            let keys: Vec<&str> = match value {
                toml::Value::String(keys) => vec![keys],
                toml::Value::Array(list) => list.iter().filter_map(toml::Value::as_str).collect(),
                _ => Vec::new(),
            };
            if keys.is_empty() {
                return Err(format!("keys.toml: {name} needs a key or a list of keys"));
            }
            map.acts.retain(|_, act| *act != entry.act);
            map.first.remove(&entry.act);
            for keys in keys {
                map.bind(entry.act, keys)
                    .map_err(|why| format!("keys.toml: {name}: {why}"))?;
            }
        }
        map.check()?;
        Ok(map)
    }

    /// What these keys in a row stand for.
    pub fn find(&self, pressed: &[Chord]) -> Found {
        if let Some(act) = self.acts.get(pressed) {
            return Found::Act(*act);
        }
        let begun = self
            .acts
            .keys()
            .any(|keys| keys.len() > pressed.len() && keys.starts_with(pressed));
        if begun { Found::Begun } else { Found::Nothing }
    }

    /// The key to show for an act.
    pub fn key(&self, act: Act) -> &str {
        self.first.get(&act).map_or("", String::as_str)
    }

    fn bind(&mut self, act: Act, keys: &str) -> Result<(), String> {
        let sequence = sequence(keys).ok_or_else(|| format!("{keys:?} is no key"))?;
        match self.acts.insert(sequence, act) {
            Some(other) if other != act => {
                return Err(format!("{keys} stands for {} already", other.entry().name));
            }
            _ => {}
        }
        self.first.entry(act).or_insert_with(|| keys.to_owned());
        Ok(())
    }

    /// A key that begins another's sequence would never be heard, or the other one never.
    fn check(&self) -> Result<(), String> {
        for keys in self.acts.keys().filter(|keys| keys.len() > 1) {
            if self.acts.contains_key(&keys[..1]) {
                return Err(format!("keys.toml: {} begins another key", keys[0]));
            }
        }
        Ok(())
    }
}

fn sequence(keys: &str) -> Option<Sequence> {
    if let Some(chord) = Chord::parse(keys) {
        return Some(vec![chord]);
    }
    let letters: Vec<char> = keys.chars().collect();
    if letters.len() != 2 {
        return None;
    }
    letters
        .iter()
        .map(|letter| Chord::parse(&letter.to_string()))
        .collect()
}

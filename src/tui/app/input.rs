//! Keys and pastes: to the topmost layer, then to the screen, as acts.

use crossterm::event::{KeyCode, KeyEvent};

use super::{App, Effect, Outside};
use crate::tui::keys::{Act, Chord, Found};
use crate::tui::overlay::Overlay as _;

impl App {
    /// A key was pressed.
    pub fn key(&mut self, event: &KeyEvent) -> Vec<Outside> {
        let before = (self.top().0, self.layers.len());
        let said = self.word.clone();
        let outside = self.pressed_key(event);
        // Words go with the screen they were said on; those of this key stay.
        if (self.top().0, self.layers.len()) != before && self.word == said {
            self.word = None;
        }
        outside
    }

    fn pressed_key(&mut self, event: &KeyEvent) -> Vec<Outside> {
        let mut effects = Vec::new();
        if self.line.is_some() {
            self.with_context(|parts, context| {
                if let Some(line) = parts.line.as_mut() {
                    line.key(event, context, &mut effects);
                }
            });
            self.line_changed();
        } else if let Some(letter) = self.marking.take() {
            self.mark(letter, event);
        } else if !self.layers.is_empty() {
            self.with_context(|parts, context| {
                if let Some(layer) = parts.layers.last_mut() {
                    layer.key(event, context, &mut effects);
                }
            });
        } else {
            self.screen_key(event, &mut effects);
        }
        self.carry_out(effects)
    }

    fn screen_key(&mut self, event: &KeyEvent, effects: &mut Vec<Effect>) {
        let Some(chord) = Chord::of(event) else {
            return;
        };
        self.pressed.push(chord);
        match self.setup.keys.find(&self.pressed) {
            Found::Begun => {}
            Found::Act(act) => {
                self.pressed.clear();
                self.act(act, effects);
            }
            Found::Nothing => {
                let pressed: String = self.pressed.iter().map(ToString::to_string).collect();
                let more = self.pressed.len() > 1;
                self.pressed.clear();
                if more && event.code == KeyCode::Esc {
                    return;
                }
                let help = self.setup.keys.key(Act::Help);
                self.say(format!(
                    "{pressed} means nothing here. {help} shows the keys."
                ));
            }
        }
    }

    /// Text was pasted. Outside of a field it is not taken for keys.
    pub fn paste(&mut self, text: &str) {
        if let Some(line) = &mut self.line {
            line.paste(text);
            self.line_changed();
        } else if let Some(layer) = self.layers.last_mut().filter(|layer| !layer.asks()) {
            layer.paste(text);
        } else {
            self.say(format!(
                "{} pasted letters were ignored: nothing is being typed.",
                text.chars().count()
            ));
        }
    }

    /// Many keys came at once, as no person types: none of them counts.
    pub fn burst(&mut self, keys: usize) {
        self.pressed.clear();
        self.say(format!(
            "{keys} keys came at once and were ignored. One by one they count."
        ));
    }

    /// Whether keys are being typed into a field, where many at once are fine.
    pub fn is_typing(&self) -> bool {
        self.line.is_some() || self.layers.last().is_some_and(|layer| !layer.asks())
    }

    /// Whether a question is open that one key answers.
    pub fn is_asking(&self) -> bool {
        self.layers.last().is_some_and(|layer| layer.asks())
    }

    /// Whether this key, pressed on a screen, opens a field to type in.
    pub fn opens_field(&self, event: &KeyEvent) -> bool {
        let act = Chord::of(event).map(|chord| self.setup.keys.find(&[chord]));
        matches!(
            act,
            Some(Found::Act(
                Act::Search
                    | Act::Palette
                    | Act::Start
                    | Act::StartFlow
                    | Act::Edit
                    | Act::SaveAs
                    | Act::Note
                    | Act::Take
            ))
        )
    }

    fn line_changed(&mut self) {
        if let Some(text) = self
            .line
            .as_mut()
            .and_then(crate::tui::overlay::Typed::query)
            && let Err(why) = self.pane_mut().set_query(&text)
        {
            self.warn(why);
        }
    }

    fn mark(&mut self, set: bool, event: &KeyEvent) {
        let KeyCode::Char(letter @ 'a'..='z') = event.code else {
            self.say("A mark is a small letter.".to_owned());
            return;
        };
        if set {
            let place = self.pane().place();
            self.marks.insert(letter, place);
            self.say(format!("Marked: '{letter} comes back here."));
        } else if let Some(place) = self.marks.get(&letter).cloned() {
            self.open(&place);
        } else {
            self.say(format!("There is no mark {letter}."));
        }
    }
}

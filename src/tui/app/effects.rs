//! What screens and layers asked for is done here, or handed on outside.

use super::{App, Outside, Sent};
use crate::tui::overlay::{Purpose, Typed};
use crate::tui::pane::Effect;
use crate::tui::zone::Zone;
use crate::wire::Request;

impl App {
    /// Carries effects out, and what follows from them; what must be done outside is returned.
    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) -> Vec<Outside> {
        let mut outside = Vec::new();
        let mut queue: std::collections::VecDeque<Effect> = effects.into();
        while let Some(effect) = queue.pop_front() {
            match effect {
                Effect::Do(act) => {
                    let mut more = Vec::new();
                    self.act(act, &mut more);
                    queue.extend(more);
                }
                effect => outside.extend(self.one(effect)),
            }
        }
        outside
    }

    fn one(&mut self, effect: Effect) -> Option<Outside> {
        match effect {
            Effect::Open(place) => self.open(&place),
            Effect::Show(pane) => self.push(pane),
            Effect::Over(layer) => {
                self.layers.push(layer);
            }
            Effect::Close => {
                if self.line.take().is_none() {
                    self.keep_draft();
                    self.layers.pop();
                }
            }
            Effect::Ask {
                request,
                said,
                undo,
            } => return self.ask(*request, said, undo.map(|request| *request)),
            Effect::Say(words) => self.say(words),
            Effect::Copy(text, what) => {
                let words = format!("Sent to your clipboard: {what}. Not there? `: save FILE`.");
                self.say(words);
                return Some(Outside::Copy(text));
            }
            Effect::Save { path, text } => {
                let text = if text.is_empty() {
                    self.pane().text()
                } else {
                    text
                };
                return Some(Outside::Save { path, text });
            }
            Effect::Theme(name) => self.use_theme(&name),
            Effect::Ascii(on) => self.look.ascii = on,
            Effect::Zone(name) => self.use_zone(&name),
            Effect::Redraw => return Some(Outside::Redraw),
            Effect::Quit => return Some(Outside::Quit),
            // Taken out of the queue before.
            Effect::Do(_) => {}
        }
        None
    }

    fn ask(&mut self, request: Request, said: String, undo: Option<Request>) -> Option<Outside> {
        if !self.is_up() {
            self.warn("The engine does not answer: nothing was sent.".to_owned());
            return None;
        }
        let started = matches!(request, Request::Start(_));
        if started {
            // The form that led here is of no more use, unless the start is refused.
            self.keep_draft();
            self.layers.clear();
        }
        self.waiting = Some(Sent {
            said,
            undo,
            started,
        });
        Some(Outside::Act(request))
    }

    /// A line to type at the bottom.
    pub(super) fn type_line(&mut self, purpose: Purpose, text: &str) {
        self.line = Some(Typed::new(purpose, text));
    }

    fn keep_draft(&mut self) {
        let draft = self.layers.iter().rev().find_map(|layer| layer.draft());
        if draft.is_some() {
            self.draft = draft;
        }
    }

    fn use_zone(&mut self, name: &str) {
        match Zone::named(name) {
            Ok(zone) => {
                self.look.zone = zone;
                self.turn_zone();
            }
            Err(why) => self.warn(why),
        }
    }

    /// Times in UTC, or in the person's own zone.
    pub(super) fn turn_zone(&mut self) {
        let words = match self.look.zone.turn() {
            Some(name) => format!("Times are shown in {name}."),
            None => "No zone of your own is set: `: zone Europe/Amsterdam`, or zone under \
                     [console] in conn.toml."
                .to_owned(),
        };
        self.say(words);
    }

    /// What came of writing a file.
    pub fn saved(&mut self, path: &str, result: Result<usize, String>) {
        match result {
            Ok(bytes) => self.say(format!("{bytes} bytes written to {path}.")),
            Err(why) => self.warn(format!("{path} was not written: {why}")),
        }
    }
}

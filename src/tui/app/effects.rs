//! What screens and layers asked for is done here, or handed on outside.

use super::{App, Outside, Sent};
use crate::flow::definition::Kind;
use crate::flow::read::definition;
use crate::tui::overlay::{
    Draft, Editor, FlowForm, Purpose, Typed, command_key, flow_key, text_key,
};
use crate::tui::pane::{Effect, Place};
use crate::tui::zone::Zone;
use crate::wire::Request;
use crate::wire::definitions::Applied;

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
            Effect::StartFlow {
                kind,
                name,
                hosts,
                values,
            } => self.start_flow((kind, &name), &hosts, values),
            Effect::Edit { kind, name } => self.edit(kind, &name),
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
        let started = matches!(request, Request::Start(_) | Request::StartFlow(_));
        let draft = draft_of(&request);
        if started {
            // The form that led here is of no more use, unless the start is refused.
            self.keep_draft();
            self.layers.clear();
        }
        self.waiting = Some(Sent {
            said,
            undo,
            started,
            draft,
        });
        Some(Outside::Act(request))
    }

    /// A line to type at the bottom.
    pub(super) fn type_line(&mut self, purpose: Purpose, text: &str) {
        self.line = Some(Typed::new(purpose, text));
    }

    fn keep_draft(&mut self) {
        if let Some(key) = self.layers.last().and_then(|layer| layer.drops()) {
            self.drafts.remove(&key);
        }
        if let Some(draft) = self.layers.iter().rev().find_map(|layer| layer.draft()) {
            self.drafts.insert(draft.key(), draft);
        }
    }

    fn start_flow(
        &mut self,
        (kind, name): (Kind, &str),
        hosts: &str,
        given: Vec<(String, String)>,
    ) {
        let form = match self.drafts.get(&flow_key(kind, name)) {
            Some(Draft::Flow {
                hosts: typed,
                values,
                ..
            }) if hosts.is_empty() => FlowForm::new(kind, name, typed, values.clone()),
            _ => FlowForm::new(kind, name, hosts, given),
        };
        self.layers.push(Box::new(form));
    }

    fn edit(&mut self, kind: Kind, name: &str) {
        let draft = match self.drafts.get(&text_key(kind, name)) {
            Some(Draft::Text { base, text, .. }) => Some((*base, text.clone())),
            _ => None,
        };
        self.layers.push(Box::new(Editor::new(kind, name, draft)));
    }

    /// A definition was saved, or was not.
    pub(super) fn applied(&mut self, sent: &Sent, applied: &Applied) {
        if let Some(complaint) = applied.complaints.first() {
            let hint = complaint.hint.as_ref();
            let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
            self.warn(format!("Not saved: {}{hint}", complaint.message));
            return;
        }
        if let Some(key) = &sent.draft {
            self.drafts.remove(key);
        }
        self.layers.clear();
        match applied.changes.first() {
            Some(change) => {
                let (kind, name) = (change.kind, change.name.clone());
                self.open(&Place::Flow(kind, name.clone()));
                self.say(format!(
                    "{}/{name} is version {} now.",
                    kind.word(),
                    change.version
                ));
            }
            None => self.say("Nothing was changed.".to_owned()),
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

/// The key of the draft that this request comes of.
fn draft_of(request: &Request) -> Option<String> {
    match request {
        Request::Start(_) => Some(command_key()),
        Request::StartFlow(start) => Some(flow_key(start.plan.kind, &start.plan.name)),
        Request::Apply(apply) => {
            let file = apply.files.first()?;
            let read = definition(&file.path, &file.text).ok()?.definition;
            Some(text_key(read.kind(), &read.name))
        }
        _ => None,
    }
}

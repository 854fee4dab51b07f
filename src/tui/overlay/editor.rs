//! A definition in a text area: checked as it is typed, saved after a look at what changed, and
//! not over what somebody else saved meanwhile.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::edit::Field;
use super::{Draft, Overlay};
use crate::flow::definition::Kind;
use crate::flow::read::definition;
use crate::run::complaint::{Complaint, Place};
use crate::run::ids::RunId;
use crate::run::unified::unified;
use crate::tui::canvas::Canvas;
use crate::tui::pane::{Context, Effect, Want};
use crate::tui::theme::Role;
use crate::tui::words::{count, counted, plain};
use crate::wire::definitions::{Apply, GivenFile};
use crate::wire::reply::Fault;
use crate::wire::{Reply, Request};

/// Columns before the text.
const MARGIN: u16 = 6;

/// Where the text comes from.
enum From {
    /// What is stored.
    Store,
    /// A run, whose command becomes a flow.
    Run(RunId),
    /// It is there already.
    Here,
}

/// What is on screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Text,
    /// What changed, and whether it shall be saved.
    Difference,
}

/// The editor.
pub(in crate::tui) struct Editor {
    kind: Kind,
    name: String,
    from: From,
    field: Field,
    /// The text that is stored, and its version; 0 for a new one.
    stored: String,
    base: u32,
    notes: Vec<String>,
    view: View,
    /// What is wrong with the text as it is.
    wrong: Vec<Complaint>,
    /// What the engine says of a text, beside all that is stored.
    said: Option<(String, Vec<Complaint>)>,
    top: usize,
    rows: usize,
    gone: Option<String>,
}

impl Editor {
    /// What is stored, or the draft that was made of it.
    pub fn new(kind: Kind, name: &str, draft: Option<(u32, String)>) -> Self {
        let mut editor = Self {
            kind,
            name: name.to_owned(),
            from: From::Store,
            field: Field::page(""),
            stored: String::new(),
            base: 0,
            notes: Vec::new(),
            view: View::Text,
            wrong: Vec::new(),
            said: None,
            top: 0,
            rows: 1,
            gone: None,
        };
        if let Some((base, text)) = draft {
            editor.notes.push("this is your draft of before".to_owned());
            editor.base = base;
            editor.begin(&text);
            // What is stored stands beside it; of a new one there is nothing.
            if base > 0 {
                editor.from = From::Store;
            }
        }
        editor
    }

    /// A flow of this name, made of a run's command.
    pub fn of_run(run: RunId, name: &str) -> Self {
        Self {
            from: From::Run(run),
            ..Self::new(Kind::Flow, name, None)
        }
    }

    fn begin(&mut self, text: &str) {
        self.field = Field::page(text);
        self.from = From::Here;
        self.check();
    }

    fn has_begun(&self) -> bool {
        matches!(self.from, From::Here) || !self.field.is_empty()
    }

    fn text(&self) -> String {
        let text = self.field.text();
        if text.ends_with('\n') || text.is_empty() {
            text
        } else {
            text + "\n"
        }
    }

    fn is_changed(&self) -> bool {
        self.has_begun() && self.text() != self.stored
    }

    fn file(&self) -> String {
        format!("{}/{}", self.kind.word(), self.name)
    }

    fn check(&mut self) {
        let file = self.file();
        self.wrong = match definition(&file, &self.text()) {
            Err(complaints) => complaints.0,
            Ok(source) => {
                let read = &source.definition;
                let same = (read.kind(), &read.name) == (self.kind, &self.name);
                let message = format!(
                    "this is {}/{} now, and it is {file} that is edited",
                    read.kind().word(),
                    read.name
                );
                let place = Place::whole(&file.as_str().into());
                let hint = "leave kind and name as they were";
                let renamed = (!same).then(|| Complaint::new(place, message).hint(hint));
                renamed.into_iter().collect()
            }
        };
    }

    /// All that is wrong, as far as anybody knows.
    fn complaints(&self) -> &[Complaint] {
        match &self.said {
            Some((text, said)) if self.wrong.is_empty() && *text == self.text() => said,
            _ => &self.wrong,
        }
    }

    fn wanted(&self, dry_run: bool) -> Request {
        Request::Apply(Box::new(Apply {
            files: vec![GivenFile {
                path: self.file(),
                text: self.text(),
                base: Some(self.base),
            }],
            prune: Vec::new(),
            dry_run,
        }))
    }

    /// The complaint that the cursor is on, or the first one.
    fn here(&self) -> Option<usize> {
        let row = self.field.cursor().0 + 1;
        let all = self.complaints();
        let on = all.iter().position(|said| said.place.line as usize == row);
        on.or((!all.is_empty()).then_some(0))
    }

    fn next_mistake(&mut self) {
        let row = self.field.cursor().0 + 1;
        let lines = self
            .complaints()
            .iter()
            .map(|said| said.place.line as usize);
        let mut lines: Vec<usize> = lines.filter(|line| *line > 0).collect();
        lines.sort_unstable();
        let next = lines.iter().find(|line| **line > row).or(lines.first());
        let Some(line) = next.copied() else {
            return;
        };
        let place = self.complaints().iter();
        let column = place
            .filter(|said| said.place.line as usize == line)
            .map(|said| said.place.column.saturating_sub(1))
            .next();
        self.field.go(line - 1, column.unwrap_or(0) as usize);
    }

    fn look(&mut self, effects: &mut Vec<Effect>) {
        if self.is_changed() {
            self.view = View::Difference;
            self.top = 0;
        } else {
            effects.push(Effect::Say("Nothing is changed.".to_owned()));
        }
    }

    fn save(&mut self, effects: &mut Vec<Effect>) {
        self.view = View::Text;
        self.top = 0;
        let wrong = u32::try_from(self.complaints().len()).unwrap_or(u32::MAX);
        if wrong > 0 {
            let words = format!("{} first: ^n goes to each.", counted(wrong, "mistake"));
            effects.push(Effect::Say(words));
            return;
        }
        effects.push(Effect::Ask {
            request: Box::new(self.wanted(false)),
            said: format!("{} saved", self.file()),
            undo: None,
        });
    }

    /// What was typed is of no use: the text is as it is stored.
    fn throw_away(&mut self, effects: &mut Vec<Effect>) {
        self.field = Field::page(&self.stored);
        let words = format!("Your draft of {} is thrown away.", self.file());
        effects.extend([Effect::Close, Effect::Say(words)]);
    }

    fn key_in_text(&mut self, event: &KeyEvent, effects: &mut Vec<Effect>) {
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        match event.code {
            KeyCode::Esc => {
                effects.push(Effect::Close);
                if self.is_changed() {
                    let words = format!("Your draft of {} is kept until you leave.", self.file());
                    effects.push(Effect::Say(words));
                }
            }
            KeyCode::Tab => self.look(effects),
            KeyCode::Char('n') if ctrl => self.next_mistake(),
            KeyCode::PageDown | KeyCode::PageUp => {
                let (row, column) = self.field.cursor();
                let down = event.code == KeyCode::PageDown;
                let row = if down {
                    row + self.rows
                } else {
                    row.saturating_sub(self.rows)
                };
                self.field.go(row, column);
            }
            _ if self.has_begun() => {
                let before = self.field.text();
                self.field.key(event);
                if self.field.text() != before {
                    self.check();
                }
            }
            _ => {}
        }
    }

    fn key_in_difference(&mut self, event: &KeyEvent, effects: &mut Vec<Effect>) {
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        match event.code {
            KeyCode::Down | KeyCode::Char('j') => self.top += 1,
            KeyCode::Up | KeyCode::Char('k') => self.top = self.top.saturating_sub(1),
            KeyCode::Char('y' | 'Y') if !ctrl => self.save(effects),
            KeyCode::Char('x') if !ctrl => self.throw_away(effects),
            _ => {
                self.view = View::Text;
                self.top = 0;
                effects.push(Effect::Say("Nothing was saved.".to_owned()));
            }
        }
    }

    fn difference(&self) -> Vec<String> {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        unified(&lines(&self.stored), &lines(&self.text()))
    }
}

impl Overlay for Editor {
    fn key(&mut self, event: &KeyEvent, _: &Context, effects: &mut Vec<Effect>) {
        match self.view {
            View::Text => self.key_in_text(event, effects),
            View::Difference => self.key_in_difference(event, effects),
        }
    }

    fn paste(&mut self, text: &str) {
        if self.view == View::Text && self.has_begun() {
            self.field.paste(text);
            self.check();
        }
    }

    fn asks(&self) -> bool {
        self.view == View::Difference
    }

    fn wants(&self) -> Vec<Want> {
        let mut wants = Vec::new();
        match self.from {
            From::Store => {
                let request = Request::Definition {
                    kind: self.kind,
                    name: self.name.clone(),
                    version: (self.base > 0).then_some(self.base),
                };
                wants.push(Want::once("text", request));
            }
            From::Run(run) => {
                let name = self.name.clone();
                wants.push(Want::once("text", Request::Draft { run, name }));
            }
            From::Here => {}
        }
        if self.is_changed() && self.wrong.is_empty() {
            wants.push(Want::once("check", self.wanted(true)).calm());
        }
        wants
    }

    fn take(&mut self, slot: &str, reply: Reply) {
        match reply {
            Reply::Definition(view) => {
                self.stored.clone_from(&view.text);
                self.base = view.version.version;
                if self.field.is_empty() {
                    self.begin(&view.text);
                }
                self.from = From::Here;
            }
            Reply::Draft(page) => {
                self.notes = page.notes;
                if let Some(current) = page.current {
                    self.notes.push(format!(
                        "there is a {} already, version {current}: what you save would be its next",
                        self.file()
                    ));
                    self.base = current;
                }
                self.begin(&page.text);
            }
            Reply::Applied(applied) if slot == "check" => {
                let said = applied.complaints.into_iter().map(Complaint::from);
                self.said = Some((self.text(), said.collect()));
            }
            _ => {}
        }
    }

    fn refused(&mut self, slot: &str, fault: &Fault) {
        if slot == "text" {
            self.gone = Some(fault.message.clone());
        }
    }

    fn draft(&self) -> Option<Draft> {
        self.is_changed().then(|| Draft::Text {
            kind: self.kind,
            name: self.name.clone(),
            base: self.base,
            text: self.field.text(),
        })
    }

    fn drops(&self) -> Option<String> {
        let useless = self.has_begun() && !self.is_changed();
        useless.then(|| super::text_key(self.kind, &self.name))
    }

    fn draw(&mut self, canvas: &mut Canvas, context: &Context) -> Option<(u16, u16)> {
        canvas.clear();
        let width = canvas.width();
        let version = if self.base == 0 {
            "a new one".to_owned()
        } else {
            format!("from version {}", self.base)
        };
        let changed = if self.is_changed() { ", changed" } else { "" };
        let title = format!("EDIT {}", plain(&self.file()));
        canvas.rule(0, &title, &format!("{version}{changed}"));
        if let Some(gone) = &self.gone {
            canvas.wrapped((1, 1), (width - 2, 3), Role::Failed, &plain(gone));
            return None;
        }
        if !self.has_begun() {
            canvas.text(1, 1, Role::Dim, "Asking the engine…");
            return None;
        }
        let mut body = canvas.below(1);
        match self.view {
            View::Text => {
                let (x, y) = self.draw_text(&mut body);
                Some((x, y + 1))
            }
            View::Difference => {
                self.draw_difference(&mut body, context);
                None
            }
        }
    }

    fn hint(&self) -> String {
        match self.view {
            View::Text if self.complaints().is_empty() => {
                "Tab look at what changes, then save   Esc back, the draft is kept".to_owned()
            }
            View::Text => {
                "^n next mistake   Tab look at what changes   Esc back, the draft is kept"
                    .to_owned()
            }
            View::Difference => {
                "y save it   x throw it away   j k scroll   any other key goes on editing"
                    .to_owned()
            }
        }
    }
}

impl Editor {
    fn draw_text(&mut self, canvas: &mut Canvas) -> (u16, u16) {
        let (width, height) = (canvas.width(), canvas.height());
        let below = match height {
            0..10 => 2,
            10..30 => 6,
            _ => 10,
        };
        self.rows = usize::from(height.saturating_sub(below).max(1));
        let (row, _) = self.field.cursor();
        self.top = self.top.clamp((row + 1).saturating_sub(self.rows), row);
        let room = width.saturating_sub(MARGIN + 1);
        let before = self.field.before_cursor();
        let left = before.saturating_sub(usize::from(room) - 1);
        let bad: Vec<usize> = self
            .complaints()
            .iter()
            .map(|said| said.place.line as usize)
            .collect();
        let lines = self.field.lines();
        for (y, (place, line)) in (0..).zip(lines.iter().enumerate().skip(self.top).take(self.rows))
        {
            let is_bad = bad.contains(&(place + 1));
            let (mark, role) = if is_bad {
                ("!", Role::Failed)
            } else {
                (" ", Role::Dim)
            };
            canvas.text(0, y, role, &format!("{:>4}{mark}", place + 1));
            let trimmed = line.trim_start();
            let role = match trimmed.chars().next() {
                _ if is_bad => Role::Stderr,
                Some('#') => Role::Dim,
                Some('[') => Role::Title,
                _ => Role::Text,
            };
            let line = super::edit::skip_columns(line, if place == row { left } else { 0 });
            canvas.clipped(MARGIN, y, room, role, &plain(&line.replace('\t', " ")));
        }
        let rows = u16::try_from(self.rows).unwrap_or(u16::MAX);
        self.draw_mistakes(&mut canvas.below(rows));
        let x = MARGIN + u16::try_from(before - left).unwrap_or(0);
        (x, u16::try_from(row - self.top).unwrap_or(0))
    }

    fn draw_mistakes(&self, canvas: &mut Canvas) {
        let width = canvas.width().saturating_sub(2);
        let all = self.complaints();
        let Some(here) = self.here() else {
            canvas.rule(0, "no mistakes", "");
            let checked = self
                .said
                .as_ref()
                .is_some_and(|(text, _)| *text == self.text());
            let words = if checked {
                "It fits everything that is stored."
            } else if self.is_changed() {
                "By itself it is right; whether it fits what is stored is being looked up."
            } else {
                "This is what is stored."
            };
            let y = canvas.wrapped((1, 1), (width, 1), Role::Ok, words);
            for (y, note) in (y..).zip(&self.notes) {
                canvas.clipped(1, y, width, Role::Stderr, &format!("note: {}", plain(note)));
            }
            return;
        };
        let number = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let right = format!(
            "{} of {}",
            count(u32::try_from(here + 1).unwrap_or(0)),
            number
        );
        canvas.rule(0, &counted(number, "mistake"), &right);
        let said = &all[here];
        let place = match said.place.line {
            0 => String::new(),
            line => format!("line {line}:{}  ", said.place.column),
        };
        let words = format!("{place}{}", plain(&said.message));
        let mut y = canvas.wrapped((1, 1), (width, 2), Role::Failed, &words);
        if let Some(hint) = &said.hint {
            y = canvas.wrapped((1, y), (width, 1), Role::Text, &plain(hint));
        }
        if let Some(line) = self
            .field
            .lines()
            .get((said.place.line as usize).wrapping_sub(1))
        {
            let column = said.place.column.saturating_sub(1) as usize;
            let skip = column.saturating_sub(usize::from(width) / 2);
            let shown: String = line.chars().skip(skip).collect();
            let upto: String = line.chars().skip(skip).take(column - skip).collect();
            canvas.clipped(1, y, width, Role::Dim, &plain(&shown.replace('\t', " ")));
            let x = 1 + u16::try_from(unicode_width::UnicodeWidthStr::width(upto.as_str()))
                .unwrap_or(0);
            canvas.text(x, y + 1, Role::Key, "^");
        }
    }

    fn draw_difference(&mut self, canvas: &mut Canvas, context: &Context) {
        let width = canvas.width().saturating_sub(2);
        let height = canvas.height();
        let next = self.base + 1;
        let question = if self.base == 0 {
            format!("Save it as a new {}?", self.file())
        } else {
            format!("Save it as version {next}? Runs at work keep the version they have.")
        };
        let x = canvas.text(1, 0, Role::Title, "y");
        canvas.clipped(x + 1, 0, width, Role::Text, &question);
        if !context.environment.is_empty() {
            let word = format!(" {} ", context.environment.to_uppercase());
            canvas.right(2, 0, Role::Alarm, &word);
        }
        let lines = self.difference();
        let room = usize::from(height.saturating_sub(2));
        self.top = self.top.min(lines.len().saturating_sub(room));
        for (y, line) in (2..height).zip(lines.iter().skip(self.top)) {
            let role = match line.chars().next() {
                Some('+') => Role::Ok,
                Some('-') => Role::Failed,
                Some('@') => Role::Accent,
                _ => Role::Dim,
            };
            canvas.clipped(1, y, width, role, &plain(&line.replace('\t', " ")));
        }
    }
}

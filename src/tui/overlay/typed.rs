//! One line that is typed at the bottom: a filter, a search, a reason, a file's name.

use crossterm::event::{KeyCode, KeyEvent};

use super::Overlay;
use super::edit::Field;
use crate::run::ids::RunId;
use crate::tui::canvas::Canvas;
use crate::tui::pane::{Context, Effect};
use crate::tui::theme::Role;
use crate::wire::Request;
use crate::wire::request::Steer;

/// What the line is for.
#[derive(Debug, Clone)]
pub(in crate::tui) enum Purpose {
    /// The screen's filter or search: given to it as it is typed.
    Query(&'static str),
    /// Words for a run.
    Note(RunId),
    /// Why somebody takes the conn.
    Take(RunId),
    /// To whom the conn goes.
    Give(RunId),
    /// Hosts to leave out of this run, whose title this is.
    Skip(RunId, String),
    /// The limits of a run.
    Tune(RunId),
    /// The name of the flow that is made of a run.
    SaveAs(RunId),
}

impl Purpose {
    fn prompt(&self) -> String {
        match self {
            Self::Query(word) => format!("{word}: "),
            Self::Note(run) => format!("note to run {run}: "),
            Self::Take(run) => format!("why you take the conn of run {run}: "),
            Self::Give(run) => format!("who gets the conn of run {run}: "),
            Self::Tune(run) => format!("limits of run {run}: "),
            Self::Skip(run, _) => format!("hosts of run {run} to skip: "),
            Self::SaveAs(run) => format!("name of the flow made of run {run}: "),
        }
    }
}

/// The line.
pub(in crate::tui) struct Typed {
    purpose: Purpose,
    field: Field,
    /// What stood there before.
    before: String,
    changed: bool,
    /// What is wrong with what was typed.
    wrong: Option<String>,
}

impl Typed {
    pub fn new(purpose: Purpose, text: &str) -> Self {
        Self {
            purpose,
            field: Field::line(text),
            before: text.to_owned(),
            changed: false,
            wrong: None,
        }
    }

    /// The text for the screen's query, if it changed since it was asked for.
    pub fn query(&mut self) -> Option<String> {
        let is_query = matches!(self.purpose, Purpose::Query(_));
        (is_query && std::mem::take(&mut self.changed)).then(|| self.field.text())
    }

    fn done(&mut self, effects: &mut Vec<Effect>) {
        if let Purpose::Tune(run) = self.purpose {
            self.tune(run, effects);
            return;
        }
        effects.push(Effect::Close);
        let text = self.field.text().trim().to_owned();
        if text.is_empty() && !matches!(self.purpose, Purpose::Query(_)) {
            effects.push(Effect::Say("Nothing was done.".to_owned()));
            return;
        }
        let steer = |run: &RunId, act: Steer, said: String| Effect::Ask {
            request: Box::new(Request::Steer { run: *run, act }),
            said,
            undo: None,
        };
        match &self.purpose {
            Purpose::Query(_) | Purpose::Tune(_) => {}
            Purpose::Note(run) => {
                effects.push(steer(
                    run,
                    Steer::Note { text },
                    format!("noted in run {run}"),
                ));
            }
            Purpose::Take(run) => {
                let said = format!("asked for the conn of run {run}");
                effects.push(steer(run, Steer::Take { reason: text }, said));
            }
            Purpose::Give(run) => {
                let said = format!("conn of run {run} given to {text}");
                effects.push(steer(run, Steer::Give { to: text }, said));
            }
            Purpose::Skip(run, title) => {
                let named = super::NamedHosts::new(*run, title, text);
                effects.push(Effect::Over(Box::new(named)));
            }
            Purpose::SaveAs(run) => {
                let name = text.strip_prefix("flow/").unwrap_or(&text);
                let editor = super::Editor::of_run(*run, name);
                effects.push(Effect::Over(Box::new(editor)));
            }
        }
    }
}

impl Typed {
    /// Asks for what was changed; what cannot be read leaves the line as it is.
    fn tune(&mut self, run: RunId, effects: &mut Vec<Effect>) {
        match limits(&self.before, &self.field.text()) {
            Ok(None) => {
                effects.push(Effect::Close);
                effects.push(Effect::Say("Nothing was changed.".to_owned()));
            }
            Ok(Some((act, words))) => {
                effects.push(Effect::Close);
                effects.push(Effect::Ask {
                    request: Box::new(Request::Steer { run, act }),
                    said: format!("run {run} has {words}"),
                    undo: None,
                });
            }
            Err(why) => self.wrong = Some(why),
        }
    }
}

/// The limits of `text` that differ from those of `before`, and in words; `Err` is a sentence.
pub(in crate::tui) fn limits(before: &str, text: &str) -> Result<Option<(Steer, String)>, String> {
    let (mut concurrency, mut max_failures, mut batches) = (None, None, None);
    let known: Vec<&str> = before.split_whitespace().collect();
    let mut said = Vec::new();
    for word in text.split_whitespace().filter(|word| !known.contains(word)) {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let number = || {
            let found = value.parse::<u32>().ok().filter(|number| *number > 0);
            found.ok_or_else(|| format!("{name} needs a number above 0, as in {name}=20."))
        };
        match name {
            "concurrency" => concurrency = Some(number()?),
            "max_failures" | "batches" if value.is_empty() => {
                return Err(format!(
                    "{name} needs a value, as in {name}=10%; or leave it out."
                ));
            }
            "max_failures" => {
                let number = value.strip_suffix('%').unwrap_or(value);
                number.parse::<u32>().map_err(|_| {
                    format!("{value:?} is no limit: give a number, or a percentage like 2%.")
                })?;
                max_failures = Some(value.to_owned());
            }
            "batches" => {
                crate::flow::batches::parse(value)?;
                batches = Some(value.to_owned());
            }
            _ => {
                return Err(format!(
                    "{word:?} is no limit: there are concurrency=, max_failures= and batches=."
                ));
            }
        }
        said.push(format!("{name} {value}"));
    }
    let act = Steer::Tune {
        concurrency,
        max_failures,
        batches,
    };
    Ok((!said.is_empty()).then(|| (act, said.join(", "))))
}

impl Overlay for Typed {
    fn key(&mut self, event: &KeyEvent, _: &Context, effects: &mut Vec<Effect>) {
        self.wrong = None;
        match event.code {
            KeyCode::Enter => self.done(effects),
            KeyCode::Esc => {
                // What was filtered by before is filtered by again.
                self.field.set(&self.before);
                self.changed = true;
                effects.push(Effect::Close);
            }
            _ => self.changed |= self.field.key(event),
        }
    }

    fn paste(&mut self, text: &str) {
        self.field.paste(text);
        self.changed = true;
    }

    fn draw(&mut self, canvas: &mut Canvas, _: &Context) -> Option<(u16, u16)> {
        let x = canvas.text(1, 0, Role::Key, &self.purpose.prompt());
        let width = canvas.width().saturating_sub(x);
        let (at, _) = self
            .field
            .draw(&mut canvas.part(x, 0, width, 1), Role::Text);
        Some((x + at, 0))
    }

    fn hint(&self) -> String {
        if let Some(why) = &self.wrong {
            return why.clone();
        }
        match self.purpose {
            Purpose::Query("filter") => {
                "Enter keep   Esc as before   words: ams2 !db ~regex state:failed".to_owned()
            }
            Purpose::Query("names") => {
                "Enter keep   Esc as before   names: ams2 !db ~regex".to_owned()
            }
            Purpose::Query(_) => {
                "Enter keep, then n N   Esc as before   ~ before a regex".to_owned()
            }
            Purpose::Tune(_) => {
                "Enter change it   Esc as before   max_failures=2%  batches=5,20%".to_owned()
            }
            Purpose::SaveAs(_) => {
                "Enter look at it, nothing is saved yet   Esc back   as in RestartWeb".to_owned()
            }
            Purpose::Skip(..) => "Enter look at it   Esc leaves everything as it is".to_owned(),
            _ => "Enter do it   Esc leaves everything as it is".to_owned(),
        }
    }
}

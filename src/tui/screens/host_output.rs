//! Everything one host wrote in a run, from its first line to the newest.

use super::lines::Lines;
use super::run::{how, phases};
use super::search::Search;
use crate::run::ids::RunId;
use crate::run::sign::Sign;
use crate::tui::canvas::Canvas;
use crate::tui::keys::Act;
use crate::tui::pane::{Context, Effect, Pane, Place, Tab, Want, role_of};
use crate::tui::theme::Role;
use crate::tui::words::plain;
use crate::wire::Reply;
use crate::wire::reply::Fault;

/// The screen.
pub(in crate::tui) struct HostOutput {
    run: RunId,
    host: u32,
    name: String,
    /// The step whose output it is, when it is not all of it.
    step: Option<String>,
    lines: Lines,
    search: Search,
    gone: Option<String>,
}

impl HostOutput {
    pub fn new(run: RunId, host: u32, name: &str) -> Self {
        Self {
            run,
            host,
            name: name.to_owned(),
            step: None,
            lines: Lines::new(run, host),
            search: Search::default(),
            gone: None,
        }
    }

    /// Only what this step wrote.
    pub fn of_step(mut self, step: u16, name: &str) -> Self {
        self.lines.step = Some(step);
        self.step = Some(name.to_owned());
        self
    }

    fn name(&self) -> String {
        let known = self.lines.task().map(|task| task.host.as_str());
        plain(known.unwrap_or(&self.name))
    }

    fn step_hit(&mut self, by: i64) {
        if let Some(hit) = self.search.step(by) {
            self.lines.show(hit.line);
        }
    }
}

impl Pane for HostOutput {
    fn tab(&self) -> Tab {
        Tab::Runs
    }

    fn crumb(&self) -> String {
        match &self.step {
            Some(step) => format!("{} > {} on {}", self.run, plain(step), self.name()),
            None => format!("{} > {}", self.run, self.name()),
        }
    }

    fn place(&self) -> Place {
        Place::Host(self.run, self.host, self.name.clone())
    }

    fn wants(&self, _: (u16, u16)) -> Vec<Want> {
        if self.gone.is_some() {
            return Vec::new();
        }
        // Lines that are found are counted in all of the output.
        let whole = self.step.is_none();
        let search = self
            .search
            .want(self.run, Some(self.host))
            .filter(|_| whole);
        std::iter::once(self.lines.want()).chain(search).collect()
    }

    fn take(&mut self, _: &str, _: u64, reply: Reply) {
        match reply {
            Reply::Lines(page) => self.lines.take(*page),
            Reply::Found(page) => {
                self.search.take(*page, self.host);
                self.step_hit(0);
            }
            _ => {}
        }
    }

    fn refused(&mut self, slot: &str, fault: &Fault) {
        if slot == "lines" {
            self.gone = Some(fault.message.clone());
        }
    }

    fn anew(&mut self) {
        self.lines.anew();
        self.gone = None;
    }

    fn act(&mut self, act: Act, _: &Context, effects: &mut Vec<Effect>) -> bool {
        match act {
            Act::Next => self.step_hit(1),
            Act::Previous => self.step_hit(-1),
            Act::Copy => match self.lines.current() {
                Some(line) => effects.push(Effect::Copy(line, "the line".to_owned())),
                None => effects.push(Effect::Say("There is no line to copy.".to_owned())),
            },
            Act::CopyHosts => {
                effects.push(Effect::Copy(self.name(), "the host's name".to_owned()));
            }
            Act::Diff => {
                let output = super::output::Output::with_host(self.run, self.host);
                effects.push(Effect::Show(Box::new(output)));
            }
            // From one step's output to that of all.
            Act::Open if self.step.is_some() => {
                let place = Place::Host(self.run, self.host, self.name.clone());
                effects.push(Effect::Show(super::open(&place)));
            }
            Act::Open => {}
            _ => return self.lines.act(act),
        }
        true
    }

    fn draw(&mut self, canvas: &mut Canvas, context: &Context) {
        let width = canvas.width();
        if let Some(gone) = &self.gone {
            canvas.clipped(1, 0, width - 2, Role::Failed, &plain(gone));
            return;
        }
        let mut below = 1;
        if let Some(task) = self.lines.task() {
            let sign = Sign::of_task(&task.standing, task.outcome.as_ref());
            let x = canvas.text(
                1,
                0,
                role_of(sign),
                &format!("{} {}", sign.letter(), how(task)),
            );
            let mut words = task.detail.clone().unwrap_or_default();
            if words.is_empty() {
                words = phases(task);
            }
            // Why it failed may be all that there is to read.
            let rows = (canvas.height() / 3).max(1);
            let room = (width.saturating_sub(x + 4), rows);
            below = canvas
                .wrapped((x + 3, 0), room, Role::Dim, &plain(&words))
                .max(1);
        }
        self.lines.draw(&mut canvas.below(below), context.now);
    }

    fn hints(&self) -> Vec<Act> {
        vec![
            Act::Search,
            Act::Next,
            Act::Follow,
            Act::Wrap,
            Act::Times,
            Act::Copy,
        ]
    }

    fn run(&self) -> Option<RunId> {
        Some(self.run)
    }

    fn status(&self) -> String {
        let step = self.step.as_ref();
        let step = step.map_or_else(String::new, |step| {
            format!("only step {}: Enter shows all of them", plain(step))
        });
        let mut words = vec![step, self.search.words(), self.lines.place()];
        words.retain(|word| !word.is_empty());
        words.join("   ")
    }

    fn query(&self) -> Option<(&'static str, String)> {
        Some(("search", self.search.text().to_owned()))
    }

    fn set_query(&mut self, text: &str) -> Result<(), String> {
        self.lines.found = self.search.set(text)?;
        Ok(())
    }

    fn text(&self) -> String {
        self.lines.text()
    }
}

//! One run: every host as a letter, the worst first; why hosts failed; who is slow; what happened.

mod choice;
mod draw;
mod gantt;
mod hints;
mod layout;
mod mode;
mod moves;
mod parts;
mod stages;
mod steps;
mod words;

use super::output::Output;
use choice::Choice;
use layout::Layout;
use mode::{Mode, is_of_flow_run};
use parts::{draw_head, draw_side, draw_story};

pub(super) use parts::draw_summary;
pub(super) use words::{counts, how, phases};

use crate::run::filter::Filter;
use crate::run::ids::{At, RunId};
use crate::tui::canvas::Canvas;
use crate::tui::keys::Act;
use crate::tui::list::List;
use crate::tui::pane::{Context, Effect, Pane, Place, Tab, WAIT_MS, Want, is_of_flow};
use crate::tui::standing;
use crate::tui::theme::Role;
use crate::tui::words::{counted, plain, seconds};
use crate::wire::console::{CauseGroup, GridPage, GridQuery, LinesPage, LinesQuery, Sort};
use crate::wire::reply::Fault;
use crate::wire::view::{RunView, TaskView};
use crate::wire::{Reply, Request};

/// What the keys act on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Focus {
    #[default]
    Hosts,
    Causes,
}

/// The screen.
pub(in crate::tui) struct RunPane {
    run: RunId,
    /// How a person wants it; until they say so it is shown as suits the run.
    chosen: Option<Mode>,
    focus: Focus,
    sort: Sort,
    /// The step under the cursor, when a person chose one: until then it is where the host stands.
    step: Option<usize>,
    /// The stretches of time, and whether a person moved in them: until then the newest are shown.
    spans: List,
    spans_moved: bool,
    /// The stages.
    stage: List,
    text: String,
    /// The place of the cursor in the order.
    at: u32,
    /// The host there, by its place in the run's targets: it is kept when the order changes.
    on: Option<u32>,
    /// Whether a person moved the cursor; until then it stays at the top, whoever comes to stand there.
    moved: bool,
    /// The first row in sight.
    top: u32,
    page: Option<GridPage>,
    /// Since when `page` has been on screen: what it says of seconds goes on from there.
    since: Option<At>,
    /// Which part of the hosts `page` shows.
    part: u64,
    tail: Option<LinesPage>,
    causes: List,
    /// The cause under the cursor: it is kept when others come before it.
    on_cause: Option<CauseGroup>,
    choice: Choice,
    /// The host under the cursor is to be opened as soon as it is known which it is.
    opening: bool,
    due: Option<Effect>,
    gone: Option<String>,
}

impl RunPane {
    pub fn new(run: RunId) -> Self {
        Self {
            run,
            chosen: None,
            focus: Focus::Hosts,
            sort: Sort::Worst,
            step: None,
            spans: List::default(),
            spans_moved: false,
            stage: List::default(),
            text: String::new(),
            at: 0,
            on: None,
            moved: false,
            top: 0,
            page: None,
            since: None,
            part: 0,
            tail: None,
            causes: List::default(),
            on_cause: None,
            choice: Choice::default(),
            due: None,
            opening: false,
            gone: None,
        }
    }

    /// With only the hosts of this name.
    pub fn with_filter(run: RunId, text: &str) -> Self {
        Self {
            text: text.to_owned(),
            ..Self::new(run)
        }
    }

    fn total(&self) -> u32 {
        self.page.as_ref().map_or(0, |page| page.matched)
    }

    fn mode(&self) -> Mode {
        let suits = match self.page.as_ref() {
            Some(page) if !page.view.stages.is_empty() => Mode::Stages,
            page if is_of_flow_run(page) => Mode::Steps,
            _ => Mode::Grid,
        };
        self.chosen.unwrap_or(suits)
    }

    fn layout(&self, body: (u16, u16)) -> Layout {
        let groups = self.page.as_ref().map_or(0, |page| page.causes.len());
        Layout::of(body, self.mode(), (self.total(), groups), self.step_count())
    }

    /// Whether the run has steps to be told apart.
    fn has_steps(&self) -> bool {
        self.page
            .as_ref()
            .is_some_and(|page| page.steps.len() > 1 || is_of_flow(&page.view.kind))
    }

    fn step_count(&self) -> usize {
        self.page.as_ref().map_or(0, |page| page.steps.len())
    }

    /// The step under the cursor.
    fn step(&self) -> usize {
        let stands = || {
            let steps = &self.page.as_ref()?.steps;
            let host = self.host()?;
            steps.iter().position(|step| *step == host.step)
        };
        self.step.or_else(stands).unwrap_or(0)
    }

    fn step_name(&self, step: usize) -> Option<&str> {
        self.page.as_ref()?.steps.get(step).map(String::as_str)
    }

    fn host(&self) -> Option<&TaskView> {
        self.page
            .as_ref()?
            .host
            .as_ref()
            .filter(|host| Some(host.ix) == self.on)
    }
}

/// A number for a part of the hosts: another part has another one.
fn part_of(part: &impl std::hash::Hash) -> u64 {
    use std::hash::{DefaultHasher, Hasher as _};
    let mut hasher = DefaultHasher::new();
    part.hash(&mut hasher);
    hasher.finish()
}

impl Pane for RunPane {
    fn tab(&self) -> Tab {
        Tab::Runs
    }

    fn crumb(&self) -> String {
        let title = self
            .page
            .as_ref()
            .map_or("", |page| page.view.title.as_str());
        format!("{} {title}", self.run)
    }

    fn place(&self) -> Place {
        Place::Run(self.run)
    }

    fn wants(&self, body: (u16, u16)) -> Vec<Want> {
        if self.gone.is_some() {
            return Vec::new();
        }
        let layout = self.layout(body);
        let rows = u32::from(layout.hosts.1);
        let columns = u32::from(layout.columns());
        let (signs, rows) = match self.mode() {
            Mode::Grid => ((self.top * columns, (rows + 2) * columns), (self.at, 1)),
            Mode::Table | Mode::Steps => ((self.top, rows), (self.top, rows)),
            Mode::Time | Mode::Stages => ((0, 0), (0, 0)),
        };
        let spans = match self.mode() {
            Mode::Time if self.spans_moved => (self.spans.top, self.spans.rows),
            Mode::Time => (u32::MAX, self.spans.rows.max(20)),
            _ => (0, 0),
        };
        let steps = matches!(self.mode(), Mode::Steps | Mode::Time);
        let named = self.choice.is_empty();
        let part = part_of(&(
            self.sort as u8,
            &self.text,
            signs,
            rows,
            named,
            steps,
            spans,
        ));
        let known = self.page.as_ref().filter(|_| self.part == part);
        let request = Request::Grid(GridQuery {
            run: self.run,
            revision: known.map_or(0, |page| page.view.revision),
            wait_ms: WAIT_MS,
            sort: self.sort,
            filter: self.text.clone(),
            signs,
            rows,
            at: self.on.filter(|_| self.moved),
            name_signs: !self.choice.is_empty() && self.mode() == Mode::Grid,
            steps,
            spans,
        });
        let over = self
            .page
            .as_ref()
            .is_some_and(|page| page.view.ended.is_some());
        let want = if over {
            Want::once("grid", request)
        } else {
            Want::follow("grid", request)
        };
        let mut wants = vec![Want { mark: part, ..want }];
        wants.extend(self.choice.want());
        if let Some(host) = self.on.filter(|_| layout.host_rows > 1) {
            let tail = self.tail.as_ref();
            let task = tail
                .and_then(|tail| tail.task.as_ref())
                .filter(|task| task.ix == host);
            let whole = task.is_some() && tail.is_some_and(|tail| tail.whole);
            let request = Request::Lines(LinesQuery {
                run: self.run,
                host,
                step: None,
                from: None,
                count: u32::from(layout.host_rows),
                seen: task.and(tail).map(|tail| tail.total),
                revision: task.and(tail).map_or(0, |tail| tail.revision),
                wait_ms: WAIT_MS,
            });
            wants.push(if whole {
                Want::once("tail", request)
            } else {
                Want::follow("tail", request)
            });
        }
        wants
    }

    fn take(&mut self, slot: &str, mark: u64, reply: Reply) {
        match reply {
            Reply::Grid(page) => {
                if let Some(place) = page.place.filter(|_| self.moved) {
                    self.at = place;
                } else if self.on.is_none() || !self.moved {
                    let row = page
                        .rows
                        .iter()
                        .zip(page.rows_from..)
                        .find(|(_, place)| *place == self.at);
                    self.on = row.map(|(row, _)| row.ix);
                }
                self.at = self.at.min(page.matched.saturating_sub(1));
                let mut page = *page;
                if page.host.is_none() {
                    page.host = page
                        .rows
                        .iter()
                        .find(|row| Some(row.ix) == self.on)
                        .cloned();
                }
                if let Some(by_step) = &page.by_step {
                    self.spans.total = by_step.span_count;
                }
                self.page = Some(page);
                self.find_cause();
                self.since = None;
                self.part = mark;
            }
            Reply::Lines(page) if slot == "tail" => self.tail = Some(*page),
            Reply::Picked(picked) => {
                let view = self.page.as_ref().map(|page| &page.view);
                self.due = view.and_then(|view| self.choice.take(*picked, view));
            }
            _ => {}
        }
    }

    fn due(&mut self) -> Option<Effect> {
        if let Some(effect) = self.due.take() {
            return Some(effect);
        }
        let opened = self.opened().filter(|_| self.opening);
        self.opening &= opened.is_none();
        opened
    }

    fn refused(&mut self, slot: &str, fault: &Fault) {
        if slot == "grid" {
            self.gone = Some(fault.message.clone());
        }
    }

    fn anew(&mut self) {
        if let Some(page) = &mut self.page {
            page.view.revision = 0;
        }
        self.tail = None;
        self.gone = None;
    }

    fn act(&mut self, act: Act, context: &Context, effects: &mut Vec<Effect>) -> bool {
        self.opening = false;
        self.choice.forget();
        if self.focus == Focus::Causes && self.causes.act(act) {
            self.keep_cause();
            return true;
        }
        if !self.stages().is_empty() && self.act_on_stages(act, context, effects) {
            return true;
        }
        if self.mode() == Mode::Time && self.spans.act(act) {
            self.spans_moved = self.spans.at + 1 < self.spans.total;
            return true;
        }
        match act {
            Act::Select => match self.meant() {
                Some(host) if self.focus == Focus::Hosts => self.choice.turn(host),
                Some(host) => self.choice.like(self.run, host),
                None => {}
            },
            Act::SelectGroup => {
                if let Some(host) = self.meant() {
                    self.choice.like(self.run, host);
                }
            }
            Act::CopyHosts | Act::Start if !self.choice.is_empty() => {
                self.choice.with(self.run, act);
            }
            Act::Retry | Act::RollBack | Act::Skip
                if !self.choice.is_empty() && self.may_steer(context) =>
            {
                self.choice.with(self.run, act);
            }
            Act::Skip | Act::Settle if self.may_steer(context) => match self.one_sheet(act) {
                Some(sheet) => effects.push(Effect::Over(Box::new(sheet))),
                None => return false,
            },
            Act::Open => self.open(effects),
            Act::NextPane => {
                let causes = self
                    .page
                    .as_ref()
                    .is_some_and(|page| !page.causes.is_empty());
                // Between steps and hosts there may be no room for them.
                let shown = self.layout(context.body).cause_rows > 0;
                let causes = causes && (shown || self.mode() == Mode::Grid);
                self.focus = match self.focus {
                    Focus::Hosts if causes => Focus::Causes,
                    _ => Focus::Hosts,
                };
                self.keep_cause();
            }
            Act::NextFailure => self.failure(1),
            Act::PreviousFailure => self.failure(-1),
            Act::View => {
                self.chosen = Some(
                    self.mode()
                        .next(self.has_steps(), !self.stages().is_empty()),
                );
                self.focus = Focus::Hosts;
                self.top = 0;
            }
            Act::Sort => {
                self.sort = match self.sort {
                    Sort::Worst => Sort::Name,
                    Sort::Name => Sort::Time,
                    Sort::Time => Sort::Worst,
                };
            }
            Act::Diff | Act::Follow => {
                let host = self.on.unwrap_or(0);
                let mut output = Output::with_host(self.run, host);
                output.act(act, context, effects);
                effects.push(Effect::Show(Box::new(output)));
            }
            Act::Copy if self.focus == Focus::Causes => effects.extend(
                self.cause()
                    .map(|cause| Effect::Copy(cause.line.clone(), "the reason".to_owned())),
            ),
            Act::Copy => effects.extend(self.host().map(|host| {
                Effect::Copy(host.host.clone(), format!("the name {}", plain(&host.host)))
            })),
            Act::CopyHosts => effects.extend(self.hosts_to_copy()),
            Act::Start => effects.push(self.started_again()),
            Act::Acknowledge => effects.push(super::now::acknowledge(self.run, context)),
            Act::Compare => effects.push(self.compared(context)),
            _ => return self.move_by(act, context),
        }
        true
    }

    fn draw(&mut self, canvas: &mut Canvas, context: &Context) {
        if let Some(gone) = &self.gone {
            canvas.clipped(1, 0, canvas.width() - 2, Role::Failed, &plain(gone));
            return;
        }
        let Some(mut page) = self.page.clone() else {
            canvas.text(1, 0, Role::Dim, "Asking the engine…");
            return;
        };
        let since = *self.since.get_or_insert(context.now);
        for slow in &mut page.slow {
            slow.seconds += seconds(since, context.now);
        }
        let body = (canvas.width(), canvas.height());
        let layout = self.layout(body);
        draw_head(canvas, &page.view, context, layout.head > 1);
        let mut below = canvas.below(layout.head);
        match self.mode() {
            Mode::Stages => return self.draw_stages(&mut below, &page, context),
            Mode::Time if page.view.stages.is_empty() => {
                return self.draw_time(&mut below, &page, context);
            }
            Mode::Time => return self.draw_stage_times(&mut below, &page, context),
            _ => {}
        }
        if layout.side > 0 {
            let height = body.1.saturating_sub(layout.head);
            let mut side = canvas.part(0, layout.head, layout.side - 1, height);
            draw_side(&mut side, &page);
        }
        let mut main = canvas.part(layout.side, 0, layout.width, body.1);
        self.draw_counts(&mut main, &page, &layout);
        self.draw_hosts(&mut main, &page, &layout, context);
        self.draw_host(&mut main, &page, &layout, context);
        self.draw_causes(&mut main, &page, &layout, context);
        if let Some(story) = layout.story {
            draw_story(&mut main, story, &page, context);
        }
    }

    fn hints(&self) -> Vec<Act> {
        self.keys()
    }

    fn view(&self) -> Option<&RunView> {
        Some(&self.page.as_ref()?.view)
    }

    fn run(&self) -> Option<RunId> {
        Some(self.run)
    }

    fn conn(&self) -> Option<&str> {
        let view = &self.page.as_ref()?.view;
        if view.ended.is_some() {
            return None;
        }
        Some(view.holder.as_deref().unwrap_or("-"))
    }

    fn status(&self) -> String {
        let Some(page) = &self.page else {
            return String::new();
        };
        let view = &page.view;
        let asked = view
            .asked_by
            .as_ref()
            .map(|(by, _)| format!("{by} asks for the conn: W gives it, D keeps it"));
        let part = view.part_of.as_ref();
        let part = part.map(|part| standing::of_whole(part, false));
        let filter = (!self.text.is_empty())
            .then(|| format!("filter: {} ({})", self.text, counted(page.matched, "host")));
        let words: Vec<String> = [
            asked,
            part,
            self.choice.words(),
            filter,
            view.because.clone(),
        ]
        .into_iter()
        .flatten()
        .collect();
        words.join("   ")
    }

    fn query(&self) -> Option<(&'static str, String)> {
        Some(("filter", self.text.clone()))
    }

    fn set_query(&mut self, text: &str) -> Result<(), String> {
        Filter::parse(text)?;
        text.clone_into(&mut self.text);
        (self.at, self.top, self.on, self.moved) = (0, 0, None, false);
        Ok(())
    }

    fn text(&self) -> String {
        let Some(page) = &self.page else {
            return String::new();
        };
        let mut text = format!(
            "run {} {}\n{}\n",
            self.run,
            plain(&page.view.title),
            counts(&page.view)
        );
        for cause in &page.causes {
            let (number, line) = (counted(cause.count, "host"), plain(&cause.line));
            text = format!("{text}{} {number} {}: {line}\n", cause.outcome, cause.hosts);
        }
        text
    }
}

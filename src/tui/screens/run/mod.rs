//! One run: every host as a letter, the worst first; why hosts failed; who is slow; what happened.

mod choice;
mod draw;
mod layout;
mod parts;
mod words;

use super::output::Output;
use choice::Choice;
use layout::Layout;
use parts::{draw_head, draw_side, draw_story};

pub(super) use parts::{done, draw_summary};
pub(super) use words::{counts, how, phases};

use crate::run::filter::Filter;
use crate::run::ids::{At, RunId};
use crate::run::sign::Sign;
use crate::tui::canvas::Canvas;
use crate::tui::keys::Act;
use crate::tui::list::{List, nearest};
use crate::tui::pane::{Context, Effect, Pane, Place, Tab, WAIT_MS, Want};
use crate::tui::theme::Role;
use crate::tui::words::{counted, plain, seconds};
use crate::wire::console::{GridPage, GridQuery, LinesPage, LinesQuery, Sort};
use crate::wire::reply::Fault;
use crate::wire::view::{RunView, TaskView};
use crate::wire::{Reply, Request};

/// How hosts are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    /// A letter a host.
    #[default]
    Grid,
    /// A row a host.
    Table,
}

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
    mode: Mode,
    focus: Focus,
    sort: Sort,
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
            mode: Mode::Grid,
            focus: Focus::Hosts,
            sort: Sort::Worst,
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

    fn layout(&self, body: (u16, u16)) -> Layout {
        let groups = self.page.as_ref().map_or(0, |page| page.causes.len());
        Layout::of(body, self.mode, (self.total(), groups))
    }

    fn host(&self) -> Option<&TaskView> {
        self.page
            .as_ref()?
            .host
            .as_ref()
            .filter(|host| Some(host.ix) == self.on)
    }

    fn go(&mut self, at: i64) {
        let last = i64::from(self.total().saturating_sub(1));
        let at = u32::try_from(at.clamp(0, last)).unwrap_or(0);
        self.moved = true;
        if at != self.at {
            self.at = at;
            self.on = None;
        }
    }

    /// How many hosts a step down is.
    fn stride(&self, body: (u16, u16)) -> i64 {
        match self.mode {
            Mode::Grid => i64::from(self.layout(body).columns()),
            Mode::Table => 1,
        }
    }

    fn failure(&mut self, by: i64) {
        let Some(page) = &self.page else {
            return;
        };
        let letters: Vec<char> = page.signs.chars().collect();
        let bad = |at: usize| {
            let place = at.checked_sub(page.signs_from as usize);
            place
                .and_then(|place| Sign::from_letter(*letters.get(place)?))
                .is_some_and(Sign::is_bad)
        };
        let found = nearest(self.at as usize, by, page.matched as usize, bad);
        if let Some(at) = found {
            self.go(i64::try_from(at).unwrap_or(0));
        } else if page.view.tally.failures() > 0 {
            // They stand first in this order.
            self.sort = Sort::Worst;
            self.go(0);
            self.on = None;
        }
    }

    fn move_by(&mut self, act: Act, context: &Context) -> bool {
        let (at, stride) = (i64::from(self.at), self.stride(context.body));
        let page = stride * i64::from(self.layout(context.body).hosts.1 / 2).max(1);
        match act {
            Act::Down => self.go(at + stride),
            Act::Up if at >= stride => self.go(at - stride),
            Act::Up => {}
            Act::Left => self.go(at - 1),
            Act::Right => self.go(at + 1),
            Act::PageDown => self.go(at + page),
            Act::PageUp => self.go(at - page),
            Act::Top => self.go(0),
            Act::Bottom => self.go(i64::from(u32::MAX)),
            _ => return false,
        }
        true
    }

    fn open(&mut self, effects: &mut Vec<Effect>) {
        if self.focus == Focus::Causes {
            let cause = self
                .page
                .as_ref()
                .and_then(|page| page.causes.get(self.causes.at as usize));
            if let Some(cause) = cause {
                let output = Output::with_host(self.run, cause.first);
                effects.push(Effect::Show(Box::new(output)));
            }
        } else if let Some(place) = self.place_of_host() {
            effects.push(Effect::Open(place));
        } else {
            self.opening = self.total() > 0;
        }
    }

    /// The host that is meant: the one under the cursor, or the first of the cause there.
    fn meant(&self) -> Option<u32> {
        if self.focus == Focus::Hosts {
            return self.on;
        }
        let causes = &self.page.as_ref()?.causes;
        causes.get(self.causes.at as usize).map(|cause| cause.first)
    }

    fn may_steer(&self, context: &Context) -> bool {
        self.page.as_ref().is_some_and(|page| {
            let holder = page.view.holder.as_deref();
            holder.is_none_or(|holder| holder == context.you)
        })
    }

    fn place_of_host(&self) -> Option<Place> {
        let host = self.host()?;
        Some(Place::Host(self.run, host.ix, host.host.clone()))
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
        let (signs, rows) = match self.mode {
            Mode::Grid => ((self.top * columns, (rows + 2) * columns), (self.at, 1)),
            Mode::Table => ((self.top, rows), (self.top, rows)),
        };
        let named = self.choice.is_empty();
        let part = part_of(&(self.sort as u8, &self.text, signs, rows, named));
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
            name_signs: !self.choice.is_empty() && self.mode == Mode::Grid,
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
                self.page = Some(page);
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
        let place = self.place_of_host().filter(|_| self.opening);
        self.opening &= place.is_none();
        place.map(Effect::Open)
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
            Act::Retry | Act::Skip if !self.choice.is_empty() && self.may_steer(context) => {
                self.choice.with(self.run, act);
            }
            Act::Open => self.open(effects),
            Act::NextPane => {
                let causes = self
                    .page
                    .as_ref()
                    .is_some_and(|page| !page.causes.is_empty());
                self.focus = match self.focus {
                    Focus::Hosts if causes => Focus::Causes,
                    _ => Focus::Hosts,
                };
            }
            Act::NextFailure => self.failure(1),
            Act::PreviousFailure => self.failure(-1),
            Act::View => {
                self.mode = match self.mode {
                    Mode::Grid => Mode::Table,
                    Mode::Table => Mode::Grid,
                };
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
                self.page
                    .as_ref()
                    .and_then(|page| page.causes.get(self.causes.at as usize))
                    .map(|cause| Effect::Copy(cause.line.clone(), "the reason".to_owned())),
            ),
            Act::Copy => effects.extend(self.host().map(|host| {
                Effect::Copy(host.host.clone(), format!("the name {}", plain(&host.host)))
            })),
            Act::CopyHosts => {
                if let Some(page) = &self.page {
                    let cause = page.causes.get(self.causes.at as usize);
                    let (hosts, what) = match cause.filter(|_| self.focus == Focus::Causes) {
                        Some(cause) => (cause.hosts.clone(), counted(cause.count, "host")),
                        None => (page.view.targets.clone(), "the run's host set".to_owned()),
                    };
                    effects.push(Effect::Copy(hosts, what));
                }
            }
            Act::Start => {
                let view = self.page.as_ref().map(|page| &page.view);
                let view = view.filter(|view| view.kind == "exec");
                let (hosts, command) = view.map_or(("", ""), |view| (&view.targets, &view.title));
                let form = crate::tui::overlay::StartForm::again(hosts, command);
                effects.push(Effect::Over(Box::new(form)));
            }
            Act::Acknowledge => effects.push(super::now::acknowledge(self.run, context)),
            Act::Compare => {
                let (earlier, found) = (self.earlier(context), self.page.as_ref());
                match (earlier, found) {
                    (Some(earlier), Some(_)) => {
                        let pane = super::compare::Compare::new(earlier, self.run);
                        effects.push(Effect::Show(Box::new(pane)));
                    }
                    _ => effects.push(Effect::Say(
                        "No earlier run of this command is known.".to_owned(),
                    )),
                }
            }
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
        draw_head(canvas, &page.view, context, layout.hosts.0 > 2);
        if layout.side > 0 {
            let height = body.1.saturating_sub(layout.hosts.0);
            let mut side = canvas.part(0, layout.hosts.0 - 1, layout.side - 1, height + 1);
            draw_side(&mut side, &page);
        }
        let mut main = canvas.part(layout.side, 0, layout.width, body.1);
        self.draw_hosts(&mut main, &page, &layout, context);
        self.draw_host(&mut main, &page, &layout, context);
        self.draw_causes(&mut main, &page, &layout, context);
        if let Some(story) = layout.story {
            draw_story(&mut main, story, &page, context);
        }
    }

    fn hints(&self) -> Vec<Act> {
        let over = self
            .page
            .as_ref()
            .is_some_and(|page| page.view.ended.is_some());
        let mut hints = vec![Act::Open, Act::NextFailure];
        if !over {
            let paused = self
                .page
                .as_ref()
                .is_some_and(|page| page.view.state == "paused");
            let asks = self
                .page
                .as_ref()
                .is_some_and(|page| page.view.waits_for.as_deref() == Some("approval"));
            if asks {
                hints.extend([Act::Approve, Act::Reject]);
            }
            hints.push(if paused { Act::Resume } else { Act::Pause });
            hints.extend([Act::Retry, Act::Abort]);
        } else if self
            .page
            .as_ref()
            .is_some_and(|page| page.view.tally.failures() > 0)
        {
            hints.extend([Act::Retry, Act::Acknowledge]);
        }
        hints.extend([
            Act::NextPane,
            Act::View,
            Act::Sort,
            Act::Search,
            Act::Compare,
        ]);
        hints
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
        let filter = (!self.text.is_empty())
            .then(|| format!("filter: {} ({})", self.text, counted(page.matched, "host")));
        let words: Vec<String> = [asked, self.choice.words(), filter, view.because.clone()]
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

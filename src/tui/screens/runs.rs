//! All runs, newest first; those that are part of another stand folded under it.

use std::collections::{BTreeMap, BTreeSet};

use super::families::{Placed, arrange};
use crate::run::filter::Filter;
use crate::run::ids::{At, RunId};
use crate::tui::canvas::Canvas;
use crate::tui::keys::Act;
use crate::tui::list::{List, nearest};
use crate::tui::pane::{Context, Effect, Pane, Place, Tab, Want};
use crate::tui::standing::{self, line_of};
use crate::tui::theme::Role;
use crate::tui::words::{ago, count, counted, plain, seconds, span};
use crate::wire::reply::Fault;
use crate::wire::request::RunsQuery;
use crate::wire::view::RunLine;
use crate::wire::{Reply, Request};

/// Runs that are listed; older ones are found by `conn runs`.
const MOST: u32 = 5_000;

/// The screen.
#[derive(Default)]
pub(in crate::tui) struct Runs {
    list: List,
    on: Option<RunId>,
    /// What was stored when the screen was opened.
    stored: Vec<RunLine>,
    came: bool,
    shown: Vec<Placed>,
    /// Runs whose parts are shown.
    unfolded: BTreeSet<RunId>,
    text: String,
    filter: Filter,
    all: usize,
}

impl Runs {
    fn rebuild(&mut self, context: &Context) {
        let mut lines: Vec<RunLine> = Vec::new();
        if let Some(overview) = context.overview {
            lines.extend(overview.open.iter().map(line_of));
            lines.extend(overview.ended.iter().cloned());
        }
        let known: std::collections::HashSet<RunId> = lines.iter().map(|line| line.run).collect();
        lines.extend(
            self.stored
                .iter()
                .filter(|line| !known.contains(&line.run))
                .cloned(),
        );
        lines.sort_by_key(|line| std::cmp::Reverse(line.run));
        self.all = lines.len();
        lines.retain(|line| {
            let part = line.part_of.as_ref();
            let part = part.map_or_else(String::new, |part| format!("{} {}", part.of, part.name));
            let text = format!(
                "{} {} {} {} {part}",
                line.run, line.title, line.targets, line.starter
            );
            self.filter.passes_words(&text, &[&line.state, &line.kind])
        });
        let wholes: BTreeMap<RunId, RunId> = lines
            .iter()
            .filter_map(|line| Some((line.run, line.part_of.as_ref()?.run)))
            .collect();
        self.shown = arrange(lines, &self.unfolded);
        // A part that is not shown any more leaves the cursor on its whole.
        while let Some(on) = self.on
            && !self.shown.iter().any(|placed| placed.line.run == on)
            && let Some(whole) = wholes.get(&on).filter(|whole| **whole < on)
        {
            self.on = Some(*whole);
        }
        self.list.total = u32::try_from(self.shown.len()).unwrap_or(u32::MAX);
        if let Some(place) = self
            .shown
            .iter()
            .position(|placed| Some(placed.line.run) == self.on)
        {
            self.list.go(u32::try_from(place).unwrap_or(0));
        } else {
            self.list.go(self.list.at);
        }
        self.on = self.here().map(|placed| placed.line.run);
    }

    fn failure(&mut self, by: i64) {
        let bad = |at: usize| {
            self.shown
                .get(at)
                .is_some_and(|placed| placed.line.tally.failures() > 0)
        };
        if let Some(at) = nearest(self.list.at as usize, by, self.shown.len(), bad) {
            self.list.go(u32::try_from(at).unwrap_or(0));
        }
    }

    fn here(&self) -> Option<&Placed> {
        self.shown.get(self.list.at as usize)
    }

    /// Shows the parts of the run under the cursor, or not any more.
    fn fold(&mut self, unfold: bool) -> Option<Effect> {
        let here = self.here()?;
        let (run, depth, parts) = (here.line.run, here.depth, here.parts);
        let whole = here.line.part_of.as_ref().map(|part| part.run);
        if unfold {
            if parts == 0 {
                return Some(Effect::Say(format!("Run {run} is not made of runs.")));
            }
            self.unfolded.insert(run);
        } else if !self.unfolded.remove(&run) && depth > 0 {
            self.unfolded.retain(|known| Some(*known) != whole);
            self.on = whole;
        }
        None
    }

    /// Shows the parts of every run, or of none.
    fn fold_all(&mut self) {
        let wholes = self.shown.iter().filter(|placed| placed.parts > 0);
        let wholes: Vec<RunId> = wholes.map(|placed| placed.line.run).collect();
        if wholes.iter().all(|run| self.unfolded.contains(run)) {
            self.unfolded.clear();
        } else {
            self.unfolded.extend(wholes);
        }
    }
}

impl Pane for Runs {
    fn tab(&self) -> Tab {
        Tab::Runs
    }

    fn crumb(&self) -> String {
        "all runs".to_owned()
    }

    fn place(&self) -> Place {
        Place::Runs
    }

    fn wants(&self, _: (u16, u16)) -> Vec<Want> {
        let request = Request::Runs(RunsQuery {
            limit: MOST,
            ..RunsQuery::default()
        });
        vec![Want::once("runs", request)]
    }

    fn take(&mut self, _: &str, _: u64, reply: Reply) {
        if let Reply::Runs(lines) = reply {
            self.stored = lines;
            self.came = true;
        }
    }

    fn refused(&mut self, _: &str, _: &Fault) {
        self.came = true;
    }

    fn anew(&mut self) {}

    fn act(&mut self, act: Act, context: &Context, effects: &mut Vec<Effect>) -> bool {
        self.rebuild(context);
        match act {
            Act::Open => effects.extend(self.on.map(|run| Effect::Open(Place::Run(run)))),
            Act::Acknowledge => {
                effects.extend(self.on.map(|run| super::now::acknowledge(run, context)));
            }
            Act::NextFailure => self.failure(1),
            Act::PreviousFailure => self.failure(-1),
            Act::NextPane => effects.push(Effect::Open(Place::Flows)),
            Act::Left | Act::Right => {
                effects.extend(self.fold(act == Act::Right));
                self.rebuild(context);
                return true;
            }
            Act::Unfold => {
                self.fold_all();
                self.rebuild(context);
                return true;
            }
            Act::Start => {
                let run = self.here().map(|placed| &placed.line);
                let run = run.filter(|run| run.kind == "exec");
                let (hosts, command) = run.map_or(("", ""), |run| (&run.targets, &run.title));
                let form = crate::tui::overlay::StartForm::again(hosts, command);
                effects.push(Effect::Over(Box::new(form)));
            }
            _ if self.list.act(act) => {}
            _ => return false,
        }
        self.on = self.here().map(|placed| placed.line.run);
        true
    }

    fn draw(&mut self, canvas: &mut Canvas, context: &Context) {
        self.rebuild(context);
        let (width, height) = (canvas.width(), canvas.height());
        if self.shown.is_empty() {
            self.draw_empty(canvas, context);
            return;
        }
        // The runs of the same title, as bars: is this one as the others were?
        let below = if height >= 16 { 4 } else { 0 };
        self.list
            .fit(self.list.total, u32::from(height.saturating_sub(1 + below)));
        let columns = Columns::of(width);
        canvas.text(1, 0, Role::Dim, "  RUN");
        canvas.text(columns.title, 0, Role::Dim, "COMMAND");
        canvas.text(columns.targets, 0, Role::Dim, "HOSTS");
        canvas.text(columns.done, 0, Role::Dim, "       DONE  FAIL");
        canvas.text(columns.took, 0, Role::Dim, "  TOOK   AGO  BY");
        let (from, until) = self.list.seen();
        for (y, place) in (1..).zip(from..until) {
            if let Some(placed) = self.shown.get(place as usize) {
                draw_line(canvas, y, placed, &columns, context.now);
                if place == self.list.at {
                    canvas.text(0, y, Role::Key, ">");
                    canvas.paint_row(y, Role::Cursor);
                }
            }
        }
        if below > 0 {
            self.draw_same(canvas, height - below, context.now);
        }
    }

    fn meant(&self) -> Option<RunId> {
        self.on
    }

    fn hints(&self) -> Vec<Act> {
        let mut hints = vec![Act::Open, Act::NextFailure];
        let wholes = self.shown.iter().any(|placed| placed.parts > 0);
        hints.extend(wholes.then_some(Act::Unfold));
        hints.extend([Act::Search, Act::Start]);
        hints
    }

    fn status(&self) -> String {
        let filter = if self.text.is_empty() {
            String::new()
        } else {
            format!("   filter: {}", self.text)
        };
        let parts = match self.here() {
            Some(here) if here.parts > 0 && !here.unfolded => {
                format!("   l shows its {}", counted(here.parts as u64, "run"))
            }
            _ => String::new(),
        };
        format!(
            "{} of {} runs{filter}{parts}",
            count(self.shown.len() as u64),
            count(self.all as u64)
        )
    }

    fn query(&self) -> Option<(&'static str, String)> {
        Some(("filter", self.text.clone()))
    }

    fn set_query(&mut self, text: &str) -> Result<(), String> {
        text.clone_into(&mut self.text);
        self.filter = Filter::parse(text)?;
        Ok(())
    }

    fn text(&self) -> String {
        let lines = self.shown.iter().map(|placed| {
            let line = &placed.line;
            let (title, targets) = (plain(&line.title), plain(&line.targets));
            format!(
                "{}\t{}\t{title}\t{targets}\t{}\n",
                line.run, line.state, line.starter
            )
        });
        lines.collect()
    }
}

impl Runs {
    fn draw_empty(&self, canvas: &mut Canvas, context: &Context) {
        let key = |act| context.keys.key(act);
        let words = if self.all > 0 {
            format!(
                "No run matches {:?}. {} changes the filter.",
                self.text,
                key(Act::Search)
            )
        } else if self.came {
            format!("No run yet. {} starts a command on hosts.", key(Act::Start))
        } else {
            "Asking the engine…".to_owned()
        };
        canvas.text(1, 0, Role::Text, &words);
    }

    /// How long the last runs with this title took, and how they ended.
    fn draw_same(&self, canvas: &mut Canvas, y: u16, now: At) {
        let Some(here) = self.here().map(|placed| &placed.line) else {
            return;
        };
        let shown = self.shown.iter().map(|placed| &placed.line);
        let same: Vec<&RunLine> = shown
            .filter(|line| line.title == here.title)
            .take(usize::from(canvas.width()).saturating_sub(30).min(60))
            .collect();
        let title = format!("run {} {}", here.run, plain(&here.title));
        canvas.rule(y, &title, &format!("{} with this command", same.len()));
        let took: Vec<f64> = same
            .iter()
            .rev()
            .map(|line| seconds(line.created, line.ended.unwrap_or(now)))
            .collect();
        canvas.text(1, y + 1, Role::Dim, "took     ");
        let x = canvas.spark(10, y + 1, Role::Accent, &took);
        let most = took.iter().copied().fold(0.0, f64::max);
        canvas.text(
            x + 2,
            y + 1,
            Role::Dim,
            &format!("at most {}, newest on the right", span(most)),
        );
        canvas.text(1, y + 2, Role::Dim, "outcomes ");
        let mut x = 10;
        for line in same.iter().rev() {
            let (sign, role) = standing::sign(&line.state, line.stand.as_ref());
            x = canvas.text(x, y + 2, role, sign);
        }
        let when = canvas.zone().moment(here.created, now);
        let stands = match &here.stand {
            Some(stand) => standing::waits(stand, now),
            None => here.state.clone(),
        };
        let part = here.part_of.as_ref().map_or_else(String::new, |part| {
            format!(", {}", standing::of_whole(part, canvas.ascii()))
        });
        let words = format!("began {when} by {}, {stands}{part}", plain(&here.starter));
        canvas.clipped(1, y + 3, canvas.width() - 2, Role::Text, &words);
    }
}

/// Where the columns begin.
struct Columns {
    title: u16,
    targets: u16,
    done: u16,
    took: u16,
}

impl Columns {
    /// On a narrow screen who began it goes first, then how long it took.
    fn of(width: u16) -> Self {
        let took = width.saturating_sub(match width {
            0..60 => 8,
            60..72 => 14,
            _ => 23,
        });
        let done = took.saturating_sub(18);
        let title = 8;
        let room = done.saturating_sub(title);
        let targets = title + if width < 60 { room } else { room * 2 / 3 };
        Self {
            title,
            targets,
            done,
            took,
        }
    }
}

fn draw_line(canvas: &mut Canvas, y: u16, placed: &Placed, columns: &Columns, now: At) {
    let line = &placed.line;
    let (sign, role) = standing::sign(&line.state, line.stand.as_ref());
    canvas.text(1, y, role, sign);
    if placed.parts > 0 {
        let mark = if placed.unfolded { "-" } else { "+" };
        canvas.text(2, y, Role::Key, mark);
    }
    canvas.text(3, y, Role::Text, &line.run.to_string());
    let room = columns.targets.saturating_sub(columns.title + 1);
    let title = match &line.part_of {
        Some(part) if placed.depth > 0 => {
            let indent = " ".repeat(usize::from(placed.depth) * 2);
            format!("{indent}{}{}", standing::stage(part), plain(&line.title))
        }
        Some(part) => {
            let (stage, whole) = (standing::stage(part), standing::part(part, canvas.ascii()));
            format!("{whole} {stage}{}", plain(&line.title))
        }
        None => plain(&line.title),
    };
    canvas.clipped(columns.title, y, room, Role::Text, &title);
    let room = columns.done.saturating_sub(columns.targets + 1);
    canvas.clipped(columns.targets, y, room, Role::Dim, &plain(&line.targets));
    let tally = &line.tally;
    let done = standing::amount(tally, line.whole.as_ref());
    canvas.text(columns.done, y, Role::Text, &format!("{done:>11}"));
    let failed = tally.failures();
    let role = if failed > 0 { Role::Failed } else { Role::Dim };
    canvas.text(columns.done + 12, y, role, &format!("{:>5}", count(failed)));
    let took = span(seconds(line.created, line.ended.unwrap_or(now)));
    canvas.text(columns.took, y, Role::Text, &format!("{took:>6}"));
    let began = format!("{:>5}", ago(line.created, now));
    canvas.text(columns.took + 7, y, Role::Dim, &began);
    canvas.clipped(columns.took + 14, y, 9, Role::Dim, &plain(&line.starter));
}

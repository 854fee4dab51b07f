//! All runs, newest first.

use crate::run::filter::Filter;
use crate::run::ids::{At, RunId};
use crate::tui::canvas::Canvas;
use crate::tui::keys::Act;
use crate::tui::list::{List, nearest};
use crate::tui::pane::{Context, Effect, Pane, Place, Tab, Want, run_sign};
use crate::tui::theme::Role;
use crate::tui::words::{ago, count, plain, seconds, span};
use crate::wire::reply::Fault;
use crate::wire::request::RunsQuery;
use crate::wire::view::{RunLine, RunView};
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
    shown: Vec<RunLine>,
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
            let text = format!(
                "{} {} {} {}",
                line.run, line.title, line.targets, line.starter
            );
            self.filter.passes_words(&text, &[&line.state, &line.kind])
        });
        self.shown = lines;
        self.list.total = u32::try_from(self.shown.len()).unwrap_or(u32::MAX);
        if let Some(place) = self.shown.iter().position(|line| Some(line.run) == self.on) {
            self.list.go(u32::try_from(place).unwrap_or(0));
        } else {
            self.list.go(self.list.at);
        }
        self.on = self.shown.get(self.list.at as usize).map(|line| line.run);
    }

    fn failure(&mut self, by: i64) {
        let bad = |at: usize| {
            self.shown
                .get(at)
                .is_some_and(|run| run.tally.failures() > 0)
        };
        if let Some(at) = nearest(self.list.at as usize, by, self.shown.len(), bad) {
            self.list.go(u32::try_from(at).unwrap_or(0));
        }
    }
}

/// An open run as a line of the list.
fn line_of(view: &RunView) -> RunLine {
    RunLine {
        run: view.run,
        kind: view.kind.clone(),
        title: view.title.clone(),
        targets: view.targets.clone(),
        state: view.state.clone(),
        waits_for: view.waits_for.clone(),
        starter: view.starter.clone(),
        holder: view.holder.clone(),
        created: view.created,
        ended: view.ended,
        tally: view.tally.clone(),
        acked: None,
        part_of: view.part_of.clone(),
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
            Act::Start => {
                let run = self.shown.get(self.list.at as usize);
                let run = run.filter(|run| run.kind == "exec");
                let (hosts, command) = run.map_or(("", ""), |run| (&run.targets, &run.title));
                let form = crate::tui::overlay::StartForm::again(hosts, command);
                effects.push(Effect::Over(Box::new(form)));
            }
            _ if self.list.act(act) => {}
            _ => return false,
        }
        self.on = self.shown.get(self.list.at as usize).map(|line| line.run);
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
        canvas.text(columns.took, 0, Role::Dim, " TOOK  BEGAN      BY");
        let (from, until) = self.list.seen();
        for (y, place) in (1..).zip(from..until) {
            if let Some(line) = self.shown.get(place as usize) {
                draw_line(canvas, y, line, &columns, context.now);
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
        vec![Act::Open, Act::NextFailure, Act::Search, Act::Start]
    }

    fn status(&self) -> String {
        let filter = if self.text.is_empty() {
            String::new()
        } else {
            format!("   filter: {}", self.text)
        };
        format!(
            "{} of {} runs{filter}",
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
        let lines = self.shown.iter().map(|line| {
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
        let Some(here) = self.shown.get(self.list.at as usize) else {
            return;
        };
        let same: Vec<&RunLine> = self
            .shown
            .iter()
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
            let (sign, role) = run_sign(&line.state);
            x = canvas.text(x, y + 2, role, sign);
        }
        let when = canvas.zone().moment(here.created, now);
        let words = format!("began {when} by {}, {}", plain(&here.starter), here.state);
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
            0..60 => 7,
            60..72 => 18,
            _ => 27,
        });
        let done = took.saturating_sub(18);
        let title = 8;
        let room = done.saturating_sub(title);
        let targets = title + if width < 60 { room } else { room * 3 / 5 };
        Self {
            title,
            targets,
            done,
            took,
        }
    }
}

fn draw_line(canvas: &mut Canvas, y: u16, line: &RunLine, columns: &Columns, now: At) {
    let (sign, role) = run_sign(&line.state);
    canvas.text(1, y, role, sign);
    canvas.text(3, y, Role::Text, &line.run.to_string());
    let room = columns.targets.saturating_sub(columns.title + 1);
    canvas.clipped(columns.title, y, room, Role::Text, &plain(&line.title));
    let room = columns.done.saturating_sub(columns.targets + 1);
    canvas.clipped(columns.targets, y, room, Role::Dim, &plain(&line.targets));
    let tally = &line.tally;
    let done = format!(
        "{}/{}",
        count(super::run::done(tally)),
        count(tally.total())
    );
    canvas.text(columns.done, y, Role::Text, &format!("{done:>11}"));
    let failed = tally.failures();
    let role = if failed > 0 { Role::Failed } else { Role::Dim };
    canvas.text(columns.done + 12, y, role, &format!("{:>5}", count(failed)));
    let took = span(seconds(line.created, line.ended.unwrap_or(now)));
    canvas.text(columns.took - 1, y, Role::Text, &format!("{took:>6}"));
    let began = format!("{:>4} ago", ago(line.created, now));
    canvas.text(columns.took + 7, y, Role::Dim, &began);
    canvas.clipped(columns.took + 18, y, 9, Role::Dim, &plain(&line.starter));
}

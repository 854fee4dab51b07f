//! What needs a person, what runs, what ended, who is here, how the engine is.

use std::collections::BTreeSet;

use super::families::under;
use super::needs::{Need, needs};
use crate::run::ids::RunId;
use crate::tui::canvas::Canvas;
use crate::tui::keys::Act;
use crate::tui::list::List;
use crate::tui::pane::{Context, Effect, Pane, Place, Tab, WAIT_MS, Want, run_sign};
use crate::tui::standing;
use crate::tui::theme::Role;
use crate::tui::words::{ago, bytes, count, counted, plain, seconds, span};
use crate::wire::console::{GridPage, GridQuery, Overview, Presence};
use crate::wire::reply::Fault;
use crate::wire::view::{PartOf, RunLine, RunView};
use crate::wire::{Reply, Request};

/// From this width on there is a second column.
const WIDE: u16 = 110;

/// The screen.
#[derive(Default)]
pub(in crate::tui) struct Now {
    list: List,
    /// The run under the cursor: it stays there when rows come and go.
    on: Option<RunId>,
    /// Whether a person moved the cursor; until then it stays on what has needed somebody longest.
    moved: bool,
    rows: Vec<Row>,
    grid: Option<GridPage>,
    wide: bool,
}

/// A row of the list.
#[derive(Clone)]
enum Row {
    Head(&'static str, String, Role),
    Need(Need),
    Open(Box<RunView>),
    Ended(Box<RunLine>),
    Words(String, Role),
    Blank,
}

impl Row {
    fn run(&self) -> Option<RunId> {
        match self {
            Self::Need(need) => Some(need.run),
            Self::Open(run) => Some(run.run),
            Self::Ended(run) => Some(run.run),
            _ => None,
        }
    }
}

impl Now {
    fn rebuild(&mut self, context: &Context) {
        let Some(overview) = context.overview else {
            self.rows = vec![Row::Words("Asking the engine…".to_owned(), Role::Dim)];
            return;
        };
        self.rows = rows(overview, context);
        let total = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.list.fit(total, u32::from(context.body.1));
        let place = self
            .on
            .filter(|_| self.moved)
            .and_then(|run| self.rows.iter().position(|row| row.run() == Some(run)))
            .or_else(|| self.rows.iter().position(|row| row.run().is_some()));
        if let Some(place) = place {
            let same = self.rows.get(self.list.at as usize).and_then(Row::run) == self.on;
            if !(same && self.on.is_some() && self.moved) {
                self.list.go(u32::try_from(place).unwrap_or(0));
            }
            self.on = self.rows[self.list.at as usize].run();
        }
    }

    fn step(&mut self, act: Act) -> bool {
        self.moved = true;
        let before = self.list.at;
        if !self.list.act(act) {
            return false;
        }
        // Only rows with a run can be stood on.
        let down = self.list.at > before || act == Act::Top;
        let rows = &self.rows;
        let fits = |at: &u32| {
            rows.get(*at as usize)
                .is_some_and(|row| row.run().is_some())
        };
        let found = if down {
            (self.list.at..self.list.total).find(fits)
        } else {
            (0..=self.list.at).rev().find(fits)
        };
        self.list.go(found.unwrap_or(before));
        self.on = self.rows.get(self.list.at as usize).and_then(Row::run);
        true
    }
}

/// What says that a run's failures are known, or not any more.
pub(super) fn acknowledge(run: RunId, context: &Context) -> Effect {
    let ended = context.overview.map_or(&[][..], |overview| &overview.ended);
    let Some(line) = ended.iter().find(|line| line.run == run) else {
        return Effect::Say(format!(
            "Run {run} has not ended: what fails in it is shown until then."
        ));
    };
    let known = line.acked.is_none();
    let request = |known| Box::new(Request::Acknowledge { run, known });
    let said = if known {
        "is known"
    } else {
        "is not known any more"
    };
    Effect::Ask {
        request: request(known),
        said: format!("how run {run} ended {said}"),
        undo: Some(request(!known)),
    }
}

fn rows(overview: &Overview, context: &Context) -> Vec<Row> {
    let mut rows = Vec::new();
    let needs = needs(overview, context.now, context.you);
    if let Some(oldest) = needs.first() {
        let right = format!("oldest first: {}", ago(oldest.since, context.now));
        rows.push(Row::Head(
            "NEEDS YOU",
            format!("{}   {right}", needs.len()),
            Role::Failed,
        ));
        rows.extend(needs.into_iter().map(|need| {
            let what = context.look.zone.said(&need.what, context.now);
            Row::Need(Need { what, ..need })
        }));
    } else {
        let words = format!(
            "Nothing needs you. Checked {}.",
            context.look.zone.named_clock(context.now)
        );
        rows.push(Row::Words(words, Role::Ok));
        if overview.open.is_empty() && overview.ended.is_empty() {
            let key = context.keys.key(Act::Start);
            rows.push(Row::Words(
                format!("No run yet: {key} starts a command on hosts."),
                Role::Text,
            ));
        }
    }
    if !overview.open.is_empty() {
        let alone = flows_apart(overview);
        let parts = overview.open.len() - alone.len();
        let mut words = count(alone.len() as u64);
        if parts > 0 {
            words = format!("{words}   with {}", counted(parts as u64, "part"));
        }
        if overview.open_more > 0 {
            words = format!("{words}   and {} more", count(overview.open_more));
        }
        rows.push(Row::Blank);
        rows.push(Row::Head("RUNNING", words, Role::Title));
        rows.extend(alone.into_iter().cloned().map(Box::new).map(Row::Open));
    }
    let known: BTreeSet<RunId> = {
        let open = overview.open.iter().map(|run| run.run);
        open.chain(overview.ended.iter().map(|run| run.run))
            .collect()
    };
    if !overview.ended.is_empty() {
        rows.push(Row::Blank);
        rows.push(Row::Head(
            "ENDED",
            format!("{}   newest first", count(overview.ended_total)),
            Role::Title,
        ));
        // Parts stand in the list of runs, under what they are part of.
        let mut ended: Vec<&RunLine> = overview
            .ended
            .iter()
            .filter(|run| under(run.part_of.as_ref(), run.run, &known).is_none())
            .collect();
        ended.sort_by_key(|run| std::cmp::Reverse((run.ended, run.run)));
        rows.extend(
            ended
                .into_iter()
                .take(40)
                .cloned()
                .map(Box::new)
                .map(Row::Ended),
        );
    }
    rows
}

/// Open runs, without those that are part of one of them.
fn flows_apart(overview: &Overview) -> Vec<&RunView> {
    let known: BTreeSet<RunId> = overview.open.iter().map(|run| run.run).collect();
    let open = overview.open.iter();
    open.filter(|run| under(run.part_of.as_ref(), run.run, &known).is_none())
        .collect()
}

impl Pane for Now {
    fn tab(&self) -> Tab {
        Tab::Now
    }

    fn crumb(&self) -> String {
        String::new()
    }

    fn place(&self) -> Place {
        Place::Now
    }

    fn wants(&self, body: (u16, u16)) -> Vec<Want> {
        let Some(run) = self.on.filter(|_| body.0 >= WIDE) else {
            return Vec::new();
        };
        let revision = self.grid.as_ref().filter(|grid| grid.view.run == run);
        let request = Request::Grid(GridQuery {
            run,
            revision: revision.map_or(0, |grid| grid.view.revision),
            wait_ms: WAIT_MS,
            ..GridQuery::default()
        });
        if revision.is_some_and(|grid| grid.view.ended.is_some()) {
            return vec![Want::once("run", request)];
        }
        vec![Want::follow("run", request)]
    }

    fn take(&mut self, _: &str, _: u64, reply: Reply) {
        if let Reply::Grid(page) = reply {
            self.grid = Some(*page);
        }
    }

    fn refused(&mut self, _: &str, _: &Fault) {
        self.grid = None;
    }

    fn anew(&mut self) {
        self.grid = None;
    }

    fn act(&mut self, act: Act, context: &Context, effects: &mut Vec<Effect>) -> bool {
        self.rebuild(context);
        match act {
            Act::Open => effects.extend(self.on.map(|run| Effect::Open(Place::Run(run)))),
            Act::Acknowledge => match self.on {
                Some(run) => effects.push(acknowledge(run, context)),
                None => return false,
            },
            _ => return self.step(act),
        }
        true
    }

    fn draw(&mut self, canvas: &mut Canvas, context: &Context) {
        self.rebuild(context);
        let (width, height) = (canvas.width(), canvas.height());
        self.wide = width >= WIDE;
        let people = people_lines(context);
        // On a small screen people and engine stand under the list, as far as there is room.
        let below = if self.wide {
            0
        } else {
            u16::try_from(people.len()).unwrap_or(0).min(3)
        };
        let list_width = if self.wide { width * 5 / 8 } else { width };
        let list_height = height.saturating_sub(below);
        self.list.fit(self.list.total, u32::from(list_height));
        let (from, until) = self.list.seen();
        let mut part = canvas.part(0, 0, list_width, list_height);
        for (y, place) in (0..).zip(from..until) {
            if let Some(row) = self.rows.get(place as usize) {
                draw_row(&mut part, y, row, place == self.list.at, context);
            }
        }
        if self.wide {
            canvas.part(list_width, 0, 1, height).divider(0);
            let room = width - list_width - 2;
            let mut side = canvas.part(list_width + 2, 0, room, height);
            self.draw_side(&mut side, &people, context);
        } else {
            for (y, (role, line)) in (list_height..height).zip(&people) {
                canvas.clipped(1, y, width - 2, *role, line);
            }
        }
    }

    fn meant(&self) -> Option<RunId> {
        self.on
    }

    fn hints(&self) -> Vec<Act> {
        let on_run: &[Act] = match self.on {
            Some(_) => &[Act::Open, Act::Acknowledge],
            None => &[],
        };
        [on_run, &[Act::Start, Act::Runs]].concat()
    }

    fn status(&self) -> String {
        String::new()
    }

    fn text(&self) -> String {
        self.rows.iter().fold(String::new(), |mut all, row| {
            let line = match row {
                Row::Head(word, more, _) => format!("{word} {more}"),
                Row::Need(need) => format!(
                    "{} {} run {} {}: {}",
                    need.sign, need.word, need.run, need.title, need.what
                ),
                Row::Open(run) => format!("{} run {} {}", run.state, run.run, plain(&run.title)),
                Row::Ended(run) => format!("{} run {} {}", run.state, run.run, plain(&run.title)),
                Row::Words(words, _) => words.clone(),
                Row::Blank => String::new(),
            };
            all.push_str(&line);
            all.push('\n');
            all
        })
    }
}

fn draw_row(canvas: &mut Canvas, y: u16, row: &Row, here: bool, context: &Context) {
    let width = canvas.width();
    match row {
        Row::Head(word, more, role) => {
            let x = canvas.text(1, y, *role, word);
            canvas.text(x + 1, y, Role::Dim, more);
        }
        Row::Words(words, role) => drop(canvas.clipped(1, y, width - 2, *role, words)),
        Row::Blank => {}
        Row::Need(need) => {
            let x = canvas.text(1, y, need.role, &format!("{} {:<6}", need.sign, need.word));
            let x = canvas.text(
                x + 1,
                y,
                Role::Dim,
                &format!("{:>3}", ago(need.since, context.now)),
            );
            let x = canvas.text(x + 2, y, Role::Text, &format!("run {} ", need.run));
            let what = u16::try_from(need.what.chars().count()).unwrap_or(u16::MAX);
            let room = width.saturating_sub(x + 4 + what.min(width / 2));
            let x = canvas.clipped(x, y, room, Role::Title, &need.title);
            canvas.clipped(x + 2, y, width.saturating_sub(x + 3), need.role, &need.what);
        }
        Row::Open(run) => draw_open(canvas, y, run, context),
        Row::Ended(run) => draw_ended(canvas, y, run, context),
    }
    if here {
        canvas.text(0, y, Role::Key, ">");
        let style = canvas.style(Role::Cursor);
        canvas.paint(0, y, width, style);
    }
}

fn draw_open(canvas: &mut Canvas, y: u16, run: &RunView, context: &Context) {
    let (sign, role) = standing::sign(&run.state, run.stand.as_ref());
    let x = canvas.text(1, y, role, sign);
    let part = run.part_of.as_ref();
    let time = match &run.stand {
        Some(stand) => standing::waits(stand, context.now),
        None => run.eta_s.filter(|_| run.state == "running").map_or_else(
            || span(seconds(run.created, context.now)),
            |eta| format!("eta {}", span(eta)),
        ),
    };
    let amount = if canvas.width() < 70 {
        standing::amount(&run.tally, run.whole.as_ref())
    } else {
        standing::long_amount(&run.tally, run.whole.as_ref())
    };
    let failed = count(run.tally.failures());
    let mut words = vec![amount, format!("{failed} failed"), time];
    words.extend(part.is_none().then(|| plain(&run.starter)));
    let at = canvas.right(1, y, Role::Text, &words.join("  "));
    let room = at.saturating_sub(x + 2);
    let title = titled(run.run, &run.title, part, canvas.ascii());
    canvas.clipped(x + 1, y, room, Role::Text, &title);
}

/// A run by its number and title; a part by its stage, with its whole.
fn titled(run: RunId, title: &str, part: Option<&PartOf>, ascii: bool) -> String {
    match part {
        Some(part) => {
            let (stage, whole) = (standing::stage(part), standing::part(part, ascii));
            format!("{run} {whole} {stage}{}", plain(title))
        }
        None => format!("{run} {}", plain(title)),
    }
}

fn draw_ended(canvas: &mut Canvas, y: u16, run: &RunLine, context: &Context) {
    let (sign, role) = run_sign(&run.state);
    let x = canvas.text(1, y, role, sign);
    let ended = run.ended.unwrap_or(run.created);
    let whole = run.whole.as_ref();
    let mut hosts = standing::hosts(&run.tally, whole);
    if run.tally.failures() > 0 {
        hosts = match whole {
            Some(_) => format!("{}, {hosts}", standing::failed(&run.tally, whole)),
            None => format!("{} of {hosts} failed", count(run.tally.failures())),
        };
    }
    if let Some(acked) = &run.acked {
        hosts = format!("{hosts}, {} knows", plain(&acked.by));
    }
    let took = span(seconds(run.created, ended));
    let right = format!(
        "{hosts}  {took:>6}  {:>3} ago  {}",
        ago(ended, context.now),
        plain(&run.starter)
    );
    let at = canvas.right(1, y, Role::Dim, &right);
    let room = at.saturating_sub(x + 2);
    canvas.clipped(
        x + 1,
        y,
        room,
        Role::Text,
        &titled(run.run, &run.title, run.part_of.as_ref(), canvas.ascii()),
    );
}

fn people_lines(context: &Context) -> Vec<(Role, String)> {
    let Some(overview) = context.overview else {
        return Vec::new();
    };
    let mut lines = vec![(Role::Line, String::new())];
    let people: Vec<String> = overview.people.iter().map(person).collect();
    if !people.is_empty() {
        lines.push((Role::Text, format!("here   {}", people.join("   "))));
    }
    let engine = &overview.engine;
    let stored: u64 = engine
        .store
        .iter()
        .filter(|(what, _)| *what != "free")
        .map(|(_, bytes)| bytes)
        .sum();
    let mut words = format!(
        "engine pid {}   {}   {}   {} memory   {} stored",
        engine.pid,
        counted(engine.connections, "connection"),
        counted(engine.tasks, "task"),
        bytes(engine.memory),
        bytes(stored),
    );
    if !engine.space.is_empty() && engine.space != "ok" {
        words = format!("{words}   disk {}", engine.space);
    }
    lines.push((Role::Dim, words));
    lines.extend(engine.notes.iter().map(|note| (Role::Failed, plain(note))));
    lines
}

fn person(person: &Presence) -> String {
    let name = if person.you {
        "you".to_owned()
    } else {
        plain(&person.user)
    };
    let looking = person
        .looking
        .filter(|_| !person.you)
        .map(|run| format!(", looks at {run}"))
        .unwrap_or_default();
    format!("{name} ({}{looking})", plain(&person.origin))
}

impl Now {
    /// The second column: the run under the cursor, who is here, the engine.
    fn draw_side(&self, canvas: &mut Canvas, people: &[(Role, String)], context: &Context) {
        let width = canvas.width();
        let mut y = 0;
        let grid = self
            .grid
            .as_ref()
            .filter(|grid| Some(grid.view.run) == self.on);
        if let Some(grid) = grid {
            y = super::run::draw_summary(canvas, grid, context);
        }
        y += 1;
        canvas.text(0, y, Role::Title, "PEOPLE AND ENGINE");
        for (row, (role, line)) in (y + 1..).zip(people.iter().skip(1)) {
            canvas.clipped(0, row, width, *role, line);
        }
    }
}

//! Hosts, the host under the cursor, and why hosts failed.

use super::layout::Layout;
use super::words::{how, phases, short, took};
use super::{Focus, Mode, RunPane};
use crate::run::ids::RunId;
use crate::run::outcome::OutcomeKind;
use crate::run::sign::Sign;
use crate::tui::canvas::Canvas;
use crate::tui::keys::Act;
use crate::tui::pane::{Context, role_of};
use crate::tui::screens::spans::plain_line;
use crate::tui::theme::Role;
use crate::tui::words::{count, counted, plain, span};
use crate::wire::console::{CauseGroup, GridPage, Sort};

impl RunPane {
    pub(super) fn earlier(&self, context: &Context) -> Option<RunId> {
        let title = &self.page.as_ref()?.view.title;
        let overview = context.overview?;
        overview
            .ended
            .iter()
            .filter(|line| line.run < self.run && line.title == *title)
            .map(|line| line.run)
            .max()
    }

    pub(super) fn draw_hosts(
        &mut self,
        canvas: &mut Canvas,
        page: &GridPage,
        layout: &Layout,
        context: &Context,
    ) {
        let (first, rows) = layout.hosts;
        let columns = match self.mode() {
            Mode::Grid => u32::from(layout.columns()),
            _ => 1,
        };
        let row = self.at / columns;
        let rows = u32::from(rows);
        self.top = self.top.clamp((row + 1).saturating_sub(rows), row);
        let from = self.top * columns;
        let until = (from + rows * columns).min(page.matched);
        let sort = match self.sort {
            Sort::Worst => "worst first",
            Sort::Name => "by name",
            Sort::Time => "longest first",
        };
        let title = match self.mode() {
            Mode::Grid => format!("hosts: {sort}, 1 letter = 1 host"),
            Mode::Steps => format!("hosts by step: {sort}"),
            _ => format!("hosts: {sort}"),
        };
        let right = format!(
            "{}-{} of {}",
            count((from + 1).min(until)),
            count(until),
            count(page.matched)
        );
        canvas.rule(first - 1, &title, &right);
        if page.matched == 0 {
            canvas.text(1, first, Role::Dim, "No host matches the filter.");
        }
        match self.mode() {
            Mode::Grid => self.draw_grid(canvas, page, (from, until, columns), first),
            Mode::Steps => self.draw_steps(canvas, page, first, context),
            _ => self.draw_table(canvas, page, first, context),
        }
    }

    fn draw_grid(
        &self,
        canvas: &mut Canvas,
        page: &GridPage,
        (from, until, columns): (u32, u32, u32),
        first: u16,
    ) {
        let letters: Vec<char> = page.signs.chars().collect();
        for place in from..until {
            let letter = place
                .checked_sub(page.signs_from)
                .and_then(|at| letters.get(at as usize));
            let sign = letter.and_then(|letter| Sign::from_letter(*letter));
            let (x, y) = ((place - from) % columns, (place - from) / columns);
            let (Ok(x), Ok(y)) = (u16::try_from(x + 1), u16::try_from(y)) else {
                continue;
            };
            let (role, text) =
                sign.map_or((Role::Stale, "#"), |sign| (role_of(sign), sign.letter()));
            let host = place
                .checked_sub(page.signs_from)
                .and_then(|at| page.signed.get(at as usize));
            let chosen = host.is_some_and(|host| self.choice.holds(*host));
            canvas.letter(x, first + y, role, text);
            if chosen {
                let style = canvas.style(Role::Match);
                canvas.paint(x, first + y, 1, style);
            }
            if place == self.at && self.focus == Focus::Hosts {
                let style = canvas.style(Role::Cursor);
                canvas.paint(x, first + y, 1, style);
            }
        }
    }

    fn draw_table(&self, canvas: &mut Canvas, page: &GridPage, first: u16, context: &Context) {
        let width = canvas.width();
        let name_room = (width / 3).clamp(16, 44);
        for (place, task) in (page.rows_from..).zip(&page.rows) {
            let Some(y) = place
                .checked_sub(self.top)
                .and_then(|y| u16::try_from(y).ok())
            else {
                continue;
            };
            let sign = Sign::of_task(&task.standing, task.outcome.as_ref());
            let y = first + y;
            canvas.text(1, y, role_of(sign), sign.letter());
            canvas.clipped(3, y, name_room - 1, Role::Text, &plain(&task.host));
            let how = how(task);
            canvas.clipped(3 + name_room, y, 16, role_of(sign), &how);
            let took = took(task, context);
            canvas.text(20 + name_room, y, Role::Dim, &format!("{took:>6}"));
            let room = width.saturating_sub(name_room + 29);
            let detail = task.detail.clone().unwrap_or_default();
            canvas.clipped(28 + name_room, y, room, Role::Dim, &plain(&detail));
            if self.choice.holds(task.ix) {
                canvas.text(2, y, Role::Mark, "*");
            }
            if place == self.at && self.focus == Focus::Hosts {
                canvas.text(0, y, Role::Key, ">");
                canvas.paint_row(y, Role::Cursor);
            }
        }
    }

    pub(super) fn draw_host(
        &self,
        canvas: &mut Canvas,
        page: &GridPage,
        layout: &Layout,
        context: &Context,
    ) {
        let Some(host) = self.host() else {
            canvas.rule(layout.host, "", "");
            return;
        };
        let place = format!("host {} of {}", count(self.at + 1), count(page.matched));
        canvas.rule(layout.host, &plain(&host.host), &place);
        let sign = Sign::of_task(&host.standing, host.outcome.as_ref());
        let y = layout.host + 1;
        let mut words = vec![format!("{} {}", sign.letter(), how(host))];
        if page.steps.len() > 1 {
            words.push(format!("step {}", host.step));
        }
        words.push(took(host, context));
        if host.attempts > 1 {
            words.push(format!("try {}", host.attempts));
        }
        let words = words.join("   ");
        let x = canvas.text(1, y, role_of(sign), &words);
        let detail = plain(&host.detail.clone().unwrap_or_else(|| phases(host)));
        let tail = self
            .tail
            .as_ref()
            .filter(|tail| tail.task.as_ref().is_some_and(|task| task.ix == host.ix));
        let room = usize::from(layout.host_rows - 1);
        let written = tail.map_or(0, |tail| tail.lines.len().min(room));
        let beside = canvas.width().saturating_sub(x + 4);
        let rows = u16::try_from(room - written).unwrap_or(0);
        let mut from = y + 1;
        if detail.chars().count() <= usize::from(beside) || rows < 2 {
            canvas.clipped(x + 3, y, beside, Role::Dim, &detail);
        } else {
            let below = (canvas.width().saturating_sub(4), rows);
            from = canvas.wrapped((3, from), below, Role::Dim, &detail);
        }
        if let Some(tail) = tail {
            let skip = tail.lines.len().saturating_sub(room);
            for (y, line) in (from..).zip(tail.lines.iter().skip(skip)) {
                let role = match line.stream {
                    crate::run::output::OutStream::Stderr => Role::Stderr,
                    crate::run::output::OutStream::Stdout => Role::Text,
                };
                let bar = canvas.form("|", "│").to_owned();
                canvas.text(1, y, Role::Line, &bar);
                canvas.clipped(3, y, canvas.width() - 4, role, &plain_line(&line.bytes));
            }
        }
    }

    pub(super) fn draw_causes(
        &mut self,
        canvas: &mut Canvas,
        page: &GridPage,
        layout: &Layout,
        context: &Context,
    ) {
        if layout.cause_rows == 0 {
            return;
        }
        let view = &page.view;
        let bad = view.tally.failures();
        if page.causes.is_empty() {
            canvas.rule(layout.causes, "", "");
            let words = match (&view.ended, page.slow.first()) {
                (Some(_), _) if view.state == "aborted" => {
                    let never = view.tally.ended(OutcomeKind::NotStarted);
                    format!("Aborted: {} never started.", counted(never, "host"))
                }
                (Some(_), _) if bad == 0 => {
                    let key = context.keys.key(Act::Follow);
                    match page.outputs {
                        0 | 1 => format!("Every host ended well: {key} shows the output."),
                        many => {
                            let outputs = counted(many, "different output");
                            format!("Every host ended well, with {outputs}: {key} shows them.")
                        }
                    }
                }
                (None, Some(slow)) => format!(
                    "Longest at work: {} for {}, {}",
                    slow.host,
                    span(slow.seconds),
                    slow.stage
                ),
                _ => "No failures so far.".to_owned(),
            };
            canvas.clipped(
                1,
                layout.causes + 1,
                canvas.width() - 2,
                Role::Dim,
                &plain(&words),
            );
            return;
        }
        let title = format!(
            "FAILURES {} in {}",
            count(bad),
            counted(page.causes.len() as u64, "group")
        );
        canvas.rule(layout.causes, &title, "Tab, then Enter: their output");
        let total = u32::try_from(page.causes.len()).unwrap_or(u32::MAX);
        self.causes.fit(total, u32::from(layout.cause_rows));
        let (from, until) = self.causes.seen();
        for (y, place) in (layout.causes + 1..).zip(from..until) {
            if let Some(cause) = page.causes.get(place as usize) {
                draw_cause(canvas, y, cause);
                if self.focus == Focus::Causes && place == self.causes.at {
                    canvas.text(0, y, Role::Key, ">");
                    canvas.paint_row(y, Role::Cursor);
                }
            }
        }
    }
}

fn draw_cause(canvas: &mut Canvas, y: u16, cause: &CauseGroup) {
    let width = canvas.width();
    let sign = Sign::of_outcome(&cause.outcome);
    let head = format!(
        "{} {:>5}  {:<11}",
        sign.letter(),
        count(cause.count),
        short(&cause.outcome)
    );
    let x = canvas.text(1, y, role_of(sign), &head);
    let hosts_room = (width / 4).min(40);
    let x = canvas.clipped(x + 2, y, hosts_room, Role::Text, &plain(&cause.hosts));
    canvas.clipped(
        x + 2,
        y,
        width.saturating_sub(x + 3),
        Role::Dim,
        &plain(&cause.line),
    );
}

//! A run by its steps: how all hosts stand to each, the batches, and every host's own way.

use super::RunPane;
use super::layout::Layout;
use super::words::{how, took};
use crate::run::sign::Sign;
use crate::tui::canvas::Canvas;
use crate::tui::pane::{Context, role_of};
use crate::tui::theme::Role;
use crate::tui::words::{clip, count, plain, span};
use crate::wire::console::GridPage;
use crate::wire::flows::{StepSum, StepsPage};

/// Where the counts of a step begin, from the right.
const COUNTS: u16 = 43;

impl RunPane {
    /// The batches, and how all hosts stand to each step.
    pub(super) fn draw_counts(&self, canvas: &mut Canvas, page: &GridPage, layout: &Layout) {
        let (first, rows) = layout.steps;
        let Some(by_step) = page.by_step.as_ref().filter(|_| layout.hosts.0 > first) else {
            return;
        };
        let x = draw_batches(canvas, first - 2, by_step, page.view.batch);
        if let Some(lags) = page.view.stragglers.first() {
            let more = match page.view.stragglers.len() {
                1 => String::new(),
                all => format!(" and {} more", all - 1),
            };
            let words = format!(
                "lags {}{more}: {} {}, usual {}",
                plain(&lags.host),
                plain(&lags.step),
                span(lags.seconds),
                span(lags.usual)
            );
            let room = canvas.width().saturating_sub(x + 4);
            canvas.clipped(x + 3, first - 2, room, Role::Waiting, &words);
        } else if let Some(slow) = page.slow.first().filter(|_| page.view.ended.is_none()) {
            let (host, took) = (plain(&slow.host), span(slow.seconds));
            let words = format!("longest at work {host}, {took}");
            let room = canvas.width().saturating_sub(x + 4);
            canvas.clipped(x + 3, first - 2, room, Role::Dim, &words);
        }
        let width = canvas.width();
        canvas.rule(first - 1, "steps", "");
        let x = width.saturating_sub(COUNTS);
        let head = "    wait     run       ok    fail     med ";
        canvas.text(x, first - 1, Role::Dim, head);
        let top = (self.step() + 1).saturating_sub(usize::from(rows));
        for (y, (place, step)) in (first..).zip(
            by_step
                .steps
                .iter()
                .enumerate()
                .skip(top)
                .take(usize::from(rows)),
        ) {
            draw_step(canvas, y, (place, step), x);
            if place == self.step() {
                canvas.text(0, y, Role::Key, ">");
                let style = canvas.style(Role::Mark);
                canvas.paint(1, y, x.saturating_sub(2), style);
            }
        }
    }

    /// A row a host, a column a step.
    pub(super) fn draw_steps(
        &mut self,
        canvas: &mut Canvas,
        page: &GridPage,
        first: u16,
        context: &Context,
    ) {
        let Some(by_step) = &page.by_step else {
            canvas.text(1, first, Role::Dim, "Asking the engine…");
            return;
        };
        let width = canvas.width();
        let steps = u16::try_from(by_step.steps.len())
            .unwrap_or(u16::MAX)
            .max(1);
        let name_room = (width / 3).clamp(14, 36);
        let from = 3 + name_room + 7;
        // As wide as names need and room allows; what is left tells how it went.
        let longest = by_step
            .steps
            .iter()
            .map(|step| step.name.chars().count())
            .max();
        let longest = u16::try_from(longest.unwrap_or(1)).unwrap_or(u16::MAX);
        let column = (width.saturating_sub(from + 19) / steps).clamp(2, (longest + 2).max(3));
        let seen = usize::from(width.saturating_sub(from + 1) / column).max(1);
        let left = (self.step() + 1).saturating_sub(seen);
        for (row, (place, (task, cells))) in (page.rows_from..)
            .zip(page.rows.iter().zip(&by_step.cells))
            .enumerate()
        {
            let Some(y) = place
                .checked_sub(self.top)
                .and_then(|y| u16::try_from(y).ok())
            else {
                continue;
            };
            let y = first + y;
            let sign = Sign::of_task(&task.standing, task.outcome.as_ref());
            canvas.text(1, y, role_of(sign), sign.letter());
            canvas.clipped(3, y, name_room - 1, Role::Text, &plain(&task.host));
            let batch = by_step.row_batches.get(row).map_or(0, |batch| batch + 1);
            canvas.text(3 + name_room, y, Role::Dim, &format!("b{batch}"));
            let mut x = from;
            for (step, letter) in cells.chars().enumerate().skip(left).take(seen) {
                if let Some(sign) = Sign::from_letter(letter) {
                    canvas.letter(x, y, role_of(sign), sign.letter());
                }
                if step == self.step() && place == self.at {
                    let style = canvas.style(Role::Match);
                    canvas.paint(x, y, 1, style);
                }
                x += column;
            }
            let words = task.detail.clone().unwrap_or_default();
            let words = format!("{} {} {}", how(task), took(task, context), plain(&words));
            canvas.clipped(x + 1, y, width.saturating_sub(x + 2), Role::Dim, &words);
            if self.choice.holds(task.ix) {
                canvas.text(2, y, Role::Mark, "*");
            }
            if place == self.at {
                canvas.text(0, y, Role::Key, ">");
                paint_but(
                    canvas,
                    y,
                    from + column * u16::try_from(self.step().saturating_sub(left)).unwrap_or(0),
                );
            }
        }
        self.draw_step_names(canvas, by_step, first, (from, column, left, seen));
    }

    /// On the line over the hosts: names where they fit, numbers where they do not.
    fn draw_step_names(
        &self,
        canvas: &mut Canvas,
        by_step: &StepsPage,
        first: u16,
        (from, column, left, seen): (u16, u16, usize, usize),
    ) {
        let mut x = from;
        for (place, step) in by_step.steps.iter().enumerate().skip(left).take(seen) {
            let room = usize::from(column.saturating_sub(1));
            let word = if room < 4 {
                clip(&(place + 1).to_string(), room, true)
            } else {
                clip(&plain(&step.name), room, canvas.ascii())
            };
            let role = if place == self.step() {
                Role::Key
            } else {
                Role::Dim
            };
            let last = place + 1 == by_step.steps.len().min(left + seen);
            let pad = if last { 1 } else { column };
            let pad = usize::from(pad).saturating_sub(word.chars().count()).max(1);
            canvas.text(x, first - 1, role, &format!("{word}{}", " ".repeat(pad)));
            x += column;
        }
    }
}

/// The row of the cursor; the cell under it stays as it is.
fn paint_but(canvas: &mut Canvas, y: u16, cell: u16) {
    let style = canvas.style(Role::Cursor);
    canvas.paint(0, y, cell, style);
    let width = canvas.width();
    canvas.paint(cell + 1, y, width.saturating_sub(cell + 1), style);
}

fn draw_step(canvas: &mut Canvas, y: u16, (place, step): (usize, &StepSum), x: u16) {
    let sign = match step {
        step if step.failed > 0 => Sign::Failed,
        step if step.running > 0 && step.act == "approve" => Sign::Blocked,
        step if step.running > 0 => Sign::Running,
        step if step.waiting > 0 => Sign::Waiting,
        step if step.ok > 0 => Sign::Ok,
        _ => Sign::Skipped,
    };
    canvas.text(1, y, role_of(sign), sign.letter());
    let words = format!("{} {}", place + 1, plain(&step.name));
    let end = canvas.clipped(3, y, x.saturating_sub(14), Role::Text, &words);
    canvas.clipped(end + 1, y, x.saturating_sub(end + 2), Role::Dim, &step.act);
    let counts = [
        (step.waiting, Role::Dim, 8),
        (step.running, Role::Running, 8),
        (step.ok, Role::Ok, 9),
        (step.failed, Role::Failed, 8),
    ];
    let mut at = x;
    for (number, role, room) in counts {
        let role = if number == 0 { Role::Dim } else { role };
        canvas.text(at, y, role, &format!("{:>room$}", count(number)));
        at += u16::try_from(room).unwrap_or(0);
    }
    let median = step.median.map_or("-".to_owned(), span);
    canvas.text(at, y, Role::Dim, &format!("{median:>8}"));
}

/// `batches ++++++>.....  7 of 12`; the column after it.
fn draw_batches(canvas: &mut Canvas, y: u16, by_step: &StepsPage, (open, all): (u32, u32)) -> u16 {
    let x = canvas.text(1, y, Role::Dim, "batches") + 1;
    let words = format!("{} of {}", count(open.min(all)), count(by_step.batch_count));
    let room = canvas
        .width()
        .saturating_sub(x + u16::try_from(words.len()).unwrap_or(0) + 3);
    let letters: Vec<char> = by_step.batches.chars().collect();
    // Around the open one, where there are more than fit.
    let here = (open.saturating_sub(1).saturating_sub(by_step.batches_from)) as usize;
    let skip = (here + 2)
        .saturating_sub(usize::from(room))
        .min(letters.len().saturating_sub(usize::from(room)));
    let mut at = x;
    for letter in letters.iter().skip(skip).take(usize::from(room)) {
        let sign = Sign::from_letter(*letter).unwrap_or(Sign::Waiting);
        canvas.letter(at, y, role_of(sign), sign.letter());
        at += 1;
    }
    canvas.text(at + 2, y, Role::Text, &words)
}

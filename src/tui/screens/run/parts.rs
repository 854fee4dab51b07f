//! How the run stands, how long hosts took, what happened; and the whole run in a column.

use super::words::{short, tally};
use crate::run::sign::Sign;
use crate::tui::canvas::{Canvas, cells};
use crate::tui::pane::{Context, role_of};
use crate::tui::standing::{self, done};
use crate::tui::theme::Role;
use crate::tui::words::{count, plain, seconds, span};
use crate::wire::console::GridPage;
use crate::wire::view::RunView;

pub(super) fn draw_head(canvas: &mut Canvas, view: &RunView, context: &Context, whole: bool) {
    let width = canvas.width();
    let until = view.ended.unwrap_or(context.now);
    let (word, because) = standing::head(view, &context.look.zone, context.now);
    let (_, role) = standing::sign(&view.state, view.stand.as_ref());
    let x = canvas.text(1, 0, role, &word);
    let room = width.saturating_sub(x + 2);
    // What a person is asked is said whole, where there is a second row for it.
    let long = because
        .as_ref()
        .filter(|because| because.len() > usize::from(room) && whole);
    if let Some(because) = long {
        canvas.wrapped((x + 1, 0), (room, 2), Role::Text, because);
        draw_tally(canvas, view);
        return;
    }
    let mut words: Vec<String> = because.into_iter().collect();
    let back = view.rolled_back.as_deref();
    words.extend(back.map(|by| format!("rolled back by {}", plain(by))));
    words.extend([
        format!("by {}", plain(&view.starter)),
        context.look.zone.clock(view.created),
        span(seconds(view.created, until)),
    ]);
    if view.ended.is_none() && view.state != "paused" {
        words.extend(view.eta_s.map(|eta| format!("eta {}", span(eta))));
        words.extend(view.rate.map(|rate| format!("{rate:.1} hosts/s")));
    }
    if let Some(whole) = &view.whole {
        words.push(standing::hosts(&view.tally, Some(whole)));
    } else if view.batch.1 > 1 {
        words.push(format!("batch {}/{}", view.batch.0, view.batch.1));
    }
    if let Some(part) = &view.part_of {
        words.push(standing::of_whole(part, canvas.ascii()));
    }
    if !view.targets.is_empty() {
        words.push(format!("on {}", plain(&view.targets)));
    }
    let words = words.join("   ");
    canvas.clipped(x + 1, 0, room, Role::Text, &words);
    if !whole {
        return;
    }
    let total = f64::from(view.tally.total().max(1));
    let share = f64::from(done(&view.tally)) / total;
    let role = if view.tally.failures() > 0 {
        Role::Failed
    } else {
        Role::Ok
    };
    let x = canvas.gauge(1, 1, (width / 2).max(30), share, role);
    let mut words = format!("{:.0}%", share * 100.0);
    if view.whole.is_some() {
        let amount = standing::long_amount(&view.tally, view.whole.as_ref());
        words = format!("{words}   {amount}");
    }
    canvas.clipped(x + 2, 1, width.saturating_sub(x + 3), Role::Text, &words);
    draw_tally(canvas, view);
}

/// How many hosts stand how, on the third row; of a run that is made of runs, its stages.
fn draw_tally(canvas: &mut Canvas, view: &RunView) {
    let width = canvas.width();
    let mut x = 1;
    let counts = tally(view);
    let wide: usize = counts.iter().map(|(_, words)| words.len()).sum();
    let room = usize::from(width).saturating_sub(wide + 1);
    let gap = u16::try_from(room / counts.len().max(1)).map_or(3, |gap| gap.clamp(1, 3));
    for (role, words) in counts {
        x = canvas.text(x, 2, role, &words) + gap;
    }
}

/// Steps, and how long hosts took.
pub(super) fn draw_side(canvas: &mut Canvas, page: &GridPage) {
    let mut y = 0;
    // Beside the steps with their counts they need not stand twice.
    if page.steps.len() > 1 && page.by_step.is_none() {
        canvas.rule(0, "steps", "");
        for step in &page.steps {
            y += 1;
            canvas.clipped(1, y, canvas.width() - 2, Role::Text, &plain(step));
        }
        y += 2;
    }
    let times = &page.times;
    if times.count > 0 {
        canvas.rule(y, "times", "");
        let words = [
            ("hosts", count(times.count)),
            ("least", span(times.least)),
            ("median", span(times.median)),
            ("9 of 10", span(times.p90)),
            ("most", span(times.most)),
        ];
        for (row, (word, value)) in (y + 1..).zip(words) {
            canvas.text(1, row, Role::Dim, word);
            canvas.text(12, row, Role::Text, &value);
        }
        y += 7;
        draw_histogram(canvas, y, page);
        y += u16::try_from(page.times.spans.len()).unwrap_or(0) + 1;
    }
    if !page.slow.is_empty() {
        canvas.rule(y, "longest at work", "");
        for (row, slow) in (y + 1..canvas.height()).zip(&page.slow) {
            let x = canvas.text(1, row, Role::Running, &format!("{:>6}", span(slow.seconds)));
            canvas.clipped(
                x + 1,
                row,
                canvas.width() - x - 2,
                Role::Text,
                &plain(&slow.host),
            );
        }
    }
}

/// A bar for each span of time: how many hosts took so long.
fn draw_histogram(canvas: &mut Canvas, y: u16, page: &GridPage) {
    let times = &page.times;
    let most = times.spans.iter().copied().max().unwrap_or(1).max(1);
    let step = (times.most - times.least) / times.spans.len().max(1) as f64;
    let room = f64::from(canvas.width().saturating_sub(9));
    for (row, (at, number)) in (y..canvas.height()).zip(times.spans.iter().enumerate()) {
        canvas.text(
            1,
            row,
            Role::Dim,
            &format!("{:>6}", span(times.least + step * at as f64)),
        );
        let wide = cells((f64::from(*number) / f64::from(most) * room).ceil());
        let bar = canvas.form("#", "▪").repeat(wide);
        canvas.text(8, row, Role::Accent, &bar);
    }
}

pub(super) fn draw_story(canvas: &mut Canvas, y: u16, page: &GridPage, context: &Context) {
    canvas.rule(y, "what happened", "");
    let rows = usize::from(canvas.height().saturating_sub(y + 1));
    let skip = page.timeline.len().saturating_sub(rows);
    for (row, entry) in (y + 1..).zip(page.timeline.iter().skip(skip)) {
        let when = context.look.zone.moment(entry.at, context.now);
        let x = canvas.text(1, row, Role::Dim, &when);
        let x = canvas.text(x + 2, row, Role::Accent, &plain(&entry.by));
        canvas.clipped(
            x + 2,
            row,
            canvas.width().saturating_sub(x + 3),
            Role::Text,
            &context.look.zone.said(&plain(&entry.what), context.now),
        );
    }
}

/// A run in a column of another screen; how many rows it took.
pub(in crate::tui::screens) fn draw_summary(
    canvas: &mut Canvas,
    page: &GridPage,
    context: &Context,
) -> u16 {
    let view = &page.view;
    let width = canvas.width();
    let (word, _) = standing::head(view, &context.look.zone, context.now);
    let (_, role) = standing::sign(&view.state, view.stand.as_ref());
    let x = canvas.text(0, 0, Role::Title, &format!("RUN {} ", view.run));
    let x = canvas.text(x, 0, role, &word.to_lowercase());
    canvas.clipped(
        x + 2,
        0,
        width.saturating_sub(x + 2),
        Role::Text,
        &plain(&view.title),
    );
    let until = view.ended.unwrap_or(context.now);
    let words = format!(
        "by {}, {}, {}",
        plain(&view.starter),
        context.look.zone.moment(view.created, context.now),
        span(seconds(view.created, until))
    );
    canvas.clipped(0, 1, width, Role::Dim, &words);
    let share = f64::from(done(&view.tally)) / f64::from(view.tally.total().max(1));
    let role = if view.tally.failures() > 0 {
        Role::Failed
    } else {
        Role::Ok
    };
    let x = canvas.gauge(0, 2, width.saturating_sub(8), share, role);
    canvas.text(x + 1, 2, Role::Text, &format!("{:.0}%", share * 100.0));
    if view.whole.is_some() {
        let amount = standing::long_amount(&view.tally, view.whole.as_ref());
        let hosts = standing::hosts(&view.tally, view.whole.as_ref());
        canvas.text(0, 4, Role::Text, &format!("{amount}, {hosts} in all"));
    }
    let mut x = 0;
    for (role, words) in tally(view) {
        x = canvas.text(x, 3, role, &words) + 2;
    }
    let mut y = 5 + u16::from(view.whole.is_some());
    if !page.causes.is_empty() {
        canvas.text(0, y, Role::Title, "CAUSES");
        y += 1;
        for cause in page.causes.iter().take(6) {
            let sign = Sign::of_outcome(&cause.outcome);
            let head = format!(
                "{} {:>5}  {:<11}",
                sign.letter(),
                count(cause.count),
                short(&cause.outcome)
            );
            let x = canvas.text(1, y, role_of(sign), &head);
            let room = width.saturating_sub(x + 2);
            canvas.clipped(x + 2, y, room, Role::Text, &plain(&cause.hosts));
            let room = (width.saturating_sub(10), 3);
            y = canvas.wrapped((10, y + 1), room, Role::Dim, &plain(&cause.line));
        }
    }
    y + 1
}

//! When each batch was at work and what it waited for, as bars over time; and what happened.

use super::RunPane;
use super::parts::draw_story;
use crate::run::ids::At;
use crate::run::spans::{Span, SpanKind};
use crate::tui::canvas::{Canvas, cells};
use crate::tui::pane::Context;
use crate::tui::theme::Role;
use crate::tui::words::{count, plain, seconds, span};
use crate::wire::console::GridPage;

/// Columns before the bars: as many as leave room for the bars.
fn label(width: u16) -> u16 {
    if width < 110 { 34 } else { 64 }
}

impl RunPane {
    pub(super) fn draw_time(&mut self, canvas: &mut Canvas, page: &GridPage, context: &Context) {
        let (width, height) = (canvas.width(), canvas.height());
        let Some(by_step) = &page.by_step else {
            canvas.text(1, 0, Role::Dim, "Asking the engine…");
            return;
        };
        let story = if height >= 12 { (height / 3).max(5) } else { 0 };
        let rows = height.saturating_sub(story + 2).max(1);
        self.spans.fit(by_step.span_count, u32::from(rows));
        if !self.spans_moved {
            self.spans.go(u32::MAX);
        }
        let times = Times::of(page, &by_step.spans, context.now);
        let right = format!(
            "{}-{} of {}",
            count((by_step.spans_from + 1).min(by_step.span_count)),
            count(by_step.spans_from + u32::try_from(by_step.spans.len()).unwrap_or(0)),
            count(by_step.span_count)
        );
        canvas.rule(0, "when each batch was at work", &right);
        let left = label(width);
        let room = width.saturating_sub(left + 2);
        times.draw_scale(canvas, (left, 1), room, context);
        let mut before = None;
        for (place, stretch) in (by_step.spans_from..).zip(&by_step.spans) {
            let at = place
                .checked_sub(self.spans.top)
                .and_then(|y| u16::try_from(y).ok());
            let Some(y) = at.filter(|y| *y < rows) else {
                continue;
            };
            let first = before != Some(stretch.batches.0);
            before = Some(stretch.batches.0);
            draw_label(canvas, y + 2, stretch, first, context.now);
            times.draw_bar(canvas, (left, y + 2), room, stretch);
            if place == self.spans.at && self.spans_moved {
                canvas.text(0, y + 2, Role::Key, ">");
            }
        }
        if story > 0 {
            draw_story(canvas, height - story, page, context);
        }
    }
}

/// The stretch of time that is shown.
pub(super) struct Times {
    from: At,
    until: At,
    now: At,
}

impl Times {
    /// From the first stretch in sight to the end, or to what is expected of it.
    fn of(page: &GridPage, spans: &[Span], now: At) -> Self {
        let view = &page.view;
        let from = spans.iter().map(|span| span.from).min();
        let from = from.unwrap_or(view.created);
        let eta = view.eta_s.filter(|_| view.ended.is_none());
        let ms = |seconds: f64| {
            i64::try_from(
                std::time::Duration::try_from_secs_f64(seconds)
                    .unwrap_or_default()
                    .as_millis(),
            )
            .unwrap_or(0)
        };
        let expected = eta.map(|eta| At(now.0 + ms(eta)));
        let due = spans
            .iter()
            .filter(|span| span.to.is_none())
            .filter_map(|span| span.due);
        let until = view.ended.unwrap_or(now);
        let until = expected.into_iter().chain(due).fold(until, std::cmp::max);
        Self {
            from,
            until: At(until.0.max(from.0 + 1000)),
            now: view.ended.unwrap_or(now),
        }
    }

    pub fn between(from: At, until: At, now: At) -> Self {
        Self {
            from,
            until: At(until.0.max(from.0 + 1000)),
            now,
        }
    }

    fn column(&self, at: At, room: u16) -> u16 {
        let all = seconds(self.from, self.until);
        let share = seconds(self.from, at) / all;
        u16::try_from(cells(share * f64::from(room.saturating_sub(1)))).unwrap_or(room)
    }

    pub fn draw_scale(
        &self,
        canvas: &mut Canvas,
        (x, y): (u16, u16),
        room: u16,
        context: &Context,
    ) {
        let zone = &context.look.zone;
        canvas.text(x, y, Role::Dim, &zone.clock(self.from));
        let end = zone.clock(self.until);
        let width = u16::try_from(end.len()).unwrap_or(0);
        let last = (x + room).saturating_sub(width);
        canvas.text(last, y, Role::Dim, &end);
        let now = self.column(self.now, room);
        if self.now < self.until && now > 12 && x + now + 6 < last {
            canvas.text(x + now, y, Role::Accent, "now");
        }
    }

    /// A bar of this letter from one moment to another.
    pub fn draw_stretch(
        &self,
        canvas: &mut Canvas,
        (x, y): (u16, u16),
        room: u16,
        ((from, until), role, letter): ((At, At), Role, &str),
    ) {
        let (from, to) = (self.column(from, room), self.column(until, room));
        let bar = letter.repeat(usize::from(to.saturating_sub(from)) + 1);
        canvas.text(x + from, y, role, &bar);
    }

    fn draw_bar(&self, canvas: &mut Canvas, (x, y): (u16, u16), room: u16, span: &Span) {
        let until = span.to.unwrap_or(self.now).max(span.from);
        let (from, to) = (self.column(span.from, room), self.column(until, room));
        let (role, letter) = match span.kind {
            SpanKind::Gate if span.failed > 0 => (Role::Failed, "G"),
            SpanKind::Gate => (Role::Accent, "G"),
            SpanKind::Stage | SpanKind::Batch | SpanKind::Step if span.failed > 0 => {
                (Role::Failed, canvas.form("#", "█"))
            }
            SpanKind::Stage | SpanKind::Batch | SpanKind::Step => (Role::Ok, canvas.form("#", "█")),
            SpanKind::Soak | SpanKind::Wait => (Role::Dim, canvas.form(".", "·")),
            SpanKind::Question => (Role::Accent, "?"),
            SpanKind::Pause => (Role::Stderr, "="),
        };
        let bar = letter.repeat(usize::from(to.saturating_sub(from)) + 1);
        let end = canvas.text(x + from, y, role, &bar);
        if span.to.is_none() {
            let mark = canvas.form(">", "▶").to_owned();
            canvas.text(end.saturating_sub(1), y, Role::Running, &mark);
        }
    }
}

fn draw_label(canvas: &mut Canvas, y: u16, stretch: &Span, first: bool, now: At) {
    if first {
        let words = format!("batch {}", count(stretch.batches.0));
        canvas.text(1, y, Role::Text, &words);
    }
    let (word, role) = match stretch.kind {
        SpanKind::Stage | SpanKind::Batch | SpanKind::Step => ("at work", Role::Text),
        SpanKind::Gate => ("gate", Role::Accent),
        SpanKind::Soak => ("soak", Role::Dim),
        SpanKind::Wait => ("waits", Role::Dim),
        SpanKind::Question => ("asks", Role::Accent),
        SpanKind::Pause => ("paused", Role::Stderr),
    };
    canvas.text(12, y, role, word);
    let took = span(seconds(stretch.from, stretch.to.unwrap_or(now)));
    let more = match (stretch.failed, stretch.name.as_str()) {
        (0, name) => plain(name),
        (failed, _) => format!("{} bad", count(failed)),
    };
    canvas.text(20, y, Role::Dim, &format!("{took:>6}"));
    let role = if stretch.failed > 0 {
        Role::Failed
    } else {
        Role::Dim
    };
    let room = label(canvas.width()).saturating_sub(28);
    canvas.clipped(27, y, room, role, &more);
}

//! A picture of a run: a bar a host, from when work on it began to when it ended.

use std::fmt::Write as _;

use super::html::line;
use super::{Report, place, word};
use crate::run::ids::At;
use crate::run::outcome::OutcomeKind;
use crate::wire::view::TaskView;

/// Hosts that get a bar: the bad ones, then those that took longest.
const MOST_BARS: usize = 150;
/// Sizes in the picture's own units.
const ROW: usize = 16;
const LABEL: f64 = 180.0;
const WIDTH: f64 = 900.0;
const HEAD: usize = 22;

/// Appends the picture, or a sentence where there is nothing to draw.
pub fn draw(report: &Report, out: &mut String) {
    let view = &report.detail.view;
    let mut tasks: Vec<&TaskView> = report
        .detail
        .tasks
        .iter()
        .filter(|task| task.began.is_some())
        .collect();
    if tasks.is_empty() {
        out.push_str("<p>No host was worked on.</p>\n");
        return;
    }
    let last = tasks.iter().filter_map(|task| task.finished).max();
    let end = view
        .ended
        .into_iter()
        .chain(last)
        .max()
        .unwrap_or(report.made);
    let span_ms = end.since(view.created).max(1);
    tasks.sort_by_key(|task| (place(task), std::cmp::Reverse(took_ms(task, end))));
    let left_out = tasks.len().saturating_sub(MOST_BARS);
    tasks.truncate(MOST_BARS);

    let height = HEAD + tasks.len() * ROW + 4;
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"hosts over time\" \
         width=\"100%\" viewBox=\"0 0 {WIDTH} {height}\" font-size=\"11\">"
    );
    axis(span_ms, height, out);
    for (row, task) in tasks.iter().enumerate() {
        bar(
            task,
            HEAD + row * ROW,
            &Scale {
                from: view.created,
                end,
                span_ms,
            },
            out,
        );
    }
    out.push_str("</svg>\n");
    if left_out > 0 {
        let _ = writeln!(out, "<p>{left_out} more hosts are not drawn.</p>");
    }
}

/// From times to places.
struct Scale {
    from: At,
    end: At,
    span_ms: u64,
}

impl Scale {
    fn x(&self, at: At) -> f64 {
        let part = at.since(self.from).min(self.span_ms) as f64 / self.span_ms as f64;
        LABEL + part * (WIDTH - LABEL - 90.0)
    }
}

fn took_ms(task: &TaskView, end: At) -> u64 {
    task.began
        .map_or(0, |began| task.finished.unwrap_or(end).since(began))
}

fn axis(span_ms: u64, height: usize, out: &mut String) {
    for part in 0..=4_u32 {
        let x = LABEL + f64::from(part) / 4.0 * (WIDTH - LABEL - 90.0);
        let seconds = span_ms as f64 * f64::from(part) / 4e3;
        let _ = writeln!(
            out,
            "<line x1=\"{x:.1}\" y1=\"{HEAD}\" x2=\"{x:.1}\" y2=\"{height}\" stroke=\"#ccd\"/>\
             <text x=\"{x:.1}\" y=\"14\" text-anchor=\"middle\" fill=\"#556\">{seconds:.1} s</text>"
        );
    }
}

fn bar(task: &TaskView, y: usize, scale: &Scale, out: &mut String) {
    let Some(began) = task.began else {
        return;
    };
    let (from, to) = (scale.x(began), scale.x(task.finished.unwrap_or(scale.end)));
    let width = (to - from).max(1.5);
    let seconds = took_ms(task, scale.end) as f64 / 1e3;
    let label: String = task.host.chars().take(26).collect();
    let (host, label, word) = (line(&task.host), line(&label), line(&word(task)));
    let middle = y + ROW - 5;
    let _ = writeln!(
        out,
        "<g><title>{host}: {word}, {seconds:.1} s</title>\
         <text x=\"{:.1}\" y=\"{middle}\" text-anchor=\"end\" fill=\"#223\">{label}</text>\
         <rect x=\"{from:.1}\" y=\"{}\" width=\"{width:.1}\" height=\"{}\" fill=\"{}\"/>\
         <text x=\"{:.1}\" y=\"{middle}\" fill=\"#223\">{word}</text></g>",
        LABEL - 6.0,
        y + 2,
        ROW - 4,
        colour(task),
        from + width + 4.0,
    );
}

/// Colour only adds: the word stands beside the bar.
fn colour(task: &TaskView) -> &'static str {
    match task
        .outcome
        .as_ref()
        .map(crate::run::outcome::Outcome::kind)
    {
        Some(OutcomeKind::Ok) => "#2da44e",
        Some(OutcomeKind::Failed) => "#cf222e",
        Some(OutcomeKind::Signaled) => "#a40e26",
        Some(OutcomeKind::TimedOut) => "#bf8700",
        Some(OutcomeKind::Unreachable) => "#8250df",
        Some(OutcomeKind::Refused) => "#bc4c00",
        Some(OutcomeKind::InDoubt) => "#d4a72c",
        Some(OutcomeKind::Cancelled | OutcomeKind::Skipped | OutcomeKind::NotStarted) => "#8c959f",
        None => "#54aeff",
    }
}

//! Pictures of a run over its time: a row a batch and step, and a bar a host.

use std::fmt::Write as _;

use super::html::line;
use super::timeline::{counts, ends, seconds, words};
use super::{Report, place, word};
use crate::run::ids::At;
use crate::run::outcome::OutcomeKind;
use crate::run::spans::{Span, SpanKind};
use crate::wire::view::TaskView;

/// Hosts that get a bar: the bad ones, then those that took longest.
const MOST_BARS: usize = 150;
/// Sizes in the picture's own units.
const ROW: usize = 16;
const LABEL: f64 = 180.0;
const WIDTH: f64 = 900.0;
/// Room is left for the words behind a bar.
const BARS: f64 = WIDTH - LABEL - 170.0;
const HEAD: usize = 22;
/// Letters of a label.
const LABEL_LETTERS: usize = 26;

/// Appends a row for each batch, each step in it, and what it stood still for.
pub fn batches(report: &Report, out: &mut String) {
    let spans = &report.detail.spans;
    if spans.is_empty() {
        return;
    }
    let scale = Scale::of(report);
    open("batches and steps over time", spans.len(), &scale, out);
    for (row, span) in spans.iter().enumerate() {
        span_bar(span, row, &scale, out);
    }
    out.push_str("</svg>\n");
}

/// Appends a bar for each host, or a sentence where there is none.
pub fn hosts(report: &Report, out: &mut String) {
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
    let scale = Scale::of(report);
    tasks.sort_by_key(|task| (place(task), std::cmp::Reverse(took_ms(task, scale.end))));
    let left_out = tasks.len().saturating_sub(MOST_BARS);
    tasks.truncate(MOST_BARS);
    open("hosts over time", tasks.len(), &scale, out);
    for (row, task) in tasks.iter().enumerate() {
        host_bar(task, row, &scale, out);
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
    fn of(report: &Report) -> Self {
        let (from, end) = ends(report);
        Self {
            from,
            end,
            span_ms: end.since(from).max(1),
        }
    }

    fn x(&self, at: At) -> f64 {
        let part = at.since(self.from).min(self.span_ms) as f64 / self.span_ms as f64;
        LABEL + part * BARS
    }
}

/// The beginning of a picture of so many rows, with its axis.
fn open(label: &str, rows: usize, scale: &Scale, out: &mut String) {
    let height = HEAD + rows * ROW + 4;
    // Writing to a String cannot fail; the results are dropped for that reason.
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"{label}\" \
         width=\"100%\" viewBox=\"0 0 {WIDTH} {height}\" font-size=\"11\">"
    );
    for part in 0..=4_u32 {
        let x = LABEL + f64::from(part) / 4.0 * BARS;
        let time = seconds(scale.span_ms * u64::from(part) / 4);
        let _ = writeln!(
            out,
            "<line x1=\"{x:.1}\" y1=\"{HEAD}\" x2=\"{x:.1}\" y2=\"{height}\" stroke=\"#ccd\"/>\
             <text x=\"{x:.1}\" y=\"14\" text-anchor=\"middle\" fill=\"#556\">{time}</text>"
        );
    }
}

/// What a bar says and where it is. Its words are foreign; they are escaped here.
struct Bar<'b> {
    row: usize,
    from: At,
    to: At,
    title: String,
    label: &'b str,
    word: String,
    colour: &'static str,
}

fn bar(bar: &Bar<'_>, scale: &Scale, out: &mut String) {
    let (from, to) = (scale.x(bar.from), scale.x(bar.to));
    let width = (to - from).max(1.5);
    let label: String = bar.label.chars().take(LABEL_LETTERS).collect();
    let (title, label, word) = (line(&bar.title), line(&label), line(&bar.word));
    let top = HEAD + bar.row * ROW;
    let middle = top + ROW - 5;
    let _ = writeln!(
        out,
        "<g><title>{title}</title>\
         <text x=\"{:.1}\" y=\"{middle}\" text-anchor=\"end\" fill=\"#223\">{label}</text>\
         <rect x=\"{from:.1}\" y=\"{}\" width=\"{width:.1}\" height=\"{}\" fill=\"{}\"/>\
         <text x=\"{:.1}\" y=\"{middle}\" fill=\"#223\">{word}</text></g>",
        LABEL - 6.0,
        top + 2,
        ROW - 4,
        bar.colour,
        from + width + 4.0,
    );
}

fn span_bar(span: &Span, row: usize, scale: &Scale, out: &mut String) {
    let to = span.to.unwrap_or(scale.end);
    let took = seconds(to.since(span.from));
    let (words, counts) = (words(span), counts(span));
    let bad = span.outcomes.iter().any(|(kind, _)| kind.is_failure());
    let told = Bar {
        row,
        from: span.from,
        to,
        title: format!("{}: {took} {counts}", words.trim_start()),
        label: &words,
        word: if counts.is_empty() { took } else { counts },
        colour: match span.kind {
            SpanKind::Stage | SpanKind::Batch => "#57606a",
            SpanKind::Step | SpanKind::Gate if bad => "#cf222e",
            SpanKind::Step | SpanKind::Gate => "#2da44e",
            SpanKind::Question => "#d4a72c",
            SpanKind::Wait | SpanKind::Soak => "#b6c2cf",
            SpanKind::Pause => "#bc4c00",
        },
    };
    bar(&told, scale, out);
}

fn host_bar(task: &TaskView, row: usize, scale: &Scale, out: &mut String) {
    let Some(began) = task.began else {
        return;
    };
    let word = word(task);
    let took = seconds(took_ms(task, scale.end));
    let told = Bar {
        row,
        from: began,
        to: task.finished.unwrap_or(scale.end),
        title: format!("{}: {word}, {took}", task.host),
        label: &task.host,
        word,
        colour: colour(task),
    };
    bar(&told, scale, out);
}

fn took_ms(task: &TaskView, end: At) -> u64 {
    task.began
        .map_or(0, |began| task.finished.unwrap_or(end).since(began))
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

//! A run's time as text: a row a span, a bar where it lies. For Markdown, and for terminals.

use std::fmt::Write as _;

use super::Report;
use crate::run::ids::At;
use crate::run::neutral::{Policy, neutral};
use crate::run::spans::{Span, SpanKind};

/// Columns of the bars.
const WIDTH: usize = 60;
/// Columns of the words before them.
const WORDS: usize = 34;

/// From times to columns.
struct Scale {
    from: At,
    span_ms: u64,
}

impl Scale {
    fn column(&self, at: At) -> usize {
        let past = at.since(self.from).min(self.span_ms);
        let column = u128::from(past) * (WIDTH as u128) / u128::from(self.span_ms);
        usize::try_from(column).unwrap_or(WIDTH)
    }
}

/// A line a span, each as long as the others; nothing where there is no span.
pub fn lines(report: &Report) -> Vec<String> {
    let spans = &report.detail.spans;
    let (from, to) = ends(report);
    if spans.is_empty() {
        return Vec::new();
    }
    let scale = Scale {
        from,
        span_ms: to.since(from).max(1),
    };
    let head = format!(
        "{:WORDS$} 0 {:>width$}",
        "",
        seconds(to.since(from)),
        width = WIDTH - 2
    );
    let rows = spans.iter().map(|span| row(span, &scale, to));
    std::iter::once(head).chain(rows).collect()
}

/// When a run began, and its end or, while it has none, when the report was made.
pub fn ends(report: &Report) -> (At, At) {
    let view = &report.detail.view;
    let last = report
        .detail
        .tasks
        .iter()
        .filter_map(|task| task.finished)
        .max();
    let end = match view.ended {
        Some(ended) => Some(ended).max(last),
        None => Some(report.made),
    };
    (view.created, end.unwrap_or(report.made))
}

fn row(span: &Span, scale: &Scale, end: At) -> String {
    let to = span.to.unwrap_or(end);
    let (first, last) = (scale.column(span.from), scale.column(to));
    // Something that was is seen.
    let first = first.min(WIDTH - 1);
    let length = last.saturating_sub(first).max(1);
    let bar: String = std::iter::repeat_n(letter(span.kind), length).collect();
    let mut line = String::new();
    // Writing to a String cannot fail.
    let _ = write!(line, "{} {:first$}{bar}", fitted(&words(span)), "");
    let rest = (WORDS + 1 + WIDTH).saturating_sub(line.chars().count());
    let _ = write!(line, "{:rest$} {}", "", seconds(to.since(span.from)));
    let more = counts(span);
    if span.to.is_none() {
        line.push_str(" and on");
    }
    if !more.is_empty() {
        let _ = write!(line, "  {more}");
    }
    line
}

fn letter(kind: SpanKind) -> char {
    match kind {
        SpanKind::Stage | SpanKind::Batch => '#',
        SpanKind::Step => '=',
        SpanKind::Gate => 'G',
        SpanKind::Question => '?',
        SpanKind::Wait | SpanKind::Soak => '.',
        SpanKind::Pause => '|',
    }
}

/// What a span is, in words that are not a host's.
pub fn words(span: &Span) -> String {
    let name = neutral(span.name.as_bytes(), Policy::ONE_LINE);
    match span.kind {
        SpanKind::Stage => format!("stage {name}"),
        SpanKind::Batch => match span.batches {
            (first, last) if first == last => format!("batch {first}"),
            (first, last) => format!("batches {first}-{last}"),
        },
        SpanKind::Step | SpanKind::Gate => format!("  {name}"),
        SpanKind::Question => format!("  {name} asks"),
        SpanKind::Wait => format!("  {name} waits"),
        SpanKind::Soak => "  soak".to_owned(),
        SpanKind::Pause => format!("  paused: {name}"),
    }
}

/// How hosts came out of it: "5 ok, 1 failed".
pub fn counts(span: &Span) -> String {
    let counts = span.outcomes.iter();
    let words: Vec<String> = counts
        .map(|(kind, count)| format!("{count} {}", kind.word()))
        .collect();
    words.join(", ")
}

/// Exactly as many columns.
fn fitted(words: &str) -> String {
    if words.chars().count() <= WORDS {
        return format!("{words:WORDS$}");
    }
    let cut: String = words.chars().take(WORDS - 1).collect();
    format!("{cut}~")
}

/// A length of time, for people.
pub fn seconds(ms: u64) -> String {
    let whole = ms / 1000;
    match whole {
        0..60 => format!("{:.1} s", ms as f64 / 1e3),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
    }
}

//! The report as Markdown. Foreign words stand in code spans and fences that they cannot end.

use std::fmt::Write as _;

use super::{Report, timeline};
use crate::run::neutral::{Policy, neutral};

/// The whole report.
pub fn markdown(report: &Report) -> String {
    let mut out = String::new();
    let view = &report.detail.view;
    // Writing to a String cannot fail; the results are dropped for that reason.
    let _ = writeln!(out, "# Run {}: {}\n", view.run, span(&view.state));
    let _ = writeln!(out, "| | |\n|---|---|");
    for (name, value) in report.facts() {
        let _ = writeln!(out, "| {} | {} |", span(&name), cell(&value));
    }
    let _ = writeln!(out, "\n## Why\n");
    for cause in &report.causes {
        let (by, what) = (span(&cause.by), span(&cause.what));
        let _ = write!(out, "- {} {by} {what}", cause.at.rfc3339());
        let from = cause.origin.as_ref().map(|origin| span(&origin.words()));
        let _ = writeln!(
            out,
            "{}",
            from.map_or_else(String::new, |from| format!(", from {from}"))
        );
    }
    let _ = writeln!(
        out,
        "\n## Outcomes\n\n| outcome | hosts | which | |\n|---|---|---|---|"
    );
    for group in report.outcomes() {
        let detail = group.detail.as_deref().map_or_else(String::new, cell);
        let (word, hosts) = (cell(&group.word), cell(&group.hosts));
        let _ = writeln!(out, "| {word} | {} | {hosts} | {detail} |", group.count);
    }
    let _ = writeln!(out, "\n## Timeline\n");
    let bars = timeline::lines(report).join("\n");
    if !bars.is_empty() {
        fenced(&bars, &mut out);
    }
    for entry in &report.detail.timeline {
        let (by, what) = (span(&entry.by), span(&entry.what));
        let _ = writeln!(out, "- {} {by} {what}", entry.at.rfc3339());
    }
    outputs(report, &mut out);
    let _ = writeln!(out, "\n## Notes\n");
    for (at, by, words) in report.notes() {
        let _ = writeln!(out, "- {} {}: {}", at.rfc3339(), span(by), span(words));
    }
    let _ = writeln!(
        out,
        "\nMade {} by conn {}.",
        report.made.rfc3339(),
        env!("CARGO_PKG_VERSION")
    );
    out
}

fn outputs(report: &Report, out: &mut String) {
    let _ = writeln!(out, "\n## Output\n");
    for folded in &report.outputs {
        let group = &folded.group;
        let hosts = crate::inventory::fold(group.hosts.iter().map(String::as_str));
        let outcome = group
            .outcome
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        let step = report
            .step_of(group)
            .map_or_else(String::new, |step| format!("{}: ", span(step)));
        let _ = writeln!(
            out,
            "### {step}{} ({}) {}\n",
            span(&hosts),
            group.hosts.len(),
            span(&outcome)
        );
        fenced(&folded.excerpt.text, out);
    }
    if report.outputs_left_out > 0 {
        let _ = writeln!(
            out,
            "{} more groups are not shown.\n",
            report.outputs_left_out
        );
    }
}

/// A block around foreign text, with a fence that it cannot end.
fn fenced(text: &str, out: &mut String) {
    let fence = "`".repeat(longest_run(text, '`').max(2) + 1);
    let end = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let _ = writeln!(out, "{fence}text\n{text}{end}{fence}\n");
}

/// A code span around foreign words: longer backticks than any in it.
fn span(text: &str) -> String {
    let text = neutral(text.as_bytes(), Policy::ONE_LINE);
    if text.is_empty() {
        return String::new();
    }
    let ticks = "`".repeat(longest_run(&text, '`') + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// A code span in a table, where a bar ends a cell even inside one.
fn cell(text: &str) -> String {
    span(&text.replace('|', "¦"))
}

fn longest_run(text: &str, wanted: char) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for letter in text.chars() {
        run = if letter == wanted { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::super::html::tests::{HOSTILE, report};
    use super::*;

    #[test]
    fn no_text_of_a_host_ends_its_fence() {
        let text = format!("a\n```\n# not a heading\n````\n{HOSTILE}");
        let out = markdown(&report(&text));
        let fence = out.lines().find(|line| line.ends_with("`text")).unwrap();
        let fence = fence.trim_end_matches("text");
        assert_eq!(fence.len(), 5);
        let lines = |wanted: &str| out.lines().filter(|line| *line == wanted).count();
        let begun = lines(&format!("{fence}text"));
        assert_eq!(lines(fence), begun, "only our own lines end it");
    }

    #[test]
    fn a_span_holds_backticks_and_shows_control_characters() {
        assert_eq!(span("a`b``c"), "```a`b``c```");
        assert_eq!(span("`"), "`` ` ``");
        assert_eq!(span("a\nb\u{1b}[2J"), "`a^Jb^[[2J`");
        assert_eq!(cell("a|b"), "`a¦b`");
    }
}

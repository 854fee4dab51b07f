//! The report as one HTML file that loads nothing. Whatever is not ours is escaped where it enters.

use std::fmt::Write as _;

use super::Report;
use super::gantt;
use crate::run::neutral::{Policy, neutral};

/// No script, no image, no frame, no form, nothing from elsewhere: also if an escape were missed.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
     form-action 'none'";

const STYLE: &str = "body{font:14px/1.45 sans-serif;margin:2em auto;max-width:70em;padding:0 1em;\
     color:#1b1f24;background:#fff}table{border-collapse:collapse}td,th{border:1px solid #ccd;\
     padding:.2em .6em;text-align:left;vertical-align:top}pre{background:#f4f5f7;padding:.6em;\
     overflow:auto;max-height:40em}code,pre,svg text{font-family:monospace}summary{cursor:pointer}\
     .bad{color:#a40e26}.ok{color:#116329}@media(prefers-color-scheme:dark){body{color:#dde;\
     background:#15181c}pre{background:#20242a}td,th{border-color:#444}.bad{color:#ff8f8f}\
     .ok{color:#7ee2a8}svg{background:#fff}}";

/// The whole report.
pub fn html(report: &Report) -> String {
    let view = &report.detail.view;
    let title = format!("Run {}: {}", view.run, line(&view.state));
    let mut out = String::new();
    // Writing to a String cannot fail; the results are dropped for that reason.
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    facts(report, &mut out);
    causes(report, &mut out);
    outcomes(report, &mut out);
    timeline(report, &mut out);
    outputs(report, &mut out);
    notes(report, &mut out);
    let made = report.made.rfc3339();
    let version = env!("CARGO_PKG_VERSION");
    let _ = writeln!(
        out,
        "<p>Made {made} by conn {version}.</p>\n</body>\n</html>"
    );
    out
}

fn facts(report: &Report, out: &mut String) {
    out.push_str("<table>\n");
    for (name, value) in report.facts() {
        let (name, value) = (line(&name), block(&value));
        let _ = writeln!(out, "<tr><th>{name}</th><td><code>{value}</code></td></tr>");
    }
    out.push_str("</table>\n");
}

fn causes(report: &Report, out: &mut String) {
    out.push_str("<h2>Why</h2>\n<ul>\n");
    for cause in &report.causes {
        let (at, by, what) = (cause.at.rfc3339(), line(&cause.by), line(&cause.what));
        let from = cause.origin.as_ref().map_or_else(String::new, |origin| {
            format!(", from {}", line(&origin.words()))
        });
        let _ = writeln!(out, "<li>{at} {by} <code>{what}</code>{from}</li>");
    }
    out.push_str("</ul>\n");
}

fn outcomes(report: &Report, out: &mut String) {
    out.push_str("<h2>Outcomes</h2>\n<table>\n<tr><th>outcome</th><th>hosts</th><th>which</th><th></th></tr>\n");
    for group in report.outcomes() {
        let class = if group.word == "ok" { "ok" } else { "bad" };
        let (word, hosts) = (line(&group.word), line(&group.hosts));
        let detail = group.detail.as_deref().map_or_else(String::new, line);
        let _ = writeln!(
            out,
            "<tr><td class=\"{class}\">{word}</td><td>{}</td><td><code>{hosts}</code></td><td>{detail}</td></tr>",
            group.count
        );
    }
    out.push_str("</table>\n");
}

fn timeline(report: &Report, out: &mut String) {
    out.push_str("<h2>Timeline</h2>\n");
    gantt::batches(report, out);
    gantt::hosts(report, out);
    out.push_str("<table>\n");
    for entry in &report.detail.timeline {
        let (at, by, what) = (entry.at.rfc3339(), line(&entry.by), line(&entry.what));
        let _ = writeln!(out, "<tr><td>{at}</td><td>{by}</td><td>{what}</td></tr>");
    }
    out.push_str("</table>\n");
}

fn outputs(report: &Report, out: &mut String) {
    out.push_str("<h2>Output</h2>\n");
    for folded in &report.outputs {
        let group = &folded.group;
        let hosts = line(&crate::inventory::fold(
            group.hosts.iter().map(String::as_str),
        ));
        let outcome = group
            .outcome
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        let (outcome, text) = (line(&outcome), block(&folded.excerpt.text));
        let step = report
            .step_of(group)
            .map_or_else(String::new, |step| format!("{}: ", line(step)));
        let _ = writeln!(
            out,
            "<details open>\n<summary>{step}<code>{hosts}</code> ({}) {outcome}</summary>\n<pre>{text}</pre>\n</details>",
            group.hosts.len()
        );
    }
    if report.outputs_left_out > 0 {
        let _ = writeln!(
            out,
            "<p>{} more groups are not shown.</p>",
            report.outputs_left_out
        );
    }
}

fn notes(report: &Report, out: &mut String) {
    out.push_str("<h2>Notes</h2>\n<ul>\n");
    for (at, by, words) in report.notes() {
        let _ = writeln!(
            out,
            "<li>{} {}: {}</li>",
            at.rfc3339(),
            line(by),
            line(words)
        );
    }
    out.push_str("</ul>\n");
}

/// Foreign words on one line.
pub fn line(text: &str) -> String {
    escape(&neutral(text.as_bytes(), Policy::ONE_LINE))
}

/// Foreign text with its line ends.
fn block(text: &str) -> String {
    escape(&neutral(text.as_bytes(), Policy::LINES))
}

/// Text that is markup nowhere: not in an element, not in an attribute.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
pub mod tests {
    use std::collections::BTreeMap;

    use super::super::{Excerpt, Folded};
    use super::*;
    use crate::run::event::OutputSum;
    use crate::run::ids::{At, RunId};
    use crate::run::outcome::{Outcome, OutcomeKind};
    use crate::run::phases::Phases;
    use crate::run::spans::{Span, SpanKind};
    use crate::wire::view::{FlowLine, OutputGroup, RunDetail, RunView, TaskView, TimelineEntry};

    /// What a host might say to a reader's browser.
    pub const HOSTILE: &str = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>\n\
        \"' onload='x' &lt;b&gt; ]]> <!-- --> \u{202e}evil\u{200b}\u{1b}]0;t\u{7}\u{0}\n";

    /// A report with this text wherever a text can be.
    pub fn report(text: &str) -> Report {
        let task = |ix: u32, outcome| TaskView {
            host: format!("{text}{ix}"),
            ix,
            step: text.to_owned(),
            attempts: 1,
            outcome: Some(outcome),
            standing: "done".to_owned(),
            detail: Some(text.to_owned()),
            phases: Phases::default(),
            output: OutputSum::default(),
            began: Some(At(1000 * i64::from(ix))),
            finished: Some(At(1000 * i64::from(ix) + 700)),
        };
        let view = RunView {
            run: RunId(7),
            title: text.to_owned(),
            targets: text.to_owned(),
            state: text.to_owned(),
            starter: text.to_owned(),
            holder: Some(text.to_owned()),
            because: Some(text.to_owned()),
            created: At(0),
            ended: Some(At(3000)),
            ..RunView::default()
        };
        let entry = |what: String| TimelineEntry {
            at: At(5),
            by: text.to_owned(),
            what,
        };
        Report {
            detail: RunDetail {
                view,
                digest: text.to_owned(),
                flow: Some(FlowLine {
                    name: text.to_owned(),
                    version: 3,
                    digest: text.to_owned(),
                }),
                batches: vec![2],
                steps: vec![text.to_owned()],
                params: BTreeMap::from([(text.to_owned(), text.to_owned())]),
                tasks: vec![
                    task(1, Outcome::Unreachable),
                    task(2, Outcome::Signaled(text.to_owned())),
                    task(3, Outcome::Ok),
                ],
                timeline: vec![entry(format!("note: {text}"))],
                spans: vec![Span {
                    name: text.to_owned(),
                    to: Some(At(900)),
                    outcomes: vec![(OutcomeKind::Failed, 2)],
                    ..Span::new(SpanKind::Step, (1, 1), At(0))
                }],
            },
            causes: Vec::new(),
            outputs: vec![Folded {
                group: OutputGroup {
                    hosts: vec![text.to_owned()],
                    outcome: Some(Outcome::Ok),
                    detail: None,
                    output: OutputSum::default(),
                    step: 0,
                    attempt: 1,
                },
                excerpt: Excerpt {
                    text: text.to_owned(),
                    left_out: 0,
                },
            }],
            outputs_left_out: 0,
            made: At(4000),
        }
    }

    /// Every tag of the text, by what stands between `<` and `>`.
    fn tags(html: &str) -> Vec<&str> {
        html.split('<')
            .skip(1)
            .map(|rest| rest.split('>').next().unwrap())
            .collect()
    }

    #[test]
    fn hostile_text_brings_no_tag_no_attribute_and_no_control_character() {
        let (tame, hostile) = (html(&report("tame")), html(&report(HOSTILE)));
        let kinds = |html: &str| -> Vec<String> {
            let name = |tag: &&str| tag.split([' ', '\n']).next().unwrap().to_owned();
            tags(html).iter().map(name).collect()
        };
        assert_eq!(
            kinds(&tame),
            kinds(&hostile),
            "the same tags in the same order"
        );
        assert!(!hostile.contains("<script"));
        assert!(hostile.contains("&lt;script&gt;alert(1)"));
        let odd = |letter: char| crate::run::neutral::is_hazard(letter) && letter != '\n';
        assert_eq!(hostile.chars().find(|letter| odd(*letter)), None);
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        let html = html(&report("x"));
        for word in ["http://", "https://", "src=", "href=", "url(", "@import"] {
            assert!(
                !html
                    .replace("http://www.w3.org/2000/svg", "")
                    .contains(word),
                "{word}"
            );
        }
        assert!(html.contains(POLICY));
    }
}

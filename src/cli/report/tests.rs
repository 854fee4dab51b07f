//! Whole reports as they are printed.

use std::collections::BTreeMap;

use super::{Excerpt, Folded, Report, html, markdown};
use crate::run::cause::{Cause, CauseKind, Origin};
use crate::run::event::OutputSum;
use crate::run::ids::{At, RunId};
use crate::run::outcome::{Outcome, OutcomeKind};
use crate::run::phases::Phases;
use crate::run::spans::{Span, SpanKind};
use crate::run::tally::Tally;
use crate::wire::view::{FlowLine, OutputGroup, RunDetail, RunView, TaskView, TimelineEntry};

/// 2026-07-01T00:00:00Z.
const START: i64 = 1_782_864_000_000;

fn at(seconds: i64) -> At {
    At(START + seconds * 1000)
}

fn task(ix: u32, host: &str, outcome: Option<Outcome>, from: i64, to: i64) -> TaskView {
    TaskView {
        host: host.to_owned(),
        ix,
        step: "confirm".to_owned(),
        attempts: 1,
        standing: if outcome.is_some() { "done" } else { "running" }.to_owned(),
        finished: outcome.is_some().then(|| at(to)),
        outcome,
        detail: None,
        phases: Phases::default(),
        output: OutputSum::default(),
        began: Some(at(from)),
    }
}

fn span(kind: SpanKind, name: &str, batch: u32, from: i64, to: i64) -> Span {
    let outcomes = match kind {
        SpanKind::Step => vec![(OutcomeKind::Ok, 1), (OutcomeKind::Failed, batch - 1)],
        _ => Vec::new(),
    };
    Span {
        name: name.to_owned(),
        to: Some(at(to)),
        outcomes: outcomes
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .collect(),
        ..Span::new(kind, (batch, batch), at(from))
    }
}

fn output(step: u16, host: &str, text: &str) -> Folded {
    Folded {
        group: OutputGroup {
            hosts: vec![host.to_owned()],
            outcome: Some(Outcome::Ok),
            detail: None,
            output: OutputSum::default(),
            step,
            attempt: 1,
        },
        excerpt: Excerpt {
            text: text.to_owned(),
            left_out: 0,
        },
    }
}

/// A flow over three hosts in two batches, with a question, a soak and a pause.
fn rollout() -> Report {
    let said = |seconds, by: &str, what: &str| TimelineEntry {
        at: at(seconds),
        by: by.to_owned(),
        what: what.to_owned(),
    };
    let view = RunView {
        run: RunId(12),
        kind: "flow".to_owned(),
        title: "UpgradeRegionServer version=2.4.18".to_owned(),
        targets: "rs[01-03]".to_owned(),
        state: "failed".to_owned(),
        tally: Tally::default(),
        starter: "kim".to_owned(),
        holder: Some("lee".to_owned()),
        created: at(0),
        ended: Some(at(120)),
        ..RunView::default()
    };
    Report {
        detail: RunDetail {
            view,
            digest: "f".repeat(64),
            flow: Some(FlowLine {
                name: "UpgradeRegionServer".to_owned(),
                version: 3,
                digest: "a".repeat(64),
            }),
            batches: vec![1, 2],
            steps: ["install", "look", "confirm"].map(str::to_owned).to_vec(),
            params: BTreeMap::from([
                ("token".to_owned(), "secret:galaxy".to_owned()),
                ("version".to_owned(), "2.4.18".to_owned()),
            ]),
            tasks: vec![
                task(0, "rs01", Some(Outcome::Ok), 0, 40),
                task(1, "rs02", Some(Outcome::Ok), 70, 90),
                task(2, "rs03", Some(Outcome::Failed(3)), 70, 119),
            ],
            timeline: vec![
                said(0, "kim", "started on 3 hosts"),
                said(20, "conn", "\"look\" asks for a yes"),
                said(30, "lee", "approved ffffffffffff…: looks well"),
                said(100, "lee", "note: rs03 has a bad disk | see #42"),
                said(120, "conn", "ended: failed"),
            ],
            spans: vec![
                span(SpanKind::Batch, "", 1, 0, 40),
                span(SpanKind::Step, "install", 1, 0, 20),
                span(SpanKind::Question, "look", 1, 20, 30),
                span(SpanKind::Step, "confirm", 1, 30, 40),
                span(SpanKind::Soak, "", 1, 40, 70),
                span(SpanKind::Batch, "", 2, 70, 119),
                span(SpanKind::Step, "install", 2, 70, 119),
                span(
                    SpanKind::Pause,
                    "1 failures, more than max_failures 0",
                    2,
                    90,
                    110,
                ),
            ],
        },
        causes: vec![Cause {
            kind: CauseKind::Person,
            run: None,
            at: at(0),
            by: "kim".to_owned(),
            what: "UpgradeRegionServer version=2.4.18".to_owned(),
            origin: None::<Origin>,
        }],
        outputs: vec![
            output(0, "rs01", "build=7\n"),
            output(0, "rs03", "no space left | on <device> `x`\n"),
        ],
        outputs_left_out: 0,
        made: at(200),
    }
}

/// Without what is another in each version.
fn settled(text: &str) -> String {
    text.replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

#[test]
fn a_rollout_as_markdown() {
    insta::assert_snapshot!(settled(&markdown::markdown(&rollout())));
}

#[test]
fn a_rollout_as_html() {
    insta::assert_snapshot!(settled(&html::html(&rollout())));
}

#[test]
fn a_run_that_goes_on_is_told_up_to_now() {
    let mut report = rollout();
    report.detail.view.ended = None;
    report.detail.tasks[2] = task(2, "rs03", None, 70, 0);
    report.detail.spans.truncate(7);
    for span in &mut report.detail.spans[5..] {
        span.to = None;
    }
    let text = markdown::markdown(&report);
    assert!(
        text.contains("130.0 s") || text.contains("2 min 10 s and on"),
        "{text}"
    );
}

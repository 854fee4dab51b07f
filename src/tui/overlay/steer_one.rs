//! The sheets about one host, one step or one stage.

use super::Sheet;
use crate::run::ids::RunId;
use crate::tui::words::{clip, count, counted, plain};
use crate::wire::Request;
use crate::wire::request::Steer;
use crate::wire::view::{RunView, StageView};

fn request(run: RunId, act: Steer) -> Request {
    Request::Steer { run, act }
}

/// Asks what became of a host in doubt: three ways out.
pub(in crate::tui) fn settle_sheet(view: &RunView, host: &str, detail: Option<&str>) -> Sheet {
    let run = view.run;
    let way = |verdict: &str, title: &str, happens: &str, way: &str| {
        let act = Steer::Settle {
            host: host.to_owned(),
            step: None,
            verdict: verdict.to_owned(),
        };
        let said = format!("{} of run {run} settled: {verdict}", plain(host));
        Sheet::new(
            format!("{title}   {} of run {run}", plain(host)),
            request(run, act),
            said,
        )
        .row(
            "in doubt",
            detail.unwrap_or("nobody knows whether it did its work"),
        )
        .row("what happens", happens)
        .row("look first", "Esc, then Enter on the host: what it wrote")
        .way(way)
    };
    let ok = way(
        "ok",
        "IT DID ITS WORK",
        "it counts as ok, and goes on with the step behind this one",
        "it did its work: ok",
    );
    let failed = way(
        "failed",
        "IT FAILED",
        "it counts as failed, and may be retried later",
        "it did not: failed",
    );
    let again = way(
        "retry",
        "DO IT AGAIN",
        "the step is done once more, whether or not it was done before",
        "do the step again: retry",
    );
    // The first is what leaves most open.
    failed.or(ok).or(again)
}

/// Asks whether a host shall be left out, or the step it stands at on every host.
pub(in crate::tui) fn skip_one_sheet(view: &RunView, host: &str, step: &str) -> Sheet {
    let run = view.run;
    let (host_words, step_words) = (plain(host), plain(step));
    let act = Steer::Skip {
        hosts: host.to_owned(),
    };
    let of_host = Sheet::new(
        format!("SKIP HOST {host_words} OF RUN {run}"),
        request(run, act),
        format!("{host_words} of run {run} skipped"),
    )
    .row(
        "what happens",
        format!("{host_words} is left out for good, if it waits"),
    )
    .row("not if", "it is at work, or ended: then it stays as it is")
    .way(format!("the host {host_words}"));
    let act = Steer::SkipStep {
        step: step.to_owned(),
    };
    let of_step = Sheet::new(
        format!("SKIP STEP {step_words} OF RUN {run}"),
        request(run, act),
        format!("step {step_words} of run {run} is left out"),
    )
    .row(
        "what happens",
        format!("no host that has not done {step_words} does it: each goes on behind it"),
    )
    .row("left behind", "hosts that did it already stay as they are")
    .way(format!(
        "the step {step_words}, on every host that has not done it"
    ))
    .wide(view.tally.total());
    of_host.or(of_step)
}

/// Asks whether a stage shall be left out: all of it, for however many items it is done.
pub(in crate::tui) fn skip_stage_sheet(view: &RunView, stage: &StageView) -> Sheet {
    let run = view.run;
    let name = plain(&stage.stage);
    let act = Steer::SkipStep {
        step: stage.stage.clone(),
    };
    let of_stage = || {
        let stages = view.stages.iter();
        stages.filter(|other| other.stage == stage.stage)
    };
    // One at work may fail before the answer, and is left out then as well.
    let hosts = of_stage().map(|stage| stage.tally.total()).sum();
    let sheet = Sheet::new(
        format!("SKIP STAGE {name} OF RUN {run}"),
        request(run, act),
        format!("stage {name} of run {run} is left out"),
    )
    .row(
        "what happens",
        format!("what of {name} has not begun, or failed, is left out for good"),
    );
    let sheet = match of_stage().count() {
        0 | 1 => sheet,
        items => sheet.row(
            "items",
            format!(
                "{} of {} are left out: {}",
                count(of_stage().filter(|stage| is_left(stage)).count() as u64),
                counted(items as u64, "item"),
                left_out(of_stage())
            ),
        ),
    };
    sheet
        .row("hosts", counted(hosts, "host"))
        .row(
            "behind it",
            "what needs this stage goes on as if it had gone well",
        )
        .row(
            "instead",
            "Enter opens its run: K there leaves out hosts or a step of it",
        )
        .wide(hosts)
}

/// Whether a stage that is left out now leaves this out.
fn is_left(stage: &StageView) -> bool {
    let left = ["waiting", "failed", "aborted", "inconclusive"];
    left.contains(&stage.state.as_str())
}

/// The items that are left out, as many as a sheet has room for.
fn left_out<'a>(stages: impl Iterator<Item = &'a StageView>) -> String {
    let items: Vec<String> = stages
        .filter(|stage| is_left(stage))
        .filter_map(|stage| stage.item.as_deref().map(plain))
        .collect();
    clip(&items.join(", "), 240, true)
}

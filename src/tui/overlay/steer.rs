//! The sheets that ask before a run is steered.

use super::Sheet;
use crate::run::ids::RunId;
use crate::run::outcome::OutcomeKind;
use crate::tui::pane::is_of_flow;
use crate::tui::words::{clip, count, counted, plain};
use crate::wire::Request;
use crate::wire::console::Picked;
use crate::wire::request::Steer;
use crate::wire::view::RunView;

/// Asks whether hosts that did not end well shall start again: those that were picked, or all.
///
/// `Tab` turns to those alone that ended in one way.
pub(in crate::tui) fn retry_sheet(view: &RunView, picked: Option<&Picked>) -> Sheet {
    let bad: Vec<(OutcomeKind, u32)> = view
        .tally
        .outcomes()
        .filter(|(kind, _)| kind.is_failure() && *kind != OutcomeKind::InDoubt)
        .collect();
    let again = to_retry(view, &[]);
    if picked.is_some() {
        return retry(view, picked, (None, again));
    }
    let never = view
        .tally
        .outcomes()
        .filter(|(kind, _)| matches!(kind, OutcomeKind::NotStarted | OutcomeKind::Cancelled));
    // One way alone is the same as all of them.
    let bad = bad.into_iter().filter(|(_, count)| *count < again);
    let mut ways = bad.chain(never).map(|(kind, number)| {
        let words = format!("only those that are {}: {}", kind.word(), count(number));
        retry(view, None, (Some(kind), number)).way(words)
    });
    let first = if again > 0 { None } else { ways.next() };
    let all = || retry(view, None, (None, again)).way("all that did not end well");
    let first = first.unwrap_or_else(all);
    ways.fold(first, Sheet::or)
}

/// Hosts that start again: those that ended so, or without a word for it all that failed.
pub(in crate::tui) fn to_retry(view: &RunView, only: &[OutcomeKind]) -> u32 {
    let again = |kind: OutcomeKind| match only {
        [] => kind.is_failure() && kind != OutcomeKind::InDoubt,
        only => only.contains(&kind),
    };
    let outcomes = view.tally.outcomes().filter(|(kind, _)| again(*kind));
    outcomes.map(|(_, count)| count).sum()
}

/// One way to retry: all outcomes, or this one, with their number.
fn retry(
    view: &RunView,
    picked: Option<&Picked>,
    (only, again): (Option<OutcomeKind>, u32),
) -> Sheet {
    let request = Request::Steer {
        run: view.run,
        act: Steer::Retry {
            only: only.into_iter().collect(),
            hosts: picked.map_or_else(String::new, |picked| picked.folded.clone()),
            shown: Some(picked.map_or(again, chosen)),
        },
    };
    let paused = view.ended.is_none() && view.state == "paused";
    let bad = match only {
        Some(kind) => format!("that are {}", kind.word()),
        None => "that did not end well".to_owned(),
    };
    let (words, shown) = match picked {
        None => (counted(again, "host"), again),
        Some(picked) => {
            let chosen = chosen(picked);
            let words = format!("those of {} chosen", counted(chosen, "host"));
            (words, chosen.min(again))
        }
    };
    Sheet::new(
        format!("RETRY RUN {}   {}", view.run, plain(&view.title)),
        request,
        if paused {
            format!("{words} start again when run {} goes on: c", view.run)
        } else {
            format!("{words} of run {} started again", view.run)
        },
    )
    .row(
        "what happens",
        if paused {
            format!("started again when the run goes on, with c: {words} {bad}")
        } else {
            format!("started again: {words} {bad}")
        },
    )
    .row(
        "hosts",
        match (picked, view.whole.is_some()) {
            (Some(picked), _) => named(picked),
            (None, false) => "all of them".to_owned(),
            (None, true) => "all of them, in every run it is made of".to_owned(),
        },
    )
    .row(
        "not these",
        "hosts in doubt: settle them first. Hosts that are ok stay as they are",
    )
    .row(
        if is_of_flow(&view.kind) {
            "flow"
        } else {
            "command"
        },
        &view.title,
    )
    .wide(shown)
}

/// Asks whether hosts shall be left out.
pub(in crate::tui) fn skip_sheet((run, title): (RunId, &str), picked: &Picked) -> Sheet {
    let words = counted(chosen(picked), "host");
    let request = Request::Steer {
        run,
        act: Steer::Skip {
            hosts: picked.folded.clone(),
        },
    };
    Sheet::new(
        format!("SKIP HOSTS OF RUN {run}   {}", plain(title)),
        request,
        format!("hosts of run {run} skipped"),
    )
    .row(
        "what happens",
        format!("those of {words} chosen that wait are left out for good"),
    )
    .row("hosts", named(picked))
    .row(
        "not these",
        "hosts at work, and those that ended: they stay as they are",
    )
    .wide(chosen(picked))
}

/// Asks whether a run that asks shall go on.
pub(in crate::tui) fn approve_sheet(view: &RunView) -> Sheet {
    let request = Request::Steer {
        run: view.run,
        act: Steer::Approve {
            reason: "from the console".to_owned(),
            asked: view.asks.first().copied(),
        },
    };
    Sheet::new(
        format!("APPROVE RUN {}   {}", view.run, plain(&view.title)),
        request,
        format!("run {} approved", view.run),
    )
    .row("asked", view.because.as_deref().unwrap_or_default())
    .row(
        "what happens",
        match (&view.whole, &view.stand) {
            (Some(whole), Some(stand)) => format!(
                "{} begins; {}",
                plain(stand.stage.as_deref().unwrap_or("the next stage")),
                whole.words()
            ),
            _ => format!(
                "batch {} of {} goes on with its next step, on {}",
                view.batch.0,
                view.batch.1,
                plain(&view.targets)
            ),
        },
    )
    .row("who", format!("started by {}", plain(&view.starter)))
    .wide(view.whole.map_or(view.tally.total(), |whole| whole.hosts))
}

/// Asks whether a run that asks shall end.
pub(in crate::tui) fn reject_sheet(view: &RunView) -> Sheet {
    let request = Request::Steer {
        run: view.run,
        act: Steer::Reject {
            reason: "from the console".to_owned(),
            asked: view.asks.first().copied(),
        },
    };
    Sheet::new(
        format!("REJECT RUN {}   {}", view.run, plain(&view.title)),
        request,
        format!("run {} rejected", view.run),
    )
    .row("asked", view.because.as_deref().unwrap_or_default())
    .row(
        "what happens",
        "the run is aborted: no host goes on, and what waits never starts",
    )
    .row("who", format!("started by {}", plain(&view.starter)))
}

/// The hosts, as many as a sheet has room for.
fn named(picked: &Picked) -> String {
    clip(&plain(&picked.folded), 240, true)
}

fn chosen(picked: &Picked) -> u32 {
    u32::try_from(picked.hosts.len()).unwrap_or(u32::MAX)
}

/// Asks whether a run shall go on when what stands still is the run that it is part of.
pub(in crate::tui) fn resume_sheet(whole: RunId, part: &RunView) -> Sheet {
    let request = Request::Steer {
        run: whole,
        act: Steer::Resume,
    };
    Sheet::new(
        format!("LET RUN {whole} GO ON"),
        request,
        format!("run {whole} goes on"),
    )
    .row(
        "why",
        format!(
            "run {} is part of run {whole}, which is paused: it goes on with that alone",
            part.run
        ),
    )
    .row(
        "what happens",
        format!("run {whole} goes on, with everything in it that no person paused"),
    )
}

/// Asks whether a run shall be aborted; `Tab` turns to when its open batch has ended.
pub(in crate::tui) fn abort_sheet(view: &RunView, people: &str) -> Sheet {
    let now = abort_now(view, people).way("now: what runs is cancelled");
    let (open, all) = view.batch;
    // The last batch that is open is all there is.
    if view.whole.is_some() || open >= all || view.abort_after.is_some() {
        return now;
    }
    let never = match all - open {
        1 => "the batch behind it never begins".to_owned(),
        rest => format!("the {} batches behind it never begin", count(rest)),
    };
    let request = Request::Steer {
        run: view.run,
        act: Steer::AbortAfterBatch {
            reason: "from the console".to_owned(),
        },
    };
    let title = format!(
        "ABORT RUN {} AFTER ITS BATCH   {}",
        view.run,
        plain(&view.title)
    );
    let said = format!("run {} is aborted when batch {open} has ended", view.run);
    let after = Sheet::new(title, request, said)
        .row(
            "what happens",
            format!("batch {open} of {all} goes on to its end, then the run is aborted"),
        )
        .row("", never)
        .row("left behind", "nothing is cancelled on a host")
        .row(
            "who",
            format!("started by {}; {people}", plain(&view.starter)),
        )
        .typed(view.run.to_string(), "the run's number")
        .way(format!(
            "when batch {open} of {all} has ended: nothing is cancelled"
        ));
    now.or(after)
}

fn abort_now(view: &RunView, people: &str) -> Sheet {
    let tally = &view.tally;
    let waiting = tally.waiting + tally.held + tally.parked;
    let request = Request::Steer {
        run: view.run,
        act: Steer::Abort {
            reason: "from the console".to_owned(),
        },
    };
    Sheet::new(
        format!("ABORT RUN {}   {}", view.run, plain(&view.title)),
        request,
        format!("run {} aborted", view.run),
    )
    .row(
        "what happens",
        match tally.busy() {
            0 => "no host is at work".to_owned(),
            busy => format!(
                "{} at work: the command gets a signal, and is killed 10 s later",
                counted(busy, "host")
            ),
        },
    )
    .row(
        "",
        format!("{} that wait never start", counted(waiting, "host")),
    )
    .row(
        "",
        format!(
            "{} that ended stay as they are",
            counted(tally.ended_all(), "host")
        ),
    )
    .row(
        "left behind",
        "whatever the command had done on the hosts at work",
    )
    .row(
        "who",
        format!("started by {}; {people}", plain(&view.starter)),
    )
    .row(
        "instead",
        if view.state == "paused" {
            "it is paused: nothing starts as long as nobody lets it go on".to_owned()
        } else {
            format!(
                "p pauses: what runs is finished ({}), no more starts",
                count(tally.busy())
            )
        },
    )
    .typed(view.run.to_string(), "the run's number")
}

/// Asks whether what a run did shall be undone: on the hosts that were picked, or on all.
pub(in crate::tui) fn roll_back_sheet(
    view: &RunView,
    picked: Option<&Picked>,
    people: Option<&str>,
) -> Sheet {
    let request = Request::Steer {
        run: view.run,
        act: Steer::Rollback {
            reason: "from the console".to_owned(),
            hosts: picked.map_or_else(String::new, |picked| picked.folded.clone()),
        },
    };
    let of_others = match view.ended {
        None => "hosts at work end their step first; no host goes forward any more",
        Some(_) => "the run goes on, backwards only",
    };
    Sheet::new(
        format!("ROLL BACK RUN {}   {}", view.run, plain(&view.title)),
        request,
        format!("run {} is rolled back", view.run),
    )
    .row(
        "what happens",
        "each host undoes the steps that began on it and have a rollback command, the last first",
    )
    .row("", of_others)
    .row("hosts", picked.map_or_else(|| plain(&view.targets), named))
    .row(
        "left behind",
        "what steps without a rollback command did, and hosts in doubt: settle them first",
    )
    .row(
        "who",
        match people {
            Some(people) => format!("started by {}; {people}", plain(&view.starter)),
            None => format!("started by {}", plain(&view.starter)),
        },
    )
    .row(
        "instead",
        "X aborts: nothing more starts, and nothing is undone",
    )
    .typed(view.run.to_string(), "the run's number")
}

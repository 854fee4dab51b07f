//! The sheets that ask before a run is steered.

use super::Sheet;
use crate::tui::pane::is_of_flow;
use crate::tui::words::{clip, count, counted, plain};
use crate::wire::Request;
use crate::wire::console::Picked;
use crate::wire::request::Steer;
use crate::wire::view::RunView;

/// Asks whether hosts that did not end well shall start again: those that were picked, or all.
pub(in crate::tui) fn retry_sheet(view: &RunView, picked: Option<&Picked>) -> Sheet {
    let again: u32 = view
        .tally
        .outcomes()
        .filter(|(kind, _)| kind.is_failure() && *kind != crate::run::outcome::OutcomeKind::InDoubt)
        .map(|(_, count)| count)
        .sum();
    let request = Request::Steer {
        run: view.run,
        act: Steer::Retry {
            only: Vec::new(),
            hosts: picked.map_or_else(String::new, |picked| picked.folded.clone()),
        },
    };
    let paused = view.ended.is_none() && view.state == "paused";
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
            format!("started again when the run goes on, with c: {words} that did not end well")
        } else {
            format!("started again: {words} that did not end well")
        },
    )
    .row(
        "hosts",
        picked.map_or_else(|| "all of them".to_owned(), named),
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
pub(in crate::tui) fn skip_sheet(view: &RunView, picked: &Picked) -> Sheet {
    let words = counted(chosen(picked), "host");
    let request = Request::Steer {
        run: view.run,
        act: Steer::Skip {
            hosts: picked.folded.clone(),
        },
    };
    Sheet::new(
        format!("SKIP HOSTS OF RUN {}   {}", view.run, plain(&view.title)),
        request,
        format!("hosts of run {} skipped", view.run),
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
        format!(
            "batch {} of {} goes on with its next step, on {}",
            view.batch.0,
            view.batch.1,
            plain(&view.targets)
        ),
    )
    .row("who", format!("started by {}", plain(&view.starter)))
}

/// Asks whether a run that asks shall end.
pub(in crate::tui) fn reject_sheet(view: &RunView) -> Sheet {
    let request = Request::Steer {
        run: view.run,
        act: Steer::Reject {
            reason: "from the console".to_owned(),
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

/// Asks whether a run shall be aborted.
pub(in crate::tui) fn abort_sheet(view: &RunView, people: &str) -> Sheet {
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

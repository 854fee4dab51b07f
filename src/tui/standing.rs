//! How a run stands, in the words that every list and head of the console has for it.

use super::pane::run_sign;
use super::theme::Role;
use super::words::{count, counted, plain, seconds, span};
use super::zone::Zone;
use crate::run::ids::At;
use crate::run::outcome::OutcomeKind;
use crate::run::tally::Tally;
use crate::wire::standing::{Stand, Whole};
use crate::wire::view::{PartOf, RunLine, RunView};

/// The sign of a run: of its state, or of time that passes.
pub(super) fn sign(state: &str, stand: Option<&Stand>) -> (&'static str, Role) {
    match stand {
        Some(stand) if passes(stand) => (".", Role::Waiting),
        Some(_) => run_sign("waiting"),
        None => run_sign(state),
    }
}

/// What it waits for in a list: `soaking, 9m00s left`, `waiting for approval (lead)`.
pub(super) fn waits(stand: &Stand, now: At) -> String {
    let words = match &stand.held {
        Some(held) => format!("waiting for hosts of run {}", held.run),
        None => stand.words(),
    };
    match stand.until.filter(|_| passes(stand)) {
        Some(until) => format!("{words}, {} left", span(seconds(now, until))),
        None => words,
    }
}

/// What it waits for in its head: the word of its state, and the rest of the sentence.
pub(super) fn head(view: &RunView, zone: &Zone, now: At) -> (String, Option<String>) {
    let because = view.because.as_deref();
    let because = because.map(|because| zone.said(&plain(because), now));
    let Some(stand) = &view.stand else {
        let stands = matches!(view.state.as_str(), "paused" | "waiting");
        // The word stands before it.
        let why = because.filter(|_| stands);
        let why = why.map(|why| why.strip_prefix("paused ").unwrap_or(&why).to_owned());
        return (view.state.to_uppercase(), why);
    };
    let stage = stand.stage.as_deref();
    let stage = stage.map_or_else(String::new, |stage| format!("{}: ", plain(stage)));
    if passes(stand) {
        let word = if stand.what == "soak" {
            "SOAKING"
        } else {
            "WAITING"
        };
        let left = stand.until.map(|until| span(seconds(now, until)));
        return (
            word.to_owned(),
            left.map(|left| format!("{stage}{left} left")),
        );
    }
    let full = stand.full_words();
    let full = full.strip_prefix(stage.as_str()).unwrap_or(&full);
    let full = full.strip_prefix("waiting ").unwrap_or(full);
    let until = stand.until.map_or_else(String::new, |until| {
        let about = if stand.is_guess() { "about " } else { "" };
        format!(" until {about}{}", zone.short(until, now))
    });
    let words = match because.filter(|_| stand.held.is_none()) {
        Some(because) => format!("{full}{until}: {because}"),
        None => format!("{stage}{full}{until}"),
    };
    ("WAITING".to_owned(), Some(words))
}

/// Whether it, or a part of it, asks for a person's yes.
pub(super) fn asks(view: &RunView) -> bool {
    let stands = view.stand.as_ref().map(|stand| stand.what.as_str());
    [view.waits_for.as_deref(), stands].contains(&Some("approval"))
}

/// How much of it is done: hosts, or the stages of one that is made of runs.
pub(super) fn amount(tally: &Tally, whole: Option<&Whole>) -> String {
    match whole {
        Some(whole) => whole.words(),
        None => format!("{}/{}", count(done(tally)), count(tally.total())),
    }
}

/// The same, with the hosts of the stages at work beside the stages.
pub(super) fn long_amount(tally: &Tally, whole: Option<&Whole>) -> String {
    match whole {
        Some(at) if at.at_work > 0 => {
            let hosts = format!("{}/{}", count(at.done), count(at.at_work));
            format!("{}  {hosts} hosts", at.words())
        }
        _ => amount(tally, whole),
    }
}

/// What did not end well: `12 of 40 hosts failed`; a host may have failed in several stages.
pub(super) fn failed(tally: &Tally, whole: Option<&Whole>) -> String {
    let number = tally.failures();
    match whole {
        Some(_) => counted(number, "failure"),
        None => format!("{} of {} hosts failed", count(number), count(tally.total())),
    }
}

/// The hosts of a run.
pub(super) fn hosts(tally: &Tally, whole: Option<&Whole>) -> String {
    counted(whole.map_or(tally.total(), |whole| whole.hosts), "host")
}

/// Hosts that did what there was to do, well or not: those that an abort left out did not.
pub(super) fn done(tally: &Tally) -> u32 {
    let left_out = [OutcomeKind::NotStarted, OutcomeKind::Cancelled]
        .map(|kind| tally.ended(kind))
        .iter()
        .sum();
    tally.ended_all().saturating_sub(left_out)
}

/// What a run is part of: `‹FlightingUpdate 12›`.
pub(super) fn part(part: &PartOf, ascii: bool) -> String {
    let (open, close) = if ascii { ("<", ">") } else { ("‹", "›") };
    let of = plain(&part.of);
    let of = if of.is_empty() { "run" } else { of.as_str() };
    format!("{open}{of} {}{close}", part.run)
}

/// What a part does in its whole: its stage, or that stage's gate; before its title.
pub(super) fn stage(part: &PartOf) -> String {
    let name = place(part);
    if name.is_empty() {
        name
    } else {
        format!("{name}: ")
    }
}

/// The same, with its whole: `canary of ‹FlightingUpdate 12›`.
pub(super) fn of_whole(of: &PartOf, ascii: bool) -> String {
    let (name, whole) = (place(of), part(of, ascii));
    if name.is_empty() {
        format!("part of {whole}")
    } else {
        format!("{name} of {whole}")
    }
}

fn place(part: &PartOf) -> String {
    match (part.gate, part.name.as_str()) {
        (_, "") => String::new(),
        (true, name) => format!("gate of {}", plain(name)),
        (false, name) => plain(name),
    }
}

/// An open run as a line of the list.
pub(super) fn line_of(view: &RunView) -> RunLine {
    RunLine {
        run: view.run,
        kind: view.kind.clone(),
        title: view.title.clone(),
        targets: view.targets.clone(),
        state: view.state.clone(),
        waits_for: view.waits_for.clone(),
        starter: view.starter.clone(),
        holder: view.holder.clone(),
        created: view.created,
        ended: view.ended,
        tally: view.tally.clone(),
        acked: None,
        part_of: view.part_of.clone(),
        whole: view.whole,
        stand: view.stand.clone(),
    }
}

/// Whether only time is waited for.
fn passes(stand: &Stand) -> bool {
    matches!(stand.what.as_str(), "soak" | "wait")
}

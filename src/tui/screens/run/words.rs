//! Tasks and runs in few words.

use crate::run::sign::Sign;
use crate::tui::pane::{Context, role_of};
use crate::tui::theme::Role;
use crate::tui::words::{count, counted, plain, seconds, span};
use crate::wire::view::{RunView, StageView, TaskView};

/// An outcome in a few letters: `rc 100`, `timed out`.
pub(super) fn short(outcome: &crate::run::outcome::Outcome) -> String {
    use crate::run::outcome::Outcome;
    match outcome {
        Outcome::Failed(code) => format!("rc {code}"),
        Outcome::Signaled(name) => format!("SIG{name}"),
        other => Sign::of_outcome(other).word().to_owned(),
    }
}

/// How a task stands, in a few letters.
pub(in crate::tui::screens) fn how(task: &TaskView) -> String {
    match &task.outcome {
        Some(outcome) => short(outcome),
        None => plain(&task.standing),
    }
}

pub(super) fn took(task: &TaskView, context: &Context) -> String {
    match (task.began, task.finished) {
        (Some(began), Some(finished)) => span(seconds(began, finished)),
        (Some(began), None) => span(seconds(began, context.now)),
        _ => "-".to_owned(),
    }
}

/// Where the time of connecting went.
pub(in crate::tui::screens) fn phases(task: &TaskView) -> String {
    let phases = &task.phases;
    let named = [
        ("resolve", phases.resolve),
        ("tcp", phases.tcp),
        ("kex", phases.kex),
        ("auth", phases.auth),
        ("open", phases.open),
        ("first byte", phases.first_byte),
        ("run", phases.run),
    ];
    let words: Vec<String> = named
        .into_iter()
        .filter_map(|(word, time)| Some(format!("{word} {:.2}s", time?)))
        .collect();
    words.join("  ")
}

/// How many hosts stand how.
pub(in crate::tui::screens) fn counts(view: &RunView) -> String {
    tally(view)
        .into_iter()
        .fold(String::new(), |all, (_, words)| {
            if all.is_empty() {
                words
            } else {
                format!("{all}   {words}")
            }
        })
}

pub(super) fn tally(view: &RunView) -> Vec<(Role, String)> {
    if view.whole.is_some() && !view.stages.is_empty() {
        return of_stages(view);
    }
    let tally = &view.tally;
    let busy = [
        (Sign::Running, tally.busy()),
        (Sign::Blocked, tally.held + tally.parked),
        (Sign::Waiting, tally.waiting),
    ];
    let ended = tally
        .outcomes()
        .map(|(kind, count)| (Sign::of_kind(kind), count));
    let ended: Vec<(Sign, u32)> = ended.collect();
    let ok = ended.iter().filter(|(sign, _)| *sign == Sign::Ok).copied();
    let bad = ended.iter().filter(|(sign, _)| *sign != Sign::Ok).copied();
    ok.chain(busy.into_iter().filter(|(_, count)| *count > 0))
        .chain(bad)
        .map(|(sign, number)| {
            // Hosts that did not let us in and hosts that we did not trust are counted together.
            let (letter, word) = if matches!(sign, Sign::HostKey | Sign::Auth) {
                ("K/A", "refused")
            } else {
                (sign.letter(), sign.word())
            };
            (role_of(sign), format!("{letter} {} {word}", count(number)))
        })
        .collect()
}

/// How many stages stand how, and what went wrong on their hosts.
fn of_stages(view: &RunView) -> Vec<(Role, String)> {
    let mut words = vec![(Role::Dim, "stages".to_owned())];
    for word in STAGE_WORDS {
        let mut stages = view.stages.iter();
        let first = stages.find(|stage| stage_word(stage) == *word);
        if let Some(first) = first {
            let sign = stage_sign(first);
            let number = 1 + stages.filter(|stage| stage_word(stage) == *word).count();
            let words_of = format!("{} {} {word}", sign.letter(), count(number as u64));
            words.push((role_of(sign), words_of));
        }
    }
    let bad = view.tally.failures();
    if bad > 0 {
        words.push((Role::Failed, counted(bad, "host failure")));
    }
    words
}

/// The words of stages, in the order they are counted.
const STAGE_WORDS: &[&str] = &[
    "succeeded",
    "running",
    "gate",
    "soaking",
    "waits",
    "asks",
    "paused",
    "failed",
    "inconclusive",
    "aborted",
    "waiting",
    "skipped",
    "not started",
];

/// Where a stage stands, in a word: that of the run that stands still, when it is at work by it.
pub(super) fn stage_word(stage: &StageView) -> String {
    if stage.state == "running" {
        let of_stand = stage.stand.as_ref().map(|stand| match stand.what.as_str() {
            "soak" => "soaking",
            "approval" => "asks",
            _ => "waits",
        });
        let of_run = match stage.run_state.as_deref() {
            Some("paused") => Some("paused"),
            Some("waiting") => Some("waits"),
            _ => None,
        };
        if let Some(word) = of_stand.or(of_run) {
            return word.to_owned();
        }
    }
    stage.state.replace('_', " ")
}

pub(super) fn stage_sign(stage: &StageView) -> Sign {
    match stage_word(stage).as_str() {
        "paused" | "waits" | "asks" => Sign::Blocked,
        "running" | "gate" | "soaking" => Sign::Running,
        "succeeded" => Sign::Ok,
        "failed" => Sign::Failed,
        "inconclusive" => Sign::InDoubt,
        "aborted" => Sign::Cancelled,
        "skipped" => Sign::Skipped,
        "not started" => Sign::NotStarted,
        _ => Sign::Waiting,
    }
}

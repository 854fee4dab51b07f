//! What needs a person, of all that happens.

use crate::run::ids::{At, RunId};
use crate::run::outcome::OutcomeKind;
use crate::tui::standing;
use crate::tui::theme::Role;
use crate::tui::words::{counted, plain, span};
use crate::wire::console::Overview;
use crate::wire::view::{PartOf, RunLine, RunView};

/// A failed run needs somebody for so long after its end, in milliseconds; one in doubt always.
const FRESH_MS: i64 = 3_600_000;

/// Something that needs a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct Need {
    pub sign: &'static str,
    pub role: Role,
    pub word: &'static str,
    pub since: At,
    pub run: RunId,
    pub title: String,
    pub what: String,
}

/// What needs a person, the oldest first.
pub(in crate::tui) fn needs(overview: &Overview, now: At, you: &str) -> Vec<Need> {
    let open = overview
        .open
        .iter()
        .filter_map(|run| Some((run.part_of.as_ref(), open_need(run, overview, you)?)));
    let ended = overview
        .ended
        .iter()
        .filter_map(|run| Some((run.part_of.as_ref(), ended_need(run, now)?)));
    let all: Vec<(Option<&PartOf>, Need)> = open.chain(ended).collect();
    let acked = |whole: RunId| {
        let mut ended = overview.ended.iter();
        ended.any(|run| run.run == whole && run.acked.is_some())
    };
    // What a run is part of says the same of it, and is what to act on.
    let told = |part: &PartOf, need: &Need| {
        let mut others = all.iter().map(|(_, other)| other);
        let same = |other: &Need| other.word == need.word || need.word == "FAIL";
        acked(part.run) || others.any(|other| other.run == part.run && same(other))
    };
    let mut needs: Vec<Need> = all
        .iter()
        .filter(|(part, need)| part.is_none_or(|part| !told(part, need)))
        .map(|(_, need)| need.clone())
        .collect();
    needs.sort_by_key(|need| need.since);
    needs
}

fn open_need(run: &RunView, overview: &Overview, you: &str) -> Option<Need> {
    let need = |sign, role, word, what: String| {
        Some(Need {
            sign,
            role,
            word,
            since: run.created,
            run: run.run,
            title: plain(&run.title),
            what: plain(&what),
        })
    };
    if let Some((by, _)) = &run.asked_by
        && run.holder.as_deref() == Some(you)
    {
        return need(
            "@",
            Role::InDoubt,
            "ASKED",
            format!("{by} asks for the conn"),
        );
    }
    if run.state == "paused" {
        let why = run.because.as_deref().unwrap_or_default();
        // The word stands before it.
        let why = why.strip_prefix("paused ").unwrap_or(why);
        return need("@", Role::Accent, "PAUSED", why.to_owned());
    }
    // A stage may ask while others are at work.
    if run.state == "waiting" || run.waits_for.as_deref() == Some("approval") {
        let why = run.because.clone().or_else(|| run.waits_for.clone());
        // Hosts that a run at work holds are free before long, and need nobody.
        if !waits_for_work(run, overview) {
            return need("@", Role::Accent, "WAITS", why.unwrap_or_default());
        }
    }
    if run.tally.ended(OutcomeKind::InDoubt) > 0 {
        let count = counted(run.tally.ended(OutcomeKind::InDoubt), "host");
        return need(
            "?",
            Role::InDoubt,
            "DOUBT",
            format!("nobody knows how {count} ended"),
        );
    }
    if run.tally.failures() > 0 {
        let what = standing::failed(&run.tally, run.whole.as_ref());
        return need("X", Role::Failed, "FAIL", what);
    }
    if let Some(silent) = run.silent.first() {
        let what = format!("{} silent for {}", silent.host, span(silent.seconds));
        return need("~", Role::Unreachable, "SILENT", what);
    }
    None
}

/// Whether it waits for hosts of a run that goes on.
fn waits_for_work(run: &RunView, overview: &Overview) -> bool {
    let held = run.stand.as_ref().and_then(|stand| stand.held.as_ref());
    let holder = held.and_then(|held| overview.open.iter().find(|open| open.run == held.run));
    holder.is_some_and(|holder| !matches!(holder.state.as_str(), "paused" | "waiting"))
}

fn ended_need(run: &RunLine, now: At) -> Option<Need> {
    let ended = run.ended.filter(|_| run.acked.is_none())?;
    let doubt = run.tally.ended(OutcomeKind::InDoubt);
    let failed = run.tally.failures();
    let (sign, role, word, what) = if doubt > 0 {
        let what = format!("nobody knows how {} ended", counted(doubt, "host"));
        ("?", Role::InDoubt, "DOUBT", what)
    } else if failed > 0 && now.0 - ended.0 < FRESH_MS {
        let what = standing::failed(&run.tally, run.whole.as_ref());
        ("X", Role::Failed, "FAIL", what)
    } else {
        return None;
    };
    Some(Need {
        sign,
        role,
        word,
        since: ended,
        run: run.run,
        title: plain(&run.title),
        what,
    })
}

//! The live line: one line at the bottom of a terminal that says how a run goes.

use std::io::Write;
use std::time::Duration;

use super::print::one_line;
use super::terminal;
use crate::wire::view::RunView;

/// Draws over itself; wiped before other output is printed.
pub struct Progress {
    enabled: bool,
    drawn: bool,
}

impl Progress {
    /// A live line, or none.
    pub fn new(enabled: bool) -> Self {
        Self {
            enabled,
            drawn: false,
        }
    }

    /// Draws the run as it stands.
    pub fn draw(&mut self, view: &RunView) {
        if !self.enabled {
            return;
        }
        let text: String = one_line(&line(view))
            .chars()
            .take(terminal::columns().saturating_sub(1))
            .collect();
        Self::write(&format!("\r\x1b[K{text}"));
        self.drawn = true;
    }

    /// Takes the line away.
    pub fn wipe(&mut self) {
        if self.drawn {
            Self::write("\r\x1b[K");
            self.drawn = false;
        }
    }

    fn write(text: &str) {
        let mut out = std::io::stderr().lock();
        // A terminal that is gone is noticed where output matters.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

/// Counts by outcome, rate, time left, and who is still at work when few are.
pub fn line(view: &RunView) -> String {
    let mut parts = vec![format!("run {} {}  {}", view.run, view.state, amount(view))];
    if let Some(stand) = &view.stand {
        parts.push(stand.words());
    }
    // Those of a run that is made of runs would count a host in every stage.
    let outcomes = view.tally.outcomes().filter(|_| view.whole.is_none());
    parts.extend(outcomes.map(|(kind, count)| format!("{count} {}", kind.word())));
    let mut standing = |count: u32, word: &str| {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    };
    standing(view.tally.running, "running");
    standing(view.tally.reattaching, "reattaching");
    standing(view.tally.parked, "wait for a credential");
    standing(view.tally.held, "wait for a lease");
    if let Some(rate) = view.rate {
        parts.push(format!("{rate:.1}/s"));
    }
    if let Some(eta) = view.eta_s.filter(|eta| *eta >= 1.0) {
        parts.push(format!("eta {}", short_time(eta)));
    }
    if !view.laggards.is_empty() {
        let names: Vec<String> = view
            .laggards
            .iter()
            .map(|host| format!("{} {} {}", host.host, host.stage, short_time(host.seconds)))
            .collect();
        parts.push(format!("waiting for {}", names.join(", ")));
    }
    parts.join("  ")
}

fn amount(view: &RunView) -> String {
    match &view.whole {
        Some(whole) if whole.at_work > 0 => {
            format!("{}, {}/{} hosts", whole.words(), whole.done, whole.at_work)
        }
        Some(whole) => whole.words(),
        None => format!("{}/{}", view.tally.ended_all(), view.tally.total()),
    }
}

/// Seconds as `7s`, `3m05s` or `2h10m`.
pub fn short_time(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds.max(0.0)).map_or(0, |time| time.as_secs());
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s:02}s"),
        (h, m, _) => format!("{h}h{m:02}m"),
    }
}

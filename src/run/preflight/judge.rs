//! From facts to findings: what a person must know before a window.

use serde::{Deserialize, Serialize};

use super::facts::{Facts, Space, short};
use super::{FACTS_STEP, RUN_AS_STEP};
use crate::run::outcome::{Outcome, RefusedBy};

/// Used percent from which a file system is a worry, and from which it is trouble.
const NEARLY_FULL: u8 = 90;
const FULL: u8 = 95;
/// Seconds that clocks may differ: less cannot be told from a slow line.
const SKEW_S: f64 = 2.0;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Work on this host will fail, or should not begin.
    Bad,
    /// Look at it first.
    Warn,
    /// Good to know.
    Note,
    /// As it should be.
    Ok,
}

impl Level {
    /// The word shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Warn => "warn",
            Self::Note => "note",
            Self::Ok => "ok",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// How bad.
    pub level: Level,
    /// What was looked at: `reach`, `host key`, `auth`, `run-as`, `disk`, …
    pub what: String,
    /// What was found; the same words on hosts with the same trouble.
    pub found: String,
}

/// What is judged.
#[derive(Debug, Clone, Copy)]
pub struct Checked<'a> {
    /// How the host's task ended, if it did.
    pub outcome: Option<&'a Outcome>,
    /// A sentence about that.
    pub detail: Option<&'a str>,
    /// The step it ended in.
    pub step: &'a str,
    /// What it said of itself.
    pub facts: &'a Facts,
}

/// The findings, worst first.
pub fn judge(checked: Checked<'_>) -> Vec<Finding> {
    let mut findings = way_in(checked);
    let reached = findings.iter().all(|finding| finding.level == Level::Ok);
    if reached {
        findings.extend(user(checked));
        findings.extend(machine(checked.facts));
    }
    findings.sort();
    findings
}

fn finding(level: Level, what: &str, found: impl Into<String>) -> Finding {
    Finding {
        level,
        what: what.to_owned(),
        found: found.into(),
    }
}

/// Reach, host key and auth: each is what the others were passed through to get to.
fn way_in(checked: Checked<'_>) -> Vec<Finding> {
    let ok = |what| finding(Level::Ok, what, "ok");
    let bad = |what| {
        let found = checked
            .detail
            .map_or_else(|| "no reason given".to_owned(), short);
        finding(Level::Bad, what, found)
    };
    match checked.outcome {
        Some(Outcome::Unreachable) => vec![bad("reach")],
        Some(Outcome::Refused(RefusedBy::HostKey)) => vec![ok("reach"), bad("host key")],
        Some(Outcome::Refused(RefusedBy::Auth)) => {
            vec![ok("reach"), ok("host key"), bad("auth")]
        }
        Some(Outcome::Cancelled | Outcome::NotStarted | Outcome::Skipped) | None => {
            vec![finding(Level::Warn, "reach", "not checked")]
        }
        Some(_) => vec![ok("reach"), ok("host key"), ok("auth")],
    }
}

fn user(checked: Checked<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(run_as) = &checked.facts.run_as {
        let what = format!("run-as {}", run_as.user);
        findings.push(match (&run_as.why, run_as.ok) {
            (_, true) => finding(Level::Ok, &what, "ok"),
            (Some(why), false) => finding(Level::Bad, &what, why.clone()),
            (None, false) => finding(Level::Bad, &what, "refused without a word"),
        });
    } else if checked.facts.sudo == Some(false) {
        findings.push(finding(Level::Note, "run-as", "no root by sudo -n"));
    } else if checked.facts.sudo == Some(true) {
        findings.push(finding(Level::Ok, "run-as", "ok"));
    }
    let well = matches!(checked.outcome, Some(Outcome::Ok));
    // A run-as that was refused has been told above, with the host's own words.
    let told = checked.step == RUN_AS_STEP && checked.facts.run_as.is_some();
    if !well && !told {
        let step = if checked.step.is_empty() {
            FACTS_STEP
        } else {
            checked.step
        };
        let outcome = checked
            .outcome
            .map_or_else(String::new, ToString::to_string);
        findings.push(finding(Level::Bad, "checks", format!("{step}: {outcome}")));
    } else if !checked.facts.complete {
        findings.push(finding(Level::Warn, "checks", "the answer was cut short"));
    }
    findings
}

fn machine(facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![clock(facts.clock_skew_s)];
    findings.extend(spaces("disk", &facts.disks));
    findings.extend(spaces("inodes", &facts.inodes));
    if !facts.mounts_known {
        findings.push(finding(
            Level::Note,
            "read-only",
            "unknown: no /proc/mounts",
        ));
    } else if facts.read_only.is_empty() {
        findings.push(finding(Level::Ok, "read-only", "ok"));
    }
    findings.extend(facts.read_only.iter().map(|place| {
        let level = if place == "/" {
            Level::Bad
        } else {
            Level::Warn
        };
        finding(level, "read-only", format!("{place} is mounted read-only"))
    }));
    findings
}

fn clock(skew_s: Option<f64>) -> Finding {
    match skew_s {
        None => finding(
            Level::Note,
            "clock",
            "unknown: date +%s said nothing of use",
        ),
        Some(skew) if skew.abs() <= SKEW_S => finding(Level::Ok, "clock", "ok"),
        Some(skew) => {
            let way = if skew > 0.0 { "ahead" } else { "behind" };
            finding(Level::Warn, "clock", format!("{} {way}", rough(skew.abs())))
        }
    }
}

/// So rough that hosts with the same trouble read the same.
fn rough(seconds: f64) -> String {
    match seconds {
        s if s < 60.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} days", s / 86_400.0),
    }
}

fn spaces(what: &str, spaces: &[Space]) -> Vec<Finding> {
    let full = spaces
        .iter()
        .filter(|space| space.used_percent >= NEARLY_FULL);
    let mut findings: Vec<Finding> = full
        .map(|space| {
            let (level, mark) = if space.used_percent >= FULL {
                (Level::Bad, FULL)
            } else {
                (Level::Warn, NEARLY_FULL)
            };
            finding(
                level,
                what,
                format!("{} is {mark}% full or more", space.mount),
            )
        })
        .collect();
    if findings.is_empty() {
        findings.push(if spaces.is_empty() {
            finding(Level::Note, what, "unknown: df said nothing of use")
        } else {
            finding(Level::Ok, what, "ok")
        });
    }
    findings
}

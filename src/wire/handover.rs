//! What the next shift must know.

use serde::{Deserialize, Serialize};

use super::view::{AuditView, RunLine};

/// The state of things at a change of shift.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Handover {
    /// Runs that have not ended, or have a host in doubt.
    pub open: Vec<HandoverRun>,
    /// Runs that ended badly since the moment asked for, newest first.
    pub failed: Vec<HandoverRun>,
    /// How many more ended badly than are listed.
    pub failed_more: u32,
    /// Runs that ended well since then.
    pub succeeded: u32,
    /// What people wrote down, oldest first.
    pub notes: Vec<AuditView>,
    /// Who is here now.
    pub people: Vec<String>,
}

/// A run, and the hosts that need somebody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HandoverRun {
    /// The run.
    pub line: RunLine,
    /// Why it stands still, or who ended it.
    #[serde(default)]
    pub because: Option<String>,
    /// Who asks for its conn.
    #[serde(default)]
    pub asked_by: Option<String>,
    /// Its hosts that are not ok, by how they stand.
    pub hosts: Vec<HostsStanding>,
}

/// Hosts that stand alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HostsStanding {
    /// The outcome, or where they stand: `running`, `parked`, `held`, …
    pub standing: String,
    /// A sentence, where they share one.
    #[serde(default)]
    pub detail: Option<String>,
    /// The hosts, in the order of the run.
    pub hosts: Vec<String>,
}

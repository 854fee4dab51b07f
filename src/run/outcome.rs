//! What became of one attempt of one step on one host.
//!
//! The ten words of the design are told apart everywhere: in the journal, on screen, in JSON and
//! in exit codes. Nothing else may stand for the end of a task.

use serde::{Deserialize, Serialize};

/// Why a host or its guard would not let us in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedBy {
    /// No credential that was offered was accepted.
    Auth,
    /// The host key is unknown, changed, revoked or its certificate is not valid here.
    HostKey,
}

/// The end of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The completion record arrived and met the success rule.
    Ok,
    /// The command ended by itself with this exit status.
    Failed(u32),
    /// The command was killed by this signal, named without `SIG`.
    Signaled(String),
    /// The step's time ran out; the process is known to be gone.
    TimedOut,
    /// No SSH connection could be made, or none was left before the command started.
    Unreachable,
    /// The host could be reached, but trust failed on one side.
    Refused(RefusedBy),
    /// Stopped on request; the process is known to be gone, or was never started.
    Cancelled,
    /// It may have run, may be running, or may have ended: nobody knows until a person looks.
    InDoubt,
    /// Left out on purpose.
    Skipped,
    /// The run ended before its turn came.
    NotStarted,
}

/// [`Outcome`] without its details: what is counted, filtered and coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// See [`Outcome::Ok`].
    Ok,
    /// See [`Outcome::Failed`].
    Failed,
    /// See [`Outcome::Signaled`].
    Signaled,
    /// See [`Outcome::TimedOut`].
    TimedOut,
    /// See [`Outcome::Unreachable`].
    Unreachable,
    /// See [`Outcome::Refused`].
    Refused,
    /// See [`Outcome::Cancelled`].
    Cancelled,
    /// See [`Outcome::InDoubt`].
    InDoubt,
    /// See [`Outcome::Skipped`].
    Skipped,
    /// See [`Outcome::NotStarted`].
    NotStarted,
}

impl OutcomeKind {
    /// All kinds, in the order summaries list them.
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::Failed,
        Self::Signaled,
        Self::TimedOut,
        Self::Unreachable,
        Self::Refused,
        Self::Cancelled,
        Self::InDoubt,
        Self::Skipped,
        Self::NotStarted,
    ];

    /// The word of the contracts, as in JSON and `--only`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Signaled => "signaled",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
            Self::InDoubt => "in_doubt",
            Self::Skipped => "skipped",
            Self::NotStarted => "not_started",
        }
    }

    /// The kind that [`word`](Self::word) names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether this counts toward `max_failures`: every kind but the four that blame nobody.
    pub fn is_failure(self) -> bool {
        !matches!(
            self,
            Self::Ok | Self::Skipped | Self::Cancelled | Self::NotStarted
        )
    }
}

impl Outcome {
    /// The outcome without its details.
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Self::Ok => OutcomeKind::Ok,
            Self::Failed(_) => OutcomeKind::Failed,
            Self::Signaled(_) => OutcomeKind::Signaled,
            Self::TimedOut => OutcomeKind::TimedOut,
            Self::Unreachable => OutcomeKind::Unreachable,
            Self::Refused(_) => OutcomeKind::Refused,
            Self::Cancelled => OutcomeKind::Cancelled,
            Self::InDoubt => OutcomeKind::InDoubt,
            Self::Skipped => OutcomeKind::Skipped,
            Self::NotStarted => OutcomeKind::NotStarted,
        }
    }

    /// The outcome that an exit status stands for under the default success rule.
    pub fn from_status(status: u32) -> Self {
        if status == 0 {
            Self::Ok
        } else {
            Self::Failed(status)
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed(code) => write!(f, "failed({code})"),
            Self::Signaled(name) => write!(f, "signaled({name})"),
            Self::Refused(RefusedBy::Auth) => f.write_str("refused(auth)"),
            Self::Refused(RefusedBy::HostKey) => f.write_str("refused(host_key)"),
            other => f.write_str(other.kind().word()),
        }
    }
}

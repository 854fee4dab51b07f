//! The states of a run, in the words of the contracts.

use serde::{Deserialize, Serialize};

/// The states of the contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Nothing has started yet.
    Pending,
    /// It waits for something that is not a host's work.
    Waiting(WaitFor),
    /// Hosts are at work, or about to be.
    Running,
    /// It stands still until somebody resumes it.
    Paused,
    /// After a restart, attempts are being followed again.
    Reattaching,
    /// Every host is `ok` or was skipped.
    Succeeded,
    /// Some host is not.
    Failed,
    /// Ended early by a person.
    Aborted,
}

/// What a waiting run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    /// Another run's lease.
    Lease,
    /// A person who attaches with a credential.
    Credentials,
    /// A person's yes.
    Approval,
    /// A secret that was typed, and that the engine does not know any more.
    Secret,
}

impl RunState {
    /// The word of the contracts.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Waiting(_) => "waiting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Reattaching => "reattaching",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
        }
    }

    /// Whether nothing more happens by itself.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Aborted)
    }
}

impl WaitFor {
    /// The word of the contracts.
    pub fn word(self) -> &'static str {
        match self {
            Self::Lease => "lease",
            Self::Credentials => "credentials",
            Self::Approval => "approval",
            Self::Secret => "secret",
        }
    }
}

//! How an attempt ended.

use super::error::SshError;
use super::pool::Hold;
use crate::run::outcome::Outcome;
use crate::run::phases::Phases;

/// The end of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum AttemptEnd {
    /// It is over, or nobody will ever know.
    Ended {
        /// What became of it.
        outcome: Outcome,
        /// One plain sentence or two where the outcome's word is not enough: what, why, what next.
        detail: Option<String>,
        /// How long each phase took.
        phases: Phases,
        /// Bytes of output that the host dropped because they were over the cap.
        capped: Option<u64>,
    },
    /// There was no usable credential: nothing was sent to the host, and nothing counts.
    NoCredential {
        /// What was looked for and not found.
        why: String,
    },
    /// The connection was lost while a durable attempt ran, or could not be made again: reattach
    /// later.
    Lost {
        /// What happened.
        why: String,
        /// How long each phase took.
        phases: Phases,
    },
}

impl AttemptEnd {
    /// The end of an attempt that never got to start its command.
    pub(crate) fn before_start(error: &SshError, phases: Phases) -> Self {
        match error.no_credential() {
            Some(why) => Self::NoCredential { why },
            None => Self::ended(error.outcome(), error.to_string(), phases),
        }
    }

    pub(crate) fn ended(
        outcome: Outcome,
        detail: impl Into<Option<String>>,
        phases: Phases,
    ) -> Self {
        Self::Ended {
            outcome,
            detail: detail.into(),
            phases,
            capped: None,
        }
    }
}

/// What connecting alone gave.
pub struct Connected {
    /// Keeps the connection from being closed for want of work.
    pub hold: Hold,
    /// How long each phase took; empty where a pooled connection was there.
    pub phases: Phases,
    /// What the host says to those who log in, neutralised by whoever shows it.
    pub banner: Option<String>,
}

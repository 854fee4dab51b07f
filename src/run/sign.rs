//! One letter for where a host stands: the same on every screen, in every colour and in none.

use super::outcome::{Outcome, OutcomeKind, RefusedBy};
use super::state::Phase;

/// Where a host stands, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// Nobody knows how it ended.
    InDoubt,
    /// Its host key was refused.
    HostKey,
    /// It refused our credentials.
    Auth,
    /// It could not be reached.
    Unreachable,
    /// The command ended with another status than 0.
    Failed,
    /// The command was killed.
    Signaled,
    /// The command took too long.
    TimedOut,
    /// It waits for a credential, or for another run's lease.
    Blocked,
    /// At work.
    Running,
    /// Its turn has not come.
    Waiting,
    /// The run ended before its turn came.
    NotStarted,
    /// Stopped on request.
    Cancelled,
    /// Left out on purpose.
    Skipped,
    /// Ended well.
    Ok,
}

/// Every sign with its letter and its word.
const TABLE: [(Sign, &str, &str); 14] = [
    (Sign::InDoubt, "?", "in doubt"),
    (Sign::HostKey, "K", "host key"),
    (Sign::Auth, "A", "auth"),
    (Sign::Unreachable, "!", "unreachable"),
    (Sign::Failed, "X", "failed"),
    (Sign::Signaled, "S", "signaled"),
    (Sign::TimedOut, "T", "timed out"),
    (Sign::Blocked, "@", "blocked"),
    (Sign::Running, ">", "running"),
    (Sign::Waiting, ".", "waiting"),
    (Sign::NotStarted, "o", "not started"),
    (Sign::Cancelled, "/", "cancelled"),
    (Sign::Skipped, "-", "skipped"),
    (Sign::Ok, "+", "ok"),
];

impl Sign {
    /// All of them, the worst first.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        TABLE.iter().map(|(sign, ..)| *sign)
    }

    /// Its letter.
    pub fn letter(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// Its word on screen.
    pub fn word(self) -> &'static str {
        TABLE[self as usize].2
    }

    /// The sign with this letter.
    pub fn from_letter(letter: char) -> Option<Self> {
        Self::all().find(|sign| sign.letter().starts_with(letter))
    }

    /// The sign of an outcome.
    pub fn of_outcome(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Ok => Self::Ok,
            Outcome::Failed(_) => Self::Failed,
            Outcome::Signaled(_) => Self::Signaled,
            Outcome::TimedOut => Self::TimedOut,
            Outcome::Unreachable => Self::Unreachable,
            Outcome::Refused(RefusedBy::Auth) => Self::Auth,
            Outcome::Refused(RefusedBy::HostKey) => Self::HostKey,
            Outcome::Cancelled => Self::Cancelled,
            Outcome::InDoubt => Self::InDoubt,
            Outcome::Skipped => Self::Skipped,
            Outcome::NotStarted => Self::NotStarted,
        }
    }

    /// The sign of a kind of outcome; the two refusals are told apart by [`Self::of_outcome`].
    pub fn of_kind(kind: OutcomeKind) -> Self {
        match kind {
            OutcomeKind::Ok => Self::Ok,
            OutcomeKind::Failed => Self::Failed,
            OutcomeKind::Signaled => Self::Signaled,
            OutcomeKind::TimedOut => Self::TimedOut,
            OutcomeKind::Unreachable => Self::Unreachable,
            OutcomeKind::Refused => Self::HostKey,
            OutcomeKind::Cancelled => Self::Cancelled,
            OutcomeKind::InDoubt => Self::InDoubt,
            OutcomeKind::Skipped => Self::Skipped,
            OutcomeKind::NotStarted => Self::NotStarted,
        }
    }

    /// The sign of a host of a run; `outcome` is that of a host that is done.
    pub fn of(phase: Phase, outcome: Option<&Outcome>) -> Self {
        match phase {
            Phase::Waiting | Phase::Ready | Phase::Resting(_) | Phase::InLine => Self::Waiting,
            Phase::Held(_) | Phase::Parked => Self::Blocked,
            Phase::Busy { .. } => Self::Running,
            Phase::Done(kind) => outcome.map_or_else(|| Self::of_kind(kind), Self::of_outcome),
        }
    }

    /// The sign of a task as clients are told of it.
    pub fn of_task(standing: &str, outcome: Option<&Outcome>) -> Self {
        match (outcome, standing) {
            (Some(outcome), _) => Self::of_outcome(outcome),
            (None, "running" | "reattaching") => Self::Running,
            (None, "held" | "parked") => Self::Blocked,
            (None, _) => Self::Waiting,
        }
    }

    /// Whether somebody should look at it.
    pub fn is_bad(self) -> bool {
        self <= Self::TimedOut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_has_a_letter_of_its_own_and_stands_at_its_place() {
        let mut letters: Vec<&str> = Sign::all().map(Sign::letter).collect();
        for (place, (sign, letter, _)) in TABLE.iter().enumerate() {
            assert_eq!(*sign as usize, place);
            assert_eq!(
                Sign::from_letter(letter.chars().next().unwrap()),
                Some(*sign)
            );
        }
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters.len(), TABLE.len());
    }

    #[test]
    fn no_two_outcomes_share_a_sign() {
        let outcomes = [
            Outcome::Ok,
            Outcome::Failed(1),
            Outcome::Signaled("TERM".into()),
            Outcome::TimedOut,
            Outcome::Unreachable,
            Outcome::Refused(RefusedBy::Auth),
            Outcome::Refused(RefusedBy::HostKey),
            Outcome::Cancelled,
            Outcome::InDoubt,
            Outcome::Skipped,
            Outcome::NotStarted,
        ];
        let signs: std::collections::BTreeSet<Sign> =
            outcomes.iter().map(Sign::of_outcome).collect();
        assert_eq!(signs.len(), outcomes.len());
    }
}

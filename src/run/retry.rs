//! Trying again: how often, when, and after what.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::run::outcome::OutcomeKind;

/// No pause between attempts is longer.
const LONGEST: Duration = Duration::from_hours(1);

/// Outcomes a step may be tried again after, said by its writer.
pub const RETRIABLE: [OutcomeKind; 5] = [
    OutcomeKind::Failed,
    OutcomeKind::Signaled,
    OutcomeKind::TimedOut,
    OutcomeKind::Unreachable,
    OutcomeKind::Refused,
];

/// Those that come before anything was started on the host.
pub const BEFORE_EXEC: [OutcomeKind; 2] = [OutcomeKind::Unreachable, OutcomeKind::Refused];

/// How a step is tried again by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// Attempts in all.
    pub attempts: u32,
    /// The pause before the second attempt.
    pub delay: Duration,
    /// The pause grows by this factor with each attempt.
    pub backoff: f64,
    /// Up to this part of the pause is added, so that hosts do not come back together.
    pub jitter: f64,
    /// Only after these outcomes.
    pub on: Vec<OutcomeKind>,
}

impl Retry {
    /// The pause after attempt `attempt` (from 1) ended so, or `None` when that was the last.
    ///
    /// `chance` is from 0 up to 1.
    pub fn pause(&self, attempt: u32, outcome: OutcomeKind, chance: f64) -> Option<Duration> {
        if attempt >= self.attempts || !self.on.contains(&outcome) {
            return None;
        }
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let grown = self.delay.as_secs_f64() * self.backoff.powi(exponent);
        let seconds = grown * (1.0 + self.jitter * chance.clamp(0.0, 1.0));
        let longest = LONGEST.max(self.delay);
        Some(Duration::try_from_secs_f64(seconds).map_or(longest, |pause| pause.min(longest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry() -> Retry {
        Retry {
            attempts: 4,
            delay: Duration::from_secs(10),
            backoff: 2.0,
            jitter: 0.5,
            on: vec![OutcomeKind::Unreachable],
        }
    }

    #[test]
    fn pauses_grow_until_the_last_attempt() {
        let pause = |attempt, chance| retry().pause(attempt, OutcomeKind::Unreachable, chance);
        assert_eq!(pause(1, 0.0), Some(Duration::from_secs(10)));
        assert_eq!(pause(2, 0.0), Some(Duration::from_secs(20)));
        assert_eq!(pause(3, 1.0), Some(Duration::from_mins(1)));
        assert_eq!(pause(4, 0.0), None);
        assert_eq!(retry().pause(1, OutcomeKind::Failed, 0.0), None);
    }

    #[test]
    fn no_pause_is_longer_than_an_hour_unless_it_was_written() {
        let endless = Retry {
            attempts: 100,
            backoff: 10.0,
            ..retry()
        };
        assert_eq!(
            endless.pause(99, OutcomeKind::Unreachable, 1.0),
            Some(LONGEST)
        );
    }
}

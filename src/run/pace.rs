//! How long steps take, and what follows: when the run is over, and which hosts lag.
//!
//! Estimates count the time of machines alone. Where a person is asked, the run is paused, or is made
//! of other runs, there is none.

use std::time::Duration;

use super::event::Finished;
use super::ids::{At, HostIx, StepIx};
use super::outcome::OutcomeKind;
use super::spec::Act;
use super::state::{Phase, Run};

/// A host lags when it takes more than so many times what is usual,
const LAGS: f64 = 3.0;
/// and more than so many seconds.
const LAGS_FROM: f64 = 10.0;
/// Buckets for each doubling of time: a median is right to about 5 %.
const PER_DOUBLING: f64 = 8.0;

/// How long a step took on hosts where it ended well, without remembering each.
#[derive(Debug, Clone, Default)]
pub(super) struct Times {
    count: u64,
    buckets: Vec<u32>,
}

impl Times {
    #[allow(
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "a logarithm of a number of milliseconds is small and not negative"
    )]
    fn took(&mut self, ms: u64) {
        let bucket = ((ms as f64 + 1.0).log2() * PER_DOUBLING) as usize;
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] = self.buckets[bucket].saturating_add(1);
        self.count += 1;
    }

    /// The median, in seconds.
    fn median(&self) -> Option<f64> {
        let middle = self.count.div_ceil(2);
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += u64::from(*count);
            seen >= middle && self.count > 0
        })?;
        let ms = ((bucket as f64 + 0.5) / PER_DOUBLING).exp2() - 1.0;
        Some(ms.max(0.0) / 1e3)
    }
}

/// What steps took in runs before, in seconds; by step.
pub type Former = Vec<Option<f64>>;

/// A host at work for longer than is usual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Straggler {
    /// The host.
    pub host: HostIx,
    /// Since when it is at its step.
    pub since: At,
    /// What that step takes elsewhere, in seconds.
    pub usual: f64,
}

/// What can be said of the run's pace at a moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pace {
    /// Seconds until the end, when all of its steps took some time already.
    pub eta: Option<f64>,
    /// Hosts that lag, longest first; at most so many as were asked for.
    pub stragglers: Vec<Straggler>,
}

impl Run {
    /// Notes how long a step took where it ended well.
    pub(super) fn note_time(&mut self, finished: &Finished, at: At) {
        let Some(since) = self.host(finished.host).map(|state| state.since) else {
            return;
        };
        if finished.outcome.kind() == OutcomeKind::Ok
            && let Some(times) = self.times.get_mut(usize::from(finished.step.0))
        {
            times.took(at.since(since));
        }
    }

    /// The median of each step, for runs to come.
    pub fn medians(&self) -> Former {
        self.times.iter().map(Times::median).collect()
    }

    /// When it is over and who lags, by what steps took in this run, else in former ones. Looks at
    /// every host: not for each event.
    pub fn pace(&self, now: At, former: &[Option<f64>], most: usize) -> Pace {
        let known = |step: StepIx| {
            let ix = usize::from(step.0);
            let own = self.times.get(ix).and_then(Times::median);
            own.or(former.get(ix).copied().flatten())
        };
        let usual: Vec<Option<f64>> = (0..self.times.len())
            .map(|ix| known(StepIx(u16::try_from(ix).unwrap_or(u16::MAX))))
            .collect();
        let mut stragglers: Vec<Straggler> = self
            .hosts()
            .filter(|(_, state)| matches!(state.phase, Phase::Busy { .. }))
            .filter_map(|(host, state)| {
                let usual = usual.get(usize::from(state.step.0)).copied().flatten()?;
                let since = state.since;
                let seconds = now.since(since) as f64 / 1e3;
                (seconds > usual * LAGS && seconds > LAGS_FROM).then_some(Straggler {
                    host,
                    since,
                    usual,
                })
            })
            .collect();
        stragglers.sort_by_key(|lags| (lags.since, lags.host));
        stragglers.truncate(most);
        Pace {
            eta: self.eta(now, &usual),
            stragglers,
        }
    }

    fn eta(&self, now: At, usual: &[Option<f64>]) -> Option<f64> {
        let stands = self.stages.is_some()
            || self.paused.is_some()
            || self.aborted_by.is_some()
            || self.asks().is_some();
        if stands || self.ended.is_some() {
            return None;
        }
        let open = self.open_time(now, usual)?;
        if self.rolled_back.is_some() || self.abort_after.is_some() {
            return Some(open);
        }
        let to_come = self.cuts.iter().enumerate().skip(self.open_batches());
        let mut seconds = open;
        for (batch, cut) in to_come {
            let from = u32::try_from(batch).unwrap_or(u32::MAX).checked_sub(1);
            let soak = from.map_or(Duration::ZERO, |before| self.spec.rollout.soak_of(before));
            let soaking = self.soaking.filter(|(before, _)| Some(*before) == from);
            seconds += match soaking {
                Some((_, until)) => until.since(now) as f64 / 1e3,
                None => soak.as_secs_f64(),
            };
            let waves = (f64::from(cut.hosts) / f64::from(self.concurrency)).max(1.0);
            let first = StepIx(u16::from(self.spec.holds()));
            let steps = (first.0..self.forward).map(StepIx);
            for step in steps.filter(|step| !self.skipped_steps.contains(step)) {
                seconds += match self.wait_of(step) {
                    Some(wait) => wait,
                    None => waves * self.seconds_of(step, usual)?,
                };
            }
        }
        Some(seconds)
    }

    /// The time that hosts need which are under way: the longest alone, or all of them through so
    /// many slots, and what their batch waits for together.
    fn open_time(&self, now: At, usual: &[Option<f64>]) -> Option<f64> {
        let (mut all, mut longest, mut first) = (0.0, 0.0_f64, None::<StepIx>);
        for (host, state) in self.hosts() {
            if matches!(state.phase, Phase::Done(_)) || host.0 >= self.opened {
                continue;
            }
            first = Some(first.map_or(state.step, |first| first.min(state.step)));
            let mut seconds = 0.0;
            for step in self.course(host, state.step) {
                if !self.is_barrier(step) {
                    seconds += self.seconds_of(step, usual)?;
                }
            }
            if matches!(state.phase, Phase::Busy { .. }) {
                let gone = now.since(state.since) as f64 / 1e3;
                seconds -= gone.min(self.seconds_of(state.step, usual)?);
            }
            all += seconds;
            longest = longest.max(seconds);
        }
        let waits = first.map_or(0.0, |first| self.waits_from(first, now));
        Some(longest.max(all / f64::from(self.concurrency)) + waits)
    }

    /// What the open batch waits for from this step on; of a wait that has begun, what is left.
    fn waits_from(&self, first: StepIx, now: At) -> f64 {
        let steps = (first.0..self.forward).map(StepIx);
        let steps = steps.filter(|step| !self.skipped_steps.contains(step));
        let begun = self.line.waits(first);
        steps
            .filter_map(|step| match begun {
                Some(until) if step == first => Some(until.since(now) as f64 / 1e3),
                _ => self.wait_of(step),
            })
            .sum()
    }

    /// The time that a step lets pass by itself.
    fn wait_of(&self, step: StepIx) -> Option<f64> {
        match self.spec.step(step)?.act {
            Act::Wait(pause) => Some(pause.as_secs_f64()),
            // People's time is not counted.
            Act::Approve(_) => Some(0.0),
            _ => None,
        }
    }

    /// What a step takes on a host. One with a condition may never be done: nothing is known of it
    /// until it was.
    fn seconds_of(&self, step: StepIx, usual: &[Option<f64>]) -> Option<f64> {
        let known = usual.get(usize::from(step.0)).copied().flatten();
        let maybe = self.spec.step(step)?.rules.conditional;
        known.or(maybe.then_some(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_median_is_near_the_true_one(mut times in prop::collection::vec(0_u64..10_000_000, 1..200)) {
            let mut kept = Times::default();
            for ms in &times {
                kept.took(*ms);
            }
            times.sort_unstable();
            let middle = times[(times.len() - 1) / 2] as f64 / 1e3;
            let median = kept.median().unwrap();
            prop_assert!((median - middle).abs() <= middle * 0.1 + 0.001, "{median} for {middle}");
        }
    }

    #[test]
    fn nothing_is_known_before_something_ended() {
        assert_eq!(Times::default().median(), None);
    }
}

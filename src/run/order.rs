//! A run's hosts in an order, and how long they took.

use serde::{Deserialize, Serialize};

use super::filter::Filter;
use super::ids::{At, HostIx};
use super::sign::Sign;
use super::state::{HostState, Phase, Run};

/// Spans of time that hosts are counted in.
const SPANS: usize = 16;

/// An order of a run's hosts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// The worst first: in doubt, refused, unreachable, failed …, ok last; within that, the order
    /// of the run's targets.
    #[default]
    Worst,
    /// The order of the run's targets.
    Name,
    /// The longest at work, or that took longest, first.
    Time,
}

/// How long hosts took, of those that ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Times {
    /// Hosts counted.
    pub count: u32,
    /// The least, in seconds.
    pub least: f64,
    /// The median, in seconds.
    pub median: f64,
    /// Nine of ten took no longer, in seconds.
    pub p90: f64,
    /// The most, in seconds.
    pub most: f64,
    /// Hosts in each of equal spans from `least` to `most`.
    pub spans: Vec<u32>,
}

/// A host in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Which host.
    pub ix: HostIx,
    /// Where it stands.
    pub sign: Sign,
}

/// The hosts that pass the filter, in this order. `now` is for those still at work.
pub fn arrange(run: &Run, sort: Sort, filter: &Filter, now: At) -> Vec<Placed> {
    let mut hosts: Vec<(u64, Placed)> = run
        .hosts()
        .map(|(ix, state)| {
            let sign = sign(state);
            (key(sort, ix, state, sign, now), Placed { ix, sign })
        })
        .filter(|(_, placed)| filter.is_empty() || passes(run, filter, *placed))
        .collect();
    if sort != Sort::Name {
        hosts.sort_unstable_by_key(|(key, _)| *key);
    }
    hosts.into_iter().map(|(_, placed)| placed).collect()
}

/// Where a host stands.
pub fn sign(state: &HostState) -> Sign {
    let last = state.last.as_deref().map(|last| &last.outcome);
    match state.phase {
        Phase::Done(kind) => Sign::of(state.phase, last.filter(|last| last.kind() == kind)),
        phase => Sign::of(phase, None),
    }
}

/// How long the hosts took that ended after work on them had begun.
pub fn times(run: &Run) -> Times {
    let mut took: Vec<u64> = run
        .hosts()
        .filter_map(|(_, state)| Some(state.ended?.since(state.began?)))
        .collect();
    took.sort_unstable();
    let (Some(least), Some(most)) = (took.first().copied(), took.last().copied()) else {
        return Times::default();
    };
    let seconds = |ms: u64| ms as f64 / 1e3;
    // The least value that so many of ten are not above.
    let of_ten = |part: usize| {
        let rank = (took.len() * part).div_ceil(10);
        seconds(took.get(rank.saturating_sub(1)).copied().unwrap_or(most))
    };
    let mut spans = vec![0; SPANS];
    let width = (most - least).max(1);
    for ms in &took {
        let span = (ms - least) as usize * SPANS / width as usize;
        spans[span.min(SPANS - 1)] += 1;
    }
    Times {
        count: u32::try_from(took.len()).unwrap_or(u32::MAX),
        least: seconds(least),
        median: of_ten(5),
        p90: of_ten(9),
        most: seconds(most),
        spans,
    }
}

fn key(sort: Sort, ix: HostIx, state: &HostState, sign: Sign, now: At) -> u64 {
    let first = match sort {
        Sort::Name => 0,
        Sort::Worst => sign as u32,
        Sort::Time => {
            let took = state
                .began
                .map_or(0, |began| state.ended.unwrap_or(now).since(began));
            u32::MAX - u32::try_from(took).unwrap_or(u32::MAX)
        }
    };
    u64::from(first) << 32 | u64::from(ix.0)
}

fn passes(run: &Run, filter: &Filter, placed: Placed) -> bool {
    let target = run.spec.targets.get(placed.ix.index());
    target.is_some_and(|target| filter.passes(&target.name, placed.sign))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::{Event, Finished, OutputSum, What};
    use crate::run::ids::{Attempt, RunId, StepIx};
    use crate::run::outcome::{Outcome, RefusedBy};
    use crate::run::tests::spec_of;

    /// Eight hosts: five ended at different times, one at work, two wait.
    fn run() -> Run {
        let mut run = Run::new(RunId(1), spec_of(8), "kim", At(0));
        let mut apply = |at, what| drop(run.apply(&Event { at: At(at), what }));
        apply(
            1000,
            What::Dispatched {
                step: StepIx(0),
                attempt: Attempt(1),
                hosts: (0..6).map(HostIx).collect(),
            },
        );
        for (host, outcome, at) in [
            (0, Outcome::Ok, 2000),
            (2, Outcome::Failed(1), 3000),
            (3, Outcome::Refused(RefusedBy::HostKey), 1500),
            (4, Outcome::Refused(RefusedBy::Auth), 1600),
            (5, Outcome::Ok, 11_000),
        ] {
            let finished = Finished {
                host: HostIx(host),
                step: StepIx(0),
                attempt: Attempt(1),
                outcome,
                detail: None,
                phases: crate::run::phases::Phases::default(),
                output: OutputSum::default(),
                unbegun: false,
            };
            apply(at, What::Finished(Box::new(finished)));
        }
        run
    }

    fn order(sort: Sort, filter: &str) -> Vec<u32> {
        let filter = Filter::parse(filter).unwrap();
        let placed = arrange(&run(), sort, &filter, At(5000));
        placed.iter().map(|placed| placed.ix.0).collect()
    }

    #[test]
    fn the_worst_hosts_come_first_and_the_order_of_targets_holds_within() {
        assert_eq!(order(Sort::Worst, ""), [3, 4, 2, 1, 6, 7, 0, 5]);
        assert_eq!(order(Sort::Name, ""), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(order(Sort::Time, ""), [5, 1, 2, 0, 4, 3, 6, 7]);
        assert_eq!(order(Sort::Worst, "state:ok"), [0, 5]);
        assert_eq!(order(Sort::Worst, "!state:ok !h2"), [3, 4, 1, 6, 7]);
    }

    #[test]
    fn times_tell_of_ended_hosts_alone() {
        let times = times(&run());
        assert_eq!(times.count, 5);
        assert_eq!(
            (times.least, times.median, times.p90, times.most),
            (0.5, 1.0, 10.0, 10.0)
        );
        assert_eq!(times.spans.iter().sum::<u32>(), 5);
        assert_eq!((times.spans[0], times.spans[15]), (3, 1));
        let fresh = Run::new(RunId(1), spec_of(8), "kim", At(0));
        assert_eq!(super::times(&fresh), Times::default());
    }
}

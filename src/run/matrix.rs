//! What became of each step on each host, read from a run's events.
//!
//! A host's state tells of its last step only. A step that failed and was gone past must still be
//! seen, so every outcome is kept here, by host and step.

use super::event::{Event, What};
use super::ids::{At, HostIx, StepIx};
use super::order::sign;
use super::outcome::OutcomeKind;
use super::sign::Sign;
use super::spec::{Act, Step};
use super::state::{HostState, Phase, Run};

/// Every host's steps, as the events so far tell of them.
#[derive(Debug, Clone, Default)]
pub struct Matrix {
    steps: usize,
    /// By host, then by step: how the step ended there, if it did.
    cells: Vec<Option<Sign>>,
    /// The step each host was sent to last, and when.
    sent: Vec<(StepIx, At)>,
    /// Milliseconds that each step took where it ended well.
    took: Vec<Vec<u32>>,
}

/// How all hosts stand to one step.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StepCount {
    /// They have not come to it.
    pub waiting: u32,
    /// They are at it.
    pub running: u32,
    /// It ended well.
    pub ok: u32,
    /// It did not.
    pub failed: u32,
    /// It was left out, or never came to be.
    pub left_out: u32,
    /// The median of seconds where it ended well.
    pub median: Option<f64>,
}

impl Matrix {
    /// Of so many hosts and steps, before anything happened.
    pub fn new(hosts: usize, steps: usize) -> Self {
        Self {
            steps,
            cells: vec![None; hosts * steps],
            sent: vec![(StepIx(0), At(0)); hosts],
            took: vec![Vec::new(); steps],
        }
    }

    /// Takes one more event in.
    pub fn apply(&mut self, event: &Event) {
        match &event.what {
            What::Dispatched { step, hosts, .. } => {
                for host in hosts {
                    self.set(*host, *step, None);
                    if let Some(sent) = self.sent.get_mut(host.index()) {
                        *sent = (*step, event.at);
                    }
                }
            }
            What::Finished(finished) => {
                let (host, step) = (finished.host, finished.step);
                self.set(host, step, Some(Sign::of_outcome(&finished.outcome)));
                let sent = self.sent.get(host.index()).copied();
                let since = sent.filter(|(at, _)| *at == step).map(|(_, since)| since);
                if let Some(since) = since.filter(|_| finished.outcome.kind() == OutcomeKind::Ok)
                    && let Some(took) = self.took.get_mut(usize::from(step.0))
                {
                    took.push(u32::try_from(event.at.since(since)).unwrap_or(u32::MAX));
                }
            }
            What::Passed { step, hosts } => {
                for host in hosts {
                    self.set(*host, *step, Some(Sign::Skipped));
                }
            }
            What::Settled { host, outcome, .. } => {
                if let Some((step, _)) = self.sent.get(host.index()).copied() {
                    self.set(*host, step, Some(Sign::of_outcome(outcome)));
                }
            }
            What::ClockSet { by } => {
                for (_, since) in &mut self.sent {
                    *since = since.shifted(*by);
                }
            }
            _ => {}
        }
    }

    fn set(&mut self, host: HostIx, step: StepIx, sign: Option<Sign>) {
        let step = usize::from(step.0);
        if step < self.steps
            && let Some(cell) = self.cells.get_mut(host.index() * self.steps + step)
        {
            *cell = sign;
        }
    }

    /// How a step stands on a host of `run`, which these events make.
    pub fn sign(&self, run: &Run, host: HostIx, step: StepIx) -> Sign {
        let Some(state) = run.host(host) else {
            return Sign::Waiting;
        };
        let at = host.index() * self.steps + usize::from(step.0);
        let known = self.cells.get(at).copied().flatten();
        let skipped = run.skipped_steps.contains(&step);
        // What it ended with before counts no more when it is to be tried again.
        let again = step == state.step && !matches!(state.phase, Phase::Done(_));
        if let Some(known) = known.filter(|_| !again) {
            return known;
        }
        match step.cmp(&state.step) {
            std::cmp::Ordering::Less if skipped => Sign::Skipped,
            // What a rollback did not find on the host, and what it turned back before.
            std::cmp::Ordering::Less if run.is_undo(step) => Sign::Skipped,
            std::cmp::Ordering::Less
                if run.is_undo(state.step) && !self.went_on(run, host, step) =>
            {
                Sign::NotStarted
            }
            // Another host did it for the batch.
            std::cmp::Ordering::Less if run.is_once(step) => Sign::Skipped,
            // Its batch went past it together: nothing was done on the host itself.
            std::cmp::Ordering::Less => Sign::Ok,
            std::cmp::Ordering::Equal => here(run, state, step),
            std::cmp::Ordering::Greater => match state.phase {
                Phase::Done(OutcomeKind::Skipped) => Sign::Skipped,
                Phase::Done(_) if skipped => Sign::Skipped,
                Phase::Done(_) => Sign::NotStarted,
                _ => Sign::Waiting,
            },
        }
    }

    /// Whether the host did anything behind this step, on its way forward.
    fn went_on(&self, run: &Run, host: HostIx, step: StepIx) -> bool {
        let row = host.index() * self.steps;
        let behind = row + usize::from(step.0) + 1..row + usize::from(run.forward);
        let cells = self.cells.get(behind).unwrap_or_default();
        cells.iter().any(Option::is_some)
    }

    /// How all hosts stand to each step.
    pub fn counts(&self, run: &Run) -> Vec<StepCount> {
        let mut counts = vec![StepCount::default(); self.steps];
        for (host, _) in run.hosts() {
            for (step, count) in (0..).map(StepIx).zip(&mut counts) {
                let number = match self.sign(run, host, step) {
                    Sign::Waiting | Sign::Blocked => &mut count.waiting,
                    Sign::Running => &mut count.running,
                    Sign::Ok => &mut count.ok,
                    Sign::NotStarted | Sign::Skipped | Sign::Cancelled => &mut count.left_out,
                    _ => &mut count.failed,
                };
                *number += 1;
            }
        }
        for (count, took) in counts.iter_mut().zip(&self.took) {
            count.median = median(took);
        }
        counts
    }
}

/// The step that the host is at, or ended in, with no outcome of its own.
fn here(run: &Run, state: &HostState, step: StepIx) -> Sign {
    let together = run.spec.step(step).is_some_and(Step::is_barrier);
    match state.phase {
        // How the host ended is then told by an earlier step.
        Phase::Done(kind) if together && kind.is_failure() => Sign::Ok,
        // Another host did it for the batch; what was cut short says so.
        Phase::Done(kind)
            if run.is_once(step) && (kind == OutcomeKind::Ok || kind.is_failure()) =>
        {
            Sign::Skipped
        }
        Phase::InLine if run.line.reached() == Some(step) => match run.spec.step(step) {
            Some(step) if matches!(step.act, Act::Approve(_)) => Sign::Blocked,
            _ => Sign::Running,
        },
        _ => sign(state),
    }
}

fn median(took: &[u32]) -> Option<f64> {
    let mut took = took.to_vec();
    let middle = took.len().checked_sub(1)? / 2;
    let (_, median, _) = took.select_nth_unstable(middle);
    Some(f64::from(*median) / 1e3)
}

#[cfg(test)]
mod tests;

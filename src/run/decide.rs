//! What a run answers to a request, and what follows by itself. Changes nothing: it yields events.

use super::claim::HOSTS_A_RECORD;
use super::event::{EndState, Event, Finished, OutputSum, What};
use super::ids::{At, Attempt, HostIx, StepIx};
use super::line_up::{Around, later};
use super::outcome::{Outcome, OutcomeKind};
use super::phases::Phases;
use super::spec::{OnExceeded, Step};
use super::state::{Phase, Run, RunState, WaitFor};

/// The name events carry when a rule decided, not a person.
pub const BY_RULE: &str = "conn";

/// Hosts whose ends are recorded at once, at most: an end takes some hundred bytes, and a record that
/// is too large could never be written.
const MOST_AT_ONCE: usize = 1_000;

impl Run {
    /// The state of the contracts, derived from where the hosts stand.
    pub fn state(&self) -> RunState {
        if let Some((end, _)) = self.ended {
            return end.into();
        }
        if self.paused.is_some() {
            return RunState::Paused;
        }
        if self.tally.reattaching > 0 {
            let waits = self.lacks_secret.is_some() && self.tally.running == 0;
            return if waits && self.ready.is_empty() {
                RunState::Waiting(WaitFor::Secret)
            } else {
                RunState::Reattaching
            };
        }
        if let Some(stages) = &self.stages {
            return if stages.asked.is_some() && stages.live() == 0 {
                RunState::Waiting(WaitFor::Approval)
            } else if stages.has_begun() {
                RunState::Running
            } else {
                RunState::Pending
            };
        }
        if self.asks().is_some() {
            return RunState::Waiting(WaitFor::Approval);
        }
        if self.tally.running == 0 && (self.ready.is_empty() || self.waits_as_one()) {
            if self.tally.held > 0 {
                return RunState::Waiting(WaitFor::Lease);
            }
            if self.tally.parked > 0 {
                return RunState::Waiting(match self.lacks_secret {
                    Some(_) => WaitFor::Secret,
                    None => WaitFor::Credentials,
                });
            }
        }
        if self.tally.busy() == 0 && self.tally.ended_all() == 0 {
            return RunState::Pending;
        }
        RunState::Running
    }

    /// The outcome of a host that has ended.
    pub fn outcome(&self, host: HostIx) -> Option<Outcome> {
        let state = self.host(host)?;
        let Phase::Done(kind) = state.phase else {
            return None;
        };
        let last = state.last.as_ref().map(|last| last.outcome.clone());
        let mar = state.marred.as_ref().map(|mar| mar.outcome.clone());
        let told = [last, mar].into_iter().flatten();
        Some(match told.into_iter().find(|told| told.kind() == kind) {
            Some(outcome) => outcome,
            None => match kind {
                OutcomeKind::Skipped => Outcome::Skipped,
                OutcomeKind::NotStarted => Outcome::NotStarted,
                OutcomeKind::Cancelled => Outcome::Cancelled,
                _ => Outcome::InDoubt,
            },
        })
    }

    /// What starts now that there is room: at most one step and attempt an event.
    pub fn dispatch(&self, now: At, around: &dyn Around) -> Option<Event> {
        if self.paused.is_some() || self.aborted_by.is_some() || self.ended.is_some() {
            return None;
        }
        let room = self.concurrency.saturating_sub(self.tally.busy()) as usize;
        let room = room.min(HOSTS_A_RECORD);
        if room == 0 || (self.rolled_back.is_none() && self.over_failure_limit()) {
            return None;
        }
        let Some(&first) = self.ready.front() else {
            return self.dispatch_once(now);
        };
        let (step, attempt) = self.next_attempt(first)?;
        let batch = self.to_claim();
        let as_one = |host: HostIx| batch.contains(&host.0) && !self.spec.needs_no_lease(step);
        let lease = |host| {
            let idle = self.spec.needs_no_lease(self.host(host)?.step);
            if idle { None } else { around.lease(host) }
        };
        let conditional = self
            .spec
            .step(step)
            .is_some_and(|step| step.rules.conditional);
        let left_out = |host| conditional && !around.holds(host, step);
        if left_out(first) {
            let hosts = self.leading(room, |host| {
                self.next_attempt(host) == Some((step, attempt)) && left_out(host)
            });
            return Some(event(What::Passed { step, hosts }, now));
        }
        if as_one(first) {
            // Those that are free stay ready, and hold nothing meanwhile.
            if self.tally.held > 0 {
                return None;
            }
            if let Some(held) = self.not_free(batch.clone(), around) {
                return Some(event(held, now));
            }
        } else if let Some(by) = lease(first) {
            let hosts = self.leading(room, |host| lease(host) == Some(by));
            return Some(event(What::Held { hosts, by }, now));
        }
        let hosts = self.leading(room, |host| {
            self.next_attempt(host) == Some((step, attempt))
                && as_one(host) == as_one(first)
                && lease(host).is_none()
                && !left_out(host)
        });
        let dispatched = What::Dispatched {
            step,
            attempt,
            hosts,
        };
        Some(event(dispatched, now))
    }

    /// What follows by itself from where the run stands: the next batch, a pause, the end, the conn.
    pub fn advance(&self, now: At, around: &dyn Around) -> Option<Event> {
        if let Some(asked) = &self.take_asked
            && asked.until <= now
        {
            return Some(event(
                What::ConnMoved {
                    to: asked.by.clone(),
                    reason: format!("{}; the holder did not answer", asked.reason),
                },
                now,
            ));
        }
        if self.stages.is_some() {
            let what = self.advance_stages(now, around);
            return what.map(|what| event(what, now));
        }
        if self.ended.is_none() && self.paused.is_none() && self.aborted_by.is_none() {
            if self.rolled_back.is_none()
                && let Some(stop) = self.stop_over_limit(now)
            {
                return Some(stop);
            }
            if let Some(rested) = self.rested_by(now) {
                return Some(rested);
            }
        }
        if self.ended.is_some() || self.tally.busy() > 0 {
            return None;
        }
        let left = self.tally.total() - self.tally.ended_all();
        if left == 0 {
            return Some(event(
                What::Ended {
                    state: self.end_state(),
                },
                now,
            ));
        }
        if self.paused.is_some() || self.aborted_by.is_some() {
            return None;
        }
        if self.holds_line_up() || !self.ready.is_empty() || !self.resting.is_empty() {
            return None;
        }
        if self.in_line().next().is_some() {
            return self.line_event(now, around);
        }
        if self.tally.held > 0 {
            return None;
        }
        self.next_batch(now).map(|what| event(what, now))
    }

    /// What an engine that finds this run without its tasks must record: durable attempts are
    /// followed again, repeatable steps start again, the rest is in doubt. Each of these is written
    /// as one; asked again after some of them, it tells those that are left.
    pub fn recover(&self, now: At) -> Vec<Vec<Event>> {
        let busy: Vec<(HostIx, StepIx, Attempt)> = self
            .hosts()
            .filter(|(_, state)| matches!(state.phase, Phase::Busy { .. }))
            .map(|(ix, state)| (ix, state.step, state.attempt))
            .collect();
        if busy.is_empty() {
            return Vec::new();
        }
        let recovered = What::Recovered {
            in_flight: u32::try_from(busy.len()).unwrap_or(u32::MAX),
        };
        let (durable, plain): (Vec<_>, Vec<_>) = busy
            .into_iter()
            .partition(|(_, step, _)| self.is_durable(*step));
        let mut groups = vec![vec![recovered]];
        groups.extend(plain.chunks(MOST_AT_ONCE).map(|plain| self.lost(plain)));
        if !durable.is_empty() {
            groups.push(vec![What::Reattaching {
                hosts: durable.into_iter().map(|(host, ..)| host).collect(),
            }]);
        }
        groups.into_iter().map(|whats| events(whats, now)).collect()
    }

    /// What became of attempts that ended with the engine. A step that starts again does so in the
    /// same breath: half of that would leave it in doubt.
    fn lost(&self, attempts: &[(HostIx, StepIx, Attempt)]) -> Vec<What> {
        let ends = attempts.iter().map(|&(host, step, attempt)| {
            let asks = self.spec.step(step).is_some_and(Step::only_asks);
            // Nobody wants the answer any more, and nothing was changed to get it.
            let given_up = asks && (self.aborted_by.is_some() || self.is_left(step));
            if given_up {
                let why = "the engine stopped while this was asked, and nobody waits for it";
                ended(host, step, attempt, Outcome::Cancelled, why)
            } else {
                let why = "the engine stopped while this ran; look at the host, then settle it";
                ended(host, step, attempt, Outcome::InDoubt, why)
            }
        });
        let mut whats: Vec<What> = ends.collect();
        let again: Vec<HostIx> = attempts
            .iter()
            .filter(|(_, step, _)| self.is_repeatable(*step) && !self.is_left(*step))
            // To try again is to take an abort back.
            .filter(|_| self.aborted_by.is_none())
            .map(|(host, ..)| *host)
            .collect();
        if !again.is_empty() {
            whats.push(What::Retried {
                by: BY_RULE.to_owned(),
                hosts: again,
            });
        }
        whats
    }

    fn next_attempt(&self, host: HostIx) -> Option<(StepIx, Attempt)> {
        self.host(host)
            .map(|state| (state.step, Attempt(state.attempt.0 + 1)))
    }

    fn leading(&self, room: usize, fits: impl Fn(HostIx) -> bool) -> Vec<HostIx> {
        self.ready
            .iter()
            .copied()
            .take(room)
            .take_while(|host| fits(*host))
            .collect()
    }

    fn over_failure_limit(&self) -> bool {
        self.over_run_limit() || self.over_batch_limit() || !self.barred.is_empty()
    }

    fn over_run_limit(&self) -> bool {
        let new = self.failures().saturating_sub(self.forgiven);
        self.max_failures.is_some_and(|limit| new > limit)
    }

    fn over_batch_limit(&self) -> bool {
        let new = self.failed_in_batch.saturating_sub(self.forgiven_in_batch);
        self.batch_limit().is_some_and(|limit| new > limit) || (new > 0 && self.nobody_at_gate())
    }

    /// Whether every host of the open batch failed before a gate that others are still to pass, and nothing else
    /// limits failures: the gate cannot say yes of what no host came to.
    fn nobody_at_gate(&self) -> bool {
        let unlimited = self.max_failures.is_none() && self.batch_limit().is_none();
        let gated = || self.spec.steps.iter().any(|step| step.rules.gate.is_some());
        let all = self.opened.saturating_sub(self.batch_from);
        unlimited && self.open_batches() < self.cuts.len() && self.failed_in_batch == all && gated()
    }

    /// The failures that are borne in the open batch.
    pub(super) fn batch_limit(&self) -> Option<u32> {
        self.cuts.get(self.batch as usize)?.failures
    }

    /// Too many failures: the run pauses or is aborted, as its rollout says.
    fn stop_over_limit(&self, now: At) -> Option<Event> {
        if !self.over_failure_limit() {
            return None;
        }
        let on_exceeded = self.spec.rollout.on_exceeded;
        let unfinished = self.tally.total() > self.tally.ended_all();
        // To stop is of no use at the end; to undo is.
        let undoes = on_exceeded == OnExceeded::Rollback && self.can_undo();
        if !unfinished && !undoes {
            return None;
        }
        let reason = if let Some(barred) = self.gate_said() {
            barred
        } else if self.over_run_limit() {
            format!(
                "{}, more than max_failures {}",
                counted(self.failures().saturating_sub(self.forgiven), "failure"),
                self.max_failures.unwrap_or(0)
            )
        } else if self.nobody_at_gate() {
            format!(
                "no host of batch {} came to its gate: all of them failed",
                self.batch + 1
            )
        } else {
            format!(
                "{} in batch {}, more than the {} it may have",
                counted(
                    self.failed_in_batch.saturating_sub(self.forgiven_in_batch),
                    "failure"
                ),
                self.batch + 1,
                self.batch_limit().unwrap_or(0)
            )
        };
        let by = BY_RULE.to_owned();
        let what = match on_exceeded {
            // A person looks at what is neither yes nor no.
            _ if self.is_inconclusive() => What::Paused { by, reason },
            OnExceeded::Pause => What::Paused { by, reason },
            OnExceeded::Abort => What::Aborted { by, reason },
            OnExceeded::Rollback => What::RollingBack {
                by,
                reason,
                hosts: Vec::new(),
            },
        };
        Some(event(what, now))
    }

    /// Why the gate holds the rollout up, if it does.
    fn gate_said(&self) -> Option<String> {
        let many = self.barred.len();
        let word = if self.is_inconclusive() {
            "says neither yes nor no"
        } else {
            "failed"
        };
        let first = self.barred.first().and_then(|host| self.host(*host));
        if let Some(last) = first.and_then(|state| state.last.as_ref())
            && self.is_once(last.step)
        {
            let said = last.detail.as_ref();
            let said = said.map_or_else(String::new, |said| format!(": {said}"));
            return Some(format!("the gate of batch {} {word}{said}", self.batch + 1));
        }
        (many > 0).then(|| {
            format!(
                "the gate {word} on {} of batch {}",
                counted(u32::try_from(many).unwrap_or(u32::MAX), "host"),
                self.batch + 1
            )
        })
    }

    /// Whether every host that the gate barred ended with a code that says neither yes nor no.
    fn is_inconclusive(&self) -> bool {
        !self.barred.is_empty() && self.barred.iter().all(|host| self.says_neither(*host))
    }

    /// Whether the last thing on a host was a gate that said neither yes nor no.
    pub(super) fn says_neither(&self, host: HostIx) -> bool {
        let last = self.host(host).and_then(|state| state.last.as_deref());
        last.is_some_and(|last| {
            let step = self.spec.step(last.step);
            let codes = step.and_then(|step| step.rules.gate.as_ref());
            matches!((&last.outcome, codes), (Outcome::Failed(code), Some(codes)) if codes.contains(code))
        })
    }

    fn next_batch(&self, now: At) -> Option<What> {
        if let Some((by, reason)) = self.abort_after.clone() {
            return Some(What::Aborted { by, reason });
        }
        if self.is_holding() {
            return Some(What::BatchOpened { batch: 0 });
        }
        if self.batch == 0 && self.spec.rollout.look_after_first && !self.looked {
            return Some(What::Paused {
                by: BY_RULE.to_owned(),
                reason: "the first hosts have ended; look, then resume for the rest".to_owned(),
            });
        }
        let soak = self.spec.rollout.soak_of(self.batch);
        let batch = self.batch;
        match self.soaking {
            None if !soak.is_zero() => Some(What::Soaking {
                batch,
                until: later(now, soak),
            }),
            Some((_, until)) if until > now => None,
            _ => Some(What::BatchOpened { batch: batch + 1 }),
        }
    }

    fn end_state(&self) -> EndState {
        if self.aborted_by.is_some() {
            EndState::Aborted
        } else if self.rolled_back.is_some() || self.tally.not_ok() > 0 {
            EndState::Failed
        } else {
            EndState::Succeeded
        }
    }
}

impl From<EndState> for RunState {
    fn from(end: EndState) -> Self {
        match end {
            EndState::Succeeded => Self::Succeeded,
            EndState::Failed => Self::Failed,
            EndState::Aborted => Self::Aborted,
        }
    }
}

fn ended(host: HostIx, step: StepIx, attempt: Attempt, outcome: Outcome, why: &str) -> What {
    What::Finished(Box::new(Finished {
        host,
        step,
        attempt,
        outcome,
        detail: Some(why.to_owned()),
        phases: Phases::default(),
        output: OutputSum::default(),
        unbegun: false,
    }))
}

/// `1 host`, `2 hosts`.
fn counted(count: u32, one: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {one}{plural}")
}

fn event(what: What, at: At) -> Event {
    Event { at, what }
}

pub(super) fn events(whats: Vec<What>, at: At) -> Vec<Event> {
    whats.into_iter().map(|what| event(what, at)).collect()
}

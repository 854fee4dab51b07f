//! Between two attempts: which steps are tried again by themselves, and when.

use std::sync::Arc;

use super::claim::HOSTS_A_RECORD;
use super::event::{Event, Finished, What};
use super::ids::{At, HostIx, StepIx};
use super::outcome::{Outcome, OutcomeKind};
use super::spec::OnFailure;
use super::state::{Mar, Phase, Run};

impl Run {
    /// When the step is tried again on this host, if it is.
    pub(super) fn rest_of(&self, finished: &Finished, at: At) -> Option<At> {
        let kind = finished.outcome.kind();
        if self.aborted_by.is_some() || kind == OutcomeKind::Ok || self.is_left(finished.step) {
            return None;
        }
        let retry = self.spec.step(finished.step)?.rules.retry.as_ref()?;
        let pause = retry.pause(finished.attempt.0, kind, self.chance(finished))?;
        let pause = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        Some(At(at.0.saturating_add(pause)))
    }

    /// From 0 up to 1, the same whenever the journal is read again: FNV-1a over what names the
    /// attempt.
    fn chance(&self, finished: &Finished) -> f64 {
        let named = [
            self.id.0,
            u64::from(finished.host.0),
            u64::from(finished.step.0),
            u64::from(finished.attempt.0),
        ];
        let hash = named
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        f64::from((hash >> 40) as u32) / f64::from(1u32 << 24)
    }

    pub(super) fn rests(&mut self, host: HostIx, until: At) {
        self.set_phase(host, Phase::Resting(until));
        self.resting.insert((until, host));
    }

    pub(super) fn rested(&mut self, hosts: &[HostIx], at: At) -> Vec<super::state::Effect> {
        self.leave_rest_and_line(hosts);
        for &host in hosts {
            if matches!(self.phase(host), Some(Phase::Resting(_))) {
                self.begins(host, at);
            }
        }
        Vec::new()
    }

    /// Hosts whose rest is over.
    pub(super) fn rested_by(&self, now: At) -> Option<Event> {
        let hosts: Vec<HostIx> = self
            .resting
            .iter()
            .take_while(|(until, _)| *until <= now)
            .map(|(_, host)| *host)
            .take(HOSTS_A_RECORD)
            .collect();
        (!hosts.is_empty()).then_some(Event {
            at: now,
            what: What::Rested { hosts },
        })
    }

    /// Whether a host goes on with its next step although this one ended so.
    pub(super) fn goes_on_after(&self, step: StepIx, kind: OutcomeKind) -> bool {
        let rule = self.spec.step(step).map(|step| step.rules.on_failure);
        // What nobody knows and what was cancelled are no failures to go on after.
        let failed = kind.is_failure() && kind != OutcomeKind::InDoubt;
        rule == Some(OnFailure::Continue) && failed
    }

    /// A step failed on a host that goes on all the same: the first failure is what it ends with.
    pub(super) fn mar(&mut self, finished: &Finished) {
        if let Some(state) = self.hosts.get_mut(finished.host.index())
            && state.marred.is_none()
        {
            state.marred = Some(Arc::new(Mar {
                step: finished.step,
                outcome: finished.outcome.clone(),
            }));
            // One that had ended is counted when it goes on.
            self.marred += u32::from(!matches!(state.phase, Phase::Done(_)));
        }
    }

    /// A host that did all steps but failed in one of them goes back to that one. One that failed
    /// for good stands where it failed, and what it went on after before stays with it.
    pub(super) fn back_to_failure(&mut self, host: HostIx) {
        let Some(state) = self.hosts.get(host.index()) else {
            return;
        };
        let failed_later = |mar: &Mar| {
            let last = state.last.as_ref();
            last.is_some_and(|last| last.outcome != Outcome::Ok && last.step != mar.step)
        };
        let mar = state.marred.clone().filter(|mar| !failed_later(mar));
        let Some(mar) = mar else {
            return;
        };
        self.forget_mars(host);
        self.stands_at(host, mar.step);
    }

    /// What failed on the host before stands for nothing any more.
    pub(super) fn forget_mars(&mut self, host: HostIx) {
        if let Some(state) = self.hosts.get_mut(host.index())
            && state.marred.take().is_some()
            && !matches!(state.phase, Phase::Done(_))
        {
            self.marred = self.marred.saturating_sub(1);
        }
    }

    /// Hosts that failed, those among them that go on.
    pub(super) fn failures(&self) -> u32 {
        self.tally.failures() + self.marred
    }
}

//! Leases of a batch that goes somewhere together: it begins when all of its hosts are free, and
//! then claims all of them.
//!
//! A host in line keeps its lease while it waits for its batch. If each host were claimed by itself,
//! two runs over the same hosts could each hold what the other's batch lacks, for ever. So a run
//! holds nothing of a batch while it waits for a lease of it; and what another run took of the batch
//! since (a host that had ended and is retried) does not hold the line up, and comes after.

use std::ops::Range;

use super::event::What;
use super::ids::{HostIx, StepIx};
use super::line_up::Around;
use super::state::{Effect, Phase, Run};

/// Hosts that one event names, at most: its record stays well below what the journal takes.
pub const HOSTS_A_RECORD: usize = 50_000;

impl Run {
    /// Whether the run has claimed this host with all of its batch.
    pub fn has_claimed(&self, host: HostIx) -> bool {
        self.line.claimed && (self.batch_from..self.opened).contains(&host.0)
    }

    /// The open batch, while it is still to be claimed as one.
    pub(super) fn to_claim(&self) -> Range<u32> {
        let mut steps = (0..self.forward).map(StepIx);
        let lined = steps.any(|step| !self.skipped_steps.contains(&step) && self.has_line(step));
        if lined && !self.line.claimed && self.rolled_back.is_none() {
            self.batch_from..self.opened
        } else {
            0..0
        }
    }

    /// Whether what is ready waits until its whole batch is free.
    pub(super) fn waits_as_one(&self) -> bool {
        let waits = |host: &HostIx| self.to_claim().contains(&host.0);
        self.tally.held > 0 && self.ready.front().is_some_and(waits)
    }

    /// Hosts of a batch that cannot begin because another run works there: those of one run.
    pub(super) fn not_free(&self, batch: Range<u32>, around: &dyn Around) -> Option<What> {
        let mut leased = batch
            .map(HostIx)
            .filter(|host| matches!(self.phase(*host), Some(Phase::Ready | Phase::InLine)))
            .filter_map(|host| Some((host, around.lease(host)?)));
        let (first, by) = leased.next()?;
        let others = leased.filter(|(_, other)| *other == by);
        let hosts = std::iter::once(first).chain(others.map(|(host, _)| host));
        let hosts = hosts.take(HOSTS_A_RECORD).collect();
        Some(What::Held { hosts, by })
    }

    /// The first work on a host of the batch claims all of it.
    pub(super) fn claims(&mut self, step: StepIx, hosts: &[HostIx]) -> Option<Effect> {
        let batch = self.to_claim();
        let begins = hosts.iter().any(|host| batch.contains(&host.0));
        if !begins || self.spec.needs_no_lease(step) {
            return None;
        }
        self.line.claimed = true;
        let open = |host: &HostIx| !matches!(self.phase(*host), Some(Phase::Done(_)));
        Some(Effect::Claim {
            hosts: batch.map(HostIx).filter(open).collect(),
        })
    }
}

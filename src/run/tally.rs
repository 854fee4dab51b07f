//! Counts of a run's hosts by where they stand, kept up to date one move at a time.

use serde::{Deserialize, Serialize};

use super::outcome::OutcomeKind;
use super::state::Phase;

/// How many hosts are where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Their batch is not open, or no slot is free.
    pub waiting: u32,
    /// Another run holds their lease.
    pub held: u32,
    /// They wait for a credential.
    pub parked: u32,
    /// At work.
    pub running: u32,
    /// At work, connection being made again; not counted in `running`.
    pub reattaching: u32,
    done: [u32; OutcomeKind::ALL.len()],
}

impl Tally {
    /// As many hosts, none begun.
    pub fn all_waiting(hosts: usize) -> Self {
        Self {
            waiting: u32::try_from(hosts).unwrap_or(u32::MAX),
            ..Self::default()
        }
    }

    /// As many hosts, all ended in one way.
    pub fn all_ended(hosts: u32, kind: OutcomeKind) -> Self {
        let mut tally = Self::default();
        tally.done[kind as usize] = hosts;
        tally
    }

    /// Counts the hosts of another as well.
    pub fn add(&mut self, other: &Self) {
        self.waiting += other.waiting;
        self.held += other.held;
        self.parked += other.parked;
        self.running += other.running;
        self.reattaching += other.reattaching;
        for (sum, more) in self.done.iter_mut().zip(other.done) {
            *sum += more;
        }
    }

    /// Hosts that ended in this kind.
    pub fn ended(&self, kind: OutcomeKind) -> u32 {
        self.done[kind as usize]
    }

    /// Hosts that ended, in any way.
    pub fn ended_all(&self) -> u32 {
        self.done.iter().sum()
    }

    /// Hosts that ended in a way that counts toward `max_failures`.
    pub fn failures(&self) -> u32 {
        self.sum(OutcomeKind::is_failure)
    }

    /// Hosts that did not end well, whoever is to blame.
    pub fn not_ok(&self) -> u32 {
        self.sum(|kind| !matches!(kind, OutcomeKind::Ok | OutcomeKind::Skipped))
    }

    /// Hosts a task owns.
    pub fn busy(&self) -> u32 {
        self.running + self.reattaching
    }

    /// All hosts.
    pub fn total(&self) -> u32 {
        self.waiting + self.held + self.parked + self.busy() + self.ended_all()
    }

    /// The kinds that occur, with their counts, in the order of [`OutcomeKind::ALL`].
    pub fn outcomes(&self) -> impl Iterator<Item = (OutcomeKind, u32)> + '_ {
        OutcomeKind::ALL
            .into_iter()
            .map(|kind| (kind, self.ended(kind)))
            .filter(|(_, count)| *count > 0)
    }

    pub(super) fn moved(&mut self, from: Phase, to: Phase) {
        let slot = self.slot(from);
        *slot = slot.saturating_sub(1);
        *self.slot(to) += 1;
    }

    fn sum(&self, wanted: impl Fn(OutcomeKind) -> bool) -> u32 {
        OutcomeKind::ALL
            .into_iter()
            .filter(|kind| wanted(*kind))
            .map(|kind| self.ended(kind))
            .sum()
    }

    fn slot(&mut self, phase: Phase) -> &mut u32 {
        match phase {
            Phase::Waiting | Phase::Ready | Phase::Resting(_) | Phase::InLine => &mut self.waiting,
            Phase::Held(_) => &mut self.held,
            Phase::Parked => &mut self.parked,
            Phase::Busy { reattaching: false } => &mut self.running,
            Phase::Busy { reattaching: true } => &mut self.reattaching,
            Phase::Done(kind) => &mut self.done[kind as usize],
        }
    }
}

//! Which run works on which host alone, and who waits for that.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::{Core, CoreError};
use crate::engine::now;
use crate::run::claim::HOSTS_A_RECORD;
use crate::run::event::{Event, What};
use crate::run::ids::{HostIx, RunId};
use crate::run::spec::{Lease, RunSpec};
use crate::run::state::{Phase, Run};
use crate::store::StoreError;
use crate::wire::reply::Fault;

/// A host of a run that waits for its lease.
type Waiter = (RunId, HostIx);

/// Hosts that an exclusive run has begun to work on, or has claimed with their batch, and not ended.
#[derive(Default)]
pub(super) struct Leases {
    holders: HashMap<Arc<str>, RunId>,
    /// Who waits for which host.
    waiters: HashMap<Arc<str>, BTreeSet<Waiter>>,
    /// Hosts that were given back and that somebody waits for.
    given_back: Vec<Arc<str>>,
}

impl Leases {
    /// Which other run holds the host.
    pub(super) fn other(&self, host: &str, run: RunId) -> Option<RunId> {
        self.holders
            .get(host)
            .copied()
            .filter(|holder| *holder != run)
    }

    /// Claims what nobody has claimed.
    pub(super) fn claim(&mut self, host: &Arc<str>, run: RunId) {
        self.holders.entry(host.clone()).or_insert(run);
    }

    /// Gives the host back if it is this run's.
    pub(super) fn give_back(&mut self, host: &Arc<str>, run: RunId) {
        if self.holders.get(host) == Some(&run) {
            self.holders.remove(host);
            if self.waiters.contains_key(host) {
                self.given_back.push(host.clone());
            }
        }
    }

    pub(super) fn waits(&mut self, host: &Arc<str>, waiter: Waiter) {
        self.waiters.entry(host.clone()).or_default().insert(waiter);
    }

    pub(super) fn waits_no_more(&mut self, host: &Arc<str>, waiter: Waiter) {
        if let Some(waiters) = self.waiters.get_mut(host) {
            waiters.remove(&waiter);
            if waiters.is_empty() {
                self.waiters.remove(host);
            }
        }
    }

    /// Those who wait for hosts that were given back since this was asked last.
    pub(super) fn freed(&mut self) -> Vec<Waiter> {
        let hosts = std::mem::take(&mut self.given_back);
        let waiters = hosts.iter().filter_map(|host| self.waiters.remove(host));
        waiters.flatten().collect()
    }
}

impl Core {
    /// Claims the hosts for an exclusive run.
    pub(super) fn claim(&mut self, run: RunId, hosts: &[HostIx]) {
        let Some(live) = self.runs.get(&run) else {
            return;
        };
        if live.run.spec.lease != Lease::Exclusive {
            return;
        }
        for host in hosts {
            let spec = &live.run.spec;
            let idle = live
                .run
                .host(*host)
                .is_none_or(|state| spec.connects_only(state.step));
            if let Some(target) = spec.targets.get(host.index()).filter(|_| !idle) {
                self.leases.claim(&target.name, run);
            }
        }
    }

    /// Takes the leases back that runs held when the engine ended, what is at work first: no run
    /// takes a host from another.
    pub(super) fn reclaim(&mut self) {
        let mut held = Vec::new();
        for (id, live) in &self.runs {
            for (ix, state) in live.run.hosts() {
                if matches!(state.phase, Phase::Held(_)) {
                    if let Some(target) = live.run.spec.targets.get(ix.index()) {
                        self.leases.waits(&target.name, (*id, ix));
                    }
                } else if live.run.ended.is_none()
                    && let Some(rank) = rank(&live.run, ix)
                {
                    held.push((rank, *id, ix));
                }
            }
        }
        held.sort_unstable();
        for (_, run, host) in held {
            self.claim(run, &[host]);
        }
    }

    /// Which run works on this host alone.
    pub fn leased_by(&self, host: &str) -> Option<RunId> {
        self.leases.holders.get(host).copied()
    }

    /// Gives hosts back where the run has ended.
    pub(super) fn give_back(&mut self, run: RunId, hosts: &[HostIx]) {
        let Some(live) = self.runs.get(&run) else {
            return;
        };
        if live.run.spec.lease != Lease::Exclusive {
            return;
        }
        for host in hosts {
            let phase = live.run.host(*host).map(|state| state.phase);
            let target = live.run.spec.targets.get(host.index());
            if let (Some(Phase::Done(_)), Some(target)) = (phase, target) {
                self.leases.give_back(&target.name, run);
            }
        }
    }

    /// Keeps who waits for whom as a run has it written down.
    pub(super) fn note_waiters(&mut self, run: RunId, what: &What) {
        let (hosts, waits) = match what {
            What::Held { hosts, .. } => (hosts, true),
            What::Freed { hosts } => (hosts, false),
            _ => return,
        };
        let Some(live) = self.runs.get(&run) else {
            return;
        };
        for host in hosts {
            match live.run.spec.targets.get(host.index()) {
                Some(target) if waits => self.leases.waits(&target.name, (run, *host)),
                Some(target) => self.leases.waits_no_more(&target.name, (run, *host)),
                None => {}
            }
        }
    }

    /// Why an exclusive run that will not wait cannot start now.
    pub(super) fn lease_conflict(&self, spec: &RunSpec) -> Option<Fault> {
        // What is made of runs claims nothing itself, and its runs do.
        if spec.lease != Lease::Exclusive && spec.stages.is_none() {
            return None;
        }
        spec.reaches().find_map(|name| {
            let holder = self.leases.holders.get(name)?;
            let who = self
                .runs
                .get(holder)
                .and_then(|live| live.run.holder.clone())
                .unwrap_or_else(|| "nobody".to_owned());
            Some(Fault::refused(format!(
                "{name} is leased by run {holder} ({who} has the conn). \
                 Wait for it (leave --no-wait out), or ask them"
            )))
        })
    }

    /// Makes hosts ready that were given back.
    pub(super) fn free_given_back(&mut self) -> Result<(), CoreError> {
        let waiters = self.leases.freed();
        self.free(waiters)
    }

    /// Makes every host ready that waits for nobody: what a full disk or the end of an engine kept
    /// from being recorded.
    pub(super) fn free_all(&mut self) -> Result<(), CoreError> {
        if !self.unrecovered.is_empty() {
            return Ok(());
        }
        let waiting = self
            .runs
            .iter()
            .filter(|(_, live)| live.run.tally.held > 0)
            .flat_map(|(id, live)| live.run.hosts().map(|(ix, state)| (*id, ix, state.phase)))
            .filter(|(_, _, phase)| matches!(phase, Phase::Held(_)))
            .map(|(run, host, _)| (run, host))
            .collect();
        self.free(waiting)
    }

    /// Makes those of them ready that are held and that nobody holds. On a full disk they stay held
    /// until all are looked at again.
    fn free(&mut self, waiters: Vec<Waiter>) -> Result<(), CoreError> {
        let mut freed: BTreeMap<RunId, BTreeSet<HostIx>> = BTreeMap::new();
        for (run, host) in waiters {
            if self.is_free(run, host) {
                freed.entry(run).or_default().insert(host);
            }
        }
        for (run, hosts) in freed {
            let hosts: Vec<HostIx> = hosts.into_iter().collect();
            for hosts in hosts.chunks(HOSTS_A_RECORD) {
                let hosts = hosts.to_vec();
                let event = Event {
                    at: now(),
                    what: What::Freed { hosts },
                };
                match self.commit(run, &[event], &[]) {
                    Ok(_) => {}
                    Err(StoreError::NoSpace) => return Ok(()),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    fn is_free(&self, run: RunId, host: HostIx) -> bool {
        let Some(live) = self.runs.get(&run) else {
            return false;
        };
        let phase = live.run.host(host).map(|state| state.phase);
        let target = live.run.spec.targets.get(host.index());
        matches!(phase, Some(Phase::Held(_)))
            && target.is_some_and(|target| self.leases.other(&target.name, run).is_none())
    }
}

/// How sure it is that a run holds the lease of a host, the surest first; none if it does not.
fn rank(run: &Run, host: HostIx) -> Option<u8> {
    let state = run.host(host)?;
    let begun = run.has_begun(host) && state.began.is_some();
    match state.phase {
        Phase::Held(_) | Phase::Done(_) => None,
        Phase::Busy { .. } if !run.spec.needs_no_lease(state.step) => Some(0),
        Phase::InLine | Phase::Resting(_) | Phase::Parked if begun => Some(1),
        _ if run.has_claimed(host) => Some(1),
        _ => begun.then_some(2),
    }
}

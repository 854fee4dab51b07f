//! Which run works on which host alone.

use std::collections::HashMap;
use std::sync::Arc;

use super::Core;
use crate::engine::now;
use crate::run::event::{Event, What};
use crate::run::ids::{HostIx, RunId};
use crate::run::spec::{Lease, RunSpec};
use crate::run::state::Phase;
use crate::wire::reply::Fault;

/// Hosts that an exclusive run has begun to work on and not ended.
#[derive(Default)]
pub(super) struct Leases(HashMap<Arc<str>, RunId>);

impl Leases {
    /// Which other run holds the host.
    pub(super) fn other(&self, host: &str, run: RunId) -> Option<RunId> {
        self.0.get(host).copied().filter(|holder| *holder != run)
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
                self.leases.0.insert(target.name.clone(), run);
            }
        }
    }

    /// Which run works on this host alone.
    pub fn leased_by(&self, host: &str) -> Option<RunId> {
        self.leases.0.get(host).copied()
    }

    /// Gives one host back when the run has ended there, and lets others go on.
    pub(super) fn release_lease(&mut self, run: RunId, host: HostIx) {
        let Some(live) = self.runs.get(&run) else {
            return;
        };
        let done = matches!(
            live.run.host(host).map(|state| state.phase),
            Some(Phase::Done(_))
        );
        if live.run.spec.lease != Lease::Exclusive || !done {
            return;
        }
        if let Some(target) = live.run.spec.targets.get(host.index()) {
            self.leases.0.remove(&target.name);
        }
        self.free_held();
    }

    /// Gives every host of a run back.
    pub(super) fn release_leases(&mut self, run: RunId) {
        let ended = self
            .runs
            .get(&run)
            .is_some_and(|live| live.run.ended.is_some());
        let exclusive = self
            .runs
            .get(&run)
            .is_some_and(|live| live.run.spec.lease == Lease::Exclusive);
        if ended && exclusive {
            self.leases.0.retain(|_, holder| *holder != run);
            self.free_held();
        }
    }

    /// Why an exclusive run that will not wait cannot start now.
    pub(super) fn lease_conflict(&self, spec: &RunSpec) -> Option<Fault> {
        // What is made of runs claims nothing itself, and its runs do.
        if spec.lease != Lease::Exclusive && spec.stages.is_none() {
            return None;
        }
        spec.reaches().find_map(|name| {
            let holder = self.leases.0.get(name)?;
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

    /// Makes hosts ready whose lease is free again.
    fn free_held(&mut self) {
        let freed: Vec<(RunId, Vec<HostIx>)> = self
            .runs
            .iter()
            .filter(|(_, live)| live.run.tally.held > 0)
            .map(|(id, live)| (*id, self.held_and_free(*id, &live.run)))
            .filter(|(_, hosts)| !hosts.is_empty())
            .collect();
        for (run, hosts) in freed {
            let event = Event {
                at: now(),
                what: What::Freed { hosts },
            };
            if let Err(error) = self.commit(run, &[event], &[]) {
                tracing::error!(%run, %error, "a free lease could not be recorded");
            }
        }
    }

    fn held_and_free(&self, id: RunId, run: &crate::run::state::Run) -> Vec<HostIx> {
        run.hosts()
            .filter(|(_, state)| matches!(state.phase, Phase::Held(_)))
            .filter(|(ix, _)| {
                run.spec
                    .targets
                    .get(ix.index())
                    .is_some_and(|target| self.leases.other(&target.name, id).is_none())
            })
            .map(|(ix, _)| ix)
            .collect()
    }
}

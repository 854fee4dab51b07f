//! What must hold when a run is rolled back.

use std::collections::{BTreeMap, HashSet};

use crate::run::event::{EndState, Event, What};
use crate::run::ids::{HostIx, StepIx};
use crate::run::outcome::OutcomeKind;
use crate::run::spec::Act;
use crate::run::state::{Phase, Run};

/// What was seen of it, kept apart from the run's own books.
#[derive(Debug, Clone, Default)]
pub(super) struct Rollbacks {
    /// Steps that came to the host, however they ended.
    began: HashSet<(HostIx, StepIx)>,
    /// Steps that were undone, in order.
    undone: BTreeMap<HostIx, Vec<StepIx>>,
    /// It was asked for, and where by name.
    asked: Option<HashSet<HostIx>>,
    /// A person ended it early, or left hosts out.
    broken_off: bool,
}

impl Rollbacks {
    pub fn before(&mut self, run: &Run, event: &Event) {
        match &event.what {
            What::RollingBack { hosts, .. } => {
                let all: HashSet<HostIx> = run.hosts().map(|(ix, _)| ix).collect();
                let named = if hosts.is_empty() {
                    all
                } else {
                    hosts.iter().copied().collect()
                };
                self.asked.get_or_insert_default().extend(named);
            }
            What::Dispatched { step, hosts, .. } => {
                let undoes = run.spec.step(*step).unwrap().rules.undoes;
                assert_eq!(
                    undoes.is_some(),
                    self.asked.is_some(),
                    "only one way at a time"
                );
                for host in hosts.iter().filter(|_| undoes.is_some()) {
                    self.undoes(run, *host, *step, undoes.unwrap());
                }
            }
            What::Parked { host, .. } => {
                if let Some(undone) = self.undone.get_mut(host) {
                    undone.pop();
                }
            }
            What::Finished(end) => {
                let step = run.spec.step(end.step).unwrap();
                let exec = matches!(step.act, Act::Exec(_));
                let came = match end.outcome.kind() {
                    OutcomeKind::Refused | OutcomeKind::NotStarted => false,
                    OutcomeKind::Unreachable => !exec,
                    _ => true,
                };
                if came {
                    self.began.insert((end.host, end.step));
                }
            }
            What::Aborted { .. } | What::Skipped { .. } if self.asked.is_some() => {
                self.broken_off = true;
            }
            _ => {}
        }
    }

    fn undoes(&mut self, run: &Run, host: HostIx, undo: StepIx, step: StepIx) {
        let asked = self.asked.as_ref().unwrap();
        assert!(asked.contains(&host), "{host} is not rolled back");
        assert!(
            self.began.contains(&(host, step)),
            "{host} undoes {step}, which never came to it"
        );
        // No task of the host is in flight: it stands ready.
        assert_eq!(run.host(host).unwrap().phase, Phase::Ready, "{host}");
        let undone = self.undone.entry(host).or_default();
        assert!(
            undone.last().is_none_or(|last| *last <= undo),
            "{host} undoes {undo} after {undone:?}"
        );
        undone.push(undo);
    }

    /// Everything that began is undone, unless that failed or a person kept it from being.
    pub fn at_the_end(&self, run: &Run, skipped: &HashSet<StepIx>) {
        let Some(asked) = &self.asked else {
            assert!(self.undone.is_empty());
            return;
        };
        let (state, _) = run.ended.unwrap();
        assert_ne!(state, EndState::Succeeded, "it was rolled back");
        if self.broken_off {
            return;
        }
        for (host, state) in run.hosts().filter(|(ix, _)| asked.contains(ix)) {
            let undone = self.undone.get(&host);
            let left = (run.forward..)
                .map(StepIx)
                .zip(run.spec.steps.iter().skip(usize::from(run.forward)));
            let left = left
                .filter(|(undo, _)| !skipped.contains(undo))
                .filter(|(_, step)| self.began.contains(&(host, step.rules.undoes.unwrap())))
                .find(|(undo, _)| undone.is_none_or(|undone| !undone.contains(undo)));
            let ended = matches!(state.phase, Phase::Done(kind) if kind.is_failure());
            let in_doubt = state.phase == Phase::Done(OutcomeKind::InDoubt);
            let failed = ended && run.is_undo(state.step);
            assert!(
                left.is_none() || failed || in_doubt,
                "{host} was not brought back: {:?} at {}",
                state.phase,
                state.step
            );
        }
    }
}

//! Rolling back: what steps did is undone on their hosts, the last step first.
//!
//! The commands that undo stand behind the other steps, in reverse order, and no host comes to them
//! by going on: a rollback sends it there. From then on nothing goes forward any more. A host undoes
//! what began on it, and nothing before its task in flight has ended.

use std::collections::HashSet;

use super::command::Refusal;
use super::event::{Finished, What};
use super::ids::{At, HostIx, StepIx};
use super::line_up::Line;
use super::outcome::OutcomeKind;
use super::spec::{Act, RunSpec};
use super::state::{Effect, Phase, Run};

/// Which steps that can be undone began on which host.
#[derive(Debug, Clone, Default)]
pub(super) struct Traces {
    /// Words of 64 bits for each host; none where nothing can be undone.
    words: usize,
    bits: Vec<u64>,
}

impl Traces {
    pub fn of(spec: &RunSpec) -> Self {
        let words = (spec.steps.len() - usize::from(spec.forward())).div_ceil(64);
        Self {
            words,
            bits: vec![0; words * spec.targets.len()],
        }
    }

    fn place(&self, host: HostIx, undo: u16) -> (usize, u64) {
        let word = host.index() * self.words + usize::from(undo / 64);
        (word, 1 << (undo % 64))
    }

    fn leave(&mut self, host: HostIx, undo: u16) {
        let (word, bit) = self.place(host, undo);
        if let Some(word) = self.bits.get_mut(word) {
            *word |= bit;
        }
    }

    fn holds(&self, host: HostIx, undo: u16) -> bool {
        let (word, bit) = self.place(host, undo);
        self.bits.get(word).is_some_and(|word| word & bit != 0)
    }
}

impl Run {
    /// Whether this step undoes another.
    pub fn is_undo(&self, step: StepIx) -> bool {
        step.0 >= self.forward
    }

    /// Whether what this step does belongs to a way that the run has left: it is rolled back.
    pub fn is_left(&self, step: StepIx) -> bool {
        self.rolled_back.is_some() && !self.is_undo(step)
    }

    /// The steps of this host from this one on, in the direction it goes.
    pub(super) fn course(&self, host: HostIx, from: StepIx) -> impl Iterator<Item = StepIx> + '_ {
        let steps = u16::try_from(self.spec.steps.len()).unwrap_or(u16::MAX);
        let end = if self.is_undo(from) {
            steps
        } else {
            self.forward
        };
        (from.0..end)
            .map(StepIx)
            .filter(move |step| !self.skipped_steps.contains(step))
            .filter(move |step| !self.is_undo(*step) || self.is_to_undo(host, *step))
    }

    fn is_to_undo(&self, host: HostIx, undo: StepIx) -> bool {
        self.traces.holds(host, undo.0 - self.forward)
    }

    /// The first command that undoes something on this host.
    fn first_undo(&self, host: HostIx) -> Option<StepIx> {
        self.course(host, StepIx(self.forward)).next()
    }

    fn goes_back(&self, host: HostIx) -> bool {
        self.host(host)
            .is_some_and(|state| self.is_undo(state.step))
    }

    /// Notes that a step which can be undone began: an attempt that never came to the host did not.
    pub(super) fn leaves_trace(&mut self, finished: &Finished) {
        let undo = (self.forward..)
            .zip(self.spec.steps.iter().skip(usize::from(self.forward)))
            .find(|(_, step)| step.rules.undoes == Some(finished.step))
            .map(|(undo, _)| undo - self.forward);
        let exec = |step| {
            let act = self.spec.step(step).map(|step| &step.act);
            matches!(act, Some(Act::Exec(_) | Act::Http(_)))
        };
        let never = finished.unbegun
            || match finished.outcome.kind() {
                OutcomeKind::Refused | OutcomeKind::NotStarted => true,
                OutcomeKind::Unreachable => exec(finished.step),
                _ => false,
            };
        if let Some(undo) = undo
            && !never
        {
            self.traces.leave(finished.host, undo);
        }
    }

    /// What a request to roll back comes to. No hosts are all hosts but those in doubt.
    pub(super) fn decide_rollback(
        &self,
        (by, reason): (&str, &str),
        among: &[HostIx],
        with_whole: bool,
    ) -> Result<Vec<What>, Refusal> {
        self.need_conn(by)?;
        let follows = with_whole && self.ended.is_none() && self.rolled_back.is_none();
        let rolling_back = |hosts: Vec<HostIx>| {
            Ok(vec![What::RollingBack {
                by: by.to_owned(),
                reason: reason.to_owned(),
                hosts,
            }])
        };
        if follows {
            return rolling_back(Vec::new());
        }
        if usize::from(self.forward) == self.spec.steps.len() {
            return Err(Refusal::BadValue {
                run: self.id,
                why: "none of its steps has a rollback command, so nothing can be undone; to stop \
                      it: conn runs abort"
                    .to_owned(),
            });
        }
        let all = among.is_empty();
        if all && self.rolled_back.is_some() && self.ended.is_none() {
            return self.already("being rolled back");
        }
        let hosts = self.goes_back_of(among);
        if hosts.is_empty() {
            return self.no_host(
                "has anything to undo: no step with a rollback command began there, or it was \
                 rolled back, or is in doubt (settle it, or name it with --host)",
            );
        }
        rolling_back(if all { Vec::new() } else { hosts })
    }

    /// The hosts of these that have something to undo, or are about to; no hosts are all hosts but
    /// those in doubt.
    fn goes_back_of(&self, among: &[HostIx]) -> Vec<HostIx> {
        let all = among.is_empty();
        let wanted: HashSet<HostIx> = among.iter().copied().collect();
        self.hosts()
            .filter(|(ix, _)| all || wanted.contains(ix))
            .filter(|(ix, state)| match state.phase {
                _ if self.goes_back(*ix) => false,
                Phase::Busy { .. } => true,
                Phase::Done(OutcomeKind::InDoubt) if all => false,
                _ => self.first_undo(*ix).is_some(),
            })
            .map(|(ix, _)| ix)
            .collect()
    }

    /// Whether a rollback finds anything to undo.
    pub fn has_to_undo(&self) -> bool {
        let undoes = usize::from(self.forward) < self.spec.steps.len();
        undoes && !self.goes_back_of(&[]).is_empty()
    }

    /// Whether the rollout goes back by itself now that too much failed.
    pub(super) fn can_undo(&self) -> bool {
        self.hosts()
            .any(|(ix, _)| !self.goes_back(ix) && self.first_undo(ix).is_some())
    }

    pub(super) fn rolling_back(&mut self, by: &str, named: &[HostIx], at: At) -> Vec<Effect> {
        self.rolled_back = Some(by.to_owned());
        self.undoing = Some(at);
        self.ended = None;
        (self.paused, self.aborted_by, self.abort_after) = (None, None, None);
        (self.line, self.soaking) = (Line::default(), None);
        self.barred.clear();
        let wanted: HashSet<HostIx> = named.iter().copied().collect();
        let unstarted: Vec<HostIx> = self
            .hosts()
            .filter(|(ix, state)| state.phase.is_unstarted() && !self.goes_back(*ix))
            .map(|(ix, _)| ix)
            .collect();
        self.unqueue(&unstarted);
        for host in (0..).map(HostIx).take(self.hosts.len()) {
            if !self.goes_back(host) {
                let wanted = named.is_empty() || wanted.contains(&host);
                self.turns_back(host, wanted, !named.is_empty(), at);
            }
        }
        Vec::new()
    }

    fn turns_back(&mut self, host: HostIx, wanted: bool, named: bool, at: At) {
        let first = self.first_undo(host).filter(|_| wanted);
        if let Some(state) = self.hosts.get_mut(host.index()) {
            state.back |= wanted;
        }
        match (self.phase(host), first) {
            // It goes back when what is under way there has ended.
            (Some(Phase::Busy { .. }) | None, _) => {}
            // What nobody knows is left to a person.
            (Some(Phase::Done(OutcomeKind::InDoubt)), _) if !named => {}
            (_, Some(step)) => self.undoes_from(host, step),
            (Some(phase), None) if phase.is_unstarted() => {
                self.done(host, self.cut_short(host), at);
            }
            _ => {}
        }
    }

    fn undoes_from(&mut self, host: HostIx, step: StepIx) {
        self.forget_mars(host);
        self.stands_at(host, step);
        self.make_ready(host);
    }

    /// The dispatch of a step that the run has left was taken back: nothing had been sent.
    pub(super) fn taken_back(&mut self, host: HostIx, at: At) {
        let back = self.host(host).is_some_and(|state| state.back);
        match self.first_undo(host).filter(|_| back) {
            Some(step) => self.undoes_from(host, step),
            None => self.done(host, self.cut_short(host), at),
        }
    }

    /// A step that the run has left is over on this host.
    pub(super) fn concluded_left(&mut self, finished: &Finished, at: At) {
        let (host, kind) = (finished.host, finished.outcome.kind());
        let back = self.host(host).is_some_and(|state| state.back);
        let first = self.first_undo(host).filter(|_| back);
        let next = StepIx(finished.step.0 + 1);
        let more = !self.is_undo(next) && self.course(host, next).next().is_some();
        match (kind, first) {
            (OutcomeKind::InDoubt, _) => self.done(host, kind, at),
            (_, Some(step)) if self.aborted_by.is_none() => self.undoes_from(host, step),
            (OutcomeKind::Ok, _) if more => self.done(host, OutcomeKind::Cancelled, at),
            (OutcomeKind::Ok, _) => self.ends(host, at),
            _ => self.done(host, kind, at),
        }
    }
}

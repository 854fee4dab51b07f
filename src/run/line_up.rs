//! Lines: hosts of a batch that wait for each other before a step.
//!
//! A wait and a question to a person are done once a batch, when all of its hosts have come to them.
//! In lockstep every step begins so. A line that was passed once stays open for the batch: a host
//! that comes later goes on at once.

use super::event::{Event, What};
use super::ids::{At, Attempt, HostIx, StepIx};
use super::spec::Act;
use super::stages::{Child, Registered, StageIx};
use super::state::{Effect, Phase, Run};

/// The line of the open batch.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    /// The last step that the batch went to together.
    passed: Option<StepIx>,
    /// The barrier that the batch stands before.
    at: Option<Barrier>,
    /// The step that one host did for all of them, or that a person went on without.
    answered: Option<StepIx>,
    /// Whether nobody came to stand in line since one was sent to do it for all of them.
    whole: bool,
    /// Whether the leases of all hosts of the batch were claimed.
    pub(super) claimed: bool,
}

/// A barrier that was reached.
#[derive(Debug, Clone)]
struct Barrier {
    step: StepIx,
    /// When it is over by itself, or the question.
    until: Option<At>,
    approved: Option<Yes>,
}

/// A person's yes.
#[derive(Debug, Clone)]
struct Yes {
    at: At,
    /// What it was said to.
    digest: String,
}

impl Line {
    /// When what the batch waits for at this step is over.
    pub fn waits(&self, step: StepIx) -> Option<At> {
        let barrier = self.at.as_ref().filter(|barrier| barrier.step == step)?;
        barrier.until
    }

    /// The barrier that the batch stands before.
    pub fn reached(&self) -> Option<StepIx> {
        self.at.as_ref().map(|barrier| barrier.step)
    }

    /// The wall clock was set by so many milliseconds.
    pub fn shift(&mut self, by: i64) {
        if let Some(barrier) = &mut self.at {
            barrier.until.iter_mut().for_each(|until| until.shift(by));
            if let Some(yes) = &mut barrier.approved {
                yes.at.shift(by);
            }
        }
    }

    /// Who comes to stand in line was not looked at before.
    fn joined(&mut self) {
        (self.answered, self.whole) = (None, false);
    }

    /// One is sent to do something for all who stand in line.
    pub fn sent(&mut self) {
        self.whole = true;
    }

    /// A question nobody answered in time is asked anew when the run goes on. A yes stays one.
    pub fn asked_again(&mut self) {
        self.at.take_if(|barrier| barrier.approved.is_none());
    }
}

/// What a run asks of the engine around it when it decides what comes next.
pub trait Around {
    /// Which other run holds the host's lease, if any.
    fn lease(&self, host: HostIx) -> Option<super::ids::RunId>;

    /// Whether the condition of this step holds on the host. Asked only of steps that have one.
    fn holds(&self, host: HostIx, step: StepIx) -> bool;

    /// How a run that this one is made of stands; none when it cannot be read any more.
    fn child(&self, _run: super::ids::RunId) -> Option<Child> {
        None
    }

    /// What such a run registered.
    fn registered(&self, _run: super::ids::RunId) -> Registered {
        Registered::new()
    }

    /// Whether the condition of a stage holds that is judged when the stage would begin; `Err` is a
    /// sentence.
    fn stage_holds(&self, _stage: StageIx) -> Result<bool, String> {
        Ok(true)
    }

    /// The question of a stage that is known when it is asked; `Err` is a sentence.
    fn stage_question(&self, _stage: StageIx) -> Result<String, String> {
        Ok(String::new())
    }

    /// Whether such a run has not ended.
    fn is_live(&self, run: super::ids::RunId) -> bool {
        matches!(self.child(run), Some(Child::Live { .. }))
    }
}

/// Nobody else works on any host, and every condition holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Around for Alone {
    fn lease(&self, _: HostIx) -> Option<super::ids::RunId> {
        None
    }

    fn holds(&self, _: HostIx, _: StepIx) -> bool {
        true
    }
}

impl Run {
    /// Whether the host waits for its batch before the step it has come to.
    pub(super) fn lines_up(&self, host: HostIx) -> bool {
        let Some(step) = self.host(host).map(|state| state.step) else {
            return false;
        };
        (self.batch_from..self.opened).contains(&host.0) && self.has_line(step)
    }

    /// Whether the open batch goes to this step together, and has not yet.
    pub(super) fn has_line(&self, step: StepIx) -> bool {
        let open = self.line.passed.is_some_and(|passed| step <= passed);
        let asks = self.spec.step(step).is_some_and(|step| step.rules.together);
        let together = asks || (self.spec.rollout.lockstep && step > StepIx(0));
        !open
            && !self.is_undo(step)
            && (together || self.is_barrier(step))
            && !self.spec.connects_only(step)
    }

    pub(super) fn is_barrier(&self, step: StepIx) -> bool {
        self.spec
            .step(step)
            .is_some_and(super::spec::Step::is_barrier)
    }

    pub(super) fn is_once(&self, step: StepIx) -> bool {
        self.spec.step(step).is_some_and(|step| step.rules.once)
    }

    /// Lets a host begin, or begin again, at the step it stands at: now, with its batch, or behind
    /// what its batch has done together already.
    pub(super) fn begins(&mut self, host: HostIx, at: At) {
        let Some(state) = self.host(host) else {
            return;
        };
        let Some(step) = self.course(host, state.step).next() else {
            self.ends(host, at);
            return;
        };
        if step != state.step {
            self.stands_at(host, step);
        }
        if host.0 >= self.opened && !self.is_holding() {
            self.set_phase(host, Phase::Waiting);
        } else if self.lines_up(host) {
            self.stands_in_line(host);
        } else if self.is_barrier(step) {
            self.beyond(host, at);
        } else if host.0 < self.batch_from && !self.to_claim().is_empty() {
            // It does not stand behind those that wait for the leases of all of their batch.
            self.set_phase(host, Phase::Ready);
            self.ready.push_front(host);
        } else {
            self.make_ready(host);
        }
    }

    pub(super) fn stands_at(&mut self, host: HostIx, step: StepIx) {
        if let Some(state) = self.hosts.get_mut(host.index()) {
            (state.step, state.attempt) = (step, Attempt(0));
        }
    }

    /// The host's next step after this one.
    pub(super) fn step_after(&self, host: HostIx, step: StepIx) -> Option<StepIx> {
        self.course(host, step).find(|next| *next > step)
    }

    /// Hosts that stand in line. Those of the open batch, at most.
    pub(super) fn in_line(&self) -> impl Iterator<Item = HostIx> + '_ {
        let batch = self.batch_from..self.opened;
        batch
            .map(HostIx)
            .filter(|host| self.phase(*host) == Some(Phase::InLine))
    }

    /// The first in line does for its batch what is done once, when nobody else is at work. It needs
    /// no lease: what it asks is no host.
    pub(super) fn dispatch_once(&self, now: At) -> Option<Event> {
        if self.tally.busy() > 0 || self.holds_line_up() {
            return None;
        }
        if !self.ready.is_empty() || !self.resting.is_empty() {
            return None;
        }
        let host = self.in_line().next()?;
        let state = self.host(host)?;
        let step = state.step;
        if !self.is_once(step) || self.line.answered == Some(step) {
            return None;
        }
        let what = What::Dispatched {
            step,
            attempt: Attempt(state.attempt.0 + 1),
            hosts: vec![host],
        };
        Some(Event { at: now, what })
    }

    /// Whether the batch waits for somebody who is to come to stand in line.
    pub(super) fn holds_line_up(&self) -> bool {
        self.tally.parked > 0 || (self.tally.held > 0 && !self.line.claimed)
    }

    /// One host did for its batch what is done once.
    pub(super) fn answered(&mut self, host: HostIx, step: StepIx) {
        let of_batch = (self.batch_from..self.opened).contains(&host.0);
        if self.line.whole && of_batch && self.is_once(step) {
            self.line.answered = Some(step);
        }
    }

    pub(super) fn stands_in_line(&mut self, host: HostIx) {
        self.set_phase(host, Phase::InLine);
        self.line.joined();
    }

    /// A person lets the run go on although the gate did not open: nobody is asked again.
    pub(super) fn gone_on_without(&mut self) {
        let batch = self.batch_from..self.opened;
        let barred = self.barred.iter().find(|host| batch.contains(&host.0));
        let barred = barred.and_then(|host| self.host(*host));
        let step = barred.map(|state| state.step);
        if let Some(step) = step.filter(|step| self.is_once(*step)) {
            self.line.answered = Some(step);
        }
    }

    /// What follows when nobody of the batch is at work any more and some stand in line.
    pub(super) fn line_event(&self, now: At, around: &dyn Around) -> Option<Event> {
        let first = self.in_line().next()?;
        let step = self.host(first)?.step;
        let spec = self.spec.step(step)?;
        let event = |what| Some(Event { at: now, what });
        let reached = self.line.at.as_ref().filter(|barrier| barrier.step == step);
        let passed = || event(What::LinePassed { step });
        let reach = |until| event(What::BarrierReached { step, until });
        if spec.rules.once && self.line.answered != Some(step) {
            return None;
        }
        if !spec.is_barrier() || (spec.rules.conditional && !around.holds(first, step)) {
            return passed();
        }
        match (&spec.act, reached) {
            (Act::Wait(pause), None) => reach(Some(later(now, *pause))),
            (Act::Approve(approval), None) => {
                reach(approval.expires.map(|pause| later(now, pause)))
            }
            (
                Act::Approve(approval),
                Some(Barrier {
                    approved: Some(yes),
                    ..
                }),
            ) => {
                let old = approval.use_within.map(|within| later(yes.at, within));
                if old.is_some_and(|until| until < now) || yes.digest != self.spec.digest() {
                    return reach(approval.expires.map(|pause| later(now, pause)));
                }
                passed()
            }
            (act, Some(barrier)) if barrier.until.is_some_and(|until| until <= now) => {
                if matches!(act, Act::Wait(_)) {
                    return passed();
                }
                event(What::Paused {
                    by: super::decide::BY_RULE.to_owned(),
                    reason: format!(
                        "nobody approved \"{}\" in time; resume asks again",
                        spec.name
                    ),
                })
            }
            _ => None,
        }
    }

    /// The step that asks a person now, if any.
    pub fn asks(&self) -> Option<(StepIx, Option<At>)> {
        let barrier = self
            .line
            .at
            .as_ref()
            .filter(|barrier| barrier.approved.is_none())?;
        let asks = matches!(self.spec.step(barrier.step)?.act, Act::Approve(_));
        (asks && self.ended.is_none()).then_some((barrier.step, barrier.until))
    }

    /// Until when the run lets time pass: a wait, or the time between two batches.
    pub fn waits_until(&self) -> Option<At> {
        let barrier = self.line.at.as_ref();
        let wait = barrier.filter(|barrier| {
            let step = self.spec.step(barrier.step);
            step.is_some_and(|step| matches!(step.act, Act::Wait(_)))
        });
        wait.and_then(|barrier| barrier.until)
            .or(self.soaking.map(|(_, until)| until))
    }

    /// Whether it lets time pass between two batches.
    pub fn is_soaking(&self) -> bool {
        self.soaking.is_some() && self.line.at.is_none()
    }

    pub(super) fn barrier_reached(&mut self, step: StepIx, until: Option<At>) -> Vec<Effect> {
        self.line.at = Some(Barrier {
            step,
            until,
            approved: None,
        });
        Vec::new()
    }

    pub(super) fn approved(&mut self, digest: &str, at: At) -> Vec<Effect> {
        if let Some(barrier) = &mut self.line.at {
            let digest = digest.to_owned();
            barrier.approved = Some(Yes { at, digest });
        }
        Vec::new()
    }

    pub(super) fn line_passed(&mut self, step: StepIx, at: At) -> Vec<Effect> {
        self.line.at = None;
        self.line.passed = self.line.passed.max(Some(step));
        let hosts: Vec<HostIx> = self.in_line().collect();
        let barrier = self.is_barrier(step) || self.is_once(step);
        for host in hosts {
            if self.host(host).map(|state| state.step) != Some(step) {
                continue;
            }
            if barrier {
                self.beyond(host, at);
            } else {
                self.make_ready(host);
            }
        }
        Vec::new()
    }

    pub(super) fn passed(&mut self, hosts: &[HostIx], at: At) -> Vec<Effect> {
        self.unqueue(hosts);
        for &host in hosts {
            self.beyond(host, at);
        }
        Vec::new()
    }

    pub(super) fn step_skipped(&mut self, step: StepIx, at: At) -> Vec<Effect> {
        self.skipped_steps.insert(step);
        let there: Vec<HostIx> = self
            .hosts()
            .filter(|(_, state)| state.step == step && state.phase.is_unstarted())
            .filter(|(_, state)| state.phase != Phase::Waiting)
            .map(|(ix, _)| ix)
            .collect();
        self.line.at.take_if(|barrier| barrier.step == step);
        self.passed(&there, at)
    }

    /// The host goes on behind the step it stands at, or ends there.
    pub(super) fn beyond(&mut self, host: HostIx, at: At) {
        let Some(step) = self.host(host).map(|state| state.step) else {
            return;
        };
        let Some(next) = self.step_after(host, step) else {
            self.ends(host, at);
            return;
        };
        self.stands_at(host, next);
        self.goes_on(host, at);
    }

    pub(super) fn soaks(&mut self, batch: u32, until: At) -> Vec<Effect> {
        self.soaking = Some((batch, until));
        Vec::new()
    }

    /// Takes hosts out of what they wait in besides the ready queue.
    pub(super) fn leave_rest_and_line(&mut self, hosts: &[HostIx]) {
        for &host in hosts {
            if let Some(Phase::Resting(until)) = self.phase(host) {
                self.resting.remove(&(until, host));
            }
        }
    }
}

/// A moment so much later.
pub(super) fn later(now: At, pause: std::time::Duration) -> At {
    let pause = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
    At(now.0.saturating_add(pause))
}

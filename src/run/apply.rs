//! Events become state: what each of them changes, and what must be done now. Never fails.

use std::sync::Arc;

use super::decide::BY_RULE;
use super::event::{Cut, EndState, Event, Finished, What};
use super::ids::{At, Attempt, HostIx, RunId, StepIx};
use super::line_up::Line;
use super::outcome::{Outcome, OutcomeKind};
use super::stages::StageEvent;
use super::state::{Effect, Pause, Phase, Run, TakeAsked};

impl Run {
    /// Makes the event part of the run and says what must be done now.
    pub fn apply(&mut self, event: &Event) -> Vec<Effect> {
        self.latest = match event.what {
            What::ClockSet { .. } => event.at,
            _ => self.latest.max(event.at),
        };
        let effects = self.happened(event);
        // Who waits for a secret is told of just before it waits.
        let told = matches!(event.what, What::SecretLacking { .. });
        if !told && self.tally.parked + self.tally.reattaching == 0 {
            self.lacks_secret = None;
        }
        effects
    }

    fn happened(&mut self, event: &Event) -> Vec<Effect> {
        match &event.what {
            What::Created { .. } | What::Noted { .. } | What::Recovered { .. } => Vec::new(),
            What::Dispatched {
                step,
                attempt,
                hosts,
            } => self.dispatched(*step, *attempt, hosts, event.at),
            What::Parked { host, why } => self.parked(*host, why, event.at),
            What::Unparked => self.unparked(event.at),
            What::SecretLacking { secret } => {
                self.lacks_secret = Some(secret.clone());
                Vec::new()
            }
            What::SecretGiven { .. } => {
                self.lacks_secret = None;
                self.unparked(event.at)
            }
            What::Held { hosts, by } => self.held(hosts, *by),
            What::Freed { hosts } => self.freed(hosts, event.at),
            What::Reattaching { hosts } => self.reattaching(hosts),
            What::Finished(finished) => self.finished(finished, event.at),
            What::Registered { host, values } => {
                let known = self.registered.entry(*host).or_default();
                known.extend(values.clone());
                Vec::new()
            }
            What::Rested { hosts } => self.rested(hosts, event.at),
            What::Passed { hosts, .. } => self.passed(hosts, event.at),
            What::BarrierReached { step, until } => self.barrier_reached(*step, *until),
            What::Approved { digest, .. } => {
                if let Some(stages) = &mut self.stages
                    && *digest == self.spec.digest()
                {
                    stages.approved(event.at);
                }
                self.approved(digest, event.at)
            }
            What::LinePassed { step } => self.line_passed(*step, event.at),
            What::Soaking { batch, until } => self.soaks(*batch, *until),
            What::StepSkipped { step, .. } => self.step_skipped(*step, event.at),
            What::BatchOpened { batch } => self.batch_opened(*batch, event.at),
            What::Paused { by, reason } => self.pause(by, reason, event.at),
            What::Resumed { .. } => self.resumed(),
            What::AbortAfterBatch { by, reason } => {
                self.abort_after = Some((by.clone(), reason.clone()));
                Vec::new()
            }
            What::Aborted { by, .. } => self.aborted(by, event.at),
            What::RollingBack { by, hosts, .. } => self.rolling_back(by, hosts, event.at),
            What::Retried { by, hosts } => self.retried(by, hosts, event.at),
            What::Skipped { hosts, .. } => self.end_unstarted(hosts, &Outcome::Skipped, event.at),
            What::Settled { host, outcome, .. } => self.settled(*host, outcome, event.at),
            What::Tuned {
                concurrency,
                max_failures,
                batches,
                ..
            } => self.tuned(*concurrency, *max_failures, batches.as_deref()),
            What::TakeAsked { by, reason, until } => self.take_was_asked(by, reason, *until),
            What::TakeRefused { .. } => self.take_answered(),
            What::ConnMoved { to, .. } => self.conn_moved(to),
            What::ClockSet { by } => self.clock_set(*by),
            What::Stage(stage) => self.stage_event(stage, event.at),
            What::ParentPaused { by, reason } => {
                self.pause(by, reason, event.at);
                if let Some(pause) = &mut self.paused {
                    pause.with_parent = true;
                }
                Vec::new()
            }
            What::ParentResumed => {
                self.paused = None;
                Vec::new()
            }
            What::Ended { state } => self.end(*state, event.at),
        }
    }

    pub(super) fn set_phase(&mut self, host: HostIx, phase: Phase) {
        if let Some(state) = self.hosts.get_mut(host.index()) {
            let failed = |phase| matches!(phase, Phase::Done(kind) if kind.is_failure());
            if (self.batch_from..self.opened).contains(&host.0) {
                let before = self
                    .failed_in_batch
                    .saturating_sub(u32::from(failed(state.phase)));
                self.failed_in_batch = before + u32::from(failed(phase));
            }
            if state.marred.is_some() {
                let open = |phase| u32::from(!matches!(phase, Phase::Done(_)));
                self.marred = self.marred.saturating_sub(open(state.phase)) + open(phase);
            }
            self.tally.moved(state.phase, phase);
            state.phase = phase;
        }
    }

    pub(super) fn phase(&self, host: HostIx) -> Option<Phase> {
        self.hosts.get(host.index()).map(|state| state.phase)
    }

    /// Takes hosts out of the ready queue. They stand at its front unless leases made gaps.
    pub(super) fn unqueue(&mut self, hosts: &[HostIx]) {
        self.leave_rest_and_line(hosts);
        let mut rest = hosts.iter().peekable();
        while rest
            .peek()
            .is_some_and(|host| self.ready.front() == Some(host))
        {
            self.ready.pop_front();
            rest.next();
        }
        if rest.peek().is_some() {
            let gone: std::collections::HashSet<HostIx> = rest.copied().collect();
            self.ready.retain(|host| !gone.contains(host));
        }
    }

    fn dispatched(
        &mut self,
        step: StepIx,
        attempt: Attempt,
        hosts: &[HostIx],
        at: At,
    ) -> Vec<Effect> {
        self.unqueue(hosts);
        let claim = self.claims(step, hosts);
        // A host of an earlier batch, tried again, does it for itself alone.
        let batch = self.batch_from..self.opened;
        if self.is_once(step) && hosts.iter().all(|host| batch.contains(&host.0)) {
            self.line.sent();
        }
        for &host in hosts {
            self.set_phase(host, Phase::Busy { reattaching: false });
            if let Some(state) = self.hosts.get_mut(host.index()) {
                state.step = step;
                state.attempt = attempt;
                state.since = at;
                state.began = state.began.or(Some(at));
            }
        }
        let start = Effect::Start {
            step,
            attempt,
            hosts: hosts.to_vec(),
        };
        claim.into_iter().chain([start]).collect()
    }

    fn parked(&mut self, host: HostIx, why: &str, at: At) -> Vec<Effect> {
        self.lacks = Some(why.to_owned());
        self.set_phase(host, Phase::Parked);
        // The dispatch is taken back: the next one is the same attempt.
        if let Some(state) = self.hosts.get_mut(host.index()) {
            state.attempt = Attempt(state.attempt.0.saturating_sub(1));
        }
        if self
            .host(host)
            .is_some_and(|state| self.is_left(state.step))
        {
            self.taken_back(host, at);
        } else if self.aborted_by.is_some() {
            // It was on its way when the run was aborted: nothing will ever wake it.
            self.done(host, self.cut_short(host), at);
        }
        Vec::new()
    }

    fn unparked(&mut self, at: At) -> Vec<Effect> {
        for ix in (0..).map(HostIx).take(self.hosts.len()) {
            if self.phase(ix) == Some(Phase::Parked) {
                self.begins(ix, at);
            }
        }
        Vec::new()
    }

    pub(super) fn make_ready(&mut self, host: HostIx) {
        self.set_phase(host, Phase::Ready);
        self.ready.push_back(host);
    }

    fn held(&mut self, hosts: &[HostIx], by: RunId) -> Vec<Effect> {
        self.unqueue(hosts);
        for &host in hosts {
            self.set_phase(host, Phase::Held(by));
        }
        Vec::new()
    }

    fn freed(&mut self, hosts: &[HostIx], at: At) -> Vec<Effect> {
        for &host in hosts {
            if matches!(self.phase(host), Some(Phase::Held(_))) {
                self.begins(host, at);
            }
        }
        Vec::new()
    }

    fn reattaching(&mut self, hosts: &[HostIx]) -> Vec<Effect> {
        for &host in hosts {
            self.set_phase(host, Phase::Busy { reattaching: true });
        }
        vec![Effect::Reattach {
            hosts: hosts.to_vec(),
        }]
    }

    fn finished(&mut self, finished: &Finished, at: At) -> Vec<Effect> {
        if let Some(state) = self.hosts.get_mut(finished.host.index()) {
            state.last = Some(Arc::new(finished.clone()));
        }
        self.leaves_trace(finished);
        self.note_time(finished, at);
        match self.rest_of(finished, at) {
            Some(until) => self.rests(finished.host, until),
            None => self.concluded(finished, at),
        }
        Vec::new()
    }

    /// The step is over on this host, however it went.
    fn concluded(&mut self, finished: &Finished, at: At) {
        let host = finished.host;
        let kind = finished.outcome.kind();
        if self.is_left(finished.step) {
            self.concluded_left(finished, at);
            return;
        }
        if kind.is_failure() && self.is_gate(finished.step) {
            self.barred.insert(host);
        }
        if kind == OutcomeKind::Ok {
            self.answered(host, finished.step);
        }
        let bears = kind == OutcomeKind::Ok || self.goes_on_after(finished.step, kind);
        if bears && kind != OutcomeKind::Ok {
            self.mar(finished);
        }
        let next = self.step_after(host, finished.step).filter(|_| bears);
        let more = next.is_some();
        if let Some(next) = next {
            self.stands_at(host, next);
        }
        if more && self.aborted_by.is_none() {
            self.goes_on(host, at);
        } else if more {
            // A host that was only connected to has not begun.
            let began = !self.spec.connects_only(finished.step);
            let kind = if began {
                OutcomeKind::Cancelled
            } else {
                OutcomeKind::NotStarted
            };
            self.done(host, kind, at);
        } else if bears {
            self.ends(host, at);
        } else {
            self.done(host, kind, at);
        }
    }

    /// The host did all steps there are: it ends as well as the worst of those it went on after.
    pub(super) fn ends(&mut self, host: HostIx, at: At) {
        let mar = self.host(host).and_then(|state| state.marred.as_ref());
        let kind = mar.map_or(OutcomeKind::Ok, |mar| mar.outcome.kind());
        self.done(host, kind, at);
    }

    /// To its next step: a host that began goes on before another begins, one that was only
    /// connected to waits for its batch.
    pub(super) fn goes_on(&mut self, host: HostIx, at: At) {
        let step = self.host(host).map_or(StepIx(0), |state| state.step);
        if host.0 >= self.opened {
            self.set_phase(host, Phase::Waiting);
        } else if self.lines_up(host) {
            self.stands_in_line(host);
        } else if self.is_barrier(step) {
            self.beyond(host, at);
        } else {
            self.set_phase(host, Phase::Ready);
            self.ready.push_front(host);
        }
    }

    pub(super) fn done(&mut self, host: HostIx, kind: OutcomeKind, at: At) {
        self.set_phase(host, Phase::Done(kind));
        self.finish_order.push(host);
        if let Some(state) = self.hosts.get_mut(host.index()) {
            state.ended = Some(at);
        }
    }

    pub(super) fn open_batch(&mut self, batch: u32, at: At) {
        let size = self.cuts.get(batch as usize).map(|cut| cut.hosts);
        let size = size.unwrap_or(u32::MAX);
        let end = self
            .opened
            .saturating_add(size)
            .min(u32::try_from(self.hosts.len()).unwrap_or(u32::MAX));
        self.batch_from = self.opened;
        (self.failed_in_batch, self.forgiven_in_batch) = (0, 0);
        self.line = Line::default();
        self.soaking = None;
        let from = self.opened;
        self.opened = end;
        self.batch = batch;
        for ix in (from..end).map(HostIx) {
            if self.phase(ix) == Some(Phase::Waiting) {
                self.begins(ix, at);
            }
        }
    }

    fn batch_opened(&mut self, batch: u32, at: At) -> Vec<Effect> {
        self.open_batch(batch, at);
        Vec::new()
    }

    fn pause(&mut self, by: &str, reason: &str, at: At) -> Vec<Effect> {
        self.paused = Some(Pause {
            by: by.to_owned(),
            reason: reason.to_owned(),
            at,
            with_parent: false,
        });
        Vec::new()
    }

    fn resumed(&mut self) -> Vec<Effect> {
        self.paused = None;
        // The look at the first hosts is had when they have ended, not by a pause in their midst.
        let tally = &self.tally;
        self.looked |= tally.busy() == 0 && tally.held + tally.parked == 0 && self.ready.is_empty();
        self.forgiven = self.failures();
        self.accepted = self.forgiven;
        self.forgiven_in_batch = self.failed_in_batch;
        self.line.asked_again();
        self.gone_on_without();
        if let Some(stages) = &mut self.stages {
            stages.resumed();
        }
        self.barred.clear();
        Vec::new()
    }

    fn aborted(&mut self, by: &str, at: At) -> Vec<Effect> {
        self.aborted_by = Some(by.to_owned());
        (self.paused, self.abort_after) = (None, None);
        if let Some(stages) = &mut self.stages {
            stages.closed(at);
        }
        let unstarted: Vec<HostIx> = self
            .hosts()
            .filter(|(_, state)| state.phase.is_unstarted())
            .map(|(ix, _)| ix)
            .collect();
        self.end_unstarted(&unstarted, &Outcome::NotStarted, at);
        vec![Effect::CancelAll]
    }

    /// How a host ends that no task owns: one that did a step already was cut short, not left out.
    pub(super) fn cut_short(&self, host: HostIx) -> OutcomeKind {
        let first = u16::from(self.spec.holds());
        if self.host(host).is_some_and(|state| state.step.0 > first) {
            OutcomeKind::Cancelled
        } else {
            OutcomeKind::NotStarted
        }
    }

    /// Ends hosts no task owns.
    fn end_unstarted(&mut self, hosts: &[HostIx], outcome: &Outcome, at: At) -> Vec<Effect> {
        self.unqueue(hosts);
        for &host in hosts {
            let kind = match outcome {
                Outcome::NotStarted => self.cut_short(host),
                other => other.kind(),
            };
            self.done(host, kind, at);
        }
        Vec::new()
    }

    fn retried(&mut self, by: &str, hosts: &[HostIx], at: At) -> Vec<Effect> {
        let had_ended = self.ended.take().is_some();
        self.aborted_by = None;
        for host in hosts {
            self.barred.remove(host);
        }
        for &host in hosts {
            if matches!(self.phase(host), Some(Phase::Done(_))) {
                if let Some(state) = self.hosts.get_mut(host.index()) {
                    (state.began, state.ended) = (None, None);
                }
                if by != BY_RULE {
                    self.back_to_failure(host);
                }
                self.begins(host, at);
            }
        }
        if had_ended && by != BY_RULE {
            // Whoever tries some again after the end lets the others be.
            self.forgiven = self.failures();
            self.forgiven_in_batch = self.failed_in_batch;
        }
        self.forgive_no_more();
        Vec::new()
    }

    /// What is forgiven is a count of failures that there are: those that are gone make no room for
    /// others.
    fn forgive_no_more(&mut self) {
        let failures = self.failures();
        self.forgiven = self.forgiven.min(failures);
        self.accepted = self.accepted.min(failures);
        self.forgiven_in_batch = self.forgiven_in_batch.min(self.failed_in_batch);
    }

    fn settled(&mut self, host: HostIx, outcome: &Outcome, at: At) -> Vec<Effect> {
        let Some(state) = self.hosts.get_mut(host.index()) else {
            return Vec::new();
        };
        self.ended = None;
        let mut finished = state.last.as_deref().cloned().unwrap_or(Finished {
            host,
            step: state.step,
            attempt: state.attempt,
            outcome: Outcome::InDoubt,
            detail: None,
            phases: super::phases::Phases::default(),
            output: super::event::OutputSum::default(),
            unbegun: false,
        });
        finished.outcome = outcome.clone();
        finished.detail = Some("settled by a person".to_owned());
        if let Some(state) = self.hosts.get_mut(host.index()) {
            state.last = Some(Arc::new(finished.clone()));
        }
        self.concluded(&finished, at);
        self.forgive_no_more();
        Vec::new()
    }

    fn tuned(
        &mut self,
        concurrency: Option<u32>,
        max_failures: Option<u32>,
        batches: Option<&[Cut]>,
    ) -> Vec<Effect> {
        if let Some(limit) = concurrency {
            self.concurrency = limit.max(1);
        }
        if let Some(stages) = &mut self.stages {
            stages.tuned(concurrency);
        }
        if max_failures.is_some() {
            self.max_failures = max_failures;
        }
        let Some(batches) = batches else {
            return Vec::new();
        };
        self.cuts.truncate(self.open_batches());
        self.cuts.extend_from_slice(batches);
        vec![Effect::Recut]
    }

    fn take_was_asked(&mut self, by: &str, reason: &str, until: At) -> Vec<Effect> {
        self.take_asked = Some(TakeAsked {
            by: by.to_owned(),
            reason: reason.to_owned(),
            until,
        });
        Vec::new()
    }

    fn take_answered(&mut self) -> Vec<Effect> {
        self.take_asked = None;
        Vec::new()
    }

    fn conn_moved(&mut self, to: &str) -> Vec<Effect> {
        self.holder = Some(to.to_owned());
        self.take_asked = None;
        Vec::new()
    }

    /// Work that begins again makes a run that had ended go on.
    fn stage_event(&mut self, event: &StageEvent, at: At) -> Vec<Effect> {
        if matches!(
            event,
            StageEvent::Reopened { .. } | StageEvent::TakenUp { .. }
        ) && self.ended.take().is_some()
        {
            self.aborted_by = None;
        }
        if matches!(event, StageEvent::RollingBack { .. }) {
            // Undoing does not wait for anybody, and what it stops is not aborted on top.
            (self.paused, self.aborted_by, self.abort_after) = (None, None, None);
            self.undoing = Some(at);
        }
        if let Some(stages) = &mut self.stages {
            stages.apply(event, at);
        }
        Vec::new()
    }

    fn end(&mut self, state: EndState, at: At) -> Vec<Effect> {
        self.ended = Some((state, at));
        (self.paused, self.abort_after) = (None, None);
        if let Some(stages) = &mut self.stages {
            stages.closed(at);
        }
        vec![Effect::Ended]
    }
}

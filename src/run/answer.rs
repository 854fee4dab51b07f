//! What a run answers to the requests of people: the events that fulfil them, or why not.

use std::collections::HashSet;

use super::command::{Command, Refusal, Verdict, take_until};
use super::decide::events;
use super::event::{Cut, Event, What};
use super::ids::{At, HostIx, StepIx};
use super::outcome::OutcomeKind;
use super::run_state::RunState;
use super::spec::{Act, Approval};
use super::state::{Phase, Run};

impl Run {
    /// Answers a request with the events that fulfil it. Who asks has the role for it: people come
    /// through [`Run::ask`].
    pub(super) fn decide(&self, command: &Command, now: At) -> Result<Vec<Event>, Refusal> {
        let whats = match command {
            Command::Pause { by, reason } => self.decide_pause(by, reason)?,
            Command::Resume { by } => self.decide_resume(by)?,
            Command::Abort { by, reason } => self.decide_abort(by, reason)?,
            Command::AbortAfterBatch { by, reason } => self.decide_abort_after(by, reason)?,
            Command::Retry { by, only, hosts } => self.decide_retry(by, only, hosts)?,
            Command::Rollback {
                by,
                reason,
                hosts,
                with_whole,
            } => self.decide_rollback((by, reason), hosts, *with_whole)?,
            Command::Skip { by, hosts } => self.decide_skip(by, hosts)?,
            Command::SkipStep { by, step } => self.decide_skip_step(by, *step)?,
            Command::SkipStage { by, stage } => self.decide_skip_stage(by, *stage)?,
            Command::TakeUp { by } => self.decide_take_up(by)?,
            Command::Approve { by, reason } => self.decide_approve(by, reason, now)?,
            Command::Reject { by, reason } => self.decide_reject(by, reason)?,
            Command::Settle { by, host, verdict } => self.decide_settle(by, *host, *verdict)?,
            Command::Tune {
                by,
                concurrency,
                max_failures,
                batches,
            } => self.decide_tune(by, *concurrency, *max_failures, batches.as_deref())?,
            Command::Take {
                by,
                reason,
                holder_attached,
            } => self.decide_take(by, reason, *holder_attached, now)?,
            Command::RefuseTake { by } => self.decide_refuse_take(by)?,
            Command::Give { by, to } => self.decide_give(by, to)?,
            Command::Note { by, text } => vec![What::Noted {
                by: by.clone(),
                text: text.clone(),
            }],
        };
        Ok(events(whats, now))
    }

    /// The conn of a part of a run moves with that of the whole only.
    fn need_own_conn(&self) -> Result<(), Refusal> {
        match self.parent {
            Some(parent) => Err(Refusal::PartOf {
                run: self.id,
                parent: parent.run,
            }),
            None => Ok(()),
        }
    }

    pub(super) fn need_conn(&self, by: &str) -> Result<(), Refusal> {
        match &self.holder {
            Some(holder) if holder != by => Err(Refusal::NotHolder {
                run: self.id,
                holder: holder.clone(),
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn need_open(&self) -> Result<(), Refusal> {
        match self.ended {
            Some((state, _)) => Err(Refusal::Ended {
                run: self.id,
                state: RunState::from(state).word(),
            }),
            None => Ok(()),
        }
    }

    pub(super) fn already<T>(&self, state: &'static str) -> Result<T, Refusal> {
        Err(Refusal::Already {
            run: self.id,
            state,
        })
    }

    pub(super) fn no_host<T>(&self, what: impl Into<String>) -> Result<T, Refusal> {
        Err(Refusal::NoHost {
            run: self.id,
            what: what.into(),
        })
    }

    fn decide_pause(&self, by: &str, reason: &str) -> Result<Vec<What>, Refusal> {
        self.need_open()?;
        // One that stands only with its whole does not go on with it then.
        if self.paused.as_ref().is_some_and(|pause| !pause.with_parent) {
            return self.already("paused");
        }
        if self.aborted_by.is_some() {
            return self.already("being aborted");
        }
        Ok(vec![What::Paused {
            by: by.to_owned(),
            reason: reason.to_owned(),
        }])
    }

    fn decide_resume(&self, by: &str) -> Result<Vec<What>, Refusal> {
        self.need_open()?;
        self.need_conn(by)?;
        if self.paused.is_none() {
            return self.already(self.state().word());
        }
        Ok(vec![What::Resumed { by: by.to_owned() }])
    }

    fn decide_abort(&self, by: &str, reason: &str) -> Result<Vec<What>, Refusal> {
        self.need_open()?;
        if self.aborted_by.is_some() {
            return self.already("being aborted");
        }
        Ok(vec![What::Aborted {
            by: by.to_owned(),
            reason: reason.to_owned(),
        }])
    }

    fn decide_abort_after(&self, by: &str, reason: &str) -> Result<Vec<What>, Refusal> {
        self.need_open()?;
        if self.aborted_by.is_some() {
            return self.already("being aborted");
        }
        if self.abort_after.is_some() {
            return self.already("to be aborted after its batch");
        }
        let (by, reason) = (by.to_owned(), reason.to_owned());
        if self.stages.is_some() {
            // What is at work ends after its batch, and nothing else begins.
            return Ok(vec![if self.has_part_at_work() {
                What::AbortAfterBatch { by, reason }
            } else {
                What::Aborted { by, reason }
            }]);
        }
        if self.unopened() == 0 || self.rolled_back.is_some() {
            return Err(Refusal::BadValue {
                run: self.id,
                why: "no batch is to come, so it ends by itself; to end it now: conn runs abort"
                    .to_owned(),
            });
        }
        // Paused between two batches, it would not come to its end by itself.
        Ok(vec![if self.paused.is_some() && self.is_batch_over() {
            What::Aborted { by, reason }
        } else {
            What::AbortAfterBatch { by, reason }
        }])
    }

    fn decide_retry(
        &self,
        by: &str,
        only: &[OutcomeKind],
        among: &[HostIx],
    ) -> Result<Vec<What>, Refusal> {
        self.need_conn(by)?;
        let wanted = |kind: OutcomeKind| {
            if only.is_empty() {
                kind.is_failure() && kind != OutcomeKind::InDoubt
            } else {
                only.contains(&kind)
            }
        };
        let among: HashSet<HostIx> = among.iter().copied().collect();
        let hosts: Vec<HostIx> = self
            .hosts()
            .filter(|(ix, _)| among.is_empty() || among.contains(ix))
            .filter(|(_, state)| matches!(state.phase, Phase::Done(kind) if wanted(kind)))
            // What was left behind by a rollback is not taken up again.
            .filter(|(_, state)| !self.is_left(state.step))
            .map(|(ix, _)| ix)
            .collect();
        if hosts.is_empty() {
            return self.no_host("of those ended in an outcome to retry");
        }
        Ok(vec![What::Retried {
            by: by.to_owned(),
            hosts,
        }])
    }

    fn decide_skip(&self, by: &str, hosts: &[HostIx]) -> Result<Vec<What>, Refusal> {
        self.need_open()?;
        self.need_conn(by)?;
        let wanted: HashSet<HostIx> = hosts.iter().copied().collect();
        let hosts: Vec<HostIx> = self
            .hosts()
            .filter(|(ix, state)| wanted.contains(ix) && state.phase.is_unstarted())
            .map(|(ix, _)| ix)
            .collect();
        if hosts.is_empty() {
            return self.no_host("of those is still to start");
        }
        Ok(vec![What::Skipped {
            by: by.to_owned(),
            hosts,
        }])
    }

    fn decide_skip_step(&self, by: &str, step: StepIx) -> Result<Vec<What>, Refusal> {
        self.need_open()?;
        self.need_conn(by)?;
        if self.skipped_steps.contains(&step) {
            return self.already("without that step");
        }
        let asks = |step: &super::spec::Step| matches!(step.act, Act::Approve(_));
        if self.spec.step(step).is_some_and(asks) {
            return Err(Refusal::BadValue {
                run: self.id,
                why: "that step asks a person, so it is answered and not left out: \
                      conn runs approve, or reject"
                    .to_owned(),
            });
        }
        let by = by.to_owned();
        Ok(vec![What::StepSkipped { by, step }])
    }

    fn decide_approve(&self, by: &str, reason: &str, now: At) -> Result<Vec<What>, Refusal> {
        self.need_open()?;
        let approval = self.asked()?;
        if let Some(until) = self.asked_until().filter(|until| *until <= now) {
            return Err(Refusal::BadValue {
                run: self.id,
                why: format!(
                    "it could be answered until {}, and is asked anew when the run goes on: \
                     conn runs resume {}",
                    until.rfc3339(),
                    self.id
                ),
            });
        }
        if approval.not_starter && by == self.starter {
            return Err(Refusal::OwnRun {
                run: self.id,
                by: by.to_owned(),
                ask: "somebody else".to_owned(),
            });
        }
        Ok(vec![What::Approved {
            by: by.to_owned(),
            reason: reason.to_owned(),
            digest: self.spec.digest(),
        }])
    }

    fn decide_reject(&self, by: &str, reason: &str) -> Result<Vec<What>, Refusal> {
        self.need_open()?;
        self.asked()?;
        let (by, reason) = (by.to_owned(), format!("rejected: {reason}"));
        Ok(vec![What::Aborted { by, reason }])
    }

    /// What a person is asked now.
    pub(super) fn asked(&self) -> Result<&Approval, Refusal> {
        if let Some(approval) = self.stage_asks() {
            return Ok(approval);
        }
        let step = self.asks().and_then(|(step, _)| self.spec.step(step));
        match step.map(|step| &step.act) {
            Some(Act::Approve(approval)) => Ok(approval),
            _ => Err(Refusal::NotAsked { run: self.id }),
        }
    }

    /// Until when the question may be answered, when that has an end.
    fn asked_until(&self) -> Option<At> {
        let of_stage = self.stages.as_ref().and_then(|stages| stages.asked);
        match of_stage {
            Some((_, until)) => until,
            None => self.asks()?.1,
        }
    }

    fn decide_settle(
        &self,
        by: &str,
        host: HostIx,
        verdict: Verdict,
    ) -> Result<Vec<What>, Refusal> {
        self.need_conn(by)?;
        let doubted = self
            .host(host)
            .is_some_and(|state| state.phase == Phase::Done(OutcomeKind::InDoubt));
        if !doubted {
            return self.no_host("of that name is in doubt");
        }
        if verdict == Verdict::Retry
            && self
                .host(host)
                .is_some_and(|state| self.is_left(state.step))
        {
            return Err(Refusal::BadValue {
                run: self.id,
                why: "it is rolled back, so nothing of it starts again; settle the host as ok or \
                      failed, and what it did is undone"
                    .to_owned(),
            });
        }
        let by = by.to_owned();
        Ok(vec![match verdict.outcome() {
            Some(outcome) => What::Settled { by, host, outcome },
            None => What::Retried {
                by,
                hosts: vec![host],
            },
        }])
    }

    fn decide_tune(
        &self,
        by: &str,
        concurrency: Option<u32>,
        max_failures: Option<u32>,
        batches: Option<&[Cut]>,
    ) -> Result<Vec<What>, Refusal> {
        self.need_open()?;
        self.need_conn(by)?;
        if self.stages.is_some() && (max_failures.is_some() || batches.is_some()) {
            return Err(Refusal::BadValue {
                run: self.id,
                why: "it is made of runs: its own is only how many of them are at work at once \
                      (--concurrency); failures and batches are those of the run of a stage"
                    .to_owned(),
            });
        }
        if concurrency == Some(0) {
            return Err(Refusal::BadValue {
                run: self.id,
                why: "a concurrency of 0 would start nothing; pause the run instead".to_owned(),
            });
        }
        if concurrency.is_none() && max_failures.is_none() && batches.is_none() {
            return Err(Refusal::BadValue {
                run: self.id,
                why: "nothing to tune; give --concurrency, --max-failures or --batches".to_owned(),
            });
        }
        if let Some(batches) = batches {
            self.fits(batches)?;
        }
        Ok(vec![What::Tuned {
            by: by.to_owned(),
            concurrency,
            max_failures,
            batches: batches.map(<[Cut]>::to_vec),
        }])
    }

    /// Batches that are to come hold each host that is left, and once.
    fn fits(&self, batches: &[Cut]) -> Result<(), Refusal> {
        let left = self.unopened();
        let held: u64 = batches.iter().map(|cut| u64::from(cut.hosts)).sum();
        let empty = batches.iter().any(|cut| cut.hosts == 0);
        if left == 0 || self.rolled_back.is_some() {
            let why = "no batch is to come that could be cut anew".to_owned();
            return Err(Refusal::BadValue { run: self.id, why });
        }
        if held != u64::from(left) || empty {
            let why = format!("those batches hold {held} hosts, and {left} are left");
            return Err(Refusal::BadValue { run: self.id, why });
        }
        Ok(())
    }

    fn decide_take(
        &self,
        by: &str,
        reason: &str,
        holder_attached: bool,
        now: At,
    ) -> Result<Vec<What>, Refusal> {
        if self.holder.as_deref() == Some(by) {
            return self.already("yours");
        }
        self.need_own_conn()?;
        if reason.trim().is_empty() {
            return Err(Refusal::BadValue {
                run: self.id,
                why: "taking the conn needs a reason; give --reason".to_owned(),
            });
        }
        let (by, reason) = (by.to_owned(), reason.to_owned());
        Ok(vec![if holder_attached && self.holder.is_some() {
            What::TakeAsked {
                by,
                reason,
                until: take_until(now),
            }
        } else {
            What::ConnMoved { to: by, reason }
        }])
    }

    fn decide_refuse_take(&self, by: &str) -> Result<Vec<What>, Refusal> {
        self.need_conn(by)?;
        if self.take_asked.is_none() {
            return Err(Refusal::BadValue {
                run: self.id,
                why: "nobody asked for the conn".to_owned(),
            });
        }
        Ok(vec![What::TakeRefused { by: by.to_owned() }])
    }

    fn decide_give(&self, by: &str, to: &str) -> Result<Vec<What>, Refusal> {
        self.need_own_conn()?;
        self.need_conn(by)?;
        if self.holder.as_deref() == Some(to) {
            return self.already("theirs");
        }
        Ok(vec![What::ConnMoved {
            to: to.to_owned(),
            reason: format!("given by {by}"),
        }])
    }
}

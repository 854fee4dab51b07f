//! The loop: messages, disk and clock in; decisions out.

use std::time::Duration;

use tokio::sync::oneshot;

use super::whole::borrowed;
use super::{Core, CoreError, MESSAGES_A_TURN};
use crate::engine::inbox::Message;
use crate::engine::{now, wholes};
use crate::run::decide::BY_RULE;
use crate::run::event::{Event, What};
use crate::run::ids::{HostIx, RunId, StepIx};
use crate::run::line_up::Around;
use crate::run::spec::Lease;
use crate::run::stages::{Child, Gathered, Registered, StageEvent, StageIx};
use crate::run::state::RunState;
use crate::store::StoreError;

/// How often limits in time are looked at.
const TICK: Duration = Duration::from_secs(1);

/// The engine, as a run asks it what comes next.
struct AroundRun<'c> {
    core: &'c Core,
    id: RunId,
}

impl Around for AroundRun<'_> {
    fn lease(&self, host: HostIx) -> Option<RunId> {
        self.core.lease_in_the_way(self.id, host)
    }

    fn holds(&self, host: HostIx, step: StepIx) -> bool {
        let Some(live) = self.core.runs.get(&self.id) else {
            return true;
        };
        let part = live.run.spec.step(step).and_then(|step| step.part);
        match (&live.flow, part) {
            (Some(flow), Some(part)) => flow.holds(part, host, &live.run),
            _ => true,
        }
    }

    fn child(&self, run: RunId) -> Option<Child> {
        self.core.runs.get(&run).map(|live| live.run.as_child())
    }

    fn registered(&self, run: RunId) -> Registered {
        let live = self.core.runs.get(&run);
        live.map_or_else(Registered::new, |live| wholes::registered_by(&live.run))
    }

    fn stage_holds(&self, stage: StageIx) -> Result<bool, String> {
        let live = self.core.runs.get(&self.id);
        live.map_or(Ok(true), |live| wholes::holds(&live.run, stage))
    }

    fn stage_question(&self, stage: StageIx) -> Result<String, String> {
        let live = self.core.runs.get(&self.id);
        live.map_or(Ok(String::new()), |live| wholes::question(&live.run, stage))
    }

    fn is_live(&self, run: RunId) -> bool {
        let live = self.core.runs.get(&run);
        live.is_some_and(|live| live.run.ended.is_none())
    }
}

/// What is recorded in place of what the journal does not take because it is too large.
pub(super) fn smaller(event: Event) -> Option<Event> {
    let what = match event.what {
        What::Stage(StageEvent::ChildEnded {
            node,
            end,
            registered,
        }) if !registered.too_much => What::Stage(StageEvent::ChildEnded {
            node,
            end,
            registered: Gathered::none(),
        }),
        What::Stage(StageEvent::Asked { text: Some(_), .. }) => What::Paused {
            by: BY_RULE.to_owned(),
            reason: "its question is too long to be written down".to_owned(),
        },
        _ => return None,
    };
    Some(Event { what, ..event })
}

impl Core {
    /// Runs until the engine ends or nothing can be stored any more.
    pub async fn run(mut self, mut stop: oneshot::Receiver<()>) -> Result<(), CoreError> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut durable = self.durable.clone();
        self.go_on()?;
        loop {
            tokio::select! {
                biased;
                _ = &mut stop => return Ok(()),
                changed = durable.changed() => {
                    if changed.is_err() {
                        return Err(CoreError::NotDurable("the writer is gone".into()));
                    }
                    self.release()?;
                }
                message = self.messages.recv() => {
                    let Some(message) = message else { return Ok(()) };
                    self.take(message)?;
                    self.take_queued()?;
                    self.go_on()?;
                }
                _ = ticks.tick() => self.tick()?,
            }
        }
    }

    fn take_queued(&mut self) -> Result<(), CoreError> {
        for _ in 0..MESSAGES_A_TURN {
            let Ok(message) = self.messages.try_recv() else {
                break;
            };
            self.take(message)?;
        }
        Ok(())
    }

    fn take(&mut self, message: Message) -> Result<(), CoreError> {
        match message {
            Message::Create { new, reply } => self.create(*new, reply),
            Message::Steer {
                run,
                authority,
                act,
                reply,
            } => self.steer(run, &authority, &act, reply),
            Message::Report { task, report } => self.task_reported(task, report)?,
            Message::CredentialsArrived => self.unpark()?,
            Message::SecretLacking { run, typed } => self.secret_lacking(run, &typed)?,
            Message::SecretsLooked { run, readable } => self.secrets_looked(run, readable)?,
            Message::SecretGiven {
                run,
                secret,
                by,
                reply,
            } => self.secret_given(run, secret, &by, reply),
            Message::Look(look) => look(self),
            Message::Drain { reply } => self.draining.get_or_insert_default().push(reply),
        }
        Ok(())
    }

    /// Lets every touched run go on as far as it can.
    pub(super) fn go_on(&mut self) -> Result<(), CoreError> {
        loop {
            self.free_given_back()?;
            let Some(run) = self.dirty.pop_first() else {
                break;
            };
            while let Some(event) = self.next_event(run) {
                let mut all = self.with_parts(run, std::slice::from_ref(&event));
                all.insert(0, (run, vec![event]));
                match self.commit_all(&borrowed(&all), &[]) {
                    Ok(_) => {}
                    // Nothing goes on that cannot be written down; the next tick tries again.
                    Err(StoreError::NoSpace) => break,
                    Err(error @ StoreError::TooLarge { .. }) => {
                        let event = all.swap_remove(0).1.pop().and_then(smaller);
                        let Some(event) = event else {
                            return Err(error.into());
                        };
                        match self.commit(run, &[event], &[]) {
                            Ok(_) => {}
                            Err(StoreError::NoSpace) => break,
                            Err(error) => return Err(error.into()),
                        }
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            self.start_children(run)?;
            // The events of this very turn marked it again; it has just gone on as far as it can.
            self.dirty.remove(&run);
        }
        self.answer_drain();
        self.release()
    }

    fn next_event(&self, id: RunId) -> Option<Event> {
        if self.unrecovered.contains(&id) {
            return None;
        }
        let run = &self.runs.get(&id)?.run;
        let at = now();
        let around = AroundRun { core: self, id };
        let parent = run.parent.and_then(|parent| self.runs.get(&parent.run));
        if let Some(event) = parent.and_then(|parent| run.follow(&parent.run, at)) {
            return Some(event);
        }
        if let Some(event) = run.advance(at, &around) {
            return Some(event);
        }
        if self.draining.is_some() {
            return None;
        }
        run.dispatch(at, &around)
    }

    fn lease_in_the_way(&self, id: RunId, host: HostIx) -> Option<RunId> {
        let run = &self.runs.get(&id)?.run;
        if run.spec.lease != Lease::Exclusive {
            return None;
        }
        let target = run.spec.targets.get(host.index())?;
        self.leases.other(&target.name, id)
    }

    pub(super) fn tick(&mut self) -> Result<(), CoreError> {
        self.look_at_clock()?;
        for (id, live) in &mut self.runs {
            live.sample();
            if live.run.ended.is_none() {
                self.dirty.insert(*id);
            }
        }
        self.record_what_waits()?;
        self.look_for_secrets();
        self.retire();
        self.go_on()
    }

    /// Tries again what could not be recorded for want of disk.
    fn record_what_waits(&mut self) -> Result<(), CoreError> {
        self.recover_rest()?;
        self.record_stalled()?;
        self.free_all()?;
        if std::mem::take(&mut self.unpark_again) {
            self.unpark()?;
        }
        for run in std::mem::take(&mut self.unlisted) {
            self.summarise(run);
        }
        Ok(())
    }

    fn unpark(&mut self) -> Result<(), CoreError> {
        let parked: Vec<RunId> = self
            .runs
            .iter()
            .filter(|(_, live)| live.run.tally.parked > 0)
            .map(|(id, _)| *id)
            .collect();
        for run in parked {
            if !self.unpark_run(run)? {
                self.unpark_again = true;
                return Ok(());
            }
        }
        Ok(())
    }

    /// Wakes the parked hosts of a run; `false` where a full disk keeps that from being recorded.
    pub(super) fn unpark_run(&mut self, run: RunId) -> Result<bool, CoreError> {
        let live = self.runs.get(&run);
        if live.is_none_or(|live| live.run.tally.parked == 0) {
            return Ok(true);
        }
        let event = Event {
            at: now(),
            what: What::Unparked,
        };
        match self.commit(run, &[event], &[]) {
            Ok(_) => Ok(true),
            Err(StoreError::NoSpace) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Answers those who wait for the engine to be idle enough to end.
    fn answer_drain(&mut self) {
        let plain_left = self.tasks.keys().any(|key| {
            self.runs.get(&key.run).is_some_and(|live| {
                live.run.state() != RunState::Reattaching && !live.run.is_durable(key.step)
            })
        });
        if let Some(waiting) = self.draining.as_mut()
            && !plain_left
        {
            for reply in waiting.drain(..) {
                // Whoever asked may have gone.
                let _ = reply.send(());
            }
        }
    }
}

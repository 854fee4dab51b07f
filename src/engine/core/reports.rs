//! What tasks report becomes events.

use super::commit::Pending;
use super::tasks::Lost;
use super::{Core, CoreError};
use std::time::Instant;

use crate::engine::now;
use crate::engine::task::{Report, TRACE_GONE, TaskKey, give_up};
use crate::run::decide::BY_RULE;
use crate::run::event::{Event, Finished, OutputSum, What};
use crate::run::outcome::Outcome;
use crate::run::phases::Phases;
use crate::store::StoreError;

impl Core {
    pub(super) fn task_reported(&mut self, task: TaskKey, report: Report) -> Result<(), CoreError> {
        if !self.tasks.ended(task) {
            tracing::warn!(?task, "a report of a task that owns nothing is left out");
            return Ok(());
        }
        let whats = match report {
            Report::Finished(finished) => vec![What::Finished(finished)],
            Report::Registered(finished, values) => {
                let host = task.host;
                vec![What::Registered { host, values }, What::Finished(finished)]
            }
            Report::Connected(finished, hold) => {
                self.tasks.keep(task, hold);
                vec![What::Finished(finished)]
            }
            Report::NoCredential(why) => vec![What::Parked {
                host: task.host,
                why,
            }],
            Report::NoSecret(secret) => self.no_secret(task, secret),
            Report::Unread { secret, why } => vec![self.unread(task, secret, &why)],
            Report::Lost { why, started } => vec![self.lost(task, &why, started)],
            Report::NeverStarted(why) => self.never_started(task, why),
        };
        self.record(task, whats)
    }

    /// Tries again to record what could not be for want of disk.
    pub(super) fn record_stalled(&mut self) -> Result<(), CoreError> {
        for (task, whats) in std::mem::take(&mut self.stalled) {
            self.record(task, whats)?;
        }
        Ok(())
    }

    /// Records what a task reported. On a full disk it is kept until there is room: the host
    /// counts as at work until its end is written down.
    fn record(&mut self, task: TaskKey, whats: Vec<What>) -> Result<(), CoreError> {
        let finished = whats.iter().any(|what| matches!(what, What::Finished(_)));
        let at = now();
        let events: Vec<Event> = whats.into_iter().map(|what| Event { at, what }).collect();
        let lsn = match self.commit(task.run, &events, &[]) {
            Ok(lsn) => lsn,
            Err(StoreError::NoSpace) => {
                let whats = events.into_iter().map(|event| event.what).collect();
                self.stalled.push((task, whats));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        if finished {
            self.tasks.lost.remove(&task);
            self.parts.secrets.is_over(task);
            self.forget_when_durable(task, lsn);
        }
        Ok(())
    }

    fn forget_when_durable(&mut self, task: TaskKey, lsn: u64) {
        let durable = self.runs.get(&task.run).is_some_and(|live| {
            let certain = live
                .run
                .host(task.host)
                .and_then(|state| state.last.as_ref())
                .is_some_and(|last| last.outcome != Outcome::InDoubt);
            certain && live.run.is_durable(task.step)
        });
        if durable {
            self.when_durable(lsn, Pending::Forget(task));
        }
    }

    /// Follow it again, or say that nobody knows when that has gone on for too long.
    fn lost(&mut self, task: TaskKey, why: &str, started: bool) -> What {
        let lost = self.tasks.lost.entry(task).or_insert(Lost {
            since: Instant::now(),
            tries: 0,
            started: false,
        });
        lost.tries += 1;
        lost.started |= started;
        if !give_up(lost.since, self.parts.settings.reattach_s) {
            tracing::info!(?task, why, tries = lost.tries, "reattaching");
            return What::Reattaching {
                hosts: vec![task.host],
            };
        }
        let detail = format!(
            "{why}; not found again for {} s. Look at the host, then settle it",
            self.parts.settings.reattach_s
        );
        finished(task, Outcome::InDoubt, detail)
    }

    /// The host has fenced the attempt off, so another one can take its place.
    fn never_started(&self, task: TaskKey, why: String) -> Vec<What> {
        let lost = self.tasks.lost.get(&task);
        if lost.is_some_and(|lost| lost.started) {
            return vec![finished(task, Outcome::InDoubt, TRACE_GONE.to_owned())];
        }
        let mut whats = vec![finished(task, Outcome::NotStarted, why)];
        let aborted = self
            .runs
            .get(&task.run)
            .is_none_or(|live| live.run.aborted_by.is_some() || live.run.is_left(task.step));
        if !aborted {
            whats.push(What::Retried {
                by: BY_RULE.to_owned(),
                hosts: vec![task.host],
            });
        }
        whats
    }
}

fn finished(task: TaskKey, outcome: Outcome, detail: String) -> What {
    What::Finished(Box::new(Finished {
        host: task.host,
        step: task.step,
        attempt: task.attempt,
        outcome,
        detail: Some(detail),
        phases: Phases::default(),
        output: OutputSum::default(),
        unbegun: false,
    }))
}

//! A wall clock that is set: every run learns of it before it is believed.

use super::commit::Pending;
use super::{Core, CoreError};
use crate::engine::audit::AuditRecord;
use crate::engine::clock::{Away, Clock, set_by};
use crate::engine::now;
use crate::engine::timeline::clock_set as told;
use crate::run::decide::BY_RULE;
use crate::run::event::{Event, What};
use crate::run::ids::{At, RunId};
use crate::store::{Lsn, StoreError};

impl Core {
    /// Watches this clock from here on, which was set so far while no engine ran.
    ///
    /// # Errors
    /// Nothing can be stored.
    pub(in crate::engine) fn watch(&mut self, clock: Clock, away: Away) -> Result<(), CoreError> {
        self.clock = clock;
        self.away = Some(away);
        self.look_at_clock()
    }

    /// Looks whether the clock was set. On a full disk it is looked at again later, and is not believed until then.
    pub(super) fn look_at_clock(&mut self) -> Result<(), CoreError> {
        if let Some(away) = self.away {
            let recorded = match away {
                Away::Set(0) => Ok(0),
                Away::Set(by) => self.clock_set(by, now()),
                Away::Unknown => self.set_back(),
            };
            let Some(lsn) = stored(recorded)? else {
                return Ok(());
            };
            self.away = None;
            self.keep_clock(lsn);
        }
        if let Some(by) = set_by() {
            let recorded = self.clock_set(by, now().shifted(by));
            if let Some(lsn) = stored(recorded)? {
                Clock::follow(by);
                self.keep_clock(lsn);
            }
        }
        Ok(())
    }

    /// The next engine is told how the clocks stand once the runs surely know it.
    fn keep_clock(&mut self, lsn: Lsn) {
        let clock = self.clock.clone();
        self.when_durable(lsn, Pending::Call(Box::new(move |_| clock.keep())));
    }

    /// Tells every run that is not over, in one record.
    pub(super) fn clock_set(&mut self, by: i64, at: At) -> Result<Lsn, StoreError> {
        let event = [Event {
            at,
            what: What::ClockSet { by },
        }];
        let runs = self.open_runs();
        let all: Vec<(RunId, &[Event])> = runs.iter().map(|run| (*run, &event[..])).collect();
        let audit = AuditRecord {
            at,
            by: BY_RULE.to_owned(),
            act: "clock".to_owned(),
            run: None,
            text: told(by),
        };
        let lsn = self.commit_all(&all, &[audit])?;
        tracing::warn!("{}", told(by));
        for live in self.runs.values_mut() {
            live.over_since = live.over_since.map(|since| since.shifted(by));
        }
        Ok(lsn)
    }

    /// After a start of the machine only a clock that went back shows: a run has done something later than now.
    fn set_back(&mut self) -> Result<Lsn, StoreError> {
        let at = now();
        let mut last = 0;
        for run in self.open_runs() {
            let latest = self.runs.get(&run).map_or(at, |live| live.run.latest);
            if latest > at {
                let by = at.0.saturating_sub(latest.0);
                let what = What::ClockSet { by };
                last = self.commit(run, &[Event { at, what }], &[])?;
            }
        }
        Ok(last)
    }

    fn open_runs(&self) -> Vec<RunId> {
        let open = self
            .runs
            .iter()
            .filter(|(_, live)| live.run.ended.is_none());
        open.map(|(run, _)| *run).collect()
    }
}

/// What was recorded; nothing when the disk is full.
fn stored(recorded: Result<Lsn, StoreError>) -> Result<Option<Lsn>, CoreError> {
    match recorded {
        Ok(lsn) => Ok(Some(lsn)),
        Err(StoreError::NoSpace) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

//! A wall clock that is set: every run learns of it before it is believed.

use super::{Core, CoreError};
use crate::engine::audit::AuditRecord;
use crate::engine::clock::{Away, Clock, set_by};
use crate::engine::now;
use crate::engine::timeline::clock_set;
use crate::run::decide::BY_RULE;
use crate::run::event::{Event, What};
use crate::run::ids::{At, RunId};
use crate::store::StoreError;

impl Core {
    /// Watches this clock from here on, which was set so far while no engine ran.
    ///
    /// # Errors
    /// Nothing can be stored.
    pub(in crate::engine) fn watch(&mut self, clock: Clock, away: Away) -> Result<(), CoreError> {
        self.clock = clock;
        let recorded = match away {
            Away::Set(0) => Ok(()),
            Away::Set(by) => self.clock_set(by, now()),
            Away::Unknown => self.set_back(),
        };
        // On a full disk what is waited for ends when the clock says so.
        if let Err(error) = recorded
            && !matches!(error, StoreError::NoSpace)
        {
            return Err(error.into());
        }
        self.clock.keep();
        Ok(())
    }

    /// Looks whether the clock was set.
    pub(super) fn look_at_clock(&mut self) -> Result<(), CoreError> {
        let Some(by) = set_by() else {
            return Ok(());
        };
        match self.clock_set(by, now().shifted(by)) {
            Ok(()) => self.clock.follow(by),
            // Until it is recorded it is not believed.
            Err(StoreError::NoSpace) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Tells every run that is not over, in one record.
    pub(super) fn clock_set(&mut self, by: i64, at: At) -> Result<(), StoreError> {
        tracing::warn!("{}", clock_set(by));
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
            text: clock_set(by),
        };
        self.commit_all(&all, &[audit])?;
        for live in self.runs.values_mut() {
            live.over_since = live.over_since.map(|since| since.shifted(by));
        }
        Ok(())
    }

    /// After a start of the machine only a clock that went back shows: a run has done something later than now.
    fn set_back(&mut self) -> Result<(), StoreError> {
        let at = now();
        for run in self.open_runs() {
            let latest = self.runs.get(&run).map_or(at, |live| live.run.latest);
            if latest > at {
                let by = at.0.saturating_sub(latest.0);
                let what = What::ClockSet { by };
                self.commit(run, &[Event { at, what }], &[])?;
            }
        }
        Ok(())
    }

    fn open_runs(&self) -> Vec<RunId> {
        let open = self
            .runs
            .iter()
            .filter(|(_, live)| live.run.ended.is_none());
        open.map(|(run, _)| *run).collect()
    }
}

//! Reading the runs back when the engine starts.

use std::sync::Arc;

use super::{Core, CoreError, Live};
use crate::engine::{history, now};
use crate::run::ids::RunId;
use crate::store::StoreError;

impl Core {
    /// Replays every run that is not sealed, then records what became of tasks nobody owns.
    pub(super) fn recover(&mut self) -> Result<(), CoreError> {
        let store = Arc::clone(&self.parts.store);
        self.next_run = history::next_run(store.as_ref())?;
        for id in store.live_runs()? {
            match history::replay(store.as_ref(), RunId(id)) {
                Ok(Some((run, next_seq))) => {
                    let mut live = Live::new(run, next_seq, 0);
                    live.over_since = live.run.ended.map(|_| now());
                    live.knows(self.former_pace(&live.run));
                    self.next_run = self.next_run.max(id + 1);
                    self.runs.insert(RunId(id), live);
                }
                Ok(None) => tracing::warn!(run = id, "a run without a first event is left out"),
                Err(error) => tracing::error!(run = id, %error, "a run could not be read back"),
            }
        }
        self.unrecovered = self.runs.keys().copied().collect();
        let runs: Vec<RunId> = self.runs.keys().copied().collect();
        for run in runs {
            self.may_lack(run);
        }
        self.reclaim();
        self.recover_rest()?;
        self.free_all()
    }

    /// Records what became of tasks nobody owns. What a full disk keeps from being recorded is
    /// tried again later; the run stands still until then.
    pub(super) fn recover_rest(&mut self) -> Result<(), CoreError> {
        while let Some(run) = self.unrecovered.first().copied() {
            let groups = self
                .runs
                .get(&run)
                .map(|live| live.run.recover(now()))
                .unwrap_or_default();
            for events in groups {
                match self.commit(run, &events, &[]) {
                    Ok(_) => {}
                    Err(StoreError::NoSpace) => return Ok(()),
                    Err(error) => return Err(error.into()),
                }
            }
            self.unrecovered.remove(&run);
            self.dirty.insert(run);
        }
        Ok(())
    }
}

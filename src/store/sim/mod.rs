//! A store in memory: deterministic, without files, threads or clocks, with faults to inject.
//!
//! For simulation and tests. What a crash leaves is exactly what was synced: with
//! [`Syncing::Automatic`] every append at once, with [`Syncing::Manual`] what
//! [`SimStore::sync`] and [`SimStore::sync_to`] were asked for. Output that no record of its run
//! follows is durable only after a [`SimStore::sync`].

mod imp;
mod model;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::model::Model;
use self::state::State;
use super::{Lsn, SpaceState};

/// When what was written becomes durable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Syncing {
    /// With the append that wrote it.
    #[default]
    Automatic,
    /// When the test says so.
    Manual,
}

/// A store in memory. See the module's first lines.
#[derive(Debug)]
pub struct SimStore {
    state: Mutex<State>,
}

impl SimStore {
    /// An empty store.
    pub fn new(syncing: Syncing) -> Arc<Self> {
        Self::on(Model::default(), syncing)
    }

    fn on(model: Model, syncing: Syncing) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State::open(model, syncing)),
        })
    }

    /// Makes everything durable.
    pub fn sync(&self) {
        self.sync_to(Lsn::MAX);
    }

    /// Makes everything durable up to this LSN, and the output that came before it.
    pub fn sync_to(&self, lsn: Lsn) {
        self.lock().sync_to(lsn);
    }

    /// Lets the next sync fail for this reason, after which nothing is written any more.
    pub fn fail_sync(&self, reason: &str) {
        self.lock().sync_fault = Some(reason.into());
    }

    /// Pretends that so much space is left. [`SpaceState::Full`] refuses all that writes.
    pub fn set_space(&self, space: SpaceState) {
        self.lock().space = space;
    }

    /// Pretends that the queue to the disk is full, or has room again.
    pub fn set_busy(&self, busy: bool) {
        self.lock().busy = busy;
    }

    /// Kills the process, so to speak: this store answers nothing any more, and the returned one
    /// holds what was durable.
    #[must_use]
    pub fn crash(&self) -> Arc<Self> {
        let mut state = self.lock();
        state.closed = true;
        Self::on(state.durable.clone(), state.syncing)
    }

    /// Opens again what this store holds, after a close or a crash.
    #[must_use]
    pub fn reopen(&self) -> Arc<Self> {
        self.crash()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;

//! One number that changes with everything the first screen shows: any run, and who is here.

use std::sync::Arc;

use tokio::sync::watch;

use super::now;

/// The number, and those who wait for another one. Cheap to clone.
#[derive(Debug, Clone)]
pub struct News(Arc<watch::Sender<u64>>);

impl Default for News {
    /// It starts with the clock, so that no screen takes a new engine's numbers for an old one's.
    fn default() -> Self {
        let first = u64::try_from(now().0).unwrap_or(0).max(1);
        Self(Arc::new(watch::Sender::new(first)))
    }
}

impl News {
    /// Something changed.
    pub fn tell(&self) {
        self.0.send_modify(|revision| *revision += 1);
    }

    /// Wakes when something changes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

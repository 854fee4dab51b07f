//! Runs that are over leave memory and the live log.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Core;
use crate::engine::now;
use crate::run::ids::RunId;
use crate::run::outcome::OutcomeKind;
use crate::store::SpaceState;

/// A run that is over can be retried and settled for this long without being read back, in
/// milliseconds. One with a host in doubt stays until somebody settles it.
const STAYS_MS: u64 = 15 * 60 * 1000;

impl Core {
    /// Seals the runs that have been over for long enough.
    pub(super) fn retire(&mut self) {
        let at = now();
        let over: Vec<RunId> = self
            .runs
            .iter()
            .filter(|(id, _)| !self.unlisted.contains(id))
            // One that was taken up again is at work, whenever it was over before.
            .filter(|(_, live)| live.run.ended.is_some())
            .filter(|(_, live)| live.run.tally.ended(OutcomeKind::InDoubt) == 0)
            .filter(|(_, live)| {
                live.over_since
                    .is_some_and(|since| at.since(since) > STAYS_MS)
            })
            .map(|(id, _)| *id)
            .collect();
        let over = self.whole_families(over);
        if over.is_empty() || self.parts.store.health().space == SpaceState::Full {
            return;
        }
        for run in over {
            self.runs.remove(&run);
            self.parts.news.tell();
            let store = Arc::clone(&self.parts.store);
            tokio::task::spawn_blocking(move || {
                if let Err(error) = store.seal(run.0) {
                    tracing::error!(%run, %error, "a run that is over could not be sealed");
                }
            });
        }
    }

    /// Those of which every part, and whatever they are part of, is among them: a run is taken up
    /// again only as a whole.
    fn whole_families(&self, runs: Vec<RunId>) -> Vec<RunId> {
        let mut left: BTreeSet<RunId> = runs.into_iter().collect();
        let families: Vec<(RunId, RunId)> = self
            .runs
            .values()
            .filter_map(|live| Some((live.run.id, live.run.parent?.run)))
            .filter(|(_, parent)| self.runs.contains_key(parent))
            .collect();
        loop {
            let before = left.len();
            for (part, whole) in &families {
                if left.contains(part) != left.contains(whole) {
                    left.remove(part);
                    left.remove(whole);
                }
            }
            if left.len() == before {
                return left.into_iter().collect();
            }
        }
    }
}

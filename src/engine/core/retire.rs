//! Runs that are over leave memory and the live log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Core;
use crate::engine::now;
use crate::run::ids::RunId;
use crate::run::outcome::OutcomeKind;
use crate::store::{SpaceState, Store};

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
        let mut parents = BTreeMap::new();
        for run in &over {
            let gone = self.runs.remove(run);
            parents.extend(gone.and_then(|live| Some((*run, live.run.parent?.run))));
        }
        self.parts.news.tell();
        let store = Arc::clone(&self.parts.store);
        tokio::task::spawn_blocking(move || seal_families(store.as_ref(), &over, &parents));
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

/// Seals runs, a whole before its parts: parts without a whole in memory are changed no more, while
/// a whole without its parts would be.
fn seal_families(store: &dyn Store, runs: &[RunId], parents: &BTreeMap<RunId, RunId>) {
    let mut left = BTreeSet::new();
    // The number of a part is above that of its whole.
    for run in runs {
        if parents.get(run).is_some_and(|whole| left.contains(whole)) {
            left.insert(*run);
            continue;
        }
        if let Err(error) = store.seal(run.0) {
            tracing::error!(%run, %error, "a run that is over could not be sealed");
            left.insert(*run);
        }
    }
}

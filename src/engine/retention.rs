//! Old runs make room: by age, and by the size of what is stored.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::history;
use super::now;
use super::pulled::Pulled;
use crate::run::ids::RunId;
use crate::store::{Store, StoreError};
use crate::wire::view::RunLine;

/// What may stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Runs that ended longer ago are dropped.
    pub keep_for: Duration,
    /// When runs take more bytes than this, the oldest are dropped.
    pub keep_bytes: u64,
}

/// How often it is looked at.
const EVERY: Duration = Duration::from_mins(5);

/// Looks again and again until the engine ends.
pub async fn keep_within(store: Arc<dyn Store>, pulled: Arc<Pulled>, retention: Retention) {
    let mut looks = tokio::time::interval(EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let (store, pulled) = (store.clone(), pulled.clone());
        let swept = tokio::task::spawn_blocking(move || {
            let dropped = sweep(store.as_ref(), retention)?;
            pulled.tidy(store.as_ref())?;
            Ok::<_, StoreError>(dropped)
        })
        .await;
        match swept {
            Ok(Ok(0)) => {}
            Ok(Ok(dropped)) => tracing::info!(dropped, "old runs made room"),
            Ok(Err(error)) => tracing::error!(%error, "old runs could not be dropped"),
            Err(error) => tracing::error!(%error, "retention failed inside"),
        }
    }
}

/// Drops what is too old or too much, oldest first; says how many runs that were. Runs that have
/// not been sealed stay: somebody may be steering them. A run that is made of runs goes with all of
/// them, or stays with all of them.
pub fn sweep(store: &dyn Store, retention: Retention) -> Result<usize, StoreError> {
    let live = store.live_runs()?;
    let mut dropped = 0;
    for family in families(history::lines(store)?) {
        if family.iter().any(|line| live.contains(&line.run.0)) {
            continue;
        }
        // Its whole has ended last, unless parts were taken up again that it does not know.
        let ended = family.iter().map(|line| line.ended.unwrap_or(now())).max();
        let age_ms = ended.map_or(0, |ended| now().since(ended));
        let policy = if u128::from(age_ms) > retention.keep_for.as_millis() {
            format!("older than {} days", retention.keep_for.as_secs() / 86_400)
        } else if stored_bytes(store) > retention.keep_bytes {
            format!("runs take more than {} MiB", retention.keep_bytes >> 20)
        } else {
            continue;
        };
        // The whole goes last: it knows its parts, should this be cut short.
        for line in family.iter().rev() {
            drop_run(store, line.run, &policy)?;
            dropped += 1;
        }
    }
    Ok(dropped)
}

/// Runs with those that they are made of, the oldest whole first, each before its parts. Lines come
/// newest first.
fn families(mut lines: Vec<RunLine>) -> Vec<Vec<RunLine>> {
    lines.reverse();
    let mut roots: BTreeMap<RunId, RunId> = BTreeMap::new();
    let mut families: BTreeMap<RunId, Vec<RunLine>> = BTreeMap::new();
    for line in lines {
        let whole = line.part_of.as_ref().map_or(line.run, |part| part.run);
        // The number of a part is above that of its whole.
        let root = roots.get(&whole).copied().unwrap_or(whole);
        roots.insert(line.run, root);
        families.entry(root).or_default().push(line);
    }
    families.into_values().collect()
}

fn drop_run(store: &dyn Store, run: RunId, policy: &str) -> Result<(), StoreError> {
    store.drop_run(run.0, policy)?;
    store.put(&history::acked_key(run), None)?;
    store.put(&history::line_key(run), None)?;
    Ok(())
}

fn stored_bytes(store: &dyn Store) -> u64 {
    let health = store.health();
    health.segment_bytes + health.sealed_bytes
}

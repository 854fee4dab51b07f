//! A run at one moment, for answers that are made of all of its hosts.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::Session;
use super::follow::{LONGEST_WAIT, no_such_run, slow_hosts};
use super::story::{self, Part};
use crate::engine::core::{Core, Live};
use crate::engine::{history, now, view};
use crate::run::ids::RunId;
use crate::run::state::Run;
use crate::store::Lsn;
use crate::wire::reply::Fault;
use crate::wire::view::{Laggard, RunView};

/// Runs of the past that are kept as they were read back.
const REPLAYS: usize = 4;
/// Hosts at work that are named as the slowest.
const SLOWEST: usize = 8;

/// A run at one moment.
pub(super) struct Standing {
    pub run: Arc<Run>,
    pub view: RunView,
    /// Events it is made of.
    pub events: u64,
    /// Hosts at work the longest, longest first.
    pub slow: Vec<Laggard>,
    /// The runs that it is made of.
    pub parts: Vec<Part>,
    /// What is told of it must wait until this is durable.
    pub lsn: Lsn,
    /// None for a run of the past, which changes no more.
    pub changes: Option<watch::Receiver<u64>>,
}

/// What a request may wait until.
pub(super) fn deadline(wait_ms: u32) -> Instant {
    Instant::now() + Duration::from_millis(u64::from(wait_ms)).min(LONGEST_WAIT)
}

/// Runs of the past, read back lately.
#[derive(Default)]
pub(super) struct Replays(Mutex<VecDeque<(Arc<Run>, u64)>>);

impl Replays {
    fn get(&self, id: RunId) -> Option<(Arc<Run>, u64)> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(run, _)| run.id == id)?;
        let found = kept.remove(place)?;
        kept.push_front(found.clone());
        Some(found)
    }

    fn put(&self, run: Arc<Run>, events: u64) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(REPLAYS - 1);
        kept.push_front((run, events));
    }
}

impl Session {
    /// The run once its revision is another than `seen`, or the time is up. What is told of it is
    /// durable.
    pub(super) async fn standing(
        &self,
        id: RunId,
        seen: u64,
        wait_ms: u32,
    ) -> Result<Standing, Fault> {
        let until = deadline(wait_ms);
        loop {
            let mut standing = self.stands(id).await?;
            if standing.view.revision != seen || Instant::now() >= until {
                self.wait_durable(standing.lsn).await?;
                return Ok(standing);
            }
            let changes = standing.changes.take();
            // It must not be shared while it changes: that would copy it.
            drop(standing);
            tokio::select! {
                () = changed(changes) => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }

    /// The run as it is now, durable or not.
    pub(super) async fn stands(&self, id: RunId) -> Result<Standing, Fault> {
        let live = self
            .server
            .inbox
            .look(move |core| core.live_run(id).map(|live| standing_of(core, live)))
            .await?;
        if let Some(standing) = live {
            return Ok(standing);
        }
        let (run, events) = self.replayed(id).await?;
        let parts = self.past_parts(&run).await?;
        Ok(Standing {
            parts,
            view: self.sealed_view(&run).await?,
            run,
            events,
            slow: Vec::new(),
            lsn: 0,
            changes: None,
        })
    }

    async fn past_parts(&self, run: &Arc<Run>) -> Result<Vec<Part>, Fault> {
        if run.stages.is_none() {
            return Ok(Vec::new());
        }
        let run = Arc::clone(run);
        self.blocking(move |parts| Ok(story::past_parts(parts.store.as_ref(), &run)))
            .await
    }

    /// A run of the past, and the number of its events.
    pub(super) async fn replayed(&self, id: RunId) -> Result<(Arc<Run>, u64), Fault> {
        self.with_kept(move |parts, kept| {
            if let Some(known) = kept.replays.get(id) {
                return Ok(known);
            }
            let replayed = history::replay(parts.store.as_ref(), id)
                .map_err(|error| Fault::engine(error.to_string()))?;
            let (run, events) = replayed.ok_or_else(|| no_such_run(id))?;
            let run = Arc::new(run);
            kept.replays.put(run.clone(), events);
            Ok((run, events))
        })
        .await
    }
}

fn standing_of(core: &Core, live: &Live) -> Standing {
    let (laggards, silent) = slow_hosts(core, live);
    let (parts, lsn) = story::parts(core, &live.run);
    Standing {
        parts,
        run: live.run.clone(),
        view: view::run_view(core, live, &laggards, &silent),
        events: live.next_seq,
        slow: slowest(core, live),
        lsn: live.lsn.max(lsn),
        changes: Some(live.changes()),
    }
}

fn slowest(core: &Core, live: &Live) -> Vec<Laggard> {
    let run = &live.run;
    let mut at_work: Vec<_> = core
        .signs(run.id)
        .filter_map(|(ix, signs)| Some((run.host(ix)?.since, ix, signs)))
        .collect();
    if at_work.len() > SLOWEST {
        at_work.select_nth_unstable_by_key(SLOWEST, |(since, ix, _)| (*since, *ix));
        at_work.truncate(SLOWEST);
    }
    at_work.sort_unstable_by_key(|(since, ix, _)| (*since, *ix));
    at_work
        .into_iter()
        .filter_map(|(since, ix, signs)| {
            Some(Laggard {
                host: run.spec.targets.get(ix.index())?.name.to_string(),
                seconds: now().since(since) as f64 / 1e3,
                stage: signs.stage().to_owned(),
            })
        })
        .collect()
}

/// When the run changes or leaves the core; never for a run of the past.
pub(super) async fn changed(changes: Option<watch::Receiver<u64>>) {
    match changes {
        // A closed channel means that the run left the core: news as well.
        Some(mut changes) => drop(changes.changed().await),
        None => std::future::pending().await,
    }
}

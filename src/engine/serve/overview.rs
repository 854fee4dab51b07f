//! The first screen: what runs, what ran, who is here, how the engine is.

use std::collections::BTreeSet;

use super::follow::slow_hosts;
use super::standing::deadline;
use super::status::{Work, work};
use super::{Kept, Session, acknowledge, run_list};
use crate::engine::core::Core;
use crate::engine::{now, view};
use crate::run::ids::RunId;
use crate::run::roles::Authority;
use crate::run::state::{Run, RunState};
use crate::store::{Lsn, Store, StoreError};
use crate::wire::console::{Overview, OverviewQuery};
use crate::wire::reply::{Fault, Reply};
use crate::wire::view::{RunLine, RunView};

/// Open runs that are told in full.
const MOST_OPEN: usize = 50;
/// Ended runs in one answer.
const MOST_ENDED: u32 = 1000;

/// What the core has of it.
struct InMemory {
    open: Vec<RunView>,
    open_more: usize,
    ended: Vec<RunLine>,
    all: BTreeSet<RunId>,
    work: Work,
    lsn: Lsn,
}

impl Session {
    pub(super) async fn overview(
        &self,
        query: OverviewQuery,
        authority: &Authority,
    ) -> Result<Reply, Fault> {
        let server = &self.server;
        if server.clients.looks_at(self.client, query.looking) {
            server.parts.news.tell();
        }
        let mut news = server.parts.news.changes();
        let another = news.wait_for(|revision| *revision != query.revision);
        // When the time is up the answer tells what is on screen already.
        let _ = tokio::time::timeout_at(deadline(query.wait_ms), another).await;
        // Read before the rest: what changes meanwhile is told by the next answer.
        let revision = *news.borrow();
        let memory = server.inbox.look(in_memory).await?;
        self.wait_durable(memory.lsn).await?;
        let most = query.ended.min(MOST_ENDED) as usize;
        let all = memory.all;
        let in_memory = memory.ended;
        let (ended, ended_total) = self
            .with_kept(move |parts, kept| {
                let store = parts.store.as_ref();
                newest(store, kept, &all, in_memory, most)
                    .map_err(|error| Fault::engine(error.to_string()))
            })
            .await?;
        Ok(Reply::Overview(Box::new(Overview {
            revision,
            at: now(),
            open: memory.open,
            open_more: u32::try_from(memory.open_more).unwrap_or(u32::MAX),
            ended,
            ended_total,
            people: server.clients.present(self.client),
            engine: self.engine_status(&memory.work, authority),
        })))
    }
}

/// The newest ended runs, and how many there are.
fn newest(
    store: &dyn Store,
    kept: &Kept,
    all: &BTreeSet<RunId>,
    in_memory: Vec<RunLine>,
    most: usize,
) -> Result<(Vec<RunLine>, u64), StoreError> {
    let newest = kept.runs.newest(store, all, most)?;
    let total = newest.total + in_memory.len() as u64;
    let mut ended = newest.lines;
    ended.extend(in_memory);
    ended.sort_unstable_by_key(|line| std::cmp::Reverse(line.run));
    run_list::bound(&mut ended, most);
    acknowledge::tell(store, &mut ended)?;
    Ok((ended, total))
}

/// Whether a person may want to see this part of a run for itself.
fn needs_somebody(run: &Run) -> bool {
    let by_itself = run.paused.as_ref().is_some_and(|pause| !pause.with_parent);
    by_itself || run.tally.failures() > 0 || matches!(run.state(), RunState::Waiting(_))
}

fn in_memory(core: &Core) -> InMemory {
    let is_open = |live: &&crate::engine::core::Live| live.run.ended.is_none();
    let mut told: Vec<_> = core.live().rev().filter(is_open).collect();
    // However many parts a run has, those that stand for them come first.
    told.sort_by_key(|live| live.run.parent.is_some() && !needs_somebody(&live.run));
    let open: Vec<RunView> = told
        .into_iter()
        .take(MOST_OPEN)
        .map(|live| {
            let (laggards, silent) = slow_hosts(core, live);
            view::run_view(core, live, &laggards, &silent)
        })
        .collect();
    InMemory {
        open_more: core.live().filter(is_open).count() - open.len(),
        open,
        ended: core
            .live()
            .filter(|live| !is_open(live))
            .map(|live| view::live_line(core, &live.run))
            .collect(),
        all: core.live().map(|live| live.run.id).collect(),
        work: work(core),
        lsn: core.live().map(|live| live.lsn).max().unwrap_or(0),
    }
}

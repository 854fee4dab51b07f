//! Following a run: pages of what is new, each released only when what it tells is durable.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::Session;
use crate::engine::core::{Core, Live};
use crate::engine::now;
use crate::engine::view::{self, FEW};
use crate::run::ids::RunId;
use crate::store::{Lsn, OutputCursor};
use crate::wire::follow::{FollowFrom, FollowPage};
use crate::wire::reply::{Fault, Reply};
use crate::wire::view::{Laggard, RunView, TaskView};

/// Ended hosts in one page.
const ENDED_A_PAGE: usize = 256;
/// The most output in one page; a page must fit a frame.
const MOST_BYTES: u32 = 4 << 20;
/// Nobody waits longer than this for one page.
pub(super) const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// A run at one moment.
struct Snapshot {
    view: RunView,
    ended: Vec<TaskView>,
    /// The place in the order of ended hosts after them.
    ended_seen: u64,
    all_ended_given: bool,
    lsn: Lsn,
    changes: Option<watch::Receiver<u64>>,
}

impl Session {
    pub(super) async fn follow(&self, from: FollowFrom) -> Result<Reply, Fault> {
        let wait = Duration::from_millis(u64::from(from.wait_ms)).min(LONGEST_WAIT);
        let until = Instant::now() + wait;
        let mut output = self.server.parts.store.output_changed(from.run.0);
        loop {
            output.borrow_and_update();
            let snapshot = self.snapshot(from.run, from.ended).await?;
            let page = self.page(&from, &snapshot).await?;
            let news = !page.chunks.is_empty()
                || !page.ended.is_empty()
                || page.view.revision != from.revision;
            if news || snapshot.changes.is_none() || Instant::now() >= until {
                self.wait_durable(snapshot.lsn).await?;
                return Ok(Reply::Page(Box::new(page)));
            }
            wait_for_news(snapshot.changes, &mut output, until, from.max_bytes > 0).await;
        }
    }

    /// The run as the core has it now, or as the store has it when it has left the core.
    async fn snapshot(&self, run: RunId, seen: u64) -> Result<Snapshot, Fault> {
        let live = self
            .server
            .inbox
            .look(move |core| core.live_run(run).map(|live| snapshot_of(core, live, seen)))
            .await?;
        match live {
            Some(snapshot) => Ok(snapshot),
            None => self.stored_snapshot(run, seen).await,
        }
    }

    async fn stored_snapshot(&self, id: RunId, seen: u64) -> Result<Snapshot, Fault> {
        let (run, _) = self.replayed(id).await?;
        let (ended, ended_seen) = view::ended_since(&run, seen, ENDED_A_PAGE);
        Ok(Snapshot {
            all_ended_given: given_all(&run, ended_seen),
            view: self.sealed_view(&run).await?,
            ended,
            ended_seen,
            lsn: 0,
            changes: None,
        })
    }

    /// Output from the cursor on; ended hosts only once all output before them is given.
    async fn page(&self, from: &FollowFrom, snapshot: &Snapshot) -> Result<FollowPage, Fault> {
        let (run, cursor) = (from.run.0, OutputCursor(from.output));
        let most = from.max_bytes.min(MOST_BYTES) as usize;
        let (chunks, next, output_end) = if most == 0 {
            (Vec::new(), cursor, true)
        } else {
            self.blocking(move |parts| {
                let page = parts
                    .store
                    .read_output(run, cursor, most)
                    .map_err(|error| Fault::engine(error.to_string()))?;
                Ok((page.chunks, page.next, page.end))
            })
            .await?
        };
        let (ended, ended_seen) = if output_end {
            (snapshot.ended.clone(), snapshot.ended_seen)
        } else {
            (Vec::new(), from.ended)
        };
        Ok(FollowPage {
            chunks,
            ended_seen,
            ended,
            view: snapshot.view.clone(),
            output: next.0,
            caught_up: output_end && snapshot.all_ended_given,
        })
    }

    pub(super) async fn wait_durable(&self, lsn: Lsn) -> Result<(), Fault> {
        let mut durability = self.server.parts.store.durability();
        let state = durability
            .wait_for(|state| state.lsn >= lsn || state.failed.is_some())
            .await
            .map_err(|_| Fault::ending("the engine is ending"))?;
        match &state.failed {
            Some(why) if state.lsn < lsn => Err(Fault::engine(format!(
                "nothing can be stored any more: {why}"
            ))),
            _ => Ok(()),
        }
    }
}

/// The answer for a number no run has.
pub(super) fn no_such_run(run: RunId) -> Fault {
    Fault::usage(format!("there is no run {run}. List them with: conn runs"))
}

fn snapshot_of(core: &Core, live: &Live, seen: u64) -> Snapshot {
    let run = &live.run;
    let (laggards, silent) = slow_hosts(core, live);
    let (ended, ended_seen) = view::ended_since(run, seen, ENDED_A_PAGE);
    Snapshot {
        all_ended_given: given_all(run, ended_seen),
        view: view::run_view(core, live, &laggards, &silent),
        ended,
        ended_seen,
        lsn: live.lsn,
        changes: Some(live.changes()),
    }
}

fn given_all(run: &crate::run::state::Run, seen: u64) -> bool {
    seen >= run.finish_order.len() as u64
}

/// Hosts at work when few are left, and hosts that have been silent for too long.
pub(super) fn slow_hosts(core: &Core, live: &Live) -> (Vec<Laggard>, Vec<Laggard>) {
    let run = &live.run;
    let few = run.tally.waiting == 0 && run.tally.busy() as usize <= FEW;
    let laggards = if few {
        view::laggards(run, core.signs(run.id), now())
    } else {
        Vec::new()
    };
    let silent_after_ms = core.silence_ms();
    let silent = core
        .signs(run.id)
        .filter_map(|(ix, signs)| {
            let quiet_ms = signs.quiet_ms();
            (quiet_ms > silent_after_ms).then(|| Laggard {
                host: run
                    .spec
                    .targets
                    .get(ix.index())
                    .map(|target| target.name.to_string())
                    .unwrap_or_default(),
                seconds: quiet_ms as f64 / 1e3,
                stage: signs.stage().to_owned(),
            })
        })
        .take(FEW)
        .collect();
    (laggards, silent)
}

async fn wait_for_news(
    changes: Option<watch::Receiver<u64>>,
    output: &mut watch::Receiver<u64>,
    until: Instant,
    wants_output: bool,
) {
    let run_changed = async {
        match changes {
            // A closed channel means that the run left the core: news as well.
            Some(mut changes) => drop(changes.changed().await),
            None => std::future::pending().await,
        }
    };
    let more_output = async {
        if !wants_output || output.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = run_changed => {}
        () = more_output => {}
        () = tokio::time::sleep_until(until) => {}
    }
}

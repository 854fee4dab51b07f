//! Groups and hosts to choose from, and what became of them last.

use std::collections::HashMap;
use std::sync::Arc;

use super::Session;
use super::queries::identity;
use crate::run::ids::HostIx;
use crate::run::state::Run;
use crate::store::Lsn;
use crate::wire::console::{InventoryQuery, LastSeen};
use crate::wire::reply::{Fault, Reply};
use crate::wire::request::HostsQuery;

impl Session {
    pub(super) async fn inventory(&self, query: InventoryQuery) -> Result<Reply, Fault> {
        let (runs, lsn) = self.runs_in_memory().await?;
        self.wait_durable(lsn).await?;
        let person = self.person.clone();
        self.blocking(move |parts| {
            let identity = identity(parts, &HostsQuery::default(), &person)?;
            let mut page = parts.directory.listing(&query, identity)?;
            let names = page.hosts.iter().map(|host| host.name.as_str());
            let mut last = last_seen(&runs, names);
            for host in &mut page.hosts {
                host.last = last.remove(&host.name);
            }
            Ok(Reply::Inventory(Box::new(page)))
        })
        .await
    }

    /// The runs in memory, newest first, and what is durable when they may be shown.
    async fn runs_in_memory(&self) -> Result<(Vec<Arc<Run>>, Lsn), Fault> {
        let look = |core: &crate::engine::core::Core| {
            let runs = core.live().rev().map(|live| live.run.clone()).collect();
            (runs, core.live().map(|live| live.lsn).max().unwrap_or(0))
        };
        Ok(self.server.inbox.look(look).await?)
    }
}

/// What became of these hosts in the newest run that worked on them.
fn last_seen<'n>(
    runs: &[Arc<Run>],
    names: impl Iterator<Item = &'n str>,
) -> HashMap<String, LastSeen> {
    let mut wanted: HashMap<&str, Option<LastSeen>> = names.map(|name| (name, None)).collect();
    let mut left = wanted.len();
    for run in runs {
        if left == 0 {
            break;
        }
        for (ix, target) in (0..).map(HostIx).zip(&run.spec.targets) {
            if let Some(place @ None) = wanted.get_mut(&*target.name)
                && let Some(seen) = seen(run, ix)
            {
                *place = Some(seen);
                left -= 1;
            }
        }
    }
    wanted
        .into_iter()
        .filter_map(|(name, seen)| Some((name.to_owned(), seen?)))
        .collect()
}

fn seen(run: &Run, ix: HostIx) -> Option<LastSeen> {
    let state = run.host(ix)?;
    // A host that was left out was not seen.
    let began = state.began?;
    let last = state.last.as_deref();
    Some(LastSeen {
        run: run.id,
        outcome: run.outcome(ix),
        at: state.ended.unwrap_or(began),
        phases: last.map(|last| last.phases).unwrap_or_default(),
    })
}

//! Which hosts of a run a person means: those they chose, or those that stand as one does.

use super::causes::same_cause;
use super::folded::whole;
use super::lines::no_such_host;
use super::{Kept, Session};
use crate::engine::Parts;
use crate::run::ids::HostIx;
use crate::run::order::sign;
use crate::run::state::Run;
use crate::wire::console::{PickQuery, Picked};
use crate::wire::reply::{Fault, Reply};

impl Session {
    pub(super) async fn pick(&self, query: PickQuery) -> Result<Reply, Fault> {
        let standing = self.standing(query.run, 0, 0).await?;
        let picked = self
            .with_kept(move |parts, kept| picked(parts, kept, &standing.run, &query))
            .await?;
        Ok(Reply::Picked(Box::new(picked)))
    }
}

fn picked(parts: &Parts, kept: &Kept, run: &Run, query: &PickQuery) -> Result<Picked, Fault> {
    let mut hosts: Vec<HostIx> = query.hosts.iter().copied().map(HostIx).collect();
    if let Some(like) = query.like.map(HostIx) {
        hosts.extend(alike(parts, kept, run, like)?);
    }
    hosts.sort_unstable();
    hosts.dedup();
    if let Some(none) = hosts.iter().find(|ix| run.host(**ix).is_none()) {
        return Err(no_such_host(run, *none));
    }
    Ok(Picked {
        folded: whole(run, &hosts),
        hosts: hosts.into_iter().map(|ix| ix.0).collect(),
    })
}

fn alike(parts: &Parts, kept: &Kept, run: &Run, like: HostIx) -> Result<Vec<HostIx>, Fault> {
    let state = run.host(like).ok_or_else(|| no_such_host(run, like))?;
    let wanted = sign(state);
    if wanted.is_bad() {
        return same_cause(parts, kept, run, like);
    }
    let same = run.hosts().filter(|(_, state)| sign(state) == wanted);
    Ok(same.map(|(ix, _)| ix).collect())
}

//! Which hosts of a run a person means: those they chose, or those that stand as one does.

use std::collections::HashMap;

use super::causes::same_cause;
use super::folded::whole;
use super::lines::no_such_host;
use super::{Kept, Session};
use crate::engine::Parts;
use crate::inventory;
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
    if !query.named.is_empty() {
        hosts.extend(named(run, &query.named)?);
    }
    hosts.sort_unstable();
    hosts.dedup();
    if let Some(stages) = &run.spec.stages {
        let names = hosts.iter().filter_map(|ix| stages.reach.get(ix.index()));
        return Ok(Picked {
            folded: inventory::fold(names.map(AsRef::as_ref)),
            hosts: hosts.into_iter().map(|ix| ix.0).collect(),
        });
    }
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

/// The hosts of a host set, by their places: each must be one of the run's.
fn named(run: &Run, set: &str) -> Result<Vec<HostIx>, Fault> {
    let names = inventory::expand_plain(set).map_err(Fault::usage)?;
    let targets = run.spec.targets.iter().map(|target| &target.name);
    let reach = run.spec.stages.iter().flat_map(|stages| &stages.reach);
    let all = targets.chain(reach).map(AsRef::as_ref);
    let places: HashMap<&str, HostIx> = all.zip((0..).map(HostIx)).collect();
    let place = |name: &String| {
        let place = places.get(name.as_str()).copied();
        place.ok_or_else(|| Fault::usage(format!("{name} is not a host of run {}", run.id)))
    };
    names.iter().map(place).collect()
}

//! Hosts with one outcome and one output.

use std::collections::HashMap;

use super::Session;
use crate::engine::view;
use crate::run::event::{Event, Finished, OutputSum, What};
use crate::run::ids::{HostIx, RunId, StepIx};
use crate::run::outcome::Outcome;
use crate::run::state::Run;
use crate::wire::reply::{Fault, Reply};
use crate::wire::view::OutputGroup;

/// How a host ended, and the attempt that says so, if one was made.
type Ended<'a> = (HostIx, Outcome, Option<&'a Finished>);

impl Session {
    pub(super) async fn groups(&self, id: RunId, step: Option<String>) -> Result<Reply, Fault> {
        let (run, _) = self.run(id).await?;
        let Some(name) = step else {
            let ended = run
                .hosts()
                .filter_map(|(ix, state)| Some((ix, run.outcome(ix)?, state.last.as_deref())));
            return Ok(Reply::Groups(groups(&run, ended)));
        };
        let step = view::step_of(&run, &name)?;
        let events = self.events(id).await?;
        Ok(Reply::Groups(groups(&run, ended_in(&events, step))))
    }
}

/// The last attempt of one step on each host, in the order of the run.
fn ended_in(events: &[Event], step: StepIx) -> impl Iterator<Item = Ended<'_>> {
    let mut last: std::collections::BTreeMap<HostIx, &Finished> = std::collections::BTreeMap::new();
    for event in events {
        if let What::Finished(finished) = &event.what
            && finished.step == step
        {
            last.insert(finished.host, finished);
        }
    }
    last.into_iter()
        .map(|(ix, finished)| (ix, finished.outcome.clone(), Some(finished)))
}

/// Most hosts first. An output without a digest is like no other: whoever wants to know reads it.
fn groups<'a>(run: &Run, ended: impl Iterator<Item = Ended<'a>>) -> Vec<OutputGroup> {
    type Key = (Outcome, StepIx, OutputSum, Option<HostIx>);
    let mut places: HashMap<Key, usize> = HashMap::new();
    let mut groups: Vec<OutputGroup> = Vec::new();
    for (ix, outcome, last) in ended {
        let Some(target) = run.spec.targets.get(ix.index()) else {
            continue;
        };
        let output = last.map(|last| last.output.clone()).unwrap_or_default();
        let step = last.map_or(StepIx(0), |last| last.step);
        let wrote = output.stdout + output.stderr > 0;
        let alone = (output.digest.is_empty() && wrote).then_some(ix);
        let key = (outcome.clone(), step, output.clone(), alone);
        let place = *places.entry(key).or_insert_with(|| {
            groups.push(OutputGroup {
                hosts: Vec::new(),
                outcome: Some(outcome),
                detail: last.and_then(|last| last.detail.clone()),
                output,
                step: step.0,
                attempt: last.map_or(0, |last| last.attempt.0),
            });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(place) {
            group.hosts.push(target.name.to_string());
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.hosts.len()));
    groups
}

//! What a run waits for while no host of it is at work.

use std::collections::BTreeMap;

use crate::engine::core::Core;
use crate::engine::now;
use crate::inventory;
use crate::run::ids::{At, RunId};
use crate::run::spec::{Act, Approval};
use crate::run::stages::{NodePhase, Stages};
use crate::run::state::{Phase, Run, RunState, WaitFor};
use crate::wire::flows::HeldBy;
use crate::wire::standing::{Asked, Stand};

/// The longest folded set of hosts that is named, in bytes.
const LONGEST: usize = 80;

/// What this run waits for, if it does.
pub(super) fn stand(core: &Core, run: &Run) -> Option<Stand> {
    if run.ended.is_some() || run.paused.is_some() {
        return None;
    }
    if let Some(stages) = &run.stages {
        return of_stages(core, run, stages);
    }
    let stand = |what: &str| Stand {
        what: what.to_owned(),
        ..Stand::default()
    };
    match run.state() {
        RunState::Waiting(WaitFor::Approval) => {
            let (step, until) = run.asks()?;
            let who = match &run.spec.step(step)?.act {
                Act::Approve(approval) => Some(role(approval)),
                _ => None,
            };
            Some(Stand {
                until,
                who,
                ..stand("approval")
            })
        }
        RunState::Waiting(WaitFor::Lease) => {
            let held = held(core, run);
            let until = held.as_ref().and_then(|held| free_at(core, held.run));
            Some(Stand {
                until,
                held,
                ..stand("lease")
            })
        }
        RunState::Waiting(WaitFor::Credentials) => Some(stand("credentials")),
        _ if run.tally.busy() > 0 => None,
        _ => {
            let what = if run.is_soaking() { "soak" } else { "wait" };
            let until = run.waits_until()?;
            Some(Stand {
                until: Some(until),
                ..stand(what)
            })
        }
    }
}

/// What this run itself asks people now.
pub fn asked_now(run: &Run) -> Option<Asked> {
    if let Some((stage, _)) = run.stages.as_ref().and_then(|stages| stages.asked) {
        return Some(Asked {
            run: run.id,
            place: u32::try_from(stage.0).unwrap_or(u32::MAX),
            batch: 0,
        });
    }
    let (step, _) = run.asks()?;
    Some(Asked {
        run: run.id,
        place: step.0.into(),
        batch: run.batch + 1,
    })
}

/// What people are asked now: by this run, else by those that it is made of.
pub(super) fn questions(core: &Core, run: &Run) -> Vec<Asked> {
    let mut asks: Vec<Asked> = asked_now(run).into_iter().collect();
    if asks.is_empty() {
        of_parts(core, run, &mut asks);
    }
    asks
}

fn of_parts(core: &Core, run: &Run, asks: &mut Vec<Asked>) {
    for (_, node) in run.stages.iter().flat_map(Stages::nodes) {
        let parts = [node.run, node.gate].into_iter().flatten();
        for live in parts.filter_map(|part| core.live_run(part)) {
            asks.extend(asked_now(&live.run));
            of_parts(core, &live.run, asks);
        }
    }
}

/// A run of stages waits while none of its stages is at work: for what is over first.
fn of_stages(core: &Core, run: &Run, stages: &Stages) -> Option<Stand> {
    let spec = run.spec.stages.as_ref()?;
    let mut first: Option<Stand> = None;
    for (ix, node) in stages.nodes() {
        let stands = match node.phase {
            NodePhase::Soaking(until) => Stand {
                what: "soak".to_owned(),
                until: Some(until),
                ..Stand::default()
            },
            NodePhase::Working | NodePhase::Gating => {
                let at = if node.phase == NodePhase::Gating {
                    node.gate
                } else {
                    node.run
                };
                let child = &core.live_run(at?)?.run;
                // One that stands still has a person's attention by its own line.
                if child.paused.is_some() {
                    continue;
                }
                stand(core, child)?
            }
            _ => continue,
        };
        let sooner = |known: &Stand| match (stands.until, known.until) {
            (Some(new), Some(known)) => new < known,
            (new, _) => new.is_some(),
        };
        if first.as_ref().is_none_or(sooner) {
            first = Some(Stand {
                stage: Some(spec.name(ix)),
                ..stands
            });
        }
    }
    let Some((stage, until)) = stages.asked else {
        return first;
    };
    let asks = spec.stages.get(stage.0)?;
    Some(Stand {
        what: "approval".to_owned(),
        stage: Some(asks.name.clone()),
        until,
        who: asks.approve.as_ref().map(role),
        held: None,
    })
}

fn role(approval: &Approval) -> String {
    approval.role.word().to_owned()
}

/// The run that holds most of the hosts that wait.
fn held(core: &Core, run: &Run) -> Option<HeldBy> {
    let mut by: BTreeMap<RunId, Vec<&str>> = BTreeMap::new();
    for (ix, state) in run.hosts() {
        if let (Phase::Held(holder), Some(target)) = (state.phase, run.spec.targets.get(ix.index()))
        {
            by.entry(holder).or_default().push(&target.name);
        }
    }
    let (holder, hosts) = by.into_iter().max_by_key(|(_, hosts)| hosts.len())?;
    let live = core.live_run(holder);
    Some(HeldBy {
        run: holder,
        holder: live.and_then(|live| live.run.holder.clone()),
        count: u32::try_from(hosts.len()).unwrap_or(u32::MAX),
        hosts: super::clip(&inventory::fold(hosts), LONGEST),
    })
}

/// When a run will have ended, by what its steps took before.
fn free_at(core: &Core, run: RunId) -> Option<At> {
    let live = core.live_run(run)?;
    // Nobody knows when a run that stands still goes on.
    if live.run.paused.is_some() {
        return None;
    }
    let left = super::eta(live, live.rate())?;
    Some(At(now().0.saturating_add((left * 1e3) as i64)))
}

//! What a flow would do, in as many words as fit a form: the rest of it is asked for when it is
//! scrolled to.

use std::sync::Arc;

use super::Session;
use super::folded::LONGEST;
use super::plan_flow::view;
use super::secrets::to_type;
use super::work_out::{Simple, Worked, worked_out};
use crate::engine::core::Core;
use crate::engine::view::clip;
use crate::flow::plan::{Plan, PlanView};
use crate::flow::rollout::{GateBy, Rollout};
use crate::inventory;
use crate::run::ids::RunId;
use crate::run::spec::Lease;
use crate::wire::flows::{BatchPlan, FlowResult, HeldBy, Preview, PreviewQuery, StageLine};
use crate::wire::reply::{Fault, Reply};

/// Batches in one answer.
const MOST_BATCHES: usize = 200;
/// Sizes that are told beside them.
const SIZES: usize = 64;
/// Runs that hold hosts which are named.
const HOLDERS: usize = 8;
/// Stages in one answer.
const MOST_STAGES: usize = 200;

impl Session {
    pub(super) async fn preview(&self, asked: PreviewQuery) -> Result<Reply, Fault> {
        let name = asked.plan.name.clone();
        let results = self.results_of(name).await?;
        let stock = self.stock(&asked.plan).await?;
        let person = self.person.clone();
        let (mut preview, names) = self
            .blocking(move |parts| {
                let worked = worked_out(
                    parts,
                    &asked.plan,
                    &to_type(&asked.plan),
                    &stock,
                    &person,
                    None,
                )?;
                let (preview, names) = match &worked.0 {
                    Worked::Simple(simple) => of_simple(&asked, simple)?,
                    whole @ Worked::Whole(_) => of_whole(view(whole)?),
                };
                let warnings = worked.1;
                Ok((
                    Preview {
                        warnings,
                        ..preview
                    },
                    names,
                ))
            })
            .await?;
        if preview.lease == Lease::Exclusive {
            let look = move |core: &Core| held(core, &names);
            preview.held = self.server.inbox.look(look).await?;
        }
        preview.took = usual(&results);
        Ok(Reply::Preview(Box::new(preview)))
    }
}

/// That, and the names of all of its hosts.
fn of_simple(asked: &PreviewQuery, simple: &Simple) -> Result<(Preview, Vec<Arc<str>>), Fault> {
    let plan = &simple.plan;
    let at = usize::try_from(asked.at).unwrap_or(usize::MAX);
    let view = plan.view_at(at.min(plan.batches().len().saturating_sub(1)));
    let view = view.map_err(|error| Fault::usage(error.message))?;
    let standard = Rollout::default();
    let rollout = plan.rollout().unwrap_or(&standard);
    let (from, wanted) = asked.batches;
    let wanted = (wanted as usize).min(MOST_BATCHES);
    let from = (from as usize).min(view.batches.len().saturating_sub(wanted));
    let until = (from + wanted).min(view.batches.len());
    let preview = Preview {
        version: simple.version,
        hosts: count(view.hosts),
        batch_count: count(view.batches.len()),
        sizes: sizes(&view),
        batches_from: count(from),
        batches: (from..until).map(|batch| of_batch(&view, batch)).collect(),
        concurrency: view.concurrency,
        max_failures: view.max_failures,
        on_exceeded: view.on_exceeded,
        soak: view.soak.iter().take(SIZES).copied().collect(),
        gate: rollout.gate.as_ref().map(|gate| match &gate.by {
            GateBy::Tree(name) => format!("tree {name}"),
            GateBy::Metrics(metrics) => format!("metrics {}", metrics.query.source()),
            GateBy::Exec { exec, .. } => exec.command.source().to_owned(),
        }),
        lease: view.lease,
        digest: view.digest,
        steps: view.steps,
        ..Preview::default()
    };
    Ok((preview, names(plan)))
}

/// The same of what is made of runs: its stages, each with what it comes to.
fn of_whole(view: PlanView) -> (Preview, Vec<Arc<str>>) {
    let mut stages = Vec::new();
    let mut names = Vec::new();
    for stage in &view.stages {
        for node in &stage.nodes {
            add_names(&node.plan, &mut names);
            stages.push(StageLine {
                stage: stage.stage.clone(),
                item: node.item.clone(),
                needs: stage.needs.clone(),
                does: node.plan.flow.clone(),
                hosts: count(node.plan.hosts),
                batches: count(node.plan.batches.len()),
                stages: count(node.plan.stages.len()),
                approve: stage.approve,
                gate: node.gate.clone(),
                soak: stage.soak,
            });
        }
    }
    let stage_count = count(stages.len());
    stages.truncate(MOST_STAGES);
    let preview = Preview {
        hosts: count(view.hosts),
        digest: view.digest,
        lease: Lease::Exclusive,
        stages,
        stage_count,
        ..Preview::default()
    };
    (preview, names)
}

fn add_names(plan: &PlanView, names: &mut Vec<Arc<str>>) {
    names.extend(plan.batches.iter().flatten().cloned());
    for node in plan.stages.iter().flat_map(|stage| &stage.nodes) {
        add_names(&node.plan, names);
    }
}

fn names(plan: &Plan) -> Vec<Arc<str>> {
    let hosts = plan.hosts().iter();
    hosts.map(|host| Arc::clone(&host.name)).collect()
}

fn sizes(view: &PlanView) -> Vec<u32> {
    let batches = view.batches.iter().take(SIZES);
    batches.map(|batch| count(batch.len())).collect()
}

fn of_batch(view: &PlanView, batch: usize) -> BatchPlan {
    let hosts = &view.batches[batch];
    BatchPlan {
        count: count(hosts.len()),
        hosts: clip(&inventory::fold(hosts.iter().map(|name| &**name)), LONGEST),
        max_failures: view.max_failures_per_batch.get(batch).copied().flatten(),
        soak: view.soak.get(batch).copied().unwrap_or_default(),
    }
}

/// Which runs work on some of these hosts alone, most hosts first.
fn held(core: &Core, names: &[Arc<str>]) -> Vec<HeldBy> {
    let mut held: std::collections::BTreeMap<RunId, Vec<&str>> = std::collections::BTreeMap::new();
    for name in names {
        if let Some(run) = core.leased_by(name) {
            held.entry(run).or_default().push(name);
        }
    }
    let mut held: Vec<(RunId, Vec<&str>)> = held.into_iter().collect();
    held.sort_by_key(|(_, hosts)| std::cmp::Reverse(hosts.len()));
    held.truncate(HOLDERS);
    let told = |(run, hosts): (RunId, Vec<&str>)| HeldBy {
        run,
        holder: core.live_run(run).and_then(|live| live.run.holder.clone()),
        count: count(hosts.len()),
        hosts: clip(&inventory::fold(hosts), LONGEST),
    };
    held.into_iter().map(told).collect()
}

/// The median of what runs took that ended well.
fn usual(results: &[FlowResult]) -> Option<(f64, u32)> {
    let well = results.iter().filter(|run| run.state == "succeeded");
    let mut took: Vec<u64> = well
        .filter_map(|run| Some(run.ended?.since(run.created)))
        .collect();
    let middle = took.len().checked_sub(1)? / 2;
    let (_, median, _) = took.select_nth_unstable(middle);
    Some((*median as f64 / 1e3, count(took.len())))
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::ids::At;

    #[test]
    fn what_it_takes_is_the_median_of_the_runs_that_ended_well() {
        let run = |number: u64, state: &str, took: i64| FlowResult {
            run: RunId(number),
            state: state.into(),
            starter: "kim".into(),
            targets: "@web".into(),
            created: At(1_000),
            ended: Some(At(1_000 + took * 1000)),
            failed: 0,
            hosts: 1,
            stages: 0,
        };
        let runs = [
            run(1, "succeeded", 10),
            run(2, "failed", 1),
            run(3, "succeeded", 90),
            run(4, "succeeded", 30),
            run(5, "aborted", 2),
        ];
        assert_eq!(usual(&runs), Some((30.0, 3)));
        assert_eq!(usual(&runs[1..2]), None);
    }
}

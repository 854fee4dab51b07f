//! What a flow or fanout would do, worked out without doing any of it.

use super::Session;
use super::secrets::to_type;
use super::work_out::{Simple, Stock, Whole, Worked, WorkedNode, WorkedStage, stock, worked_out};
use crate::engine::Parts;
use crate::engine::people::Person;
use crate::flow::plan::{NodePlan, PlanView, StagePlan};
use crate::wire::definitions::{PlanFlow, Planned};
use crate::wire::reply::{Fault, Reply};

impl Session {
    pub(super) async fn plan_flow(&self, asked: PlanFlow) -> Result<Reply, Fault> {
        let stock = self.stock(&asked).await?;
        let person = self.person.clone();
        let planned = self
            .blocking(move |parts| plan(parts, &asked, &stock, &person))
            .await?;
        Ok(Reply::Planned(Box::new(planned)))
    }

    /// The definition that is asked for, and all that it refers to.
    pub(super) async fn stock(&self, asked: &PlanFlow) -> Result<Stock, Fault> {
        let (kind, name) = (asked.kind, asked.name.clone());
        self.look(move |shelf| stock(shelf, kind, &name)).await?
    }
}

fn plan(parts: &Parts, asked: &PlanFlow, stock: &Stock, person: &Person) -> Result<Planned, Fault> {
    let (worked, warnings) = worked_out(parts, asked, &to_type(asked), stock, person, None)?;
    Ok(Planned {
        version: match &worked {
            Worked::Simple(simple) => simple.version,
            Worked::Whole(whole) => whole.version,
        },
        plan: view(&worked)?,
        warnings,
    })
}

pub(super) fn view(worked: &Worked) -> Result<PlanView, Fault> {
    match worked {
        Worked::Simple(simple) => of_simple(simple),
        Worked::Whole(whole) => of_whole(whole),
    }
}

fn of_simple(simple: &Simple) -> Result<PlanView, Fault> {
    let mut view = simple
        .plan
        .view()
        .map_err(|error| Fault::usage(error.message))?;
    if let Some(limit) = simple.max_failures {
        let hosts = u32::try_from(view.hosts).unwrap_or(u32::MAX);
        view.max_failures = Some(limit.of(hosts));
    }
    if let Some(exceeded) = simple.on_exceeded {
        view.on_exceeded = exceeded;
    }
    Ok(view)
}

fn of_whole(whole: &Whole) -> Result<PlanView, Fault> {
    let stages: Vec<StagePlan> = whole
        .stages
        .iter()
        .map(|stage| of_stage(whole, stage))
        .collect::<Result<_, _>>()?;
    let nodes = stages.iter().flat_map(|stage| &stage.nodes);
    Ok(PlanView {
        flow: whole.definition.name.clone(),
        hosts: nodes.map(|node| node.plan.hosts).sum(),
        digest: whole.digest(),
        stages,
        ..PlanView::default()
    })
}

fn of_stage(whole: &Whole, stage: &WorkedStage) -> Result<StagePlan, Fault> {
    let needs = stage.needs.of.iter();
    let names = needs.filter_map(|need| whole.stages.get(need.0));
    Ok(StagePlan {
        stage: stage.name.clone(),
        needs: names.map(|stage| stage.name.clone()).collect(),
        needs_count: stage.needs.count,
        parallel: stage.parallel,
        approve: stage.approve.is_some(),
        soak: stage.soak.as_secs_f64(),
        nodes: stage.nodes.iter().map(of_node).collect::<Result<_, _>>()?,
    })
}

fn of_node(node: &WorkedNode) -> Result<NodePlan, Fault> {
    Ok(NodePlan {
        item: node.item.clone(),
        gate: node.gate.as_ref().and_then(|gate| gate.title.clone()),
        plan: view(&node.work)?,
    })
}

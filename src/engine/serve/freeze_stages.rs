//! Freezing what is made of runs: everything that its stages will do is settled when it starts.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::start_flow::{freeze_simple, title};
use super::work_out::{Simple, Whole, Worked, WorkedNode, WorkedStage};
use crate::engine::Parts;
use crate::engine::audit::encode;
use crate::engine::wholes::FrozenWhole;
use crate::run::digest;
use crate::run::spec::{FlowRef, Lease, Rollout, RunSpec};
use crate::run::stages::{GateSpec, NodeSpec, StageSpec, StagesSpec};
use crate::wire::reply::Fault;

pub(super) fn freeze(parts: &Parts, whole: Whole) -> Result<RunSpec, Fault> {
    let digest = whole.digest();
    let title = title(&whole.definition, &whole.values);
    let frozen = FrozenWhole {
        definition: whole.definition.clone(),
        values: whole.values.clone(),
    };
    let frozen =
        serde_json::to_string(&frozen).map_err(|error| Fault::engine(error.to_string()))?;
    let secrets = super::secrets::of_whole(&whole);
    let mut reach = BTreeSet::new();
    let stages = whole
        .stages
        .into_iter()
        .map(|stage| freeze_stage(parts, stage, &mut reach))
        .collect::<Result<_, _>>()?;
    Ok(RunSpec {
        kind: whole.kind,
        title,
        targets_text: whole.targets_text,
        targets: Vec::new(),
        steps: Vec::new(),
        rollout: Rollout::default(),
        lease: Lease::Shared,
        access: whole.access,
        flow: Some(FlowRef {
            name: whole.definition.name,
            version: whole.version,
            digest,
            frozen,
            secrets,
        }),
        stages: Some(StagesSpec {
            stages,
            reach: reach.into_iter().collect(),
            parallel: whole.parallel,
            join: whole.join,
            fail_fast: whole.fail_fast,
        }),
    })
}

/// One stage; the hosts that it works on are added to `reach`.
fn freeze_stage(
    parts: &Parts,
    stage: WorkedStage,
    reach: &mut BTreeSet<Arc<str>>,
) -> Result<StageSpec, Fault> {
    let nodes = stage
        .nodes
        .into_iter()
        .map(|node| freeze_node(parts, node, reach))
        .collect::<Result<_, _>>()?;
    Ok(StageSpec {
        name: stage.name,
        needs: stage.needs,
        nodes,
        parallel: stage.parallel,
        approve: stage.approve,
        soak: stage.soak,
        on_failure: stage.on_failure,
        late: stage.late,
    })
}

fn freeze_node(
    parts: &Parts,
    node: WorkedNode,
    reach: &mut BTreeSet<Arc<str>>,
) -> Result<NodeSpec, Fault> {
    let work = match node.work {
        Worked::Simple(simple) => freeze_simple(parts, *simple)?,
        Worked::Whole(whole) => freeze(parts, *whole)?,
    };
    let gate = node
        .gate
        .map(|gate| freeze_simple(parts, gate))
        .transpose()?;
    for spec in std::iter::once(&work).chain(&gate) {
        reach.extend(spec.reaches().map(Arc::from));
    }
    let hosts = match &work.stages {
        Some(stages) => stages.hosts(),
        None => u32::try_from(work.targets.len()).unwrap_or(u32::MAX),
    };
    Ok(NodeSpec {
        item: node.item,
        kind: work.kind,
        title: work.title.clone(),
        hosts,
        spec: kept(parts, &work)?,
        gate: gate
            .map(|gate| {
                Ok::<_, Fault>(GateSpec {
                    title: gate.title.clone(),
                    spec: kept(parts, &gate)?,
                })
            })
            .transpose()?,
    })
}

fn kept(parts: &Parts, spec: &RunSpec) -> Result<String, Fault> {
    let digest = parts.store.put_blob(&encode(spec));
    let digest = digest.map_err(|error| Fault::engine(error.to_string()))?;
    Ok(digest.to_string())
}

impl Worked {
    /// What names definitions, hosts and values together.
    pub(super) fn digest(&self) -> String {
        match self {
            Self::Simple(simple) => simple.plan.digest(),
            Self::Whole(whole) => whole.digest(),
        }
    }
}

impl Whole {
    /// The same for everything that it is made of.
    pub(super) fn digest(&self) -> String {
        let nodes = self.stages.iter().flat_map(|stage| &stage.nodes);
        let gate = |gate: &Simple| gate.plan.digest();
        let parts: Vec<(String, Option<String>)> = nodes
            .map(|node| (node.work.digest(), node.gate.as_ref().map(gate)))
            .collect();
        let all = (&self.definition, self.values.before_typing(), parts);
        digest::of(&all)
    }
}

//! Flows of stages that are under way: what of a stage is known only when it would begin.

use serde::{Deserialize, Serialize};

use crate::flow::definition::{Body, Definition};
use crate::flow::give::Values;
use crate::flow::plan::{RunFacts, stage_holds, stage_question};
use crate::flow::stage::Stage;
use crate::run::stages::{Handed, Registered, StageIx};
use crate::run::state::Run;

/// What a run of stages keeps of its flow.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FrozenWhole {
    pub definition: Definition,
    pub values: Values,
}

/// What a run registered: by variable and value, the hosts. Of a run of stages, what its runs did.
pub(super) fn registered_by(run: &Run) -> Registered {
    if let Some(stages) = &run.stages {
        return stages.registered();
    }
    let mut all = Registered::new();
    for (host, target) in run.hosts().map(|(host, _)| host).zip(&run.spec.targets) {
        for (name, value) in run.registered(host).into_iter().flatten() {
            let values = all.entry(name.clone()).or_default();
            let hosts = values.entry(value.clone()).or_default();
            hosts.push(target.name.to_string());
        }
    }
    all
}

/// What the stages registered whose values this one uses; `Err` is a sentence.
pub(super) fn handed(run: &Run, stage: StageIx) -> Result<Handed, String> {
    let (Some(spec), Some(stages)) = (&run.spec.stages, &run.stages) else {
        return Ok(Handed::default());
    };
    let uses = spec.stages.get(stage.0).map(|stage| &stage.late.uses);
    stages.handed(spec, uses.map_or(&[], Vec::as_slice))
}

/// Whether the condition of a stage holds; `Err` is a sentence.
pub(super) fn holds(run: &Run, stage: StageIx) -> Result<bool, String> {
    let handed = handed(run, stage)?;
    let (frozen, facts) = thaw(run)?;
    let about = stage_of(&frozen, stage)?;
    stage_holds(
        &frozen.definition.name,
        about,
        &frozen.values,
        &facts,
        Some(&handed),
    )
    .map_err(|error| error.message)
}

/// The question of a stage; `Err` is a sentence.
pub(super) fn question(run: &Run, stage: StageIx) -> Result<String, String> {
    let handed = handed(run, stage)?;
    let (frozen, facts) = thaw(run)?;
    let about = stage_of(&frozen, stage)?;
    let text = stage_question(
        &frozen.definition.name,
        about,
        &frozen.values,
        &facts,
        Some(&handed),
    );
    text.map(Option::unwrap_or_default)
        .map_err(|error| error.message)
}

fn thaw(run: &Run) -> Result<(FrozenWhole, RunFacts), String> {
    let flow = run.spec.flow.as_ref().ok_or("it is no run of a flow")?;
    let frozen = serde_json::from_str(&flow.frozen).map_err(|error| error.to_string())?;
    let facts = RunFacts {
        id: Some(run.id.0),
        starter: run.starter.clone(),
    };
    Ok((frozen, facts))
}

fn stage_of(frozen: &FrozenWhole, stage: StageIx) -> Result<&Stage, String> {
    match &frozen.definition.body {
        Body::Multi { stages } => stages.get(stage.0),
        Body::Simple { .. } | Body::Fanout(_) => None,
    }
    .ok_or_else(|| "it is not in the flow".to_owned())
}

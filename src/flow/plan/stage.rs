//! The instances of a stage: one, or one for each item.

use std::collections::BTreeMap;

use serde_json::json;

use super::{PlanError, RunFacts};
use crate::flow::give::{ITEM, Offer, Values};
use crate::flow::param::ParamValue;
use crate::flow::stage::{ForEach, Stage};
use crate::flow::step::Given;
use crate::flow::template::{Scope, TemplateError};
use crate::flow::value::Tainted;
use crate::run::stages::Handed;

/// A stage, or what it does for one item, with its texts worked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// The item, when there are several.
    pub item: Option<String>,
    /// The host set.
    pub targets: Option<String>,
    /// The parameters of what it starts, to be checked as those of a person are.
    pub set: BTreeMap<String, Offer>,
}

/// The instances of a stage, in the order they are taken; none, when its condition does not hold.
///
/// # Errors
/// A text or condition that cannot be worked out.
pub fn instances(
    flow: &str,
    stage: &Stage,
    values: &Values,
    run: &RunFacts,
) -> Result<Vec<Instance>, PlanError> {
    let told = |error: TemplateError| PlanError::Stage {
        stage: stage.name.clone(),
        message: error.message,
    };
    let scope = scope(flow, values, run, None);
    // One that uses what earlier stages registered is judged when the stage would begin.
    if let Some(when) = &stage.when
        && !stage.is_judged_late()
        && !when.holds(&scope).map_err(told)?
    {
        return Ok(Vec::new());
    }
    let Some(for_each) = &stage.for_each else {
        return Ok(vec![instance(stage, values, &scope, None).map_err(told)?]);
    };
    let items = items(for_each, values, &scope).map_err(told)?;
    let outside = is_outside(for_each, values);
    let one = |item: String| {
        let scope = if outside {
            scope
                .clone()
                .with_outside(ITEM, &Tainted::new(item.as_str()))
        } else {
            scope.clone().with(ITEM, &json!(item))
        };
        instance(stage, values, &scope, Some(item)).map_err(told)
    };
    items.into_iter().map(one).collect()
}

/// What the texts of a stage may use.
fn scope(flow: &str, values: &Values, run: &RunFacts, stages: Option<&Handed>) -> Scope {
    let id = run
        .id
        .map_or_else(|| json!("<run.id>"), |id| json!(id.to_string()));
    let scope = values.scope().with(
        "run",
        &json!({ "id": id, "name": flow, "starter": run.starter }),
    );
    match stages {
        Some(stages) => scope.with_stages(&stages.into()),
        None => scope,
    }
}

/// Whether the condition of a stage holds.
///
/// # Errors
/// A condition that cannot be judged.
pub fn stage_holds(
    flow: &str,
    stage: &Stage,
    values: &Values,
    run: &RunFacts,
    stages: Option<&Handed>,
) -> Result<bool, TemplateError> {
    let scope = scope(flow, values, run, stages);
    let when = stage.when.as_ref();
    when.map_or(Ok(true), |when| when.holds(&scope))
}

/// What a person is asked before a stage.
///
/// # Errors
/// A text that cannot be worked out.
pub fn stage_question(
    flow: &str,
    stage: &Stage,
    values: &Values,
    run: &RunFacts,
    stages: Option<&Handed>,
) -> Result<Option<String>, TemplateError> {
    let scope = scope(flow, values, run, stages);
    let text = stage
        .approve
        .as_ref()
        .and_then(|approve| approve.text.as_ref());
    text.map(|text| text.for_people(&scope)).transpose()
}

/// Whether what a stage is done for came from outside.
pub fn is_outside(for_each: &ForEach, values: &Values) -> bool {
    matches!(for_each, ForEach::Param(name) if values.is_outside(name))
}

fn items(for_each: &ForEach, values: &Values, scope: &Scope) -> Result<Vec<String>, TemplateError> {
    match for_each {
        ForEach::Items(items) => items.iter().map(|item| item.render(scope)).collect(),
        ForEach::Param(name) => match values.get(name) {
            Some(ParamValue::Hosts { names, .. }) => Ok(names.clone()),
            _ => Ok(Vec::new()),
        },
    }
}

fn instance(
    stage: &Stage,
    values: &Values,
    scope: &Scope,
    item: Option<String>,
) -> Result<Instance, TemplateError> {
    let mut set = BTreeMap::new();
    for (name, given) in &stage.work.set {
        let offer = match given {
            Given::Text(text) => Some(Offer::Trusted(text.render(scope)?)),
            Given::Secret(param) => match values.get(param) {
                Some(ParamValue::Secret(secret)) => {
                    Some(Offer::Trusted(format!("secret:{secret}")))
                }
                Some(ParamValue::Typed(typed)) => Some(Offer::Typed(typed.clone())),
                _ => None,
            },
        };
        set.extend(offer.map(|offer| (name.clone(), offer)));
    }
    let targets = stage.work.targets.as_ref();
    Ok(Instance {
        item,
        targets: targets.map(|targets| targets.render(scope)).transpose()?,
        set,
    })
}

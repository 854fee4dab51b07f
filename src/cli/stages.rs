//! The stages of a run that is made of runs, for `runs show` and for whoever follows it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::print::{notice, one_line, say_json};
use crate::cli::exit::CliError;
use crate::run::ids::{At, RunId};
use crate::run::outcome::OutcomeKind;
use crate::run::tally::Tally;
use crate::wire::standing::{Stand, Whole};
use crate::wire::view::{PartOf, StageView};

/// What people call it: the stage, and the item.
fn name(stage: &StageView) -> String {
    match &stage.item {
        Some(item) => format!("{} {}", stage.stage, one_line(item)),
        None => stage.stage.clone(),
    }
}

/// A line each.
pub fn lines(stages: &[StageView]) -> Vec<String> {
    let width = stages.iter().map(|stage| name(stage).chars().count());
    let width = width.max().unwrap_or(0);
    let line = |stage: &StageView| format!("{:<width$}  {}", name(stage), standing(stage));
    stages.iter().map(line).collect()
}

/// Where it stands, on one line.
fn standing(about: &StageView) -> String {
    let stand = about.stand.as_ref().filter(|_| about.state == "running");
    let word = match (&about.run_state, about.state.as_str()) {
        _ if stand.is_some() => stand.map(Stand::full_words).unwrap_or_default(),
        (Some(run), "running") if run != "running" => run.clone(),
        (_, "succeeded") if about.marred => "succeeded (with failures)".to_owned(),
        (_, other) => other.replace('_', " "),
    };
    let parts = [
        Some(format!("{word:<11}")),
        Some(hosts(&about.tally)),
        about.run.map(|run| format!("run {run}")),
        about.gate.map(|gate| format!("gate run {gate}")),
        about
            .until
            .map(|until| format!("until {}", until.rfc3339())),
        about
            .because
            .as_deref()
            .filter(|_| about.state == "running")
            .map(one_line),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("  ")
}

fn hosts(tally: &Tally) -> String {
    let ok = tally.ended(OutcomeKind::Ok);
    let bad = match tally.failures() {
        0 => String::new(),
        bad => format!(", {bad} failed"),
    };
    format!("{ok}/{} ok{bad}", tally.total())
}

/// The JSON shape of a stage.
pub fn document(stage: &StageView) -> Value {
    let time = |at: Option<At>| json!(at.map(At::rfc3339));
    let counts: Map<String, Value> = stage
        .tally
        .outcomes()
        .map(|(kind, count)| (kind.word().to_owned(), json!(count)))
        .collect();
    json!({
        "stage": stage.stage,
        "item": stage.item,
        "needs": stage.needs,
        "needs_count": stage.needs_count,
        "state": stage.state,
        "marred": stage.marred,
        "kind": stage.kind,
        "action": stage.title,
        "run": stage.run,
        "run_state": stage.run_state,
        "because": stage.because,
        "gate": stage.gate,
        "soak": stage.soak,
        "until": time(stage.until),
        "registered": stage.registered,
        "hosts": stage.tally.total(),
        "counts": counts,
        "began": time(stage.began),
        "ended": time(stage.ended),
    })
}

/// The JSON shape of what a run is part of.
pub fn part_of(part: Option<&PartOf>) -> Value {
    part.map_or(
        Value::Null,
        |part| json!({ "run": part.run, "gate": part.gate, "of": part.of, "stage": part.name }),
    )
}

/// The JSON shape of what the stages of a run come to.
pub fn whole(whole: Option<&Whole>) -> Value {
    whole.map_or(
        Value::Null,
        |whole| json!({ "over": whole.over, "all": whole.stages, "bad": whole.bad }),
    )
}

/// The JSON shape of what a run waits for while no host is at work.
pub fn stand(stand: Option<&Stand>) -> Value {
    let Some(stand) = stand else {
        return Value::Null;
    };
    json!({
        "for": stand.what,
        "stage": stand.stage,
        "until": stand.until.map(At::rfc3339),
        "role": stand.who,
        "held_by": stand.held.as_ref().map(|held| json!({
            "run": held.run, "conn": held.holder, "hosts": held.hosts, "count": held.count,
        })),
    })
}

/// The runs that do their work.
pub fn runs(stages: &[StageView]) -> impl Iterator<Item = RunId> + '_ {
    stages.iter().filter_map(|stage| stage.run)
}

/// What was told of each stage, so that only what changes is told.
#[derive(Default)]
pub struct Told(BTreeMap<(String, Option<String>), (String, bool)>);

impl Told {
    /// Tells what changed: lines for people, documents for programs once a stage is over.
    pub fn tell(
        &mut self,
        stages: &[StageView],
        as_json: bool,
        quiet: bool,
    ) -> Result<(), CliError> {
        for stage in stages {
            let key = (stage.stage.clone(), stage.item.clone());
            let now = (stage.state.clone(), stage.run.is_some());
            if stage.state == "waiting" || self.0.get(&key) == Some(&now) {
                continue;
            }
            self.0.insert(key, now);
            if as_json {
                let over = stage.ended.is_some() || stage.state == "skipped";
                if over {
                    say_json(&document(stage))?;
                }
            } else if !quiet {
                notice(&format!("{}: {}", name(stage), standing(stage)))?;
            }
        }
        Ok(())
    }
}

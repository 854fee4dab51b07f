//! What steps of a flow took, kept from one of its runs to the next.

use std::collections::BTreeMap;

use super::Core;
use crate::engine::audit::encode;
use crate::run::ids::RunId;
use crate::run::pace::Former;
use crate::run::spec::RunKind;
use crate::run::state::Run;

/// Seconds by the names of steps.
type Kept = BTreeMap<String, f64>;

impl Core {
    /// Where they are kept: with the flow. What a stage does by itself, a command or the look at its
    /// gate, is a run under its flow's name, and kept with the stage.
    pub(super) fn pace_key(&self, run: &Run) -> Option<Vec<u8>> {
        let flow = &run.spec.flow.as_ref()?.name;
        let what = match run.spec.kind {
            RunKind::Exec => "exec",
            RunKind::Gate => "gate",
            RunKind::Fanout => return Some(format!("pace-fanout/{flow}").into_bytes()),
            _ => return Some(format!("pace/{flow}").into_bytes()),
        };
        let part = run.parent?;
        let whole = &self.runs.get(&part.run)?.run.spec;
        let stage = whole.stages.as_ref()?.stages.get(part.node.stage.0)?;
        let of = whole.kind.word();
        Some(format!("pace-stage/{of}/{flow}/{}/{what}", stage.name).into_bytes())
    }

    /// What former runs of this run's flow took for its steps. Nothing, when there was none: then an
    /// estimate waits until hosts of this one have ended.
    pub(super) fn former_pace(&self, run: &Run) -> Former {
        let kept: Kept = self
            .pace_key(run)
            .and_then(|key| self.parts.store.get(&key).ok().flatten())
            .and_then(|kept| serde_json::from_slice(&kept.value).ok())
            .unwrap_or_default();
        let steps = run.spec.steps.iter();
        steps.map(|step| kept.get(&step.name).copied()).collect()
    }

    /// Keeps what the steps of a run that is over took; of those it did not come to, what was known.
    pub(super) fn keep_pace(&self, id: RunId) {
        let Some(run) = self.runs.get(&id).map(|live| &live.run) else {
            return;
        };
        let (Some(key), Some(_)) = (self.pace_key(run), run.ended) else {
            return;
        };
        let medians = run.medians();
        let known = self.former_pace(run);
        let steps = run.spec.steps.iter().zip(medians.iter().zip(&known));
        let kept: Kept = steps
            .filter_map(|(step, (own, known))| Some((step.name.clone(), own.or(*known)?)))
            .collect();
        if let Err(error) = self.parts.store.put(&key, Some(&encode(&kept))) {
            // An estimate is lost, nothing else.
            tracing::debug!(run = %id, %error, "what steps took was not kept");
        }
    }
}

//! What steps of a flow took, kept from one of its runs to the next.

use std::collections::BTreeMap;

use super::Core;
use crate::engine::audit::encode;
use crate::run::ids::RunId;
use crate::run::pace::Former;
use crate::run::state::Run;

/// Seconds by the names of steps.
type Kept = BTreeMap<String, f64>;

fn key(run: &Run) -> Option<Vec<u8>> {
    let flow = run.spec.flow.as_ref()?;
    Some(format!("pace/{}", flow.name).into_bytes())
}

impl Core {
    /// What former runs of this run's flow took for its steps. Nothing, when there was none: then an
    /// estimate waits until hosts of this one have ended.
    pub(super) fn former_pace(&self, run: &Run) -> Former {
        let kept: Kept = key(run)
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
        let (Some(key), Some(_)) = (key(run), run.ended) else {
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

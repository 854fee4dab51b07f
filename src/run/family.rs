//! A run that is part of another: it stands still, goes on and ends with it.

use serde::{Deserialize, Serialize};

use super::event::{EndState, Event, What};
use super::ids::{At, RunId};
use super::outcome::Outcome;
use super::stages::{Child, ChildEnd, NodeIx, NodePhase};
use super::state::Run;

/// The run that a run is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// That run.
    pub run: RunId,
    /// The node whose run it is.
    pub node: NodeIx,
    /// Whether it looks at the node's gate.
    #[serde(default)]
    pub gate: bool,
}

impl Run {
    /// What a run must record so that it stands as its parent does.
    pub fn follow(&self, parent: &Run, now: At) -> Option<Event> {
        let event = |what| Some(Event { at: now, what });
        if let Some(holder) = &parent.holder
            && self.holder.as_ref() != Some(holder)
        {
            return event(What::ConnMoved {
                to: holder.clone(),
                reason: format!("with run {}", parent.id),
            });
        }
        if self.ended.is_some() || self.aborted_by.is_some() {
            return None;
        }
        // One that is over aborts nobody: this run was taken up again, and it follows.
        if let Some(by) = parent
            .aborted_by
            .as_ref()
            .filter(|_| parent.ended.is_none())
        {
            return event(What::Aborted {
                by: by.clone(),
                reason: format!("with run {}", parent.id),
            });
        }
        if self.is_void_gate(parent) {
            return event(What::Aborted {
                by: super::decide::BY_RULE.to_owned(),
                reason: "what it looked at was taken up again, and is looked at anew".to_owned(),
            });
        }
        if let Some(what) = self.ends_after_batch(parent) {
            return event(what);
        }
        match (&parent.paused, &self.paused) {
            // Undoing does not wait for what was paused before it was asked for.
            (Some(pause), None) if self.undoing.is_some_and(|since| pause.at <= since) => None,
            (Some(pause), None) => event(What::ParentPaused {
                by: pause.by.clone(),
                reason: format!("with run {}", parent.id),
            }),
            (None, Some(pause)) if pause.with_parent => event(What::ParentResumed),
            _ => None,
        }
    }

    /// What follows when the whole is to be aborted once the open batches have ended. A run without
    /// a batch to come ends by itself.
    fn ends_after_batch(&self, whole: &Run) -> Option<What> {
        let (by, _) = whole.abort_after.as_ref()?;
        let goes_on = self.stages.is_some() || self.unopened() > 0;
        if !goes_on || self.abort_after.is_some() || self.rolled_back.is_some() {
            return None;
        }
        let (by, reason) = (by.clone(), format!("with run {}", whole.id));
        // Paused between two batches, it would not come to its end by itself.
        let stands = self.paused.is_some() && self.stages.is_none() && self.is_batch_over();
        Some(if stands {
            What::Aborted { by, reason }
        } else {
            What::AbortAfterBatch { by, reason }
        })
    }

    /// Whether it looks at a gate of work that was taken up again since.
    pub fn is_void_gate(&self, whole: &Run) -> bool {
        let Some(part) = self.parent.filter(|part| part.gate) else {
            return false;
        };
        let node = whole
            .stages
            .as_ref()
            .and_then(|stages| stages.node(part.node));
        node.is_some_and(|node| node.gate != Some(self.id))
    }

    /// Whether it looked at a gate that is passed, or that a person lets count as passed: whatever
    /// it says now changes nothing.
    pub fn is_passed_gate(&self, whole: &Run) -> bool {
        let part = self.parent.filter(|part| part.gate);
        let node = part.zip(whole.stages.as_ref());
        let node = node.and_then(|(part, stages)| stages.node(part.node));
        node.is_some_and(|node| {
            matches!(
                node.phase,
                NodePhase::Passed | NodePhase::Soaking(_) | NodePhase::Done
            )
        })
    }

    /// How the run stands, for its parent.
    pub fn as_child(&self) -> Child {
        let Some((end, _)) = self.ended else {
            let by_rule = |pause: &&super::state::Pause| {
                pause.by == super::decide::BY_RULE && !pause.with_parent
            };
            let paused = self.paused.as_ref().filter(by_rule);
            return Child::Live {
                paused: paused.map(|pause| pause.reason.clone()),
            };
        };
        Child::Ended(match end {
            EndState::Succeeded => ChildEnd::Ok,
            EndState::Aborted => ChildEnd::Aborted,
            EndState::Failed if self.only_inconclusive() => ChildEnd::Inconclusive,
            EndState::Failed if self.is_borne() => ChildEnd::Borne,
            EndState::Failed => ChildEnd::Failed,
        })
    }

    /// Whether no more hosts failed than are borne, not counting those that a person forgave. A run
    /// that says nothing bears none.
    fn is_borne(&self) -> bool {
        if let Some(stages) = &self.stages {
            // Whatever failed in it, a person accepted, or it is enough all the same.
            return stages.nodes().all(|(_, node)| {
                matches!(node.phase, NodePhase::Done | NodePhase::Skipped) || !node.marred
            });
        }
        if self.rolled_back.is_some() {
            // What it did is undone, however its hosts ended.
            return false;
        }
        // To retry one host is no word about the others that failed.
        let failures = self.failures().saturating_sub(self.accepted);
        failures <= self.max_failures.unwrap_or(0)
    }

    /// Whether it is a gate, and every host that did not say yes said neither yes nor no.
    fn only_inconclusive(&self) -> bool {
        let mut bad = self
            .hosts()
            .filter(|(ix, _)| self.outcome(*ix) != Some(Outcome::Ok))
            .peekable();
        bad.peek().is_some() && bad.all(|(ix, _)| self.says_neither(ix))
    }
}

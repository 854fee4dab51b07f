//! Runs that are made of runs: their children begin.

use std::sync::Arc;

use super::{Core, CoreError, NewRun};
use crate::engine::flows::FlowRun;
use crate::engine::{history, now, wholes};
use crate::run::decide::BY_RULE;
use crate::run::event::{Event, What};
use crate::run::family::Parent;
use crate::run::ids::{HostIx, RunId};
use crate::run::roles::Authority;
use crate::run::spec::RunSpec;
use crate::run::stages::{Handed, NodeIx, StageEvent, Start};
use crate::run::state::Run;
use crate::store::StoreError;

impl Core {
    /// Lets everything of a parent run begin that may. On a full disk it is tried again later.
    pub(super) fn start_children(&mut self, parent: RunId) -> Result<(), CoreError> {
        if self.draining.is_some() || self.unrecovered.contains(&parent) {
            return Ok(());
        }
        while let Some(start) = self
            .runs
            .get(&parent)
            .and_then(|live| live.run.starts(now()))
        {
            match self.start_child(parent, start) {
                Ok(()) => {}
                Err(StoreError::NoSpace) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    pub(super) fn start_child(&mut self, parent: RunId, start: Start) -> Result<(), StoreError> {
        let Some(live) = self.runs.get(&parent) else {
            return Ok(());
        };
        let (node, gate) = match start {
            Start::Work(node) => (node, false),
            Start::Gate(node) => (node, true),
        };
        let run = Arc::clone(&live.run);
        let spec = digest_of(&run, node, gate)
            .ok_or_else(|| "it is not in the flow".to_owned())
            .and_then(|digest| {
                let store = self.parts.store.as_ref();
                let spec = history::spec(store, parent, &digest).map_err(|e| e.to_string())?;
                Ok((digest, spec))
            });
        let handed = self.handed(&run, node, gate);
        let found = spec.and_then(|(digest, spec)| {
            let handed = handed?;
            first_text(&spec, &run, &handed, self.next_run)?;
            Ok((digest, spec, handed))
        });
        let (digest, spec, handed) = match found {
            Ok(found) => found,
            Err(why) => return self.cannot_begin(parent, &run, node, &why),
        };
        let new = NewRun {
            spec,
            digest,
            stdin: None,
            typed: Vec::new(),
            by: run.starter.clone(),
            // They were asked when the whole was started.
            authority: Arc::new(Authority::everything(&run.starter)),
            origin: None,
            no_wait: false,
            parent: Some(Parent {
                run: parent,
                node,
                gate,
            }),
            handed: (!handed.0.is_empty()).then_some(handed),
        };
        match self.create_now(new) {
            // It would be too large the next time as well, and the engine goes on.
            Err(StoreError::TooLarge { .. }) => {
                let why = "what the stages before it registered is too much to be written down at \
                           once; have them register less, retry them and resume";
                self.cannot_begin(parent, &run, node, why)
            }
            other => other.map(|_| ()),
        }
    }

    /// What a node's run is given: that of the stages before it now. A gate is given what the work
    /// was that it looks at, whatever they registered since.
    fn handed(&self, whole: &Run, node: NodeIx, gate: bool) -> Result<Arc<Handed>, String> {
        let node_now = whole.stages.as_ref().and_then(|stages| stages.node(node));
        let work = node_now.filter(|_| gate).and_then(|node| node.run);
        let work = work.and_then(|run| self.runs.get(&run));
        match work.and_then(|work| work.run.handed.clone()) {
            Some(handed) => Ok(handed),
            None => wholes::handed(whole, node.stage).map(Arc::new),
        }
    }

    /// A stage whose specification cannot be read holds its run up, in words.
    fn cannot_begin(
        &mut self,
        parent: RunId,
        run: &Run,
        node: NodeIx,
        why: &str,
    ) -> Result<(), StoreError> {
        let name = run.spec.stages.as_ref().map(|spec| spec.name(node));
        let paused = Event {
            at: now(),
            what: What::Paused {
                by: BY_RULE.to_owned(),
                reason: format!("{} cannot begin: {why}", name.unwrap_or_default()),
            },
        };
        self.commit(parent, &[paused], &[]).map(|_| ())
    }
}

/// What uses values of earlier stages is worked out on the first host before anything begins: what
/// is wrong with them there is wrong on all.
fn first_text(
    spec: &Arc<RunSpec>,
    whole: &Run,
    handed: &Arc<Handed>,
    number: u64,
) -> Result<(), String> {
    if handed.0.is_empty() || spec.stages.is_some() {
        return Ok(());
    }
    let mut run = Run::new(RunId(number), Arc::clone(spec), &whole.starter, now());
    run.handed = Some(Arc::clone(handed));
    let flow = FlowRun::of(&run).ok_or("its flow cannot be read")?;
    let part = spec.steps.first().and_then(|step| step.part);
    part.map_or(Ok(()), |part| flow.act(part, HostIx(0), &run).map(|_| ()))
}

fn digest_of(run: &Run, node: NodeIx, gate: bool) -> Option<String> {
    let spec = run.spec.stages.as_ref()?.node(node)?;
    if gate {
        return spec.gate.as_ref().map(|gate| gate.spec.clone());
    }
    Some(spec.spec.clone())
}

/// What a parent records of a child that begins.
pub(super) fn begun(parent: Parent, run: RunId) -> What {
    let node = parent.node;
    What::Stage(if parent.gate {
        StageEvent::GateStarted { node, run }
    } else {
        StageEvent::Started { node, run }
    })
}

/// What the audit records say of the run that a run is part of.
pub(super) fn part_words(parent: Option<Parent>) -> String {
    parent.map_or_else(String::new, |parent| {
        let what = if parent.gate {
            "gate of a stage"
        } else {
            "stage"
        };
        format!(", {what} of run {}", parent.run)
    })
}

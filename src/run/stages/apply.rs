//! Events become the state of stages. Never fails.

use super::next::ChildEnd;
use super::progress::{Node, NodePhase, Stages, Stop};
use super::{Gathered, NodeIx, StageEvent, StageIx};
use crate::run::ids::{At, RunId};

impl Stages {
    /// Makes the event part of where the stages stand.
    pub(in crate::run) fn apply(&mut self, event: &StageEvent, at: At) {
        match event {
            StageEvent::Asked { stage, until, text } => {
                self.asked = Some((*stage, *until));
                self.question.clone_from(text);
                self.told.extend(text.as_ref().map(|_| *stage));
            }
            StageEvent::Judged { stage, holds } => self.judged(*stage, *holds, at),
            StageEvent::Started { node, run } => self.started(*node, *run, at),
            StageEvent::GateStarted { node, run } => self.change(*node, |node| {
                node.gate = Some(*run);
                node.phase = NodePhase::Gating;
            }),
            StageEvent::ChildEnded {
                node,
                end,
                registered,
            } => self.child_ended(*node, *end, registered, at),
            StageEvent::Reopened { node, gate: true } => self.change(*node, |node| {
                (node.phase, node.ended) = (NodePhase::Gating, None);
            }),
            StageEvent::Reopened { node, gate: false } => {
                self.reopened(*node);
                self.forget_judged(node.stage);
            }
            StageEvent::GateGone { node } => self.change(*node, |node| node.void_gate = None),
            StageEvent::RollingBack { .. } => {
                self.closed(at);
                self.closing = true;
            }
            StageEvent::TakenUp { .. } => self.taken_up(),
            StageEvent::Soaking { node, until } => {
                self.change(*node, |node| node.phase = NodePhase::Soaking(*until));
            }
            StageEvent::Done { node } => self.over(*node, NodePhase::Done, at),
            StageEvent::Skipped { stage, .. } => {
                for node in self.of_stage_mut(*stage) {
                    if matches!(node.phase, NodePhase::Waiting | NodePhase::Stopped(_)) {
                        node.marred |= node.phase != NodePhase::Waiting;
                        node.phase = NodePhase::Skipped;
                        node.ended = Some(at);
                    }
                }
                self.asked = self.asked.filter(|(asked, _)| asked != stage);
            }
        }
    }

    /// A person said how many nodes are at work at once.
    pub(in crate::run) fn tuned(&mut self, concurrency: Option<u32>) {
        self.tuned = concurrency.or(self.tuned);
    }

    /// A person said yes to the stage that asks.
    pub(in crate::run) fn approved(&mut self, at: At) {
        if let Some((stage, _)) = self.asked.take() {
            self.approved.retain(|(known, _)| *known != stage);
            self.approved.push((stage, at));
        }
    }

    /// A person lets it go on: what stands badly is accepted as it is, and goes on with what comes
    /// next. A question that was not answered in time is asked anew.
    pub(in crate::run) fn resumed(&mut self) {
        self.asked = None;
        for node in self.nodes_mut() {
            if let NodePhase::Stopped(stop) = node.phase {
                node.ended = None;
                node.phase = if stop.is_gate() {
                    NodePhase::Passed
                } else {
                    NodePhase::AtGate
                };
            }
        }
    }

    /// Nothing begins any more: the run was aborted, or is over.
    pub(in crate::run) fn closed(&mut self, at: At) {
        self.asked = None;
        for node in self.nodes_mut() {
            node.phase = match node.phase {
                NodePhase::Waiting => NodePhase::NotStarted,
                NodePhase::AtGate | NodePhase::Passed | NodePhase::Soaking(_) => {
                    NodePhase::Stopped(Stop::Aborted)
                }
                _ => continue,
            };
            node.marred = true;
            node.ended = Some(at);
        }
    }

    fn taken_up(&mut self) {
        self.closing = false;
        for node in self.nodes_mut() {
            if node.phase == NodePhase::NotStarted {
                node.phase = NodePhase::Waiting;
                node.marred = false;
                node.ended = None;
            }
        }
    }

    fn started(&mut self, node: NodeIx, run: RunId, at: At) {
        self.change(node, |node| {
            node.run = Some(run);
            node.phase = NodePhase::Working;
            node.began = Some(at);
        });
    }

    /// Its work is taken up again: what followed from how it had ended counts for nothing.
    fn reopened(&mut self, node: NodeIx) {
        self.change(node, |node| {
            (node.phase, node.ended) = (NodePhase::Working, None);
            node.void_gate = node.gate.take().or(node.void_gate);
            node.registered = Gathered::default();
        });
    }

    /// What is done again changes what conditions were judged by and questions told: where nothing
    /// has begun, that counts for nothing.
    fn forget_judged(&mut self, changed: StageIx) {
        let uses = |stage: &StageIx| {
            let uses = self.uses.get(stage.0);
            uses.is_some_and(|uses| uses.contains(&changed))
        };
        let again: Vec<StageIx> = self.left_out.iter().copied().filter(uses).collect();
        let closing = self.closing;
        for stage in again.into_iter().filter(|_| !closing) {
            self.left_out.remove(&stage);
            for node in self.of_stage_mut(stage) {
                (node.phase, node.ended) = (NodePhase::Waiting, None);
            }
        }
        let nodes = &self.nodes;
        let has_begun = |stage: StageIx| {
            let mut nodes = nodes.get(stage.0).into_iter().flatten();
            nodes.any(|node| node.phase != NodePhase::Waiting)
        };
        self.judged.retain(|stage| has_begun(*stage));
        let told = &self.told;
        let stands = |stage: StageIx| has_begun(stage) || !told.contains(&stage);
        self.approved.retain(|(stage, _)| stands(*stage));
        self.asked = self.asked.filter(|(stage, _)| stands(*stage));
    }

    fn judged(&mut self, stage: StageIx, holds: bool, at: At) {
        self.judged.push(stage);
        if !holds {
            self.left_out.insert(stage);
        }
        for node in self.of_stage_mut(stage).iter_mut().filter(|_| !holds) {
            if node.phase == NodePhase::Waiting {
                (node.phase, node.ended) = (NodePhase::Skipped, Some(at));
            }
        }
    }

    fn child_ended(&mut self, node: NodeIx, end: ChildEnd, registered: &Gathered, at: At) {
        self.change(node, |node| {
            let gating = node.phase == NodePhase::Gating;
            let well = end == ChildEnd::Ok;
            if !gating {
                node.registered.clone_from(registered);
                node.work_marred = !well;
            }
            // What a gate said before counts for nothing once it says yes.
            node.marred = node.work_marred || !well;
            node.phase = match (gating, end) {
                (false, ChildEnd::Ok | ChildEnd::Borne) => NodePhase::AtGate,
                (true, ChildEnd::Ok | ChildEnd::Borne) => NodePhase::Passed,
                (true, ChildEnd::Inconclusive) => NodePhase::Stopped(Stop::Inconclusive),
                (true, ChildEnd::Failed) => NodePhase::Stopped(Stop::GateFailed),
                (false, ChildEnd::Failed | ChildEnd::Inconclusive) => {
                    NodePhase::Stopped(Stop::Failed)
                }
                (_, ChildEnd::Aborted) => NodePhase::Stopped(Stop::Aborted),
            };
            node.ended = node.phase.is_over().then_some(at);
        });
    }

    fn over(&mut self, node: NodeIx, phase: NodePhase, at: At) {
        self.change(node, |node| {
            node.phase = phase;
            node.ended = Some(at);
        });
    }

    fn change(&mut self, node: NodeIx, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.node_mut(node) {
            change(node);
        }
    }
}

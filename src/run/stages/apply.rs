//! Events become the state of stages. Never fails.

use super::next::ChildEnd;
use super::progress::{Node, NodePhase, Stages, Stop};
use super::{NodeIx, StageEvent};
use crate::run::ids::{At, RunId};

impl Stages {
    /// Makes the event part of where the stages stand.
    pub(in crate::run) fn apply(&mut self, event: &StageEvent, at: At) {
        match event {
            StageEvent::Asked { stage, until } => self.asked = Some((*stage, *until)),
            StageEvent::Started { node, run } => self.started(*node, *run, at),
            StageEvent::GateStarted { node, run } => self.change(*node, |node| {
                node.gate = Some(*run);
                node.phase = NodePhase::Gating;
            }),
            StageEvent::ChildEnded { node, end } => self.child_ended(*node, *end, at),
            StageEvent::Reopened { node, gate: true } => self.change(*node, |node| {
                (node.phase, node.ended) = (NodePhase::Gating, None);
            }),
            StageEvent::Reopened { node, gate: false } => self.change(*node, |node| {
                (node.phase, node.ended) = (NodePhase::Working, None);
                node.void_gate = node.gate.take().or(node.void_gate);
            }),
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

    fn child_ended(&mut self, node: NodeIx, end: ChildEnd, at: At) {
        self.change(node, |node| {
            let gating = node.phase == NodePhase::Gating;
            let well = end == ChildEnd::Ok;
            if !gating {
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

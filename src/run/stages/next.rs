//! What follows by itself for the stages of a parent run.

use serde::{Deserialize, Serialize};

use super::progress::{NodePhase, Stages, Stop};
use super::{
    Gathered, NodeIx, OnStageFailure, StageEvent, StageIx, StageSpec, StagesSpec, Standing,
};
use super::{Need, hopeless, ready};
use crate::run::decide::BY_RULE;
use crate::run::event::{EndState, What};
use crate::run::ids::{At, RunId};
use crate::run::line_up::{Around, later};
use crate::run::state::Run;

/// A child run, as its parent sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Child {
    /// It has not ended.
    Live {
        /// Why a rule paused it, if one did.
        paused: Option<String>,
    },
    /// It has.
    Ended(ChildEnd),
}

/// How a child run ended, as far as its parent cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChildEnd {
    /// Every host is well.
    Ok,
    /// Some are not, and no more than are borne, or a person let it go on all the same.
    Borne,
    /// Too many are not.
    Failed,
    /// Of a gate: neither yes nor no.
    Inconclusive,
    /// A person or a rule aborted it.
    Aborted,
}

impl ChildEnd {
    /// What is said of the one that ended so.
    pub fn words(self) -> &'static str {
        match self {
            Self::Ok => "ended well",
            Self::Borne => "ended with failures that are borne",
            Self::Failed => "failed",
            Self::Inconclusive => "says neither yes nor no",
            Self::Aborted => "was aborted",
        }
    }
}

/// What of a parent run begins next: the engine makes a run of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The work of a node.
    Work(NodeIx),
    /// The look at its gate.
    Gate(NodeIx),
}

/// A parent's specification and where it stands.
pub(super) struct View<'r> {
    pub(super) spec: &'r StagesSpec,
    pub(super) at: &'r Stages,
}

impl Run {
    /// What begins next, if anything may.
    pub fn starts(&self, now: At) -> Option<Start> {
        if self.paused.is_some() || self.aborted_by.is_some() || self.ended.is_some() {
            return None;
        }
        let view = self.view()?;
        if view.at.closing || self.abort_after.is_some() {
            return None;
        }
        let at_gate = |(ix, node): (NodeIx, &super::Node)| {
            let gated = view.spec.node(ix).is_some_and(|node| node.gate.is_some());
            let free = node.phase == NodePhase::AtGate && node.void_gate.is_none();
            let free = free && !view.awaits(ix.stage);
            (gated && free).then_some(Start::Gate(ix))
        };
        if view.may_fail_fast() || view.stopped().is_some() {
            return None;
        }
        view.at
            .nodes()
            .find_map(at_gate)
            .or_else(|| view.next_work(now).map(Start::Work))
    }

    /// What follows by itself from where the stages and their runs stand.
    pub(in crate::run) fn advance_stages(&self, now: At, around: &dyn Around) -> Option<What> {
        let view = self.view()?;
        if let Some(event) = view.learned(around) {
            return Some(What::Stage(event));
        }
        if self.ended.is_some() {
            return None;
        }
        let closing = self.aborted_by.is_some() || view.at.closing;
        if let Some((by, reason)) = self.abort_after.clone()
            && !closing
            && view.is_unfinished()
        {
            // What is at work comes to the end of its batch by itself, unless a rule holds it up.
            let held = || view.held_by_child(around).filter(|_| self.paused.is_none());
            return if view.has_child_at_work() {
                let by = BY_RULE.to_owned();
                held().map(|reason| What::Paused { by, reason })
            } else {
                Some(What::Aborted { by, reason })
            };
        }
        if self.paused.is_none() && !closing {
            let by_rule = view
                .stops(around, now)
                .or_else(|| view.follows(now).map(What::Stage))
                .or_else(|| view.judges(around))
                .or_else(|| view.question(around, now));
            if by_rule.is_some() {
                return by_rule;
            }
        }
        let over = !view.has_child_at_work() && (closing || !view.is_unfinished());
        over.then(|| What::Ended {
            state: self.stages_end(&view),
        })
    }

    /// Whether anything that it is made of is at work.
    pub(in crate::run) fn has_part_at_work(&self) -> bool {
        self.view().is_some_and(|view| view.has_child_at_work())
    }

    fn view(&self) -> Option<View<'_>> {
        let (Some(spec), Some(at)) = (&self.spec.stages, &self.stages) else {
            return None;
        };
        Some(View { spec, at })
    }

    fn stages_end(&self, view: &View<'_>) -> EndState {
        // Its last parts may have been aborted for it, with nothing left for itself.
        let cut_short = self.abort_after.is_some()
            && view
                .at
                .nodes()
                .any(|(_, node)| node.phase == NodePhase::Stopped(Stop::Aborted));
        if self.aborted_by.is_some() || cut_short {
            return EndState::Aborted;
        }
        let well = match view.spec.join {
            _ if view.at.closing => false,
            // Failures that are borne hold nobody up, and are no success.
            Some(count) => view.unmarred() >= count,
            None => view.at.nodes().all(|(_, node)| {
                !node.marred && matches!(node.phase, NodePhase::Done | NodePhase::Skipped)
            }),
        };
        if well {
            EndState::Succeeded
        } else {
            EndState::Failed
        }
    }
}

impl View<'_> {
    /// What the children did that is not written down yet.
    fn learned(&self, around: &dyn Around) -> Option<StageEvent> {
        self.at.nodes().find_map(|(node, at)| {
            let is_live = |run: Option<RunId>| run.is_some_and(|run| around.is_live(run));
            let ended = |run: RunId| match around.child(run) {
                Some(Child::Live { .. }) => None,
                Some(Child::Ended(end)) => Some(StageEvent::ChildEnded {
                    node,
                    end,
                    registered: self.registered_by(at, around),
                }),
                // A run that cannot be read back any more did not end well.
                None => Some(StageEvent::ChildEnded {
                    node,
                    end: ChildEnd::Failed,
                    registered: Gathered::default(),
                }),
            };
            if at.void_gate.is_some() && !is_live(at.void_gate) {
                return Some(StageEvent::GateGone { node });
            }
            match at.phase {
                NodePhase::Waiting | NodePhase::NotStarted => None,
                NodePhase::Working => ended(at.run?),
                _ if is_live(at.run) => Some(StageEvent::Reopened { node, gate: false }),
                NodePhase::Gating => ended(at.gate?),
                NodePhase::Stopped(_) if is_live(at.gate) => {
                    Some(StageEvent::Reopened { node, gate: true })
                }
                _ => None,
            }
        })
    }

    /// What the run of a node registered; a look at its gate registers nothing.
    fn registered_by(&self, node: &super::Node, around: &dyn Around) -> Gathered {
        match (node.phase, node.run) {
            (NodePhase::Working, Some(run)) => self.at.gathered(self.spec, around.registered(run)),
            _ => Gathered::default(),
        }
    }

    /// A pause or an abort by a rule.
    fn stops(&self, around: &dyn Around, now: At) -> Option<What> {
        let by = || BY_RULE.to_owned();
        if self.may_fail_fast() {
            return Some(What::Aborted {
                by: by(),
                reason: format!("too few of {} can succeed any more", self.spec.stages.len()),
            });
        }
        if let Some((node, stop)) = self.stopped() {
            let reason = self.why(node, stop);
            // A person looks at what is neither yes nor no.
            let aborts = stop != Stop::Inconclusive
                && self.stage(node.stage)?.on_failure == OnStageFailure::Abort;
            return Some(if aborts {
                What::Aborted { by: by(), reason }
            } else {
                What::Paused { by: by(), reason }
            });
        }
        if let Some(reason) = self.held_by_child(around) {
            return Some(What::Paused { by: by(), reason });
        }
        let (stage, until) = self.at.asked?;
        (until? <= now).then(|| What::Paused {
            by: by(),
            reason: format!(
                "nobody answered {} in time; resume to ask again",
                self.spec.stages[stage.0].name
            ),
        })
    }

    /// The first node that stands badly, where that holds the others up and something is left to do.
    fn stopped(&self) -> Option<(NodeIx, Stop)> {
        let mut stopped = self.at.nodes().filter_map(|(ix, node)| match node.phase {
            NodePhase::Stopped(stop) => Some((ix, stop)),
            _ => None,
        });
        let holds_up = |ix: NodeIx| {
            let stage = self.stage(ix.stage);
            stage.is_some_and(|stage| stage.on_failure != OnStageFailure::GoOn)
        };
        stopped
            .find(|(ix, _)| holds_up(*ix))
            .filter(|_| self.is_unfinished())
    }

    fn why(&self, node: NodeIx, stop: Stop) -> String {
        let name = self.spec.name(node);
        let at = self.at.node(node);
        let run = |run: Option<RunId>| run.map_or_else(String::new, |run| format!(" (run {run})"));
        let work = run(at.and_then(|node| node.run));
        let gate = run(at.and_then(|node| node.gate));
        match stop {
            Stop::Failed => {
                format!("{name}{work} failed; retry and resume, or resume to go on without")
            }
            Stop::Aborted => {
                format!("{name}{work} was aborted; retry and resume, or resume to go on without")
            }
            Stop::GateFailed => {
                format!(
                    "the gate of {name}{gate} failed; retry and resume, or resume to go on all the same"
                )
            }
            Stop::Inconclusive => format!(
                "the gate of {name}{gate} says neither yes nor no; look, then retry and resume, or resume"
            ),
        }
    }

    /// Why a rule paused a child whose stage holds the others up.
    fn held_by_child(&self, around: &dyn Around) -> Option<String> {
        self.at.nodes().find_map(|(ix, node)| {
            let run = match node.phase {
                NodePhase::Working => node.run,
                NodePhase::Gating => node.gate,
                _ => None,
            }?;
            let Some(Child::Live {
                paused: Some(reason),
            }) = around.child(run)
            else {
                return None;
            };
            let holds_up = self.stage(ix.stage)?.on_failure != OnStageFailure::GoOn;
            holds_up.then(|| format!("{} (run {run}): {reason}", self.spec.name(ix)))
        })
    }

    /// What comes next without a run of its own.
    fn follows(&self, now: At) -> Option<StageEvent> {
        let mut next = self.at.nodes().filter_map(|(ix, node)| {
            let spec = self.spec.node(ix)?;
            let soak = self.stage(ix.stage)?.soak;
            match node.phase {
                NodePhase::AtGate if spec.gate.is_some() => None,
                NodePhase::AtGate | NodePhase::Passed if soak.is_zero() => {
                    Some(StageEvent::Done { node: ix })
                }
                NodePhase::AtGate | NodePhase::Passed => Some(StageEvent::Soaking {
                    node: ix,
                    until: later(now, soak),
                }),
                NodePhase::Soaking(until) if until <= now => Some(StageEvent::Done { node: ix }),
                _ => None,
            }
        });
        next.next()
    }

    pub(super) fn must_ask(&self, stage: StageIx, now: At) -> bool {
        let nodes = self.at.of_stage(stage);
        let begun = nodes.iter().any(|node| node.began.is_some());
        let Some(approve) = self.stage(stage).and_then(|stage| stage.approve.as_ref()) else {
            return false;
        };
        let said = self.at.approved.iter().find(|(known, _)| *known == stage);
        let valid = said.is_some_and(|(_, at)| {
            let in_time = |within| later(*at, within) >= now;
            approve.use_within.is_none_or(in_time)
        });
        !begun && !valid
    }

    fn next_work(&self, now: At) -> Option<NodeIx> {
        let most = self.at.tuned.or(self.spec.parallel).unwrap_or(u32::MAX) as usize;
        // A gate that waits for what it uses takes no place: that may need one.
        let takes_place = |(ix, node): &(NodeIx, &super::Node)| {
            let waits = node.phase == NodePhase::AtGate && self.awaits(ix.stage);
            node.phase.is_live() && !waits
        };
        if self.at.nodes().filter(takes_place).count() >= most {
            return None;
        }
        let begins = |stage: StageIx| {
            let nodes = self.at.of_stage(stage);
            let live = nodes.iter().filter(|node| node.phase.is_live()).count();
            let room = live < self.at.tuned.unwrap_or(self.stage(stage)?.parallel) as usize;
            let waits = |node: &super::Node| node.phase == NodePhase::Waiting;
            let item = nodes.iter().position(waits)?;
            let item = u32::try_from(item).ok()?;
            let asks = self.is_unjudged(stage) || self.must_ask(stage, now);
            (room && !asks).then_some(NodeIx { stage, item })
        };
        self.open().into_iter().find_map(begins)
    }

    /// Stages of which a node may begin now, in the order of the text. One that has begun waits
    /// again when what it needs is at work again.
    pub(super) fn open(&self) -> Vec<StageIx> {
        let mut standings = self.at.standings();
        for (stage, standing) in standings.iter_mut().enumerate() {
            let waits = |node: &super::Node| node.phase == NodePhase::Waiting;
            if self.at.of_stage(StageIx(stage)).iter().any(waits) {
                *standing = Standing::Waiting;
            }
        }
        let mut open = ready(self.needs(), &standings);
        open.retain(|stage| !self.awaits(*stage));
        open
    }

    /// Whether a stage whose values it uses is being done again: they are to come.
    fn awaits(&self, stage: StageIx) -> bool {
        let uses = self.stage(stage).map_or(&[][..], |stage| &stage.late.uses);
        if uses.is_empty() {
            return false;
        }
        let any = |used: &StageIx, wanted: fn(NodePhase) -> bool| {
            let mut nodes = self.at.of_stage(*used).iter();
            nodes.any(|node| wanted(node.phase))
        };
        let waits = |used: &StageIx| any(used, |phase| phase == NodePhase::Waiting);
        uses.iter().any(|used| any(used, NodePhase::is_live))
            || uses.iter().any(waits) && {
                let lost = self.lost();
                uses.iter().any(|used| waits(used) && !lost.contains(used))
            }
    }

    /// Whether anything is at work, or will be when nothing stands in its way.
    fn is_unfinished(&self) -> bool {
        let goes_on = |(ix, node): (NodeIx, &super::Node)| match node.phase {
            phase if phase.is_live() => true,
            NodePhase::Stopped(Stop::Inconclusive) => true,
            // Accepted by a person, it would go on with its gate.
            NodePhase::Stopped(stop) => {
                let gated = self.spec.node(ix).is_some_and(|node| node.gate.is_some());
                let stage = self.stage(ix.stage);
                let holds_up = stage.is_some_and(|stage| stage.on_failure != OnStageFailure::GoOn);
                holds_up && gated && !stop.is_gate()
            }
            _ => false,
        };
        self.at.nodes().any(goes_on) || self.may_begin()
    }

    /// Whether any node that waits could begin: now, later, or once a person accepted a failure.
    fn may_begin(&self) -> bool {
        let lost = self.lost();
        let waits = |(ix, node): (NodeIx, &super::Node)| {
            node.phase == NodePhase::Waiting && !lost.contains(&ix.stage)
        };
        self.at.nodes().any(waits)
    }

    /// Stages that can never begin, whatever a person accepts.
    fn lost(&self) -> Vec<StageIx> {
        let standings = self.at.standings();
        let hoped: Vec<Standing> = standings
            .iter()
            .enumerate()
            .map(|(stage, standing)| match standing {
                Standing::Failed if self.may_be_accepted(StageIx(stage)) => Standing::Succeeded,
                other => *other,
            })
            .collect();
        hopeless(self.needs(), &hoped)
    }

    fn may_be_accepted(&self, stage: StageIx) -> bool {
        let goes_on = self
            .stage(stage)
            .is_some_and(|stage| stage.on_failure == OnStageFailure::GoOn);
        let never = |node: &super::Node| node.phase == NodePhase::NotStarted;
        !goes_on && !self.at.of_stage(stage).iter().any(never)
    }

    fn has_child_at_work(&self) -> bool {
        let at_work = |node: &super::Node| {
            matches!(node.phase, NodePhase::Working | NodePhase::Gating) || node.void_gate.is_some()
        };
        self.at.nodes().any(|(_, node)| at_work(node))
    }

    /// Whether too few stages can succeed any more, and the others are not wanted then.
    fn may_fail_fast(&self) -> bool {
        let wanted = self.spec.join.unwrap_or(self.spec.stages.len());
        let standings = self.at.standings();
        let failed = |standing: &&Standing| **standing == Standing::Failed;
        let lost = standings.iter().filter(failed).count();
        self.spec.fail_fast && self.is_unfinished() && standings.len() - lost < wanted
    }

    /// Stages of which everything ended well, or was left out.
    fn unmarred(&self) -> usize {
        let well = |node: &super::Node| {
            !node.marred && matches!(node.phase, NodePhase::Done | NodePhase::Skipped)
        };
        let stages = (0..self.spec.stages.len()).map(StageIx);
        stages
            .filter(|stage| self.at.of_stage(*stage).iter().all(well))
            .count()
    }

    pub(super) fn stage(&self, ix: StageIx) -> Option<&StageSpec> {
        self.spec.stages.get(ix.0)
    }

    fn needs(&self) -> impl Iterator<Item = &Need> {
        self.spec.stages.iter().map(|stage| &stage.needs)
    }
}

//! Where the stages of a parent run stand.

use std::collections::BTreeSet;

use super::{Gathered, NodeIx, StageIx, StagesSpec, Standing};
use crate::run::ids::{At, RunId};

/// Where the stages of a parent run stand.
#[derive(Debug, Clone)]
pub struct Stages {
    pub(super) nodes: Vec<Vec<Node>>,
    /// The stage that asks for a yes, and until when.
    pub asked: Option<(StageIx, Option<At>)>,
    /// The question that it asks, when that was known only then.
    pub question: Option<String>,
    /// Stages whose questions told what earlier stages registered.
    pub(super) told: BTreeSet<StageIx>,
    /// Stages whose conditions were judged when they would begin.
    pub(super) judged: Vec<StageIx>,
    /// Stages that were left out because such a condition did not hold.
    pub(super) left_out: BTreeSet<StageIx>,
    /// By stage, those whose values it uses.
    pub(super) uses: Vec<Vec<StageIx>>,
    /// Stages that a person said yes to, and when.
    pub(super) approved: Vec<(StageIx, At)>,
    /// So many nodes may be at work at once, whatever the flow says: a person said so.
    pub(super) tuned: Option<u32>,
    /// Whether nothing begins any more, because what was done is undone.
    pub(super) closing: bool,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it stands.
    pub phase: NodePhase,
    /// The run that does its work, once it began.
    pub run: Option<RunId>,
    /// The run that looks at its gate, the newest.
    pub gate: Option<RunId>,
    /// A run that looked at its gate when the work was taken up again: what it says counts for
    /// nothing, and the next look waits until it is over.
    pub void_gate: Option<RunId>,
    /// Whether anything about it did not end well, borne or accepted though it may be.
    pub marred: bool,
    /// Whether its work did not end well, whatever its gate says.
    pub(super) work_marred: bool,
    /// What its run registered, once that has ended.
    pub registered: Gathered,
    /// When it began.
    pub began: Option<At>,
    /// When it was over.
    pub ended: Option<At>,
}

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodePhase {
    /// It has not begun.
    Waiting,
    /// Its run is at work.
    Working,
    /// Its work is done; its gate is next.
    AtGate,
    /// The run of its gate is at work.
    Gating,
    /// Work is done and the gate is passed; the soak is next.
    Passed,
    /// Time passes.
    Soaking(At),
    /// It stands badly: a person decides, or nothing follows any more.
    Stopped(Stop),
    /// It is over.
    Done,
    /// It was left out.
    Skipped,
    /// It never began, and never will.
    NotStarted,
}

/// Why a node stands badly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Its run failed.
    Failed,
    /// Its run was aborted.
    Aborted,
    /// Its gate failed.
    GateFailed,
    /// Its gate says neither yes nor no.
    Inconclusive,
}

impl Stop {
    /// Whether it is the gate that stopped it.
    pub fn is_gate(self) -> bool {
        matches!(self, Self::GateFailed | Self::Inconclusive)
    }
}

impl NodePhase {
    /// Whether it is over, one way or another, and nothing of it can begin by itself.
    pub fn is_over(self) -> bool {
        matches!(
            self,
            Self::Stopped(_) | Self::Done | Self::Skipped | Self::NotStarted
        )
    }

    /// Whether it takes one of the places of those at work at once.
    pub fn is_live(self) -> bool {
        matches!(
            self,
            Self::Working | Self::AtGate | Self::Gating | Self::Passed | Self::Soaking(_)
        )
    }

    /// Its word on screens and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Working => "running",
            Self::AtGate | Self::Gating => "gate",
            Self::Passed | Self::Soaking(_) => "soaking",
            Self::Stopped(Stop::Failed | Stop::GateFailed) => "failed",
            Self::Stopped(Stop::Aborted) => "aborted",
            Self::Stopped(Stop::Inconclusive) => "inconclusive",
            Self::Done => "succeeded",
            Self::Skipped => "skipped",
            Self::NotStarted => "not_started",
        }
    }
}

impl Stages {
    /// Where the stages of a run stand that has just begun.
    pub fn new(spec: &StagesSpec) -> Self {
        let waiting = || Node {
            phase: NodePhase::Waiting,
            run: None,
            gate: None,
            void_gate: None,
            marred: false,
            work_marred: false,
            registered: Gathered::default(),
            began: None,
            ended: None,
        };
        let stage = |nodes: usize| (0..nodes).map(|_| waiting()).collect();
        Self {
            nodes: spec
                .stages
                .iter()
                .map(|spec| stage(spec.nodes.len()))
                .collect(),
            asked: None,
            question: None,
            told: BTreeSet::new(),
            judged: Vec::new(),
            left_out: BTreeSet::new(),
            uses: spec
                .stages
                .iter()
                .map(|stage| stage.late.uses.clone())
                .collect(),
            approved: Vec::new(),
            tuned: None,
            closing: false,
        }
    }

    /// One node.
    pub fn node(&self, ix: NodeIx) -> Option<&Node> {
        self.nodes.get(ix.stage.0)?.get(ix.item as usize)
    }

    pub(super) fn node_mut(&mut self, ix: NodeIx) -> Option<&mut Node> {
        self.nodes.get_mut(ix.stage.0)?.get_mut(ix.item as usize)
    }

    /// All nodes, in the order of the text.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeIx, &Node)> {
        let stages = (0..).map(StageIx).zip(&self.nodes);
        stages.flat_map(|(stage, nodes)| {
            (0..)
                .zip(nodes)
                .map(move |(item, node)| (NodeIx { stage, item }, node))
        })
    }

    pub(super) fn nodes_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.nodes.iter_mut().flatten()
    }

    pub(super) fn of_stage(&self, stage: StageIx) -> &[Node] {
        self.nodes.get(stage.0).map_or(&[], Vec::as_slice)
    }

    pub(super) fn of_stage_mut(&mut self, stage: StageIx) -> &mut [Node] {
        self.nodes
            .get_mut(stage.0)
            .map_or(&mut [], Vec::as_mut_slice)
    }

    /// The node that a run belongs to, and whether it is its gate.
    pub fn of_run(&self, run: RunId) -> Option<(NodeIx, bool)> {
        self.nodes().find_map(|(ix, node)| {
            if node.run == Some(run) {
                Some((ix, false))
            } else {
                (node.gate == Some(run)).then_some((ix, true))
            }
        })
    }

    /// Where each stage stands.
    pub fn standings(&self) -> Vec<Standing> {
        self.nodes.iter().map(|nodes| standing(nodes)).collect()
    }

    /// Nodes at work.
    pub fn live(&self) -> usize {
        self.nodes()
            .filter(|(_, node)| node.phase.is_live())
            .count()
    }

    /// Whether any node has begun.
    pub fn has_begun(&self) -> bool {
        self.nodes().any(|(_, node)| node.began.is_some())
    }

    /// The wall clock was set by so many milliseconds.
    pub(in crate::run) fn shift(&mut self, by: i64) {
        if let Some((_, Some(until))) = &mut self.asked {
            until.shift(by);
        }
        self.approved.iter_mut().for_each(|(_, at)| at.shift(by));
        for node in self.nodes_mut() {
            if let NodePhase::Soaking(until) = &mut node.phase {
                until.shift(by);
            }
            if node.ended.is_none() {
                node.began.iter_mut().for_each(|began| began.shift(by));
            }
        }
    }

    /// When the next soak or question is over.
    pub fn waits_until(&self) -> Option<At> {
        let soaks = self.nodes().filter_map(|(_, node)| match node.phase {
            NodePhase::Soaking(until) => Some(until),
            _ => None,
        });
        soaks.min()
    }
}

fn standing(nodes: &[Node]) -> Standing {
    let all = |wanted: fn(NodePhase) -> bool| nodes.iter().all(|node| wanted(node.phase));
    let any = |wanted: fn(NodePhase) -> bool| nodes.iter().any(|node| wanted(node.phase));
    if all(|phase| phase == NodePhase::Skipped) {
        Standing::Skipped
    } else if all(|phase| matches!(phase, NodePhase::Done | NodePhase::Skipped)) {
        Standing::Succeeded
    } else if all(|phase| phase == NodePhase::Waiting) {
        Standing::Waiting
    } else if any(|phase| matches!(phase, NodePhase::Stopped(_) | NodePhase::NotStarted)) {
        Standing::Failed
    } else {
        Standing::Running
    }
}

//! What a parent run is made of, frozen when it starts.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Need, StageIx};
use crate::run::spec::{Approval, RunKind};

/// A run stands in so many runs at most, one in another: a start that would go deeper is refused.
pub const DEEPEST: usize = 9;

/// The stages of a parent run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StagesSpec {
    /// In the order of the text.
    pub stages: Vec<StageSpec>,
    /// The hosts that they work on, each once: who may start and steer it depends on them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reach: Vec<Arc<str>>,
    /// Nodes that may be at work at once, over all stages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel: Option<u32>,
    /// So many stages must succeed; without a number all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<usize>,
    /// Whether everything is aborted once too few can succeed.
    #[serde(default)]
    pub fail_fast: bool,
}

/// One stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageSpec {
    /// Its name in lists and in `--step`.
    pub name: String,
    /// What must have succeeded before.
    pub needs: Need,
    /// What it does: once, or once for each item. Nothing, when its condition did not hold.
    pub nodes: Vec<NodeSpec>,
    /// How many of them at once.
    pub parallel: u32,
    /// A person's yes before it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approve: Option<Approval>,
    /// Time after each node, before what comes next begins.
    #[serde(default)]
    pub soak: Duration,
    /// What follows when a node fails.
    #[serde(default)]
    pub on_failure: OnStageFailure,
    /// What is known of it only when it would begin.
    #[serde(default, skip_serializing_if = "Late::is_none")]
    pub late: Late,
}

/// What of a stage uses what earlier ones registered, and is so known only when it would begin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Late {
    /// The stages whose values its commands use.
    pub uses: Vec<StageIx>,
    /// Whether its condition does.
    pub when: bool,
    /// Whether its question does.
    pub question: bool,
}

impl Late {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What a stage does, once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeSpec {
    /// The item, when there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// What sort of run it is.
    pub kind: RunKind,
    /// The run's line for lists.
    pub title: String,
    /// The blob that holds the run's specification, hex.
    pub spec: String,
    /// How many hosts the run has.
    pub hosts: u32,
    /// What must hold after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateSpec>,
}

/// What must hold after a node, looked at by a run of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateSpec {
    /// The run's line for lists.
    pub title: String,
    /// The blob that holds the run's specification, hex.
    pub spec: String,
}

/// What follows when a node fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnStageFailure {
    /// The whole pauses for a person.
    #[default]
    Pause,
    /// The whole is aborted.
    Abort,
    /// The others go on.
    GoOn,
}

/// A node's place: its stage, and the item in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeIx {
    /// The stage.
    pub stage: StageIx,
    /// The item, from 0.
    pub item: u32,
}

impl StagesSpec {
    /// One node.
    pub fn node(&self, ix: NodeIx) -> Option<&NodeSpec> {
        self.stages.get(ix.stage.0)?.nodes.get(ix.item as usize)
    }

    /// All nodes, in the order of the text.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeIx, &StageSpec, &NodeSpec)> {
        let stages = (0..).map(StageIx).zip(&self.stages);
        stages.flat_map(|(stage, spec)| {
            let nodes = (0..).zip(&spec.nodes);
            nodes.map(move |(item, node)| (NodeIx { stage, item }, spec, node))
        })
    }

    /// What people call a node: its stage, and the item.
    pub fn name(&self, ix: NodeIx) -> String {
        let Some(stage) = self.stages.get(ix.stage.0) else {
            return String::new();
        };
        match self.node(ix).and_then(|node| node.item.as_deref()) {
            Some(item) => format!("{} {item}", stage.name),
            None => stage.name.clone(),
        }
    }

    /// Hosts of all nodes together; one that is in several counts in each.
    pub fn hosts(&self) -> u32 {
        let hosts = self.nodes().map(|(_, _, node)| node.hosts);
        hosts.fold(0, u32::saturating_add)
    }
}

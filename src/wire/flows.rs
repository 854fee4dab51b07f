//! What a console is shown of flows: those that are stored, what a start would do, how steps stand.
//! Answers are as large as the part of the screen that they are for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::definitions::{DefinitionLine, PlanFlow};
use crate::flow::definition::Kind;
use crate::flow::plan::StepView;
use crate::flow::rollout::{OnExceeded, Rollout};
use crate::run::ids::{At, RunId};
use crate::run::spans::Span;
use crate::run::spec::Lease;

/// Which flows and actions are there, and how did they go?
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FlowsQuery {
    /// The revision that is on screen; 0 for none.
    pub revision: u64,
    /// Wait as long for another one, in milliseconds.
    pub wait_ms: u32,
    /// Only the definition of this name.
    pub name: String,
    /// Tell at most as many of the last runs of each.
    pub results: u32,
}

/// The flows and actions that are stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FlowsPage {
    /// Another one when anything here changed.
    pub revision: u64,
    /// By name.
    pub flows: Vec<FlowLine>,
}

/// A flow or an action, and how it went.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FlowLine {
    /// What is stored.
    pub definition: DefinitionLine,
    /// `simple`, `multi` or `fanout`; empty when it cannot be read.
    pub sort: String,
    /// The names of its steps, stages or branches.
    pub parts: Vec<String>,
    /// Its last runs that ended, oldest first.
    pub last: Vec<FlowResult>,
}

/// How a run of a flow ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FlowResult {
    /// The run.
    pub run: RunId,
    /// The word of its state.
    pub state: String,
    /// Who started it.
    pub starter: String,
    /// The host set as written.
    pub targets: String,
    /// When it began.
    pub created: At,
    /// When it ended.
    pub ended: Option<At>,
    /// Hosts that did not end well.
    pub failed: u32,
    /// Hosts in all, each once.
    pub hosts: u32,
    /// Stages, when it was made of runs: then hosts may have failed in several.
    #[serde(default)]
    pub stages: u32,
}

/// What would a flow do? As much of it as is on screen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PreviewQuery {
    /// What would be started.
    pub plan: PlanFlow,
    /// The batches that are shown: the first, and how many.
    pub batches: (u32, u32),
    /// The batch whose first host's commands are shown.
    pub at: u32,
}

/// What a flow would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preview {
    /// The version of the flow.
    pub version: u32,
    /// What a start is bound to.
    pub digest: String,
    /// How many hosts.
    pub hosts: u32,
    /// How many batches.
    pub batch_count: u32,
    /// The sizes of the first batches.
    pub sizes: Vec<u32>,
    /// The place of the first of `batches`.
    pub batches_from: u32,
    /// Batches that were asked for.
    pub batches: Vec<BatchPlan>,
    /// What is done on each host, with the texts of one of them.
    pub steps: Vec<StepView>,
    /// Hosts at work at once.
    pub concurrency: u32,
    /// Failures that are borne in the whole run.
    pub max_failures: Option<u32>,
    /// What happens when there are more.
    pub on_exceeded: OnExceeded,
    /// Seconds after the first batches.
    pub soak: Vec<f64>,
    /// What must hold after each batch, in words.
    pub gate: Option<String>,
    /// The claim on the hosts.
    pub lease: Lease,
    /// Runs that work on some of these hosts alone.
    pub held: Vec<HeldBy>,
    /// What is wrong with the inventory, a sentence each.
    pub warnings: Vec<String>,
    /// Seconds that the last runs that ended well took, the median, and how many they are.
    pub took: Option<(f64, u32)>,
    /// The runs it is made of, when it is: the first of them.
    pub stages: Vec<StageLine>,
    /// How many those are.
    pub stage_count: u32,
}

impl Default for Preview {
    fn default() -> Self {
        let standard = Rollout::default();
        Self {
            version: 0,
            digest: String::new(),
            hosts: 0,
            batch_count: 0,
            sizes: Vec::new(),
            batches_from: 0,
            batches: Vec::new(),
            steps: Vec::new(),
            concurrency: standard.concurrency,
            max_failures: None,
            on_exceeded: standard.on_exceeded,
            soak: Vec::new(),
            gate: None,
            lease: standard.lease,
            held: Vec::new(),
            warnings: Vec::new(),
            took: None,
            stages: Vec::new(),
            stage_count: 0,
        }
    }
}

/// What a stage does once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageLine {
    /// Its stage.
    pub stage: String,
    /// The item it is done for, when there are several.
    pub item: Option<String>,
    /// The stages that it needs.
    pub needs: Vec<String>,
    /// What it does: the name of a flow or fanout, or a command.
    pub does: String,
    /// On how many hosts.
    pub hosts: u32,
    /// In how many batches.
    pub batches: u32,
    /// In how many stages, when it is made of runs itself.
    pub stages: u32,
    /// Whether a person says yes before it.
    pub approve: bool,
    /// What must hold after it.
    pub gate: Option<String>,
    /// Seconds after it.
    pub soak: f64,
}

/// A batch of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchPlan {
    /// How many hosts.
    pub count: u32,
    /// The hosts, folded, cut where it is long.
    pub hosts: String,
    /// Failures that are borne in it.
    pub max_failures: Option<u32>,
    /// Seconds after it.
    pub soak: f64,
}

/// A run that works on hosts alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBy {
    /// The run.
    pub run: RunId,
    /// Who has its conn.
    pub holder: Option<String>,
    /// On how many of these hosts.
    pub count: u32,
    /// The hosts, folded, cut where it is long.
    pub hosts: String,
}

/// How the steps of a run stand: a part of a grid.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepsPage {
    /// The steps, with how all hosts stand to each.
    pub steps: Vec<StepSum>,
    /// A sign a step, for each of the grid's `rows`.
    pub cells: Vec<String>,
    /// The batch of each of the grid's `rows`, from 0.
    pub row_batches: Vec<u32>,
    /// How many batches there are.
    pub batch_count: u32,
    /// The place of the first batch that `batches` tells of.
    pub batches_from: u32,
    /// A sign a batch, around the open one.
    pub batches: String,
    /// How many stretches of time there are.
    pub span_count: u32,
    /// The place of the first of `spans`.
    pub spans_from: u32,
    /// When each batch was at work and what it waited for: those that were asked for.
    pub spans: Vec<Span>,
}

/// How all hosts stand to one step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepSum {
    /// Its name.
    pub name: String,
    /// What sort of thing it does.
    pub act: String,
    /// Hosts that have not come to it.
    pub waiting: u32,
    /// Hosts that are at it.
    pub running: u32,
    /// Hosts where it ended well.
    pub ok: u32,
    /// Hosts where it did not.
    pub failed: u32,
    /// Hosts where it was left out or never came to be.
    pub left_out: u32,
    /// The median of seconds where it ended well.
    pub median: Option<f64>,
}

/// What a flow's run was started with, to start it once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The kind of the definition.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The host set as written.
    pub targets: String,
    /// The values, without those that nobody gave and secrets that were typed.
    pub values: BTreeMap<String, String>,
}

/// A definition made of a run, to be looked at before it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DraftPage {
    /// The text.
    pub text: String,
    /// What of the run is not in it, and why; a sentence each.
    pub notes: Vec<String>,
    /// The definition of this name that is current, if there is one.
    pub current: Option<u32>,
}

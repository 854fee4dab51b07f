//! What clients are shown of runs, hosts and the engine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::standing::{Asked, Stand, Whole};
use crate::run::event::OutputSum;
use crate::run::ids::{At, RunId};
use crate::run::outcome::Outcome;
use crate::run::phases::Phases;
use crate::run::preflight::{self, Facts};
use crate::run::roles::Role;
use crate::run::spans::Span;
use crate::run::tally::Tally;

/// One run as it stands, small enough to send often.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunView {
    /// Its number.
    pub run: RunId,
    /// Changes with the run.
    pub revision: u64,
    /// `exec`, `preflight`, …
    pub kind: String,
    /// The command or definition.
    pub title: String,
    /// The host set as written.
    pub targets: String,
    /// The word of the contracts.
    pub state: String,
    /// What a waiting run waits for.
    pub waits_for: Option<String>,
    /// A sentence about that, or about the pause.
    pub because: Option<String>,
    /// Counts of hosts.
    pub tally: Tally,
    /// Who started it.
    pub starter: String,
    /// Who has the conn.
    pub holder: Option<String>,
    /// Who asks for it, and until when the holder may answer.
    pub asked_by: Option<(String, At)>,
    /// When it began.
    pub created: At,
    /// When it ended.
    pub ended: Option<At>,
    /// The open batch, from 1, and how many there are.
    pub batch: (u32, u32),
    /// Hosts at work at once, and the failures that are borne, as they are now.
    pub limits: (u32, Option<u32>),
    /// Who wants it aborted when its open batch has ended.
    pub abort_after: Option<String>,
    /// Who had it rolled back; then it ends as failed.
    pub rolled_back: Option<String>,
    /// Hosts that end a second, over the last while.
    pub rate: Option<f64>,
    /// Seconds until the end, by what steps take: machines' time alone, and none where a person is asked.
    pub eta_s: Option<f64>,
    /// Hosts at a step for longer than it takes elsewhere, longest first.
    pub stragglers: Vec<Straggler>,
    /// Hosts at work, longest first, when few are left.
    pub laggards: Vec<Laggard>,
    /// Hosts that have been silent for too long.
    pub silent: Vec<Laggard>,
    /// The runs that it is made of, in the order of the text, when it is made of runs.
    pub stages: Vec<StageView>,
    /// What those come to.
    pub whole: Option<Whole>,
    /// What it waits for while no host is at work.
    pub stand: Option<Stand>,
    /// What people are asked now: by the run itself, else by runs that it is made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<Asked>,
    /// The run that it is part of.
    pub part_of: Option<PartOf>,
    /// In an answer to who steers it: what of it does not do as asked, a sentence each.
    pub stay: Vec<String>,
}

/// A stage of a run that is made of runs, or what it does for one item.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageView {
    /// The stage's name.
    pub stage: String,
    /// The item, when there are several.
    pub item: Option<String>,
    /// The stages that it needs.
    pub needs: Vec<String>,
    /// How many of those, when not all.
    pub needs_count: usize,
    /// Where it stands: `waiting`, `running`, `gate`, `soaking`, `succeeded`, `failed`,
    /// `inconclusive`, `aborted`, `skipped`, `not_started`.
    pub state: String,
    /// Whether something about it did not end well, borne or accepted though it is.
    pub marred: bool,
    /// What sort of run does its work, and that run's line.
    pub kind: String,
    /// That.
    pub title: String,
    /// The run that does its work, once it began.
    pub run: Option<RunId>,
    /// That run's state, in the word of the contracts.
    pub run_state: Option<String>,
    /// Why that run stands still or waits.
    pub because: Option<String>,
    /// What that run waits for while no host of it is at work.
    pub stand: Option<Stand>,
    /// Whether something must hold after it.
    pub gated: bool,
    /// The run that looks at that, the newest.
    pub gate: Option<RunId>,
    /// Time after it, in seconds.
    pub soak: f64,
    /// When its soak is over.
    pub until: Option<At>,
    /// What it registered: by variable and value, the hosts that have it.
    pub registered: BTreeMap<String, BTreeMap<String, String>>,
    /// Counts of its hosts.
    pub tally: Tally,
    /// When it began.
    pub began: Option<At>,
    /// When it was over.
    pub ended: Option<At>,
}

/// The run that a run is part of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartOf {
    /// That run.
    pub run: RunId,
    /// The stage.
    pub stage: u32,
    /// The item in it, from 0.
    pub item: u32,
    /// Whether it looks at the stage's gate.
    pub gate: bool,
    /// What the whole is a run of.
    #[serde(default)]
    pub of: String,
    /// What people call the stage: its name, and the item.
    #[serde(default)]
    pub name: String,
}

/// A host that lags.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Straggler {
    /// Its name.
    pub host: String,
    /// The step it is at.
    pub step: String,
    /// For so many seconds.
    pub seconds: f64,
    /// What the step takes elsewhere: the median, in seconds.
    pub usual: f64,
}

/// A host and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Laggard {
    /// Its name.
    pub host: String,
    /// Seconds.
    pub seconds: f64,
    /// What its task is doing, in a word.
    pub stage: String,
}

/// One task of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskView {
    /// The host's name.
    pub host: String,
    /// The host's place in the run.
    pub ix: u32,
    /// The step it is at, or ended in.
    pub step: String,
    /// Attempts of that step.
    pub attempts: u32,
    /// How it ended; none while it has not.
    pub outcome: Option<Outcome>,
    /// Where it stands, when it has not ended.
    pub standing: String,
    /// One sentence.
    pub detail: Option<String>,
    /// Time in each phase.
    pub phases: Phases,
    /// What it wrote.
    pub output: OutputSum,
    /// When work on the host began.
    #[serde(default)]
    pub began: Option<At>,
    /// When it ended there.
    #[serde(default)]
    pub finished: Option<At>,
}

/// One line in the list of runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunLine {
    /// Its number.
    pub run: RunId,
    /// `exec`, `preflight`, …
    pub kind: String,
    /// The command or definition.
    pub title: String,
    /// The host set as written.
    pub targets: String,
    /// The word of the contracts.
    pub state: String,
    /// What a waiting run waits for.
    #[serde(default)]
    pub waits_for: Option<String>,
    /// Who started it.
    pub starter: String,
    /// Who has the conn.
    #[serde(default)]
    pub holder: Option<String>,
    /// When it began.
    pub created: At,
    /// When it ended.
    #[serde(default)]
    pub ended: Option<At>,
    /// Counts of hosts.
    pub tally: Tally,
    /// Who knows that it did not end well; told to consoles.
    #[serde(default)]
    pub acked: Option<Acked>,
    /// The run that it is part of.
    #[serde(default)]
    pub part_of: Option<PartOf>,
    /// What its stages come to, when it is made of runs.
    #[serde(default)]
    pub whole: Option<Whole>,
    /// What it waits for while no host is at work.
    #[serde(default)]
    pub stand: Option<Stand>,
}

/// Somebody knows of it: it needs nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acked {
    /// Who.
    pub by: String,
    /// Since when.
    pub at: At,
}

/// One run in full.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunDetail {
    /// Where it stands.
    pub view: RunView,
    /// What names all that is frozen in it: an approval counts for this alone.
    #[serde(default)]
    pub digest: String,
    /// The flow it is a run of.
    #[serde(default)]
    pub flow: Option<FlowLine>,
    /// The sizes of its batches.
    pub batches: Vec<u32>,
    /// The names of its steps, in order.
    pub steps: Vec<String>,
    /// What was given: user, timeouts, limits, environment names.
    pub params: BTreeMap<String, String>,
    /// Every host.
    pub tasks: Vec<TaskView>,
    /// What happened, oldest first.
    pub timeline: Vec<TimelineEntry>,
    /// How it took its time, batch by batch.
    #[serde(default)]
    pub spans: Vec<Span>,
}

/// The flow of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowLine {
    /// Its name.
    pub name: String,
    /// The version of its definition.
    pub version: u32,
    /// What names its plan: definition, hosts and values, as a plan is shown.
    pub digest: String,
}

/// One thing that happened in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// When.
    pub at: At,
    /// Who; `conn` for a rule.
    pub by: String,
    /// What, in a sentence.
    pub what: String,
}

/// Hosts with one and the same output and outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputGroup {
    /// The hosts, in the order of the run.
    pub hosts: Vec<String>,
    /// How they ended.
    pub outcome: Option<Outcome>,
    /// A sentence of the first of them.
    pub detail: Option<String>,
    /// What they wrote.
    pub output: OutputSum,
    /// The place of the step it is the output of.
    #[serde(default)]
    pub step: u16,
    /// The attempt of the first of them that wrote it.
    #[serde(default)]
    pub attempt: u32,
}

/// What a preflight found on one host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostChecks {
    /// The host's task.
    pub task: TaskView,
    /// What the host said of itself.
    pub facts: Facts,
    /// What to make of it, worst first.
    pub findings: Vec<preflight::Finding>,
}

/// How the engine is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EngineStatus {
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// Seconds since it started.
    pub uptime: f64,
    /// Runs that have not ended.
    pub runs: u32,
    /// Tasks in flight.
    pub tasks: u32,
    /// Clients connected, this one included.
    pub clients: u32,
    /// The people behind them.
    pub people: Vec<String>,
    /// SSH connections held.
    pub connections: u32,
    /// Resident memory in bytes.
    pub memory: u64,
    /// Bytes of stored output, journal and index.
    pub store: BTreeMap<String, u64>,
    /// The space state of the disk, in a word.
    pub space: String,
    /// Sentences about what is not right.
    pub notes: Vec<String>,
    /// Runs whose typed secrets are in its memory: when it ends, they wait for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub typed: Vec<RunId>,
    /// Its state directory.
    pub state_dir: String,
    /// Whether it is stopping.
    pub stopping: bool,
    /// The highest role that whoever asks has on it, for some hosts or all.
    pub role: Option<Role>,
}

/// One audit record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditView {
    /// Its place in the chain.
    pub seq: u64,
    /// When.
    pub at: At,
    /// The Unix user who caused it.
    pub by: String,
    /// The act, in a word.
    pub act: String,
    /// The run it is about.
    pub run: Option<RunId>,
    /// A sentence.
    pub text: String,
}

/// Whether the chain of audit records is whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditCheck {
    /// Whether it is.
    pub whole: bool,
    /// Records in the chain.
    pub records: u64,
    /// The hash of the newest, hex.
    pub head: String,
    /// Where and how it breaks, a sentence each.
    pub breaks: Vec<String>,
    /// What cannot be proven from here, a sentence each.
    pub unproven: Vec<String>,
}

/// One finding of `conn doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `ok`, `warn` or `bad`.
    pub level: String,
    /// What was looked at.
    pub what: String,
    /// What was found.
    pub found: String,
    /// What to do, if anything.
    pub advice: Option<String>,
}

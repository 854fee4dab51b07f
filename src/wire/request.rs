//! What a client may ask.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::console::{
    FoldQuery, GridQuery, InventoryQuery, LinesQuery, OverviewQuery, PickQuery, SearchQuery,
};
use super::definitions::{Apply, PlanFlow, StartFlow};
use super::flows::{FlowsQuery, PreviewQuery};
use super::follow::FollowFrom;
use super::hidden::Hidden;
use super::standing::Asked;
use crate::flow::definition::Kind;
use crate::run::ids::RunId;
use crate::run::outcome::OutcomeKind;

/// One question or act.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// How is the engine?
    Status,
    /// End the engine.
    Stop {
        /// Do not wait for tasks that cannot be followed again.
        now: bool,
    },
    /// Replace the engine's program by this one, keeping its socket and its work.
    Upgrade {
        /// The program to run; the engine's own path when none is given.
        program: Option<String>,
    },
    /// Which hosts does this name, and how are they reached?
    Hosts(HostsQuery),
    /// Keep these bytes until a run that pushes them starts; sent in order, the last one says so.
    Upload {
        /// Chosen by the client; one upload each.
        upload: u64,
        /// The next bytes.
        bytes: Bytes,
        /// Whether these were the last.
        last: bool,
    },
    /// Start a run.
    Start(Box<StartRun>),
    /// What is new in a run? Waits until something is, or the time is up.
    Follow(FollowFrom),
    /// The list of runs.
    Runs(RunsQuery),
    /// One run in full.
    Show {
        /// The run.
        run: RunId,
    },
    /// Why is there this run?
    Why {
        /// The run.
        run: RunId,
    },
    /// What must the next shift know?
    Handover {
        /// Failures and notes since then, Unix milliseconds.
        since_ms: i64,
    },
    /// What a preflight found, host by host.
    Checks {
        /// The run.
        run: RunId,
        /// The place of the first host.
        from: u32,
    },
    /// Identical outputs of a run, with their hosts.
    Groups {
        /// The run.
        run: RunId,
        /// Only this step; the last that wrote anything otherwise.
        step: Option<String>,
    },
    /// One host's stored output.
    HostOutput {
        /// The run.
        run: RunId,
        /// The host's name.
        host: String,
        /// Where to read on; 0 is the start.
        cursor: u64,
        /// At most as many bytes.
        max_bytes: u32,
    },
    /// Steer a run.
    Steer {
        /// The run.
        run: RunId,
        /// What to do.
        act: Steer,
    },
    /// The audit records.
    Audit {
        /// Not before this moment, Unix milliseconds.
        since_ms: Option<i64>,
        /// From this record on.
        from_seq: u64,
        /// At most as many.
        limit: u32,
    },
    /// Is the chain of audit records whole?
    AuditVerify,
    /// What is the hash of this audit record?
    AuditHash {
        /// The record's place.
        seq: u64,
    },
    /// What could go wrong on this bastion?
    Doctor,
    /// What stands on the first screen? Waits until it changes, or the time is up.
    Overview(OverviewQuery),
    /// A part of a run's hosts, in an order. Waits like `Overview`.
    Grid(GridQuery),
    /// A run's hosts by what they wrote. Waits like `Overview`.
    Fold(FoldQuery),
    /// A part of one host's output, by lines. Waits for more when it is asked for more.
    Lines(LinesQuery),
    /// Where does a run's output hold this?
    Search(SearchQuery),
    /// Which hosts of a run are meant?
    Pick(PickQuery),
    /// Groups and hosts that are known.
    Inventory(InventoryQuery),
    /// That an ended run did not end well is known: it needs nobody else.
    Acknowledge {
        /// The run.
        run: RunId,
        /// Whether it is; otherwise it is taken back.
        known: bool,
    },
    /// Do not answer this question any more; there is no answer to this either.
    TakeBack {
        /// The question's number.
        ask: u64,
    },
    /// A passphrase for a key file, kept in the engine's memory only.
    Passphrase {
        /// The key file.
        key: String,
        /// The passphrase.
        secret: String,
    },
    /// A secret that was typed for a run, and that the engine does not know any more.
    Secret {
        /// The run, or one that it is made of.
        run: RunId,
        /// The parameter that it was typed for.
        name: String,
        /// The secret.
        secret: Hidden,
    },
    /// Store definitions, if all of them are right.
    Apply(Box<Apply>),
    /// Which definitions are there?
    Definitions {
        /// Of this kind.
        kind: Kind,
    },
    /// What does a definition say?
    Definition {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
        /// The version; the current one otherwise.
        version: Option<u32>,
    },
    /// What would a flow do?
    PlanFlow(Box<PlanFlow>),
    /// Start a flow.
    StartFlow(Box<StartFlow>),
    /// Which flows are there, and how did they go? Waits like `Overview`.
    Flows(FlowsQuery),
    /// What would a flow do? As much of it as is on screen.
    Preview(Box<PreviewQuery>),
    /// What is a run as a definition?
    Draft {
        /// The run.
        run: RunId,
        /// The name of the flow it is to be.
        name: String,
    },
    /// What was a flow's run started with?
    Given {
        /// The run.
        run: RunId,
    },
}

impl Request {
    /// Whether this only looks, and may be taken back.
    pub fn is_view(&self) -> bool {
        matches!(
            self,
            Self::Overview(_)
                | Self::Grid(_)
                | Self::Fold(_)
                | Self::Lines(_)
                | Self::Search(_)
                | Self::Pick(_)
                | Self::Inventory(_)
                | Self::Flows(_)
                | Self::Preview(_)
        )
    }
}

/// Which hosts, and through which `ssh_config`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HostsQuery {
    /// The host set.
    pub targets: String,
    /// The `ssh_config` to use instead of the user's.
    pub ssh_config: Option<String>,
    /// The login user that wins over all others.
    pub user: Option<String>,
    /// Another inventory than the site's: `ansible:PATH`, `ssh_config:PATH`, `command:CMD`.
    pub from: Option<String>,
    /// Where relative paths in it start.
    pub dir: Option<String>,
    /// The named key that a run would use; the site's default otherwise.
    pub identity: Option<String>,
}

/// An ad-hoc run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::struct_excessive_bools)] // independent options of one command line
pub struct StartRun {
    /// The host set.
    pub targets: String,
    /// The command; for a preflight, empty.
    pub command: String,
    /// Whether this is a preflight.
    pub preflight: bool,
    /// Files to push first.
    pub push: Vec<PushFile>,
    /// Variables for the command.
    pub env: BTreeMap<String, String>,
    /// Input for the command, the same for each host.
    pub stdin: Option<Bytes>,
    /// The user the command runs as.
    pub run_as: Option<String>,
    /// The login user.
    pub user: Option<String>,
    /// The `ssh_config` to use instead of the user's.
    pub ssh_config: Option<String>,
    /// The named key to log in with; the site's default otherwise.
    pub identity: Option<String>,
    /// Time a command may take.
    pub timeout: Option<Duration>,
    /// Time each phase of connecting may take.
    pub connect_timeout: Option<Duration>,
    /// Hosts at work at once; the site's default when 0.
    pub fanout: u32,
    /// Whether the command outlives its connection.
    pub durable: bool,
    /// Run on as many first, then wait for a look.
    pub first: Option<u32>,
    /// Authenticate everywhere before the first command.
    pub hold: bool,
    /// Claim the hosts for this run alone.
    pub exclusive: bool,
    /// Be refused rather than wait for a lease.
    pub no_wait: bool,
    /// Be refused when the host set means more hosts than this by now: so many were shown.
    pub shown: Option<u32>,
}

/// A file that was uploaded, and where it goes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PushFile {
    /// The digest the upload ended with.
    pub blob: String,
    /// Its size in bytes.
    pub size: u64,
    /// Where it was read, for people.
    pub source: String,
    /// The path on the host.
    pub dest: String,
    /// `user` or `user:group`.
    pub owner: Option<String>,
    /// Permission bits.
    pub mode: Option<u32>,
}

/// Which runs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunsQuery {
    /// Only in this state.
    pub state: Option<String>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only begun since then, Unix milliseconds.
    pub since_ms: Option<i64>,
    /// Only with this text in the title, the targets or the starter.
    pub grep: Option<String>,
    /// At most as many, newest first; all when 0.
    pub limit: u32,
}

/// What to do with a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Steer {
    /// Start nothing new.
    Pause {
        /// Why.
        reason: String,
    },
    /// Go on.
    Resume,
    /// Cancel.
    Abort {
        /// Why.
        reason: String,
    },
    /// Cancel when the open batch has ended.
    AbortAfterBatch {
        /// Why.
        reason: String,
    },
    /// Start again what ended in these.
    Retry {
        /// Empty: every failure that is not in doubt.
        only: Vec<OutcomeKind>,
        /// A host set within the run; empty: every host.
        #[serde(default)]
        hosts: String,
        /// Be refused when more hosts than this would start again by now: so many were shown.
        #[serde(default)]
        shown: Option<u32>,
    },
    /// Stop, and undo what was done.
    Rollback {
        /// Why.
        reason: String,
        /// A host set within the run; empty: every host that is not in doubt.
        hosts: String,
    },
    /// Leave hosts out.
    Skip {
        /// A host set within the run.
        hosts: String,
    },
    /// Leave a step out on every host that has not done it.
    SkipStep {
        /// Its name.
        step: String,
    },
    /// Say that the run goes on past the step that asks.
    Approve {
        /// Why, if they said.
        reason: String,
        /// Be refused when something else is asked by now: this was shown.
        #[serde(default)]
        asked: Option<Asked>,
    },
    /// Say that it does not: the run is aborted.
    Reject {
        /// Why.
        reason: String,
        /// Be refused when something else is asked by now: this was shown.
        #[serde(default)]
        asked: Option<Asked>,
    },
    /// Say what became of a host in doubt.
    Settle {
        /// The host's name.
        host: String,
        /// The step that it is in doubt at; whichever it is otherwise.
        #[serde(default)]
        step: Option<String>,
        /// `ok`, `failed` or `retry`.
        verdict: String,
    },
    /// Change limits.
    Tune {
        /// New concurrency.
        concurrency: Option<u32>,
        /// New failure limit: a number, or a percentage of the run.
        max_failures: Option<String>,
        /// Sizes of the batches that are not open yet: `5,20%`.
        #[serde(default)]
        batches: Option<String>,
    },
    /// Take the conn.
    Take {
        /// Why.
        reason: String,
    },
    /// Keep the conn.
    RefuseTake,
    /// Hand the conn over.
    Give {
        /// To whom.
        to: String,
    },
    /// Add words.
    Note {
        /// The words.
        text: String,
    },
}

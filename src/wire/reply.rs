//! What the engine answers.

use serde::{Deserialize, Serialize};

use super::console::{FoldPage, GridPage, InventoryPage, LinesPage, Overview, Picked, SearchPage};
use super::definitions::{Applied, DefinitionLine, DefinitionView, Planned};
use super::flows::{DraftPage, FlowsPage, Given, Preview};
use super::follow::FollowPage;
use super::handover::Handover;
use super::view::{
    AuditCheck, AuditView, EngineStatus, Finding, HostChecks, OutputGroup, RunDetail, RunLine,
    RunView,
};
use crate::inventory::ResolvedHost;
use crate::run::cause::Cause;
use crate::run::ids::RunId;
use crate::run::output::Chunk;
use crate::run::roles::Denied;

/// An answer to a [`Request`](super::Request).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Done, and durable.
    Done,
    /// How the engine is.
    Status(Box<EngineStatus>),
    /// The hosts.
    Hosts {
        /// The hosts, in the order of the set.
        hosts: Vec<ResolvedHost>,
        /// What is wrong with the inventory, a sentence each.
        warnings: Vec<String>,
    },
    /// The bytes so far are kept; the digest when they were the last.
    Uploaded {
        /// Names the blob.
        blob: Option<String>,
    },
    /// The run exists, and that is durable.
    Started {
        /// Its number.
        run: RunId,
        /// What the starter should know.
        warnings: Vec<String>,
    },
    /// What is new in a run.
    Page(Box<FollowPage>),
    /// Runs, newest first.
    Runs(Vec<RunLine>),
    /// One run.
    Detail(Box<RunDetail>),
    /// Why there is a run: its causes, first one first.
    Why(Vec<Cause>),
    /// What the next shift must know.
    Handover(Box<Handover>),
    /// What a preflight found.
    Checks {
        /// Host by host, in the order of the run.
        hosts: Vec<HostChecks>,
        /// The place of the next host; none after the last.
        next: Option<u32>,
    },
    /// Identical outputs.
    Groups(Vec<OutputGroup>),
    /// One host's output.
    Output {
        /// The chunks.
        chunks: Vec<Chunk>,
        /// Where to read on.
        cursor: u64,
        /// Whether there is nothing more for now.
        end: bool,
    },
    /// The run after it was steered.
    Steered(Box<RunView>),
    /// Audit records.
    Audit {
        /// The records, oldest first.
        records: Vec<AuditView>,
        /// Where to read on; none after the last.
        next: Option<u64>,
    },
    /// The state of the chain.
    AuditCheck(AuditCheck),
    /// The hash of an audit record, hex; none where there is no such record.
    AuditHash(Option<String>),
    /// What the doctor found.
    Findings(Vec<Finding>),
    /// What stands on the first screen.
    Overview(Box<Overview>),
    /// A part of a run's hosts.
    Grid(Box<GridPage>),
    /// A run's hosts by what they wrote.
    Fold(Box<FoldPage>),
    /// A part of one host's output.
    Lines(Box<LinesPage>),
    /// Where output holds what was looked for.
    Found(Box<SearchPage>),
    /// Hosts of a run.
    Picked(Box<Picked>),
    /// Groups and hosts.
    Inventory(Box<InventoryPage>),
    /// What became of definitions.
    Applied(Box<Applied>),
    /// The definitions of a kind, by name.
    Definitions(Vec<DefinitionLine>),
    /// One of them.
    Definition(Box<DefinitionView>),
    /// What a flow would do.
    Planned(Box<Planned>),
    /// Flows and how they went.
    Flows(Box<FlowsPage>),
    /// What a flow would do, as much of it as is on screen.
    Preview(Box<Preview>),
    /// A run as a definition.
    Draft(Box<DraftPage>),
    /// What a run was started with.
    Given(Box<Given>),
}

/// Why a request was not fulfilled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What sort of fault, for the exit code.
    pub kind: FaultKind,
    /// What happened, why, and what to do next.
    pub message: String,
}

impl From<Denied> for Fault {
    fn from(denied: Denied) -> Self {
        Self::refused(denied.to_string())
    }
}

/// What sort of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The request itself is wrong: exit 2.
    Usage,
    /// A rule, a holder or a policy says no: exit 4.
    Refused,
    /// The engine could not do it: exit 3.
    Engine,
    /// The engine is ending; the next one may do it: exit 3.
    Ending,
    /// Anything a newer engine may say.
    #[serde(other)]
    Other,
}

impl Fault {
    /// The request is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            kind: FaultKind::Usage,
            message: message.into(),
        }
    }

    /// Somebody or something says no.
    pub fn refused(message: impl Into<String>) -> Self {
        Self {
            kind: FaultKind::Refused,
            message: message.into(),
        }
    }

    /// The engine is ending.
    pub fn ending(message: impl Into<String>) -> Self {
        Self {
            kind: FaultKind::Ending,
            message: message.into(),
        }
    }

    /// The engine could not.
    pub fn engine(message: impl Into<String>) -> Self {
        Self {
            kind: FaultKind::Engine,
            message: message.into(),
        }
    }
}

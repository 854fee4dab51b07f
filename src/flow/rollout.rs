//! How a simple flow goes over its hosts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::step::Exec;
use super::template::{Condition, QueryText, StageUse, UrlText};
use crate::run::retry::Retry;
use crate::run::spec::Lease;

/// Hosts at work at once when a definition says nothing.
pub const CONCURRENCY: u32 = 32;

/// The rollout of a simple flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// Sizes of the batches; the last repeats. Without any, all hosts are one batch.
    pub batches: Vec<BatchSize>,
    /// Hosts at work at once, in a batch.
    pub concurrency: u32,
    /// More failures than this in the whole run stop it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_failures: Option<Limit>,
    /// More failures than this in one batch stop it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_failures_per_batch: Option<Limit>,
    /// What is different in the first batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// Time between a batch and the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak: Option<Duration>,
    /// What must hold after each batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// What happens when there are too many failures or a gate fails.
    #[serde(default)]
    pub on_exceeded: OnExceeded,
    /// Whether steps go over the batch together.
    #[serde(default)]
    pub strategy: Strategy,
    /// The order of hosts.
    #[serde(default)]
    pub order: HostOrder,
    /// A label: no two hosts with one value of it are in one batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<String>,
    /// The claim on the hosts.
    pub lease: Lease,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            batches: Vec::new(),
            concurrency: CONCURRENCY,
            max_failures: None,
            max_failures_per_batch: None,
            canary: None,
            soak: None,
            gate: None,
            on_exceeded: OnExceeded::default(),
            strategy: Strategy::default(),
            order: HostOrder::default(),
            spread: None,
            lease: Lease::Exclusive,
        }
    }
}

/// The size of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchSize {
    /// So many hosts.
    Hosts(u32),
    /// So many of a hundred of all hosts, but at least one host.
    Percent(u32),
}

/// How many failures are borne.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// So many.
    Count(u32),
    /// So many of ten thousand of the hosts, rounded down.
    Basis(u32),
}

impl Limit {
    /// The number of failures that are borne among so many hosts.
    pub fn of(self, hosts: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Basis(basis) => {
                let count = u64::from(hosts) * u64::from(basis) / 10_000;
                u32::try_from(count).unwrap_or(u32::MAX)
            }
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Basis(basis) if basis % 100 == 0 => write!(f, "{}%", basis / 100),
            Self::Basis(basis) => write!(f, "{}%", f64::from(*basis) / 100.0),
        }
    }
}

/// The first batch under stricter rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// More failures than this in it stop the run.
    pub max_failures: Limit,
    /// Time after it, instead of the rollout's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak: Option<Duration>,
}

/// What happens when a rollout stands badly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExceeded {
    /// It pauses for a person.
    #[default]
    Pause,
    /// It is aborted.
    Abort,
    /// What was done is undone.
    Rollback,
}

/// How steps and hosts take turns inside of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Each step is done by the whole batch before the next begins.
    Lockstep,
    /// Each host goes at its own pace.
    #[default]
    Free,
}

/// The order in which hosts are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostOrder {
    /// As the host set names them.
    #[default]
    Inventory,
    /// Shuffled by the run's number.
    Shuffled,
}

/// What must hold before a rollout goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// What decides.
    pub by: GateBy,
    /// Time one look may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Looked again by itself, while it does not say success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// What an answer that is neither yes nor no does.
    #[serde(default)]
    pub inconclusive: Inconclusive,
}

/// What decides whether a gate opens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateBy {
    /// A command on each host of the batch: 0 is success, these codes are inconclusive, all others
    /// failure.
    Exec {
        /// The command.
        exec: Exec,
        /// Exit codes that say neither.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        inconclusive_codes: Vec<u8>,
    },
    /// A tree, by its name, over the hosts of the batch.
    Tree(String),
    /// A question to a metrics server.
    Metrics(Metrics),
}

/// A question to a server that speaks Prometheus' HTTP API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metrics {
    /// The server.
    pub url: UrlText,
    /// The query.
    pub query: QueryText,
    /// When this holds of `value`, the gate opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<Condition>,
    /// When this holds of `value`, the gate fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Condition>,
}

impl Gate {
    /// Where it uses what earlier stages registered.
    pub fn stages(&self) -> Vec<StageUse> {
        match &self.by {
            GateBy::Exec { exec, .. } => exec.command.stages(),
            GateBy::Metrics(metrics) => {
                let conditions = [&metrics.success, &metrics.failure];
                let conditions = conditions.into_iter().flatten();
                conditions.flat_map(Condition::stages).collect()
            }
            GateBy::Tree(_) => Vec::new(),
        }
    }
}

/// What an inconclusive gate does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inconclusive {
    /// Pauses for a person.
    #[default]
    Pause,
    /// Counts as failure.
    Fail,
}

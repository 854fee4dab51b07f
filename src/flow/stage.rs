//! Stages of a multi flow, and the branches of a fanout.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rollout::{Gate, Limit, OnExceeded};
use super::step::{Approve, Exec, Given};
use super::template::{Condition, STAGES, Text};

/// One stage of a multi flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// The name that other stages need it by.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// What it does.
    pub work: Work,
    /// What must have succeeded before.
    #[serde(default)]
    pub needs: Needs,
    /// Done once for each of these, which is `item` in its texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<ForEach>,
    /// How many of them at once.
    pub parallel: u32,
    /// Left out when this does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// A person's yes before it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approve: Option<Approve>,
    /// Time after it, before what needs it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak: Option<Duration>,
    /// What must hold after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// What happens when it fails.
    #[serde(default)]
    pub on_exceeded: OnExceeded,
    /// More failures than this in it stop it, instead of what its flow says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_failures: Option<Limit>,
}

impl Stage {
    /// The stages whose registered values it uses: in its command, its gate, its condition or its
    /// question.
    pub fn uses(&self) -> BTreeSet<String> {
        let gate = self.gate.as_ref().map_or_else(Vec::new, Gate::stages);
        let work = match &self.work.action {
            Action::Exec { exec, .. } => exec.command.stages(),
            Action::Flow(_) | Action::Fanout(_) => Vec::new(),
        };
        let when = self.when.iter().flat_map(Condition::stages);
        let question = self
            .approve
            .iter()
            .filter_map(|approve| approve.text.as_ref());
        let question = question.flat_map(Text::stages);
        let all = gate.into_iter().chain(work).chain(when).chain(question);
        all.filter_map(|used| used.path.into_iter().next())
            .collect()
    }

    /// Whether its condition can be judged only when it would begin.
    pub fn is_judged_late(&self) -> bool {
        self.when.as_ref().is_some_and(|when| when.uses(STAGES))
    }

    /// Whether its question is known only when it is asked.
    pub fn is_asked_late(&self) -> bool {
        let text = self
            .approve
            .as_ref()
            .and_then(|approve| approve.text.as_ref());
        text.is_some_and(|text| !text.stages().is_empty())
    }
}

/// What a stage or a branch does, and where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// What is done.
    pub action: Action,
    /// The host set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Text>,
    /// The parameters of the flow or fanout.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, Given>,
}

/// What can be done by a stage or a branch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The flow of this name.
    Flow(String),
    /// A command.
    Exec {
        /// The command.
        exec: Exec,
        /// Time it may take on a host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout: Option<Duration>,
    },
    /// The fanout of this name.
    Fanout(String),
}

impl Action {
    /// The definition that it refers to.
    pub fn refers_to(&self) -> Option<&str> {
        match self {
            Self::Flow(name) | Self::Fanout(name) => Some(name),
            Self::Exec { .. } => None,
        }
    }
}

/// What a stage needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Needs {
    /// Every one of these.
    All(Vec<String>),
    /// So many of these.
    AtLeast {
        /// How many.
        count: usize,
        /// Of which.
        of: Vec<String>,
    },
}

impl Default for Needs {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Needs {
    /// The stages it names.
    pub fn names(&self) -> &[String] {
        match self {
            Self::All(names) | Self::AtLeast { of: names, .. } => names,
        }
    }

    /// How many of them must have succeeded.
    pub fn count(&self) -> usize {
        match self {
            Self::All(names) => names.len(),
            Self::AtLeast { count, .. } => *count,
        }
    }
}

/// The items of a stage that is done several times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForEach {
    /// These.
    Items(Vec<Text>),
    /// The hosts of this parameter.
    Param(String),
}

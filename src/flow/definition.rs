//! Definitions: what a file holds once it was read.

use serde::{Deserialize, Serialize};

use super::param::Params;
use super::rollout::Rollout;
use super::stage::{Stage, Work};
use super::step::Step;

/// One definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// Its name, by which others refer to it.
    pub name: String,
    /// The application it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// What is asked at its start.
    #[serde(default, skip_serializing_if = "Params::is_empty")]
    pub params: Params,
    /// What it does.
    pub body: Body,
}

/// What a definition does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// Steps over one host set, in batches.
    Simple {
        /// How it goes over its hosts.
        rollout: Box<Rollout>,
        /// What happens on each.
        steps: Vec<Step>,
    },
    /// A graph of stages.
    Multi {
        /// The stages.
        stages: Vec<Stage>,
    },
    /// Several actions at once.
    Fanout(Fanout),
}

/// Several actions at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fanout {
    /// The actions.
    pub branches: Vec<Branch>,
    /// How many at once.
    pub parallel: u32,
    /// When it has succeeded.
    pub join: Join,
    /// Whether the others are aborted once it cannot succeed any more.
    pub fail_fast: bool,
}

/// One of a fanout's actions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Branch {
    /// Its name in lists.
    pub name: String,
    /// What it does.
    pub work: Work,
}

/// When a fanout has succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// When all have.
    All,
    /// When so many have.
    AtLeast(usize),
}

impl Join {
    /// How many of so many branches must succeed.
    pub fn count(self, branches: usize) -> usize {
        match self {
            Self::All => branches,
            Self::AtLeast(count) => count,
        }
    }
}

/// The kinds of definitions this room knows.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// KIND `flow`: simple and multi flows.
    #[default]
    Flow,
    /// KIND `action`: fanouts.
    Action,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Flow, Self::Action];

    /// Its word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Flow => "flow",
            Self::Action => "action",
        }
    }
}

impl Definition {
    /// What kind it is.
    pub fn kind(&self) -> Kind {
        match self.body {
            Body::Simple { .. } | Body::Multi { .. } => Kind::Flow,
            Body::Fanout(_) => Kind::Action,
        }
    }

    /// Its stages' or branches' names and work, in the order of the text.
    pub fn works(&self) -> Vec<(&str, &Work)> {
        match &self.body {
            Body::Simple { .. } => Vec::new(),
            Body::Multi { stages } => stages
                .iter()
                .map(|stage| (stage.name.as_str(), &stage.work))
                .collect(),
            Body::Fanout(fanout) => {
                let branches = fanout.branches.iter();
                branches
                    .map(|branch| (branch.name.as_str(), &branch.work))
                    .collect()
            }
        }
    }
}

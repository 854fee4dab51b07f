//! Steps: what happens on each host, and what follows from how it went.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::register::Register;
use super::template::{CommandText, Condition, Text, UrlText};
use crate::run::retry::Retry;
use crate::run::spec::OnFailure;

pub use crate::run::http::Method;
pub use crate::run::roles::Role;

/// One step of a simple flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The name in lists and in `--step`.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// What is done.
    pub act: Act,
    /// Left out on a host where this does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// Time one attempt may take after it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Tried again by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Whether doing it twice does no harm.
    pub idempotent: bool,
    /// What must hold after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
    /// What becomes of a host where it failed.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// What undoes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Undo>,
    /// Values taken from its output, for later steps.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub register: BTreeMap<String, Register>,
}

impl Step {
    /// Whether it happens once a batch, for all of its hosts: a barrier.
    pub fn is_barrier(&self) -> bool {
        matches!(self.act, Act::Approve(_) | Act::Wait(_))
    }
}

/// What a step does: exactly one of these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Run a command on the host.
    Exec(Exec),
    /// Bring a file to the host.
    Push(Push),
    /// Fetch a file from the host.
    Pull(Pull),
    /// Ask a web server, from the engine.
    Http(Http),
    /// Wait for a person's yes.
    Approve(Approve),
    /// Wait.
    Wait(Duration),
    /// Run a command on the bastion.
    Local(Local),
    /// Diagnose the host with a tree, by its name.
    Tree(String),
}

impl Act {
    /// Its word in definitions.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Exec(_) => "exec",
            Self::Push(_) => "push",
            Self::Pull(_) => "pull",
            Self::Http(_) => "http",
            Self::Approve(_) => "approve",
            Self::Wait(_) => "wait",
            Self::Local(_) => "local",
            Self::Tree(_) => "tree",
        }
    }

    /// Whether doing it twice does no harm by its nature: whole files, questions, waiting.
    pub fn is_repeatable(&self) -> bool {
        match self {
            Self::Push(_) | Self::Pull(_) | Self::Approve(_) | Self::Wait(_) | Self::Tree(_) => {
                true
            }
            Self::Http(http) => http.method.only_asks(),
            Self::Exec(_) | Self::Local(_) => false,
        }
    }
}

/// Variables of a command.
pub type Env = BTreeMap<String, Given>;

/// A text, or a secret in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    /// A text.
    Text(Text),
    /// The secret that this parameter names.
    Secret(String),
}

/// A command on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// Shell text.
    pub command: CommandText,
    /// The user it runs as, when that is not the login user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as: Option<Text>,
    /// Variables set for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: Env,
    /// Whether it outlives its connection and can be followed again.
    pub durable: bool,
}

/// A command on the bastion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Local {
    /// Shell text for `/bin/sh`.
    pub command: CommandText,
    /// Variables set for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: Env,
}

/// A file that goes to each host whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// The file here; a relative path starts from the site's configuration.
    pub source: Text,
    /// The absolute path on the host.
    pub dest: Text,
    /// `user` or `user:group`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Text>,
    /// Permission bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
}

/// A file that is fetched from each host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    /// The absolute path on the host.
    pub source: Text,
    /// The file here; it names the host, so that no two are written to one path.
    pub dest: Text,
}

/// A request to a web server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Http {
    /// The method.
    pub method: Method,
    /// Where.
    pub url: UrlText,
    /// Headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Given>,
    /// What is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Given>,
    /// The first and last status of each range that means success.
    pub success: Vec<(u16, u16)>,
}

/// A person's yes, once a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approve {
    /// The least role that may say it.
    pub role: Role,
    /// Whether the person who started the run may not.
    pub not_starter: bool,
    /// Asked for so long; then the answer is no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Duration>,
    /// The yes holds so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_within: Option<Duration>,
    /// What the approver should look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
}

/// What must hold after a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verify {
    /// What looks.
    pub by: VerifyBy,
    /// Time one look may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Looked again by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
}

/// What looks whether a step did its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifyBy {
    /// A command on the host that ends with 0.
    Exec(Exec),
    /// A tree, by its name, that ends with success.
    Tree(String),
}

/// What undoes a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// The command.
    pub exec: Exec,
    /// Time it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
}

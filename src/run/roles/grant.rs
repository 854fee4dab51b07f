//! A role, given to people, and what it reaches.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use super::Role;
use crate::run::spec::{RunKind, RunSpec};
use crate::run::wildcard;

/// Somebody who is let do something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Member {
    /// A Unix user.
    User(String),
    /// Everybody in a Unix group, written `@GROUP`.
    Group(String),
}

impl fmt::Display for Member {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => out.write_str(name),
            Self::Group(name) => write!(out, "anyone in @{name}"),
        }
    }
}

/// A role, given to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// To whom.
    pub members: Vec<Member>,
    /// On which hosts; on all of them without.
    pub hosts: Option<HostScope>,
    /// For which definitions; for all of them without.
    pub definitions: Option<Vec<Covers>>,
}

/// Hosts that a role is limited to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostScope {
    /// As it is written.
    pub text: String,
    /// The hosts it means now, or why nobody knows: then it means none.
    pub names: Result<Arc<HashSet<String>>, String>,
}

/// Definitions that a role is limited to, as it is written: `hbase*`, `flow/Flighting*`, `exec`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covers(pub String);

impl Covers {
    /// Whether a definition is meant. A mask with a `/` is over its kind and name.
    pub fn definition(&self, kind: &str, name: &str) -> bool {
        match self.0.split_once('/') {
            Some((kinds, names)) => {
                wildcard::matches(kinds, kind) && wildcard::matches(names, name)
            }
            None => wildcard::matches(&self.0, name),
        }
    }

    /// Whether work that no definition describes is meant. It is arbitrary, so no mask that was
    /// written for names means it by chance.
    fn ad_hoc(&self, word: &str) -> bool {
        self.0 == "*" || self.0 == word
    }

    /// Whether a run's work is meant.
    fn work(&self, spec: &RunSpec) -> bool {
        match (&spec.flow, spec.kind) {
            (Some(flow), kind) => self.definition(definition_word(kind), &flow.name),
            (None, RunKind::Preflight) => self.ad_hoc("preflight"),
            (None, kind) => self.ad_hoc(kind.word()),
        }
    }
}

/// The word for the kind of the definition that a run of this kind is of.
pub(super) fn definition_word(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Fanout => "action",
        _ => "flow",
    }
}

impl Grant {
    /// A role without limits.
    pub fn whole(role: Role, members: Vec<Member>) -> Self {
        Self {
            role,
            members,
            hosts: None,
            definitions: None,
        }
    }

    /// Whether it has no limits.
    pub fn is_whole(&self) -> bool {
        self.hosts.is_none() && self.definitions.is_none()
    }

    /// Whether it is for what this run does, wherever.
    pub(super) fn is_for_work(&self, spec: &RunSpec) -> bool {
        let covers = |masks: &Vec<Covers>| masks.iter().any(|mask| mask.work(spec));
        self.definitions.as_ref().is_none_or(covers)
    }

    /// Whether it is for this definition. What a definition says is done on any hosts, by whoever
    /// starts it: a role that is limited to hosts says nothing about definitions, unless it names
    /// them.
    pub(super) fn is_for_definition(&self, kind: &str, name: &str) -> bool {
        match &self.definitions {
            Some(masks) => masks.iter().any(|mask| mask.definition(kind, name)),
            None => self.hosts.is_none(),
        }
    }

    /// Whether it reaches this host.
    pub(super) fn reaches(&self, host: &str) -> bool {
        self.hosts.as_ref().is_none_or(|hosts| {
            let names = hosts.names.as_ref();
            names.is_ok_and(|names| names.contains(host))
        })
    }
}

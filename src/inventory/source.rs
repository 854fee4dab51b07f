//! What one source said: hosts, groups, and their variables, in the order of the text.
//!
//! Built by the parsers through [`SourceBuilder`], which keeps the numbers small and dense, drops
//! repetitions, and refuses groups that contain themselves.

mod builder;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use crate::inventory::vars::Level;
use crate::run::complaint::{Complaint, Place};

pub use builder::{SourceBuilder, check_word};

/// A host's number within its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostIx(pub(crate) u32);

/// A group's number within its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupIx(pub(crate) u32);

/// Labels of a host: short facts to select by.
pub type Labels = BTreeMap<Arc<str>, Arc<str>>;

/// Variables as they were assigned in one place of the tree.
pub type Vars = BTreeMap<Arc<str>, Assigned>;

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Assigned {
    /// The value itself.
    pub value: Value,
    /// Where it stands.
    pub place: Place,
}

/// How a host is reached; what is `None` is left to `ssh_config` and its defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// Name or number to connect to, when it is not the host's name.
    pub address: Option<Arc<str>>,
    /// TCP port.
    pub port: Option<u16>,
    /// User to log in as.
    pub user: Option<Arc<str>>,
}

impl Connection {
    /// Whether the source said nothing of how to reach the host.
    pub fn is_empty(&self) -> bool {
        self.address.is_none() && self.port.is_none() && self.user.is_none()
    }
}

/// A host as one source describes it.
#[derive(Debug, Clone)]
pub struct Host {
    /// The name it is called by.
    pub name: Arc<str>,
    /// How it is reached.
    pub connection: Connection,
    /// Labels; shared between hosts that were described together.
    pub labels: Arc<Labels>,
    /// Variables of the host itself; shared in the same way.
    pub vars: Arc<Vars>,
    /// The groups it is a direct member of.
    pub groups: Vec<GroupIx>,
    /// Where it was first named.
    pub place: Place,
}

/// A group, cluster or app as one source describes it.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name, without the source.
    pub name: Arc<str>,
    /// How special its variables are.
    pub level: Level,
    /// Direct members.
    pub hosts: Vec<HostIx>,
    /// Groups whose members are members of this one too.
    pub children: Vec<GroupIx>,
    /// Groups that have this one as a child.
    pub parents: Vec<GroupIx>,
    /// Variables of all members.
    pub vars: Vars,
    /// Variables from files beside the inventory (Ansible's `group_vars`): they win over all
    /// groups' [`vars`](Self::vars) of the same level.
    pub file_vars: Vars,
    /// Ansible's `ansible_group_priority`: the higher wins among groups of one depth.
    pub priority: i64,
    /// Length of the longest way down to this group.
    pub depth: u32,
    /// Where it was first named.
    pub place: Place,
    /// Position among the source's groups, the strongest last.
    pub(crate) rank: u32,
}

/// Everything one source said.
#[derive(Debug, Clone)]
pub struct Source {
    pub(crate) name: Arc<str>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) groups: Vec<Group>,
    host_index: HashMap<Arc<str>, HostIx>,
    group_index: HashMap<Arc<str>, GroupIx>,
    warnings: Vec<Complaint>,
}

impl Source {
    /// The name it is configured under.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// All hosts, in the order of the text.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// All groups, in the order of the text.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// What is odd, but no reason to refuse the source.
    pub fn warnings(&self) -> &[Complaint] {
        &self.warnings
    }

    /// The host of this name.
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.host_index
            .get(name)
            .map(|ix| &self.hosts[ix.0 as usize])
    }

    /// The group of this name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.group_ix(name).map(|ix| &self.groups[ix.0 as usize])
    }

    /// The host of this number.
    pub fn host_at(&self, ix: HostIx) -> &Host {
        &self.hosts[ix.0 as usize]
    }

    /// The group of this number.
    pub fn group_at(&self, ix: GroupIx) -> &Group {
        &self.groups[ix.0 as usize]
    }

    /// The number of the group of this name.
    pub fn group_ix(&self, name: &str) -> Option<GroupIx> {
        self.group_index.get(name).copied()
    }

    /// The group and all groups below it, breadth first, each once.
    pub fn with_descendants(&self, group: GroupIx) -> Vec<GroupIx> {
        self.walk(vec![group], |group| &group.children)
    }

    /// The direct groups of a host and all groups above those, each once.
    pub fn groups_above(&self, host: HostIx) -> Vec<GroupIx> {
        let direct = self.hosts[host.0 as usize].groups.clone();
        self.walk(direct, |group| &group.parents)
    }

    /// All members of a group and of the groups below it, each once.
    pub fn members(&self, group: GroupIx) -> Vec<HostIx> {
        let mut seen = vec![false; self.hosts.len()];
        let mut members = Vec::new();
        for group in self.with_descendants(group) {
            for host in &self.groups[group.0 as usize].hosts {
                if !std::mem::replace(&mut seen[host.0 as usize], true) {
                    members.push(*host);
                }
            }
        }
        members
    }

    fn walk<'s>(
        &'s self,
        start: Vec<GroupIx>,
        next: impl Fn(&'s Group) -> &'s Vec<GroupIx>,
    ) -> Vec<GroupIx> {
        let mut seen: std::collections::HashSet<GroupIx> = start.iter().copied().collect();
        let mut order = start;
        let mut at = 0;
        while let Some(group) = order.get(at) {
            at += 1;
            for neighbour in next(&self.groups[group.0 as usize]) {
                if seen.insert(*neighbour) {
                    order.push(*neighbour);
                }
            }
        }
        order
    }
}

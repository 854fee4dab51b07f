//! The inventory: several sources laid over each other.
//!
//! A host that two sources name is one host. How it is reached is decided by the first source that
//! says anything about that, as a whole: an address from one source is never combined with a port
//! from another. Groups stay with their source; a group's bare name means the first source that
//! has it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::error::InventoryError;
use super::source::{Connection, GroupIx, Host, HostIx, Labels, Source};
use super::vars::Level;
use crate::run::complaint::{Place, nearest, quote};

/// A host's number in an inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(u32);

/// A group's number in an inventory: its source and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId {
    source: usize,
    group: GroupIx,
}

/// What lists of groups show of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupInfo<'i> {
    /// Its number.
    pub id: GroupId,
    /// The source it belongs to.
    pub source: &'i Arc<str>,
    /// Its name within the source.
    pub name: &'i Arc<str>,
    /// App, cluster or group.
    pub level: Level,
}

/// Two sources that say different things of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// Both say how to reach a host, and not the same.
    Host {
        /// The host's name.
        name: Arc<str>,
        /// The source that is used, where, and what it says.
        used: (Arc<str>, Place, Connection),
        /// The source that is not used, where, and what it says.
        ignored: (Arc<str>, Place, Connection),
    },
    /// Both have a group of this name.
    Group {
        /// The group's name.
        name: Arc<str>,
        /// The source whose group the bare name means.
        used: Arc<str>,
        /// The source whose group must be called by source and name.
        other: Arc<str>,
    },
}

/// The hosts of a site.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    sources: Vec<Arc<Source>>,
    hosts: Vec<Vec<(usize, HostIx)>>,
    index: HashMap<Arc<str>, HostId>,
    conflicts: Vec<Conflict>,
}

impl Inventory {
    /// Lays sources over each other, the first on top.
    pub fn new(sources: Vec<Arc<Source>>) -> Self {
        let mut inventory = Self {
            sources,
            ..Self::default()
        };
        for number in 0..inventory.sources.len() {
            inventory.lay(number);
        }
        inventory.find_group_conflicts();
        inventory
    }

    /// The sources, the first on top.
    pub fn sources(&self) -> &[Arc<Source>] {
        &self.sources
    }

    /// What the sources do not agree on.
    pub fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    /// Number of hosts.
    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    /// Whether there is no host at all.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// All hosts, in the order of sources and texts.
    pub fn hosts(&self) -> impl ExactSizeIterator<Item = HostId> + use<> {
        (0..self.hosts.len() as u32).map(HostId)
    }

    /// The host of this name.
    pub fn host(&self, name: &str) -> Option<HostId> {
        self.index.get(name).copied()
    }

    /// The host of this name.
    ///
    /// # Errors
    /// `UnknownHost`, with the name that may have been meant.
    pub fn require_host(&self, name: &str) -> Result<HostId, InventoryError> {
        self.host(name).ok_or_else(|| InventoryError::UnknownHost {
            name: name.to_owned(),
            hint: did_you_mean(
                name,
                self.index.keys().map(|known| &**known),
                "conn hosts @*",
            ),
        })
    }

    /// A host's name.
    pub fn name(&self, host: HostId) -> &Arc<str> {
        &self.first(host).name
    }

    /// How a host is reached: the word of the first source that has one.
    pub fn connection(&self, host: HostId) -> &Connection {
        let said = self
            .descriptions(host)
            .find(|(_, host)| !host.connection.is_empty());
        said.map_or(&self.first(host).connection, |(_, host)| &host.connection)
    }

    /// The sources that name a host, the one that decides first.
    pub fn sources_of(&self, host: HostId) -> Vec<&Arc<str>> {
        let mut sources: Vec<(bool, &Arc<str>)> = self
            .descriptions(host)
            .map(|(source, host)| (host.connection.is_empty(), source.name()))
            .collect();
        sources.sort_by_key(|(silent, _)| *silent);
        sources.into_iter().map(|(_, source)| source).collect()
    }

    /// A host's labels; where sources differ the first wins.
    pub fn labels(&self, host: HostId) -> Labels {
        let mut labels = Labels::new();
        for (_, description) in self.descriptions(host) {
            for (key, value) in description.labels.iter() {
                labels
                    .entry(Arc::clone(key))
                    .or_insert_with(|| Arc::clone(value));
            }
        }
        labels
    }

    /// All groups, sources in their order, groups in the order of the text.
    pub fn groups(&self) -> impl Iterator<Item = GroupInfo<'_>> {
        self.sources
            .iter()
            .enumerate()
            .flat_map(move |(source, from)| {
                (0..from.groups.len()).map(move |group| {
                    self.group_info(GroupId {
                        source,
                        group: GroupIx(group as u32),
                    })
                })
            })
    }

    /// What is to be shown of a group.
    pub fn group_info(&self, id: GroupId) -> GroupInfo<'_> {
        let source = &self.sources[id.source];
        let group = &source.groups[id.group.0 as usize];
        GroupInfo {
            id,
            source: source.name(),
            name: &group.name,
            level: group.level,
        }
    }

    /// The group that `@name` (no source) or `@source:name` means.
    ///
    /// # Errors
    /// `UnknownSource` or `UnknownGroup`, with the name that may have been meant.
    pub fn group(&self, source: Option<&str>, name: &str) -> Result<GroupId, InventoryError> {
        let among = match source {
            Some(wanted) => {
                let number = self.source_number(wanted)?;
                number..number + 1
            }
            None => 0..self.sources.len(),
        };
        let find = |number: usize| {
            self.sources[number].group_ix(name).map(|group| GroupId {
                source: number,
                group,
            })
        };
        among.clone().find_map(find).ok_or_else(|| {
            let known = self.sources[among]
                .iter()
                .flat_map(|source| &source.groups)
                .map(|group| &*group.name);
            InventoryError::UnknownGroup {
                name: name.to_owned(),
                source_name: source.map(str::to_owned),
                hint: did_you_mean(name, known, "conn hosts"),
            }
        })
    }

    /// The members of a group and of all groups below it, each once.
    pub fn members(&self, group: GroupId) -> Vec<HostId> {
        let source = &self.sources[group.source];
        source
            .members(group.group)
            .into_iter()
            .filter_map(|ix| self.host(&source.hosts[ix.0 as usize].name))
            .collect()
    }

    /// The hosts that a source names: `@source:*`.
    ///
    /// # Errors
    /// `UnknownSource`.
    pub fn source_hosts(&self, source: &str) -> Result<Vec<HostId>, InventoryError> {
        let number = self.source_number(source)?;
        Ok(self.sources[number]
            .hosts
            .iter()
            .filter_map(|host| self.host(&host.name))
            .collect())
    }

    /// The groups a host is in, directly or through a group below, sources in their order.
    pub fn groups_of(&self, host: HostId) -> Vec<GroupInfo<'_>> {
        let mut groups = Vec::new();
        for (source, ix) in self.definitions(host) {
            let mut above = self.sources[*source].groups_above(*ix);
            above.sort_unstable();
            groups.extend(above.into_iter().map(|group| {
                self.group_info(GroupId {
                    source: *source,
                    group,
                })
            }));
        }
        groups
    }

    /// The sources that describe a host, and its number there.
    pub(super) fn definitions(&self, host: HostId) -> &[(usize, HostIx)] {
        &self.hosts[host.0 as usize]
    }

    /// What the sources say of a host, in their order.
    pub(super) fn descriptions(&self, host: HostId) -> impl Iterator<Item = (&Source, &Host)> {
        self.definitions(host).iter().map(|(number, ix)| {
            let source = &*self.sources[*number];
            (source, &source.hosts[ix.0 as usize])
        })
    }

    fn first(&self, host: HostId) -> &Host {
        let (number, ix) = self.hosts[host.0 as usize][0];
        &self.sources[number].hosts[ix.0 as usize]
    }

    fn source_number(&self, name: &str) -> Result<usize, InventoryError> {
        let found = self
            .sources
            .iter()
            .position(|source| **source.name() == *name);
        found.ok_or_else(|| InventoryError::UnknownSource {
            name: name.to_owned(),
            sources: self
                .sources
                .iter()
                .map(|source| source.name().to_string())
                .collect(),
        })
    }

    /// Adds one source's hosts below those that are there.
    fn lay(&mut self, number: usize) {
        let source = Arc::clone(&self.sources[number]);
        for (ix, host) in source.hosts.iter().enumerate() {
            let ix = HostIx(ix as u32);
            if let Some(known) = self.host(&host.name) {
                self.note_host_conflict(known, &source, host);
                self.hosts[known.0 as usize].push((number, ix));
            } else {
                self.index
                    .insert(Arc::clone(&host.name), HostId(self.hosts.len() as u32));
                self.hosts.push(vec![(number, ix)]);
            }
        }
    }

    fn note_host_conflict(&mut self, known: HostId, source: &Source, host: &Host) {
        let used = self
            .descriptions(known)
            .find(|(_, host)| !host.connection.is_empty());
        let Some((used_source, used)) = used else {
            return;
        };
        if host.connection.is_empty() || host.connection == used.connection {
            return;
        }
        let conflict = Conflict::Host {
            name: Arc::clone(&host.name),
            used: (
                Arc::clone(used_source.name()),
                used.place.clone(),
                used.connection.clone(),
            ),
            ignored: (
                Arc::clone(source.name()),
                host.place.clone(),
                host.connection.clone(),
            ),
        };
        self.conflicts.push(conflict);
    }

    fn find_group_conflicts(&mut self) {
        let mut seen: HashMap<&Arc<str>, &Arc<str>> = HashMap::new();
        let mut found = Vec::new();
        for source in &self.sources {
            for group in &source.groups {
                let used = *seen.entry(&group.name).or_insert(source.name());
                if used != source.name() {
                    let (name, other) = (Arc::clone(&group.name), Arc::clone(source.name()));
                    found.push(Conflict::Group {
                        name,
                        used: Arc::clone(used),
                        other,
                    });
                }
            }
        }
        self.conflicts.extend(found);
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host {
                name,
                used,
                ignored,
            } => write!(
                f,
                "the host {} is reached in two ways: {} says {} ({}), {} says {} ({}); {1} comes first and is used",
                quote(name),
                used.0,
                way(&used.2),
                used.1,
                ignored.0,
                way(&ignored.2),
                ignored.1,
            ),
            Self::Group { name, used, other } => {
                write!(
                    f,
                    "the group {} is in {used} and in {other}; @{name} means @{used}:{name}",
                    quote(name)
                )
            }
        }
    }
}

/// A connection in short.
fn way(connection: &Connection) -> String {
    let mut parts = Vec::new();
    if let Some(address) = &connection.address {
        parts.push(format!("address {}", quote(address)));
    }
    if let Some(port) = connection.port {
        parts.push(format!("port {port}"));
    }
    if let Some(user) = &connection.user {
        parts.push(format!("user {}", quote(user)));
    }
    parts.join(", ")
}

fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>, list: &str) -> String {
    match nearest(name, known) {
        Some(near) => format!("did you mean {}?", quote(near)),
        None => format!("see {list}"),
    }
}

#[cfg(test)]
mod tests;

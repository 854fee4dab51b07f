//! Puts a source together.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::{Assigned, Connection, Group, GroupIx, Host, HostIx, Labels, Source, Vars};
use crate::inventory::vars::Level;
use crate::run::complaint::{Complaint, Place, quote};

/// More hosts than this in one source are taken for a mistake, such as a range with a digit too many.
const MAX_HOSTS: usize = 2_000_000;
/// Longer than any name in use; what is longer is some other text.
const MAX_WORD: usize = 1_024;

/// A source that is being put together.
#[derive(Debug)]
pub struct SourceBuilder {
    source: Source,
    memberships: HashSet<(GroupIx, HostIx)>,
    edges: HashSet<(GroupIx, GroupIx)>,
    strings: HashSet<Arc<str>>,
    no_vars: Arc<Vars>,
    no_labels: Arc<Labels>,
}

impl SourceBuilder {
    /// An empty source.
    pub fn new(name: &str) -> Self {
        let source = Source {
            name: Arc::from(name),
            hosts: Vec::new(),
            groups: Vec::new(),
            host_index: HashMap::new(),
            group_index: HashMap::new(),
            warnings: Vec::new(),
        };
        Self {
            source,
            memberships: HashSet::new(),
            edges: HashSet::new(),
            strings: HashSet::new(),
            no_vars: Arc::default(),
            no_labels: Arc::default(),
        }
    }

    /// One shared copy of a string that stands many times.
    pub fn intern(&mut self, text: &str) -> Arc<str> {
        if let Some(shared) = self.strings.get(text) {
            return Arc::clone(shared);
        }
        let shared: Arc<str> = Arc::from(text);
        self.strings.insert(Arc::clone(&shared));
        shared
    }

    /// The host of this name, new or already known.
    ///
    /// # Errors
    /// A sentence, if the name cannot be a host's name or there are too many hosts.
    pub fn host(&mut self, name: &str, place: &Place) -> Result<HostIx, String> {
        if let Some(known) = self.source.host_index.get(name) {
            return Ok(*known);
        }
        check_word("host name", name)?;
        if self.source.hosts.len() >= MAX_HOSTS {
            return Err(format!(
                "there are more than {MAX_HOSTS} hosts; look for a range with a digit too many"
            ));
        }
        let ix = HostIx(self.source.hosts.len() as u32);
        let name: Arc<str> = Arc::from(name);
        self.source.host_index.insert(Arc::clone(&name), ix);
        self.source.hosts.push(Host {
            name,
            connection: Connection::default(),
            labels: Arc::clone(&self.no_labels),
            vars: Arc::clone(&self.no_vars),
            groups: Vec::new(),
            place: place.clone(),
        });
        Ok(ix)
    }

    /// Whether a host of this name was named already.
    pub fn knows_host(&self, name: &str) -> bool {
        self.source.host_index.contains_key(name)
    }

    /// A host, to be described.
    pub fn host_mut(&mut self, host: HostIx) -> &mut Host {
        &mut self.source.hosts[host.0 as usize]
    }

    /// Gives a host a variable; a later value replaces an earlier one.
    pub fn set_host_var(&mut self, host: HostIx, key: &str, value: Value, place: &Place) {
        let key = self.intern(key);
        let vars = Arc::make_mut(&mut self.source.hosts[host.0 as usize].vars);
        vars.insert(
            key,
            Assigned {
                value,
                place: place.clone(),
            },
        );
    }

    /// The group of this name, new (then at `level`) or already known.
    pub fn group(&mut self, name: &str, level: Level, place: &Place) -> GroupIx {
        if let Some(known) = self.source.group_index.get(name) {
            return *known;
        }
        let ix = GroupIx(self.source.groups.len() as u32);
        let name = self.intern(name);
        self.source.group_index.insert(Arc::clone(&name), ix);
        self.source.groups.push(Group {
            name,
            level,
            hosts: Vec::new(),
            children: Vec::new(),
            parents: Vec::new(),
            vars: Vars::new(),
            file_vars: Vars::new(),
            priority: 1,
            depth: 0,
            place: place.clone(),
            rank: 0,
        });
        ix
    }

    /// A group, to be described.
    pub fn group_mut(&mut self, group: GroupIx) -> &mut Group {
        &mut self.source.groups[group.0 as usize]
    }

    /// Gives a group a variable; a later value replaces an earlier one.
    pub fn set_group_var(&mut self, group: GroupIx, key: &str, value: Value, place: &Place) {
        let key = self.intern(key);
        self.source.groups[group.0 as usize].vars.insert(
            key,
            Assigned {
                value,
                place: place.clone(),
            },
        );
    }

    /// Makes a host a direct member of a group.
    pub fn add_member(&mut self, group: GroupIx, host: HostIx) {
        if self.memberships.insert((group, host)) {
            self.source.groups[group.0 as usize].hosts.push(host);
            self.source.hosts[host.0 as usize].groups.push(group);
        }
    }

    /// Takes a host out of a group's direct members.
    pub fn remove_members(&mut self, group: GroupIx, leave: impl Fn(&Host) -> bool) {
        let (hosts, memberships) = (&mut self.source.hosts, &mut self.memberships);
        self.source.groups[group.0 as usize].hosts.retain(|ix| {
            let host = &mut hosts[ix.0 as usize];
            if !leave(host) {
                return true;
            }
            host.groups.retain(|other| *other != group);
            memberships.remove(&(group, *ix));
            false
        });
    }

    /// Makes all members of `child` members of `parent`.
    pub fn add_child(&mut self, parent: GroupIx, child: GroupIx) {
        if self.edges.insert((parent, child)) {
            self.source.groups[parent.0 as usize].children.push(child);
            self.source.groups[child.0 as usize].parents.push(parent);
        }
    }

    /// Notes what is odd.
    pub fn warn(&mut self, warning: Complaint) {
        self.source.warnings.push(warning);
    }

    /// What was gathered so far.
    pub fn so_far(&self) -> &Source {
        &self.source
    }

    /// The finished source.
    ///
    /// # Errors
    /// A complaint, if groups contain each other in a circle.
    pub fn finish(mut self) -> Result<Source, Complaint> {
        self.rank_groups()?;
        Ok(self.source)
    }

    /// Finds each group's depth, and from it the order in which variables win.
    ///
    /// # Errors
    /// A complaint, if groups contain each other in a circle.
    pub fn rank_groups(&mut self) -> Result<(), Complaint> {
        let groups = &mut self.source.groups;
        for group in groups.iter_mut() {
            group.depth = 0;
        }
        let mut waiting: Vec<usize> = groups.iter().map(|group| group.parents.len()).collect();
        let mut ready: Vec<usize> = (0..groups.len()).filter(|ix| waiting[*ix] == 0).collect();
        let mut placed = 0;
        while let Some(ix) = ready.pop() {
            placed += 1;
            let depth = groups[ix].depth + 1;
            for child in groups[ix].children.clone() {
                let child = child.0 as usize;
                groups[child].depth = groups[child].depth.max(depth);
                waiting[child] -= 1;
                if waiting[child] == 0 {
                    ready.push(child);
                }
            }
        }
        if placed < groups.len() {
            return Err(circle(groups, &waiting));
        }
        let mut order: Vec<usize> = (0..groups.len()).collect();
        order.sort_by(|a, b| strength(&groups[*a]).cmp(&strength(&groups[*b])));
        for (rank, ix) in order.into_iter().enumerate() {
            groups[ix].rank = rank as u32;
        }
        Ok(())
    }
}

fn strength(group: &Group) -> (Level, u32, i64, &str) {
    (group.level, group.depth, group.priority, &group.name)
}

/// Names the groups of one circle, found by going up among those that still wait for a parent.
fn circle(groups: &[Group], waiting: &[usize]) -> Complaint {
    let mut at = waiting.iter().position(|left| *left > 0).unwrap_or(0);
    let mut path: Vec<usize> = Vec::new();
    let mut visited = vec![false; groups.len()];
    while !std::mem::replace(&mut visited[at], true) {
        path.push(at);
        let up = groups[at]
            .parents
            .iter()
            .map(|parent| parent.0 as usize)
            .find(|parent| waiting[*parent] > 0);
        at = up.unwrap_or(at);
    }
    let start = path.iter().position(|group| *group == at).unwrap_or(0);
    // Each group of the path is a child of the next, and the last one of the first.
    let downwards = path[start..]
        .iter()
        .take(1)
        .chain(path[start..].iter().skip(1).rev());
    let mut names: Vec<String> = downwards
        .take(8)
        .map(|ix| quote(&groups[*ix].name))
        .collect();
    names.push(names.first().cloned().unwrap_or_default());
    let message = format!(
        "groups contain each other in a circle: {}",
        names.join(" > ")
    );
    Complaint::new(groups[at].place.clone(), message)
        .hint("take one of them out of the other's children")
}

/// What can be no name, address or user: it would be read as an option, or break lines and columns.
pub fn check_word(what: &str, word: &str) -> Result<(), String> {
    if word.is_empty() {
        return Err(format!("a {what} is empty"));
    }
    if word.starts_with('-') {
        let shown = quote(word);
        return Err(format!(
            "{shown} is no {what}: it starts with a dash and could be read as an option"
        ));
    }
    if word.len() > MAX_WORD {
        return Err(format!(
            "{} is no {what}: it is longer than {MAX_WORD} bytes",
            quote(word)
        ));
    }
    match word.chars().find(|c| c.is_whitespace() || c.is_control()) {
        Some(_) => Err(format!(
            "{} is no {what}: it has a blank or a control character in it",
            quote(word)
        )),
        None => Ok(()),
    }
}

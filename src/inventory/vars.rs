//! Which value of a variable holds for a host, and why.
//!
//! Levels go from general to special: app, cluster, group, host; the more special wins. Within a
//! level the source that is configured first wins; within a source the deeper group, then the one
//! of higher priority, then the name (as in Ansible).

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::model::{HostId, Inventory};
use super::source::{GroupIx, Source, Vars};
use crate::run::complaint::Place;

/// Where in the tree a variable is set; the later wins over the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// All hosts of an application.
    App,
    /// All hosts of a cluster.
    Cluster,
    /// All hosts of a group.
    Group,
    /// One host.
    Host,
}

impl Level {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Cluster => "cluster",
            Self::Group => "group",
            Self::Host => "host",
        }
    }
}

/// Who says a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// At which level.
    pub level: Level,
    /// The app, cluster, group or host that has the variable.
    pub name: Arc<str>,
    /// The source it comes from.
    pub source: Arc<str>,
    /// Where it is written.
    pub place: Place,
}

/// One value that a variable could have for a host.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate<'i> {
    /// The variable.
    pub key: &'i Arc<str>,
    /// The value.
    pub value: &'i Value,
    /// Who says it.
    pub origin: Origin,
}

/// A set of variables that bears on a host, with what it needs to be compared.
struct Layer<'i> {
    vars: &'i Vars,
    level: Level,
    name: &'i Arc<str>,
    source: &'i Source,
    /// Order number of the source, the first configured highest.
    source_strength: usize,
    /// Files beside the inventory win over what stands in it.
    from_file: bool,
    rank: u32,
}

impl Layer<'_> {
    fn strength(&self) -> (Level, usize, bool, u32) {
        (self.level, self.source_strength, self.from_file, self.rank)
    }
}

impl Inventory {
    /// The values that hold for a host, one a variable, sorted by name.
    pub fn vars(&self, host: HostId) -> Vec<Candidate<'_>> {
        let mut seen = HashSet::new();
        let mut vars = Vec::new();
        for layer in self.layers(host) {
            for (key, assigned) in layer.vars {
                if seen.insert(Arc::clone(key)) {
                    vars.push(candidate(&layer, key, &assigned.value, &assigned.place));
                }
            }
        }
        vars.sort_by(|a, b| a.key.cmp(b.key));
        vars
    }

    /// All that is said of one variable for a host, the value that holds first.
    pub fn explain(&self, host: HostId, key: &str) -> Vec<Candidate<'_>> {
        let mut found = Vec::new();
        for layer in self.layers(host) {
            if let Some((key, assigned)) = layer.vars.get_key_value(key) {
                found.push(candidate(&layer, key, &assigned.value, &assigned.place));
            }
        }
        found
    }

    /// The layers that bear on a host, the strongest first.
    fn layers(&self, host: HostId) -> Vec<Layer<'_>> {
        let mut layers = Vec::new();
        for (number, ix) in self.definitions(host) {
            let source: &Source = &self.sources()[*number];
            let strength = self.sources().len() - number;
            let definition = &source.hosts[ix.0 as usize];
            layers.push(Layer {
                vars: &definition.vars,
                level: Level::Host,
                name: &definition.name,
                source,
                source_strength: strength,
                from_file: false,
                rank: 0,
            });
            for group in source.groups_above(*ix) {
                push_group(&mut layers, source, strength, group);
            }
        }
        layers.sort_by_key(|layer| std::cmp::Reverse(layer.strength()));
        layers
    }
}

fn push_group<'i>(
    layers: &mut Vec<Layer<'i>>,
    source: &'i Source,
    source_strength: usize,
    group: GroupIx,
) {
    let group = &source.groups[group.0 as usize];
    for (vars, from_file) in [(&group.vars, false), (&group.file_vars, true)] {
        if !vars.is_empty() {
            layers.push(Layer {
                vars,
                level: group.level,
                name: &group.name,
                source,
                source_strength,
                from_file,
                rank: group.rank,
            });
        }
    }
}

fn candidate<'i>(
    layer: &Layer<'i>,
    key: &'i Arc<str>,
    value: &'i Value,
    place: &Place,
) -> Candidate<'i> {
    let origin = Origin {
        level: layer.level,
        name: Arc::clone(layer.name),
        source: Arc::clone(layer.source.name()),
        place: place.clone(),
    };
    Candidate { key, value, origin }
}

//! What runs of stages registered, for the stages after them.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{StageIx, Stages, StagesSpec};

/// More than this is not handed on: of all runs of a whole together, in bytes. A quarter of what the
/// journal takes at once (`store::MAX_APPEND`), so that there is room for the record around it.
const MOST: usize = 1 << 18;

/// By variable and value, the hosts that have it.
pub type Registered = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// What the run of a node registered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gathered {
    /// That.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: Registered,
    /// Whether it is too much to be handed on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub too_much: bool,
}

/// What a run was given of the stages before it, as that was when it began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Handed(pub BTreeMap<String, Vec<OfNode>>);

/// What one run of a stage registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfNode {
    /// The item, when there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// What it registered.
    pub values: Registered,
}

/// Puts what one run registered to that of another; where both have a value for a host, the later
/// one counts.
pub fn merge(into: &mut Registered, more: Registered) {
    for (name, values) in more {
        let known = into.entry(name).or_default();
        if !known.is_empty() {
            let newer: HashSet<&String> = values.values().flatten().collect();
            for of_value in known.values_mut() {
                of_value.retain(|host| !newer.contains(host));
            }
            known.retain(|_, hosts| !hosts.is_empty());
        }
        for (value, hosts) in values {
            let of_value = known.entry(value).or_default();
            of_value.extend(hosts);
            of_value.sort();
        }
    }
}

impl Gathered {
    /// Whether nothing was registered.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && !self.too_much
    }

    /// What of it is left when it is too much.
    pub fn none() -> Self {
        Self {
            values: Registered::new(),
            too_much: true,
        }
    }

    fn bytes(&self) -> usize {
        let texts = self.values.iter().flat_map(|(name, values)| {
            let hosts = values.values().flatten();
            let values = values.keys();
            std::iter::once(name).chain(values).chain(hosts)
        });
        texts.map(|text| written(text)).sum()
    }
}

/// What a text takes in a record, and no less.
fn written(text: &str) -> usize {
    text.len() + 8
}

impl Stages {
    /// What a node registered, as far as there is room for it beside that of the others.
    pub fn gathered(&self, spec: &StagesSpec, values: Registered) -> Gathered {
        let known = self.nodes().map(|(_, node)| node.registered.bytes());
        let names = spec.stages.iter().map(|stage| {
            let items = stage.nodes.iter().map(|node| node.item.as_deref());
            let items = items.map(|item| written(item.unwrap_or_default()) + 24);
            written(&stage.name) + items.sum::<usize>()
        });
        let all = Gathered {
            values,
            too_much: false,
        };
        if all.is_empty() || known.chain(names).sum::<usize>() + all.bytes() <= MOST {
            return all;
        }
        Gathered::none()
    }

    /// What these stages registered; `Err` is a sentence.
    pub fn handed(&self, spec: &StagesSpec, stages: &[StageIx]) -> Result<Handed, String> {
        let mut handed = Handed::default();
        for stage in stages {
            let Some(about) = spec.stages.get(stage.0) else {
                continue;
            };
            let nodes = self.of_stage(*stage);
            if nodes.iter().any(|node| node.registered.too_much) {
                return Err(format!(
                    "what {} registered is more than {} KiB with that of the other stages, and is \
                     not handed on; register less, or on fewer hosts",
                    about.name,
                    MOST >> 10
                ));
            }
            let nodes = about.nodes.iter().zip(nodes);
            let of_node = nodes.map(|(spec, node)| OfNode {
                item: spec.item.clone(),
                values: node.registered.values.clone(),
            });
            handed.0.insert(about.name.clone(), of_node.collect());
        }
        Ok(handed)
    }

    /// All that was registered, of all stages.
    pub fn registered(&self) -> Registered {
        let mut all = Registered::new();
        for (_, node) in self.nodes() {
            merge(&mut all, node.registered.values.clone());
        }
        all
    }
}

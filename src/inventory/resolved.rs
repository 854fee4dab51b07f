//! A host with all that is known of it, as one value that can be shown, sent and stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::model::{HostId, Inventory};
use super::vars::{Level, Origin};

/// Where the value of a variable comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VarOrigin {
    /// App, cluster, group or host.
    pub level: Level,
    /// Its name.
    pub name: String,
    /// The source that says it.
    pub source: String,
    /// File, line and column.
    pub place: String,
}

/// A host, resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResolvedHost {
    /// The name it is called by.
    pub host: String,
    /// What to connect to; `None`: `ssh_config` decides, or the name itself.
    pub address: Option<String>,
    /// TCP port; `None`: `ssh_config` decides, or 22.
    pub port: Option<u16>,
    /// User to log in as; `None`: `ssh_config` decides, or the caller.
    pub user: Option<String>,
    /// The source that decides how it is reached.
    pub source: String,
    /// Every source that names it.
    pub sources: Vec<String>,
    /// The groups it is in, as `source:group`.
    pub groups: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Variables with the values that hold.
    pub vars: BTreeMap<String, Value>,
    /// Where each of them comes from.
    pub vars_from: BTreeMap<String, VarOrigin>,
}

impl From<Origin> for VarOrigin {
    fn from(origin: Origin) -> Self {
        Self {
            level: origin.level,
            name: origin.name.to_string(),
            source: origin.source.to_string(),
            place: origin.place.to_string(),
        }
    }
}

impl Inventory {
    /// All that is known of a host.
    pub fn resolve(&self, host: HostId) -> ResolvedHost {
        let connection = self.connection(host);
        let sources: Vec<String> = self
            .sources_of(host)
            .into_iter()
            .map(ToString::to_string)
            .collect();
        let mut resolved = ResolvedHost {
            host: self.name(host).to_string(),
            address: connection.address.as_deref().map(str::to_owned),
            port: connection.port,
            user: connection.user.as_deref().map(str::to_owned),
            source: sources.first().cloned().unwrap_or_default(),
            sources,
            groups: self
                .groups_of(host)
                .iter()
                .map(|group| format!("{}:{}", group.source, group.name))
                .collect(),
            labels: self
                .labels(host)
                .iter()
                .map(|(key, value)| (key.to_string(), value.to_string()))
                .collect(),
            vars: BTreeMap::new(),
            vars_from: BTreeMap::new(),
        };
        for var in self.vars(host) {
            resolved.vars.insert(var.key.to_string(), var.value.clone());
            resolved
                .vars_from
                .insert(var.key.to_string(), var.origin.into());
        }
        resolved
    }
}

impl ResolvedHost {
    /// A host that no source names: it is called by its name and everything else is left open.
    pub fn unlisted(name: &str) -> Self {
        Self {
            host: name.to_owned(),
            address: None,
            port: None,
            user: None,
            source: String::new(),
            sources: Vec::new(),
            groups: Vec::new(),
            labels: BTreeMap::new(),
            vars: BTreeMap::new(),
            vars_from: BTreeMap::new(),
        }
    }
}

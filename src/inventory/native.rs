//! Our own inventory, in TOML.
//!
//! ```toml
//! # Hosts in host-set notation. Every key but `names` may be left out; a host that is described
//! # twice takes what the later description says. Hosts that only stand in groups need no entry.
//! [[hosts]]
//! names   = "web[01-20]"              # one host set, or a list of them
//! address = "10.99.0.{n}"             # {name} {short} {n} {1} {2} {n+100}
//! port    = 22
//! user    = "admin"
//! labels  = { role = "web", rack = "r1" }
//! vars    = { http_port = 8080 }
//!
//! # Groups, and the two levels above them. Each has members, children or both, and variables;
//! # the more special level wins: app, cluster, group, host.
//! [groups.web]
//! members  = "web[01-20]"
//! children = ["canary"]
//! vars     = { http_port = 80 }
//!
//! [groups.canary]
//! members  = ["web01", "web02"]
//!
//! [clusters.cluster-a]                # children: groups
//! members  = "rs[001-100]"
//!
//! [apps.hbase]                        # children: clusters and groups
//! children = ["cluster-a"]
//! vars     = { version = "2.5.8" }
//! ```
//!
//! Names of groups, clusters and apps share one name space: `@NAME`. An unknown key is an error.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Expand;
use super::error::InventoryError;
use super::source::{Connection, GroupIx, HostIx, Source, SourceBuilder, check_word};
use super::template::Template;
use super::vars::Level;
use crate::run::complaint::{Complaints, Place, nearest, quote};
use crate::run::strict_toml::{self, Table};

/// The three kinds of table that hold members, the most special first.
const LEVELS: [(&str, Level); 3] = [
    ("groups", Level::Group),
    ("clusters", Level::Cluster),
    ("apps", Level::App),
];

/// Reads an inventory of our own form.
///
/// # Errors
/// All complaints of the text.
pub fn parse(
    source: &str,
    file: &str,
    text: &str,
    expand: &Expand<'_>,
) -> Result<Source, InventoryError> {
    let builder = strict_toml::parse(file, text, |root| {
        let mut reader = Reader {
            builder: SourceBuilder::new(source),
            expand,
            children: Vec::new(),
        };
        reader.declare_groups(root);
        root.tables("hosts", |table| reader.hosts(table));
        reader.groups(root);
        Some(reader)
    })?;
    let mut complaints = Vec::new();
    let Reader {
        mut builder,
        children,
        ..
    } = builder;
    for child in children {
        if let Err(complaint) = child.link(&mut builder) {
            complaints.push(complaint.excerpt_of(text));
        }
    }
    if complaints.is_empty() {
        return builder
            .finish()
            .map_err(|complaint| complaint.excerpt_of(text).into());
    }
    Err(InventoryError::Text(Complaints(complaints)))
}

struct Reader<'e> {
    builder: SourceBuilder,
    expand: &'e Expand<'e>,
    children: Vec<Child>,
}

/// A child that a group names; linked when all groups are known.
struct Child {
    parent: GroupIx,
    name: String,
    place: Place,
}

impl Reader<'_> {
    /// Makes the groups of all levels known, so that names that stand twice are found.
    fn declare_groups(&mut self, root: &Table<'_>) {
        for (key, level) in LEVELS {
            root.named(key, |name, table| {
                table.ask(&["members", "children", "vars"]);
                if let Err(message) = check_group_name(name) {
                    return table.complain_here(message);
                }
                if self.builder.so_far().group(name).is_some() {
                    table.complain_here(format!(
                        "{} is the name of another group, cluster or app already",
                        quote(name)
                    ));
                }
                self.builder.group(name, level, &table.own_place());
            });
        }
    }

    fn groups(&mut self, root: &Table<'_>) {
        for (key, level) in LEVELS {
            root.named(key, |name, table| {
                let group = self.builder.group(name, level, &table.own_place());
                for host in self.host_set(table, "members") {
                    self.builder.add_member(group, host);
                }
                let place = table.place("children");
                for name in table.strings("children").unwrap_or_default() {
                    self.children.push(Child {
                        parent: group,
                        name,
                        place: place.clone(),
                    });
                }
                for (key, value, place) in table.values("vars") {
                    self.builder.set_group_var(group, &key, value, &place);
                }
            });
        }
    }

    fn hosts(&mut self, table: &Table<'_>) {
        if !table.has("names") {
            table.missing("names", "write names = \"web[01-20]\"");
        }
        let hosts = self.host_set(table, "names");
        let address = table.get("address", |value| {
            Template::parse(value.as_str().ok_or("\"address\" must be a string")?)
        });
        let port = table.integer::<u16>("port", 1..=65_535);
        let user = table.string("user");
        if let Some(Err(message)) = user.as_deref().map(|user| check_word("user name", user)) {
            table.complain("user", message);
        }
        let user = user.map(|user| self.builder.intern(&user));
        for host in &hosts {
            self.connect(
                table,
                *host,
                address.as_ref(),
                &Connection {
                    address: None,
                    port,
                    user: user.clone(),
                },
            );
        }
        self.label(table, &hosts);
        self.vars(table, &hosts);
    }

    fn connect(
        &mut self,
        table: &Table<'_>,
        host: HostIx,
        address: Option<&Template>,
        said: &Connection,
    ) {
        let host = self.builder.host_mut(host);
        if let Some(template) = address {
            match template
                .render(&host.name)
                .and_then(|address| check_word("address", &address).map(|()| address))
            {
                Ok(address) => host.connection.address = Some(Arc::from(address)),
                Err(message) => table.complain("address", message),
            }
        }
        host.connection.port = said.port.or(host.connection.port);
        host.connection.user = said.user.clone().or_else(|| host.connection.user.take());
    }

    /// Labels are texts; hosts of one entry share them unless they had others before.
    fn label(&mut self, table: &Table<'_>, hosts: &[HostIx]) {
        let mut labels = BTreeMap::new();
        for (key, value, _) in table.values("labels") {
            match value.as_str() {
                Some(text) => labels.insert(self.builder.intern(&key), self.builder.intern(text)),
                None => {
                    return table.complain(
                        "labels",
                        format!("the label {} must be a string", quote(&key)),
                    );
                }
            };
        }
        let shared = Arc::new(labels);
        for host in hosts {
            let host = self.builder.host_mut(*host);
            if host.labels.is_empty() {
                host.labels = Arc::clone(&shared);
            } else {
                Arc::make_mut(&mut host.labels)
                    .extend(shared.iter().map(|(k, v)| (Arc::clone(k), Arc::clone(v))));
            }
        }
    }

    /// Variables are shared between the hosts of one entry in the same way.
    fn vars(&mut self, table: &Table<'_>, hosts: &[HostIx]) {
        let values = table.values("vars");
        let Some((first, rest)) = hosts.split_first() else {
            return;
        };
        let fresh =
            |builder: &mut SourceBuilder, host: HostIx| builder.host_mut(host).vars.is_empty();
        let share = fresh(&mut self.builder, *first);
        for (key, value, place) in &values {
            self.builder.set_host_var(*first, key, value.clone(), place);
        }
        let shared = Arc::clone(&self.builder.host_mut(*first).vars);
        for host in rest {
            if share && fresh(&mut self.builder, *host) {
                self.builder.host_mut(*host).vars = Arc::clone(&shared);
                continue;
            }
            for (key, value, place) in &values {
                self.builder.set_host_var(*host, key, value.clone(), place);
            }
        }
    }

    /// The hosts of one or more host sets under `key`.
    fn host_set(&mut self, table: &Table<'_>, key: &'static str) -> Vec<HostIx> {
        let place = table.place(key);
        let mut hosts = Vec::new();
        for set in table.strings(key).unwrap_or_default() {
            match self.expand_set(&set, &place) {
                Ok(more) => hosts.extend(more),
                Err(message) => table.complain(key, message),
            }
        }
        hosts
    }

    fn expand_set(&mut self, set: &str, place: &Place) -> Result<Vec<HostIx>, String> {
        if set.contains('@') {
            return Err(format!(
                "the host set {} names a group; name groups under \"children\"",
                quote(set)
            ));
        }
        let names = (self.expand)(set)?;
        if names.is_empty() {
            return Err(format!("the host set {} is empty", quote(set)));
        }
        names
            .iter()
            .map(|name| self.builder.host(name, place))
            .collect()
    }
}

impl Child {
    fn link(self, builder: &mut SourceBuilder) -> Result<(), crate::run::complaint::Complaint> {
        use crate::run::complaint::Complaint;
        let groups = builder.so_far();
        let Some(child) = groups.group_ix(&self.name) else {
            let complaint = Complaint::new(
                self.place,
                format!("there is no group, cluster or app {}", quote(&self.name)),
            );
            let near = nearest(&self.name, groups.groups().iter().map(|group| &*group.name));
            return Err(complaint.hint(near.map_or_else(
                || format!("declare it: [groups.{}]", self.name.escape_debug()),
                |near| format!("did you mean {}?", quote(near)),
            )));
        };
        let (above, below) = (
            &groups.groups()[self.parent.0 as usize],
            &groups.groups()[child.0 as usize],
        );
        if below.level < above.level {
            let (name, level) = (quote(&below.name), below.level.word());
            let message = format!(
                "the {level} {name} cannot be a child of the {} {}",
                above.level.word(),
                quote(&above.name)
            );
            return Err(Complaint::new(self.place, message).hint(
                "children of apps are clusters and groups, of clusters and groups only groups",
            ));
        }
        builder.add_child(self.parent, child);
        Ok(())
    }
}

/// Group names are written after an `@` in host sets, and must not end there by accident.
fn check_group_name(name: &str) -> Result<(), String> {
    check_word("group name", name)?;
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '/');
    match name.chars().find(|c| !allowed(*c)) {
        Some(c) => Err(format!(
            "the group name {} has a {c:?} in it; use letters, digits, - _ . + /",
            quote(name)
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;

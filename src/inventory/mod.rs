//! The hosts of a site: their names, groups, variables, and how they are reached.
//!
//! A [`Source`] is what one text said (our own TOML, an Ansible inventory, the output of a
//! command, …); an [`Inventory`] lays several sources over each other without copying them. All
//! parsers here take text and give values; each value remembers file, line and column.
//!
//! Pure: never reads files, never runs commands, never resolves names.

pub mod ansible;
mod as_groups;
pub mod command;
mod error;
pub mod hostset;
pub mod listed;
mod model;
pub mod native;
mod resolved;
mod source;
mod template;
mod vars;
pub mod yaml;

pub use error::InventoryError;
pub use model::{Conflict, GroupId, GroupInfo, HostId, Inventory};
pub use resolved::{ResolvedHost, VarOrigin};
pub use source::{
    Assigned, Connection, Group, GroupIx, Host, HostIx, Labels, Source, SourceBuilder, Vars,
};
pub use vars::{Candidate, Level, Origin};

/// Turns text in host-set notation into host names; the error is a sentence.
///
/// A parameter and not a call, so that the sources stay free of the notation's own rules.
pub type Expand<'a> = dyn Fn(&str) -> Result<Vec<String>, String> + 'a;

/// The names in a host set without groups or wildcards, in order; the error is a sentence.
pub fn expand_plain(text: &str) -> Result<Vec<String>, String> {
    hostset::HostSet::parse(text, &hostset::NoGroups)
        .map(|set| set.iter().collect())
        .map_err(|error| error.to_string())
}

/// Names as the shortest host set. Names that the notation cannot hold are listed as they are.
pub fn fold<'a>(names: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match hostset::HostSet::from_names(names.clone()) {
        Ok(set) => set.fold(),
        Err(_) => names.into_iter().collect::<Vec<_>>().join(","),
    }
}

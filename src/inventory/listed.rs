//! Sources that only list names: `ssh_config`'s literal hosts, and groups from elsewhere.

use std::sync::Arc;

use super::error::InventoryError;
use super::source::{Source, SourceBuilder};
use super::vars::Level;
use crate::run::complaint::{Complaint, Place};

/// A source of hosts by name only; how they are reached is said elsewhere, as in `ssh_config`.
///
/// Names that can be no host's are left out with a warning: the list was made by another program.
///
/// # Errors
/// None at present; the form is that of all sources.
pub fn hosts(source: &str, file: &str, names: &[String]) -> Result<Source, InventoryError> {
    groups(source, file, &[(None, names)])
}

/// A source of groups with their members, such as `ClusterShell`'s.
///
/// # Errors
/// None at present; the form is that of all sources.
pub fn groups(
    source: &str,
    file: &str,
    groups: &[(Option<&str>, &[String])],
) -> Result<Source, InventoryError> {
    let place = Place::whole(&Arc::from(file));
    let mut builder = SourceBuilder::new(source);
    for (group, members) in groups {
        let group = group.map(|name| builder.group(name, Level::Group, &place));
        for name in *members {
            match builder.host(name, &place) {
                Ok(host) => {
                    if let Some(group) = group {
                        builder.add_member(group, host);
                    }
                }
                Err(message) => {
                    builder.warn(Complaint::new(place.clone(), message).hint("it is left out"));
                }
            }
        }
    }
    Ok(builder.finish()?)
}

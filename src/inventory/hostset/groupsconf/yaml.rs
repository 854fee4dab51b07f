//! YAML group files: sources, each with its groups, each a host set or a list of host sets.

use std::sync::Arc;

use super::{FileGroups, GroupsConfigError, Source, SourceKind};
use crate::inventory::yaml::{self, Kind, Node};
use crate::run::complaint::{Complaint, Place};

/// The sources a file defines, in its order.
pub(super) fn parse(path: &str, text: &str) -> Result<Vec<Source>, GroupsConfigError> {
    read(&Arc::from(path), text).map_err(|complaint| GroupsConfigError::Yaml(complaint.to_string()))
}

fn read(file: &Arc<str>, text: &str) -> Result<Vec<Source>, Complaint> {
    let Some(root) = yaml::parse(file, text)? else {
        let what = "there are no group sources in this file: write some, or remove it";
        return Err(Complaint::new(Place::whole(file), what));
    };
    let source = |(name, groups): &(Node, Node)| {
        let name = word(name, "the name of a group source")?;
        let groups = entries(groups)?
            .iter()
            .map(group)
            .collect::<Result<_, _>>()?;
        Ok(Source {
            name,
            kind: SourceKind::File(FileGroups::new(groups)),
        })
    };
    entries(&root)?.iter().map(source).collect()
}

fn entries(node: &Node) -> Result<&[(Node, Node)], Complaint> {
    node.as_map().ok_or_else(|| {
        let found = node.kind_word();
        node.complaint(format!(
            "this has to be a map of sources to groups, or of groups to hosts, not {found}"
        ))
    })
}

fn group((name, hosts): &(Node, Node)) -> Result<(String, String), Complaint> {
    let name = word(name, "the name of a group")?;
    let hosts = match &hosts.kind {
        Kind::List(items) => {
            let words: Vec<String> = items
                .iter()
                .map(|item| word(item, "a host set"))
                .collect::<Result<_, _>>()?;
            words.join(",")
        }
        _ => word(hosts, "a host set, or a list of them,")?,
    };
    Ok((name, hosts))
}

/// Text, and nothing that YAML takes for a number or a truth value.
fn word(node: &Node, what: &str) -> Result<String, Complaint> {
    node.as_str().map(String::from).ok_or_else(|| {
        node.complaint(format!("{what} has to be text, not {}", node.kind_word()))
            .hint("put it in quotes")
    })
}

//! The YAML form: groups with `hosts`, `vars` and `children`.

use super::empty_name;
use super::gather::Gather;
use crate::inventory::source::GroupIx;
use crate::inventory::yaml::Node;
use crate::run::complaint::{Complaint, quote};

/// Reads one file.
pub(super) fn read(gather: &mut Gather, root: &Node) -> Result<(), Complaint> {
    let entries = root.as_map().ok_or_else(|| {
        root.complaint(format!(
            "the inventory must be a map of groups, but is {}",
            root.kind_word()
        ))
    })?;
    if root.get("plugin").is_some_and(|plugin| !plugin.is_null()) {
        let complaint = root.complaint("this configures an inventory plugin and is no inventory");
        return Err(
            complaint.hint("use it as kind = \"command\" with: ansible-inventory --list -i FILE")
        );
    }
    for (name, body) in entries {
        if body.as_map().is_none() && !body.is_null() {
            warn_no_group(gather, name, body);
            continue;
        }
        group(gather, name, body)?;
    }
    Ok(())
}

fn warn_no_group(gather: &mut Gather, name: &Node, body: &Node) {
    let message = format!(
        "{} is left out: a group is a map, but this is {}",
        quote(&name.key_text()),
        body.kind_word()
    );
    gather.builder.warn(body.complaint(message));
}

/// A group and everything below it; the nesting of YAML is bounded, so the recursion is too.
fn group(gather: &mut Gather, name: &Node, body: &Node) -> Result<GroupIx, Complaint> {
    let text = name.as_str().filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| name.complaint(empty_name("group", &name.key_text())))?;
    let group = gather.group(text, &name.place);
    for (key, section) in body.as_map().unwrap_or_default() {
        match key.as_str() {
            Some("vars") => vars(gather, group, section)?,
            Some("hosts") => hosts(gather, group, section)?,
            Some("children") => children(gather, group, section)?,
            _ => {
                let message = format!(
                    "{} is left out: a group has only vars, hosts and children",
                    quote(&key.key_text())
                );
                gather.builder.warn(key.complaint(message));
            }
        }
    }
    Ok(group)
}

/// What a section names; a lone text names one thing without a value.
fn named<'n>(
    what: &str,
    section: &'n Node,
) -> Result<Vec<(&'n Node, Option<&'n Node>)>, Complaint> {
    if section.is_null() {
        return Ok(Vec::new());
    }
    if section.as_str().is_some() {
        return Ok(vec![(section, None)]);
    }
    let entries = section.as_map().ok_or_else(|| {
        let message = format!("{what} must be a map, but is {}", section.kind_word());
        section
            .complaint(message)
            .hint("write a colon behind each name")
    })?;
    Ok(entries
        .iter()
        .map(|(key, value)| (key, Some(value)))
        .collect())
}

fn vars(gather: &mut Gather, group: GroupIx, section: &Node) -> Result<(), Complaint> {
    for (key, value) in named("vars", section)? {
        let json = value.map_or(serde_json::Value::Null, Node::to_json);
        gather
            .group_var(group, &key.key_text(), json, &key.place)
            .map_err(|message| key.complaint(message))?;
    }
    Ok(())
}

fn hosts(gather: &mut Gather, group: GroupIx, section: &Node) -> Result<(), Complaint> {
    for (key, value) in named("hosts", section)? {
        let pattern = key
            .as_str()
            .filter(|text| !text.is_empty())
            .ok_or_else(|| {
                key.complaint(empty_name("host", &key.key_text()))
                    .hint("put numbers into quotation marks")
            })?;
        let hosts = gather
            .pattern(pattern, group, &key.place)
            .map_err(|message| key.complaint(message))?;
        let Some(value) = value.filter(|value| !says_nothing(value)) else {
            continue;
        };
        let entries = value.as_map().ok_or_else(|| {
            value.complaint(format!(
                "variables of a host must be a map, but this is {}",
                value.kind_word()
            ))
        })?;
        for (var, value) in entries {
            let (name, json) = (var.key_text(), value.to_json());
            for host in &hosts {
                gather
                    .builder
                    .set_host_var(*host, &name, json.clone(), &var.place);
            }
        }
    }
    Ok(())
}

/// Nothing, `false`, `0`, and everything empty count as no variables.
fn says_nothing(value: &Node) -> bool {
    use serde_json::Value;
    match value.to_json() {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(_) | Value::Bool(true) => false,
    }
}

fn children(gather: &mut Gather, parent: GroupIx, section: &Node) -> Result<(), Complaint> {
    for (key, value) in named("children", section)? {
        let child = match value {
            Some(value) if value.as_map().is_none() && !value.is_null() => {
                warn_no_group(gather, key, value);
                let known = key
                    .as_str()
                    .and_then(|name| gather.builder.so_far().group_ix(name));
                known.ok_or_else(|| {
                    key.complaint(format!("there is no group {}", quote(&key.key_text())))
                })?
            }
            Some(value) => group(gather, key, value)?,
            None => group(gather, key, key)?,
        };
        gather.builder.add_child(parent, child);
    }
    Ok(())
}

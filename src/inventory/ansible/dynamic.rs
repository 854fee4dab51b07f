//! The JSON form, as dynamic inventories print it: groups, and `_meta.hostvars`.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::empty_name;
use super::gather::Gather;
use crate::inventory::source::{GroupIx, HostIx};
use crate::run::complaint::{Complaint, Place, quote};

/// Reads one output.
pub(super) fn read(gather: &mut Gather, file: &Arc<str>, text: &str) -> Result<(), Complaint> {
    let root: Value = serde_json::from_str(text).map_err(|error| {
        let place = Place::new(file, error.line() as u32, error.column() as u32);
        Complaint::new(place, format!("this is not JSON: {error}"))
    })?;
    let place = Place::whole(file);
    read_root(gather, root, &place).map_err(|message| Complaint::new(place, message))
}

fn read_root(gather: &mut Gather, root: Value, place: &Place) -> Result<(), String> {
    let Value::Object(mut root) = root else {
        return Err("the inventory must be a JSON object of groups".to_owned());
    };
    let meta = root.remove("_meta");
    for (name, body) in root {
        group(gather, &name, body, place)?;
    }
    match meta.as_ref().and_then(|meta| meta.get("hostvars")) {
        Some(Value::Object(hostvars)) => host_vars(gather, hostvars, place),
        Some(_) => Err("_meta.hostvars must be an object".to_owned()),
        None => {
            let warning = Complaint::new(
                place.clone(),
                "there is no _meta.hostvars, so no host has variables of its own",
            );
            gather.builder.warn(
                warning.hint("let the inventory print them; it is not called once for each host"),
            );
            Ok(())
        }
    }
}

fn group(gather: &mut Gather, name: &str, body: Value, place: &Place) -> Result<(), String> {
    if name.is_empty() {
        return Err(empty_name("group", name));
    }
    let group = gather.group(name, place);
    let mut body = normal_form(name, body);
    match body.remove("hosts") {
        Some(Value::Array(hosts)) => {
            for host in &hosts {
                member(gather, group, name, host, place)?;
            }
        }
        Some(_) => {
            return Err(format!(
                "the hosts of the group {} must be a list",
                quote(name)
            ));
        }
        None => {}
    }
    match body.remove("vars") {
        Some(Value::Object(vars)) => {
            for (key, value) in vars {
                gather.group_var(group, &key, value, place)?;
            }
        }
        Some(_) => {
            return Err(format!(
                "the vars of the group {} must be an object",
                quote(name)
            ));
        }
        None => {}
    }
    body.remove("children").map_or(Ok(()), |listed| {
        children(gather, group, name, &listed, place)
    })
}

/// A bare list is a list of hosts; an object without any known key is a host with variables.
fn normal_form(name: &str, body: Value) -> Map<String, Value> {
    match body {
        Value::Object(map)
            if ["hosts", "vars", "children"]
                .iter()
                .any(|key| map.contains_key(*key)) =>
        {
            map
        }
        Value::Object(map) => {
            let hosts = Value::Array(vec![Value::String(name.to_owned())]);
            Map::from_iter([
                ("hosts".to_owned(), hosts),
                ("vars".to_owned(), Value::Object(map)),
            ])
        }
        other => Map::from_iter([("hosts".to_owned(), other)]),
    }
}

fn member(
    gather: &mut Gather,
    group: GroupIx,
    name: &str,
    host: &Value,
    place: &Place,
) -> Result<HostIx, String> {
    let text = host.as_str().filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| {
        format!(
            "a host of the group {} has no name: {}",
            quote(name),
            quote(&host.to_string())
        )
    })?;
    gather.host(text, None, Some(group), place)
}

fn children(
    gather: &mut Gather,
    parent: GroupIx,
    name: &str,
    listed: &Value,
    place: &Place,
) -> Result<(), String> {
    let wrong = || {
        format!(
            "the children of the group {} must be a list of names",
            quote(name)
        )
    };
    for child in listed.as_array().ok_or_else(wrong)? {
        let child = child
            .as_str()
            .filter(|child| !child.is_empty())
            .ok_or_else(wrong)?;
        let child = gather.group(child, place);
        gather.builder.add_child(parent, child);
    }
    Ok(())
}

/// Variables of hosts that no group has are left out, as Ansible does.
fn host_vars(
    gather: &mut Gather,
    hostvars: &Map<String, Value>,
    place: &Place,
) -> Result<(), String> {
    for (name, vars) in hostvars {
        if !gather.builder.knows_host(name) {
            continue;
        }
        let host = gather.host(name, None, None, place)?;
        let vars = vars.as_object().ok_or_else(|| {
            format!(
                "the variables of the host {} must be an object",
                quote(name)
            )
        })?;
        for (key, value) in vars {
            gather.builder.set_host_var(host, key, value.clone(), place);
        }
    }
    Ok(())
}

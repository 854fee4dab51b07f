//! How a host is reached, from its variables.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::inventory::source::{Assigned, Connection, HostIx, Source, SourceBuilder, check_word};
use crate::run::complaint::{Complaint, quote};

/// Never resolves (RFC 2606): stands where an address could not be worked out.
const UNRESOLVED: &str = "unresolved.invalid";
/// Variables that bear on the connection; of each pair the second wins.
const KEYS: [[&str; 2]; 3] = [
    ["ansible_host", "ansible_ssh_host"],
    ["ansible_port", "ansible_ssh_port"],
    ["ansible_user", "ansible_ssh_user"],
];

/// Variables that hold for a host.
type Effective<'s> = BTreeMap<&'s str, &'s Assigned>;

/// Sets the connection of all hosts.
pub(super) fn all_hosts(builder: &mut SourceBuilder) -> Result<(), Complaint> {
    let mut connections = Vec::new();
    let mut warnings = Vec::new();
    let source = builder.so_far();
    for ix in 0..source.hosts().len() {
        let host = HostIx(ix as u32);
        connections.push(connection(source, host, &mut warnings)?);
    }
    for (ix, connection) in connections.into_iter().enumerate() {
        let user = connection.user.map(|user| builder.intern(&user));
        builder.host_mut(HostIx(ix as u32)).connection = Connection { user, ..connection };
    }
    for warning in warnings {
        builder.warn(warning);
    }
    Ok(())
}

fn connection(
    source: &Source,
    host: HostIx,
    warnings: &mut Vec<Complaint>,
) -> Result<Connection, Complaint> {
    let vars = effective(source, host);
    let name = &source.hosts()[host.0 as usize].name;
    let [address, port, user] =
        KEYS.map(|[key, old]| vars.get(old).or_else(|| vars.get(key)).copied());
    let mut unresolved = false;
    let mut word =
        |what: &str, assigned: Option<&Assigned>| -> Result<Option<Arc<str>>, Complaint> {
            let Some(assigned) = assigned.filter(|assigned| !is_nothing(&assigned.value)) else {
                return Ok(None);
            };
            let Some(text) = render(&assigned.value, name, &vars) else {
                unresolved = true;
                warnings.push(cannot_evaluate(name, what, assigned));
                return Ok(None);
            };
            check_word(what, &text)
                .map_err(|message| Complaint::new(assigned.place.clone(), message))?;
            Ok(Some(Arc::from(text)))
        };
    let (address_word, port_word, user) = (
        word("address", address)?,
        word("port", port)?,
        word("user name", user)?,
    );
    let port = match (port_word, port) {
        (Some(text), Some(assigned)) => Some(port_number(&text, assigned)?),
        _ => None,
    };
    let address = if unresolved {
        Some(Arc::from(UNRESOLVED))
    } else {
        address_word.filter(|address| address != name)
    };
    Ok(Connection {
        address,
        port,
        user,
    })
}

fn cannot_evaluate(name: &str, what: &str, assigned: &Assigned) -> Complaint {
    let message = format!(
        "the {what} of the host {} is a template that needs Ansible: {}",
        quote(name),
        quote(&assigned.value.to_string())
    );
    Complaint::new(assigned.place.clone(), message)
        .hint(format!("the host cannot be reached ({UNRESOLVED}) until the value is plain, or {{{{ name }}}}s of the host's variables"))
}

fn port_number(text: &str, assigned: &Assigned) -> Result<u16, Complaint> {
    text.parse::<u16>()
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| {
            Complaint::new(
                assigned.place.clone(),
                format!("{} is no port; write a number from 1 to 65535", quote(text)),
            )
        })
}

/// The variables of a host as Ansible lays them over each other.
fn effective(source: &Source, host: HostIx) -> Effective<'_> {
    let mut groups = source.groups_above(host);
    groups.sort_by_key(|group| source.groups()[group.0 as usize].rank);
    let groups: Vec<_> = groups
        .iter()
        .map(|group| &source.groups()[group.0 as usize])
        .collect();
    let layers = groups
        .iter()
        .map(|group| &group.vars)
        .chain(groups.iter().map(|group| &group.file_vars));
    let own = std::iter::once(&*source.hosts()[host.0 as usize].vars);
    let mut vars = Effective::new();
    for layer in layers.chain(own) {
        vars.extend(layer.iter().map(|(key, assigned)| (&**key, assigned)));
    }
    vars
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

/// A value as text, with `{{ name }}`s filled in once; `None` if it needs more than that.
fn render(value: &Value, host: &str, vars: &Effective<'_>) -> Option<String> {
    let text = plain(value)?;
    let mut done = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("{{") {
        done.push_str(&rest[..at]);
        let (name, after) = rest[at + 2..].split_once("}}")?;
        let filled = match name.trim() {
            "inventory_hostname" => host.to_owned(),
            "inventory_hostname_short" => host.split('.').next().unwrap_or(host).to_owned(),
            name => plain(&vars.get(name)?.value)?,
        };
        done.push_str(&filled);
        rest = after;
    }
    done.push_str(rest);
    (!["{{", "{%", "{#"].iter().any(|open| done.contains(open))).then_some(done)
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

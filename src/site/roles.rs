//! Who may do what on a shared engine: `[[roles]]` of `conn.toml`.
//!
//! Read here, with its places; what the host sets mean, and who is in which group, is asked when
//! somebody wants to do something.

use crate::flow::definition::Kind;
use crate::inventory::hostset::{GroupError, Groups, HostSet};
use crate::run::complaint::quote;
use crate::run::roles::{Covers, Grant, HostScope, Member, Role};
use crate::run::strict_toml::Table;

/// Words for work that no definition describes.
const AD_HOC: [&str; 2] = ["exec", "preflight"];

/// The grants of a `conn.toml`, in the order of the text. `None` without any `[[roles]]`.
pub(super) fn read(root: &Table<'_>) -> Option<Vec<Grant>> {
    let mut grants = Vec::new();
    root.tables("roles", |table| grants.extend(grant(table)));
    root.has("roles").then_some(grants)
}

fn grant(table: &Table<'_>) -> Option<Grant> {
    let role = table.choice("role", &Role::ALL.map(|role| (role.word(), role)));
    if !table.has("role") {
        let hint = "write role = \"viewer\", \"operator\", \"lead\" or \"admin\"";
        table.missing("role", hint);
    }
    let members = members(table);
    let hosts = hosts(table);
    let definitions = definitions(table);
    if role == Some(Role::Admin) {
        for key in ["hosts", "definitions"]
            .into_iter()
            .filter(|key| match *key {
                "hosts" => hosts.is_some(),
                _ => definitions.is_some(),
            })
        {
            table.complain(
                key,
                "an admin has no limits; leave them out, or write role = \"lead\"",
            );
        }
    }
    Some(Grant {
        role: role?,
        members,
        hosts,
        definitions,
    })
}

fn members(table: &Table<'_>) -> Vec<Member> {
    let users = named(table, "users");
    let groups = named(table, "groups");
    if !table.has("users") && !table.has("groups") {
        table.missing("users", "write users = [\"kim\"] or groups = [\"oncall\"]");
    }
    let users = users.into_iter().map(Member::User);
    users.chain(groups.into_iter().map(Member::Group)).collect()
}

/// Unix names: those of groups have no `@` here, for the key says what they are.
fn named(table: &Table<'_>, key: &'static str) -> Vec<String> {
    let names = table.strings(key).unwrap_or_default();
    if table.has(key) && names.is_empty() {
        table.complain(key, format!("{} names nobody; leave it out", quote(key)));
    }
    for name in &names {
        if let Some(group) = name.strip_prefix('@') {
            let message = if key == "groups" {
                format!("groups are named without @; write {}", quote(group))
            } else {
                format!(
                    "{} is a group; write groups = [{}]",
                    quote(name),
                    quote(group)
                )
            };
            table.complain(key, message);
        } else if name.is_empty()
            || name.contains([':', ' ', '/'])
            || name.chars().any(char::is_control)
        {
            table.complain(key, format!("{} is no Unix name", quote(name)));
        }
    }
    names
}

fn hosts(table: &Table<'_>) -> Option<HostScope> {
    let text = table.get("hosts", |value| {
        let text = value
            .as_str()
            .ok_or("\"hosts\" must be a host set, as in \"@web,db[1-3]\"")?;
        let wrong = |why: String| format!("the host set {} cannot be read: {why}", quote(text));
        if text.trim().is_empty() {
            return Err("the host set is empty; leave \"hosts\" out for all hosts".to_owned());
        }
        HostSet::parse(text, &FormOnly).map_err(|error| wrong(error.to_string()))?;
        Ok(text.to_owned())
    })?;
    Some(HostScope {
        text,
        names: Err("nobody has asked the inventory yet".to_owned()),
    })
}

fn definitions(table: &Table<'_>) -> Option<Vec<Covers>> {
    let masks = table.strings("definitions")?;
    if masks.is_empty() {
        table.complain(
            "definitions",
            "\"definitions\" names none; leave it out for all",
        );
    }
    for mask in &masks {
        if let Some(why) = fault(mask) {
            table.complain("definitions", why);
        }
    }
    Some(masks.into_iter().map(Covers).collect())
}

/// What is wrong with a mask over definitions.
fn fault(mask: &str) -> Option<String> {
    let fits = |part: &str| {
        let letter =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*' | '?');
        !part.is_empty() && part.chars().all(letter)
    };
    let Some((kind, name)) = mask.split_once('/') else {
        return (!fits(mask)).then(|| {
            format!(
                "{} is no name of a definition; write \"hbase*\", \"flow/hbase*\", or \"exec\" for commands",
                quote(mask)
            )
        });
    };
    if AD_HOC.contains(&kind) {
        return Some(format!("write {} alone", quote(kind)));
    }
    let known = Kind::ALL.iter().any(|known| known.word() == kind) || kind.contains(['*', '?']);
    if !known {
        let words: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
        return Some(format!(
            "{} is no kind of definition; write one of {}, or leave it out",
            quote(kind),
            words.join(", ")
        ));
    }
    (!fits(name)).then(|| format!("{} is no name of a definition", quote(name)))
}

/// Every group is there and has no host: for the form of a host set alone.
struct FormOnly;

impl Groups for FormOnly {
    fn sources(&self) -> Result<Vec<String>, GroupError> {
        Ok(vec!["any".to_owned()])
    }

    fn hosts(&self, _: Option<&str>, _: &str) -> Result<Vec<String>, GroupError> {
        Ok(Vec::new())
    }

    fn all_hosts(&self, _: Option<&str>) -> Result<Vec<String>, GroupError> {
        Ok(Vec::new())
    }

    fn group_names(&self, _: Option<&str>) -> Result<Vec<String>, GroupError> {
        Ok(Vec::new())
    }

    fn knows_groups_of(&self, _: Option<&str>) -> bool {
        true
    }

    fn groups_of(&self, _: Option<&str>, _: &str) -> Result<Vec<String>, GroupError> {
        Ok(Vec::new())
    }
}

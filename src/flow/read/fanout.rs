//! `[[actions]]` of a fanout.

use toml::de::DeValue;

use super::common::{check_name, need, whole};
use super::{Marks, complain_of_twins, work};
use crate::flow::definition::{Branch, Fanout, Join};
use crate::flow::template::Known;
use crate::run::strict_toml::Table;

/// Branches at once when nothing is said.
const PARALLEL: u32 = 8;

pub(super) fn read(root: &Table<'_>, known: &Known, marks: &Marks) -> Fanout {
    need(root, "actions", "write [[actions]] with a name and a flow");
    let parallel = root.integer("parallel", 1..=10_000).unwrap_or(PARALLEL);
    let join = root.get("join", join);
    let fail_fast = root.boolean("fail_fast").unwrap_or(false);
    let mut branches: Vec<Branch> = Vec::new();
    let mut index = 0;
    root.tables("actions", |table| {
        need(table, "name", "write name = \"NAME\"");
        let name = table.string("name");
        if let Some(name) = &name {
            if let Err(message) = check_name("name", name) {
                table.complain("name", message);
            }
            let before: Vec<&str> = branches.iter().map(|branch| branch.name.as_str()).collect();
            complain_of_twins(table, "name", name, &before);
        }
        let work = work::read(table, known, marks, index);
        index += 1;
        if let (Some(name), Some(work)) = (name, work) {
            branches.push(Branch { name, work });
        }
    });
    if let Some(Join::AtLeast(count)) = join
        && count > index
    {
        root.complain("join", format!("{count} can never succeed of {index}"));
    }
    Fanout {
        branches,
        parallel,
        join: join.unwrap_or(Join::All),
        fail_fast,
    }
}

/// `"all"`, `"any"` or a number.
fn join(value: &DeValue<'_>) -> Result<Join, String> {
    let count = whole(value).filter(|count| *count > 0);
    match (value.as_str(), count) {
        (Some("all"), _) => Ok(Join::All),
        (Some("any"), _) => Ok(Join::AtLeast(1)),
        (_, Some(count)) => Ok(Join::AtLeast(count as usize)),
        _ => Err("\"join\" must be \"all\", \"any\" or a number from 1".to_owned()),
    }
}

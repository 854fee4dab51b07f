//! What a stage or branch does: `flow`, `exec` or `fanout`, with `targets` and `set`.

use std::collections::BTreeMap;

use super::common::{duration, exec, given_of, text};
use super::steps::known_on_host;
use super::{Mark, Marks};
use crate::flow::stage::{Action, Work};
use crate::flow::template::Known;
use crate::run::complaint::quote;
use crate::run::strict_toml::Table;

/// `index` is its place among its like.
pub(super) fn read(table: &Table<'_>, known: &Known, marks: &Marks, index: usize) -> Option<Work> {
    let mark = |mark, place| marks.borrow_mut().insert(mark, place);
    mark(Mark::Work(index), table.own_place());
    let there: Vec<&str> = ["flow", "exec", "fanout"]
        .into_iter()
        .filter(|key| table.has(key))
        .collect();
    match there[..] {
        [one] => {
            mark(Mark::Reference(index), table.place(one));
        }
        [] => table.complain_here("this does nothing; write one of \"flow\", \"exec\", \"fanout\""),
        [first, second, ..] => {
            let message = format!(
                "this has {} and {}, and can do one only",
                quote(first),
                quote(second)
            );
            table.complain(second, message);
        }
    }
    let actions = [
        table.string("flow").map(Action::Flow),
        table.table("exec", |table| by_exec(table, known)).flatten(),
        table.string("fanout").map(Action::Fanout),
    ];
    let action = actions.into_iter().flatten().next();
    let targets = text(table, "targets", known);
    let set = set(table, known, marks, index);
    if matches!(action, Some(Action::Exec { .. })) {
        if !table.has("targets") {
            table.missing(
                "targets",
                "write targets = \"@group\": where the command runs",
            );
        }
        if table.has("set") {
            table.complain_hint(
                "set",
                "a command has no parameters",
                "write the values into the command",
            );
        }
    }
    Some(Work {
        action: action?,
        targets,
        set,
    })
}

fn by_exec(table: &Table<'_>, known: &Known) -> Option<Action> {
    let durable = table.boolean("durable").unwrap_or(true);
    let exec = exec(table, &known_on_host(known), durable);
    let timeout = duration(table, "timeout");
    Some(Action::Exec {
        exec: exec?,
        timeout,
    })
}

fn set(
    table: &Table<'_>,
    known: &Known,
    marks: &Marks,
    index: usize,
) -> BTreeMap<String, crate::flow::step::Given> {
    let mut set = BTreeMap::new();
    for (name, place, written) in table.written_values("set") {
        marks
            .borrow_mut()
            .insert(Mark::Set(index, name.clone()), place);
        if let Some(given) = given_of(table, &written, known) {
            set.insert(name, given);
        }
    }
    set
}

//! `[[stages]]` of a multi flow.

use super::acts::approve;
use super::common::{check_name, condition, duration, limit, need, text_for_people, text_of};
use super::rollout::ON_EXCEEDED;
use super::steps::known_on_host;
use super::{Marks, complain_of_twins, gates, work};
use crate::flow::graph::{Graph, GraphError};
use crate::flow::stage::{ForEach, Needs, Stage};
use crate::flow::template::{Known, Shape};
use crate::run::complaint::{nearest, quote};
use crate::run::strict_toml::{Table, Written};

pub(super) fn read(root: &Table<'_>, known: &Known, marks: &Marks) -> Vec<Stage> {
    need(root, "stages", "write [[stages]] with a name and a flow");
    let names = names(root);
    let known = known
        .clone()
        .with("stages", Shape::Outside(Box::new(Shape::Open)));
    let mut stages = Vec::new();
    let mut index = 0;
    root.tables("stages", |table| {
        stages.extend(stage(table, &known, &names, index, marks));
        index += 1;
    });
    if stages.len() == names.len()
        && let Err(GraphError::Cycle(cycle)) = Graph::new(&stages)
    {
        complain_of_cycle(root, &cycle);
    }
    stages
}

/// The names of all stages, so that each can need any other.
fn names(root: &Table<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    root.tables_unclosed("stages", |table| {
        need(table, "name", "write name = \"NAME\"");
        let name = table.string("name").unwrap_or_default();
        if table.has("name") && !name.is_empty() {
            if let Err(message) = check_name("stage name", &name) {
                table.complain("name", message);
            }
            let before: Vec<&str> = names.iter().map(String::as_str).collect();
            complain_of_twins(table, "name", &name, &before);
        }
        names.push(name);
    });
    names
}

fn complain_of_cycle(root: &Table<'_>, cycle: &[String]) {
    let Some(first) = cycle.first() else { return };
    let mut round = cycle.join(" needs ");
    round.extend([" needs ", first]);
    root.tables_unclosed("stages", |table| {
        if table.string("name").as_ref() == Some(first) {
            let message = format!("the stages wait for each other: {round}");
            table.complain_hint("needs", message, "take one of these needs away");
        }
    });
}

fn stage(
    table: &Table<'_>,
    known: &Known,
    names: &[String],
    index: usize,
    marks: &Marks,
) -> Option<Stage> {
    let for_each = for_each(table, known);
    let inside = match for_each {
        Some(_) => known.clone().with("item", Shape::Value),
        None => known.clone(),
    };
    let parallel = table.integer("parallel", 1..=10_000);
    if parallel.is_some() && !table.has("for_each") {
        table.complain_hint(
            "parallel",
            "this stage is done once, so nothing is parallel in it",
            "write for_each = [\"a\", \"b\"], or leave it out",
        );
    }
    for key in ["max_failures", "on_exceeded", "gate", "when", "approve"] {
        let mark = super::Mark::Said(index, key);
        marks.borrow_mut().insert(mark, table.place(key));
    }
    let work = work::read(table, &inside, marks, index);
    let own = names.get(index).map_or("", String::as_str);
    Some(Stage {
        name: table.string("name").unwrap_or_default(),
        about: table.string("about"),
        needs: needs(table, names, own),
        for_each,
        parallel: parallel.unwrap_or(1),
        when: condition(table, "when", known),
        approve: table
            .table("approve", |table| approve(table, known, text_for_people))
            .flatten(),
        soak: duration(table, "soak"),
        gate: gates::read(table, &known_on_host(&inside), &inside),
        on_exceeded: table
            .choice("on_exceeded", &ON_EXCEEDED)
            .unwrap_or_default(),
        max_failures: limit(table, "max_failures"),
        work: work?,
    })
}

/// `["a", "b"]`, or the name of a parameter that holds hosts.
fn for_each(table: &Table<'_>, known: &Known) -> Option<ForEach> {
    if table.is_table("for_each") {
        return table.table("for_each", |table| {
            need(
                table,
                "param",
                "write param = \"NAME\": a parameter of type hosts",
            );
            let written = table.written("param")?;
            if known
                .get(&written.value)
                .is_none_or(|shape| *shape != Shape::Value)
            {
                let message = format!("there is no parameter {}", quote(&written.value));
                table.complain_in(&written, 0, message, None);
            }
            Some(ForEach::Param(written.value))
        })?;
    }
    let items = table.written_list("for_each")?;
    if items.is_empty() {
        table.complain(
            "for_each",
            "there is nothing to do it for; name one thing at least",
        );
    }
    let texts = items.iter().map(|item| text_of(table, item, known));
    texts.collect::<Option<_>>().map(ForEach::Items)
}

/// `["a", "b"]`, `{ any = ["a", "b"] }` or `{ at_least = 1, of = ["a", "b"] }`.
fn needs(table: &Table<'_>, names: &[String], own: &str) -> Needs {
    if !table.is_table("needs") {
        return Needs::All(stage_names(table, "needs", names, own));
    }
    let read = |table: &Table<'_>| {
        if table.has("any") {
            table.ask(&["at_least", "of"]);
            let of = stage_names(table, "any", names, own);
            return Needs::AtLeast { count: 1, of };
        }
        need(
            table,
            "at_least",
            "write at_least = 1, of = [\"a\", \"b\"], or any = [\"a\", \"b\"]",
        );
        need(table, "of", "write of = [\"a\", \"b\"]");
        let count = table.integer("at_least", 1..=10_000).unwrap_or(1);
        let of = stage_names(table, "of", names, own);
        if table.has("of") && count > of.len() {
            table.complain(
                "at_least",
                format!("{count} can never succeed of {}", of.len()),
            );
        }
        Needs::AtLeast { count, of }
    };
    table.table("needs", read).unwrap_or_default()
}

fn stage_names(table: &Table<'_>, key: &'static str, names: &[String], own: &str) -> Vec<String> {
    let written = table.written_list(key).unwrap_or_default();
    let mut found: Vec<String> = Vec::new();
    for name in written {
        check_need(table, &name, names, own);
        if found.contains(&name.value) {
            let message = format!("{} stands here twice", quote(&name.value));
            table.complain_in(&name, 0, message, None);
        }
        found.push(name.value);
    }
    found
}

fn check_need(table: &Table<'_>, name: &Written, names: &[String], own: &str) {
    if name.value == own {
        let message = format!("the stage {} needs itself", quote(own));
        return table.complain_in(name, 0, message, Some("take it away".to_owned()));
    }
    if !names.contains(&name.value) {
        let message = format!("there is no stage {}", quote(&name.value));
        let near = nearest(&name.value, names.iter().map(String::as_str));
        let hint = near.map_or_else(
            || format!("there are {}", names.join(", ")),
            |near| format!("did you mean {}?", quote(near)),
        );
        table.complain_in(name, 0, message, Some(hint));
    }
}

//! `[[steps]]` of a simple flow.

use std::collections::BTreeMap;

use super::acts;
use super::common::{Again, check_name, condition, duration, exec, need, retry};
use super::complain_of_twins;
use crate::flow::pattern::Pattern;
use crate::flow::register::{Register, Stream, Take};
use crate::flow::step::{Act, Step, Undo, Verify, VerifyBy};
use crate::flow::template::{Known, Shape};
use crate::run::complaint::quote;
use crate::run::spec::OnFailure;
use crate::run::strict_toml::Table;

const ON_FAILURE: [(&str, OnFailure); 2] = [
    ("skip_host", OnFailure::SkipHost),
    ("continue", OnFailure::Continue),
];
const STREAMS: [(&str, Stream); 2] = [("stdout", Stream::Stdout), ("stderr", Stream::Stderr)];
/// What a step that happens once a batch cannot have.
const ONLY_ON_HOSTS: [&str; 7] = [
    "retry",
    "verify",
    "rollback",
    "register",
    "idempotent",
    "timeout",
    "on_failure",
];

/// What the texts of a step may name: parameters, the host, the batch, and what earlier steps took.
pub(super) fn known_on_host(known: &Known) -> Known {
    let host = [
        ("name", Shape::Value),
        ("short", Shape::Value),
        ("labels", Shape::Open),
        ("vars", Shape::Open),
    ];
    let host = host.map(|(name, shape)| (name.to_owned(), shape));
    known_in_batch(known).with("host", Shape::Parts(host.into()))
}

/// What a text that is about a whole batch may name.
pub(super) fn known_in_batch(known: &Known) -> Known {
    known
        .clone()
        .with("batch", Shape::Value)
        .with("batches", Shape::Value)
}

pub(super) fn read(root: &Table<'_>, known: &Known) -> Vec<Step> {
    need(root, "steps", "write [[steps]] with a name and what to do");
    let mut steps = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let mut registered: BTreeMap<String, Shape> = BTreeMap::new();
    root.tables("steps", |table| {
        let reader = Reader {
            table,
            batch: known_in_batch(known),
            before: with_registered(known, &registered),
        };
        let register = register(table);
        for name in register.keys() {
            if registered.insert(name.clone(), Shape::Value).is_some() {
                let message = format!("an earlier step registers {} already", quote(name));
                table.complain_hint("register", message, "give each value its own name");
            }
        }
        let after = with_registered(known, &registered);
        let name = reader.name(&names);
        names.extend(name.clone());
        steps.extend(reader.step(name, register, &after));
    });
    steps
}

fn with_registered(known: &Known, registered: &BTreeMap<String, Shape>) -> Known {
    let parts = Shape::Parts(registered.clone());
    known_on_host(known).with("registered", Shape::Outside(Box::new(parts)))
}

struct Reader<'a, 'd> {
    table: &'a Table<'d>,
    batch: Known,
    before: Known,
}

impl Reader<'_, '_> {
    fn name(&self, before: &[String]) -> Option<String> {
        need(self.table, "name", "write name = \"NAME\"");
        let name = self.table.string("name")?;
        if let Err(message) = check_name("step name", &name) {
            self.table.complain("name", message);
        }
        let before: Vec<&str> = before.iter().map(String::as_str).collect();
        complain_of_twins(self.table, "name", &name, &before);
        Some(name)
    }

    fn step(
        &self,
        name: Option<String>,
        register: BTreeMap<String, Register>,
        after: &Known,
    ) -> Option<Step> {
        let table = self.table;
        let durable = table.boolean("durable");
        let act = acts::read(table, &self.before, &self.batch, durable);
        let barrier = matches!(act, Some(Act::Approve(_) | Act::Wait(_)));
        let when = condition(
            table,
            "when",
            if barrier { &self.batch } else { &self.before },
        );
        let said = table.boolean("idempotent");
        let idempotent = said.unwrap_or_else(|| act.as_ref().is_some_and(Act::is_repeatable));
        let again = if idempotent {
            Again::Harmless
        } else {
            Again::Unsaid
        };
        let step = Step {
            name: name.unwrap_or_default(),
            about: table.string("about"),
            when,
            timeout: duration(table, "timeout"),
            retry: retry(table, again),
            idempotent,
            verify: verify(table, after),
            on_failure: table.choice("on_failure", &ON_FAILURE).unwrap_or_default(),
            rollback: rollback(table, after),
            register,
            act: act?,
        };
        self.complain_of_misfits(&step, durable);
        Some(step)
    }

    /// Complains about keys that mean nothing beside the act.
    fn complain_of_misfits(&self, step: &Step, durable: Option<bool>) {
        let word = step.act.word();
        if durable.is_some() && !matches!(step.act, Act::Exec(_)) {
            self.table.complain(
                "durable",
                format!("only exec can be durable, and this step is {word}"),
            );
        }
        let has_output = matches!(step.act, Act::Exec(_) | Act::Local(_) | Act::Http(_));
        if !has_output && !step.is_barrier() && self.table.has("register") {
            self.table.complain(
                "register",
                format!("{word} has no output that a value could be taken from"),
            );
        }
        for key in ONLY_ON_HOSTS {
            if step.is_barrier() && self.table.has(key) {
                let message = format!(
                    "{word} happens once a batch and not on hosts, so {} means nothing here",
                    quote(key)
                );
                self.table.complain(key, message);
            }
        }
    }
}

/// `verify = { command = "…" }` or `{ tree = "…" }`.
fn verify(table: &Table<'_>, known: &Known) -> Option<Verify> {
    table.table("verify", |table| {
        let by = match (table.has("command"), table.has("tree")) {
            (true, false) => exec(table, known, false).map(VerifyBy::Exec),
            (false, true) => table.string("tree").map(VerifyBy::Tree),
            _ => {
                table.ask(&["run_as", "env"]);
                table.complain_here("\"verify\" needs one of \"command\" and \"tree\"");
                None
            }
        };
        let timeout = duration(table, "timeout");
        let retry = retry(table, Again::Harmless);
        Some(Verify {
            by: by?,
            timeout,
            retry,
        })
    })?
}

/// `rollback = { command = "…" }`.
fn rollback(table: &Table<'_>, known: &Known) -> Option<Undo> {
    table.table("rollback", |table| {
        let exec = exec(table, known, true);
        let timeout = duration(table, "timeout");
        Some(Undo {
            exec: exec?,
            timeout,
        })
    })?
}

/// `register.NAME = { regex = '…', group = 1 }`, `{ json = "/a" }` or `{ whole = true }`.
fn register(table: &Table<'_>) -> BTreeMap<String, Register> {
    let mut registers = BTreeMap::new();
    table.named("register", |name, table| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(fits) {
            let message = format!(
                "the name {} must be letters, digits and _, with a letter first",
                quote(name)
            );
            table.complain_here(message);
        }
        let from = table.choice("from", &STREAMS).unwrap_or_default();
        if let Some(take) = take(table) {
            registers.insert(name.to_owned(), Register { from, take });
        }
    });
    registers
}

fn take(table: &Table<'_>) -> Option<Take> {
    let there: Vec<&str> = ["regex", "json", "whole"]
        .into_iter()
        .filter(|key| table.has(key))
        .collect();
    let [one] = there[..] else {
        table.ask(&["group"]);
        table.complain_here("a registered value needs one of \"regex\", \"json\" and \"whole\"");
        return None;
    };
    match one {
        "regex" => regex(table),
        "json" => {
            let pointer = table.string("json")?;
            if !pointer.is_empty() && !pointer.starts_with('/') {
                table.complain(
                    "json",
                    format!(
                        "{} is no JSON pointer; write it as in \"/status/version\"",
                        quote(&pointer)
                    ),
                );
            }
            Some(Take::Json(pointer))
        }
        _ => {
            if table.boolean("whole") == Some(false) {
                table.complain(
                    "whole",
                    "write whole = true, or name a regex or JSON pointer",
                );
            }
            Some(Take::Whole)
        }
    }
}

fn regex(table: &Table<'_>) -> Option<Take> {
    let written = table.written("regex")?;
    let pattern = Pattern::parse(&written.value)
        .map_err(|message| table.complain_in(&written, 0, message, None))
        .ok()?;
    let groups = pattern.regex().captures_len() - 1;
    let group = table
        .integer("group", 0..=99)
        .unwrap_or(usize::from(groups > 0));
    if group > groups {
        let message = format!("the expression has no group {group}, only {groups}");
        table.complain("group", message);
    }
    Some(Take::Regex { pattern, group })
}

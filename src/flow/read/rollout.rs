//! `[rollout]` of a simple flow.

use toml::de::DeValue;

use super::common::{duration, limit, need, whole};
use super::gates;
use super::steps::{known_in_batch, known_on_host};
use crate::flow::rollout::{
    BatchSize, CONCURRENCY, Canary, HostOrder, OnExceeded, Rollout, Strategy,
};
use crate::flow::template::Known;
use crate::run::complaint::quote;
use crate::run::spec::Lease;
use crate::run::strict_toml::Table;

pub(super) const ON_EXCEEDED: [(&str, OnExceeded); 3] = [
    ("pause", OnExceeded::Pause),
    ("abort", OnExceeded::Abort),
    ("rollback", OnExceeded::Rollback),
];
const STRATEGIES: [(&str, Strategy); 2] =
    [("lockstep", Strategy::Lockstep), ("free", Strategy::Free)];
const ORDERS: [(&str, HostOrder); 2] = [
    ("inventory", HostOrder::Inventory),
    ("shuffled", HostOrder::Shuffled),
];
const LEASES: [(&str, Lease); 2] = [("exclusive", Lease::Exclusive), ("shared", Lease::Shared)];

pub(super) fn read(root: &Table<'_>, known: &Known) -> Rollout {
    let read = |table: &Table<'_>| {
        let canary = table.table("canary", canary).flatten();
        if table.has("canary") && !table.has("batches") {
            table.complain_hint(
                "canary",
                "there is one batch only, so none is the first",
                "write batches = [1, \"20%\"]",
            );
        }
        Rollout {
            batches: table.get("batches", batches).unwrap_or_default(),
            concurrency: table
                .integer("concurrency", 1..=100_000)
                .unwrap_or(CONCURRENCY),
            max_failures: limit(table, "max_failures"),
            max_failures_per_batch: limit(table, "max_failures_per_batch"),
            canary,
            soak: duration(table, "soak"),
            gate: gates::read(table, &known_on_host(known), &known_in_batch(known)),
            on_exceeded: table
                .choice("on_exceeded", &ON_EXCEEDED)
                .unwrap_or_default(),
            strategy: table.choice("strategy", &STRATEGIES).unwrap_or_default(),
            order: table.choice("order", &ORDERS).unwrap_or_default(),
            spread: spread(table),
            lease: table.choice("lease", &LEASES).unwrap_or(Lease::Exclusive),
        }
    };
    root.table("rollout", read).unwrap_or_default()
}

fn canary(table: &Table<'_>) -> Option<Canary> {
    need(table, "max_failures", "write max_failures = 0");
    let max_failures = limit(table, "max_failures");
    let soak = duration(table, "soak");
    Some(Canary {
        max_failures: max_failures?,
        soak,
    })
}

fn spread(table: &Table<'_>) -> Option<String> {
    let label = table.string("spread")?;
    if label.trim().is_empty() {
        table.complain(
            "spread",
            "\"spread\" is empty; name a label, as in \"rack\"",
        );
    }
    Some(label)
}

/// `[1, 5, "20%"]`, or one of them alone.
fn batches(value: &DeValue<'_>) -> Result<Vec<BatchSize>, String> {
    let sizes = match value {
        DeValue::Array(items) => items.iter().map(|item| size(item.get_ref())).collect(),
        one => size(one).map(|size| vec![size]),
    };
    let sizes = sizes?;
    if sizes.is_empty() {
        return Err(
            "\"batches\" is empty; write [1, \"20%\"], or leave the key out for one batch"
                .to_owned(),
        );
    }
    Ok(sizes)
}

fn size(value: &DeValue<'_>) -> Result<BatchSize, String> {
    let wrong = |shown: &str| {
        format!(
            "{shown} is no size of a batch; write a number of hosts from 1, or \"1%\" to \"100%\""
        )
    };
    match value {
        DeValue::Integer(number) => match whole(value) {
            Some(hosts) if hosts > 0 => Ok(BatchSize::Hosts(hosts)),
            _ => Err(wrong(number.as_str())),
        },
        DeValue::String(text) => {
            let percent = text.strip_suffix('%').and_then(|text| text.parse().ok());
            let fits = percent.filter(|percent| (1..=100).contains(percent));
            fits.map(BatchSize::Percent)
                .ok_or_else(|| wrong(&quote(text)))
        }
        _ => Err(wrong("this")),
    }
}

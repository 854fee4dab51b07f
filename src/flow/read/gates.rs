//! `gate = { … }` of rollouts and stages.

use toml::de::DeValue;

use super::common::{Again, condition, duration, exec, need, query, retry, url};
use crate::flow::rollout::{Gate, GateBy, Inconclusive, Metrics};
use crate::flow::template::{Known, Shape};
use crate::run::strict_toml::Table;

const INCONCLUSIVE: [(&str, Inconclusive); 2] =
    [("pause", Inconclusive::Pause), ("fail", Inconclusive::Fail)];

/// `host` is what a command on each host may name, `about` what everything else may.
pub(super) fn read(table: &Table<'_>, host: &Known, about: &Known) -> Option<Gate> {
    table.table("gate", |table| {
        let there: Vec<&str> = ["exec", "tree", "metrics"]
            .into_iter()
            .filter(|key| table.has(key))
            .collect();
        if there.len() != 1 {
            table.complain_here("a gate needs one of \"exec\", \"tree\" and \"metrics\"");
        }
        let by = [
            table.table("exec", |table| by_exec(table, host)).flatten(),
            table.string("tree").map(GateBy::Tree),
            table
                .table("metrics", |table| metrics(table, about))
                .flatten(),
        ];
        let timeout = duration(table, "timeout");
        let retry = retry(table, Again::Harmless);
        let inconclusive = table
            .choice("inconclusive", &INCONCLUSIVE)
            .unwrap_or_default();
        Some(Gate {
            by: by.into_iter().flatten().next()?,
            timeout,
            retry,
            inconclusive,
        })
    })?
}

fn by_exec(table: &Table<'_>, known: &Known) -> Option<GateBy> {
    let exec = exec(table, known, false);
    let codes = table.get("inconclusive_codes", |value| {
        let wrong =
            || "\"inconclusive_codes\" must be a list of exit codes from 1 to 255".to_owned();
        let DeValue::Array(items) = value else {
            return Err(wrong());
        };
        let code = |item: &DeValue<'_>| match item {
            DeValue::Integer(number) => number.as_str().parse::<u8>().ok().filter(|code| *code > 0),
            _ => None,
        };
        let codes: Option<Vec<u8>> = items.iter().map(|item| code(item.get_ref())).collect();
        codes.ok_or_else(wrong)
    });
    Some(GateBy::Exec {
        exec: exec?,
        inconclusive_codes: codes.unwrap_or_default(),
    })
}

fn metrics(table: &Table<'_>, known: &Known) -> Option<GateBy> {
    need(table, "url", "write url = \"http://prometheus:9090\"");
    need(table, "query", "write query = \"…\"");
    let url = url(table, known);
    if url.as_ref().is_some_and(|url| url.source().contains('?')) {
        let message = "the server's URL has a query of its own";
        table.complain_hint(
            "url",
            message,
            "write the server alone: http://prometheus:9090",
        );
    }
    let query = query(table, known);
    let about_value = known.clone().with("value", Shape::Value);
    let success = condition(table, "success", &about_value);
    let failure = condition(table, "failure", &about_value);
    if !table.has("success") && !table.has("failure") {
        table.missing(
            "success",
            "write success = \"value < 0.01\", failure = \"…\", or both",
        );
    }
    Some(GateBy::Metrics(Metrics {
        url: url?,
        query: query?,
        success,
        failure,
    }))
}

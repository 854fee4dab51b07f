//! The report as JSON: the run as `runs show --json` has it, its causes, and its outputs.

use serde_json::{Map, Value, json};

use super::super::{json as shapes, why};
use super::Report;

/// The whole report.
pub fn document(report: &Report) -> Value {
    let mut run = shapes::run_detail(&report.detail);
    run["causes"] = why::document(&report.causes);
    run["outputs"] = report
        .outputs
        .iter()
        .map(|folded| {
            let word = folded
                .group
                .outcome
                .as_ref()
                .map(|outcome| outcome.kind().word());
            json!({
                "hosts": folded.group.hosts,
                "step": report.detail.steps.get(usize::from(folded.group.step)),
                "outcome": word,
                "text": folded.excerpt.text,
                "left_out_bytes": folded.excerpt.left_out,
            })
        })
        .collect();
    run["outputs_left_out"] = json!(report.outputs_left_out);
    run["spans"] = report
        .detail
        .spans
        .iter()
        .map(|span| {
            let counts: Map<String, Value> = span
                .outcomes
                .iter()
                .map(|(kind, count)| (kind.word().to_owned(), json!(count)))
                .collect();
            json!({
                "kind": span.kind.word(),
                "name": span.name,
                "first_batch": span.batches.0,
                "last_batch": span.batches.1,
                "from": span.from.rfc3339(),
                "to": span.to.map(crate::run::ids::At::rfc3339),
                "counts": counts,
            })
        })
        .collect();
    run["notes"] = report
        .notes()
        .map(|(at, by, text)| json!({ "at": at.rfc3339(), "by": by, "text": text }))
        .collect();
    run["made"] = json!(report.made.rfc3339());
    run
}

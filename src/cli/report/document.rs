//! The report as JSON: the run as `runs show --json` has it, its causes, and its outputs.

use serde_json::{Value, json};

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
                "outcome": word,
                "text": folded.excerpt.text,
                "left_out_bytes": folded.excerpt.left_out,
            })
        })
        .collect();
    run["outputs_left_out"] = json!(report.outputs_left_out);
    run["notes"] = report
        .notes()
        .map(|(at, by, text)| json!({ "at": at.rfc3339(), "by": by, "text": text }))
        .collect();
    run["made"] = json!(report.made.rfc3339());
    run
}

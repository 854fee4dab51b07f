//! The JSON shapes of the contracts for runs and their hosts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::stages;

use crate::inventory;
use crate::run::outcome::{Outcome, RefusedBy};
use crate::run::phases::Phases;
use crate::wire::view::{RunDetail, RunLine, RunView, TaskView};

/// One host of a run that was followed, with its output.
pub fn host(task: &TaskView, stdout: &[u8], stderr: &[u8]) -> Value {
    let mut map = outcome(task);
    text_or_base64(&mut map, "stdout", stdout);
    text_or_base64(&mut map, "stderr", stderr);
    map.insert("truncated_bytes".to_owned(), json!(task.output.dropped));
    map.insert("attempts".to_owned(), json!(task.attempts));
    map.insert("phases".to_owned(), phases(&task.phases));
    Value::Object(map)
}

/// Stored output under the name of its host or hosts.
pub fn output(name: &str, hosts: &Value, stdout: &[u8], stderr: &[u8]) -> Value {
    let mut map = Map::new();
    map.insert(name.to_owned(), hosts.clone());
    text_or_base64(&mut map, "stdout", stdout);
    text_or_base64(&mut map, "stderr", stderr);
    Value::Object(map)
}

/// The end of a run that was followed.
pub fn run_end(view: &RunView) -> Value {
    let counts: Map<String, Value> = view
        .tally
        .outcomes()
        .map(|(kind, count)| (kind.word().to_owned(), json!(count)))
        .collect();
    json!({
        "run": view.run, "state": view.state, "counts": counts, "rolled_back": view.rolled_back,
    })
}

/// One line of the list of runs.
pub fn run_line(line: &RunLine) -> Value {
    let counts: Map<String, Value> = line
        .tally
        .outcomes()
        .map(|(kind, count)| (kind.word().to_owned(), json!(count)))
        .collect();
    json!({
        "run": line.run,
        "kind": line.kind,
        "action": line.title,
        "targets": line.targets,
        "state": line.state,
        "for": line.waits_for,
        "starter": line.starter,
        "conn": line.holder,
        "started": line.created.rfc3339(),
        "ended": line.ended.map(crate::run::ids::At::rfc3339),
        "hosts": line.whole.map_or(line.tally.total(), |whole| whole.hosts),
        "whole": stages::whole(line.whole.as_ref()),
        "counts": counts,
        "stands": stages::stand(line.stand.as_ref()),
        "part_of": stages::part_of(line.part_of.as_ref()),
    })
}

/// One run in full.
pub fn run_detail(detail: &RunDetail) -> Value {
    let view = &detail.view;
    let mut targets: Vec<&str> = detail.tasks.iter().map(|task| task.host.as_str()).collect();
    // What is made of runs has no tasks of its own.
    let of_parts = if view.stages.is_empty() {
        Vec::new()
    } else {
        inventory::expand_plain(&view.targets).unwrap_or_default()
    };
    targets.extend(of_parts.iter().map(String::as_str));
    json!({
        "run": view.run,
        "kind": view.kind,
        "action": view.title,
        "starter": view.starter,
        "conn": view.holder,
        "digest": detail.digest,
        "flow": detail.flow.as_ref().map(|flow| json!({
            "name": flow.name, "version": flow.version, "digest": flow.digest,
        })),
        "params": detail.params,
        "targets": targets,
        "batches": detail.batches,
        "steps": detail.steps,
        "stages": view.stages.iter().map(stages::document).collect::<Vec<_>>(),
        "part_of": stages::part_of(view.part_of.as_ref()),
        "tasks": detail.tasks.iter().map(task).collect::<Vec<_>>(),
        "state": view.state,
        "for": view.waits_for,
        "because": view.because,
        "stands": stages::stand(view.stand.as_ref()),
        "eta": view.eta_s,
        "stragglers": view.stragglers.iter().map(|lags| json!({
            "host": lags.host, "step": lags.step, "seconds": lags.seconds, "usual": lags.usual,
        })).collect::<Vec<_>>(),
        "abort_after_batch": view.abort_after,
        "concurrency": view.limits.0,
        "max_failures": view.limits.1,
        "rolled_back": view.rolled_back,
        "started": view.created.rfc3339(),
        "ended": view.ended.map(crate::run::ids::At::rfc3339),
        "timeline": detail.timeline.iter().map(|entry| json!({
            "at": entry.at.rfc3339(), "by": entry.by, "what": entry.what,
        })).collect::<Vec<_>>(),
    })
}

fn task(task: &TaskView) -> Value {
    let mut map = outcome(task);
    map.insert("step".to_owned(), json!(task.step));
    map.insert("attempts".to_owned(), json!(task.attempts));
    map.insert("standing".to_owned(), json!(task.standing));
    let time = |at: Option<crate::run::ids::At>| json!(at.map(crate::run::ids::At::rfc3339));
    map.insert("began".to_owned(), time(task.began));
    map.insert("ended".to_owned(), time(task.finished));
    map.insert("phases".to_owned(), phases(&task.phases));
    Value::Object(map)
}

fn outcome(task: &TaskView) -> Map<String, Value> {
    let (code, signal, reason) = match &task.outcome {
        Some(Outcome::Ok) => (json!(0), Value::Null, Value::Null),
        Some(Outcome::Failed(code)) => (json!(code), Value::Null, json!(task.detail)),
        Some(Outcome::Signaled(name)) => (Value::Null, json!(name), json!(task.detail)),
        Some(Outcome::Refused(RefusedBy::Auth)) => (Value::Null, Value::Null, json!("auth")),
        Some(Outcome::Refused(RefusedBy::HostKey)) => (Value::Null, Value::Null, json!("host_key")),
        _ => (Value::Null, Value::Null, json!(task.detail)),
    };
    let word = task.outcome.as_ref().map(|outcome| outcome.kind().word());
    let mut map = Map::new();
    map.insert("host".to_owned(), json!(task.host));
    map.insert("outcome".to_owned(), json!(word));
    map.insert("reason".to_owned(), reason);
    map.insert("detail".to_owned(), json!(task.detail));
    map.insert("code".to_owned(), code);
    map.insert("signal".to_owned(), signal);
    map
}

fn phases(phases: &Phases) -> Value {
    json!({
        "resolve": phases.resolve,
        "tcp": phases.tcp,
        "kex": phases.kex,
        "auth": phases.auth,
        "open": phases.open,
        "first_byte": phases.first_byte,
        "run": phases.run,
    })
}

/// Text under the name, or what is no UTF-8 under `NAME_base64`.
fn text_or_base64(map: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => map.insert(name.to_owned(), json!(text)),
        Err(_) => map.insert(format!("{name}_base64"), json!(STANDARD.encode(bytes))),
    };
}

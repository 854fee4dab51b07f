//! `conn runs why`: the chain of causes.

use super::args::Args;
use super::connect::connect;
use super::exit::{CliError, Exit};
use super::print::{one_line, say, say_json};
use crate::run::cause::{Cause, CauseKind, Origin};
use crate::run::ids::RunId;
use crate::wire::{Client, Reply, Request};

/// `conn runs why ID`.
pub async fn why(args: &Args, as_json: bool, run: RunId) -> Result<Exit, CliError> {
    let client = connect(args, false).await?;
    let causes = causes(&client, run).await?;
    if as_json {
        say_json(&serde_json::json!({ "run": run, "causes": document(&causes) }))?;
        return Ok(Exit::Ok);
    }
    say(&format!("run {run}"))?;
    for cause in &causes {
        for line in lines(cause) {
            say(&line)?;
        }
    }
    Ok(Exit::Ok)
}

/// The causes of a run.
pub async fn causes(client: &Client, run: RunId) -> Result<Vec<Cause>, CliError> {
    match client.call(Request::Why { run }).await? {
        Reply::Why(causes) => Ok(causes),
        _ => Err(CliError::Unexpected),
    }
}

fn lines(cause: &Cause) -> Vec<String> {
    let mut lines = vec![format!(
        "  {}  {} {}",
        cause.at.rfc3339(),
        one_line(&cause.by),
        one_line(&cause.what)
    )];
    if let Some(origin) = &cause.origin {
        lines.push(format!("  {:24}  from {}", "", one_line(&origin.words())));
    }
    if let Some(run) = cause.run {
        lines.push(format!("  {:24}  see: conn runs show {run}", ""));
    }
    lines
}

/// The causes as JSON.
pub fn document(causes: &[Cause]) -> serde_json::Value {
    let one = |cause: &Cause| {
        serde_json::json!({
            "kind": kind_word(cause.kind),
            "at": cause.at.rfc3339(),
            "by": cause.by,
            "what": cause.what,
            "origin": cause.origin.as_ref().map(origin),
            "run": cause.run,
        })
    };
    causes.iter().map(one).collect()
}

fn kind_word(kind: CauseKind) -> &'static str {
    match kind {
        CauseKind::Person => "person",
        CauseKind::Decision => "decision",
        CauseKind::Rule => "rule",
        CauseKind::Other => "other",
    }
}

fn origin(origin: &Origin) -> serde_json::Value {
    serde_json::json!({
        "host": origin.host,
        "tty": origin.tty,
        "ssh_from": origin.ssh_from,
        "pid": origin.pid,
        "program": origin.program,
    })
}

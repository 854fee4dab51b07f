//! `conn audit`: who did what, and whether the records are whole.

use super::args::{Args, AuditArgs, AuditCommand};
use super::connect::connect;
use super::exit::{CliError, Exit};
use super::print::{one_line, say};
use super::runs::since_ms;
use crate::wire::view::AuditView;
use crate::wire::{Client, Reply, Request};

/// Records asked for at once.
const PAGE: u32 = 1000;

/// `conn audit …`.
pub async fn audit(args: &Args, audit: &AuditArgs) -> Result<Exit, CliError> {
    let client = connect(args, false).await?;
    match audit.command {
        Some(AuditCommand::Verify) => verify(&client, audit.json).await,
        None => list(&client, audit).await,
    }
}

async fn list(client: &Client, audit: &AuditArgs) -> Result<Exit, CliError> {
    let since_ms = audit.since.map(since_ms);
    let mut from_seq = 0;
    loop {
        let request = Request::Audit {
            since_ms,
            from_seq,
            limit: PAGE,
        };
        let Reply::Audit { records, next } = client.call(request).await? else {
            return Err(CliError::Unexpected);
        };
        for record in &records {
            say(&if audit.json {
                as_document(record).to_string()
            } else {
                line(record)
            })?;
        }
        match next {
            Some(next) => from_seq = next,
            None => return Ok(Exit::Ok),
        }
    }
}

fn line(record: &AuditView) -> String {
    let run = record
        .run
        .map_or_else(String::new, |run| format!(" run {run}"));
    let text = one_line(&record.text);
    format!(
        "{}  {}  {}{run}  {text}",
        record.at.rfc3339(),
        record.by,
        record.act
    )
}

fn as_document(record: &AuditView) -> serde_json::Value {
    serde_json::json!({
        "seq": record.seq,
        "at": record.at.rfc3339(),
        "by": record.by,
        "act": record.act,
        "run": record.run,
        "text": record.text,
    })
}

async fn verify(client: &Client, as_json: bool) -> Result<Exit, CliError> {
    let Reply::AuditCheck(check) = client.call(Request::AuditVerify).await? else {
        return Err(CliError::Unexpected);
    };
    if as_json {
        say(&serde_json::json!({
            "whole": check.whole,
            "records": check.records,
            "head": check.head,
            "breaks": check.breaks,
            "unproven": check.unproven,
        })
        .to_string())?;
    } else {
        let word = if check.whole { "whole" } else { "BROKEN" };
        say(&format!("the chain of {} records is {word}", check.records))?;
        say(&format!("head {}", check.head))?;
        for text in check.breaks.iter().chain(&check.unproven) {
            say(&format!("  {text}"))?;
        }
    }
    Ok(if check.whole { Exit::Ok } else { Exit::NotOk })
}

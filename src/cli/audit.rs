//! `conn audit`: who did what, and whether the records are whole.

use super::args::{Args, AuditArgs, AuditCommand};
use super::connect::connect;
use super::exit::{CliError, Exit};
use super::print::{one_line, say, say_json};
use super::runs::since_ms;
use crate::wire::view::AuditView;
use crate::wire::{Client, Reply, Request};

/// Records asked for at once.
const PAGE: u32 = 1000;

/// `conn audit …`.
pub async fn audit(args: &Args, audit: &AuditArgs) -> Result<Exit, CliError> {
    let client = connect(args, false).await?;
    match &audit.command {
        Some(AuditCommand::Verify { head }) => {
            let heads = head.iter().map(|text| Head::parse(text));
            verify(&client, audit.json, &heads.collect::<Result<Vec<_>, _>>()?).await
        }
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
            if audit.json {
                say_json(&as_document(record))?;
            } else {
                say(&line(record))?;
            }
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

/// A head of the chain, as the system's log has it.
struct Head {
    seq: u64,
    hash: String,
}

impl Head {
    fn parse(text: &str) -> Result<Self, CliError> {
        let parts = text.split_once(':').and_then(|(seq, hash)| {
            let fits = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            let seq = seq.parse().ok().filter(|_| fits)?;
            Some((seq, hash.to_ascii_lowercase()))
        });
        let (seq, hash) = parts.ok_or_else(|| {
            CliError::Usage(format!(
                "--head {text:?} is not SEQ:HASH, a record's number and 64 hexadecimal digits, as \
                 the lines \"audit head\" of the log have them"
            ))
        })?;
        Ok(Self { seq, hash })
    }

    /// What is wrong when the chain does not hold this head.
    async fn compare(&self, client: &Client) -> Result<Option<String>, CliError> {
        let request = Request::AuditHash { seq: self.seq };
        let Reply::AuditHash(found) = client.call(request).await? else {
            return Err(CliError::Unexpected);
        };
        Ok(match found {
            Some(hash) if hash == self.hash => None,
            Some(_) => Some(format!(
                "record {}: it, or one before it, is not what it was when this head was kept",
                self.seq
            )),
            None => Some(format!(
                "record {}: it is gone, and it was there when this head was kept",
                self.seq
            )),
        })
    }
}

async fn verify(client: &Client, as_json: bool, heads: &[Head]) -> Result<Exit, CliError> {
    let Reply::AuditCheck(mut check) = client.call(Request::AuditVerify).await? else {
        return Err(CliError::Unexpected);
    };
    for head in heads {
        check.breaks.extend(head.compare(client).await?);
    }
    check.whole = check.breaks.is_empty();
    if as_json {
        say_json(&serde_json::json!({
            "whole": check.whole,
            "records": check.records,
            "head": check.head,
            "breaks": check.breaks,
            "unproven": check.unproven,
        }))?;
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

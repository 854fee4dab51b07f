//! `conn handover`: what the next shift must know.

use serde_json::{Value, json};

use super::args::{Args, HandoverArgs};
use super::connect::connect;
use super::exit::{CliError, Exit};
use super::json;
use super::print::{one_line, say, say_json};
use super::runs::since_ms;
use crate::inventory;
use crate::run::ids::At;
use crate::run::outcome::OutcomeKind;
use crate::wire::handover::{Handover, HandoverRun, HostsStanding};
use crate::wire::{Reply, Request};

/// `conn handover`.
pub async fn handover(args: &Args, handover: &HandoverArgs) -> Result<Exit, CliError> {
    let since = At(since_ms(handover.since));
    let client = connect(args, false).await?;
    let request = Request::Handover { since_ms: since.0 };
    let Reply::Handover(found) = client.call(request).await? else {
        return Err(CliError::Unexpected);
    };
    if handover.json {
        say_json(&document(&found, since))?;
    } else {
        for line in lines(&found, since) {
            say(&line)?;
        }
    }
    Ok(Exit::Ok)
}

fn lines(found: &Handover, since: At) -> Vec<String> {
    let mut lines = Vec::new();
    let mut part = |title: &str, body: Vec<String>| {
        lines.push(format!("{title}:"));
        if body.is_empty() {
            lines.push("  none".to_owned());
        }
        lines.extend(body.into_iter().map(|line| format!("  {line}")));
    };
    part("open runs", found.open.iter().flat_map(run_lines).collect());
    part("hosts in doubt", doubts(found));
    part("who has the conn", holders(found));
    let mut failed: Vec<String> = found.failed.iter().flat_map(run_lines).collect();
    if found.failed_more > 0 {
        failed.push(format!("and {} more", found.failed_more));
    }
    let since = since.rfc3339();
    part(&format!("ended badly since {since}"), failed);
    let notes = found.notes.iter().map(|note| {
        let run = note
            .run
            .map_or_else(String::new, |run| format!("run {run}: "));
        let text = one_line(&note.text);
        format!("{}  {}  {run}{text}", note.at.rfc3339(), note.by)
    });
    part("notes", notes.collect());
    lines.push(format!("{} runs ended well since then", found.succeeded));
    lines
}

fn run_lines(run: &HandoverRun) -> Vec<String> {
    let line = &run.line;
    let state = match &line.waits_for {
        Some(what) => format!("{} ({what})", line.state),
        None => line.state.clone(),
    };
    let mut lines = vec![format!(
        "run {}  {state}  {}/{} ok  {} on {}: {}",
        line.run,
        line.tally.ended(OutcomeKind::Ok),
        line.tally.total(),
        line.starter,
        line.targets,
        one_line(&line.title)
    )];
    if let Some(because) = &run.because {
        lines.push(format!("  {}", one_line(because)));
    }
    if let Some(by) = &run.asked_by {
        lines.push(format!("  {by} asks for its conn"));
    }
    lines.extend(
        run.hosts
            .iter()
            .map(|hosts| format!("  {}", standing(hosts))),
    );
    lines
}

fn standing(hosts: &HostsStanding) -> String {
    let folded = inventory::fold(hosts.hosts.iter().map(String::as_str));
    let detail = hosts
        .detail
        .as_ref()
        .map_or_else(String::new, |detail| format!(": {}", one_line(detail)));
    format!("{} {}: {folded}{detail}", hosts.standing, hosts.hosts.len())
}

/// What only a person can settle, with the words to do it.
fn doubts(found: &Handover) -> Vec<String> {
    let in_doubt = OutcomeKind::InDoubt.word();
    let of_run = |run: &HandoverRun| {
        let id = run.line.run;
        let hosts: Vec<String> = run
            .hosts
            .iter()
            .filter(|hosts| hosts.standing == in_doubt)
            .flat_map(|hosts| hosts.hosts.clone())
            .collect();
        (!hosts.is_empty()).then(|| {
            let folded = inventory::fold(hosts.iter().map(String::as_str));
            format!("run {id}: {folded}. Look, then: conn runs settle {id} --host H --as ok|failed|retry")
        })
    };
    found.open.iter().filter_map(of_run).collect()
}

fn holders(found: &Handover) -> Vec<String> {
    let line = |run: &HandoverRun| {
        let holder = run.line.holder.as_deref()?;
        let here = if found.people.iter().any(|person| person == holder) {
            ""
        } else {
            " (not here now)"
        };
        Some(format!("run {}: {holder}{here}", run.line.run))
    };
    found
        .open
        .iter()
        .filter(|run| run.line.ended.is_none())
        .filter_map(line)
        .collect()
}

fn document(found: &Handover, since: At) -> Value {
    json!({
        "since": since.rfc3339(),
        "open": found.open.iter().map(run_document).collect::<Vec<_>>(),
        "failed": found.failed.iter().map(run_document).collect::<Vec<_>>(),
        "failed_more": found.failed_more,
        "succeeded": found.succeeded,
        "notes": found.notes.iter().map(|note| json!({
            "at": note.at.rfc3339(), "by": note.by, "run": note.run, "text": note.text,
        })).collect::<Vec<_>>(),
        "people": found.people,
    })
}

fn run_document(run: &HandoverRun) -> Value {
    let mut document = json::run_line(&run.line);
    document["because"] = json!(run.because);
    document["asked_by"] = json!(run.asked_by);
    document["hosts_not_ok"] = run
        .hosts
        .iter()
        .map(|hosts| {
            json!({
                "standing": hosts.standing, "detail": hosts.detail, "hosts": hosts.hosts,
            })
        })
        .collect();
    document
}

//! What a preflight found, folded: each finding once, with its hosts, worst first.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::exit::CliError;
use super::json;
use super::print::{say_json, say_styled};
use super::terminal::Terminal;
use crate::inventory;
use crate::run::ids::RunId;
use crate::run::preflight::{Facts, Finding, Level, Space};
use crate::wire::view::HostChecks;
use crate::wire::{Client, Reply, Request};

/// Reads what was found on every host.
pub async fn read(client: &Client, run: RunId) -> Result<Vec<HostChecks>, CliError> {
    let mut all = Vec::new();
    let mut from = 0;
    loop {
        let Reply::Checks { hosts, next } = client.call(Request::Checks { run, from }).await?
        else {
            return Err(CliError::Unexpected);
        };
        all.extend(hosts);
        match next {
            Some(next) => from = next,
            None => return Ok(all),
        }
    }
}

/// Whether work should not begin on some host.
pub fn any_bad(hosts: &[HostChecks]) -> bool {
    hosts
        .iter()
        .flat_map(|host| &host.findings)
        .any(|finding| finding.level == Level::Bad)
}

/// Prints the table.
pub fn print_table(hosts: &[HostChecks], terminal: Terminal) -> Result<(), CliError> {
    for line in table(hosts, terminal.color) {
        say_styled(terminal, &line)?;
    }
    Ok(())
}

/// Prints one document a host.
pub fn print_lines(hosts: &[HostChecks]) -> Result<(), CliError> {
    for host in hosts {
        say_json(&document(host))?;
    }
    Ok(())
}

fn table(hosts: &[HostChecks], color: bool) -> Vec<String> {
    let mut by_finding: BTreeMap<&Finding, Vec<&str>> = BTreeMap::new();
    for host in hosts {
        for finding in &host.findings {
            by_finding.entry(finding).or_default().push(&host.task.host);
        }
    }
    let mut lines: Vec<String> = by_finding
        .iter()
        .filter(|(finding, _)| finding.level != Level::Ok)
        .map(|(finding, hosts)| {
            let what = format!("{:<10}  {}", finding.what, finding.found);
            line(finding.level, hosts, &what, color)
        })
        .collect();
    // What is as it should be is told once, of the hosts where nothing else was found.
    let well = |host: &&HostChecks| {
        let trouble = |finding: &Finding| matches!(finding.level, Level::Bad | Level::Warn);
        !host.findings.iter().any(trouble)
    };
    let well: Vec<&str> = hosts
        .iter()
        .filter(well)
        .map(|host| host.task.host.as_str())
        .collect();
    if !well.is_empty() {
        lines.push(line(Level::Ok, &well, "nothing in the way", color));
    }
    lines
}

fn line(level: Level, hosts: &[&str], what: &str, color: bool) -> String {
    let folded = inventory::fold(hosts.iter().copied());
    let word = format!("{:<4}", level.word());
    let word = match level {
        Level::Bad if color => format!("\x1b[31m{word}\x1b[0m"),
        Level::Warn if color => format!("\x1b[33m{word}\x1b[0m"),
        _ => word,
    };
    format!("{word}  {:>4}  {what}  {folded}", hosts.len())
}

fn document(host: &HostChecks) -> Value {
    let mut line = json::host(&host.task, b"", b"");
    if let Some(map) = line.as_object_mut() {
        for key in ["stdout", "stderr", "truncated_bytes"] {
            map.remove(key);
        }
    }
    line["facts"] = facts(&host.facts);
    line["findings"] = host
        .findings
        .iter()
        .map(|finding| {
            json!({
                "level": finding.level.word(), "what": finding.what, "found": finding.found,
            })
        })
        .collect();
    line
}

fn facts(facts: &Facts) -> Value {
    let spaces = |spaces: &[Space], free: &str| -> Value {
        spaces
            .iter()
            .map(|space| {
                let mut map = serde_json::Map::new();
                map.insert("mount".to_owned(), json!(space.mount));
                map.insert("used_percent".to_owned(), json!(space.used_percent));
                map.insert(free.to_owned(), json!(space.free));
                Value::Object(map)
            })
            .collect()
    };
    json!({
        "user": facts.user,
        "clock_skew": facts.clock_skew_s,
        "disks": spaces(&facts.disks, "free_kib"),
        "inodes": spaces(&facts.inodes, "free"),
        "read_only": facts.read_only,
        "sudo": facts.sudo,
        "run_as": facts.run_as.as_ref().map(|run_as| json!({
            "user": run_as.user, "ok": run_as.ok, "why": run_as.why,
        })),
        "complete": facts.complete,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::OutputSum;
    use crate::run::phases::Phases;
    use crate::wire::view::TaskView;

    fn host(name: &str, findings: &[(Level, &str, &str)]) -> HostChecks {
        HostChecks {
            task: TaskView {
                host: name.to_owned(),
                ix: 0,
                step: String::new(),
                attempts: 1,
                outcome: None,
                standing: String::new(),
                detail: None,
                phases: Phases::default(),
                output: OutputSum::default(),
                began: None,
                finished: None,
            },
            facts: Facts::default(),
            findings: findings
                .iter()
                .map(|(level, what, found)| Finding {
                    level: *level,
                    what: (*what).to_owned(),
                    found: (*found).to_owned(),
                })
                .collect(),
        }
    }

    #[test]
    fn the_worst_comes_first_and_what_is_well_takes_one_line() {
        let well = [(Level::Ok, "reach", "ok"), (Level::Ok, "disk", "ok")];
        let full = [
            (Level::Ok, "reach", "ok"),
            (Level::Bad, "disk", "/ is 95% full or more"),
        ];
        let hosts = [host("a1", &well), host("a2", &well), host("b1", &full)];
        assert_eq!(
            table(&hosts, false),
            [
                "bad      1  disk        / is 95% full or more  b1",
                "ok       2  nothing in the way  a[1-2]",
            ]
        );
        assert!(any_bad(&hosts));
    }
}

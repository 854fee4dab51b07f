//! Identical output once, under a folded host set: the engine groups by digest, and only one host
//! of each group is read.

use std::collections::HashMap;

use super::excerpt::{Wanted, each_piece, fingerprint};
use super::exit::CliError;
use super::print::{self, say};
use super::terminal::Terminal;
use crate::inventory;
use crate::run::ids::RunId;
use crate::run::outcome::Outcome;
use crate::run::output::OutStream;
use crate::wire::view::OutputGroup;
use crate::wire::{Client, Reply, Request};

/// The rule above and below a host set, as long as clubak's.
const RULE: &str = "---------------";

/// Prints the groups of a run, most hosts first.
pub async fn print(client: &Client, terminal: Terminal, run: RunId) -> Result<(), CliError> {
    print_wanted(client, terminal, run, None, Wanted::default()).await
}

/// Prints the groups of one step, by what is wanted of their output.
pub async fn print_wanted(
    client: &Client,
    terminal: Terminal,
    run: RunId,
    step: Option<&str>,
    wanted: Wanted,
) -> Result<(), CliError> {
    for group in &groups(client, run, step, wanted).await? {
        header(group)?;
        if let Some(host) = group.hosts.first() {
            host_output(client, terminal, run, host, of_group(group, wanted)).await?;
        }
    }
    Ok(())
}

/// The groups of a run. Where the engine's digests cannot tell, the outputs themselves do.
pub async fn groups(
    client: &Client,
    run: RunId,
    step: Option<&str>,
    wanted: Wanted,
) -> Result<Vec<OutputGroup>, CliError> {
    let request = Request::Groups {
        run,
        step: step.map(str::to_owned),
    };
    let Reply::Groups(groups) = client.call(request).await? else {
        return Err(CliError::Unexpected);
    };
    let undigested = groups.iter().any(|group| group.output.digest.is_empty());
    if !undigested && !wanted.is_part() {
        return Ok(groups);
    }
    let mut places: HashMap<(Option<Outcome>, [u8; 32]), usize> = HashMap::new();
    let mut merged: Vec<OutputGroup> = Vec::new();
    for group in groups {
        let Some(host) = group.hosts.first() else {
            continue;
        };
        let print = fingerprint(client, run, host, of_group(&group, wanted)).await?;
        let key = (group.outcome.clone(), print);
        if let Some(place) = places.get(&key) {
            merged[*place].hosts.extend(group.hosts);
        } else {
            places.insert(key, merged.len());
            merged.push(group);
        }
    }
    merged.sort_by_key(|group| std::cmp::Reverse(group.hosts.len()));
    Ok(merged)
}

/// What is wanted of the first host of a group: the very attempt that the group is about.
pub fn of_group(group: &OutputGroup, wanted: Wanted) -> Wanted {
    Wanted {
        step: Some(group.step),
        attempt: Some(group.attempt),
        ..wanted
    }
}

fn header(group: &OutputGroup) -> Result<(), CliError> {
    let hosts = inventory::fold(group.hosts.iter().map(String::as_str));
    let count = match group.hosts.len() {
        1 => String::new(),
        many => format!(" ({many})"),
    };
    let outcome = match &group.outcome {
        Some(Outcome::Ok) | None => String::new(),
        Some(outcome) => format!("  {outcome}"),
    };
    say(RULE)?;
    say(&format!("{hosts}{count}{outcome}"))?;
    say(RULE)
}

/// Prints the stored output of one host.
pub async fn host_output(
    client: &Client,
    terminal: Terminal,
    run: RunId,
    host: &str,
    wanted: Wanted,
) -> Result<(), CliError> {
    let mut last = b'\n';
    each_piece(client, run, host, wanted, |_, bytes| {
        last = bytes.last().copied().unwrap_or(last);
        print::raw(terminal, OutStream::Stdout, bytes)
    })
    .await?;
    if last != b'\n' {
        say("")?;
    }
    Ok(())
}

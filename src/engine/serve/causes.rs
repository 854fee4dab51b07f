//! Why hosts of a run did not end well: those with one and the same reason are one group.
//!
//! The reason is what the engine says of a host, or the last line it wrote. Numbers, addresses and
//! the host's own name make no difference.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::Kept;
use super::folded::folded;
use super::lines::HostOutput;
use crate::engine::Parts;
use crate::engine::view::clip;
use crate::run::event::Finished;
use crate::run::ids::{HostIx, RunId};
use crate::run::mask::mask;
use crate::run::order::sign;
use crate::run::outcome::Outcome;
use crate::run::output::OutStream;
use crate::run::state::Run;
use crate::store::StoreError;
use crate::wire::console::CauseGroup;
use crate::wire::reply::Fault;

/// Groups in one answer; the rest is told by outcome alone.
const MOST_GROUPS: usize = 50;
/// Last lines that are read for one answer, of outputs that take no time to read.
const MOST_READ: usize = 200;
/// Last lines that are read for one answer, of long outputs.
const MOST_LONG: usize = 12;
/// What is a long output, in bytes.
const LONG: u64 = 64 << 10;
/// Lines from the end of an output that are looked at.
const LAST: u64 = 40;
/// The longest reason, in bytes.
const LONGEST: usize = 400;
/// Last lines that are kept.
const KEPT: usize = 4096;

/// Last lines that were read, by attempt.
#[derive(Default)]
pub(super) struct LastLines(Mutex<HashMap<(RunId, HostIx, u16, u32), String>>);

/// Hosts that ended in one way, with what tells them from others.
struct Group<'r> {
    outcome: &'r Outcome,
    step: &'r str,
    hosts: Vec<HostIx>,
    /// What the first of them ended with.
    last: &'r Finished,
    line: String,
}

/// The groups of a run's hosts that did not end well, most hosts first.
pub(super) fn causes(parts: &Parts, kept: &Kept, run: &Run) -> Result<Vec<CauseGroup>, Fault> {
    let groups = groups(parts, kept, run)?;
    Ok(groups.into_iter().map(|group| group.told(run)).collect())
}

/// The hosts that did not end well for the reason that this one did not.
pub(super) fn same_cause(
    parts: &Parts,
    kept: &Kept,
    run: &Run,
    host: HostIx,
) -> Result<Vec<HostIx>, Fault> {
    let groups = groups(parts, kept, run)?;
    let of_host = groups
        .into_iter()
        .find(|group| group.hosts.binary_search(&host).is_ok());
    Ok(of_host.map_or_else(Vec::new, |group| group.hosts))
}

fn groups<'r>(parts: &Parts, kept: &Kept, run: &'r Run) -> Result<Vec<Group<'r>>, Fault> {
    let mut groups = by_ending(run);
    most_first(&mut groups);
    read_lines(parts, kept, run, &mut groups).map_err(|error| Fault::engine(error.to_string()))?;
    let mut groups = merged(run, groups);
    most_first(&mut groups);
    let rest = groups.split_off(groups.len().min(MOST_GROUPS));
    groups.extend(by_outcome(rest));
    Ok(groups)
}

/// By outcome, step and what the engine says, or the digest of what they wrote: nothing is read.
fn by_ending(run: &Run) -> Vec<Group<'_>> {
    let mut places: HashMap<(&Outcome, u16, &str), usize> = HashMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (ix, state) in run.hosts() {
        let Some(last) = state.last.as_deref().filter(|_| sign(state).is_bad()) else {
            continue;
        };
        let said = last.detail.as_deref().unwrap_or(&last.output.digest);
        let key = (&last.outcome, last.step.0, said);
        let place = *places.entry(key).or_insert_with(|| {
            groups.push(Group {
                outcome: &last.outcome,
                step: run.spec.step(last.step).map_or("", |step| &step.name),
                hosts: Vec::new(),
                last,
                line: last.detail.clone().unwrap_or_default(),
            });
            groups.len() - 1
        });
        groups[place].hosts.push(ix);
    }
    groups
}

fn most_first(groups: &mut [Group<'_>]) {
    groups.sort_by_key(|group| {
        (
            std::cmp::Reverse(group.hosts.len()),
            group.hosts.first().copied(),
        )
    });
}

/// Gives groups of which the engine says nothing the last line of their first host.
fn read_lines(
    parts: &Parts,
    kept: &Kept,
    run: &Run,
    groups: &mut [Group<'_>],
) -> Result<(), StoreError> {
    let (mut short, mut long) = (MOST_READ, MOST_LONG);
    for group in groups
        .iter_mut()
        .filter(|group| group.last.detail.is_none())
    {
        let output = &group.last.output;
        let written = output.stdout + output.stderr;
        let Some(&host) = group.hosts.first().filter(|_| written > 0) else {
            continue;
        };
        let key = (run.id, host, group.last.step.0, group.last.attempt.0);
        if let Some(line) = kept.last_lines.get(key) {
            group.line = line;
            continue;
        }
        let left = if written > LONG {
            &mut long
        } else {
            &mut short
        };
        if *left == 0 {
            continue;
        }
        *left -= 1;
        group.line = last_line(parts, kept, run.id, host, group.last)?;
        kept.last_lines.put(key, group.line.clone());
    }
    Ok(())
}

/// The last line with words in it: of standard error, else of standard output.
fn last_line(
    parts: &Parts,
    kept: &Kept,
    run: RunId,
    host: HostIx,
    last: &Finished,
) -> Result<String, StoreError> {
    let output = HostOutput {
        store: parts.store.as_ref(),
        run,
        host,
    };
    let (_, lines) = kept
        .lines
        .with(&output, |index| output.last_lines(index, LAST))?;
    let of_attempt = (last.step.0, last.attempt.0);
    let said = |stream: OutStream| {
        lines
            .iter()
            .rev()
            .filter(|line| line.stream == stream && (line.step, line.attempt) == of_attempt)
            .map(|line| String::from_utf8_lossy(&line.bytes).trim().to_owned())
            .find(|text| !text.is_empty())
    };
    let line = said(OutStream::Stderr).or_else(|| said(OutStream::Stdout));
    Ok(clip(&line.unwrap_or_default(), LONGEST))
}

/// Groups whose reasons differ in numbers, addresses and names alone become one.
fn merged<'r>(run: &'r Run, groups: Vec<Group<'r>>) -> Vec<Group<'r>> {
    let mut places: HashMap<(&Outcome, &str, Vec<u8>), usize> = HashMap::new();
    let mut merged: Vec<Group<'r>> = Vec::new();
    for group in groups {
        let names = group
            .hosts
            .first()
            .map_or_else(Vec::new, |ix| run.names_of(*ix));
        let masked = mask(group.line.as_bytes(), &names);
        let key = (group.outcome, group.step, masked);
        if let Some(place) = places.get(&key) {
            merged[*place].hosts.extend(group.hosts);
        } else {
            places.insert(key, merged.len());
            merged.push(group);
        }
    }
    in_order(merged)
}

/// What is left when there are too many groups: told by outcome and step.
fn by_outcome(groups: Vec<Group<'_>>) -> Vec<Group<'_>> {
    let mut rest: Vec<Group<'_>> = Vec::new();
    for mut group in groups {
        let same =
            |known: &&mut Group<'_>| (known.outcome, known.step) == (group.outcome, group.step);
        if let Some(known) = rest.iter_mut().find(same) {
            known.hosts.append(&mut group.hosts);
        } else {
            group.line = String::from("for other reasons");
            rest.push(group);
        }
    }
    in_order(rest)
}

fn in_order(mut groups: Vec<Group<'_>>) -> Vec<Group<'_>> {
    for group in &mut groups {
        group.hosts.sort_unstable();
    }
    groups
}

impl Group<'_> {
    fn told(self, run: &Run) -> CauseGroup {
        CauseGroup {
            outcome: self.outcome.clone(),
            step: self.step.to_owned(),
            count: u32::try_from(self.hosts.len()).unwrap_or(u32::MAX),
            hosts: folded(run, &self.hosts),
            first: self.hosts.first().map_or(0, |ix| ix.0),
            line: clip(&self.line, LONGEST),
        }
    }
}

impl LastLines {
    fn get(&self, key: (RunId, HostIx, u16, u32)) -> Option<String> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&key).cloned()
    }

    fn put(&self, key: (RunId, HostIx, u16, u32), line: String) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, line);
    }
}

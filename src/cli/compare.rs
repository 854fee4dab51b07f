//! `conn runs compare`: what differs between two runs, hosts that differ alike folded.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use super::excerpt::{Excerpt, Wanted, excerpt};
use super::exit::{CliError, Exit};
use super::print::{say, say_json, say_styled};
use super::runs::detail;
use super::terminal::Terminal;
use crate::inventory;
use crate::run::event::OutputSum;
use crate::run::ids::RunId;
use crate::run::unified::unified;
use crate::wire::Client;
use crate::wire::view::{RunDetail, TaskView};

/// Groups of hosts whose outputs are read and compared; later ones are named only.
const MOST_DIFFS: usize = 100;
/// Bytes of an output that are compared: its beginning and its end.
const MOST_BYTES: usize = 256 << 10;
/// Lines of one diff that are shown.
const MOST_LINES: usize = 200;

/// Two runs, the earlier one first.
pub type Pair = (RunId, RunId);

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Side {
    outcome: String,
    output: OutputSum,
}

/// Hosts that differ alike.
struct Difference {
    before: Option<Side>,
    after: Option<Side>,
    hosts: Vec<String>,
    diff: Option<Diff>,
}

/// A unified diff, cut where it is long.
#[derive(Default)]
struct Diff {
    lines: Vec<String>,
    lines_left_out: usize,
    bytes_left_out: u64,
}

/// Prints what differs; exit 0 when nothing does, 1 when something does.
pub async fn compare(
    client: &Client,
    terminal: Terminal,
    as_json: bool,
    (before, after): Pair,
    host: Option<&str>,
) -> Result<Exit, CliError> {
    let (old, new) = (detail(client, before).await?, detail(client, after).await?);
    for whole in [&old, &new] {
        if !whole.view.stages.is_empty() {
            return Err(CliError::Usage(format!(
                "run {0} is made of runs, and only those have outcomes and output; see which: conn \
                 runs show {0}. Then compare two of them",
                whole.view.run
            )));
        }
    }
    let mut differences = differences(&old, &new, host);
    if let Some(host) = host
        && ![&old, &new].iter().any(|run| has_host(run, host))
    {
        return Err(CliError::Usage(format!(
            "{host} is a host of neither run {before} nor run {after}"
        )));
    }
    for difference in differences.iter_mut().take(MOST_DIFFS) {
        difference.diff = diff(client, (before, after), difference).await?;
    }
    // An output without a digest had to be read to know that it is the same.
    differences.retain(|difference| !difference.is_none());
    let mut differences = merged(differences);
    differences.sort_by_key(|difference| std::cmp::Reverse(difference.hosts.len()));
    if as_json {
        let all: Vec<Value> = differences.iter().map(Difference::document).collect();
        say_json(&json!({ "before": before, "after": after, "differences": all }))?;
    } else {
        for difference in &differences {
            difference.print(terminal, (before, after))?;
        }
        if differences.is_empty() {
            say(&format!("run {before} and run {after} do not differ"))?;
        }
    }
    Ok(if differences.is_empty() {
        Exit::Ok
    } else {
        Exit::NotOk
    })
}

/// Hosts whose texts are not the same, but changed alike, are one group.
fn merged(differences: Vec<Difference>) -> Vec<Difference> {
    let mut places: HashMap<(String, Vec<String>), usize> = HashMap::new();
    let mut merged: Vec<Difference> = Vec::new();
    for difference in differences {
        let whole = difference
            .diff
            .as_ref()
            .filter(|diff| diff.lines_left_out == 0 && diff.bytes_left_out == 0);
        let Some(diff) = whole else {
            merged.push(difference);
            continue;
        };
        let key = (difference.words(), diff.lines.clone());
        if let Some(place) = places.get(&key) {
            merged[*place].hosts.extend(difference.hosts);
        } else {
            places.insert(key, merged.len());
            merged.push(difference);
        }
    }
    merged
}

fn has_host(run: &RunDetail, host: &str) -> bool {
    run.tasks.iter().any(|task| task.host == host)
}

/// What makes hosts differ alike: before, after, and the name where nothing else tells.
type Alike<'n> = (Option<Side>, Option<Side>, Option<&'n str>);

fn differences(old: &RunDetail, new: &RunDetail, only: Option<&str>) -> Vec<Difference> {
    let (old, new) = (by_host(old, only), by_host(new, only));
    let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    let mut places: HashMap<Alike<'_>, usize> = HashMap::new();
    let mut found: Vec<Difference> = Vec::new();
    for name in names {
        let (before, after) = (
            old.get(name).copied().map(side),
            new.get(name).copied().map(side),
        );
        if before == after && before.as_ref().is_none_or(Side::is_told) {
            continue;
        }
        let told = [&before, &after]
            .iter()
            .all(|side| side.as_ref().is_none_or(Side::is_told));
        let alone = (!told).then_some(name);
        let place = *places
            .entry((before.clone(), after.clone(), alone))
            .or_insert_with(|| {
                found.push(Difference {
                    before,
                    after,
                    hosts: Vec::new(),
                    diff: None,
                });
                found.len() - 1
            });
        found[place].hosts.push(name.to_owned());
    }
    found.sort_by_key(|difference| std::cmp::Reverse(difference.hosts.len()));
    found
}

fn by_host<'d>(run: &'d RunDetail, only: Option<&str>) -> BTreeMap<&'d str, &'d TaskView> {
    run.tasks
        .iter()
        .filter(|task| only.is_none_or(|only| task.host == only))
        .map(|task| (task.host.as_str(), task))
        .collect()
}

fn side(task: &TaskView) -> Side {
    let outcome = task
        .outcome
        .as_ref()
        .map_or_else(|| task.standing.clone(), ToString::to_string);
    Side {
        outcome,
        output: task.output.clone(),
    }
}

impl Side {
    fn bytes(&self) -> u64 {
        self.output.stdout + self.output.stderr
    }

    /// Whether its digest says what was written.
    fn is_told(&self) -> bool {
        !self.output.digest.is_empty() || self.bytes() == 0
    }
}

/// Reads both outputs of the first host, and compares them.
async fn diff(
    client: &Client,
    (before, after): Pair,
    difference: &Difference,
) -> Result<Option<Diff>, CliError> {
    let (Some(old), Some(new), Some(host)) = (
        &difference.before,
        &difference.after,
        difference.hosts.first(),
    ) else {
        return Ok(None);
    };
    if old.output == new.output && old.is_told() {
        return Ok(None);
    }
    let wanted = Wanted::default();
    let old = excerpt(client, before, host, wanted, MOST_BYTES).await?;
    let new = excerpt(client, after, host, wanted, MOST_BYTES).await?;
    Ok(Some(between(&old, &new)))
}

fn between(old: &Excerpt, new: &Excerpt) -> Diff {
    let lines =
        |excerpt: &Excerpt| -> Vec<String> { excerpt.text.lines().map(str::to_owned).collect() };
    let mut diff = unified(&lines(old), &lines(new));
    let lines_left_out = diff.len().saturating_sub(MOST_LINES);
    diff.truncate(MOST_LINES);
    Diff {
        lines: diff,
        lines_left_out,
        bytes_left_out: old.left_out + new.left_out,
    }
}

impl Difference {
    /// Whether nothing differs after all.
    fn is_none(&self) -> bool {
        let same_outcome = match (&self.before, &self.after) {
            (Some(before), Some(after)) => before.outcome == after.outcome,
            _ => false,
        };
        let same_text = self
            .diff
            .as_ref()
            .is_some_and(|diff| diff.lines.is_empty() && diff.bytes_left_out == 0);
        let told = [&self.before, &self.after]
            .into_iter()
            .flatten()
            .all(Side::is_told);
        same_outcome && same_text && !told
    }

    fn words(&self) -> String {
        match (&self.before, &self.after) {
            (Some(_), None) => "only in the first run".to_owned(),
            (None, Some(_)) => "only in the second run".to_owned(),
            (Some(before), Some(after)) if before.outcome != after.outcome => {
                format!("{} before, {} after", before.outcome, after.outcome)
            }
            (Some(before), Some(after)) => format!(
                "output differs ({} bytes before, {} after)",
                before.bytes(),
                after.bytes()
            ),
            (None, None) => String::new(),
        }
    }

    fn print(&self, terminal: Terminal, (before, after): Pair) -> Result<(), CliError> {
        let folded = inventory::fold(self.hosts.iter().map(String::as_str));
        let count = match self.hosts.len() {
            1 => String::new(),
            many => format!(" ({many})"),
        };
        say(&format!("{folded}{count}: {}", self.words()))?;
        let Some(diff) = self.diff.as_ref().filter(|diff| !diff.lines.is_empty()) else {
            return Ok(());
        };
        say(&format!("--- run {before}"))?;
        say(&format!("+++ run {after}"))?;
        for line in &diff.lines {
            say_styled(terminal, &coloured(line, terminal.color))?;
        }
        if diff.lines_left_out > 0 {
            say(&format!(
                "[{} more lines of this diff]",
                diff.lines_left_out
            ))?;
        }
        if diff.bytes_left_out > 0 {
            let bytes = diff.bytes_left_out;
            say(&format!("[{bytes} bytes in the middle were not compared]"))?;
        }
        Ok(())
    }

    fn document(&self) -> Value {
        let what = match (&self.before, &self.after) {
            (Some(_), None) => "only_before",
            (None, _) => "only_after",
            (Some(before), Some(after)) if before.outcome != after.outcome => "outcome",
            _ => "output",
        };
        let side = |side: &Option<Side>| {
            side.as_ref()
                .map(|side| json!({ "outcome": side.outcome, "bytes": side.bytes() }))
        };
        let diff = self.diff.as_ref();
        json!({
            "hosts": self.hosts,
            "what": what,
            "before": side(&self.before),
            "after": side(&self.after),
            "diff": diff.map(|diff| &diff.lines),
            "diff_lines_left_out": diff.map_or(0, |diff| diff.lines_left_out),
            "bytes_not_compared": diff.map_or(0, |diff| diff.bytes_left_out),
        })
    }
}

fn coloured(line: &str, color: bool) -> String {
    let code = match line.as_bytes().first() {
        Some(b'-') if color => "31",
        Some(b'+') if color => "32",
        Some(b'@') if color => "36",
        _ => return line.to_owned(),
    };
    format!("\x1b[{code}m{line}\x1b[0m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_is_bounded_and_says_what_it_leaves_out() {
        let text = |from: usize| {
            let lines: Vec<String> = (from..from + 500).map(|n| n.to_string()).collect();
            Excerpt {
                text: lines.join("\n"),
                left_out: 7,
            }
        };
        let diff = between(&text(0), &text(10_000));
        assert_eq!(diff.lines.len(), MOST_LINES);
        assert_eq!(diff.lines_left_out, 1001 - MOST_LINES);
        assert_eq!(diff.bytes_left_out, 14);
    }
}

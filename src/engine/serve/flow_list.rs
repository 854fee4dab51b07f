//! The flows that are stored, and how each went: ended runs are read once and kept by name.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::definitions::line;
use super::standing::deadline;
use super::{Kept, Session};
use crate::engine::core::Core;
use crate::engine::definitions::{Shelf, Standing};
use crate::flow::definition::{Body, Definition, Kind};
use crate::run::ids::RunId;
use crate::store::{Lsn, Store, StoreError};
use crate::wire::flows::{FlowLine, FlowResult, FlowsPage, FlowsQuery};
use crate::wire::reply::{Fault, Reply};
use crate::wire::view::RunLine;

/// The newest runs that are looked at for results.
const LOOKED_AT: usize = 5_000;
/// Results that are kept of each flow.
const KEPT: usize = 60;
/// Definitions that are kept as they were read.
const MOST_READ: usize = 2_000;
/// Between two looks of one who waits while others work.
const BREATH: Duration = Duration::from_millis(250);

/// How flows went, by name.
#[derive(Default)]
pub(super) struct Results(Mutex<State>);

#[derive(Default)]
struct State {
    /// Runs whose lines were read.
    read: BTreeSet<RunId>,
    /// Oldest first.
    by_name: ByName,
    /// Definitions as they were read, by what names their text.
    read_before: HashMap<Key, FlowLine>,
}

/// Names one version of a definition for good.
type Key = (Kind, String, u32, String);

/// Results by the name of their flow, oldest first.
type ByName = HashMap<String, VecDeque<FlowResult>>;

/// What the core has of it.
type InMemory = (Vec<RunLine>, BTreeSet<RunId>, Lsn);

impl Session {
    pub(super) async fn flows(&self, query: FlowsQuery) -> Result<Reply, Fault> {
        let until = deadline(query.wait_ms);
        let mut news = self.server.parts.news.changes();
        loop {
            news.borrow_and_update();
            let page = self.flows_now(&query).await?;
            if page.revision != query.revision || Instant::now() >= until {
                return Ok(Reply::Flows(Box::new(page)));
            }
            tokio::select! {
                _ = news.changed() => {}
                () = tokio::time::sleep_until(until) => {}
            }
            tokio::time::sleep_until(until.min(Instant::now() + BREATH)).await;
        }
    }

    async fn flows_now(&self, query: &FlowsQuery) -> Result<FlowsPage, Fault> {
        let (ended, all, lsn): InMemory = self.server.inbox.look(in_memory).await?;
        self.wait_durable(lsn).await?;
        let only = query.name.clone();
        let kept = self.server.kept.clone();
        let read = move |shelf: &Shelf<'_>| {
            let mut lines = Vec::new();
            for kind in [Kind::Flow, Kind::Action] {
                let standings = shelf.standings(kind)?.into_iter();
                let wanted = |standing: &Standing| only.is_empty() || standing.name == only;
                let current = standings.filter(|standing| !standing.removed && wanted(standing));
                lines.extend(current.map(|standing| kept.results.line(shelf, standing)));
            }
            Ok(lines)
        };
        let mut flows: Vec<FlowLine> = self.look(read).await?;
        let most = (query.results as usize).min(KEPT);
        self.with_kept(move |parts, kept| {
            let store = parts.store.as_ref();
            let told = kept.results.with(store, kept, &all, |results| {
                for flow in &mut flows {
                    flow.last = last_of(&flow.definition.name, results, &ended, most);
                }
            });
            told.map_err(|error| Fault::engine(error.to_string()))?;
            Ok(FlowsPage {
                revision: revision(&flows),
                flows,
            })
        })
        .await
    }

    /// The last runs of a flow that ended, oldest first.
    pub(super) async fn results_of(&self, name: String) -> Result<Vec<FlowResult>, Fault> {
        let (ended, all, lsn): InMemory = self.server.inbox.look(in_memory).await?;
        self.wait_durable(lsn).await?;
        self.with_kept(move |parts, kept| {
            let store = parts.store.as_ref();
            let last = |results: &ByName| last_of(&name, results, &ended, KEPT);
            let last = kept.results.with(store, kept, &all, last);
            last.map_err(|error| Fault::engine(error.to_string()))
        })
        .await
    }
}

/// Runs of the core that have ended, all of the core, and what is durable when they may be shown.
fn in_memory(core: &Core) -> InMemory {
    let ended = core.live().filter(|live| live.run.ended.is_some());
    (
        ended
            .map(|live| crate::engine::view::live_line(core, &live.run))
            .collect(),
        core.live().map(|live| live.run.id).collect(),
        core.live().map(|live| live.lsn).max().unwrap_or(0),
    )
}

fn described(shelf: &Shelf<'_>, standing: Standing) -> FlowLine {
    let stored = shelf.stored(
        standing.kind,
        &standing.name,
        standing.version,
        &standing.digest,
    );
    let (sort, parts) = stored.map_or_else(
        |_| (String::new(), Vec::new()),
        |stored| (sort(&stored.definition), parts(&stored.definition)),
    );
    FlowLine {
        definition: line(shelf, standing),
        sort,
        parts,
        last: Vec::new(),
    }
}

fn sort(definition: &Definition) -> String {
    let word = match definition.body {
        Body::Simple { .. } => "simple",
        Body::Multi { .. } => "multi",
        Body::Fanout(_) => "fanout",
    };
    word.to_owned()
}

fn parts(definition: &Definition) -> Vec<String> {
    match &definition.body {
        Body::Simple { steps, .. } => steps.iter().map(|step| step.name.clone()).collect(),
        _ => definition
            .works()
            .into_iter()
            .map(|(name, _)| name.to_owned())
            .collect(),
    }
}

fn last_of(name: &str, stored: &ByName, ended: &[RunLine], most: usize) -> Vec<FlowResult> {
    let stored = stored.get(name).into_iter().flatten().cloned();
    let fresh = ended.iter().filter(|line| flow_of(line) == Some(name));
    let mut all: Vec<FlowResult> = stored.chain(fresh.map(result)).collect();
    all.sort_by_key(|result| result.run);
    all.dedup_by_key(|result| result.run);
    all.drain(..all.len().saturating_sub(most));
    all
}

fn revision(flows: &[FlowLine]) -> u64 {
    let mut hasher = DefaultHasher::new();
    flows.hash(&mut hasher);
    // 0 is none.
    hasher.finish() | 1
}

/// The flow or action that a run is of: its title begins with the name, which has no blank.
fn flow_of(line: &RunLine) -> Option<&str> {
    let of_one = matches!(line.kind.as_str(), "flow" | "fanout");
    line.title.split(' ').next().filter(|_| of_one)
}

fn result(line: &RunLine) -> FlowResult {
    FlowResult {
        run: line.run,
        state: line.state.clone(),
        starter: line.starter.clone(),
        targets: line.targets.clone(),
        created: line.created,
        ended: line.ended,
        failed: line.tally.failures(),
        hosts: line.whole.map_or(line.tally.total(), |whole| whole.hosts),
        stages: line.whole.map_or(0, |whole| whole.stages),
    }
}

impl Results {
    /// The definition, read once.
    fn line(&self, stored: &Shelf<'_>, found: Standing) -> FlowLine {
        let Standing {
            kind,
            name,
            version,
            digest,
            ..
        } = &found;
        let key: Key = (*kind, name.clone(), *version, digest.clone());
        let known = |state: &State| state.read_before.get(&key).cloned();
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known(&lock()) {
            return known;
        }
        let line = described(stored, found);
        let mut state = lock();
        if state.read_before.len() >= MOST_READ {
            state.read_before.clear();
        }
        // One that could not be read may be read the next time.
        if line.definition.broken.is_none() {
            state.read_before.insert(key, line.clone());
        }
        line
    }

    /// Reads what ended since last time. Runs of the core are told by the core.
    fn with<T>(
        &self,
        store: &dyn Store,
        kept: &Kept,
        in_core: &BTreeSet<RunId>,
        work: impl FnOnce(&ByName) -> T,
    ) -> Result<T, StoreError> {
        // A panic elsewhere leaves what was read.
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let but: BTreeSet<RunId> = state.read.union(in_core).copied().collect();
        for line in kept.runs.newest(store, &but, LOOKED_AT)?.lines {
            state.take(&line);
        }
        Ok(work(&state.by_name))
    }
}

impl State {
    fn take(&mut self, line: &RunLine) {
        if !self.read.insert(line.run) {
            return;
        }
        let (Some(name), Some(_)) = (flow_of(line), line.ended) else {
            return;
        };
        let results = self.by_name.entry(name.to_owned()).or_default();
        let place = results.partition_point(|known| known.run < line.run);
        results.insert(place, result(line));
        if results.len() > KEPT {
            results.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::ids::At;
    use crate::run::tally::Tally;

    fn run(number: u64, kind: &str, title: &str) -> RunLine {
        RunLine {
            run: RunId(number),
            kind: kind.into(),
            title: title.into(),
            targets: "@web".into(),
            state: "succeeded".into(),
            waits_for: None,
            starter: "kim".into(),
            holder: None,
            created: At(0),
            ended: Some(At(1)),
            tally: Tally::default(),
            ..RunLine::default()
        }
    }

    #[test]
    fn results_are_the_newest_of_their_flow_and_of_no_command_of_that_name() {
        let mut state = State::default();
        for line in [
            run(3, "flow", "Upgrade version=1"),
            run(1, "flow", "Upgrade"),
            run(2, "exec", "Upgrade now"),
            run(4, "flow", "UpgradeAll"),
        ] {
            state.take(&line);
            state.take(&line);
        }
        let fresh = [
            run(4, "exec", "Upgrade"),
            run(5, "flow", "Upgrade version=2"),
        ];
        let numbers = |most| {
            let last = last_of("Upgrade", &state.by_name, &fresh, most);
            last.iter().map(|result| result.run.0).collect::<Vec<_>>()
        };
        assert_eq!(numbers(9), [1, 3, 5]);
        assert_eq!(numbers(2), [3, 5]);
    }

    #[test]
    fn no_more_than_the_newest_are_kept() {
        let mut state = State::default();
        for number in (1..=100).rev() {
            state.take(&run(number, "flow", "F"));
        }
        let numbers: Vec<u64> = state.by_name["F"].iter().map(|run| run.run.0).collect();
        assert_eq!(numbers, (41..=100).collect::<Vec<_>>());
    }
}

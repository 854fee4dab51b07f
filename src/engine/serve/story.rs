//! What happened in a run that is made of runs: its own events, and those of its parts that a person
//! would miss there.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::core::Core;
use crate::engine::history::{self, HistoryError};
use crate::engine::timeline;
use crate::run::decide::BY_RULE;
use crate::run::event::{Event, What};
use crate::run::ids::RunId;
use crate::run::spec::RunSpec;
use crate::run::stages::DEEPEST;
use crate::run::state::Run;
use crate::store::{Lsn, Store};
use crate::wire::view::TimelineEntry;

/// Parts that are told of: the newest. What the others did is told by their own runs.
const MOST_PARTS: usize = 64;
/// Entries of a part that are told, the newest.
const MOST_ENTRIES: usize = 200;
/// Parts whose entries are kept.
const KEPT: usize = 256;

/// A part of a run at one moment.
#[derive(Clone)]
pub(super) struct Part {
    run: RunId,
    /// The stage, and what it is for.
    name: String,
    /// Events it is made of; none for a part of the past, which changes no more.
    events: Option<u64>,
}

/// The entries of parts, as they were read last.
#[derive(Default)]
pub(super) struct Stories(Mutex<VecDeque<Arc<Story>>>);

struct Story {
    run: RunId,
    events: Option<u64>,
    spec: Option<Arc<RunSpec>>,
    entries: Vec<TimelineEntry>,
}

/// The parts of a run in memory, the newest, and what must be durable before they are told of.
pub(super) fn parts(core: &Core, run: &Run) -> (Vec<Part>, Lsn) {
    let (mut parts, mut lsn) = (Vec::new(), 0);
    let mut look = |id: RunId| {
        let live = core.live_run(id)?;
        lsn = lsn.max(live.lsn);
        Some((Some(live.next_seq), Arc::clone(&live.run)))
    };
    collect(run, "", 0, &mut look, &mut parts);
    newest(&mut parts);
    (parts, lsn)
}

/// The parts of a run of the past.
pub(super) fn past_parts(store: &dyn Store, run: &Run) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut look = |id: RunId| {
        let spec = spec_of(store, id).ok().flatten()?;
        spec.stages.as_ref()?;
        let (run, _) = history::replay(store, id).ok().flatten()?;
        Some((None, Arc::new(run)))
    };
    collect(run, "", 0, &mut look, &mut parts);
    newest(&mut parts);
    parts
}

/// The newest are told of, in the order they began.
fn newest(parts: &mut Vec<Part>) {
    parts.sort_unstable_by_key(|part| part.run);
    parts.drain(..parts.len().saturating_sub(MOST_PARTS));
}

fn collect(
    run: &Run,
    under: &str,
    depth: usize,
    look: &mut impl FnMut(RunId) -> Option<(Option<u64>, Arc<Run>)>,
    parts: &mut Vec<Part>,
) {
    let (Some(stages), Some(spec)) = (&run.stages, &run.spec.stages) else {
        return;
    };
    for (ix, node) in stages.nodes() {
        let name = format!("{under}{}", spec.name(ix));
        let runs = [
            (node.run, name.clone()),
            (node.gate, format!("gate of {name}")),
        ];
        for (id, name) in runs {
            let Some(id) = id else {
                continue;
            };
            let found = look(id);
            parts.push(Part {
                run: id,
                name: name.clone(),
                events: found.as_ref().and_then(|(events, _)| *events),
            });
            if let Some((_, part)) = found.filter(|_| depth < DEEPEST) {
                collect(&part, &format!("{name} > "), depth + 1, look, parts);
            }
        }
    }
}

impl Stories {
    /// What happened, oldest first: `own`, and what happened in the parts.
    pub fn with_parts(
        &self,
        store: &dyn Store,
        own: Vec<TimelineEntry>,
        parts: &[Part],
    ) -> Result<Vec<TimelineEntry>, HistoryError> {
        let mut all = own;
        for part in parts {
            let told = self.story(store, part)?;
            all.extend(told.entries.iter().map(|entry| TimelineEntry {
                what: format!("{} (run {}): {}", part.name, part.run, entry.what),
                ..entry.clone()
            }));
        }
        // What one run says at one moment stays in its order.
        all.sort_by_key(|entry| entry.at);
        Ok(all)
    }

    fn story(&self, store: &dyn Store, part: &Part) -> Result<Arc<Story>, HistoryError> {
        let known = self.known(part.run);
        if let Some(known) = known.as_ref().filter(|known| known.events == part.events) {
            return Ok(known.clone());
        }
        // Another client may have been shown a later moment already: then all is read again.
        let until = part.events.unwrap_or(u64::MAX);
        let known = known.filter(|known| known.events.is_some_and(|events| events <= until));
        let from = known.as_ref().and_then(|known| known.events).unwrap_or(0);
        let mut events = history::events_from(store, part.run, from)?;
        // What came after this moment may not be durable.
        events.truncate(usize::try_from(until - from).unwrap_or(usize::MAX));
        let (spec, mut entries) = match known {
            Some(known) => (known.spec.clone(), known.entries.clone()),
            None => (created(store, part.run, &events)?, Vec::new()),
        };
        events.retain(|event| is_news(&event.what));
        if let Some(spec) = &spec {
            entries.extend(timeline::timeline(spec, &events));
        }
        entries.drain(..entries.len().saturating_sub(MOST_ENTRIES));
        let fresh = Arc::new(Story {
            run: part.run,
            events: part.events,
            spec,
            entries,
        });
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|known| known.run != part.run);
        kept.truncate(KEPT - 1);
        kept.push_front(fresh.clone());
        Ok(fresh)
    }

    fn known(&self, run: RunId) -> Option<Arc<Story>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|story| story.run == run).cloned()
    }
}

fn spec_of(store: &dyn Store, run: RunId) -> Result<Option<Arc<RunSpec>>, HistoryError> {
    let events = history::events(store, run)?;
    created(store, run, &events)
}

fn created(
    store: &dyn Store,
    run: RunId,
    events: &[Event],
) -> Result<Option<Arc<RunSpec>>, HistoryError> {
    match events.first().map(|event| &event.what) {
        Some(What::Created { spec, .. }) => history::spec(store, run, spec).map(Some),
        _ => Ok(None),
    }
}

/// Whether it is news to whoever looks at the whole: that a part began, ended or stands still with
/// it is told there already, and single hosts that wait for a moment are told by the part.
fn is_news(what: &What) -> bool {
    match what {
        What::Paused { by, .. } => by != BY_RULE,
        What::Created { .. }
        | What::Ended { .. }
        | What::ParentPaused { .. }
        | What::ParentResumed
        | What::Held { .. }
        | What::Freed { .. }
        | What::Reattaching { .. }
        | What::Passed { .. }
        | What::Recovered { .. }
        | What::LinePassed { .. } => false,
        _ => true,
    }
}

//! A part of a run's hosts: signs of many, a few in full, and what is to be said of all.

use std::collections::{HashSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::causes::causes;
use super::standing::Standing;
use super::{Kept, Session};
use crate::engine::{Parts, history, now, timeline, view};
use crate::run::filter::Filter;
use crate::run::ids::{HostIx, RunId};
use crate::run::order::{Placed, Times, arrange, times};
use crate::run::outcome::OutcomeKind;
use crate::run::spec::Step;
use crate::run::state::{Phase, Run};
use crate::wire::console::{CauseGroup, GridPage, GridQuery};
use crate::wire::reply::{Fault, Reply};
use crate::wire::view::TimelineEntry;

/// Signs in one answer.
const MOST_SIGNS: u32 = 100_000;
/// Hosts in full in one answer.
const MOST_ROWS: u32 = 1000;
/// Entries of the timeline.
const LATELY: usize = 30;
/// Runs whose sums are kept.
const RUNS: usize = 16;

/// What is to be said of all hosts, kept while the run does not change.
#[derive(Default)]
pub(super) struct Grids(Mutex<VecDeque<Arc<Sums>>>);

/// What is to be said of all hosts of a run after so many events.
struct Sums {
    run: RunId,
    events: u64,
    causes: Vec<CauseGroup>,
    times: Times,
    outputs: u32,
    timeline: Vec<TimelineEntry>,
}

impl Session {
    pub(super) async fn grid(&self, query: GridQuery) -> Result<Reply, Fault> {
        let filter = Filter::parse(&query.filter).map_err(Fault::usage)?;
        let standing = self
            .standing(query.run, query.revision, query.wait_ms)
            .await?;
        let page = self
            .with_kept(move |parts, kept| page(parts, kept, &query, &filter, standing))
            .await?;
        Ok(Reply::Grid(Box::new(page)))
    }
}

fn page(
    parts: &Parts,
    kept: &Kept,
    query: &GridQuery,
    filter: &Filter,
    standing: Standing,
) -> Result<GridPage, Fault> {
    let sums = kept.grids.sums(parts, kept, &standing)?;
    let timeline = {
        let (store, own) = (parts.store.as_ref(), sums.timeline.clone());
        let mut all = (kept.stories.with_parts(store, own, &standing.parts))
            .map_err(|error| Fault::engine(error.to_string()))?;
        all.drain(..all.len().saturating_sub(LATELY));
        all
    };
    let run = standing.run.as_ref();
    let hosts = arrange(run, query.sort, filter, now());
    let signs = window(&hosts, query.signs, MOST_SIGNS);
    let rows = window(&hosts, query.rows, MOST_ROWS);
    let place = |ix: u32| hosts.iter().position(|placed| placed.ix == HostIx(ix));
    let by_step = if query.steps {
        let rows: Vec<HostIx> = hosts[rows.clone()].iter().map(|at| at.ix).collect();
        Some(kept.by_steps.page(parts, &standing, query, &rows)?)
    } else {
        None
    };
    Ok(GridPage {
        by_step: by_step.map(Box::new),
        steps: shown_steps(run).iter().map(|s| s.name.clone()).collect(),
        matched: count(hosts.len()),
        signs_from: count(signs.start),
        signed: if query.name_signs {
            hosts[signs.clone()].iter().map(|at| at.ix.0).collect()
        } else {
            Vec::new()
        },
        bad: bad_beside(&hosts, &signs),
        signs: hosts[signs].iter().map(|at| at.sign.letter()).collect(),
        rows_from: count(rows.start),
        rows: hosts[rows]
            .iter()
            .filter_map(|placed| view::task_view(run, placed.ix))
            .collect(),
        place: query.at.and_then(place).map(count),
        host: query.at.and_then(|ix| view::task_view(run, HostIx(ix))),
        causes: sums.causes.clone(),
        times: sums.times.clone(),
        outputs: sums.outputs,
        slow: standing.slow,
        timeline,
        view: standing.view,
    })
}

/// The steps of a run: those that undo belong to one that is rolled back.
pub(super) fn shown_steps(run: &Run) -> &[Step] {
    let steps = &run.spec.steps;
    if run.rolled_back.is_some() {
        return steps;
    }
    &steps[..usize::from(run.spec.forward()).min(steps.len())]
}

/// As many places as asked for, moved back where there are fewer.
fn window(hosts: &[Placed], (from, wanted): (u32, u32), most: u32) -> Range<usize> {
    let wanted = wanted.min(most) as usize;
    let from = (from as usize).min(hosts.len().saturating_sub(wanted));
    from..(from + wanted).min(hosts.len())
}

/// The nearest places before and behind this window, around the ends, whose hosts did not end well.
fn bad_beside(hosts: &[Placed], window: &Range<usize>) -> (Option<u32>, Option<u32>) {
    let bad = |place: &usize| hosts[*place].sign.is_bad();
    let (front, back) = (0..window.start, window.end..hosts.len());
    let before = front.clone().rev().chain(back.clone().rev()).find(bad);
    let behind = back.chain(front).find(bad);
    (before.map(count), behind.map(count))
}

/// How many different outputs there are of hosts that ended well.
fn outputs(run: &Run) -> u32 {
    let digests: HashSet<&str> = run
        .hosts()
        .filter(|(_, state)| state.phase == Phase::Done(OutcomeKind::Ok))
        .filter_map(|(_, state)| Some(state.last.as_deref()?.output.digest.as_str()))
        .collect();
    count(digests.len())
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Grids {
    fn sums(&self, parts: &Parts, kept: &Kept, standing: &Standing) -> Result<Arc<Sums>, Fault> {
        let (id, events) = (standing.run.id, standing.events);
        let known = self.get(id);
        if let Some(known) = known.as_ref().filter(|known| known.events == events) {
            return Ok(known.clone());
        }
        let sums = Arc::new(Sums {
            run: id,
            events,
            causes: causes(parts, kept, &standing.run)?,
            times: times(&standing.run),
            outputs: outputs(&standing.run),
            timeline: lately(parts, &standing.run, events, known.as_deref())?,
        });
        self.put(sums.clone());
        Ok(sums)
    }

    fn get(&self, run: RunId) -> Option<Arc<Sums>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|sums| sums.run == run).cloned()
    }

    fn put(&self, sums: Arc<Sums>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|known| known.run != sums.run);
        kept.truncate(RUNS - 1);
        kept.push_front(sums);
    }
}

/// The last entries of the timeline, from those known before and the events since.
fn lately(
    parts: &Parts,
    run: &Run,
    until: u64,
    known: Option<&Sums>,
) -> Result<Vec<TimelineEntry>, Fault> {
    // Another console may have been shown a later moment already: then all is read again.
    let known = known.filter(|known| known.events <= until);
    let from = known.map_or(0, |known| known.events);
    let mut events = history::events_from(parts.store.as_ref(), run.id, from)
        .map_err(|error| Fault::engine(error.to_string()))?;
    // What came after this moment may not be durable.
    events.truncate(usize::try_from(until - from).unwrap_or(usize::MAX));
    let mut entries = known.map_or_else(Vec::new, |known| known.timeline.clone());
    entries.extend(timeline::timeline(&run.spec, &events));
    entries.drain(..entries.len().saturating_sub(LATELY));
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::sign::Sign;

    #[test]
    fn the_nearest_failures_beside_a_window_are_found_around_the_ends() {
        let signs = "X+X++++X+";
        let placed = |(ix, letter)| Placed {
            ix: HostIx(ix),
            sign: Sign::from_letter(letter).unwrap(),
        };
        let hosts: Vec<Placed> = (0..).zip(signs.chars()).map(placed).collect();
        for (window, found) in [
            (0..1, (Some(7), Some(2))),
            (3..5, (Some(2), Some(7))),
            (6..9, (Some(2), Some(0))),
            (0..0, (Some(7), Some(0))),
            (0..9, (None, None)),
        ] {
            assert_eq!(bad_beside(&hosts, &window), found);
        }
    }

    #[test]
    fn a_window_past_the_end_is_moved_back() {
        let placed = |ix| Placed {
            ix: HostIx(ix),
            sign: Sign::Ok,
        };
        let hosts: Vec<Placed> = (0..10).map(placed).collect();
        for (wanted, most, found) in [
            ((0, 4), 100, 0..4),
            ((8, 4), 100, 6..10),
            ((u32::MAX, 4), 100, 6..10),
            ((0, 40), 100, 0..10),
            ((3, 40), 5, 3..8),
            ((3, 0), 5, 3..3),
        ] {
            assert_eq!(window(&hosts, wanted, most), found);
        }
        assert_eq!(window(&[], (3, 3), 5), 0..0);
    }
}

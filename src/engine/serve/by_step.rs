//! How the steps of a run stand, and when what went on: kept while the run goes on, and told by
//! viewport.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::grid::shown_steps;
use super::standing::Standing;
use crate::engine::{Parts, history};
use crate::run::event::Cut;
use crate::run::ids::{HostIx, RunId, StepIx};
use crate::run::matrix::{Matrix, StepCount};
use crate::run::outcome::OutcomeKind;
use crate::run::spans::Stretches;
use crate::run::spec::{Act, Step};
use crate::run::state::{Phase, Run};
use crate::wire::console::GridQuery;
use crate::wire::flows::{StepSum, StepsPage};
use crate::wire::reply::Fault;

/// Runs whose steps are kept.
const RUNS: usize = 8;
/// Signs of batches in one answer.
const MOST_BATCHES: u32 = 400;
/// Stretches of time in one answer.
const MOST_SPANS: usize = 400;

/// The steps of runs that were looked at lately.
#[derive(Default)]
pub(super) struct BySteps(Mutex<VecDeque<Arc<Kept>>>);

/// After so many events of a run.
struct Kept {
    run: RunId,
    events: u64,
    matrix: Matrix,
    stretches: Stretches,
    counts: Vec<StepCount>,
}

impl BySteps {
    /// How the steps stand, for the hosts `rows`.
    pub fn page(
        &self,
        parts: &Parts,
        standing: &Standing,
        query: &GridQuery,
        rows: &[HostIx],
    ) -> Result<StepsPage, Fault> {
        let kept = self.kept(parts, standing)?;
        let run = standing.run.as_ref();
        let shown = shown_steps(run);
        let steps = 0..u16::try_from(shown.len()).unwrap_or(u16::MAX);
        let cells = |host: &HostIx| {
            let signs = steps
                .clone()
                .map(|step| kept.matrix.sign(run, *host, StepIx(step)));
            signs.map(crate::run::sign::Sign::letter).collect()
        };
        let ends = batch_ends(&run.cuts);
        let (from, wanted) = query.spans;
        let spans = window(kept.stretches.spans().len(), (from, wanted));
        let (batches_from, batches) = batch_signs(run, &ends);
        Ok(StepsPage {
            steps: shown
                .iter()
                .zip(&kept.counts)
                .map(|(step, count)| sum(step, count))
                .collect(),
            cells: rows.iter().map(cells).collect(),
            row_batches: rows.iter().map(|host| batch_of(&ends, *host)).collect(),
            batch_count: number(ends.len()),
            batches_from,
            batches,
            span_count: number(kept.stretches.spans().len()),
            spans_from: number(spans.start),
            spans: kept.stretches.spans()[spans].to_vec(),
        })
    }

    fn kept(&self, parts: &Parts, standing: &Standing) -> Result<Arc<Kept>, Fault> {
        let (run, events) = (standing.run.as_ref(), standing.events);
        let known = self.get(run.id);
        if let Some(known) = known.as_ref().filter(|known| known.events == events) {
            return Ok(known.clone());
        }
        // Another console may have been shown a later moment already: then all is read again.
        let known = known.filter(|known| known.events <= events);
        let (from, mut matrix, mut stretches) = match known {
            Some(known) => (known.events, known.matrix.clone(), known.stretches.clone()),
            None => (
                0,
                Matrix::new(run.spec.targets.len(), run.spec.steps.len()),
                Stretches::default(),
            ),
        };
        let mut fresh = history::events_from(parts.store.as_ref(), run.id, from)
            .map_err(|error| Fault::engine(error.to_string()))?;
        // What came after this moment may not be durable.
        fresh.truncate(usize::try_from(events - from).unwrap_or(usize::MAX));
        for event in &fresh {
            matrix.apply(event);
            stretches.apply(&run.spec, event);
        }
        let kept = Arc::new(Kept {
            run: run.id,
            events,
            counts: matrix.counts(run),
            matrix,
            stretches,
        });
        self.put(kept.clone());
        Ok(kept)
    }

    fn get(&self, run: RunId) -> Option<Arc<Kept>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|kept| kept.run == run).cloned()
    }

    fn put(&self, fresh: Arc<Kept>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|known| known.run != fresh.run);
        kept.truncate(RUNS - 1);
        kept.push_front(fresh);
    }
}

fn sum(step: &Step, count: &StepCount) -> StepSum {
    let act = match &step.act {
        _ if step.rules.gate.is_some() => "gate",
        Act::Exec(_) => "exec",
        Act::Push(_) => "push",
        Act::Pull(_) => "pull",
        Act::Local(_) => "local",
        Act::Http(_) => "http",
        Act::Metrics(_) => "metrics",
        Act::Connect => "connect",
        Act::Wait(_) => "wait",
        Act::Approve(_) => "approve",
    };
    StepSum {
        name: step.name.clone(),
        act: act.to_owned(),
        waiting: count.waiting,
        running: count.running,
        ok: count.ok,
        failed: count.failed,
        left_out: count.left_out,
        median: count.median,
    }
}

/// The place behind the last host of each batch.
fn batch_ends(cuts: &[Cut]) -> Vec<u32> {
    let end = cuts.iter().scan(0_u32, |end, cut| {
        *end = end.saturating_add(cut.hosts);
        Some(*end)
    });
    end.collect()
}

fn batch_of(ends: &[u32], host: HostIx) -> u32 {
    number(ends.partition_point(|end| *end <= host.0))
}

/// A sign a batch, around the open one, and the place of the first of them.
fn batch_signs(run: &Run, ends: &[u32]) -> (u32, String) {
    let count = number(ends.len());
    let from = run
        .batch
        .saturating_sub(MOST_BATCHES / 2)
        .min(count.saturating_sub(MOST_BATCHES));
    let until = (from + MOST_BATCHES).min(count);
    let sign = |batch: u32| {
        let place = batch as usize;
        let first = if place == 0 { 0 } else { ends[place - 1] };
        let mut hosts = (first..ends[place]).filter_map(|host| run.host(HostIx(host)));
        let failed = hosts
            .clone()
            .any(|host| matches!(host.phase, Phase::Done(kind) if kind.is_failure()));
        let begun = hosts.clone().any(|host| host.began.is_some());
        let left = |kind| matches!(kind, OutcomeKind::NotStarted | OutcomeKind::Cancelled);
        let done = hosts.all(|host| matches!(host.phase, Phase::Done(kind) if !left(kind)));
        let open = run.ended.is_none() && batch == run.batch && !run.is_holding();
        match (failed, done, open, begun) {
            (true, ..) => 'X',
            (_, true, ..) => '+',
            (_, _, true, _) => '>',
            (_, _, _, true) => '/',
            _ if run.ended.is_some() => 'o',
            _ => '.',
        }
    };
    (from, (from..until).map(sign).collect())
}

/// As many places as asked for, moved back where there are fewer.
fn window(count: usize, (from, wanted): (u32, u32)) -> Range<usize> {
    let wanted = (wanted as usize).min(MOST_SPANS);
    let from = (from as usize).min(count.saturating_sub(wanted));
    from..(from + wanted).min(count)
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_is_in_the_batch_whose_end_is_behind_it() {
        let ends = [1, 6, 8];
        let batches: Vec<u32> = (0..8).map(|host| batch_of(&ends, HostIx(host))).collect();
        assert_eq!(batches, [0, 1, 1, 1, 1, 1, 2, 2]);
    }

    #[test]
    fn a_window_past_the_end_shows_the_end() {
        assert_eq!(window(7, (u32::MAX, 3)), 4..7);
        assert_eq!(window(7, (2, 3)), 2..5);
        assert_eq!(window(2, (0, 30)), 0..2);
        assert_eq!(window(7, (0, 0)), 0..0);
    }
}

//! A part of one host's output, by lines.
//!
//! Where the lines are is found out once and kept for the hosts that were looked at lately, so that
//! a window in the middle of a long output costs as little as one at its end.

use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::Session;
use super::standing::{Standing, changed, deadline};
use crate::engine::view;
use crate::run::ids::{HostIx, RunId};
use crate::run::line_index::{LineIndex, MARK_EVERY, Window};
use crate::run::lines::Piece;
use crate::run::state::{Phase, Run};
use crate::store::{OutputCursor, OutputPage, Store, StoreError};
use crate::wire::console::{Line, LinesPage, LinesQuery};
use crate::wire::reply::{Fault, Reply};

/// Lines in one answer.
const MOST_LINES: u32 = 2000;
/// Bytes of lines in one answer, which must fit a frame.
const MOST_BYTES: usize = 3 << 20;
/// Hosts whose lines are kept in mind.
const MOST_HOSTS: usize = 32;
/// Bytes of memory that may take; one host's may be more.
const MOST_MEMORY: usize = 32 << 20;
/// Between two looks of one who waits while others write.
const BREATH: Duration = Duration::from_millis(15);

/// Where the lines of hosts are that were looked at lately.
#[derive(Default)]
pub(super) struct LineIndexes(Mutex<VecDeque<Kept>>);

type Shared = Arc<Mutex<LineIndex>>;

struct Kept {
    run: RunId,
    host: HostIx,
    index: Shared,
    cost: usize,
}

impl LineIndexes {
    /// Reads the output that came since last time, then answers from the index.
    pub fn with<T>(
        &self,
        output: &HostOutput<'_>,
        answer: impl FnOnce(&LineIndex) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let shared = self.take(output.run, output.host);
        // A panic elsewhere would have left a chunk that was not counted: begin anew.
        let mut index = shared.lock().unwrap_or_else(|poisoned| {
            let mut index = poisoned.into_inner();
            *index = LineIndex::default();
            index
        });
        loop {
            let page = output.page(index.cursor())?;
            index.grow(&page.chunks, page.next.0);
            if page.end {
                break;
            }
        }
        let answer = answer(&index);
        let cost = index.cost();
        drop(index);
        self.put(output.run, output.host, shared, cost);
        answer
    }

    fn take(&self, run: RunId, host: HostIx) -> Shared {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter()
            .find(|kept| (kept.run, kept.host) == (run, host))
            .map(|kept| kept.index.clone())
            .unwrap_or_default()
    }

    fn put(&self, run: RunId, host: HostIx, index: Shared, cost: usize) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| (kept.run, kept.host) != (run, host));
        kept.push_front(Kept {
            run,
            host,
            index,
            cost,
        });
        kept.truncate(MOST_HOSTS);
        while kept.len() > 1 && kept.iter().map(|kept| kept.cost).sum::<usize>() > MOST_MEMORY {
            kept.pop_back();
        }
    }
}

/// One host's output in the store.
pub(super) struct HostOutput<'a> {
    pub store: &'a dyn Store,
    pub run: RunId,
    pub host: HostIx,
}

impl HostOutput<'_> {
    fn page(&self, cursor: u64) -> Result<OutputPage, StoreError> {
        let (run, host) = (self.run.0, self.host.0);
        let most = MARK_EVERY as usize;
        self.store
            .read_host_output(run, host, OutputCursor(cursor), most)
    }

    /// The lines `from..until` in order, up to as many bytes as fit an answer.
    fn window(&self, index: &LineIndex, from: u64, until: u64) -> Result<Vec<Line>, StoreError> {
        let mut window = Window::new(index, from, until);
        let mut taken = Taken::default();
        while !window.is_full() && taken.bytes <= MOST_BYTES {
            let page = self.page(window.cursor())?;
            let next = page.next.0;
            window.feed(&page.chunks, next, &mut |piece| taken.take(piece));
            if page.end {
                window.end(&mut |piece| taken.take(piece));
                break;
            }
        }
        Ok(taken.lines)
    }

    /// The lines that a step wrote; all of them without one. A host does its steps in order.
    fn of_step(&self, index: &LineIndex, step: Option<u16>) -> Result<Range<u64>, StoreError> {
        let Some(step) = step else {
            return Ok(0..index.total());
        };
        let first_after = |limit: u32| {
            let (mut low, mut high) = (0, index.total());
            while low < high {
                let middle = low.midpoint(high);
                let line = self.window(index, middle, middle + 1)?.pop();
                if line.is_some_and(|line| u32::from(line.step) < limit) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            Ok::<u64, StoreError>(low)
        };
        Ok(first_after(u32::from(step))?..first_after(u32::from(step) + 1)?)
    }

    /// The last lines, as many as fit an answer.
    pub fn last_lines(
        &self,
        index: &LineIndex,
        count: u64,
    ) -> Result<(u64, Vec<Line>), StoreError> {
        self.last_of(index, &(0..index.total()), count)
    }

    fn last_of(
        &self,
        index: &LineIndex,
        part: &Range<u64>,
        count: u64,
    ) -> Result<(u64, Vec<Line>), StoreError> {
        let mut lines = VecDeque::new();
        let mut bytes = 0;
        let mut until = part.end;
        let first = until.saturating_sub(count).max(part.start);
        // From the end, so that very long lines push out the first of them and not the last.
        while until > first && bytes <= MOST_BYTES {
            let from = until.saturating_sub(LINES_A_STEP).max(first);
            for line in self.window(index, from, until)?.into_iter().rev() {
                bytes += line.bytes.len();
                lines.push_front(line);
            }
            until = from;
        }
        Ok((until, lines.into()))
    }
}

/// Lines that are read at once from the end: they fit an answer however long they are.
const LINES_A_STEP: u64 = (MOST_BYTES / crate::run::lines::LONGEST_LINE) as u64;

impl Session {
    pub(super) async fn lines(&self, query: LinesQuery) -> Result<Reply, Fault> {
        let until = deadline(query.wait_ms);
        let (id, ix) = (query.run, HostIx(query.host));
        // Before the store is asked to tell of output: the run must exist.
        let mut standing = self.stands(id).await?;
        let mut output = self.server.parts.store.output_changed(id.0);
        loop {
            output.borrow_and_update();
            let page = self.lines_page(&query, &standing, ix).await?;
            let asked = query.seen.is_none_or(|seen| seen != page.total);
            let other = query.revision != 0 && query.revision != page.revision;
            if asked || other || Instant::now() >= until {
                self.wait_durable(standing.lsn).await?;
                return Ok(Reply::Lines(Box::new(page)));
            }
            let changes = standing.changes.take();
            drop(standing);
            tokio::select! {
                () = changed(changes) => {}
                more = output.changed() => if more.is_err() {
                    tokio::time::sleep_until(until).await;
                },
                () = tokio::time::sleep_until(until) => {}
            }
            tokio::time::sleep_until(until.min(Instant::now() + BREATH)).await;
            standing = self.stands(id).await?;
        }
    }

    async fn lines_page(
        &self,
        query: &LinesQuery,
        standing: &Standing,
        ix: HostIx,
    ) -> Result<LinesPage, Fault> {
        let run = standing.run.clone();
        let count = u64::from(query.count.min(MOST_LINES));
        let (from, step) = (query.from, query.step);
        self.with_kept(move |parts, kept| {
            let task = view::task_view(&run, ix).ok_or_else(|| no_such_host(&run, ix))?;
            let output = HostOutput {
                store: parts.store.as_ref(),
                run: run.id,
                host: ix,
            };
            let page = kept.lines.with(&output, |index| {
                let part = output.of_step(index, step)?;
                let (from, lines) = match from {
                    Some(from) => {
                        let from = part.start.saturating_add(from).min(part.end);
                        // What came since the index was made is the last step's.
                        let most = if part.end == index.total() {
                            u64::MAX
                        } else {
                            part.end
                        };
                        let until = from.saturating_add(count).min(most);
                        (from, output.window(index, from, until)?)
                    }
                    None => output.last_of(index, &part, count)?,
                };
                let total = part.end.max(from + lines.len() as u64) - part.start;
                let from = from - part.start;
                Ok(LinesPage {
                    revision: revision(&run, ix, index.bytes(), total),
                    whole: task.outcome.is_some() && from + lines.len() as u64 == total,
                    task: Some(task),
                    total,
                    from,
                    lines,
                })
            });
            page.map_err(|error| Fault::engine(error.to_string()))
        })
        .await
    }
}

/// The answer for a place that no host of the run has.
pub(super) fn no_such_host(run: &Run, ix: HostIx) -> Fault {
    Fault::usage(format!(
        "run {} has no host {ix}: it has {}, from 0 on",
        run.id,
        run.spec.targets.len()
    ))
}

fn revision(run: &Run, ix: HostIx, bytes: u64, total: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (bytes, total).hash(&mut hasher);
    if let Some(state) = run.host(ix) {
        let busy = matches!(state.phase, Phase::Busy { .. });
        (busy, state.ended, state.step, state.attempt).hash(&mut hasher);
    }
    // 0 is none.
    hasher.finish() | 1
}

/// Lines for an answer.
#[derive(Default)]
struct Taken {
    lines: Vec<Line>,
    bytes: usize,
}

impl Taken {
    /// What does not fit is asked for again: nothing is left out in the middle.
    fn take(&mut self, piece: Piece<'_>) {
        if self.bytes <= MOST_BYTES {
            self.bytes += piece.bytes.len();
            self.lines.push(line(piece));
        }
    }
}

fn line(piece: Piece<'_>) -> Line {
    Line {
        at_ms: piece.at_ms,
        stream: piece.stream,
        step: piece.step,
        attempt: piece.attempt,
        bytes: Bytes::copy_from_slice(piece.bytes),
        goes_on: piece.goes_on,
        gap: piece.gap,
    }
}

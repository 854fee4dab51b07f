//! A run in memory, with what followers need beside its state.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

use crate::engine::flows::FlowRun;
use crate::engine::now;
use crate::run::event::Cut;
use crate::run::ids::At;
use crate::run::pace::{Former, Pace};
use crate::run::state::Run;
use crate::store::Lsn;

/// Hosts that lag and are named.
const STRAGGLERS: usize = 20;
/// Seconds over which the rate is taken.
const RATE_WINDOW_S: f64 = 20.0;

/// A run in memory.
pub struct Live {
    /// Its state. Whoever looks shares it; the next change then makes it anew.
    pub run: Arc<Run>,
    /// What it does on each host, when it is a run of a flow.
    pub(super) flow: Option<Arc<FlowRun>>,
    /// The LSN of the last event in that state: show nothing of it before this is durable.
    pub lsn: Lsn,
    /// Events it is made of.
    pub next_seq: u64,
    revision: watch::Sender<u64>,
    samples: VecDeque<(Instant, u32)>,
    /// What steps took in former runs of its flow.
    former: Former,
    pace: Pace,
    /// Since when it has had nothing to do, for sealing.
    pub(super) over_since: Option<At>,
}

impl Live {
    pub(super) fn new(run: Run, next_seq: u64, lsn: Lsn) -> Self {
        Self {
            flow: FlowRun::of(&run),
            run: Arc::new(run),
            lsn,
            next_seq,
            revision: watch::Sender::new(1),
            samples: VecDeque::new(),
            former: Former::new(),
            pace: Pace::default(),
            over_since: None,
        }
    }

    /// Batches were cut anew, which conditions and texts of its flow may ask for.
    pub(super) fn recut(&mut self) {
        self.flow = FlowRun::of(&self.run);
    }

    /// Batches of these sizes; `Err` is a sentence.
    pub(super) fn cut(&self, sizes: &[u32]) -> Result<Vec<Cut>, String> {
        match &self.flow {
            Some(flow) => flow.cut(sizes),
            None => Ok(sizes
                .iter()
                .map(|&hosts| Cut {
                    hosts,
                    failures: None,
                })
                .collect()),
        }
    }

    /// Changes with the run.
    pub fn revision(&self) -> u64 {
        *self.revision.borrow()
    }

    /// Wakes when the run changes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    pub(super) fn touched(&mut self) {
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// When it will be over, and who lags, as it was a second ago at most.
    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    pub(super) fn knows(&mut self, former: Former) {
        self.former = former;
    }

    /// Notes how many hosts have ended by now, and what follows.
    pub(super) fn sample(&mut self) {
        self.pace = if self.run.ended.is_some() {
            Pace::default()
        } else {
            self.run.pace(now(), &self.former, STRAGGLERS)
        };
        self.samples
            .push_back((Instant::now(), self.run.tally.ended_all()));
        while self.samples.len() > 2
            && self
                .samples
                .front()
                .is_some_and(|(at, _)| at.elapsed().as_secs_f64() > RATE_WINDOW_S)
        {
            self.samples.pop_front();
        }
    }

    /// Hosts that end a second, over the last while.
    pub fn rate(&self) -> Option<f64> {
        let (at, ended) = self.samples.front()?;
        let seconds = at.elapsed().as_secs_f64();
        let more = self.run.tally.ended_all().saturating_sub(*ended);
        (seconds > 0.5 && more > 0).then(|| f64::from(more) / seconds)
    }
}

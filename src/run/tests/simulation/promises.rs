//! What must hold at every moment of a rollout, whatever happens in it.

use std::collections::{HashMap, HashSet};

use super::rollbacks::Rollbacks;
use crate::run::decide::BY_RULE;
use crate::run::event::{Cut, Event, What};
use crate::run::ids::{At, HostIx, StepIx};
use crate::run::outcome::OutcomeKind;
use crate::run::spans::{Stretches, rows};
use crate::run::spec::Act;
use crate::run::state::{Phase, Run};

/// What was seen so far, kept apart from the run's own books.
#[derive(Debug, Clone)]
pub(super) struct Promises {
    /// Starts of a step on a host.
    starts: HashMap<(HostIx, StepIx), u32>,
    /// Starts that were granted besides the first.
    grants: HashMap<HostIx, u32>,
    /// Hosts that a person sent back: they need not keep to their batch.
    sent_back: HashSet<HostIx>,
    /// Steps that ended well on a host, or were left out there.
    over: HashSet<(HostIx, StepIx)>,
    /// Barriers that were open to the batch: said yes to, or waited for.
    approved: HashSet<(u32, StepIx)>,
    reached: HashMap<(u32, StepIx), Option<At>>,
    /// What one host did for its batch, and ended well; or a person went on all the same.
    answered: HashSet<(u32, StepIx)>,
    /// Hosts that stood in line when one was last sent for all of them; nothing when a person said
    /// to go on all the same.
    looked_at: Option<HashSet<HostIx>>,
    soaking: Option<(u32, At)>,
    skipped: HashSet<StepIx>,
    back: Rollbacks,
    /// Somebody wants no batch after the open one.
    no_more: bool,
    hosts: u32,
    /// It was aborted, and no person took anything up since.
    aborted: bool,
    /// How far the clock was set: lengths of time are checked by the true time.
    set: i64,
}

impl Promises {
    pub fn new(run: &Run) -> Self {
        Self {
            starts: HashMap::new(),
            grants: HashMap::new(),
            sent_back: HashSet::new(),
            over: HashSet::new(),
            approved: HashSet::new(),
            reached: HashMap::new(),
            answered: HashSet::new(),
            looked_at: None,
            soaking: None,
            skipped: HashSet::new(),
            back: Rollbacks::default(),
            no_more: false,
            hosts: u32::try_from(run.spec.targets.len()).unwrap(),
            aborted: false,
            set: 0,
        }
    }

    /// Before an event becomes part of the run.
    pub fn before(&mut self, run: &Run, event: &Event) {
        self.back.before(run, event);
        match &event.what {
            What::Dispatched { step, hosts, .. } => self.dispatched(run, *step, hosts),
            What::Retried { by, hosts } => {
                // To follow what was started is no leave to go on.
                self.aborted &= by == BY_RULE;
                for host in hosts {
                    *self.grants.entry(*host).or_default() += 1;
                    self.sent_back.insert(*host);
                }
            }
            What::Settled { host, outcome, .. } => {
                self.sent_back.insert(*host);
                let step = run.host(*host).unwrap().step;
                if outcome.kind() == OutcomeKind::Ok {
                    self.answered.insert((run.batch, step));
                    self.over.insert((*host, step));
                }
            }
            What::Rested { hosts } => {
                for host in hosts {
                    let Phase::Resting(until) = run.host(*host).unwrap().phase else {
                        panic!("{host} did not rest");
                    };
                    assert!(until <= event.at, "{host} rested too short");
                    *self.grants.entry(*host).or_default() += 1;
                }
            }
            What::Parked { host, .. } => {
                // Nothing had been sent.
                let step = run.host(*host).unwrap().step;
                *self.starts.get_mut(&(*host, step)).unwrap() -= 1;
            }
            What::Finished(end) if end.outcome.kind() == OutcomeKind::Ok => {
                self.over.insert((end.host, end.step));
                self.answered.insert((run.batch, end.step));
            }
            What::Finished(end) => {
                self.over.remove(&(end.host, end.step));
            }
            What::Resumed { .. } => {
                for host in &run.barred {
                    let step = run.host(*host).unwrap().step;
                    self.answered.insert((run.batch, step));
                    self.looked_at = None;
                }
            }
            What::Passed { step, hosts } => {
                let conditional = run.spec.step(*step).unwrap().rules.conditional;
                assert!(conditional, "only a condition lets a step be left out");
                self.over.extend(hosts.iter().map(|host| (*host, *step)));
            }
            What::BarrierReached { step, until } => {
                let until = until.map(|until| self.truly(until));
                self.reached.insert((run.batch, *step), until);
                // A yes that was too old counts no more.
                self.approved.remove(&(run.batch, *step));
                Self::all_in_line(run, *step);
            }
            What::Approved { by, .. } => self.approved(run, by),
            What::LinePassed { step } => self.line_passed(run, *step, self.truly(event.at)),
            What::Soaking { batch, until } => {
                self.soaking = Some((*batch, self.truly(*until)));
            }
            What::StepSkipped { step, .. } => {
                self.skipped.insert(*step);
            }
            What::AbortAfterBatch { .. } => self.no_more = true,
            What::Aborted { .. } => (self.no_more, self.aborted) = (false, true),
            What::RollingBack { .. } => (self.no_more, self.aborted) = (false, false),
            What::BatchOpened { batch } => self.batch_opened(run, *batch, self.truly(event.at)),
            What::ClockSet { by } => self.set += by,
            _ => {}
        }
    }

    /// A moment of the clock as it would be if nobody had set it.
    fn truly(&self, at: At) -> At {
        at.shifted(-self.set)
    }

    fn dispatched(&mut self, run: &Run, step: StepIx, hosts: &[HostIx]) {
        let room = run.concurrency.saturating_sub(run.tally.busy());
        let starts = u32::try_from(hosts.len()).unwrap();
        assert!(starts <= room, "more at once than {}", run.concurrency);
        assert!(run.paused.is_none() && run.aborted_by.is_none() && run.ended.is_none());
        assert!(!self.aborted, "{step} starts in a run that was aborted");
        if !run.is_undo(step) {
            Self::within_limits(run);
        }
        assert!(!self.skipped.contains(&step), "a step that is left out");
        let act = &run.spec.step(step).unwrap().act;
        assert!(!matches!(act, Act::Wait(_) | Act::Approve(_)), "{act:?}");
        if run.is_once(step) && hosts.iter().all(|host| run.lines_up(*host)) {
            assert_eq!(hosts.len(), 1, "one host does {step} for its batch");
            Self::all_in_line(run, step);
            self.looked_at = Some(run.in_line().collect());
        }
        for host in hosts {
            let begun = self.starts.entry((*host, step)).or_default();
            *begun += 1;
            let granted = 1 + self.grants.get(host).copied().unwrap_or(0);
            assert!(*begun <= granted, "{host} {step}: {begun} starts");
            assert!(host.0 < run.opened, "{host} before its batch");
            self.with_its_batch(run, *host, step);
        }
    }

    fn within_limits(run: &Run) {
        let within = run.max_failures.is_none_or(|limit| {
            let new = run.failures().saturating_sub(run.forgiven);
            new <= limit
        });
        assert!(within, "starts past max_failures");
        let limit = run.batch_limit();
        let new = run.failed_in_batch.saturating_sub(run.forgiven_in_batch);
        assert!(
            limit.is_none_or(|limit| new <= limit),
            "starts past the batch's limit"
        );
    }

    /// No host is ahead of its batch where the batch goes together.
    fn with_its_batch(&self, run: &Run, host: HostIx, step: StepIx) {
        let in_batch = |host: &HostIx| (run.batch_from..run.opened).contains(&host.0);
        if self.sent_back.contains(&host) || !in_batch(&host) || run.is_undo(step) {
            return;
        }
        let barrier_before = (0..step.0)
            .map(StepIx)
            .filter(|before| run.is_barrier(*before) && !self.skipped.contains(before))
            .max();
        let together = if run.spec.rollout.lockstep {
            Some(step)
        } else {
            barrier_before
        };
        let Some(together) = together else { return };
        for (other, state) in run.hosts() {
            let behind = state.step < together && !matches!(state.phase, Phase::Done(_));
            let bound = behind && in_batch(&other) && !self.sent_back.contains(&other);
            assert!(
                !bound,
                "{host} is at {step} while {other} is at {}",
                state.step
            );
        }
    }

    fn all_in_line(run: &Run, step: StepIx) {
        for host in (run.batch_from..run.opened).map(HostIx) {
            let state = run.host(host).unwrap();
            // What another run took since the batch was claimed comes after.
            let taken = run.line.claimed && matches!(state.phase, Phase::Held(_));
            let there = matches!(state.phase, Phase::Done(_))
                || taken
                || (state.phase == Phase::InLine && state.step == step);
            assert!(there, "{host} is not before {step}: {:?}", state.phase);
        }
    }

    fn approved(&mut self, run: &Run, by: &str) {
        let (step, _) = run.asks().expect("somebody is asked");
        let Act::Approve(approval) = &run.spec.step(step).unwrap().act else {
            panic!("{step} asks nobody");
        };
        assert!(
            !approval.not_starter || by != run.starter,
            "its own starter"
        );
        self.approved.insert((run.batch, step));
    }

    fn line_passed(&mut self, run: &Run, step: StepIx, at: At) {
        Self::all_in_line(run, step);
        let spec = run.spec.step(step).unwrap();
        if spec.rules.conditional || self.skipped.contains(&step) {
            // Its condition may not hold.
        } else if matches!(spec.act, Act::Approve(_)) {
            let yes = self.approved.contains(&(run.batch, step));
            assert!(yes, "past {step} without a yes");
        } else if matches!(spec.act, Act::Wait(_)) {
            let until = self.reached.get(&(run.batch, step)).copied().flatten();
            assert!(until.is_some_and(|until| until <= at), "waited too short");
        }
        if run.is_once(step) && !self.skipped.contains(&step) {
            let yes = self.answered.contains(&(run.batch, step));
            assert!(yes, "past {step} without an answer");
            let looked_at = |host| self.looked_at.as_ref().is_none_or(|at| at.contains(&host));
            assert!(run.in_line().all(looked_at), "past {step} unseen");
        }
        if run.is_barrier(step) || run.is_once(step) {
            let hosts = run.in_line().map(|host| (host, step));
            self.over.extend(hosts);
        }
    }

    fn batch_opened(&mut self, run: &Run, batch: u32, at: At) {
        assert!(
            !self.no_more,
            "a batch opens after the last that was wanted"
        );
        for host in (0..run.opened).map(HostIx) {
            let state = run.host(host).unwrap();
            assert!(
                matches!(state.phase, Phase::Done(_)),
                "batch {batch} opens while {host} is {:?}",
                state.phase
            );
        }
        let soak = run.spec.rollout.soak_of(run.batch);
        if !soak.is_zero() {
            let (soaked, until) = self.soaking.expect("it soaked");
            assert_eq!(soaked, run.batch);
            assert!(until <= at, "soaked too short");
        }
    }

    /// After an event became part of the run.
    pub fn after(&self, run: &Run) {
        assert_eq!(run.tally.total(), self.hosts);
        let cut = |cuts: &[Cut]| cuts.iter().map(|cut| cut.hosts).sum::<u32>();
        assert_eq!(cut(&run.cuts), self.hosts, "each host in one batch");
        let open = run.open_batches();
        assert_eq!(cut(&run.cuts[..open]), run.opened, "open batches stay");
        let count = |wanted: &dyn Fn(Phase) -> bool| {
            let those = run.hosts().filter(|(_, state)| wanted(state.phase));
            those.count()
        };
        let busy = count(&|phase| matches!(phase, Phase::Busy { .. }));
        assert_eq!(run.tally.busy() as usize, busy);
        assert_eq!(run.ready.len(), count(&|phase| phase == Phase::Ready));
        let resting = count(&|phase| matches!(phase, Phase::Resting(_)));
        assert_eq!(run.resting.len(), resting);
        let failed = (run.batch_from..run.opened)
            .filter_map(|host| run.host(HostIx(host)))
            .filter(|state| matches!(state.phase, Phase::Done(kind) if kind.is_failure()))
            .count();
        assert_eq!(run.failed_in_batch as usize, failed);
        let marred = run
            .hosts()
            .filter(|(_, state)| !matches!(state.phase, Phase::Done(_)) && state.marred.is_some());
        assert_eq!(run.marred as usize, marred.count());
    }

    /// Two runs of the same events are the same.
    pub fn same(one: &Run, other: &Run) {
        assert_eq!(one.state(), other.state());
        assert_eq!(one.tally, other.tally);
        assert_eq!(one.ready, other.ready);
        assert_eq!(one.resting, other.resting);
        for ((ix, one), (_, other)) in one.hosts().zip(other.hosts()) {
            assert_eq!(
                (one.phase, one.step, one.attempt),
                (other.phase, other.step, other.attempt),
                "{ix}"
            );
        }
    }

    /// No host is said to be well that did not do every step, or was let off it.
    pub fn at_the_end(&self, run: &Run) {
        self.back.at_the_end(run, &self.skipped);
        for (host, state) in run.hosts() {
            let Phase::Done(kind) = state.phase else {
                panic!("the run is over and {host} is {:?}", state.phase);
            };
            if kind != OutcomeKind::Ok || run.rolled_back.is_some() {
                continue;
            }
            for step in (0..run.forward).map(StepIx) {
                let late = self.sent_back.contains(&host);
                // One that comes later than its batch does not stand in line again.
                let passed = late && (run.is_barrier(step) || run.is_once(step));
                let done = self.over.contains(&(host, step)) || self.skipped.contains(&step);
                let done = done || passed;
                assert!(done, "{host} is ok without step {step}");
            }
        }
    }
}

/// Nothing is told to go on when all is over, and no end of a step is left out.
pub(super) fn told_to_the_end(run: &Run, journal: &[Event]) {
    let mut stretches = Stretches::default();
    let mut ends = HashSet::new();
    for event in journal {
        stretches.apply(&run.spec, event);
        if let What::Finished(finished) = &event.what {
            ends.insert((finished.host, finished.step));
        }
    }
    for span in stretches.spans() {
        assert!(span.to.is_some_and(|to| to >= span.from), "{span:?}");
    }
    let rows = rows(&run.spec, &run.cuts, journal);
    let outcomes = rows.iter().flat_map(|row| &row.outcomes);
    let told: u32 = outcomes.map(|(_, count)| count).sum();
    // A host that a person settled may have come to no end of its own.
    assert!(told as usize >= ends.len(), "{told} of {}", ends.len());
    for row in &rows {
        let (first, last) = row.batches;
        assert!(first <= last && last as usize <= run.cuts.len(), "{row:?}");
    }
}

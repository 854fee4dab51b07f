//! Where a run stands: built only by [`Run::apply`], which never fails and does no I/O.
//!
//! Invariants: every host is in exactly one [`Phase`], `tally` counts the phases, and `ready` holds
//! exactly the hosts in [`Phase::Ready`]. The cost of an event does not grow with the number of
//! hosts, save for acts that name all of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::event::{Cut, EndState, Finished};
use super::family::Parent;
use super::ids::{At, Attempt, HostIx, RunId, StepIx};
use super::line_up::Line;
use super::outcome::{Outcome, OutcomeKind};
use super::pace::Times;
use super::spec::{Act, RunKind, RunSpec, Step};
use super::stages::{Handed, Stages};
use super::tally::Tally;
use super::undo::Traces;

pub use super::run_state::{RunState, WaitFor};

/// Where one host stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Its batch is not open yet.
    Waiting,
    /// It may start as soon as a slot is free.
    Ready,
    /// Another run holds its lease.
    Held(RunId),
    /// It waits for a credential.
    Parked,
    /// It is tried again at this time.
    Resting(At),
    /// It stands before a step that its batch does together.
    InLine,
    /// A task owns it.
    Busy {
        /// Whether the connection is lost and being made again.
        reattaching: bool,
    },
    /// It ended so.
    Done(OutcomeKind),
}

/// A failure that a host went on after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mar {
    /// The step that failed.
    pub step: StepIx,
    /// How.
    pub outcome: Outcome,
}

/// One host's progress.
#[derive(Debug, Clone)]
pub struct HostState {
    /// Where it stands.
    pub phase: Phase,
    /// The step it is at, or ended in.
    pub step: StepIx,
    /// Dispatches of that step so far.
    pub attempt: Attempt,
    /// A step failed after which it went on all the same: that is how it ends.
    pub marred: Option<Arc<Mar>>,
    /// What it did is to be undone, or was.
    pub back: bool,
    /// The last attempt that ended, of any step.
    pub last: Option<Arc<Finished>>,
    /// When the current or last attempt was dispatched.
    pub since: At,
    /// When work on the host began; anew when it is retried.
    pub began: Option<At>,
    /// When it ended there.
    pub ended: Option<At>,
}

/// Why a run stands still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Who paused it; `conn` for a rule.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: At,
    /// Whether it is only because the run that it is part of stands still.
    pub with_parent: bool,
}

/// A request for the conn that has not been answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeAsked {
    /// Who asks.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it passes.
    pub until: At,
}

/// What must be done now that an event is part of the run. Dropped on replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Start this step on these hosts.
    Start {
        /// The step.
        step: StepIx,
        /// The attempt.
        attempt: Attempt,
        /// The hosts.
        hosts: Vec<HostIx>,
    },
    /// Claim the leases of these hosts.
    Claim {
        /// The hosts.
        hosts: Vec<HostIx>,
    },
    /// Follow these attempts again.
    Reattach {
        /// The hosts.
        hosts: Vec<HostIx>,
    },
    /// Cancel every task in flight.
    CancelAll,
    /// Batches that are not open were cut anew.
    Recut,
    /// The run is over.
    Ended,
}

/// A run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// What was frozen when it started.
    pub spec: Arc<RunSpec>,
    /// When it was created.
    pub created: At,
    /// When the last thing happened to it.
    pub latest: At,
    /// When it ended, if it did.
    pub ended: Option<(EndState, At)>,
    /// Who asked for it.
    pub starter: String,
    /// The run that it is part of.
    pub parent: Option<Parent>,
    /// What it uses of what the stages before it registered, as that was when it began.
    pub handed: Option<Arc<Handed>>,
    /// Where its stages stand, when it is made of runs.
    pub stages: Option<Stages>,
    /// Who has the conn.
    pub holder: Option<String>,
    /// An unanswered request for the conn.
    pub take_asked: Option<TakeAsked>,
    /// Why it stands still, if it does.
    pub paused: Option<Pause>,
    /// What the last parked host lacks, in a sentence.
    pub lacks: Option<String>,
    /// A secret that was typed for it and is not known any more, by its parameter.
    pub lacks_secret: Option<String>,
    /// Who aborted it, if anybody did.
    pub aborted_by: Option<String>,
    /// Who wants it aborted when its open batch has ended, and why.
    pub abort_after: Option<(String, String)>,
    /// Who had it rolled back, if anybody did: nothing goes forward any more.
    pub rolled_back: Option<String>,
    /// When it, or what it is made of, was last told to undo what it did.
    pub(super) undoing: Option<At>,
    /// The batch that is open, from 0.
    pub batch: u32,
    /// All batches, those that are not open as they are cut now.
    pub cuts: Vec<Cut>,
    /// Hosts that may be at work at once.
    pub concurrency: u32,
    /// More failures than this, since the last resume, pause the run.
    pub max_failures: Option<u32>,
    /// Counts of hosts by phase.
    pub tally: Tally,
    /// Hosts in the order they ended, for followers that read on from a place.
    pub finish_order: Vec<HostIx>,
    pub(super) hosts: Vec<HostState>,
    pub(super) ready: VecDeque<HostIx>,
    pub(super) opened: u32,
    /// The first host of the open batch.
    pub(super) batch_from: u32,
    pub(super) forgiven: u32,
    /// Failures that stood when a person last let it go on: they are borne in its stage, too.
    pub(super) accepted: u32,
    /// Failures of the open batch that a person forgave.
    pub(super) forgiven_in_batch: u32,
    /// Hosts of the open batch that failed.
    pub(super) failed_in_batch: u32,
    /// Hosts that go on although a step failed.
    pub(super) marred: u32,
    pub(super) looked: bool,
    pub(super) resting: BTreeSet<(At, HostIx)>,
    pub(super) line: Line,
    /// The batch that ended, and when the next one opens.
    pub(super) soaking: Option<(u32, At)>,
    pub(super) skipped_steps: BTreeSet<StepIx>,
    /// Hosts of the open batch where a gate failed, since a person last let it go on.
    pub(super) barred: BTreeSet<HostIx>,
    pub(super) registered: BTreeMap<HostIx, BTreeMap<String, String>>,
    /// Steps before this one go forward, those from it on undo.
    pub(super) forward: u16,
    pub(super) traces: Traces,
    /// How long each step took.
    pub(super) times: Vec<Times>,
}

impl Run {
    /// A run as its `Created` event makes it: the first batch is open, nothing has started.
    pub fn new(id: RunId, spec: Arc<RunSpec>, starter: &str, at: At) -> Self {
        let count = spec.targets.len();
        let host = HostState {
            phase: Phase::Waiting,
            step: StepIx(0),
            attempt: Attempt(0),
            marred: None,
            back: false,
            last: None,
            since: at,
            began: None,
            ended: None,
        };
        let mut run = Self {
            id,
            created: at,
            latest: at,
            ended: None,
            starter: starter.to_owned(),
            parent: None,
            handed: None,
            stages: spec.stages.as_ref().map(Stages::new),
            holder: Some(starter.to_owned()),
            take_asked: None,
            paused: None,
            lacks: None,
            lacks_secret: None,
            aborted_by: None,
            abort_after: None,
            rolled_back: None,
            undoing: None,
            batch: 0,
            cuts: spec.rollout.cuts(),
            concurrency: spec.rollout.concurrency.max(1),
            max_failures: spec.rollout.max_failures,
            tally: Tally::all_waiting(count),
            finish_order: Vec::new(),
            hosts: vec![host; count],
            ready: VecDeque::new(),
            opened: 0,
            batch_from: 0,
            forgiven: 0,
            accepted: 0,
            forgiven_in_batch: 0,
            failed_in_batch: 0,
            marred: 0,
            looked: false,
            resting: BTreeSet::new(),
            line: Line::default(),
            soaking: None,
            skipped_steps: BTreeSet::new(),
            barred: BTreeSet::new(),
            registered: BTreeMap::new(),
            forward: spec.forward(),
            traces: Traces::of(&spec),
            times: vec![Times::default(); spec.steps.len()],
            spec,
        };
        if run.spec.holds() {
            // Every host is connected to; the first batch opens when all have been tried.
            (0..)
                .map(HostIx)
                .take(count)
                .for_each(|host| run.make_ready(host));
        } else {
            run.open_batch(0, at);
        }
        run
    }

    /// One host's progress.
    pub fn host(&self, host: HostIx) -> Option<&HostState> {
        self.hosts.get(host.index())
    }

    /// The values that steps of this host took from what they wrote.
    pub fn registered(&self, host: HostIx) -> Option<&BTreeMap<String, String>> {
        self.registered.get(&host)
    }

    pub(super) fn is_gate(&self, step: StepIx) -> bool {
        // A run that is nothing but a look at a gate bars nobody: its verdict is how it ends.
        self.spec.kind != RunKind::Gate
            && self
                .spec
                .step(step)
                .is_some_and(|step| step.rules.gate.is_some())
    }

    /// All hosts, in the order of the frozen targets.
    pub fn hosts(&self) -> impl Iterator<Item = (HostIx, &HostState)> {
        (0..).map(HostIx).zip(&self.hosts)
    }

    /// What the host is called, the longest name first: in its output these mean itself.
    pub fn names_of(&self, host: HostIx) -> Vec<&str> {
        let Some(target) = self.spec.targets.get(host.index()) else {
            return Vec::new();
        };
        let short = target.name.split('.').next();
        let mut names: Vec<&str> = [Some(target.name.as_ref()), short, target.address.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        names
    }

    /// Hosts whose batch is not open yet.
    pub fn unopened(&self) -> u32 {
        self.tally.total() - self.opened
    }

    /// Batches that are open, or were.
    pub fn open_batches(&self) -> usize {
        if self.is_holding() {
            0
        } else {
            self.batch as usize + 1
        }
    }

    /// Whether hosts are being connected to and no batch is open yet.
    pub fn is_holding(&self) -> bool {
        self.opened == 0
    }

    /// Whether nothing is left to do in the open batch.
    pub fn is_batch_over(&self) -> bool {
        let ended = |host| matches!(self.phase(HostIx(host)), Some(Phase::Done(_)));
        let at_work = self.tally.busy() + self.tally.held + self.tally.parked > 0;
        // Hosts of earlier batches may have been sent back to work.
        !at_work
            && self.ready.is_empty()
            && self.resting.is_empty()
            && (self.batch_from..self.opened).all(ended)
    }

    /// Whether the host has done more than to be connected to.
    pub fn has_begun(&self, host: HostIx) -> bool {
        self.host(host).is_some_and(|state| {
            let first = StepIx(u16::from(self.spec.holds()));
            state.step > first || (state.step == first && state.attempt.0 > 0)
        })
    }

    /// Whether what the host is doing can be followed again after its connection or engine is gone.
    pub fn is_durable(&self, step: StepIx) -> bool {
        self.spec.step(step).is_some_and(Step::is_durable)
    }

    /// Whether doing the step twice does no harm: said so, or a push, which replaces a whole file,
    /// or nothing but a connection.
    pub fn is_repeatable(&self, step: StepIx) -> bool {
        self.spec.step(step).is_some_and(|step| {
            step.idempotent
                || matches!(
                    step.act,
                    Act::Push(_) | Act::Pull(_) | Act::Connect | Act::Wait(_) | Act::Approve(_)
                )
        })
    }
}

impl Phase {
    /// Whether no task owns the host and none has ended for it.
    pub fn is_unstarted(self) -> bool {
        matches!(
            self,
            Self::Waiting
                | Self::Ready
                | Self::Resting(_)
                | Self::InLine
                | Self::Held(_)
                | Self::Parked
        )
    }
}

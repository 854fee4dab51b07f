//! The one owner of every run's state.
//!
//! Each turn of the loop takes what is queued, commits the events it leads to, and then lets every
//! touched run go on (next batch, free slots, end). What has to wait for the disk is kept by LSN
//! and released when that is durable.

mod children;
mod clock;
mod commit;
mod leases;
mod live;
mod pace;
mod recover;
mod reports;
mod retire;
mod secrets;
mod shown;
mod steer;
mod tasks;
#[cfg(test)]
mod tests;
mod turn;
mod whole;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};

use super::Parts;
use super::clients::Clients;
use super::clock::{Away, Clock};
use super::inbox::{Inbox, Message};
use crate::engine::task::TaskKey;
use crate::run::cause::Origin;
use crate::run::event::What;
use crate::run::family::Parent;
use crate::run::ids::RunId;
use crate::run::roles::{Authority, Deed, Scope};
use crate::run::secret::Secret;
use crate::run::spec::RunSpec;
use crate::run::stages::Handed;
use crate::store::{Durability, Lsn, StoreError};
use crate::wire::reply::Fault;

pub use live::Live;
pub(super) use steer::describe;

use commit::Pending;
use leases::Leases;
use secrets::Unread;
use tasks::Tasks;

/// Messages taken in one turn before the runs go on.
const MESSAGES_A_TURN: usize = 256;

/// A run to be.
pub struct NewRun {
    /// What was frozen.
    pub spec: Arc<RunSpec>,
    /// The blob that holds it, hex.
    pub digest: String,
    /// Input for its commands.
    pub stdin: Option<Bytes>,
    /// Secrets that were typed for it.
    pub typed: Vec<Secret>,
    /// Who starts it.
    pub by: String,
    /// What they may do.
    pub authority: Arc<Authority>,
    /// From where.
    pub origin: Option<Origin>,
    /// Be refused rather than wait for a lease.
    pub no_wait: bool,
    /// The run that it is to be part of.
    pub parent: Option<Parent>,
    /// What it uses of what the stages before it registered.
    pub handed: Option<Arc<Handed>>,
}

/// Why the core ended.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// Nothing can be made durable any more.
    #[error(
        "the state directory cannot be written any more: {0}. The engine stops; runs go on from what is stored when it starts again"
    )]
    NotDurable(Arc<str>),
    /// A record could not be queued.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The state of the engine.
pub struct Core {
    parts: Parts,
    clients: Arc<Clients>,
    inbox: Inbox,
    messages: mpsc::Receiver<Message>,
    durable: watch::Receiver<Durability>,
    runs: BTreeMap<RunId, Live>,
    next_run: u64,
    dirty: BTreeSet<RunId>,
    pending: VecDeque<(Lsn, Pending)>,
    tasks: Tasks,
    leases: Leases,
    stdin: HashMap<RunId, Bytes>,
    /// Reports that a full disk keeps from being recorded.
    stalled: Vec<(TaskKey, Vec<What>)>,
    /// Runs of the engine before this one: what became of their tasks is not recorded yet.
    unrecovered: BTreeSet<RunId>,
    /// Runs whose lines in the list a full disk keeps from being written.
    unlisted: BTreeSet<RunId>,
    /// Runs with hosts that wait for a named secret that cannot be read.
    unread: BTreeMap<RunId, Unread>,
    /// Credentials arrived, and a full disk kept that from being recorded.
    unpark_again: bool,
    draining: Option<Vec<oneshot::Sender<()>>>,
    clock: Clock,
    /// What is not recorded yet of how the clock was set while no engine ran.
    away: Option<Away>,
}

impl Core {
    /// The core over a store, with every run that has not been sealed read back from it.
    pub fn open(parts: Parts, clients: Arc<Clients>) -> Result<(Self, Inbox), CoreError> {
        let (inbox, messages) = Inbox::new();
        let durable = parts.store.durability();
        let mut core = Self {
            parts,
            clients,
            inbox: inbox.clone(),
            messages,
            durable,
            runs: BTreeMap::new(),
            next_run: 1,
            dirty: BTreeSet::new(),
            pending: VecDeque::new(),
            tasks: Tasks::default(),
            leases: Leases::default(),
            stdin: HashMap::new(),
            stalled: Vec::new(),
            unrecovered: BTreeSet::new(),
            unlisted: BTreeSet::new(),
            unread: BTreeMap::new(),
            unpark_again: false,
            draining: None,
            clock: Clock::default(),
            away: None,
        };
        core.recover()?;
        Ok((core, inbox))
    }

    /// The runs in memory, oldest first: all that have not been sealed.
    pub fn live(&self) -> impl DoubleEndedIterator<Item = &Live> {
        self.runs.values()
    }

    /// One run in memory.
    pub fn live_run(&self, run: RunId) -> Option<&Live> {
        self.runs.get(&run)
    }

    /// The number of the next run.
    pub fn next_number(&self) -> u64 {
        self.next_run
    }

    /// Tasks in flight.
    pub fn task_count(&self) -> usize {
        self.tasks.len()
    }

    /// Whether the engine starts nothing new.
    pub fn is_draining(&self) -> bool {
        self.draining.is_some()
    }

    /// Signs of the tasks of a run.
    pub fn signs(
        &self,
        run: RunId,
    ) -> impl Iterator<Item = (crate::run::ids::HostIx, &super::sink::TaskSigns)> {
        self.tasks.signs(run)
    }

    /// Silence after which a host is named, in milliseconds.
    pub fn silence_ms(&self) -> i64 {
        i64::try_from(self.parts.settings.silence_s.saturating_mul(1000)).unwrap_or(i64::MAX)
    }

    fn create(&mut self, new: NewRun, reply: oneshot::Sender<Result<RunId, Fault>>) {
        // An asker that left before the answer still has its run: it is in the list.
        if self.draining.is_some() {
            let _ = reply.send(Err(Fault::refused(
                "the engine is stopping and starts nothing new. Try again when it is back",
            )));
            return;
        }
        if let Err(denied) = new.authority.may(Deed::Start, &Scope::Run(&new.spec)) {
            let _ = reply.send(Err(denied.into()));
            return;
        }
        if let Some(refusal) = new
            .no_wait
            .then(|| self.lease_conflict(&new.spec))
            .flatten()
        {
            let _ = reply.send(Err(refusal));
            return;
        }
        match self.create_now(new) {
            Ok((run, lsn)) => self.when_durable(
                lsn,
                Pending::Call(Box::new(move |_| {
                    let _ = reply.send(Ok(run));
                })),
            ),
            Err(error) => {
                let _ = reply.send(Err(Fault::engine(error.to_string())));
            }
        }
    }
}

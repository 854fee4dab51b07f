//! What happened to a run: the journal's words. Replaying them is the run.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::cause::Origin;
use super::family::Parent;
use super::ids::{At, Attempt, HostIx, RunId, StepIx};
use super::outcome::Outcome;
use super::phases::Phases;
use super::stages::{Handed, StageEvent};

/// One thing that happened, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Wall time, for people.
    pub at: At,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The run exists: its specification is the blob of this digest.
    Created {
        /// Hex digest of the specification.
        spec: String,
        /// The Unix user who asked for it; the first holder of the conn.
        starter: String,
        /// From where they asked, as their program said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<Origin>,
        /// The run that this one is part of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<Parent>,
        /// What it uses of what the stages before it registered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        handed: Option<Arc<Handed>>,
    },
    /// The intent to start one step on these hosts. Durable before any exec request leaves.
    Dispatched {
        /// The step.
        step: StepIx,
        /// The attempt, the same for all of them.
        attempt: Attempt,
        /// The hosts.
        hosts: Vec<HostIx>,
    },
    /// No usable credential: the dispatch is taken back, nothing had been sent.
    Parked {
        /// The host.
        host: HostIx,
        /// Why, in a sentence.
        why: String,
    },
    /// A credential may be there again: parked hosts are ready.
    Unparked,
    /// A secret that was typed is not known any more: what needs it waits.
    SecretLacking {
        /// The parameter that it was typed for.
        secret: String,
    },
    /// It was typed again: parked hosts are ready.
    SecretGiven {
        /// The parameter.
        secret: String,
        /// By whom.
        by: String,
    },
    /// Another run holds the lease of these hosts.
    Held {
        /// The hosts.
        hosts: Vec<HostIx>,
        /// The run that holds them.
        by: RunId,
    },
    /// The leases of these hosts are free again.
    Freed {
        /// The hosts.
        hosts: Vec<HostIx>,
    },
    /// The connection to a durable attempt is gone; it is being followed again.
    Reattaching {
        /// The hosts.
        hosts: Vec<HostIx>,
    },
    /// An attempt ended.
    Finished(Box<Finished>),
    /// Values taken from what a step wrote, for later steps of the host.
    Registered {
        /// The host.
        host: HostIx,
        /// By name.
        values: BTreeMap<String, String>,
    },
    /// Hosts that rested are ready for another attempt.
    Rested {
        /// The hosts.
        hosts: Vec<HostIx>,
    },
    /// The condition of a step does not hold on these hosts: they go on with the next.
    Passed {
        /// The step.
        step: StepIx,
        /// The hosts.
        hosts: Vec<HostIx>,
    },
    /// Every host of the batch stands before this step, and it is done once for all of them.
    BarrierReached {
        /// The step.
        step: StepIx,
        /// When it is over by itself: the end of a wait, or of the time a question is asked.
        until: Option<At>,
    },
    /// A person said that it goes on.
    Approved {
        /// Who.
        by: String,
        /// Why, if they said.
        reason: String,
        /// The digest of what they said it to: it is a yes to nothing else.
        #[serde(default)]
        digest: String,
    },
    /// The hosts that stand before this step go on together.
    LinePassed {
        /// The step.
        step: StepIx,
    },
    /// A batch has ended; the next opens after this time.
    Soaking {
        /// The batch that ended, from 0.
        batch: u32,
        /// When the next one opens.
        until: At,
    },
    /// This step is left out from now on.
    StepSkipped {
        /// Who.
        by: String,
        /// The step.
        step: StepIx,
    },
    /// The next batch may start.
    BatchOpened {
        /// Its place, from 0.
        batch: u32,
    },
    /// Nothing new starts; what runs, finishes.
    Paused {
        /// Who, or `conn` for a rule.
        by: String,
        /// Why.
        reason: String,
    },
    /// Work goes on.
    Resumed {
        /// Who.
        by: String,
    },
    /// What runs is cancelled, what waits never starts.
    Aborted {
        /// Who.
        by: String,
        /// Why, if they said.
        reason: String,
    },
    /// Nothing goes forward any more: what waits never starts, what runs finishes, and what began is
    /// undone, the last step first.
    RollingBack {
        /// Who, or `conn` for a rule.
        by: String,
        /// Why.
        reason: String,
        /// Where; nothing: on every host that is not in doubt.
        hosts: Vec<HostIx>,
    },
    /// The open batch finishes; then what is left never starts.
    AbortAfterBatch {
        /// Who.
        by: String,
        /// Why, if they said.
        reason: String,
    },
    /// These hosts start again at the step they ended in.
    Retried {
        /// Who decided it.
        by: String,
        /// The hosts.
        hosts: Vec<HostIx>,
    },
    /// These hosts are left out.
    Skipped {
        /// Who.
        by: String,
        /// The hosts.
        hosts: Vec<HostIx>,
    },
    /// A person looked and says what an in-doubt task became.
    Settled {
        /// Who.
        by: String,
        /// The host.
        host: HostIx,
        /// What it became.
        outcome: Outcome,
    },
    /// Limits changed while running.
    Tuned {
        /// Who.
        by: String,
        /// New concurrency.
        concurrency: Option<u32>,
        /// New failure limit.
        max_failures: Option<u32>,
        /// The batches that are not open yet, cut anew.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        batches: Option<Vec<Cut>>,
    },
    /// Somebody asks for the conn; the holder has until then to answer.
    TakeAsked {
        /// Who asks.
        by: String,
        /// Why.
        reason: String,
        /// When it passes to them unless the holder refuses.
        until: At,
    },
    /// The holder keeps the conn.
    TakeRefused {
        /// Who refused.
        by: String,
    },
    /// The conn has a new holder.
    ConnMoved {
        /// The new holder.
        to: String,
        /// Why.
        reason: String,
    },
    /// A person's words.
    Noted {
        /// Who.
        by: String,
        /// The words.
        text: String,
    },
    /// The engine that ran this was not stopped in order; another took over.
    Recovered {
        /// Hosts that were in flight.
        in_flight: u32,
    },
    /// The wall clock was set: from here on, moments are those of the new one.
    ClockSet {
        /// Milliseconds, ahead or back.
        by: i64,
    },
    /// Something happened to the stages that the run is made of.
    Stage(StageEvent),
    /// It stands still because the run it is part of does.
    ParentPaused {
        /// Who paused that.
        by: String,
        /// Which.
        reason: String,
    },
    /// The run it is part of goes on, and it with it.
    ParentResumed,
    /// Nothing is left to do.
    Ended {
        /// How it ended.
        state: EndState,
    },
}

/// One batch of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// How many hosts it has.
    pub hosts: u32,
    /// More failures than this in it stop the rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<u32>,
}

/// The end of an attempt, in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// The host.
    pub host: HostIx,
    /// The step.
    pub step: StepIx,
    /// The attempt.
    pub attempt: Attempt,
    /// What became of it.
    pub outcome: Outcome,
    /// One sentence: what, why, what next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Time spent in each phase.
    #[serde(default)]
    pub phases: Phases,
    /// What it wrote.
    #[serde(default)]
    pub output: OutputSum,
    /// Whether it is certain that nothing was sent: there is nothing to undo.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unbegun: bool,
}

/// What an attempt wrote, without the bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OutputSum {
    /// Bytes of standard output.
    pub stdout: u64,
    /// Bytes of standard error.
    pub stderr: u64,
    /// Bytes left out in the middle.
    pub dropped: u64,
    /// Digest over both streams (16 bytes, hex): equal digests are equal outputs.
    pub digest: String,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndState {
    /// Every host is `ok` or was skipped.
    Succeeded,
    /// Some host is not.
    Failed,
    /// A person ended it early.
    Aborted,
}

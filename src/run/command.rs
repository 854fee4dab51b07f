//! What people and the engine ask of a run, and why it may refuse.

use super::event::Cut;
use super::ids::{At, HostIx, RunId, StepIx};
use super::outcome::{Outcome, OutcomeKind};
use super::roles::Denied;
use super::stages::StageIx;

/// A request to change a run. `by` is the Unix user who asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Start nothing new; let tasks in flight finish.
    Pause {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Go on. Needs the conn.
    Resume {
        /// Who.
        by: String,
    },
    /// Cancel what runs, never start the rest.
    Abort {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Finish the open batch, never start the rest.
    AbortAfterBatch {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Start hosts that ended in one of these kinds again, at the step they ended in. Needs the conn.
    Retry {
        /// Who.
        by: String,
        /// Which outcomes; empty: every failure of the run.
        only: Vec<OutcomeKind>,
        /// Which hosts; empty: all of them.
        hosts: Vec<HostIx>,
    },
    /// Stop, and undo what was done. Needs the conn.
    Rollback {
        /// Who.
        by: String,
        /// Why.
        reason: String,
        /// Where; empty: on every host that is not in doubt.
        hosts: Vec<HostIx>,
        /// All that it is part of is rolled back: with nothing to undo it goes forward no more
        /// either.
        with_whole: bool,
    },
    /// Leave hosts out that have not started. Needs the conn.
    Skip {
        /// Who.
        by: String,
        /// The hosts.
        hosts: Vec<HostIx>,
    },
    /// Leave a step out on every host that has not done it. Needs the conn.
    SkipStep {
        /// Who.
        by: String,
        /// The step.
        step: StepIx,
    },
    /// Leave out what of a stage has not begun, or failed. Needs the conn.
    SkipStage {
        /// Who.
        by: String,
        /// The stage.
        stage: StageIx,
    },
    /// Let stages begin after all that never did. Needs the conn.
    TakeUp {
        /// Who.
        by: String,
    },
    /// Say that the run goes on past the step that asks.
    Approve {
        /// Who.
        by: String,
        /// Why, if they said.
        reason: String,
    },
    /// Say that it does not: the run is aborted.
    Reject {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Say what an in-doubt task became. Needs the conn.
    Settle {
        /// Who.
        by: String,
        /// The host.
        host: HostIx,
        /// What it became.
        verdict: Verdict,
    },
    /// Change limits. Needs the conn.
    Tune {
        /// Who.
        by: String,
        /// New concurrency.
        concurrency: Option<u32>,
        /// New failure limit.
        max_failures: Option<u32>,
        /// The batches that are not open yet.
        batches: Option<Vec<Cut>>,
    },
    /// Take the conn from its holder.
    Take {
        /// Who.
        by: String,
        /// Why.
        reason: String,
        /// Whether the holder has a console or command attached now.
        holder_attached: bool,
    },
    /// Keep the conn although somebody asked for it.
    RefuseTake {
        /// Who.
        by: String,
    },
    /// Hand the conn over. Needs the conn.
    Give {
        /// Who.
        by: String,
        /// To whom.
        to: String,
    },
    /// Add words.
    Note {
        /// Who.
        by: String,
        /// The words.
        text: String,
    },
}

/// What a person says an in-doubt task became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It did its work.
    Ok,
    /// It did not.
    Failed,
    /// Start it again.
    Retry,
}

impl Verdict {
    /// The outcome that stands for the verdict; none for a retry.
    pub fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Ok => Some(Outcome::Ok),
            Self::Failed => Some(Outcome::Failed(1)),
            Self::Retry => None,
        }
    }
}

/// Why a run did not do as asked: the rule, and the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Only the holder of the conn may do this.
    #[error(
        "run {run}: {holder} has the conn. Ask them, or take it: conn runs take {run} --reason …"
    )]
    NotHolder {
        /// The run.
        run: RunId,
        /// Who has it.
        holder: String,
    },
    /// Nothing would change.
    #[error("run {run} is {state} already")]
    Already {
        /// The run.
        run: RunId,
        /// The state it is in.
        state: &'static str,
    },
    /// The run has ended.
    #[error("run {run} has ended ({state}). See it with: conn runs show {run}")]
    Ended {
        /// The run.
        run: RunId,
        /// How it ended.
        state: &'static str,
    },
    /// No host fits the request.
    #[error("run {run}: no host {what}. See where each stands: conn runs show {run}")]
    NoHost {
        /// The run.
        run: RunId,
        /// What was looked for.
        what: String,
    },
    /// Nobody is asked for a yes.
    #[error("run {run} asks nobody for a yes. See where it stands: conn runs show {run}")]
    NotAsked {
        /// The run.
        run: RunId,
    },
    /// The one who started it may not say yes.
    #[error("run {run}: {by} started it, so somebody else must approve. Ask {ask}")]
    OwnRun {
        /// The run.
        run: RunId,
        /// Who.
        by: String,
        /// Who may.
        ask: String,
    },
    /// A role is missing.
    #[error("run {run}: {denied}")]
    Role {
        /// The run.
        run: RunId,
        /// Which, and who has it.
        denied: Box<Denied>,
    },
    /// The conn of a part is that of the whole.
    #[error(
        "run {run} is part of run {parent}, and whoever has the conn of that has it here: conn runs take {parent} --reason …"
    )]
    PartOf {
        /// The run.
        run: RunId,
        /// The run that it is part of.
        parent: RunId,
    },
    /// A value that makes no sense.
    #[error("run {run}: {why}")]
    BadValue {
        /// The run.
        run: RunId,
        /// What is wrong with it.
        why: String,
    },
}

/// How long an attached holder has to answer a request for the conn, in milliseconds.
pub const TAKE_WAIT_MS: i64 = 30_000;

/// When a request for the conn passes, made at `now`.
pub fn take_until(now: At) -> At {
    At(now.0 + TAKE_WAIT_MS)
}

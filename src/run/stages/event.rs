//! What happened to the stages of a parent run: words of its journal.

use serde::{Deserialize, Serialize};

use super::next::ChildEnd;
use super::{Gathered, NodeIx, StageIx};
use crate::run::ids::{At, RunId};

/// What happened to a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageEvent {
    /// A stage asks for a person's yes.
    Asked {
        /// The stage.
        stage: StageIx,
        /// So long it is asked.
        until: Option<At>,
        /// The question, when it is known only now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// A node's run begins. One record with that run's first event.
    Started {
        /// The node.
        node: NodeIx,
        /// The run.
        run: RunId,
    },
    /// The run that looks at a node's gate begins. One record with that run's first event.
    GateStarted {
        /// The node.
        node: NodeIx,
        /// The run.
        run: RunId,
    },
    /// The run that a node is at has ended: its work, or its gate.
    ChildEnded {
        /// The node.
        node: NodeIx,
        /// How.
        end: ChildEnd,
        /// What it registered, for the stages after it.
        #[serde(default, skip_serializing_if = "Gathered::is_empty")]
        registered: Gathered,
    },
    /// A run that had ended is at work again: somebody retried hosts of it.
    Reopened {
        /// The node.
        node: NodeIx,
        /// Whether it is the run of its gate.
        gate: bool,
    },
    /// A look at a gate that counts for nothing any more is over: the work was taken up again while
    /// it looked.
    GateGone {
        /// The node.
        node: NodeIx,
    },
    /// A node has done its work; what comes next begins after this time.
    Soaking {
        /// The node.
        node: NodeIx,
        /// When it is over.
        until: At,
    },
    /// A node is over.
    Done {
        /// The node.
        node: NodeIx,
    },
    /// A person has what was done undone: its runs see to that, and nothing else begins.
    RollingBack {
        /// Who.
        by: String,
        /// Why, if they said.
        reason: String,
    },
    /// A person lets begin after all what never did.
    TakenUp {
        /// Who.
        by: String,
    },
    /// The condition of a stage, which uses what earlier stages registered, was judged when the stage
    /// would begin: where it does not hold, the stage is left out.
    Judged {
        /// The stage.
        stage: StageIx,
        /// Whether it holds.
        holds: bool,
    },
    /// What a stage has not begun, or failed at, is left out.
    Skipped {
        /// Who.
        by: String,
        /// The stage.
        stage: StageIx,
    },
}

//! Runs that are made of runs: a multi flow's stages, a fanout's branches.
//!
//! A parent has no hosts of its own. Each of its nodes (a stage, or what it does for one item) is a
//! child run; the parent says when a child begins and what follows from how it ended. What a child
//! does meanwhile is the child's own: the parent learns of it by looking ([`Child`]), a child of its
//! parent the same way ([`super::family`]), so that nothing is lost when an engine dies in between.

mod answer;
mod apply;
mod event;
mod handed;
mod late;
mod needs;
mod next;
mod progress;
mod spec;
#[cfg(test)]
mod tests;

pub use event::StageEvent;
pub use handed::{Gathered, Handed, OfNode, Registered, merge};
pub use needs::{Need, Standing, hopeless, ready};
pub use next::{Child, ChildEnd, Start};
pub use progress::{Node, NodePhase, Stages, Stop};
pub use spec::{DEEPEST, GateSpec, Late, NodeIx, NodeSpec, OnStageFailure, StageSpec, StagesSpec};

/// A stage's place in its flow.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct StageIx(pub usize);

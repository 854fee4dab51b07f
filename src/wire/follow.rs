//! Following one run: output in the order it came, and hosts in the order they ended.
//!
//! A follower pulls. A slow one holds nobody up and loses nothing: it reads on from its cursor,
//! also after the engine was started again.

use serde::{Deserialize, Serialize};

use super::view::{RunView, TaskView};
use crate::run::ids::RunId;
use crate::run::output::Chunk;

/// From where to read on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FollowFrom {
    /// The run.
    pub run: RunId,
    /// Place in the run's output; 0 is the start. Opaque.
    pub output: u64,
    /// Ended hosts seen so far.
    pub ended: u64,
    /// The revision of the view that is on screen.
    pub revision: u64,
    /// At most as many bytes of output; 0 for none.
    pub max_bytes: u32,
    /// Wait as long for something new, in milliseconds.
    pub wait_ms: u32,
}

/// What is new. Hosts are said to have ended only after all their output was given.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FollowPage {
    /// Output, in the order it came.
    pub chunks: Vec<Chunk>,
    /// Hosts that ended.
    pub ended: Vec<TaskView>,
    /// Where the run stands.
    pub view: RunView,
    /// Place to read on from.
    pub output: u64,
    /// Ended hosts given so far.
    pub ended_seen: u64,
    /// Whether there is nothing more for now.
    pub caught_up: bool,
}

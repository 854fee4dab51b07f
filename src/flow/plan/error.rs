//! Why a definition cannot be worked out.

use crate::flow::order::SpreadError;
use crate::run::complaint::quote;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It has stages or branches, which have plans of their own.
    #[error("{} is not a simple flow, so it has no batches of its own; plan its stages", quote(.0))]
    NotSimple(String),
    /// The host set is empty.
    #[error("{} would run on no host at all; name a host set that has some", quote(.0))]
    NoHosts(String),
    /// One host stands twice.
    #[error("the host {0} stands twice among the targets; name it once")]
    Twice(String),
    /// There are more hosts than can be counted.
    #[error("there are more than 4 billion hosts; name fewer")]
    TooMany,
    /// Hosts cannot be kept apart.
    #[error(transparent)]
    Spread(#[from] SpreadError),
    /// A text of a step cannot be worked out.
    #[error("the step {} on {}{}: {message}", quote(.step), quote(.host), others(*.more))]
    Text {
        /// The step.
        step: String,
        /// The first host where it fails.
        host: String,
        /// Why.
        message: String,
        /// On how many more.
        more: usize,
    },
    /// A stage's texts cannot be worked out.
    #[error("the stage {}: {message}", quote(.stage))]
    Stage {
        /// The stage.
        stage: String,
        /// Why.
        message: String,
    },
}

impl PlanError {
    /// The same for so many hosts more.
    pub(super) fn and_more(self, count: usize) -> Self {
        match self {
            Self::Text {
                step,
                host,
                message,
                ..
            } => Self::Text {
                step,
                host,
                message,
                more: count,
            },
            other => other,
        }
    }
}

fn others(more: usize) -> String {
    match more {
        0 => String::new(),
        1 => " and one more host".to_owned(),
        more => format!(" and {more} more hosts"),
    }
}

//! Definitions and stages that nobody wrote: what a branch or one command of a flow would be by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Whole;
use crate::flow::definition::{Body, Definition};
use crate::flow::rollout::{OnExceeded, Rollout};
use crate::flow::stage::{Needs, Stage, Work};
use crate::flow::step::{Act, Exec, Step};
use crate::run::spec::{Lease, OnFailure};

/// A branch of a fanout, as a stage that needs nothing.
pub(super) fn as_stage(name: &str, work: &Work) -> Stage {
    Stage {
        name: name.to_owned(),
        about: None,
        work: work.clone(),
        needs: Needs::default(),
        for_each: None,
        parallel: 1,
        when: None,
        approve: None,
        soak: None,
        gate: None,
        on_exceeded: OnExceeded::Pause,
        max_failures: None,
    }
}

/// A command as a step that nothing is said of.
pub(super) fn plain_step(name: &str, exec: Exec, timeout: Option<Duration>) -> Step {
    Step {
        name: name.to_owned(),
        about: None,
        act: Act::Exec(exec),
        when: None,
        timeout,
        retry: None,
        idempotent: false,
        verify: None,
        on_failure: OnFailure::SkipHost,
        rollback: None,
        register: BTreeMap::new(),
    }
}

/// One command of a flow, as a flow of its own.
pub(super) fn one_step(
    whole: &Whole,
    step: impl IntoIterator<Item = Step>,
    lease: Lease,
) -> Definition {
    Definition {
        name: whole.definition.name.clone(),
        app: whole.definition.app.clone(),
        about: None,
        params: whole.definition.params.clone(),
        body: Body::Simple {
            rollout: Box::new(Rollout {
                lease,
                ..Rollout::default()
            }),
            steps: step.into_iter().collect(),
        },
    }
}

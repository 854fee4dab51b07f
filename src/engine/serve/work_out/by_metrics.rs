//! The gate of a stage, where it asks a metrics server.

use super::made::one_step;
use super::{Bench, RunKind, Simple, Whole};
use crate::flow::definition::Body;
use crate::flow::give::Values;
use crate::flow::plan::{Does, Found, Turn};
use crate::flow::rollout::Gate;
use crate::run::spec::Lease;
use crate::wire::reply::Fault;

impl Bench<'_> {
    /// A look that reaches no host; one of the node's stands for all of them.
    pub(super) fn gate_by_metrics(
        &mut self,
        whole: &Whole,
        gate: &Gate,
        targets: &str,
        values: Values,
    ) -> Result<Simple, Fault> {
        let mut definition = one_step(whole, None, Lease::Shared);
        if let Body::Simple { rollout, .. } = &mut definition.body {
            rollout.gate = Some(gate.clone());
        }
        let mut simple = self.simple(definition, targets, values)?;
        simple.kind = RunKind::Gate;
        simple.version = whole.version;
        let turn = Turn {
            step: 0,
            host: 0,
            batch: 0,
        };
        let does = simple.plan.gate(turn, &Found::NotYet);
        let does = does.map_err(|error| Fault::usage(error.message))?;
        if let Some(Does::Metrics { query, .. }) = does {
            simple.title = Some(format!("metrics {query}"));
        }
        Ok(simple)
    }
}

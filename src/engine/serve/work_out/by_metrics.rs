//! The gate of a stage, where it asks a metrics server.

use super::{Bench, RunKind, Simple, Whole, Worked, one_step};
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

/// The host that stands for all of what is done.
pub(super) fn first_host(work: &Worked) -> String {
    match work {
        Worked::Simple(simple) => {
            let first = simple.plan.hosts().first();
            first.map_or_else(String::new, |host| host.name.to_string())
        }
        Worked::Whole(whole) => {
            let mut nodes = whole.stages.iter().flat_map(|stage| &stage.nodes);
            nodes
                .next()
                .map_or_else(String::new, |node| first_host(&node.work))
        }
    }
}

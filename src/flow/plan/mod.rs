//! What a simple flow will do: a definition, its frozen hosts and its values, worked out.
//!
//! A [`Plan`] is a value. The engine freezes one when a run starts; a preview shows one and
//! forgets it. Both ask the same functions for the command of a step on a host.

mod error;
mod stage;
mod task;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

pub use error::PlanError;
pub use stage::{Instance, instances, is_outside, stage_holds, stage_question};
pub use task::{Does, Found, Task, Turn};
pub use view::{NodePlan, PlanView, StagePlan, StepView};

use super::batches::batches;
use super::definition::{Body, Definition};
use super::give::Values;
use super::order::{self, Host};
use super::rollout::Rollout;
use super::step::Step;
use super::template::StageValues;
use crate::run::complaint::quote;
use crate::run::digest;
use crate::run::stages::Handed;

/// What a run is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFacts {
    /// Its number, which also shuffles its hosts; none before it starts.
    pub id: Option<u64>,
    /// Who starts it.
    pub starter: String,
}

/// How many failures are borne, as counts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Limits {
    /// In the whole run; nothing stops it when there is no number.
    pub run: Option<u32>,
    /// In each batch.
    pub batches: Vec<Option<u32>>,
}

/// What earlier stages registered, made ready for texts when the first of them uses it.
#[derive(Debug, Clone)]
struct Earlier {
    handed: Arc<Handed>,
    values: OnceLock<StageValues>,
}

impl Earlier {
    fn values(&self) -> &StageValues {
        self.values.get_or_init(|| self.handed.as_ref().into())
    }
}

/// A simple flow, worked out.
#[derive(Debug, Clone)]
pub struct Plan {
    definition: Arc<Definition>,
    hosts: Arc<[Host]>,
    values: Values,
    run: RunFacts,
    batches: Vec<Vec<usize>>,
    /// The batch of each host.
    batch_of: Vec<usize>,
    limits: Limits,
    /// What earlier stages registered, once that is known.
    stages: Option<Earlier>,
}

impl Plan {
    /// Works out a simple flow over these hosts.
    ///
    /// # Errors
    /// No host, a host twice, hosts that cannot be spread, or a definition that is no simple flow.
    pub fn new(
        definition: Arc<Definition>,
        hosts: Arc<[Host]>,
        values: Values,
        run: RunFacts,
    ) -> Result<Self, PlanError> {
        let (rollout, count) = rolled_out(&definition, &hosts)?;
        let sizes = batches(&rollout.batches, count);
        let order = order::order(rollout.order, hosts.len(), run.id.unwrap_or(0));
        let batches = match &rollout.spread {
            Some(label) => order::spread(&order, &sizes, &hosts, label)?,
            None => order::cut(&order, &sizes),
        };
        let limits = limits(rollout, count, &sizes);
        Ok(Self::of_batches(
            definition, hosts, values, run, batches, limits,
        ))
    }

    /// The plan of a run that has started: hosts in the order of work, cut into batches of these
    /// sizes.
    ///
    /// # Errors
    /// As [`new`](Self::new), and sizes that are not those of the hosts.
    pub fn as_ordered(
        definition: Arc<Definition>,
        hosts: Arc<[Host]>,
        values: Values,
        run: RunFacts,
        sizes: &[u32],
    ) -> Result<Self, PlanError> {
        let (rollout, count) = rolled_out(&definition, &hosts)?;
        let order: Vec<usize> = (0..hosts.len()).collect();
        let batches = order::cut(&order, sizes);
        let limits = limits(rollout, count, sizes);
        Ok(Self::of_batches(
            definition, hosts, values, run, batches, limits,
        ))
    }

    fn of_batches(
        definition: Arc<Definition>,
        hosts: Arc<[Host]>,
        values: Values,
        run: RunFacts,
        batches: Vec<Vec<usize>>,
        limits: Limits,
    ) -> Self {
        let mut batch_of = vec![0; hosts.len()];
        for (batch, hosts) in batches.iter().enumerate() {
            for host in hosts {
                batch_of[*host] = batch;
            }
        }
        Self {
            definition,
            hosts,
            values,
            run,
            batches,
            batch_of,
            limits,
            stages: None,
        }
    }

    /// The plan of a run of a stage that uses what earlier stages registered.
    #[must_use]
    pub fn with_stages(mut self, stages: Arc<Handed>) -> Self {
        self.stages = Some(Earlier {
            handed: stages,
            values: OnceLock::new(),
        });
        self
    }

    /// The definition it works out.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// The hosts, as they were given.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The batches, as indices of [`hosts`](Self::hosts).
    pub fn batches(&self) -> &[Vec<usize>] {
        &self.batches
    }

    /// How many failures are borne.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[Step] {
        match &self.definition.body {
            Body::Simple { steps, .. } => steps,
            Body::Multi { .. } | Body::Fanout(_) => &[],
        }
    }

    /// How it goes over its hosts; none of a definition that is no simple flow.
    pub fn rollout(&self) -> Option<&Rollout> {
        match &self.definition.body {
            Body::Simple { rollout, .. } => Some(rollout),
            Body::Multi { .. } | Body::Fanout(_) => None,
        }
    }

    /// The values of its parameters.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The batch of a host, from 0.
    pub fn batch_of(&self, host: usize) -> Option<usize> {
        self.batch_of.get(host).copied()
    }

    /// Works out every step on every host once, to find what cannot be done before anything is.
    ///
    /// # Errors
    /// For each step that fails somewhere, why on its first host, and on how many.
    pub fn verify(&self) -> Result<(), Vec<PlanError>> {
        let mut errors = Vec::new();
        for (step, about) in self.steps().iter().enumerate() {
            let mut first: Option<PlanError> = None;
            let mut failed = 0;
            for (batch, hosts) in self.batches.iter().enumerate() {
                for host in hosts {
                    let turn = Turn {
                        step,
                        host: *host,
                        batch,
                    };
                    if let Err(error) = self.task(turn, &Found::NotYet) {
                        failed += 1;
                        first.get_or_insert(PlanError::Text {
                            step: about.name.clone(),
                            host: self.hosts[*host].name.to_string(),
                            message: error.message,
                            more: 0,
                        });
                    }
                }
            }
            errors.extend(first.map(|error| error.and_more(failed - 1)));
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }

    /// What names definition, hosts and values together: an approval is bound to it.
    pub fn digest(&self) -> String {
        let names: Vec<&str> = self.hosts.iter().map(|host| &*host.name).collect();
        let all = (&*self.definition, names, self.values.before_typing());
        digest::of(&all)
    }
}

/// How a definition goes over these hosts, and how many they are.
fn rolled_out<'d>(
    definition: &'d Definition,
    hosts: &[Host],
) -> Result<(&'d Rollout, u32), PlanError> {
    let Body::Simple { rollout, .. } = &definition.body else {
        return Err(PlanError::NotSimple(definition.name.clone()));
    };
    check_hosts(&definition.name, hosts)?;
    let count = u32::try_from(hosts.len()).map_err(|_| PlanError::TooMany)?;
    Ok((rollout, count))
}

fn check_hosts(flow: &str, hosts: &[Host]) -> Result<(), PlanError> {
    if hosts.is_empty() {
        return Err(PlanError::NoHosts(flow.to_owned()));
    }
    let mut seen = BTreeSet::new();
    match hosts.iter().find(|host| !seen.insert(&host.name)) {
        Some(twice) => Err(PlanError::Twice(quote(&twice.name))),
        None => Ok(()),
    }
}

fn limits(rollout: &Rollout, hosts: u32, sizes: &[u32]) -> Limits {
    let of_batch = |(index, size): (usize, &u32)| {
        let canary = rollout.canary.as_ref().filter(|_| index == 0);
        let canary = canary.map(|canary| canary.max_failures.of(*size));
        let every = rollout.max_failures_per_batch.map(|limit| limit.of(*size));
        canary.into_iter().chain(every).min()
    };
    Limits {
        run: rollout.max_failures.map(|limit| limit.of(hosts)),
        batches: sizes.iter().enumerate().map(of_batch).collect(),
    }
}

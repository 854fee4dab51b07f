//! A plan as other programs read it: `conn flow plan --json`.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Found, Limits, Plan, Task, Turn};
use crate::flow::definition::Body;
use crate::flow::rollout::{OnExceeded, Rollout, Strategy};
use crate::flow::template::TemplateError;
use crate::run::spec::Lease;
use crate::run::spec::OnFailure;

/// A plan, in the shape of the contracts and a little more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanView {
    /// What it is made of, when it is made of runs: then it has no steps and batches of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StagePlan>,
    /// The flow.
    pub flow: String,
    /// What is done on each host, in order; texts are those of the first host.
    pub steps: Vec<StepView>,
    /// The hosts of each batch.
    pub batches: Vec<Vec<Arc<str>>>,
    /// How many hosts there are.
    pub hosts: usize,
    /// Hosts at work at once.
    pub concurrency: u32,
    /// Failures that are borne in the whole run.
    pub max_failures: Option<u32>,
    /// Failures that are borne in each batch.
    pub max_failures_per_batch: Vec<Option<u32>>,
    /// Seconds after each batch.
    pub soak: Vec<f64>,
    /// Whether a gate stands behind each batch.
    pub gate: bool,
    /// What happens when there are too many failures.
    pub on_exceeded: OnExceeded,
    /// How steps and hosts take turns.
    pub strategy: Strategy,
    /// The claim on the hosts.
    pub lease: Lease,
    /// What an approval of it is bound to.
    pub digest: String,
}

impl Default for PlanView {
    fn default() -> Self {
        let standard = Rollout::default();
        Self {
            stages: Vec::new(),
            flow: String::new(),
            steps: Vec::new(),
            batches: Vec::new(),
            hosts: 0,
            concurrency: standard.concurrency,
            max_failures: None,
            max_failures_per_batch: Vec::new(),
            soak: Vec::new(),
            gate: false,
            on_exceeded: standard.on_exceeded,
            strategy: standard.strategy,
            lease: standard.lease,
            digest: String::new(),
        }
    }
}

/// A stage of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StagePlan {
    /// Its name.
    pub stage: String,
    /// The stages that it needs.
    pub needs: Vec<String>,
    /// How many of those.
    pub needs_count: usize,
    /// How many of its runs at once.
    pub parallel: u32,
    /// Whether a person says yes before it begins.
    pub approve: bool,
    /// Seconds after each of its runs.
    pub soak: f64,
    /// Its runs; none, when its condition does not hold.
    pub nodes: Vec<NodePlan>,
}

/// A run of a stage of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodePlan {
    /// The item that it is done for.
    pub item: Option<String>,
    /// The command of the gate behind it, as on its first host.
    pub gate: Option<String>,
    /// What it does.
    pub plan: PlanView,
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepView {
    /// Its name.
    pub name: String,
    /// What sort of thing it does.
    pub act: String,
    /// The host whose texts are shown.
    pub host: Arc<str>,
    /// The command there, where it is one.
    pub command: Option<String>,
    /// Everything it does there.
    pub task: Task,
    /// Its condition.
    pub when: Option<String>,
    /// Seconds it may take.
    pub timeout: Option<f64>,
    /// How often it is tried at most.
    pub attempts: u32,
    /// Whether doing it twice does no harm.
    pub idempotent: bool,
    /// Whether it happens once a batch.
    pub barrier: bool,
    /// What becomes of a host where it failed.
    pub on_failure: OnFailure,
}

impl Plan {
    /// The plan for other programs.
    ///
    /// # Errors
    /// A text that cannot be worked out on the first host.
    pub fn view(&self) -> Result<PlanView, TemplateError> {
        self.view_at(0)
    }

    /// The same, with the texts of the first host of this batch.
    ///
    /// # Errors
    /// A text that cannot be worked out on that host.
    pub fn view_at(&self, batch: usize) -> Result<PlanView, TemplateError> {
        let Limits { run, batches } = self.limits();
        let standard = Rollout::default();
        let rollout = match &self.definition.body {
            Body::Simple { rollout, .. } => rollout.as_ref(),
            Body::Multi { .. } | Body::Fanout(_) => &standard,
        };
        let name = |host: &usize| Arc::clone(&self.hosts[*host].name);
        let names = |batch: &Vec<usize>| batch.iter().map(name).collect();
        Ok(PlanView {
            stages: Vec::new(),
            flow: self.definition.name.clone(),
            steps: (0..self.steps().len())
                .map(|step| self.step_view(step, batch))
                .collect::<Result<_, _>>()?,
            batches: self.batches.iter().map(names).collect(),
            hosts: self.hosts.len(),
            concurrency: rollout.concurrency,
            max_failures: *run,
            max_failures_per_batch: batches.clone(),
            soak: self.soaks(rollout),
            gate: rollout.gate.is_some(),
            on_exceeded: rollout.on_exceeded,
            strategy: rollout.strategy,
            lease: rollout.lease,
            digest: self.digest(),
        })
    }

    /// The time after each batch but the last.
    fn soaks(&self, rollout: &Rollout) -> Vec<f64> {
        let canary = rollout.canary.as_ref().and_then(|canary| canary.soak);
        let soak = |batch: usize| canary.filter(|_| batch == 0).or(rollout.soak);
        let between = self.batches.len().saturating_sub(1);
        (0..between)
            .map(|batch| soak(batch).map_or(0.0, |soak| soak.as_secs_f64()))
            .collect()
    }

    fn step_view(&self, index: usize, batch: usize) -> Result<StepView, TemplateError> {
        let host = self
            .batches
            .get(batch)
            .and_then(|batch| batch.first())
            .copied()
            .unwrap_or(0);
        let turn = Turn {
            step: index,
            host,
            batch,
        };
        let task = self.task(turn, &Found::NotYet)?;
        let step = &self.steps()[index];
        Ok(StepView {
            name: step.name.clone(),
            act: step.act.word().to_owned(),
            host: Arc::clone(&self.hosts[host].name),
            command: task.does.command().map(str::to_owned),
            task,
            when: step.when.as_ref().map(|when| when.source().to_owned()),
            timeout: step.timeout.as_ref().map(Duration::as_secs_f64),
            attempts: step.retry.as_ref().map_or(1, |retry| retry.attempts),
            idempotent: step.idempotent,
            barrier: step.is_barrier(),
            on_failure: step.on_failure,
        })
    }
}

//! Runs of flows: a definition frozen with its hosts and values, and what it does on each host.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::flow::definition::Definition;
use crate::flow::give::Values;
use crate::flow::metrics::Judge;
use crate::flow::order::Host;
use crate::flow::plan::{Does, Found, Plan, RunFacts, Task, Turn};
use crate::flow::register::Register;
use crate::flow::step;
use crate::flow::value::Tainted;
use crate::run::event::Cut;
use crate::run::http::{Http, Metrics};
use crate::run::ids::HostIx;
use crate::run::spec::{Act, Exec, FlowPart, FlowRef, Local, Pull, Push};
use crate::run::state::Run;

/// What a run keeps of its flow.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Frozen {
    pub definition: Definition,
    /// In the order of the run's targets.
    pub hosts: Vec<Host>,
    pub batches: Vec<u32>,
    pub values: Values,
    /// Files that are pushed, by their source: the blob and its size.
    pub files: BTreeMap<String, (String, u64)>,
}

/// A run's flow, ready to say what is done where.
pub struct FlowRun {
    plan: Plan,
    files: BTreeMap<String, (String, u64)>,
}

impl FlowRun {
    /// The flow of a run, if it is one of a flow and can be read.
    pub fn of(run: &Run) -> Option<Arc<Self>> {
        // A run that is made of runs does nothing itself.
        let flow = run
            .spec
            .flow
            .as_ref()
            .filter(|_| run.spec.stages.is_none())?;
        match Self::thaw(run, flow) {
            Ok(flow) => Some(Arc::new(flow)),
            Err(why) => {
                tracing::error!(run = %run.id, %why, "the run's flow cannot be read");
                None
            }
        }
    }

    fn thaw(run: &Run, flow: &FlowRef) -> Result<Self, String> {
        let frozen: Frozen =
            serde_json::from_str(&flow.frozen).map_err(|error| error.to_string())?;
        let facts = RunFacts {
            id: Some(run.id.0),
            starter: run.starter.clone(),
        };
        let definition = Arc::new(frozen.definition);
        let hosts = frozen.hosts.into();
        // Batches may have been cut anew since it started.
        let batches: Vec<u32> = run.cuts.iter().map(|cut| cut.hosts).collect();
        let plan = Plan::as_ordered(definition, hosts, frozen.values, facts, &batches)
            .map_err(|error| error.to_string())?;
        let plan = match &run.handed {
            Some(handed) => plan.with_stages(Arc::clone(handed)),
            None => plan,
        };
        Ok(Self {
            plan,
            files: frozen.files,
        })
    }

    /// Batches of these sizes, with the failures that are borne in each; `Err` is a sentence.
    pub fn cut(&self, sizes: &[u32]) -> Result<Vec<Cut>, String> {
        let rollout = self.plan.rollout().ok_or("it has no batches")?;
        if let Some(label) = &rollout.spread {
            return Err(format!(
                "its hosts are spread over its batches by {label}, which they would not be any more"
            ));
        }
        let limit = rollout.max_failures_per_batch;
        let cut = |&hosts: &u32| Cut {
            hosts,
            failures: limit.map(|limit| limit.of(hosts)),
        };
        Ok(sizes.iter().map(cut).collect())
    }

    /// What a part of the flow does on a host; `Err` is a sentence.
    pub fn act(&self, part: FlowPart, host: HostIx, run: &Run) -> Result<Act, String> {
        let does = match part {
            FlowPart::Step(step) => self.task(step, host, run)?.does,
            FlowPart::Verify(step) => self
                .task(step, host, run)?
                .verify
                .ok_or("nothing verifies this step")?,
            FlowPart::Undo(step) => {
                let turn = self.turn(usize::from(step), host);
                let undo = self.plan.undo(turn, &found(run, host));
                undo.map_err(|error| error.message)?
                    .ok_or("nothing undoes this step")?
            }
            FlowPart::Gate => {
                let turn = self.turn(0, host);
                let gate = self.plan.gate(turn, &found(run, host));
                gate.map_err(|error| error.message)?
                    .ok_or("the flow has no gate")?
            }
        };
        self.act_of(does, part)
    }

    /// What a gate by metrics makes of a value, for the batch of this host.
    pub fn judge(&self, part: FlowPart, host: HostIx, run: &Run) -> Option<Judge> {
        if part != FlowPart::Gate {
            return None;
        }
        self.plan.judge(self.turn(0, host), &found(run, host))
    }

    /// Whether the condition of a part holds on a host: the condition alone, whatever the other texts
    /// of the step are. One that cannot be judged holds: the step itself then says what is wrong.
    pub fn holds(&self, part: FlowPart, host: HostIx, run: &Run) -> bool {
        match part {
            FlowPart::Step(step) | FlowPart::Verify(step) => {
                let turn = self.turn(usize::from(step), host);
                let applies = self.plan.applies(turn, &found(run, host));
                !matches!(applies, Ok(Some(false)))
            }
            FlowPart::Gate | FlowPart::Undo(_) => true,
        }
    }

    /// Values to be taken from what a part wrote.
    pub fn registers(&self, part: FlowPart) -> Option<&BTreeMap<String, Register>> {
        let FlowPart::Step(step) = part else {
            return None;
        };
        let step = self.plan.steps().get(usize::from(step))?;
        (!step.register.is_empty()).then_some(&step.register)
    }

    /// The statuses that an http step is content with.
    fn success(&self, part: FlowPart) -> Option<Vec<(u16, u16)>> {
        let FlowPart::Step(step) = part else {
            return None;
        };
        match &self.plan.steps().get(usize::from(step))?.act {
            step::Act::Http(http) => Some(http.success.clone()),
            _ => None,
        }
    }

    fn task(&self, step: u16, host: HostIx, run: &Run) -> Result<Task, String> {
        let turn = self.turn(usize::from(step), host);
        let task = self.plan.task(turn, &found(run, host));
        task.map_err(|error| error.message)
    }

    fn turn(&self, step: usize, host: HostIx) -> Turn {
        let host = host.index();
        Turn {
            step,
            host,
            batch: self.plan.batch_of(host).unwrap_or_default(),
        }
    }

    fn act_of(&self, does: Does, part: FlowPart) -> Result<Act, String> {
        match does {
            Does::Http {
                method,
                url,
                headers,
                body,
            } => Ok(Act::Http(Http {
                method,
                url,
                headers,
                body,
                success: self.success(part).unwrap_or_default(),
            })),
            Does::Metrics { url, query } => Ok(Act::Metrics(Metrics { url, query })),
            Does::Exec {
                command,
                run_as,
                env,
                durable,
            } => Ok(Act::Exec(Exec {
                command,
                env,
                run_as,
                durable,
                stdin: false,
            })),
            Does::Push {
                source,
                dest,
                owner,
                mode,
            } => {
                let (blob, size) = self
                    .files
                    .get(&source)
                    .cloned()
                    .ok_or_else(|| format!("{source} was not read when the run started"))?;
                Ok(Act::Push(Push {
                    blob,
                    size,
                    source,
                    dest,
                    owner,
                    mode,
                }))
            }
            Does::Local { command, env } => Ok(Act::Local(Local { command, env })),
            Does::Pull { source, dest } => Ok(Act::Pull(Pull { source, dest })),
            other => Err(format!("this version cannot do {other:?}")),
        }
    }
}

/// The values that a flow was given, for people: a secret only by its name.
pub(super) fn given(flow: &FlowRef) -> BTreeMap<String, String> {
    #[derive(Deserialize)]
    struct Given {
        values: Values,
    }
    let read = serde_json::from_str::<Given>(&flow.frozen);
    read.map_or_else(
        |_| BTreeMap::new(),
        |given| {
            let values = given.values.iter();
            values
                .map(|(name, value)| (name.to_owned(), value.to_string()))
                .collect()
        },
    )
}

/// What a run is of, simple or made of runs, and the values it was started with; `Err` says why
/// that cannot be read.
pub(super) fn started(flow: &FlowRef) -> Result<(Definition, Values), String> {
    #[derive(Deserialize)]
    struct Started {
        definition: Definition,
        values: Values,
    }
    let read = serde_json::from_str::<Started>(&flow.frozen);
    read.map(|started| (started.definition, started.values))
        .map_err(|error| error.to_string())
}

/// Values of steps before, as templates see them: from outside, whatever they hold.
fn found(run: &Run, host: HostIx) -> Found {
    let values = run.registered(host).into_iter().flatten();
    let tainted = values.map(|(name, value)| (name.clone(), Tainted::new(value.as_str())));
    Found::Values(tainted.collect())
}

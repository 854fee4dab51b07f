//! One step on one host, with every text as it will be.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Plan;
use crate::flow::give::Values;
use crate::flow::metrics::Judge;
use crate::flow::param::ParamValue;
use crate::flow::rollout::GateBy;
use crate::flow::step::{Act, Env, Exec, Given, Http, Method, Role, Step, Verify, VerifyBy};
use crate::flow::template::{Scope, TemplateError, Text};
use crate::flow::value::Tainted;
use crate::run::secret::Filled;

/// Which step, on which host, in which batch; all from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The step.
    pub step: usize,
    /// The host, as an index of the plan's hosts.
    pub host: usize,
    /// The batch.
    pub batch: usize,
}

/// The values that earlier steps took from their output on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The run did not start: each stands as its own name.
    NotYet,
    /// These.
    Values(BTreeMap<String, Tainted>),
}

/// A step on a host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The step.
    pub step: String,
    /// What it does.
    pub does: Does,
    /// Whether its condition holds; nothing when that shows only during the run.
    pub applies: Option<bool>,
    /// What looks whether it did its work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Does>,
    /// What undoes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Does>,
}

/// What is done, with all values in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Does {
    /// A command on the host.
    Exec {
        /// The command.
        command: String,
        /// The user.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run_as: Option<String>,
        /// Its variables.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        env: BTreeMap<String, Filled>,
        /// Whether it outlives its connection.
        durable: bool,
    },
    /// A file to the host.
    Push {
        /// From here.
        source: String,
        /// To there.
        dest: String,
        /// Owner there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        /// Permission bits there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<u32>,
    },
    /// A file from the host.
    Pull {
        /// From there.
        source: String,
        /// To here.
        dest: String,
    },
    /// A request.
    Http {
        /// The method.
        method: Method,
        /// Where.
        url: String,
        /// Headers.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, Filled>,
        /// What is sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<Filled>,
    },
    /// A question to a metrics server.
    Metrics {
        /// The server.
        url: String,
        /// The query.
        query: String,
    },
    /// A person's yes.
    Approve {
        /// Whose.
        role: Role,
        /// What to look at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// Waiting.
    Wait {
        /// So long.
        seconds: f64,
    },
    /// A command on the bastion.
    Local {
        /// The command.
        command: String,
        /// Its variables.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        env: BTreeMap<String, Filled>,
    },
    /// A diagnosis.
    Tree {
        /// The tree.
        name: String,
    },
}

impl Does {
    /// The command, where it is one.
    pub fn command(&self) -> Option<&str> {
        match self {
            Self::Exec { command, .. } | Self::Local { command, .. } => Some(command),
            _ => None,
        }
    }
}

impl Plan {
    /// One step on one host.
    ///
    /// # Errors
    /// A text that cannot be worked out there.
    pub fn task(&self, turn: Turn, found: &Found) -> Result<Task, TemplateError> {
        let missing = || TemplateError::of("there is no such step or host in this plan");
        let step = self.steps().get(turn.step).ok_or_else(missing)?;
        let scope = self.scope(turn, found).ok_or_else(missing)?;
        let fill = Fill {
            scope: &scope,
            values: self.values(),
        };
        Ok(Task {
            step: step.name.clone(),
            does: fill.act(&step.act)?,
            applies: applies(step, &scope, found)?,
            verify: step
                .verify
                .as_ref()
                .map(|verify| fill.verify(verify))
                .transpose()?,
            rollback: step
                .rollback
                .as_ref()
                .map(|undo| fill.exec(&undo.exec))
                .transpose()?,
        })
    }

    /// Whether the condition of a step holds on a host; nothing when that shows only during the run.
    ///
    /// # Errors
    /// A condition that cannot be judged there.
    pub fn applies(&self, turn: Turn, found: &Found) -> Result<Option<bool>, TemplateError> {
        let missing = || TemplateError::of("there is no such step or host in this plan");
        let step = self.steps().get(turn.step).ok_or_else(missing)?;
        let scope = self.scope(turn, found).ok_or_else(missing)?;
        applies(step, &scope, found)
    }

    /// What the gate does on a host: a command, or a question that one host asks for its batch.
    ///
    /// # Errors
    /// A text that cannot be worked out there.
    pub fn gate(&self, turn: Turn, found: &Found) -> Result<Option<Does>, TemplateError> {
        let gate = self.rollout().and_then(|rollout| rollout.gate.as_ref());
        let missing = || TemplateError::of("there is no such host in this plan");
        let scope = self.scope(turn, found).ok_or_else(missing)?;
        match gate.map(|gate| &gate.by) {
            Some(GateBy::Exec { exec, .. }) => {
                let fill = Fill {
                    scope: &scope,
                    values: self.values(),
                };
                fill.exec(exec).map(Some)
            }
            Some(GateBy::Metrics(metrics)) => Ok(Some(Does::Metrics {
                url: metrics.url.render(&scope)?,
                query: metrics.query.render(&scope)?,
            })),
            Some(GateBy::Tree(_)) | None => Ok(None),
        }
    }

    /// What a gate by metrics makes of a value, for the batch of a host.
    pub fn judge(&self, turn: Turn, found: &Found) -> Option<Judge> {
        let gate = self.rollout().and_then(|rollout| rollout.gate.as_ref());
        let Some(GateBy::Metrics(metrics)) = gate.map(|gate| &gate.by) else {
            return None;
        };
        Some(Judge::new(metrics, self.scope(turn, found)?))
    }

    /// The command that undoes a step on a host, where there is one. The step's own texts do not
    /// matter to it.
    ///
    /// # Errors
    /// A text that cannot be worked out there.
    pub fn undo(&self, turn: Turn, found: &Found) -> Result<Option<Does>, TemplateError> {
        let missing = || TemplateError::of("there is no such step or host in this plan");
        let step = self.steps().get(turn.step).ok_or_else(missing)?;
        let Some(undo) = &step.rollback else {
            return Ok(None);
        };
        let scope = self.scope(turn, found).ok_or_else(missing)?;
        let fill = Fill {
            scope: &scope,
            values: self.values(),
        };
        fill.exec(&undo.exec).map(Some)
    }

    /// What templates of a step may use on a host.
    fn scope(&self, turn: Turn, found: &Found) -> Option<Scope> {
        let host = self.hosts.get(turn.host)?;
        let short = host.name.split('.').next().unwrap_or_default();
        let run = self
            .run
            .id
            .map_or_else(|| json!("<run.id>"), |id| json!(id.to_string()));
        let scope = self
            .values
            .scope()
            .with("host", &json!({ "name": host.name, "short": short, "labels": host.labels, "vars": host.vars }))
            .with("batch", &json!(turn.batch + 1))
            .with("batches", &json!(self.batches.len()))
            .with("run", &json!({ "id": run, "name": self.definition.name, "starter": self.run.starter }));
        let scope = match &self.stages {
            Some(stages) => scope.with_stages(stages.values()),
            None => scope,
        };
        Some(match found {
            Found::Values(values) => scope.with_outside_under("registered", values),
            Found::NotYet => scope.with_outside_under("registered", &self.placeholders()),
        })
    }

    fn placeholders(&self) -> BTreeMap<String, Tainted> {
        let names = self.steps().iter().flat_map(|step| step.register.keys());
        names
            .map(|name| (name.clone(), Tainted::new(format!("<{name}>"))))
            .collect()
    }
}

fn applies(step: &Step, scope: &Scope, found: &Found) -> Result<Option<bool>, TemplateError> {
    match &step.when {
        None => Ok(Some(true)),
        Some(when) if when.uses("registered") && *found == Found::NotYet => Ok(None),
        Some(when) => when.holds(scope).map(Some),
    }
}

/// Puts values into texts.
struct Fill<'a> {
    scope: &'a Scope,
    values: &'a Values,
}

impl Fill<'_> {
    fn act(&self, act: &Act) -> Result<Does, TemplateError> {
        Ok(match act {
            Act::Exec(exec) => self.exec(exec)?,
            Act::Push(push) => Does::Push {
                source: push.source.render(self.scope)?,
                dest: push.dest.render(self.scope)?,
                owner: self.maybe(push.owner.as_ref())?,
                mode: push.mode,
            },
            Act::Pull(pull) => Does::Pull {
                source: pull.source.render(self.scope)?,
                dest: pull.dest.render(self.scope)?,
            },
            Act::Http(http) => self.http(http)?,
            Act::Approve(approve) => Does::Approve {
                role: approve.role,
                text: self.maybe(approve.text.as_ref())?,
            },
            Act::Wait(time) => Does::Wait {
                seconds: time.as_secs_f64(),
            },
            Act::Local(local) => Does::Local {
                command: local.command.render(self.scope)?,
                env: self.env(&local.env)?,
            },
            Act::Tree(name) => Does::Tree { name: name.clone() },
        })
    }

    fn exec(&self, exec: &Exec) -> Result<Does, TemplateError> {
        // As it is written, while the stages before are still to be done.
        let late = exec.command.uses("stages") && !self.scope.has("stages");
        Ok(Does::Exec {
            command: if late {
                exec.command.source().to_owned()
            } else {
                exec.command.render(self.scope)?
            },
            run_as: self.maybe(exec.run_as.as_ref())?,
            env: self.env(&exec.env)?,
            durable: exec.durable,
        })
    }

    fn verify(&self, verify: &Verify) -> Result<Does, TemplateError> {
        match &verify.by {
            VerifyBy::Exec(exec) => self.exec(exec),
            VerifyBy::Tree(name) => Ok(Does::Tree { name: name.clone() }),
        }
    }

    fn http(&self, http: &Http) -> Result<Does, TemplateError> {
        let body = http
            .body
            .as_ref()
            .map(|body| self.given(body))
            .transpose()?;
        Ok(Does::Http {
            method: http.method,
            url: http.url.render(self.scope)?,
            headers: self.env(&http.headers)?,
            body: body.flatten(),
        })
    }

    fn maybe(&self, text: Option<&Text>) -> Result<Option<String>, TemplateError> {
        text.map(|text| text.render(self.scope)).transpose()
    }

    fn env(&self, env: &Env) -> Result<BTreeMap<String, Filled>, TemplateError> {
        let mut filled = BTreeMap::new();
        for (name, given) in env {
            filled.extend(self.given(given)?.map(|value| (name.clone(), value)));
        }
        Ok(filled)
    }

    /// Nothing, when it is a secret that was not given.
    fn given(&self, given: &Given) -> Result<Option<Filled>, TemplateError> {
        match given {
            Given::Text(text) => text.render(self.scope).map(Filled::Text).map(Some),
            Given::Secret(param) => {
                let value = self.values.get(param);
                Ok(value.and_then(ParamValue::secret).map(Filled::Secret))
            }
        }
    }
}

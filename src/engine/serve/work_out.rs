//! What would be done, worked out and found to be possible: a flow or fanout with its hosts and
//! values, and whatever its stages and branches do.

mod by_metrics;
mod hosts;
mod made;

use std::collections::BTreeMap;
use std::sync::Arc;

use hosts::{first_host, hosts_of, hosts_text};
use made::{as_stage, one_step, plain_step};

use super::definitions::{none, removed};
use super::queries::identity;
use super::start_flow::access;
use crate::engine::Parts;
use crate::engine::definitions::{DefinitionError, Shelf, Stored};
use crate::engine::people::Person;
use crate::flow::book::misfit;
use crate::flow::definition::{Body, Definition, Kind};
use crate::flow::give::{GiveError, Offer, Values, offers};
use crate::flow::graph::Graph;
use crate::flow::order::Host;
use crate::flow::param::Params;
use crate::flow::plan::{
    Instance, Plan, PlanError, RunFacts, instances, is_outside, stage_question,
};
use crate::flow::rollout::{Gate, GateBy, Inconclusive, Limit, OnExceeded};
use crate::flow::stage::{Action, Stage};
use crate::flow::step::Approve;
use crate::inventory::ResolvedHost;
use crate::run::complaint::quote;
use crate::run::secret::{SecretRef, Typed};
use crate::run::spec::{Access, Approval, Lease, RunKind, Target};
use crate::run::stages::{DEEPEST, Late, Need, OnStageFailure, StageIx};
use crate::wire::definitions::PlanFlow;
use crate::wire::reply::Fault;
use crate::wire::request::HostsQuery;

/// Stages, with all their items, of one start.
const MOST_NODES: usize = 1_000;
/// Hosts of one start, counted in every stage that they are in.
const MOST_HOSTS: usize = 500_000;

/// Definitions, by kind and name, as they were at one moment.
pub(super) type Stock = BTreeMap<(Kind, String), Stored>;

/// What is started, worked out.
pub(super) enum Worked {
    /// Steps over hosts.
    Simple(Box<Simple>),
    /// Runs.
    Whole(Box<Whole>),
}

/// Steps over hosts, worked out.
pub(super) struct Simple {
    pub kind: RunKind,
    /// What it is called in lists, when that is not its name and values.
    pub title: Option<String>,
    pub plan: Plan,
    pub version: u32,
    pub targets_text: String,
    /// In the order of the plan's hosts.
    pub targets: Vec<Target>,
    pub access: Access,
    /// What its stage says instead of what its rollout does.
    pub max_failures: Option<Limit>,
    pub on_exceeded: Option<OnExceeded>,
    /// Of a gate: the codes that say neither yes nor no.
    pub neither: Option<Vec<u32>>,
}

/// Runs, worked out.
pub(super) struct Whole {
    pub kind: RunKind,
    pub definition: Definition,
    pub version: u32,
    pub values: Values,
    pub targets_text: String,
    pub access: Access,
    pub stages: Vec<WorkedStage>,
    pub parallel: Option<u32>,
    pub join: Option<usize>,
    pub fail_fast: bool,
}

/// One stage or branch, worked out.
pub(super) struct WorkedStage {
    pub name: String,
    pub needs: Need,
    pub parallel: u32,
    pub approve: Option<Approval>,
    pub soak: std::time::Duration,
    pub on_failure: OnStageFailure,
    pub late: Late,
    pub nodes: Vec<WorkedNode>,
}

/// What a stage does once, worked out.
pub(super) struct WorkedNode {
    pub item: Option<String>,
    pub work: Worked,
    pub gate: Option<Simple>,
}

/// A definition and everything that it refers to.
pub(super) fn stock(
    shelf: &Shelf<'_>,
    kind: Kind,
    name: &str,
) -> Result<Result<Stock, Fault>, DefinitionError> {
    let mut stock = Stock::new();
    let mut wanted = vec![(kind, name.to_owned())];
    while let Some((kind, name)) = wanted.pop() {
        if stock.contains_key(&(kind, name.clone())) {
            continue;
        }
        let Some(stored) = shelf.current(kind, &name)? else {
            return Ok(Err(match shelf.standing(kind, &name)? {
                Some(standing) => removed(&standing),
                None => none(shelf, kind, &name)?,
            }));
        };
        for (_, work) in stored.definition.works() {
            wanted.extend(reference(&work.action));
        }
        stock.insert((kind, name), stored);
    }
    Ok(Ok(stock))
}

fn reference(action: &Action) -> Option<(Kind, String)> {
    match action {
        Action::Flow(name) => Some((Kind::Flow, name.clone())),
        Action::Fanout(name) => Some((Kind::Action, name.clone())),
        Action::Exec { .. } => None,
    }
}

/// Works out what was asked for; `number` is that of the run, when one is to start.
pub(super) fn worked_out(
    parts: &Parts,
    asked: &PlanFlow,
    typed: &[Typed],
    stock: &Stock,
    person: &Person,
    number: Option<u64>,
) -> Result<(Worked, Vec<String>), Fault> {
    let mut query = HostsQuery {
        ssh_config: asked.ssh_config.clone(),
        ..HostsQuery::default()
    };
    query.identity = identity(parts, &query, person)?;
    let mut bench = Bench {
        parts,
        stock,
        person,
        access: access(asked, query.identity.clone()),
        query,
        facts: RunFacts {
            id: number,
            starter: person.name.clone(),
        },
        nodes: 0,
        hosts: 0,
        warnings: Vec::new(),
    };
    let mut offers = offers(&asked.set).map_err(|errors| all_of(&errors))?;
    for typed in typed {
        let offer = Offer::Typed(typed.clone());
        if offers.insert(typed.name.clone(), offer).is_some() {
            return Err(Fault::usage(
                GiveError::Twice(typed.name.clone()).to_string(),
            ));
        }
    }
    let wanted = Wanted {
        kind: asked.kind,
        name: asked.name.clone(),
        targets: (!asked.targets.trim().is_empty()).then(|| asked.targets.clone()),
        offers,
    };
    let worked = bench.work_out(&wanted, 0)?;
    bench.warnings.sort();
    bench.warnings.dedup();
    Ok((worked, bench.warnings))
}

/// A definition that is to be worked out.
struct Wanted {
    kind: Kind,
    name: String,
    targets: Option<String>,
    offers: BTreeMap<String, Offer>,
}

/// What stays the same while one start is worked out.
struct Bench<'b> {
    parts: &'b Parts,
    stock: &'b Stock,
    person: &'b Person,
    query: HostsQuery,
    access: Access,
    facts: RunFacts,
    nodes: usize,
    hosts: usize,
    warnings: Vec<String>,
}

impl Bench<'_> {
    fn work_out(&mut self, wanted: &Wanted, depth: usize) -> Result<Worked, Fault> {
        if depth >= DEEPEST {
            return Err(Fault::usage(format!(
                "{} stands in {DEEPEST} flows, one in another; put some of them into one",
                wanted.name
            )));
        }
        let stored = self
            .stock
            .get(&(wanted.kind, wanted.name.clone()))
            .ok_or_else(|| Fault::usage(format!("there is no {}", quote(&wanted.name))))?;
        let values = self.values(&stored.definition.params, &wanted.offers)?;
        self.admit_secrets(&values, wanted)?;
        match &stored.definition.body {
            Body::Simple { .. } => {
                let targets = wanted.targets.as_ref().ok_or_else(|| {
                    Fault::usage(format!(
                        "{} needs hosts; name them with -w, or as targets of its stage",
                        wanted.name
                    ))
                })?;
                let mut simple = self.simple(stored.definition.clone(), targets, values)?;
                simple.version = stored.version;
                Ok(Worked::Simple(Box::new(simple)))
            }
            Body::Multi { .. } | Body::Fanout(_) => {
                let whole = self.whole(stored, wanted, values, depth)?;
                Ok(Worked::Whole(Box::new(whole)))
            }
        }
    }

    fn simple(
        &mut self,
        definition: Definition,
        targets_text: &str,
        values: Values,
    ) -> Result<Simple, Fault> {
        let query = HostsQuery {
            targets: targets_text.to_owned(),
            ..self.query.clone()
        };
        let found = self.parts.directory.resolve(&query)?;
        self.warnings.extend(found.warnings);
        self.hosts += found.hosts.len();
        if self.hosts > MOST_HOSTS {
            let why = format!("it would be more than {MOST_HOSTS} hosts; start it in parts");
            return Err(Fault::usage(why));
        }
        let (targets, hosts): (Vec<Target>, Vec<Host>) = found
            .hosts
            .into_iter()
            .map(|host| (host.target, of(host.resolved)))
            .unzip();
        let plan = Plan::new(
            Arc::new(definition),
            hosts.into(),
            values,
            self.facts.clone(),
        );
        let plan = plan.map_err(|error| Fault::usage(error.to_string()))?;
        plan.verify().map_err(|errors| all_of(&errors))?;
        Ok(Simple {
            kind: RunKind::Flow,
            title: None,
            plan,
            version: 0,
            targets_text: targets_text.to_owned(),
            targets,
            access: self.access.clone(),
            max_failures: None,
            on_exceeded: None,
            neither: None,
        })
    }

    fn whole(
        &mut self,
        stored: &Stored,
        wanted: &Wanted,
        values: Values,
        depth: usize,
    ) -> Result<Whole, Fault> {
        let definition = &stored.definition;
        let mut whole = Whole {
            kind: RunKind::Flow,
            definition: definition.clone(),
            version: stored.version,
            targets_text: String::new(),
            access: self.access.clone(),
            stages: Vec::new(),
            parallel: None,
            join: None,
            fail_fast: false,
            values,
        };
        let stages: Vec<Stage> = match &definition.body {
            Body::Simple { .. } => Vec::new(),
            Body::Multi { stages } => stages.clone(),
            Body::Fanout(fanout) => {
                whole.kind = RunKind::Fanout;
                whole.parallel = Some(fanout.parallel);
                whole.fail_fast = fanout.fail_fast;
                whole.join = Some(fanout.join.count(fanout.branches.len()));
                let branches = fanout.branches.iter();
                branches
                    .map(|branch| as_stage(&branch.name, &branch.work))
                    .collect()
            }
        };
        if wanted.targets.is_some() && stages.iter().all(|stage| stage.work.targets.is_some()) {
            return Err(Fault::usage(format!(
                "every stage of {} names its hosts, so -w would mean nothing; leave it out",
                wanted.name
            )));
        }
        let graph = Graph::new(&stages).map_err(|error| Fault::usage(error.to_string()))?;
        for (stage, needs) in stages.iter().zip(graph.needs()) {
            let worked = self.stage(&whole, stage, needs.clone(), wanted, depth);
            whole.stages.push(worked.map_err(|fault| {
                let stage = quote(&stage.name);
                Fault::usage(format!(
                    "the stage {stage} of {}: {}",
                    wanted.name, fault.message
                ))
            })?);
        }
        whole.targets_text = hosts_of(&whole);
        Ok(whole)
    }

    fn stage(
        &mut self,
        whole: &Whole,
        stage: &Stage,
        needs: Need,
        wanted: &Wanted,
        depth: usize,
    ) -> Result<WorkedStage, Fault> {
        let flow = &whole.definition.name;
        let told = |error: PlanError| match error {
            PlanError::Stage { message, .. } => Fault::usage(message),
            other => Fault::usage(other.to_string()),
        };
        let instances = instances(flow, stage, &whole.values, &self.facts).map_err(told)?;
        let late = late(definition_stages(&whole.definition), stage);
        let approve = stage
            .approve
            .as_ref()
            .map(|approve| self.approval(whole, stage, approve, &late))
            .transpose()?;
        self.nodes += instances.len();
        if self.nodes > MOST_NODES {
            let why = format!("it would be more than {MOST_NODES} runs; do it for fewer items");
            return Err(Fault::usage(why));
        }
        let nodes = instances
            .into_iter()
            .map(|instance| self.node(whole, stage, instance, wanted, depth))
            .collect::<Result<_, _>>()?;
        Ok(WorkedStage {
            name: stage.name.clone(),
            needs,
            parallel: stage.parallel,
            approve,
            late,
            soak: stage.soak.unwrap_or_default(),
            on_failure: match (whole.kind, stage.on_exceeded) {
                (RunKind::Fanout, _) => OnStageFailure::GoOn,
                (_, OnExceeded::Abort) => OnStageFailure::Abort,
                (_, OnExceeded::Pause | OnExceeded::Rollback) => OnStageFailure::Pause,
            },
            nodes,
        })
    }

    fn node(
        &mut self,
        whole: &Whole,
        stage: &Stage,
        instance: Instance,
        wanted: &Wanted,
        depth: usize,
    ) -> Result<WorkedNode, Fault> {
        let targets = instance.targets.or_else(|| wanted.targets.clone());
        let values = match (&instance.item, &stage.for_each) {
            (Some(item), Some(for_each)) => {
                let outside = is_outside(for_each, &whole.values);
                whole.values.clone().with_item(item, outside)
            }
            _ => whole.values.clone(),
        };
        let mut work = match &stage.work.action {
            Action::Exec { exec, timeout } => {
                let step = plain_step(&stage.name, exec.clone(), *timeout);
                let text = targets.ok_or_else(|| Fault::usage("it names no hosts"))?;
                let mut simple = self.simple(
                    one_step(whole, [step], Lease::Exclusive),
                    &text,
                    values.clone(),
                )?;
                simple.kind = RunKind::Exec;
                simple.title = first_command(&simple.plan);
                simple.version = whole.version;
                Worked::Simple(Box::new(simple))
            }
            action => {
                let (kind, name) = reference(action)
                    .ok_or_else(|| Fault::usage("it does nothing that could be started"))?;
                let callee = self.stock.get(&(kind, name.clone()));
                if let Some((_, wrong)) =
                    callee.and_then(|callee| misfit(Some(stage), &callee.definition))
                {
                    return Err(Fault::usage(format!("{}; {}", wrong.message, wrong.hint)));
                }
                let wanted = Wanted {
                    kind,
                    name,
                    targets,
                    offers: instance.set,
                };
                self.work_out(&wanted, depth + 1)?
            }
        };
        if let Worked::Simple(simple) = &mut work {
            simple.max_failures = stage.max_failures;
            simple.on_exceeded =
                Some(stage.on_exceeded).filter(|exceeded| *exceeded != OnExceeded::Pause);
        }
        let gate = stage
            .gate
            .as_ref()
            .map(|gate| {
                let hosts = match gate.by {
                    GateBy::Metrics(_) => first_host(&work),
                    _ => hosts_text(&work),
                };
                self.gate(whole, gate, &hosts, values)
            })
            .transpose()?;
        Ok(WorkedNode {
            item: instance.item,
            work,
            gate,
        })
    }

    /// The question before a stage, worked out as far as it is known.
    fn approval(
        &self,
        whole: &Whole,
        stage: &Stage,
        approve: &Approve,
        late: &Late,
    ) -> Result<Approval, Fault> {
        let written = super::start_flow::approval(approve);
        if late.question {
            return Ok(written);
        }
        let name = &whole.definition.name;
        let text = stage_question(name, stage, &whole.values, &self.facts, None);
        let text = text.map_err(|error| Fault::usage(error.message))?;
        Ok(Approval {
            text: text.unwrap_or_default(),
            ..written
        })
    }

    /// What looks at a gate on the hosts of a node, as a run of its own.
    fn gate(
        &mut self,
        whole: &Whole,
        gate: &Gate,
        targets: &str,
        values: Values,
    ) -> Result<Simple, Fault> {
        let (exec, codes) = match &gate.by {
            GateBy::Exec {
                exec,
                inconclusive_codes,
            } => (exec, inconclusive_codes),
            GateBy::Tree(_) => return Err(cannot("trees")),
            GateBy::Metrics(_) => return self.gate_by_metrics(whole, gate, targets, values),
        };
        let mut step = plain_step("gate", exec.clone(), gate.timeout);
        // Looking does no harm.
        step.idempotent = true;
        step.retry.clone_from(&gate.retry);
        let mut simple = self.simple(one_step(whole, [step], Lease::Shared), targets, values)?;
        simple.kind = RunKind::Gate;
        simple.title = first_command(&simple.plan);
        simple.version = whole.version;
        simple.neither = Some(match gate.inconclusive {
            Inconclusive::Pause => codes.iter().map(|code| u32::from(*code)).collect(),
            Inconclusive::Fail => Vec::new(),
        });
        Ok(simple)
    }

    /// Whether the person and the definition may use the secrets that it is given.
    fn admit_secrets(&self, values: &Values, wanted: &Wanted) -> Result<(), Fault> {
        let definition = (wanted.kind.word(), wanted.name.as_str());
        for secret in values.secrets() {
            if let SecretRef::Named(name) = secret {
                let secrets = &self.parts.secrets;
                secrets.admit(&name, self.person, definition)?;
            }
        }
        Ok(())
    }

    /// The values that were given, checked. Host sets among them mean what the inventory says.
    fn values(&self, params: &Params, offers: &BTreeMap<String, Offer>) -> Result<Values, Fault> {
        let expand = |text: &str| {
            let query = HostsQuery {
                targets: text.to_owned(),
                ..self.query.clone()
            };
            let found = self.parts.directory.resolve(&query);
            let found = found.map_err(|fault| fault.message)?;
            Ok(found
                .hosts
                .into_iter()
                .map(|host| host.resolved.host)
                .collect())
        };
        Values::check(params, offers, &expand).map_err(|errors| all_of(&errors))
    }
}

fn definition_stages(definition: &Definition) -> &[Stage] {
    match &definition.body {
        Body::Multi { stages } => stages,
        Body::Simple { .. } | Body::Fanout(_) => &[],
    }
}

/// What of a stage uses what earlier ones registered.
fn late(stages: &[Stage], stage: &Stage) -> Late {
    let uses = stage.uses();
    let place = |name: &String| stages.iter().position(|stage| stage.name == *name);
    Late {
        uses: uses.iter().filter_map(place).map(StageIx).collect(),
        when: stage.is_judged_late(),
        question: stage.is_asked_late(),
    }
}

fn cannot(what: &str) -> Fault {
    Fault::usage(format!(
        "its gate needs {what}, which this version does not have"
    ))
}

/// The first command as on the first host.
fn first_command(plan: &Plan) -> Option<String> {
    let view = plan.view().ok()?;
    view.steps.first()?.command.clone()
}

fn of(host: ResolvedHost) -> Host {
    Host {
        name: host.host.into(),
        labels: host.labels,
        vars: host.vars,
    }
}

/// Everything that is wrong, a line each.
fn all_of<E: ToString>(errors: &[E]) -> Fault {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Fault::usage(lines.join("\n"))
}

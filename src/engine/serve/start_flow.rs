//! Starting a flow: from its definition, hosts and parameters to a frozen specification.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::work_out::{Simple, Worked, worked_out};
use super::{Session, secrets, web_acts};
use crate::engine::audit::encode;
use crate::engine::core::{Core, NewRun};
use crate::engine::flows::Frozen;
use crate::engine::view::clip;
use crate::engine::{Parts, Settings};
use crate::flow::definition::Definition;
use crate::flow::give::Values;
use crate::flow::plan::{Does, Found, Plan, Turn};
use crate::flow::rollout::{Gate, GateBy, Inconclusive, OnExceeded, Rollout, Strategy};
use crate::flow::step::{self, Step, Verify, VerifyBy};
use crate::run::ids::StepIx;
use crate::run::roles::Authority;
use crate::run::spec::{
    self, Access, Act, Approval, Exec, FlowPart, FlowRef, Local, Pull, Push, RunSpec, StepRules,
};
use crate::wire::definitions::{PlanFlow, StartFlow};
use crate::wire::reply::{Fault, Reply};

/// The longest title, in bytes: it stands in every list.
const LONGEST_TITLE: usize = 240;
/// Larger files are not pushed by a flow.
const MOST_FILE: u64 = 1 << 30;

impl Session {
    pub(super) async fn start_flow(
        &self,
        mut asked: StartFlow,
        authority: Arc<Authority>,
    ) -> Result<Reply, Fault> {
        let stock = self.stock(&asked.plan).await?;
        let number = self.server.inbox.look(Core::next_number).await?;
        let (person, by) = (self.person.clone(), self.person.name.clone());
        let no_wait = asked.no_wait;
        let typed = std::mem::take(&mut asked.secrets);
        let (stands, typed) = secrets::taken(&self.server.parts, typed)?;
        let (spec, digest, warnings) = self
            .blocking(move |parts| {
                let (worked, warnings) =
                    worked_out(parts, &asked.plan, &stands, &stock, &person, Some(number))?;
                as_looked_at(&asked, &worked)?;
                let spec = freeze(parts, worked)?;
                let used = spec.flow.as_ref().map_or(&[][..], |flow| &flow.secrets);
                secrets::readable(parts, used)?;
                let digest = parts.store.put_blob(&encode(&spec));
                let digest = digest.map_err(|error| Fault::engine(error.to_string()))?;
                Ok((spec, digest, warnings))
            })
            .await?;
        let new = NewRun {
            spec: Arc::new(spec),
            digest: digest.to_string(),
            stdin: None,
            typed,
            by,
            authority,
            origin: self.origin.clone(),
            no_wait,
            parent: None,
            handed: None,
        };
        let run = self.server.inbox.create(new).await?;
        Ok(Reply::Started { run, warnings })
    }
}

/// What was shown to the person is what starts, or nothing does.
fn as_looked_at(asked: &StartFlow, worked: &Worked) -> Result<(), Fault> {
    let digest = worked.digest();
    match &asked.shown {
        Some(shown) if *shown != digest => Err(Fault::refused(format!(
            "{} is not what it was when you looked: its definition, hosts or values changed. \
             Nothing was started. Look again",
            asked.plan.name
        ))),
        _ => Ok(()),
    }
}

/// What is started, as it is kept with the run; of a whole, everything that it is made of as well.
fn freeze(parts: &Parts, worked: Worked) -> Result<RunSpec, Fault> {
    match worked {
        Worked::Simple(simple) => freeze_simple(parts, *simple),
        Worked::Whole(whole) => super::freeze_stages::freeze(parts, *whole),
    }
}

pub(super) fn freeze_simple(parts: &Parts, simple: Simple) -> Result<RunSpec, Fault> {
    let Simple {
        kind,
        title: given,
        plan,
        version,
        targets_text,
        targets,
        access,
        max_failures,
        on_exceeded,
        neither,
    } = simple;
    let name = plan.definition().name.clone();
    let rollout = plan
        .rollout()
        .ok_or_else(|| Fault::usage(format!("{name} is no simple flow")))?;
    let mut rollout = rollout.clone();
    rollout.on_exceeded = on_exceeded.unwrap_or(rollout.on_exceeded);
    let rollout = &rollout;
    possible(&plan, rollout, &parts.settings).map_err(Fault::usage)?;
    let order: Vec<usize> = plan.batches().iter().flatten().copied().collect();
    for host in &order {
        let target = &targets[*host];
        let route = parts.directory.route(&access, target);
        route.map_err(Fault::usage)?;
    }
    let frozen = Frozen {
        definition: plan.definition().clone(),
        hosts: order
            .iter()
            .map(|host| plan.hosts()[*host].clone())
            .collect(),
        batches: sizes(&plan),
        values: plan.values().clone(),
        files: files(parts, &plan)?,
    };
    let frozen =
        serde_json::to_string(&frozen).map_err(|error| Fault::engine(error.to_string()))?;
    let mut steps = steps(&plan, rollout);
    for step in &mut steps {
        step.rules.gate = step.rules.gate.take().or_else(|| neither.clone());
    }
    let mut turns = rollout_of(&plan, rollout);
    if let Some(limit) = max_failures {
        let hosts = u32::try_from(order.len()).unwrap_or(u32::MAX);
        turns.max_failures = Some(limit.of(hosts));
    }
    let title = given.map_or_else(
        || title(plan.definition(), plan.values()),
        |title| clip(&one_line(&title), LONGEST_TITLE),
    );
    Ok(RunSpec {
        kind,
        title,
        targets_text,
        targets: order.iter().map(|host| targets[*host].clone()).collect(),
        steps,
        rollout: turns,
        lease: rollout.lease,
        access,
        flow: Some(FlowRef {
            name,
            version,
            digest: plan.digest(),
            frozen,
            secrets: plan.values().secrets().collect(),
        }),
        stages: None,
    })
}

/// The name, and the values as they were given.
pub(super) fn title(definition: &Definition, values: &Values) -> String {
    let values = values
        .iter()
        .map(|(name, value)| format!(" {name}={value}"));
    let title = definition.name.clone() + &values.collect::<String>();
    clip(&title, LONGEST_TITLE)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `Err` names the first thing that this version cannot do: nothing is started half.
fn possible(plan: &Plan, rollout: &Rollout, settings: &Settings) -> Result<(), String> {
    let cannot = |what: &str, step: &str| {
        let name = &plan.definition().name;
        Err(format!(
            "{name} cannot be started yet: {step} needs {what}, which this version does not have"
        ))
    };
    for step in plan.steps() {
        let name = format!("the step \"{}\"", step.name);
        match &step.act {
            step::Act::Local(_) if !settings.local_steps => {
                return Err(format!(
                    "{name} runs a command on the engine's machine, which is not allowed here. \
                     Who owns the engine allows it with local_steps = true under [engine] in \
                     conn.toml"
                ));
            }
            step::Act::Exec(_)
            | step::Act::Push(_)
            | step::Act::Pull(_)
            | step::Act::Local(_)
            | step::Act::Http(_)
            | step::Act::Approve(_)
            | step::Act::Wait(_) => {}
            step::Act::Tree(_) => return cannot("trees", &name),
        }
        if matches!(
            &step.verify,
            Some(Verify {
                by: VerifyBy::Tree(_),
                ..
            })
        ) {
            return cannot("trees", &name);
        }
    }
    match rollout.gate.as_ref().map(|gate| &gate.by) {
        Some(GateBy::Tree(_)) => return cannot("trees", "its gate"),
        Some(GateBy::Metrics(_)) => web_acts::may_ask_gate(plan, settings)?,
        Some(GateBy::Exec { .. }) | None => {}
    }
    web_acts::may_ask(plan, settings)
}

fn sizes(plan: &Plan) -> Vec<u32> {
    let sizes = plan.batches().iter();
    sizes
        .map(|batch| u32::try_from(batch.len()).unwrap_or(u32::MAX))
        .collect()
}

/// Every file that a host will get, read once and kept with the run.
fn files(parts: &Parts, plan: &Plan) -> Result<BTreeMap<String, (String, u64)>, Fault> {
    let mut sources = BTreeSet::new();
    for (step, about) in plan.steps().iter().enumerate() {
        if !matches!(about.act, step::Act::Push(_)) {
            continue;
        }
        for host in 0..plan.hosts().len() {
            let batch = plan.batch_of(host).unwrap_or_default();
            let turn = Turn { step, host, batch };
            let task = plan.task(turn, &Found::NotYet);
            let task = task.map_err(|error| Fault::usage(error.message))?;
            if let Does::Push { source, .. } = task.does
                && task.applies != Some(false)
            {
                sources.insert(source);
            }
        }
    }
    let read = |source: String| {
        let bytes = read_file(parts, &source)?;
        let size = bytes.len() as u64;
        let digest = parts.store.put_blob(&bytes);
        let digest = digest.map_err(|error| Fault::engine(error.to_string()))?;
        Ok((source, (digest.to_string(), size)))
    };
    sources.into_iter().map(read).collect()
}

fn read_file(parts: &Parts, source: &str) -> Result<Vec<u8>, Fault> {
    let path = parts.directory.file(source)?;
    let cannot = |error: std::io::Error| {
        Fault::usage(format!("{} cannot be pushed: {error}", path.display()))
    };
    let about = std::fs::metadata(&path).map_err(cannot)?;
    if !about.is_file() {
        // A pipe or a device has no end.
        let why = format!("{} cannot be pushed: it is no file", path.display());
        return Err(Fault::usage(why));
    }
    let size = about.len();
    if size > MOST_FILE {
        let why = format!("{} is larger than {MOST_FILE} bytes", path.display());
        return Err(Fault::usage(why));
    }
    std::fs::read(&path).map_err(cannot)
}

fn rollout_of(plan: &Plan, rollout: &Rollout) -> spec::Rollout {
    let limits = plan.limits();
    let sizes = sizes(plan);
    let soak_of = |batch: usize| {
        let canary = rollout.canary.as_ref().filter(|_| batch == 0);
        let canary = canary.and_then(|canary| canary.soak);
        canary.or(rollout.soak).unwrap_or_default()
    };
    spec::Rollout {
        concurrency: rollout.concurrency,
        soaks: (0..sizes.len()).map(soak_of).collect(),
        batches: sizes,
        look_after_first: false,
        max_failures: limits.run,
        batch_failures: limits.batches.clone(),
        on_exceeded: match rollout.on_exceeded {
            OnExceeded::Abort => spec::OnExceeded::Abort,
            OnExceeded::Pause => spec::OnExceeded::Pause,
            OnExceeded::Rollback => spec::OnExceeded::Rollback,
        },
        lockstep: rollout.strategy == Strategy::Lockstep,
    }
}

fn steps(plan: &Plan, rollout: &Rollout) -> Vec<spec::Step> {
    let mut steps = Vec::new();
    for (place, step) in (0u16..).zip(plan.steps()) {
        steps.push(one(plan, place, step));
        if let Some(verify) = &step.verify {
            steps.extend(looks(place, step, verify));
        }
    }
    steps.extend(rollout.gate.as_ref().and_then(gate));
    let undoes = undoes(plan, &steps);
    steps.extend(undoes);
    steps
}

fn one(plan: &Plan, place: u16, step: &Step) -> spec::Step {
    let act = match &step.act {
        step::Act::Exec(exec) => Act::Exec(as_written(exec)),
        step::Act::Push(push) => Act::Push(Push {
            blob: String::new(),
            size: 0,
            source: push.source.source().to_owned(),
            dest: push.dest.source().to_owned(),
            owner: None,
            mode: push.mode,
        }),
        step::Act::Local(local) => Act::Local(Local {
            command: local.command.source().to_owned(),
            env: BTreeMap::new(),
        }),
        step::Act::Pull(pull) => Act::Pull(Pull {
            source: pull.source.source().to_owned(),
            dest: pull.dest.source().to_owned(),
        }),
        step::Act::Http(http) => web_acts::as_written(http),
        step::Act::Wait(time) => Act::Wait(*time),
        step::Act::Approve(approve) => {
            let written = approval(approve);
            Act::Approve(Approval {
                text: question(plan, usize::from(place)).unwrap_or(written.text),
                ..written
            })
        }
        // Refused before.
        step::Act::Tree(_) => Act::Wait(Duration::ZERO),
    };
    spec::Step {
        name: step.name.clone(),
        act,
        timeout: step.timeout,
        idempotent: step.idempotent || step.act.is_repeatable(),
        rules: StepRules {
            retry: step.retry.clone(),
            on_failure: step.on_failure,
            conditional: step.when.is_some(),
            ..StepRules::default()
        },
        part: Some(FlowPart::Step(place)),
    }
}

/// The question to a person.
pub(super) fn approval(approve: &step::Approve) -> Approval {
    let text = approve.text.as_ref();
    Approval {
        role: approve.role,
        not_starter: approve.not_starter,
        expires: approve.expires,
        use_within: approve.use_within,
        text: text.map_or_else(String::new, |text| text.source().to_owned()),
    }
}

/// What a person is asked, when it is the same in every batch.
fn question(plan: &Plan, step: usize) -> Option<String> {
    let mut texts = plan.batches().iter().enumerate().map(|(batch, hosts)| {
        let host = *hosts.first()?;
        let turn = Turn { step, host, batch };
        match plan.task(turn, &Found::NotYet).ok()?.does {
            Does::Approve { text, .. } => text,
            _ => None,
        }
    });
    let first = texts.next()??;
    texts
        .all(|text| text.as_ref() == Some(&first))
        .then_some(first)
}

/// What undoes each step, the last one first.
fn undoes(plan: &Plan, steps: &[spec::Step]) -> Vec<spec::Step> {
    let undo = |(at, step): (u16, &spec::Step)| {
        let Some(FlowPart::Step(place)) = step.part else {
            return None;
        };
        let undo = plan.steps().get(usize::from(place))?.rollback.as_ref()?;
        Some(spec::Step {
            name: format!("rollback {}", step.name),
            act: Act::Exec(as_written(&undo.exec)),
            timeout: undo.timeout,
            idempotent: false,
            rules: StepRules {
                undoes: Some(StepIx(at)),
                ..StepRules::default()
            },
            part: Some(FlowPart::Undo(place)),
        })
    };
    let mut undoes: Vec<spec::Step> = (0..).zip(steps).filter_map(undo).collect();
    undoes.reverse();
    undoes
}

/// A step of its own for what looks whether a step did its work: looking does no harm.
fn looks(place: u16, step: &Step, verify: &Verify) -> Option<spec::Step> {
    let VerifyBy::Exec(exec) = &verify.by else {
        return None;
    };
    Some(spec::Step {
        name: format!("{}: verify", step.name),
        act: Act::Exec(as_written(exec)),
        timeout: verify.timeout,
        idempotent: true,
        rules: StepRules {
            retry: verify.retry.clone(),
            on_failure: step.on_failure,
            conditional: step.when.is_some(),
            ..StepRules::default()
        },
        part: Some(FlowPart::Verify(place)),
    })
}

fn gate(gate: &Gate) -> Option<spec::Step> {
    let (exec, inconclusive_codes) = match &gate.by {
        GateBy::Exec {
            exec,
            inconclusive_codes,
        } => (exec, inconclusive_codes),
        GateBy::Metrics(metrics) => return Some(web_acts::gate(gate, metrics)),
        GateBy::Tree(_) => return None,
    };
    let neither = match gate.inconclusive {
        Inconclusive::Pause => inconclusive_codes
            .iter()
            .map(|code| u32::from(*code))
            .collect(),
        Inconclusive::Fail => Vec::new(),
    };
    Some(spec::Step {
        name: "gate".to_owned(),
        act: Act::Exec(as_written(exec)),
        timeout: gate.timeout,
        idempotent: true,
        rules: StepRules {
            retry: gate.retry.clone(),
            together: true,
            gate: Some(neither),
            ..StepRules::default()
        },
        part: Some(FlowPart::Gate),
    })
}

/// The command as it stands in the definition, for people; each host has its own.
fn as_written(exec: &step::Exec) -> Exec {
    Exec {
        command: exec.command.source().to_owned(),
        run_as: exec.run_as.as_ref().map(|user| user.source().to_owned()),
        durable: exec.durable,
        ..Exec::default()
    }
}

/// How hosts are reached by a run of a flow.
pub(super) fn access(asked: &PlanFlow, identity: Option<String>) -> Access {
    Access {
        ssh_config: asked.ssh_config.clone(),
        identity,
        ..Access::default()
    }
}

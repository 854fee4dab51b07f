//! What clients are shown of a run: built from its state, kept nowhere.

use std::collections::HashSet;

mod family;
mod stands;

pub use family::tell_registered;
pub use stands::asked_now;

use super::core::{Core, Live};
use super::{history, now};
use crate::run::ids::{At, HostIx, StepIx};
use crate::run::roles::Role;
use crate::run::spec::{Act, Approval, RunSpec};
use crate::run::stages::{StageIx, StageSpec};
use crate::run::state::{HostState, Phase, Run, RunState, WaitFor};
use crate::store::Store;
use crate::wire::reply::Fault;
use crate::wire::view::{Laggard, RunLine, RunView, Straggler, TaskView};

/// Name hosts at work when no more than these are left.
pub const FEW: usize = 8;

/// A run in memory, with what only a live one has.
pub fn run_view(core: &Core, live: &Live, laggards: &[Laggard], silent: &[Laggard]) -> RunView {
    let mut view = plain_view(&live.run);
    family::of_core(core, &live.run).tell(&mut view);
    view.stand = stands::stand(core, &live.run);
    view.asks = stands::questions(core, &live.run);
    view.part_of = family::part_of(core, &live.run);
    if let Some(stand) = view.stand.as_ref().filter(|stand| stand.held.is_some()) {
        view.because = Some(stand.full_words());
    }
    if live
        .run
        .stages
        .as_ref()
        .is_some_and(|stages| stages.asked.is_some())
    {
        // A stage may ask while others are at work.
        view.waits_for = Some(WaitFor::Approval.word().to_owned());
        view.because = view.because.or_else(|| asked(&live.run));
    }
    view.revision = live.revision();
    view.rate = live.rate();
    view.eta_s = eta(live, view.rate);
    view.stragglers = stragglers(live);
    view.laggards = laggards.to_vec();
    view.silent = silent.to_vec();
    view
}

/// A run as it stands, from its state alone.
pub fn plain_view(run: &Run) -> RunView {
    let state = run.state();
    RunView {
        run: run.id,
        revision: 1,
        kind: run.spec.kind.word().to_owned(),
        title: run.spec.title.clone(),
        targets: run.spec.targets_text.clone(),
        state: state.word().to_owned(),
        waits_for: waits_for(state),
        because: because(run, state),
        tally: run.tally.clone(),
        starter: run.starter.clone(),
        holder: run.holder.clone(),
        asked_by: run
            .take_asked
            .as_ref()
            .map(|asked| (asked.by.clone(), asked.until)),
        created: run.created,
        ended: run.ended.map(|(_, at)| at),
        batch: (
            run.batch + 1,
            u32::try_from(run.cuts.len()).unwrap_or(u32::MAX),
        ),
        limits: (run.concurrency, run.max_failures),
        abort_after: run.abort_after.as_ref().map(|(by, _)| by.clone()),
        rolled_back: run.rolled_back.clone(),
        rate: None,
        eta_s: None,
        stragglers: Vec::new(),
        laggards: Vec::new(),
        silent: Vec::new(),
        stages: Vec::new(),
        whole: None,
        stand: None,
        asks: Vec::new(),
        part_of: family::part(run),
        stay: Vec::new(),
    }
}

/// A run in memory, as a line in the list.
pub fn live_line(core: &Core, run: &Run) -> RunLine {
    let mut line = run_line(run);
    if run.stages.is_some() {
        let family = family::of_core(core, run);
        line.tally = family.tally();
        line.whole = family.whole();
    }
    line.stand = stands::stand(core, run);
    line.part_of = family::part_of(core, run);
    line
}

/// A run of the past.
pub fn sealed_view(store: &dyn Store, run: &Run) -> RunView {
    let mut view = plain_view(run);
    family::of_store(store, run).tell(&mut view);
    if run.parent.is_some() {
        // Its line was written while what it is part of was known by name.
        let line = history::line(store, run.id).ok().flatten();
        view.part_of = line.and_then(|line| line.part_of).or(view.part_of);
    }
    view
}

/// The run's line in the list, from its state alone.
fn run_line(run: &Run) -> RunLine {
    let state = run.state();
    RunLine {
        part_of: family::part(run),
        run: run.id,
        kind: run.spec.kind.word().to_owned(),
        title: clip(&run.spec.title, 400),
        targets: clip(&run.spec.targets_text, 400),
        state: state.word().to_owned(),
        waits_for: waits_for(state),
        starter: run.starter.clone(),
        holder: run.holder.clone(),
        created: run.created,
        ended: run.ended.map(|(_, at)| at),
        tally: run.tally.clone(),
        acked: None,
        whole: None,
        stand: None,
    }
}

/// One task of the run.
pub fn task_view(run: &Run, ix: HostIx) -> Option<TaskView> {
    let state = run.host(ix)?;
    let last = state.last.as_deref();
    Some(TaskView {
        host: run.spec.targets.get(ix.index())?.name.to_string(),
        ix: ix.0,
        step: run
            .spec
            .step(state.step)
            .map(|step| step.name.clone())
            .unwrap_or_default(),
        attempts: state.attempt.0,
        outcome: run.outcome(ix),
        standing: standing(state).to_owned(),
        detail: last.and_then(|last| last.detail.clone()),
        phases: last.map(|last| last.phases).unwrap_or_default(),
        output: last.map(|last| last.output.clone()).unwrap_or_default(),
        began: state.began,
        finished: state.ended,
    })
}

/// All tasks of the run.
pub fn task_views(run: &Run) -> Vec<TaskView> {
    run.hosts()
        .filter_map(|(ix, _)| task_view(run, ix))
        .collect()
}

/// Hosts that ended from this place on, and the place after them: at most `limit` further on. A
/// host that began again since is left out until it ends again.
pub fn ended_since(run: &Run, from: u64, limit: usize) -> (Vec<TaskView>, u64) {
    let order = &run.finish_order;
    let from = usize::try_from(from).unwrap_or(usize::MAX).min(order.len());
    let until = from.saturating_add(limit).min(order.len());
    let mut later: HashSet<HostIx> = order[until..].iter().copied().collect();
    let mut ended: Vec<TaskView> = order[from..until]
        .iter()
        .rev()
        .filter(|ix| later.insert(**ix))
        .filter_map(|ix| task_view(run, *ix))
        .filter(|task| task.outcome.is_some())
        .collect();
    ended.reverse();
    (ended, until as u64)
}

/// Hosts at work, longest first.
pub fn laggards<'a>(
    run: &Run,
    stages: impl Iterator<Item = (HostIx, &'a super::sink::TaskSigns)>,
    now: At,
) -> Vec<Laggard> {
    let mut hosts: Vec<Laggard> = stages
        .filter_map(|(ix, signs)| {
            Some(Laggard {
                host: run.spec.targets.get(ix.index())?.name.to_string(),
                seconds: now.since(run.host(ix)?.since) as f64 / 1e3,
                stage: signs.stage().to_owned(),
            })
        })
        .collect();
    hosts.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    hosts
}

/// The parameters of a run, for people.
pub fn params(spec: &RunSpec) -> std::collections::BTreeMap<String, String> {
    let mut params = std::collections::BTreeMap::new();
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            params.insert(name.to_owned(), value);
        }
    };
    set("user", spec.access.user.clone());
    set("ssh_config", spec.access.ssh_config.clone());
    set("identity", spec.access.identity.clone());
    // What is made of runs has no hosts of its own to be at work on.
    let fanout = spec.stages.is_none();
    set(
        "fanout",
        fanout.then(|| spec.rollout.concurrency.to_string()),
    );
    if let Some(flow) = &spec.flow {
        // Its steps are in its definition; what was given to it is its parameters.
        params.extend(super::flows::given(flow));
        return params;
    }
    for step in &spec.steps {
        match &step.act {
            Act::Exec(exec) => {
                set("command", Some(exec.command.clone()));
                set("run_as", exec.run_as.clone());
                set("durable", exec.durable.then(|| "true".to_owned()));
                let names: Vec<&str> = exec.env.keys().map(String::as_str).collect();
                set("env", (!names.is_empty()).then(|| names.join(",")));
                let timeout = step
                    .timeout
                    .map(|limit| format!("{}s", limit.as_secs_f64()));
                set("timeout", timeout);
            }
            Act::Connect => set("hold", Some("true".to_owned())),
            Act::Wait(_) | Act::Approve(_) => {}
            Act::Local(local) => set("local", Some(local.command.clone())),
            Act::Http(http) => {
                let word = http.method.word();
                set("http", Some(format!("{word} {}", http.url)));
            }
            Act::Metrics(metrics) => set("metrics", Some(metrics.query.clone())),
            Act::Pull(pull) => set("pull", Some(format!("{} to {}", pull.source, pull.dest))),
            Act::Push(push) => set("push", Some(format!("{} to {}", push.source, push.dest))),
        }
    }
    params
}

fn standing(state: &HostState) -> &'static str {
    match state.phase {
        Phase::Waiting | Phase::Ready | Phase::InLine => "waiting",
        Phase::Resting(_) => "resting",
        Phase::Held(_) => "held",
        Phase::Parked => "parked",
        Phase::Busy { reattaching: false } => "running",
        Phase::Busy { reattaching: true } => "reattaching",
        Phase::Done(_) => "done",
    }
}

fn waits_for(state: RunState) -> Option<String> {
    match state {
        RunState::Waiting(what) => Some(what.word().to_owned()),
        _ => None,
    }
}

fn because(run: &Run, state: RunState) -> Option<String> {
    if let Some(pause) = &run.paused {
        return Some(format!("paused by {}: {}", pause.by, pause.reason));
    }
    match state {
        RunState::Waiting(WaitFor::Credentials) => Some(format!(
            "{} hosts wait for a credential: {}",
            run.tally.parked,
            run.lacks.as_deref().unwrap_or("none was usable")
        )),
        RunState::Waiting(WaitFor::Secret) => run.lacks_secret.as_ref().map(|secret| {
            format!(
                "{} hosts wait for the secret {secret}: it was typed, and the engine that knew it \
                 has ended. Give it again: conn runs secret {} {secret}",
                run.tally.parked + run.tally.reattaching,
                run.id
            )
        }),
        RunState::Waiting(WaitFor::Lease) => Some(format!(
            "{} hosts are leased by another run",
            run.tally.held
        )),
        RunState::Waiting(WaitFor::Approval) => asked(run),
        _ if run.tally.busy() == 0 && run.waits_until().is_some() => run
            .waits_until()
            .map(|until| format!("goes on at {}", until.rfc3339())),
        _ if run.abort_after.is_some() => run.abort_after.as_ref().map(|(by, _)| {
            if run.stages.is_some() {
                return format!(
                    "aborted when the open batches of its runs have ended, as {by} asked"
                );
            }
            format!(
                "aborted when batch {} has ended, as {by} asked",
                run.batch + 1
            )
        }),
        _ => match (&run.aborted_by, &run.rolled_back) {
            (Some(by), _) => Some(format!("aborted by {by}")),
            (None, Some(by)) => Some(format!("rolled back by {by}")),
            (None, None) => None,
        },
    }
}

/// The step of this name.
pub fn step_of(run: &Run, name: &str) -> Result<StepIx, Fault> {
    (0..)
        .map(StepIx)
        .zip(&run.spec.steps)
        .find(|(_, step)| step.name == name)
        .map(|(ix, _)| ix)
        .ok_or_else(|| {
            let names: Vec<&str> = run
                .spec
                .steps
                .iter()
                .map(|step| step.name.as_str())
                .collect();
            Fault::usage(format!(
                "run {} has no step {name:?}; it has {}",
                run.id,
                names.join(", ")
            ))
        })
}

/// The stage of this name.
pub fn stage_of(run: &Run, name: &str) -> Result<StageIx, Fault> {
    let stages = run.spec.stages.iter().flat_map(|spec| &spec.stages);
    let is_it = |stage: &StageSpec| stage.name == name;
    stages.clone().position(is_it).map(StageIx).ok_or_else(|| {
        let names: Vec<&str> = stages.map(|stage| stage.name.as_str()).collect();
        Fault::usage(format!(
            "run {} has no stage {name:?}; it has {}",
            run.id,
            names.join(", ")
        ))
    })
}

/// What a person is asked, and until when.
fn asked(run: &Run) -> Option<String> {
    if let Some(stages) = &run.stages {
        let (stage, until) = stages.asked?;
        let stage = run.spec.stages.as_ref()?.stages.get(stage.0)?;
        let mut approval = stage.approve.clone()?;
        approval.text = stages.question.clone().unwrap_or(approval.text);
        return Some(question(&stage.name, &approval, run, "it begins", until));
    }
    let (step, until) = run.asks()?;
    let step = run.spec.step(step)?;
    let Act::Approve(approval) = &step.act else {
        return None;
    };
    let before = format!("batch {} goes on", run.batch + 1);
    Some(question(&step.name, approval, run, &before, until))
}

fn question(name: &str, approval: &Approval, run: &Run, before: &str, until: Option<At>) -> String {
    let role = match approval.role {
        Role::Admin => "an admin",
        Role::Lead => "a lead",
        Role::Operator | Role::Viewer => "an operator",
    };
    let who = if approval.not_starter {
        format!("{role} other than {}", run.starter)
    } else {
        role.to_owned()
    };
    let until = until.map_or_else(String::new, |until| format!(", until {}", until.rfc3339()));
    let text = if approval.text.is_empty() {
        String::new()
    } else {
        format!(": {}", approval.text)
    };
    format!("\"{name}\" asks {who} for a yes before {before}{until}{text}")
}

/// A run of one step and one batch ends as quickly as its hosts do; what else there is, as its steps.
fn eta(live: &Live, rate: Option<f64>) -> Option<f64> {
    let run = &live.run;
    let left = run.tally.total() - run.tally.ended_all();
    let flat = run.spec.forward() == 1 && run.unopened() == 0;
    let by_rate = rate.filter(|_| flat).map(|rate| f64::from(left) / rate);
    by_rate.or(live.pace().eta)
}

fn stragglers(live: &Live) -> Vec<Straggler> {
    let run = &live.run;
    let lags = live.pace().stragglers.iter();
    // One that went on since it was looked at lags no more.
    lags.filter(|lags| {
        run.host(lags.host)
            .is_some_and(|state| state.since == lags.since)
    })
    .filter_map(|lags| {
        let state = run.host(lags.host)?;
        Some(Straggler {
            host: run.spec.targets.get(lags.host.index())?.name.to_string(),
            step: run.spec.step(state.step)?.name.clone(),
            seconds: now().since(lags.since) as f64 / 1e3,
            usual: lags.usual,
        })
    })
    .collect()
}

/// At most this many bytes, cut between characters.
pub fn clip(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    format!("{}…", &text[..end])
}

//! `conn flow plan`: what a flow or fanout would do, and nothing of it done.

use std::time::Duration;

use super::args::FlowCommand;
use crate::cli::args::Args;
use crate::cli::connect::connect;
use crate::cli::exit::{CliError, Exit};
use crate::cli::print::{self, notice, one_line, say, say_json};
use crate::flow::definition::Kind;
use crate::flow::plan::{Does, NodePlan, PlanView, StagePlan, StepView};
use crate::flow::rollout::{OnExceeded, Strategy};
use crate::inventory;
use crate::run::duration::HumanDuration;
use crate::run::output::OutStream;
use crate::run::spec::Lease;
use crate::run::spec::OnFailure;
use crate::wire::definitions::{PlanFlow, Planned};
use crate::wire::{Reply, Request};

/// `conn flow …` and `conn action …`.
pub async fn flow(args: &Args, kind: Kind, command: &FlowCommand) -> Result<Exit, CliError> {
    match command {
        FlowCommand::Plan(words) => plan(args, words.flow.asked(kind)?, words.json).await,
        FlowCommand::Start(words) if words.dry_run => {
            plan(args, words.flow.asked(kind)?, words.json).await
        }
        FlowCommand::Start(words) => super::start::start(args, kind, words).await,
    }
}

async fn plan(args: &Args, asked: PlanFlow, json: bool) -> Result<Exit, CliError> {
    let client = connect(args, false).await?;
    let Reply::Planned(planned) = client.call(Request::PlanFlow(Box::new(asked))).await? else {
        return Err(CliError::Unexpected);
    };
    print(json, &planned)?;
    Ok(Exit::Ok)
}

fn print(json: bool, planned: &Planned) -> Result<(), CliError> {
    if json {
        let mut document = serde_json::to_value(&planned.plan).map_err(|_| CliError::Unexpected)?;
        document["version"] = planned.version.into();
        document["warnings"] = planned.warnings.clone().into();
        return say_json(&document);
    }
    for warning in &planned.warnings {
        notice(warning)?;
    }
    let plan = &planned.plan;
    let (parts, lines) = if plan.stages.is_empty() {
        let parts = counted(plan.batches.len(), "batch", "batches");
        let lines = batches(plan).into_iter().chain(limits(plan));
        (parts, lines.chain(steps(plan)).collect())
    } else {
        let parts = counted(plan.stages.len(), "stage", "stages");
        (parts, stages(plan, ""))
    };
    say(&format!(
        "{} version {}: {} in {parts}; nothing was started",
        plan.flow,
        planned.version,
        counted(plan.hosts, "host", "hosts"),
    ))?;
    for line in lines {
        print::lines(OutStream::Stdout, &(line + "\n"))?;
    }
    say("")?;
    say(&format!("digest {}", plan.digest))
}

/// What it is made of, each with the hosts and commands that it has.
fn stages(plan: &PlanView, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for stage in &plan.stages {
        let needs = stage.needs.join(", ");
        let after = match (stage.needs.len(), stage.needs_count) {
            (0, _) => None,
            (all, count) if all == count => Some(format!("after {needs}")),
            (_, count) => Some(format!("after {count} of {needs}")),
        };
        let head = Some(format!("\n{indent}stage {}", stage.stage));
        let parts = head.into_iter().chain(after).chain(around(stage));
        lines.push(parts.collect::<Vec<_>>().join(", "));
        for node in &stage.nodes {
            lines.extend(run_of(node, indent));
        }
    }
    lines
}

fn around(stage: &StagePlan) -> impl Iterator<Item = String> {
    let many = stage.nodes.len() > 1;
    let parts = [
        stage
            .nodes
            .is_empty()
            .then(|| "left out, as its condition does not hold".to_owned()),
        stage.approve.then(|| "when a person says yes".to_owned()),
        many.then(|| format!("{} at once", stage.parallel)),
        (stage.soak > 0.0).then(|| format!("then {}", time(stage.soak))),
    ];
    parts.into_iter().flatten()
}

fn run_of(node: &NodePlan, indent: &str) -> Vec<String> {
    let plan = &node.plan;
    let item = node.item.as_deref().map(|item| format!("{item}: "));
    let mut lines = vec![format!(
        "{indent}  {}{}, {}",
        item.unwrap_or_default(),
        plan.flow,
        counted(plan.hosts, "host", "hosts")
    )];
    let inside = format!("{indent}    ");
    let own = if plan.stages.is_empty() {
        let parts = batches(plan).into_iter().chain(limits(plan));
        parts.chain(steps(plan)).collect()
    } else {
        stages(plan, &inside)
    };
    let own = own
        .into_iter()
        .map(|line| line.trim_start_matches('\n').to_owned());
    lines.extend(own.map(|line| format!("{inside}{line}")));
    if let Some(gate) = &node.gate {
        lines.push(format!("{inside}gate behind it: {}", one_line(gate)));
    }
    lines
}

fn batches(plan: &PlanView) -> Vec<String> {
    let mut lines = vec!["\nbatches".to_owned()];
    for (place, hosts) in plan.batches.iter().enumerate() {
        let folded = inventory::fold(hosts.iter().map(|name| &**name));
        let soak = plan.soak.get(place).filter(|soak| **soak > 0.0);
        let most = plan.max_failures_per_batch.get(place).copied().flatten();
        let parts = [
            Some(format!("  {:>3}  {:>5}  {folded}", place + 1, hosts.len())),
            most.map(|most| format!("at most {most} failed")),
            plan.gate.then(|| "then the gate".to_owned()),
            soak.map(|soak| format!("then {}", time(*soak))),
        ];
        let line = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        lines.push(line);
    }
    lines
}

fn limits(plan: &PlanView) -> Vec<String> {
    let then = match plan.on_exceeded {
        OnExceeded::Pause => "pauses",
        OnExceeded::Abort => "is aborted",
        OnExceeded::Rollback => "is rolled back",
    };
    let failures = match plan.max_failures {
        Some(most) => format!("more than {most} failed: it {then}"),
        None => "no limit of failures in the whole run".to_owned(),
    };
    let strategy = match plan.strategy {
        Strategy::Lockstep => "each step on the whole batch before the next",
        Strategy::Free => "each host at its own pace",
    };
    let lease = match plan.lease {
        Lease::Shared => "hosts are shared with other runs",
        Lease::Exclusive => "hosts are claimed for it alone",
    };
    vec![
        "\nlimits".to_owned(),
        format!("  {} hosts at work at once, {strategy}", plan.concurrency),
        format!("  {failures}"),
        format!("  {lease}"),
    ]
}

fn steps(plan: &PlanView) -> Vec<String> {
    let host = plan.steps.first().map(|step| step.host.as_ref());
    let mut lines = vec![format!("\nsteps, as on {}", host.unwrap_or_default())];
    for (place, step) in plan.steps.iter().enumerate() {
        let details = details(step);
        let details = if details.is_empty() {
            String::new()
        } else {
            format!(" ({})", details.join(", "))
        };
        lines.push(format!(
            "  {:>3}  {:<12}  {}{details}",
            place + 1,
            step.name,
            step.act
        ));
        lines.push(format!("       {}", one_line(&shown(&step.task.does))));
        let more = [
            ("verify", &step.task.verify),
            ("rollback", &step.task.rollback),
        ];
        for (word, does) in more {
            if let Some(does) = does {
                lines.push(format!("       {word}: {}", one_line(&shown(does))));
            }
        }
    }
    lines
}

fn details(step: &StepView) -> Vec<String> {
    let mut details = Vec::new();
    if let Does::Exec {
        run_as: Some(user), ..
    } = &step.task.does
    {
        details.push(format!("as {user}"));
    }
    details.extend(secrets(&step.task.does));
    if step.barrier {
        details.push("once a batch".to_owned());
    }
    if let Some(when) = &step.when {
        let now = match step.task.applies {
            Some(true) => "it is",
            Some(false) => "not here",
            None => "known in the run",
        };
        details.push(format!("when {}: {now}", one_line(when)));
    }
    if let Some(limit) = step.timeout {
        details.push(format!("at most {}", time(limit)));
    }
    if step.attempts > 1 {
        details.push(format!("up to {} times", step.attempts));
    }
    if step.on_failure == OnFailure::Continue {
        details.push("goes on when it fails".to_owned());
    }
    details
}

/// The secrets that it is given, by their names.
fn secrets(does: &Does) -> Vec<String> {
    let (given, body) = match does {
        Does::Exec { env, .. } | Does::Local { env, .. } => (env, None),
        Does::Http { headers, body, .. } => (headers, body.as_ref()),
        _ => return Vec::new(),
    };
    let body = body.map(|body| ("body", body));
    let given = given.iter().map(|(name, value)| (name.as_str(), value));
    given
        .chain(body)
        .filter_map(|(name, value)| Some(format!("{name}={}", value.secret()?)))
        .collect()
}

fn shown(does: &Does) -> String {
    match does {
        Does::Exec { command, .. } | Does::Local { command, .. } => command.clone(),
        Does::Push { source, dest, .. } => format!("{source} to {dest}"),
        Does::Pull { source, dest } => format!("{source} from the host to {dest}"),
        Does::Http { method, url, .. } => format!("{} {url}", word(method)),
        Does::Metrics { url, query } => format!("metrics of {url}: {query}"),
        Does::Approve { role, text } => {
            let text = text.as_deref().map(|text| format!(": {text}"));
            format!("{} says yes{}", word(role), text.unwrap_or_default())
        }
        Does::Wait { seconds } => time(*seconds),
        Does::Tree { name } => name.clone(),
    }
}

/// The word that definitions have for it.
fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn time(seconds: f64) -> String {
    let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    HumanDuration::from(time).to_string()
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

//! A run's events in words.

use std::collections::BTreeSet;

use crate::run::decide::BY_RULE;
use crate::run::duration::HumanDuration;
use crate::run::event::{Cut, Event, Finished, What};
use crate::run::ids::{At, HostIx, StepIx};
use crate::run::spec::{Act, RunSpec};
use crate::run::stages::{NodeIx, StageEvent, StageIx, StagesSpec};
use crate::wire::view::TimelineEntry;

/// Hosts named in one sentence.
const NAMED: usize = 5;

/// What a person should read of these events; the ends of single tasks are in the task list.
pub fn timeline(spec: &RunSpec, events: &[Event]) -> Vec<TimelineEntry> {
    let mut rolled_back = false;
    let mut at_gate = BTreeSet::new();
    events
        .iter()
        .filter_map(|event| {
            let (by, mut what) = sentence(spec, &event.what)?;
            if let What::Stage(event) = &event.what
                && ends_at_gate(event, &mut at_gate)
            {
                what = format!("gate of {what}");
            }
            rolled_back |= matches!(event.what, What::RollingBack { .. });
            if rolled_back && matches!(event.what, What::Ended { .. }) {
                what.push_str(" (rolled back)");
            }
            Some(TimelineEntry {
                at: event.at,
                by,
                what,
            })
        })
        .collect()
}

fn asks_metrics(spec: &RunSpec, step: StepIx) -> bool {
    let act = spec.step(step).map(|step| &step.act);
    matches!(act, Some(Act::Metrics(_)))
}

fn reach(spec: &RunSpec) -> usize {
    let stages = spec.stages.as_ref().map(|stages| stages.reach.len());
    stages.unwrap_or(spec.targets.len())
}

fn told(finished: &Finished) -> String {
    let outcome = || finished.outcome.to_string();
    finished.detail.clone().unwrap_or_else(outcome)
}

fn secret(what: &What) -> Option<(String, String)> {
    match what {
        What::SecretLacking { secret } => Some((
            BY_RULE.to_owned(),
            format!("waits for the secret {secret}, which was typed and is not known any more"),
        )),
        What::SecretGiven { secret, by } => {
            Some((by.clone(), format!("typed the secret {secret} again")))
        }
        _ => None,
    }
}

fn sentence(spec: &RunSpec, what: &What) -> Option<(String, String)> {
    let rule = || BY_RULE.to_owned();
    let names = |hosts: &[HostIx]| names(spec, hosts);
    Some(match what {
        What::Created { starter, .. } => {
            (starter.clone(), format!("started on {} hosts", reach(spec)))
        }
        // One a batch, whatever the number of hosts.
        What::Finished(finished) if asks_metrics(spec, finished.step) => {
            (rule(), format!("gate: {}", told(finished)))
        }
        What::Dispatched { .. }
        | What::Finished(_)
        | What::Rested { .. }
        | What::Registered { .. } => return None,
        What::Parked { host, why } => (rule(), format!("{} waits: {why}", names(&[*host]))),
        What::Unparked => (rule(), "a credential arrived".to_owned()),
        What::SecretLacking { .. } | What::SecretGiven { .. } => secret(what)?,
        What::Held { hosts, by } => (rule(), format!("{} leased by run {by}", names(hosts))),
        What::Freed { hosts } => (rule(), format!("{} free again", names(hosts))),
        What::Reattaching { hosts } => (rule(), format!("following {} again", names(hosts))),
        What::Passed { step, hosts } => (
            rule(),
            format!(
                "\"{}\" left out on {}",
                step_name(spec, *step),
                names(hosts)
            ),
        ),
        What::BarrierReached { step, until } => (rule(), barrier(spec, *step, *until)),
        What::Approved { by, reason, digest } => {
            let digest: String = digest.chars().take(12).collect();
            (by.clone(), because(&format!("approved {digest}…"), reason))
        }
        What::LinePassed { step } => (
            rule(),
            format!("together past \"{}\"", step_name(spec, *step)),
        ),
        What::Soaking { batch, until } => (
            rule(),
            format!(
                "batch {} ended; soaking until {}",
                batch + 1,
                until.rfc3339()
            ),
        ),
        What::StepSkipped { by, step } => (
            by.clone(),
            format!("left \"{}\" out from now on", step_name(spec, *step)),
        ),
        What::BatchOpened { batch } => (rule(), format!("batch {} opened", batch + 1)),
        What::Paused { by, reason } => (by.clone(), format!("paused: {reason}")),
        What::Resumed { by } => (by.clone(), "resumed".to_owned()),
        What::Aborted { by, reason } => (by.clone(), format!("aborted: {reason}")),
        What::AbortAfterBatch { by, reason } => (
            by.clone(),
            because("aborts it when its batch has ended", reason),
        ),
        What::RollingBack { by, reason, hosts } => {
            let on = if hosts.is_empty() {
                String::new()
            } else {
                format!(" {}", names(hosts))
            };
            (by.clone(), because(&format!("rolled back{on}"), reason))
        }
        What::Retried { by, hosts } => (by.clone(), format!("retried {}", names(hosts))),
        What::Skipped { by, hosts } => (by.clone(), format!("skipped {}", names(hosts))),
        What::Settled { by, host, outcome } => (
            by.clone(),
            format!("settled {} as {outcome}", names(&[*host])),
        ),
        What::Tuned {
            by,
            concurrency,
            max_failures,
            batches,
        } => (
            by.clone(),
            tuned(*concurrency, *max_failures, batches.as_deref()),
        ),
        What::TakeAsked { by, reason, .. } => (by.clone(), format!("asked for the conn: {reason}")),
        What::TakeRefused { by } => (by.clone(), "keeps the conn".to_owned()),
        What::ConnMoved { to, reason } => (to.clone(), format!("has the conn: {reason}")),
        What::Noted { by, text } => (by.clone(), format!("note: {text}")),
        What::Recovered { in_flight } => (
            rule(),
            format!("the engine started again; {in_flight} hosts were in flight"),
        ),
        What::ClockSet { by } => (rule(), clock_set(*by)),
        What::Stage(event) => stage(spec.stages.as_ref()?, event)?,
        What::ParentPaused { by, reason } => (by.clone(), format!("paused {reason}")),
        What::ParentResumed => (rule(), "goes on with the run it is part of".to_owned()),
        What::Ended { state } => (
            rule(),
            format!(
                "ended: {}",
                crate::run::state::RunState::from(*state).word()
            ),
        ),
    })
}

/// What is said of a clock that was set by so many milliseconds.
pub(super) fn clock_set(by: i64) -> String {
    let length = HumanDuration::from_secs(by.unsigned_abs() / 1_000);
    let direction = if by < 0 { "back" } else { "ahead" };
    format!("the machine's clock was set {direction} by {length}; waits keep their length")
}

/// Whether it is the look at a gate that ended; the nodes whose gates are looked at are kept.
fn ends_at_gate(event: &StageEvent, at_gate: &mut BTreeSet<NodeIx>) -> bool {
    match event {
        StageEvent::GateStarted { node, .. } | StageEvent::Reopened { node, gate: true } => {
            at_gate.insert(*node);
            false
        }
        StageEvent::ChildEnded { node, .. } => at_gate.remove(node),
        _ => false,
    }
}

fn stage(spec: &StagesSpec, event: &StageEvent) -> Option<(String, String)> {
    let rule = |what| Some((BY_RULE.to_owned(), what));
    let name = |ix: StageIx| spec.stages.get(ix.0).map_or("?", |stage| &stage.name);
    match event {
        StageEvent::Asked { stage, until, text } => {
            let until =
                until.map_or_else(String::new, |until| format!(" until {}", until.rfc3339()));
            let text = text
                .as_ref()
                .map_or_else(String::new, |text| format!(": {text}"));
            rule(format!("\"{}\" asks for a yes{until}{text}", name(*stage)))
        }
        StageEvent::Started { node, run } => {
            rule(format!("\"{}\" began as run {run}", spec.name(*node)))
        }
        StageEvent::GateStarted { node, run } => rule(format!(
            "gate of \"{}\" looked at by run {run}",
            spec.name(*node)
        )),
        StageEvent::ChildEnded { node, end, .. } => {
            rule(format!("\"{}\" {}", spec.name(*node), end.words()))
        }
        StageEvent::Reopened { node, .. } => {
            rule(format!("\"{}\" is at work again", spec.name(*node)))
        }
        StageEvent::Judged { stage, holds: true } => rule(format!(
            "\"{}\" is wanted: its condition holds",
            name(*stage)
        )),
        StageEvent::Judged {
            stage,
            holds: false,
        } => rule(format!(
            "\"{}\" left out: its condition does not hold",
            name(*stage)
        )),
        StageEvent::GateGone { node } => rule(format!(
            "the look at the gate of \"{}\" before counts for nothing",
            spec.name(*node)
        )),
        StageEvent::Soaking { node, until } => rule(format!(
            "\"{}\" soaking until {}",
            spec.name(*node),
            until.rfc3339()
        )),
        StageEvent::Done { node } => rule(format!("\"{}\" is over", spec.name(*node))),
        StageEvent::RollingBack { by, reason } => {
            Some((by.clone(), because("has what was done undone", reason)))
        }
        StageEvent::TakenUp { by } => Some((by.clone(), "took up what never began".to_owned())),
        StageEvent::Skipped { by, stage } => {
            Some((by.clone(), format!("left \"{}\" out", name(*stage))))
        }
    }
}

fn step_name(spec: &RunSpec, step: StepIx) -> &str {
    spec.step(step).map_or("?", |step| &step.name)
}

fn barrier(spec: &RunSpec, step: StepIx, until: Option<At>) -> String {
    let name = step_name(spec, step);
    let asks = spec
        .step(step)
        .is_some_and(|step| matches!(step.act, Act::Approve(_)));
    let until = until.map_or_else(String::new, |until| format!(" until {}", until.rfc3339()));
    if asks {
        format!("\"{name}\" asks for a yes{until}")
    } else {
        format!("\"{name}\" waits{until}")
    }
}

fn because(word: &str, reason: &str) -> String {
    if reason.is_empty() {
        word.to_owned()
    } else {
        format!("{word}: {reason}")
    }
}

fn tuned(concurrency: Option<u32>, max_failures: Option<u32>, batches: Option<&[Cut]>) -> String {
    let parts: Vec<String> = [
        concurrency.map(|limit| format!("concurrency {limit}")),
        max_failures.map(|limit| format!("max_failures {limit}")),
        batches.map(|cuts| {
            let sizes: Vec<String> = cuts.iter().map(|cut| cut.hosts.to_string()).collect();
            format!("batches to come {}", sizes.join(", "))
        }),
    ]
    .into_iter()
    .flatten()
    .collect();
    format!("tuned: {}", parts.join(", "))
}

fn names(spec: &RunSpec, hosts: &[HostIx]) -> String {
    let name = |host: &HostIx| {
        spec.targets
            .get(host.index())
            .map_or("?", |target| target.name.as_ref())
    };
    let some: Vec<&str> = hosts.iter().take(NAMED).map(name).collect();
    match hosts.len().checked_sub(NAMED) {
        Some(more) if more > 0 => format!("{} and {more} more hosts", some.join(", ")),
        _ => some.join(", "),
    }
}

//! Rollouts of every kind, by chance.

use std::time::Duration;

use super::chance::Chance;
use crate::run::http::Metrics;
use crate::run::ids::StepIx;
use crate::run::outcome::OutcomeKind;
use crate::run::retry::Retry;
use crate::run::roles::Role;
use crate::run::spec::{
    Access, Act, Approval, Exec, Lease, OnExceeded, OnFailure, Push, Rollout, RunKind, RunSpec,
    Step, StepRules, Target,
};

pub(super) fn spec(chance: &mut Chance) -> RunSpec {
    let hosts = chance.small(1, 40);
    let target = |host| Target {
        name: format!("h{host}").into(),
        address: None,
        port: None,
        user: None,
    };
    let mut steps: Vec<Step> = (0..chance.small(1, 6)).map(|at| step(chance, at)).collect();
    if chance.one_in(3) {
        steps.push(asked_once(chance));
    }
    if chance.one_in(2) {
        let undoes = undoes(chance, &steps);
        steps.extend(undoes);
    }
    RunSpec {
        kind: RunKind::Exec,
        title: "rollout".to_owned(),
        targets_text: "h".to_owned(),
        targets: (0..hosts).map(target).collect(),
        steps,
        rollout: rollout(chance, hosts),
        lease: *chance.pick(&[Lease::Shared, Lease::Exclusive]),
        access: Access::default(),
        flow: None,
        stages: None,
    }
}

fn step(chance: &mut Chance, at: u32) -> Step {
    let act = match chance.among(0, 8) {
        0 => Act::Wait(Duration::from_secs(chance.among(1, 60))),
        1 => Act::Approve(Approval {
            role: *chance.pick(&[Role::Operator, Role::Lead]),
            not_starter: chance.one_in(2),
            expires: chance.one_in(2).then_some(Duration::from_secs(30)),
            use_within: chance.one_in(2).then_some(Duration::from_secs(20)),
            text: String::new(),
        }),
        2 => Act::Push(Push {
            blob: String::new(),
            size: 0,
            source: "a".to_owned(),
            dest: "/a".to_owned(),
            owner: None,
            mode: None,
        }),
        _ => Act::Exec(Exec {
            command: "true".to_owned(),
            durable: chance.one_in(2),
            ..Exec::default()
        }),
    };
    let retry = Retry {
        attempts: chance.small(2, 4),
        delay: Duration::from_secs(chance.among(1, 20)),
        backoff: 2.0,
        jitter: 0.5,
        on: vec![OutcomeKind::Failed, OutcomeKind::Unreachable],
    };
    Step {
        name: format!("step{at}"),
        act,
        timeout: None,
        idempotent: chance.one_in(2),
        rules: StepRules {
            retry: chance.one_in(2).then_some(retry),
            on_failure: *chance.pick(&[OnFailure::SkipHost, OnFailure::Continue]),
            conditional: chance.one_in(4),
            together: chance.one_in(6),
            once: false,
            gate: chance.one_in(8).then(|| vec![3]),
            undoes: None,
        },
        part: None,
    }
}

/// A gate that one host asks for its batch, as one by metrics is.
fn asked_once(chance: &mut Chance) -> Step {
    let mut gate = step(chance, 99);
    gate.name = "gate".to_owned();
    gate.act = Act::Metrics(Metrics {
        url: "http://prometheus:9090".to_owned(),
        query: "up".to_owned(),
    });
    gate.idempotent = true;
    gate.rules.on_failure = OnFailure::SkipHost;
    gate.rules.conditional = false;
    gate.rules.together = true;
    gate.rules.once = true;
    gate.rules.gate = Some(if chance.one_in(2) {
        vec![1]
    } else {
        Vec::new()
    });
    gate
}

/// What undoes some of these steps, the last first.
fn undoes(chance: &mut Chance, steps: &[Step]) -> Vec<Step> {
    let undone = (0u16..)
        .map(StepIx)
        .zip(steps)
        .collect::<Vec<_>>()
        .into_iter()
        .rev();
    undone
        .filter(|(_, step)| !step.is_barrier())
        .filter(|_| !chance.one_in(4))
        .map(|(ix, step)| (ix, format!("rollback {}", step.name)))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|(ix, name)| Step {
            name,
            act: Act::Exec(Exec {
                command: "true".to_owned(),
                durable: chance.one_in(2),
                ..Exec::default()
            }),
            timeout: None,
            idempotent: chance.one_in(3),
            rules: StepRules {
                undoes: Some(ix),
                ..StepRules::default()
            },
            part: None,
        })
        .collect()
}

fn rollout(chance: &mut Chance, hosts: u32) -> Rollout {
    let mut batches = Vec::new();
    let mut left = hosts;
    while left > 0 {
        let size = chance.small(1, left + 1);
        batches.push(size);
        left -= size;
    }
    let soaks = batches
        .iter()
        .map(|_| Duration::from_secs(chance.among(0, 40)));
    let soaks = soaks.collect();
    let batch_failures = batches
        .iter()
        .map(|_| chance.one_in(3).then_some(1))
        .collect();
    Rollout {
        concurrency: chance.small(1, 10),
        batches,
        look_after_first: chance.one_in(4),
        max_failures: chance.one_in(2).then_some(chance.small(0, 4)),
        batch_failures,
        soaks,
        on_exceeded: *chance.pick(&[
            OnExceeded::Pause,
            OnExceeded::Pause,
            OnExceeded::Abort,
            OnExceeded::Rollback,
        ]),
        lockstep: chance.one_in(2),
    }
}

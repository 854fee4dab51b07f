//! What an event of a run costs, from its first dispatch to its end. The figure for 100,000 hosts is
//! that for 10,000 where the cost does not grow with the number of hosts.

#![allow(
    missing_docs,
    reason = "Criterion's macros make functions without docs"
)]

use std::collections::VecDeque;
use std::sync::Arc;

use criterion::{
    BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use theconn::run::event::{Event, Finished, OutputSum, What};
use theconn::run::ids::{At, Attempt, HostIx, RunId, StepIx};
use theconn::run::line_up::Alone;
use theconn::run::outcome::Outcome;
use theconn::run::phases::Phases;
use theconn::run::spec::{
    Access, Act, Exec, Lease, Rollout, RunKind, RunSpec, Step, StepRules, Target,
};
use theconn::run::state::{Effect, Run};

const FANOUT: u32 = 64;
/// Steps of a rollout.
const STEPS: u16 = 6;

fn spec(hosts: u32, batches: Vec<u32>) -> Arc<RunSpec> {
    let target = |host| Target {
        name: format!("web{host:06}").into(),
        address: None,
        port: None,
        user: None,
    };
    let exec = Exec {
        command: "true".to_owned(),
        ..Exec::default()
    };
    Arc::new(RunSpec {
        kind: RunKind::Exec,
        title: "true".to_owned(),
        targets_text: format!("web[000000-{:06}]", hosts - 1),
        targets: (0..hosts).map(target).collect(),
        steps: vec![Step {
            name: "exec".to_owned(),
            act: Act::Exec(exec),
            timeout: None,
            idempotent: false,
            rules: StepRules::default(),
            part: None,
        }],
        rollout: Rollout {
            concurrency: FANOUT,
            batches,
            look_after_first: false,
            max_failures: None,
            ..Rollout::default()
        },
        lease: Lease::Shared,
        access: Access::default(),
        flow: None,
        stages: None,
    })
}

fn new(spec: &Arc<RunSpec>) -> Run {
    Run::new(RunId(1), Arc::clone(spec), "kim", At(0))
}

fn finished((host, step, attempt): (HostIx, StepIx, Attempt)) -> Event {
    Event {
        at: At(0),
        what: What::Finished(Box::new(Finished {
            host,
            step,
            attempt,
            outcome: Outcome::Ok,
            detail: None,
            phases: Phases::default(),
            output: OutputSum::default(),
            unbegun: false,
        })),
    }
}

/// Takes a run to its end as the engine does, each host ending by itself; gives what happened.
fn to_the_end(run: &mut Run) -> Vec<Event> {
    let mut events = Vec::new();
    drive(run, |event| events.push(event));
    events
}

/// The same; each event is handed on.
fn drive(run: &mut Run, mut seen: impl FnMut(Event)) {
    let mut busy = VecDeque::new();
    loop {
        let next = run
            .advance(At(0), &Alone)
            .or_else(|| run.dispatch(At(0), &Alone))
            .or_else(|| busy.pop_front().map(finished));
        let Some(event) = next else {
            return;
        };
        for effect in run.apply(&event) {
            if let Effect::Start {
                step,
                attempt,
                hosts,
            } = effect
            {
                busy.extend(hosts.into_iter().map(|host| (host, step, attempt)));
            }
        }
        seen(event);
    }
}

fn life(c: &mut Criterion) {
    for (name, batch) in [("at once", None), ("in batches of 500", Some(500))] {
        let mut group = c.benchmark_group(format!("run {name}"));
        group.sampling_mode(SamplingMode::Flat).sample_size(10);
        for hosts in [10_000, 100_000] {
            let spec = spec(hosts, batch.into_iter().collect());
            let journal = to_the_end(&mut new(&spec));
            group.throughput(Throughput::Elements(journal.len() as u64));
            group.bench_with_input(
                BenchmarkId::new("decide and apply", hosts),
                &spec,
                |b, spec| {
                    b.iter_batched(
                        || new(spec),
                        |mut run| to_the_end(&mut run),
                        BatchSize::PerIteration,
                    );
                },
            );
            group.bench_with_input(BenchmarkId::new("replay", hosts), &journal, |b, journal| {
                b.iter_batched(
                    || new(&spec),
                    |mut run| {
                        for event in journal {
                            drop(run.apply(event));
                        }
                        run
                    },
                    BatchSize::PerIteration,
                );
            });
        }
        group.finish();
    }
}

/// A rollout as a flow makes one: six steps, the last a gate that a batch comes to together, steps
/// that can be undone, a batch of one and then tenths.
fn rollout_spec(hosts: u32) -> Arc<RunSpec> {
    let mut spec = (*spec(hosts, Vec::new())).clone();
    let exec = spec.steps.remove(0);
    let step = |at: u16, undoes| {
        let mut step = exec.clone();
        step.name = format!("step{at}");
        step.rules.undoes = undoes;
        step
    };
    spec.steps = (0..STEPS).map(|at| step(at, None)).collect();
    if let Some(gate) = spec.steps.last_mut() {
        (gate.rules.together, gate.rules.gate) = (true, Some(Vec::new()));
    }
    let undone = (0..STEPS - 1).rev().step_by(2);
    spec.steps
        .extend(undone.map(|at| step(at, Some(StepIx(at)))));
    let tenth = hosts / 10;
    spec.rollout.batches = [1, tenth - 1].into_iter().chain([tenth; 9]).collect();
    Arc::new(spec)
}

/// Resident memory of this process, in bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split_whitespace().nth(1).and_then(|n| n.parse().ok());
    pages.unwrap_or(0u64) * 4096
}

/// What runs of this rollout keep for a host when they are over, without their specification: of so
/// many that what the allocator had at hand does not matter.
fn memory(hosts: u32) {
    let spec = rollout_spec(hosts);
    let before = resident();
    let count = 1_000_000 / hosts;
    let runs: Vec<Run> = (0..count)
        .map(|_| {
            let mut run = new(&spec);
            drive(&mut run, drop);
            run
        })
        .collect();
    let kept = resident().saturating_sub(before);
    println!(
        "rollout of {hosts} hosts: {} bytes a host",
        kept / u64::from(hosts * count)
    );
    drop(runs);
}

fn rollout(c: &mut Criterion) {
    let mut group = c.benchmark_group("rollout of six steps");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    for hosts in [10_000, 100_000] {
        memory(hosts);
        let spec = rollout_spec(hosts);
        group.throughput(Throughput::Elements(u64::from(hosts) * u64::from(STEPS)));
        group.bench_with_input(BenchmarkId::new("a task", hosts), &spec, |b, spec| {
            b.iter_batched(
                || new(spec),
                |mut run| {
                    drive(&mut run, drop);
                    run
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, life, rollout);
criterion_main!(benches);

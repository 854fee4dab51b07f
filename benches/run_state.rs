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
        })),
    }
}

/// Takes a run to its end as the engine does, each host ending by itself; gives what happened.
fn to_the_end(run: &mut Run) -> Vec<Event> {
    let (mut busy, mut events) = (VecDeque::new(), Vec::new());
    loop {
        let next = run
            .advance(At(0), &Alone)
            .or_else(|| run.dispatch(At(0), &Alone))
            .or_else(|| busy.pop_front().map(finished));
        let Some(event) = next else {
            return events;
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
        events.push(event);
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

criterion_group!(benches, life);
criterion_main!(benches);

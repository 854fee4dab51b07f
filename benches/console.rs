//! What a screen of a run with 10,000 hosts costs the engine: their order, their times, their
//! groups by output, and the text that names the hosts of a group.

#![allow(
    missing_docs,
    reason = "Criterion's macros make functions without docs"
)]

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use theconn::inventory::fold;
use theconn::run::event::{Event, Finished, OutputSum, What};
use theconn::run::filter::Filter;
use theconn::run::fold_groups::{alike, sort};
use theconn::run::ids::{At, Attempt, HostIx, RunId, StepIx};
use theconn::run::lines::Splitter;
use theconn::run::mask::mask;
use theconn::run::order::{Sort, arrange, times};
use theconn::run::outcome::Outcome;
use theconn::run::output::{Chunk, ChunkBody, OutStream};
use theconn::run::phases::Phases;
use theconn::run::search::{Needle, Seeker};
use theconn::run::spec::{
    Access, Act, Exec, Lease, Rollout, RunKind, RunSpec, Step, StepRules, Target,
};
use theconn::run::state::Run;

const HOSTS: u32 = 10_000;

fn name(host: u32) -> String {
    format!("web{:05}.ams{}.example.net", host, host % 4)
}

fn spec() -> Arc<RunSpec> {
    let target = |host| Target {
        name: name(host).into(),
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
        targets_text: "@web".to_owned(),
        targets: (0..HOSTS).map(target).collect(),
        steps: vec![Step {
            name: "exec".to_owned(),
            act: Act::Exec(exec),
            timeout: None,
            idempotent: false,
            rules: StepRules::default(),
            part: None,
        }],
        rollout: Rollout {
            concurrency: HOSTS,
            batches: vec![HOSTS],
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

/// Every host has ended: one of twenty failed, the outputs are one of five.
fn ended() -> Run {
    let mut run = Run::new(RunId(1), spec(), "kim", At(0));
    let hosts = (0..HOSTS).map(HostIx).collect();
    let dispatched = What::Dispatched {
        step: StepIx(0),
        attempt: Attempt(1),
        hosts,
    };
    run.apply(&Event {
        at: At(0),
        what: dispatched,
    });
    for host in 0..HOSTS {
        let mixed = host.wrapping_mul(2_654_435_761) >> 7;
        let outcome = if mixed.is_multiple_of(20) {
            Outcome::Failed(1)
        } else {
            Outcome::Ok
        };
        let finished = Finished {
            host: HostIx(host),
            step: StepIx(0),
            attempt: Attempt(1),
            outcome,
            detail: None,
            phases: Phases::default(),
            output: OutputSum {
                stdout: 90,
                stderr: 0,
                dropped: 0,
                digest: format!("{:032x}", mixed % 5),
            },
            unbegun: false,
        };
        run.apply(&Event {
            at: At(i64::from(mixed % 30_000)),
            what: What::Finished(Box::new(finished)),
        });
    }
    run
}

fn hosts(criterion: &mut Criterion) {
    let run = ended();
    let mut group = criterion.benchmark_group("10,000 hosts");
    group.bench_function("shared with who looks, then changed", |bencher| {
        bencher.iter(|| run.clone());
    });
    let empty = Filter::default();
    for (word, sort) in [("worst", Sort::Worst), ("time", Sort::Time)] {
        group.bench_function(format!("{word} first"), |bencher| {
            bencher.iter(|| arrange(&run, sort, &empty, At(0)));
        });
    }
    let filter = Filter::parse("ams2 !state:ok").unwrap_or_default();
    group.bench_function("filtered by name and state", |bencher| {
        bencher.iter(|| arrange(&run, Sort::Worst, &filter, At(0)));
    });
    group.bench_function("times", |bencher| bencher.iter(|| times(&run)));
    group.bench_function("groups by output", |bencher| {
        bencher.iter(|| {
            let mut groups = alike(&run);
            sort(&mut groups);
            groups.len()
        });
    });
    let names: Vec<String> = (0..HOSTS).map(name).collect();
    group.bench_function("folded to text", |bencher| {
        bencher.iter(|| fold(names.iter().map(String::as_str)));
    });
    let some: Vec<&str> = names.iter().step_by(3).map(String::as_str).collect();
    group.bench_function("every third folded to text", |bencher| {
        bencher.iter(|| fold(some.iter().copied()));
    });
    group.finish();
}

fn output(criterion: &mut Criterion) {
    let lines: Vec<String> = (0..20_000)
        .map(|n| format!("2026-01-01T00:00:00 web1 app[{n}]: request {n} took 12 ms\n"))
        .collect();
    let lines = lines.concat();
    let chunks: Vec<Chunk> = lines
        .as_bytes()
        .chunks(32 << 10)
        .map(|bytes| Chunk {
            host: 0,
            step: 0,
            attempt: 1,
            stream: OutStream::Stdout,
            offset: 0,
            at_ms: 0,
            body: ChunkBody::Data(bytes.to_vec().into()),
        })
        .collect();
    let mut group = criterion.benchmark_group("output");
    group.throughput(Throughput::Bytes(lines.len() as u64));
    group.bench_function("cut into lines", |bencher| {
        bencher.iter(|| {
            let mut splitter = Splitter::default();
            for chunk in &chunks {
                splitter.feed(chunk, &mut |_| ());
            }
            splitter.total()
        });
    });
    for text in ["absent", "Request 777 ", "~took 1[3-9] ms$"] {
        let Ok(needle) = Needle::parse(text) else {
            continue;
        };
        group.bench_function(format!("searched for {text}"), |bencher| {
            bencher.iter(|| {
                let (mut splitter, mut seeker) = (Splitter::default(), Seeker::default());
                let mut found = 0;
                for chunk in &chunks {
                    splitter.feed(chunk, &mut |piece| {
                        let seen = seeker.look(&needle, piece.bytes, piece.goes_on);
                        found += u32::from(seen.is_some());
                    });
                }
                found
            });
        });
    }
    group.bench_function("masked", |bencher| {
        bencher.iter(|| mask(lines.as_bytes(), &["web1.example.net", "web1"]));
    });
    group.finish();
}

criterion_group!(benches, hosts, output);
criterion_main!(benches);

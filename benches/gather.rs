//! Gathering what 10,000 hosts say, 100 lines each.

#![allow(
    missing_docs,
    reason = "Criterion's macros make functions without docs"
)]

use std::hint::black_box;

use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use theconn::run::gather::Gather;

const HOSTS: u32 = 10_000;
const LINES: usize = 100;
/// As much as `conn fold` keeps of different lines.
const LIMIT: usize = 256 << 20;

/// What a host says when there are so many kinds of output.
fn outputs(kinds: u32) -> Vec<Vec<String>> {
    let line = |kind, number| format!("line {number} of a host whose kind is {kind}");
    (0..kinds)
        .map(|kind| (0..LINES).map(|number| line(kind, number)).collect())
        .collect()
}

/// All hosts at once, each a line behind the other, as they come in from a fleet.
fn gather(outputs: &[Vec<String>]) -> Gather {
    let mut gather = Gather::new(LIMIT);
    for number in 0..LINES {
        for host in 0..HOSTS {
            let kind = host as usize % outputs.len();
            gather.add(host, outputs[kind][number].as_bytes());
        }
    }
    gather
}

fn gathering(c: &mut Criterion) {
    let mut group = c.benchmark_group("gather");
    group.throughput(Throughput::Elements(u64::from(HOSTS) * LINES as u64));
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    for kinds in [1, 20, HOSTS] {
        let outputs = outputs(kinds);
        group.bench_with_input(BenchmarkId::new("add", kinds), &outputs, |b, outputs| {
            b.iter(|| gather(black_box(outputs)));
        });
        let gathered = gather(&outputs);
        group.bench_with_input(BenchmarkId::new("groups", kinds), &gathered, |b, it| {
            b.iter(|| it.groups());
        });
    }
    group.finish();
}

criterion_group!(benches, gathering);
criterion_main!(benches);

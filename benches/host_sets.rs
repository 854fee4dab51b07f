//! Host sets of 100,000 names: read, fold, set operations.

#![allow(clippy::unwrap_used, reason = "a bench stops where its input is wrong")]
#![allow(
    missing_docs,
    reason = "Criterion's macros make functions without docs"
)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use theconn::inventory::hostset::{HostSet, NoGroups};

const NAMES: u32 = 100_000;

fn set(text: &str) -> HostSet {
    HostSet::parse(text, &NoGroups).unwrap()
}

fn reading(c: &mut Criterion) {
    let mut group = c.benchmark_group("read");
    group.throughput(Throughput::Elements(NAMES.into()));
    // In an order that no range follows: 7 and 100,000 have no divisor in common.
    let scattered: Vec<String> = (0..NAMES)
        .map(|at| format!("web{:05}", u64::from(at) * 7 % u64::from(NAMES)))
        .collect();
    let table: Vec<String> = (0..NAMES)
        .map(|at| format!("rack{}-node{:03}", at / 500, at % 500))
        .collect();
    let listed = scattered.join(",");
    group.bench_function("names", |b| {
        b.iter(|| HostSet::from_names(black_box(&scattered)).unwrap());
    });
    group.bench_function("names of two numbers", |b| {
        b.iter(|| HostSet::from_names(black_box(&table)).unwrap());
    });
    group.bench_function("a list with commas", |b| b.iter(|| set(black_box(&listed))));
    group.bench_function("a range", |b| b.iter(|| set(black_box("web[00000-99999]"))));
    group.finish();
}

fn writing(c: &mut Criterion) {
    let mut group = c.benchmark_group("write");
    group.throughput(Throughput::Elements(NAMES.into()));
    let full = set("web[00000-99999]");
    let holes = set("web[000000-199998/2]");
    let table = set("rack[0-199]-node[000-499]");
    for (name, hosts) in [
        ("one range", &full),
        ("holes", &holes),
        ("two numbers", &table),
    ] {
        group.bench_function(format!("fold {name}"), |b| b.iter(|| hosts.to_string()));
        group.bench_function(format!("expand {name}"), |b| {
            b.iter(|| hosts.iter().map(black_box).count());
        });
    }
    group.finish();
}

fn operations(c: &mut Criterion) {
    let mut group = c.benchmark_group("operate");
    group.throughput(Throughput::Elements(NAMES.into()));
    let (full, thirds) = (set("web[000000-099999]"), set("web[050000-199999/3]"));
    group.bench_function("union", |b| b.iter(|| full.union(black_box(&thirds))));
    group.bench_function("intersection", |b| {
        b.iter(|| full.intersection(black_box(&thirds)));
    });
    group.bench_function("difference", |b| {
        b.iter(|| full.difference(black_box(&thirds)));
    });
    group.bench_function("symmetric difference", |b| {
        b.iter(|| full.symmetric_difference(black_box(&thirds)));
    });
    group.bench_function("expression", |b| {
        b.iter(|| {
            set(black_box(
                "web[00000-99999]!web[50000-99999/3]&web[00000-89999]",
            ))
        });
    });
    group.finish();
}

criterion_group!(benches, reading, writing, operations);
criterion_main!(benches);

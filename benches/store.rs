//! What the store costs against what the disk itself costs, in one run on one disk.
//!
//! `cargo bench --bench store` prints the figures, each as a ratio, then Criterion's own. The
//! directory is made in the current one, so that the disk measured is the one the crate is on.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on ends")]

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use theconn::run::output::{Chunk, ChunkBody, OutStream};
use theconn::store::disk::{DiskStore, Options};
use theconn::store::{Append, Store, Stream};
use tokio::runtime::Runtime;

const MIB: usize = 1 << 20;
const CHUNK: usize = 16 << 10;
const HOSTS: u32 = 500;

fn main() {
    let dir = tempfile::Builder::new()
        .prefix("store-bench")
        .tempdir_in(".")
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    figures(dir.path(), &runtime);
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    commits(&mut criterion, dir.path(), &runtime);
    criterion.final_summary();
}

fn open(path: &Path) -> Arc<dyn Store> {
    Arc::new(DiskStore::open(path, Options::default()).unwrap())
}

fn figures(dir: &Path, runtime: &Runtime) {
    commit_ratio(dir, runtime);
    concurrent_commits(dir);
    let pool = pool();
    ingest_ratio(dir, runtime, &pool);
    cold_open(dir, runtime, &noise());
}

/// Lines as daemons write them.
fn pool() -> Vec<Bytes> {
    let mut seed = 42u64;
    let mut next = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let words = [
        "started session",
        "connection closed by",
        "disk check ok on",
        "timeout waiting for",
    ];
    let chunk = |next: &mut dyn FnMut() -> u64| {
        let mut text = Vec::with_capacity(CHUNK + 200);
        while text.len() < CHUNK {
            let (a, b) = (next(), next());
            let word = words[(a >> 60) as usize % words.len()];
            let _ = writeln!(
                text,
                "2026-11-22T23:{:02}:{:02}.{:06}Z svc[{}]: {word} {:08x} of user deploy took={}ms",
                a % 60,
                (a >> 8) % 60,
                (a >> 16) % 1_000_000,
                (a >> 40) % 9000,
                b as u32,
                b >> 52
            );
        }
        text.truncate(CHUNK);
        Bytes::from(text)
    };
    (0..1024).map(|_| chunk(&mut next)).collect()
}

/// Bytes that cannot be packed, to fill files quickly.
fn noise() -> Vec<Bytes> {
    let mut seed = 7u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 32) as u8
    };
    (0..64)
        .map(|_| (0..CHUNK).map(|_| next()).collect())
        .collect()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn record() -> Append {
    Append::new(Stream::Run(1), vec![7; 200])
}

fn commit(store: &dyn Store, runtime: &Runtime) {
    let mut durability = store.durability();
    let lsn = store.append(vec![record()]).unwrap();
    runtime
        .block_on(durability.wait_for(|seen| seen.lsn >= lsn))
        .unwrap();
}

fn commit_ratio(dir: &Path, runtime: &Runtime) {
    let store = open(&dir.join("commit"));
    let mut raw_file = File::create(dir.join("raw")).unwrap();
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for _ in 0..1000 {
        let start = Instant::now();
        raw_file.write_all(&[7; 256]).unwrap();
        raw_file.sync_data().unwrap();
        raw.push(start.elapsed());
        let start = Instant::now();
        commit(&*store, runtime);
        ours.push(start.elapsed());
    }
    let (ours, raw) = (median(ours), median(raw));
    println!(
        "commit p50 {ours:?}, fdatasync p50 {raw:?}: {:.2} times (at most 2.5)",
        ours.as_secs_f64() / raw.as_secs_f64()
    );
}

/// Many who wait share one sync.
fn concurrent_commits(dir: &Path) {
    let store = open(&dir.join("commit"));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                for _ in 0..200 {
                    commit(&*store, &runtime);
                }
            });
        }
    });
    println!(
        "32 writers: {:.0} durable commits a second",
        6400.0 / start.elapsed().as_secs_f64()
    );
}

fn chunk(index: usize, pool: &[Bytes]) -> Chunk {
    let host = index as u32 % HOSTS;
    Chunk {
        host,
        step: 0,
        attempt: 1,
        stream: OutStream::Stdout,
        offset: (index / HOSTS as usize * CHUNK) as u64,
        at_ms: 1_700_000_000_000 + i64::from(index as u32),
        body: ChunkBody::Data(pool[index * 7 % pool.len()].clone()),
    }
}

/// Gives so much output to one run; durable when this returns.
fn ingest(store: &dyn Store, runtime: &Runtime, run: u64, bytes: usize, pool: &[Bytes]) {
    runtime.block_on(async {
        for index in 0..bytes / CHUNK {
            store.append_output(run, chunk(index, pool)).await.unwrap();
        }
    });
    let mut durability = store.durability();
    let lsn = store
        .append(vec![Append::new(Stream::Run(run), "end")])
        .unwrap();
    runtime
        .block_on(durability.wait_for(|seen| seen.lsn >= lsn))
        .unwrap();
}

fn raw_write(path: &Path, bytes: usize, pool: &[Bytes]) {
    let mut file = File::create(path).unwrap();
    for index in 0..bytes / CHUNK {
        file.write_all(&pool[index * 7 % pool.len()]).unwrap();
        if ((index + 1) * CHUNK).is_multiple_of(MIB) {
            file.sync_data().unwrap();
        }
    }
    fs::remove_file(path).unwrap();
}

/// What this process has caused to be written to disks, by the system's own count.
fn bytes_written() -> u64 {
    let text = fs::read_to_string("/proc/self/io").unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    line.unwrap().parse().unwrap()
}

fn ingest_ratio(dir: &Path, runtime: &Runtime, pool: &[Bytes]) {
    let total = 512 * MIB;
    let path = dir.join("ingest");
    let (mut ours, mut raw, mut written) = (Duration::ZERO, Duration::ZERO, 0);
    {
        let store = open(&path);
        for run in 0..8 {
            let start = Instant::now();
            raw_write(&dir.join("raw"), total / 8, pool);
            raw += start.elapsed();
            let before = bytes_written();
            let start = Instant::now();
            ingest(&*store, runtime, run, total / 8, pool);
            ours += start.elapsed();
            written += bytes_written() - before;
        }
        for run in 0..8 {
            store.seal(run).unwrap();
        }
        for run in 0..4 {
            store.drop_run(run, "bench").unwrap();
        }
        store.close().unwrap();
    }
    let rate = |time: Duration| (total / MIB) as f64 / time.as_secs_f64();
    println!(
        "ingest {:.0} MiB/s, fdatasync each MiB {:.0} MiB/s: {:.2} times (at least 0.5)",
        rate(ours),
        rate(raw),
        raw.as_secs_f64() / ours.as_secs_f64()
    );
    println!(
        "write amplification: {} MiB to the disk for {} MiB of output: {:.2} times",
        written >> 20,
        total >> 20,
        written as f64 / total as f64
    );
    let live = lengths(&path.join("seg"));
    let disk = size(&path.join("seg")) + size(&path.join("index"));
    println!(
        "half deleted: {} MiB on disk with the index for {} MiB live ({} MiB raw): {:.2} times (at most 1.2)",
        disk >> 20,
        live >> 20,
        total >> 21,
        disk as f64 / live as f64
    );
}

fn cold_open(dir: &Path, runtime: &Runtime, pool: &[Bytes]) {
    let path = dir.join("cold");
    {
        let store = open(&path);
        for run in 0..8 {
            ingest(&*store, runtime, run, 128 * MIB, pool);
            if run < 6 {
                store.seal(run).unwrap();
            }
        }
        store.close().unwrap();
    }
    let gib = lengths(&path.join("seg")) as f64 / (1u64 << 30) as f64;
    let timed = |what: &str, target: &str| {
        forget_pages(&path);
        let start = Instant::now();
        let store = open(&path);
        let took = start.elapsed();
        println!(
            "cold open, {what}: {took:?} for {gib:.2} GiB of segments, {:.2} s a GiB{target}",
            took.as_secs_f64() / gib
        );
        store.close().unwrap();
    };
    timed("clean", " (at most 0.5)");
    fs::remove_dir_all(path.join("index")).unwrap();
    timed("index gone, two of eight runs read again", "");
}

/// Lets the system forget what it has read of these files.
fn forget_pages(path: &Path) {
    for entry in fs::read_dir(path).unwrap().flatten() {
        if entry.path().is_dir() {
            forget_pages(&entry.path());
        } else if let Ok(file) = File::open(entry.path()) {
            let _ = file.sync_all();
            let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
        }
    }
}

fn walk(path: &Path, count: &dyn Fn(&fs::Metadata) -> u64) -> u64 {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => walk(&entry.path(), count),
        Ok(meta) => count(&meta),
        Err(_) => 0,
    });
    sizes.sum()
}

fn lengths(path: &Path) -> u64 {
    walk(path, &fs::Metadata::len)
}

fn size(path: &Path) -> u64 {
    walk(path, &|meta| meta.blocks() * 512)
}

fn commits(criterion: &mut Criterion, dir: &Path, runtime: &Runtime) {
    let store = open(&dir.join("criterion"));
    let mut group = criterion.benchmark_group("store");
    group.throughput(Throughput::Elements(1));
    group.bench_function("commit", |bencher| {
        bencher.iter(|| commit(&*store, runtime));
    });
    let mut file = File::create(dir.join("raw")).unwrap();
    group.bench_function("fdatasync", |bencher| {
        bencher.iter(|| {
            file.write_all(&[7; 256]).unwrap();
            file.sync_data().unwrap();
        });
    });
    group.finish();
}

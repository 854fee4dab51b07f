//! A rollout in a world of its own: virtual time, hosts that are slow, fail, hang or vanish, an
//! engine that dies at any moment, people who steer. Everything follows from one seed.
//!
//! `CONN_SIM_SEED=N cargo test simulation` plays one seed again and prints its events;
//! `CONN_TEST_FULL=1` plays ten times as many.

mod chance;
mod promises;
mod rollbacks;
mod specs;
mod world;

use std::collections::BTreeMap;

use world::World;

/// Seeds that are played.
const SEEDS: u64 = 1_500;
const SEEDS_FULL: u64 = 15_000;
/// Seeds whose engine dies after each event of their history.
const DEATHS: u64 = 200;
const DEATHS_FULL: u64 = 2_000;

/// What was met on the way: state and event, with how often.
type Coverage = BTreeMap<(String, String), u64>;

#[test]
fn every_seed_keeps_the_promises_and_comes_to_an_end() {
    let seeds = Seeds::of(SEEDS, SEEDS_FULL);
    let mut coverage = Coverage::new();
    for seed in seeds.all {
        let met = told(seed, || {
            let mut world = World::new(seed);
            world.told = seeds.one;
            world.play()
        });
        add(&mut coverage, met);
    }
    print(&coverage);
    if !seeds.one {
        assert_covered(&coverage);
    }
}

#[test]
fn an_engine_that_dies_at_any_place_of_its_journal_keeps_the_promises() {
    let seeds = Seeds::of(DEATHS, DEATHS_FULL);
    let mut coverage = Coverage::new();
    let mut deaths = 0;
    for seed in seeds.all {
        for (place, world) in (0..).zip(World::new(seed).after_each_event()) {
            let met = told(seed, || world.dies_here(seed << 20 | place));
            add(&mut coverage, met);
            deaths += 1;
        }
    }
    println!("{deaths} deaths");
    print(&coverage);
}

/// What is played.
struct Seeds {
    all: std::ops::Range<u64>,
    one: bool,
}

impl Seeds {
    fn of(few: u64, many: u64) -> Self {
        let only = std::env::var("CONN_SIM_SEED")
            .ok()
            .and_then(|seed| seed.parse::<u64>().ok());
        let full = std::env::var_os("CONN_TEST_FULL").is_some();
        let all = match (only, full) {
            (Some(seed), _) => seed..seed + 1,
            (None, true) => 0..many,
            (None, false) => 0..few,
        };
        let one = only.is_some();
        Self { all, one }
    }
}

/// Plays, and names the seed where that goes wrong.
fn told(seed: u64, play: impl FnOnce() -> Coverage) -> Coverage {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(play)) {
        Ok(met) => met,
        Err(why) => {
            eprintln!("play it again: CONN_SIM_SEED={seed} cargo test simulation");
            std::panic::resume_unwind(why);
        }
    }
}

fn add(coverage: &mut Coverage, met: Coverage) {
    for (pair, count) in met {
        *coverage.entry(pair).or_default() += count;
    }
}

fn print(coverage: &Coverage) {
    for ((state, event), count) in coverage {
        println!("{count:>9}  {state:<12} {event}");
    }
}

/// Each kind of event was met, and each state a run can be in.
fn assert_covered(coverage: &Coverage) {
    let events = [
        "dispatched",
        "parked",
        "unparked",
        "held",
        "freed",
        "reattaching",
        "finished",
        "registered",
        "rested",
        "passed",
        "barrier_reached",
        "approved",
        "line_passed",
        "soaking",
        "step_skipped",
        "batch_opened",
        "paused",
        "resumed",
        "aborted",
        "retried",
        "skipped",
        "rolling_back",
        "abort_after_batch",
        "settled",
        "tuned",
        "take_asked",
        "take_refused",
        "conn_moved",
        "recovered",
        "clock_set",
        "ended",
    ];
    for event in events {
        let met = coverage.keys().any(|(_, met)| met == event);
        assert!(met, "no seed met {event}");
    }
    let states = [
        "pending",
        "waiting",
        "running",
        "paused",
        "reattaching",
        "failed",
        "aborted",
    ];
    for state in states {
        let met = coverage.keys().any(|(met, _)| met == state);
        assert!(met, "no seed met a run that is {state}");
    }
}

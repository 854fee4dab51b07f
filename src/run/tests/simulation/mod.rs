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

/// What was met on the way: state and event, with how often.
type Coverage = BTreeMap<(String, String), u64>;

#[test]
fn every_seed_keeps_the_promises_and_comes_to_an_end() {
    let only = std::env::var("CONN_SIM_SEED")
        .ok()
        .and_then(|seed| seed.parse::<u64>().ok());
    let full = std::env::var_os("CONN_TEST_FULL").is_some();
    let seeds = match (only, full) {
        (Some(seed), _) => seed..seed + 1,
        (None, true) => 0..SEEDS_FULL,
        (None, false) => 0..SEEDS,
    };
    let mut coverage = Coverage::new();
    for seed in seeds {
        let told = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            world.told = only.is_some();
            world.play()
        });
        match told {
            Ok(met) => {
                for (pair, count) in met {
                    *coverage.entry(pair).or_default() += count;
                }
            }
            Err(why) => {
                eprintln!("play it again: CONN_SIM_SEED={seed} cargo test simulation");
                std::panic::resume_unwind(why);
            }
        }
    }
    for ((state, event), count) in &coverage {
        println!("{count:>9}  {state:<12} {event}");
    }
    if only.is_none() {
        assert_covered(&coverage);
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

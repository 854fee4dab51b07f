//! Runs every file of the fuzz corpora through the body of its fuzz target.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::fs;
use std::path::Path;

#[path = "../fuzz/bodies/hostset.rs"]
mod hostset;
#[path = "../fuzz/bodies/known_hosts.rs"]
mod known_hosts;
#[path = "../fuzz/bodies/neutral.rs"]
mod neutral;
#[path = "../fuzz/bodies/ssh_config.rs"]
mod ssh_config;
#[path = "../fuzz/bodies/wire.rs"]
mod wire;

fn run_corpus(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        body(&fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(
        count >= 8,
        "the corpus of {target} is not complete: {count} files"
    );
}

#[test]
fn the_corpus_of_known_hosts_breaks_nothing() {
    run_corpus("known_hosts", known_hosts::run);
}

#[test]
fn the_corpus_of_ssh_config_breaks_nothing() {
    run_corpus("ssh_config", ssh_config::run);
}

#[test]
fn the_corpus_of_the_neutraliser_breaks_nothing() {
    run_corpus("neutral", neutral::run);
}

#[test]
fn the_corpus_of_host_sets_breaks_nothing() {
    run_corpus("hostset", hostset::run);
}

#[test]
fn the_corpus_of_wire_frames_breaks_nothing() {
    run_corpus("wire", wire::run);
}

#![no_main]
//! `cargo +nightly fuzz run known_hosts`

#[path = "../bodies/known_hosts.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));

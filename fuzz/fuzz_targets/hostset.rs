#![no_main]
//! `cargo +nightly fuzz run hostset`

#[path = "../bodies/hostset.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));

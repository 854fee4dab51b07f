#![no_main]
//! `cargo +nightly fuzz run neutral`

#[path = "../bodies/neutral.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));

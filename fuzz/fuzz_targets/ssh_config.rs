#![no_main]
//! `cargo +nightly fuzz run ssh_config`

#[path = "../bodies/ssh_config.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));

//! The ssh room against real OpenSSH servers, and against servers that are up to no good.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::format_push_string,
    reason = "helpers of tests fail as tests do"
)]

mod auth;
mod common;
mod durable;
mod exec;
mod host_keys;
mod hostile;
mod push;
mod routes;
mod run_as;

//! What the end-to-end tests share: real hosts, the real binary, and the troubles that befall both.
//!
//! A test file says `mod support;` and uses what it needs. Everything here cleans up when dropped, also when the
//! test panics; fleets go down even when the test process is killed. Nothing here asserts times: use [`wait_until`].

// Each test binary compiles all of this and uses its own part; panics are how a harness reports what is wrong with
// the machine, in a sentence.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

mod agent;
mod command;
mod conn;
pub mod desk;
mod fleet;
mod hostile;
pub mod people;
mod process;
mod proxy;
mod scratch;
mod wait;
pub mod web;

pub use agent::{Agent, make_key};
pub use command::{Ended, Running};
pub use conn::Conn;
pub use fleet::{Fleet, FleetHost};
pub use hostile::{Behaviour, HostileServer};
pub use process::Process;
pub use proxy::TcpProxy;
pub use scratch::Scratch;
pub use wait::{PATIENCE, wait_for, wait_until};

/// Whether the long tests were asked for (`tests/run --full`). Without it a test does the same with fewer rounds;
/// it never does nothing.
pub fn full() -> bool {
    std::env::var_os("CONN_TEST_FULL").is_some_and(|value| value == "1")
}

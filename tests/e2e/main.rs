//! End to end: the real binary, its real engine, and real OpenSSH hosts.
//!
//! All tests share one fleet; each has an instance of `conn` of its own. A test that harms a host takes one that
//! nobody else has (`lend`).

// What tests may do, their helpers may do too; clippy knows that of tests alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod audit;
mod bastion;
mod cancel;
mod clients;
mod console;
mod credentials;
mod disk_full;
mod engine;
mod engine_killed;
mod example_site;
mod flighting;
mod flows;
mod handed_on;
mod hostile;
mod refused;
mod rig;
mod roles;
mod rollback;
mod run;
mod secrets;
mod shared;
mod shared_rig;
mod stages;
mod steer;
mod troubled_hosts;
mod ways;
mod web;

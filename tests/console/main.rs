//! The console as a person meets it: the real binary in a terminal of its own, driven by keys, over
//! its own engine and the fleet that lives inside this process.
//!
//! Needs no root, no SSH server and no terminal. A failure shows the whole screen.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helper fails its test"
)]

mod bytes;
mod demo;
mod dice;
mod ends;
mod flows;
mod following;
mod masks;
mod picture;
mod quiet;
mod shots;
mod site;
mod steering;
mod storms;
#[path = "../support/mod.rs"]
mod support;
mod terminal;
mod together;
mod way;
mod world;

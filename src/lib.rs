//! `conn`: a terminal operations console for on-call engineers, and the engine behind it.
//!
//! The table of contents; `ARCHITECTURE.md` is the map.

pub mod cli;
pub mod demo;
pub mod engine;
pub mod flow;
pub mod http;
pub mod inventory;
pub mod run;
pub mod site;
pub mod ssh;
pub mod store;
pub mod trust;
pub mod tui;
pub mod wire;

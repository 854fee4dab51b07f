//! Runs: what every kind of work in the product is made of.
//!
//! Pure: values in, values out. No clock, no file, no network, no async.

mod answer;
mod apply;
pub mod cause;
pub mod claim;
mod clock;
pub mod command;
pub mod complaint;
pub mod decide;
pub mod digest;
pub mod duration;
pub mod event;
pub mod family;
pub mod filter;
pub mod fold_groups;
pub mod gather;
pub mod http;
pub mod ids;
pub mod last_line;
pub mod line_index;
pub mod line_up;
pub mod lines;
pub mod mask;
pub mod matrix;
pub mod neutral;
pub mod order;
pub mod outcome;
pub mod output;
pub mod pace;
pub mod percent;
pub mod phases;
pub mod preflight;
pub mod quote;
pub mod redact;
mod rest;
pub mod retry;
pub mod roles;
pub mod run_state;
pub mod search;
pub mod secret;
pub mod sign;

pub mod size;
pub mod spans;
pub mod spec;
pub mod stages;
pub mod state;
pub mod strict_toml;
pub mod tally;
#[cfg(test)]
mod tests;
mod undo;
pub mod unified;
pub mod wildcard;

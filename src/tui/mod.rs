//! The console: a full-screen client of the engine.
//!
//! `app` is the console as one pure value; `screens` and `overlay` are its parts, `present` and
//! `terminal` the last step to the terminal, `link` the way to the engine. Nothing here knows the
//! engine itself: only the wire and the ground floor.

mod app;
mod canvas;
mod drive;
mod fuzzy;
mod keys;
mod link;
mod list;
mod overlay;
mod pace;
mod pane;
mod plain;
mod present;
mod screens;
mod standing;
mod terminal;
#[cfg(test)]
mod tests;
mod theme;
mod words;
mod zone;

pub use drive::{ConsoleError, Options, open};
pub use link::Connector;
pub use plain::speak;

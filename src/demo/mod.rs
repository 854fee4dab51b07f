//! A fleet of SSH hosts inside the program, for `conn demo`, and cheap ones for benches.
//!
//! Everything is played: hosts, files, commands and faults live in memory and listen on loopback
//! only. It starts no process, needs no root and no SSH server, and never touches the files of
//! the machine beyond the directory it is given.

pub mod cheap;
mod commands;
pub mod drive;
mod error;
pub mod example;
pub mod fleet;
mod host;
mod patience;
pub mod roster;
pub mod script;
mod server;
mod session;
mod sftp;
mod shell;
mod site;
mod terminal;
mod vfs;

pub use error::DemoError;
pub use fleet::{Fleet, Layout};

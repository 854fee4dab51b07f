//! The engine: owns state and time, turns events into effects, serves clients.
//!
//! One task, [`core::Core`], owns every run. Whatever happens reaches it as a message; it decides,
//! journals, applies and starts tasks. Tasks and clients never touch state: they send messages and
//! read snapshots. Nothing is shown, answered or undone before the events behind it are durable.

pub mod audit;
pub mod clients;
mod clock;
pub mod core;
pub mod daemon;
pub mod definitions;
pub mod directory;
pub mod doctor;
mod flows;
mod given;
pub mod heads;
pub mod history;
mod http_rules;
mod http_step;
pub mod identities;
pub mod inbox;
pub mod listing;
mod local;
mod metrics_gate;
pub mod news;
pub mod people;
pub mod pulled;
pub mod retention;
pub mod roles;
pub mod secrets;
pub mod serve;
pub mod sink;
pub mod spool;
pub mod task;
pub mod timeline;
pub mod view;
mod wholes;

use std::sync::Arc;

use directory::Directory;

use crate::ssh::Ssh;
use crate::store::Store;

/// What the engine works with.
#[derive(Clone)]
pub struct Parts {
    /// Journal, output and records.
    pub store: Arc<dyn Store>,
    /// Connections to hosts.
    pub ssh: Ssh,
    /// Limits and defaults.
    pub settings: Arc<Settings>,
    /// Requests to web servers.
    pub http: crate::http::Client,
    /// Files on their way to hosts.
    pub spool: Arc<spool::Spool>,
    /// Files from hosts.
    pub pulled: Arc<pulled::Pulled>,
    /// Hosts, and the ways to them.
    pub directory: Arc<dyn Directory>,
    /// Named keys, and who may use them.
    pub identities: Arc<identities::Identities>,
    /// Where secrets are, who may use them, and those that were typed.
    pub secrets: Arc<secrets::Secrets>,
    /// Who may do what.
    pub roles: Arc<roles::Roles>,
    /// Wakes those who look at everything.
    pub news: news::News,
}

/// Limits and defaults that the engine itself obeys.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Hosts at work at once in a run that names no number.
    pub fanout: u32,
    /// Bytes of output kept a host and attempt; the middle of what is over is dropped.
    pub output_budget: u64,
    /// Bytes of the end that are kept when the middle is dropped, and held in memory meanwhile.
    pub output_tail: u64,
    /// Bytes of output a durable command may leave on its host.
    pub host_output_cap: u64,
    /// Seconds without output after which a host is named.
    pub silence_s: u64,
    /// Seconds that a lost durable attempt is looked for before it is in doubt.
    pub reattach_s: u64,
    /// How a command becomes another user.
    pub run_as: crate::ssh::RunAsMethod,
    /// Identifies this instance on hosts: part of the name of each attempt directory.
    pub instance: String,
    /// Whether steps may run commands on its own machine.
    pub local_steps: bool,
    /// Web servers that may be asked; none: any on a private engine, none on a shared one.
    pub http_allow: Option<Vec<crate::site::servers::Servers>>,
    /// Whether it serves other users than its own.
    pub shared: bool,
}

pub use clock::now;

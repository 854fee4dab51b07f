//! The words between the engine and its clients, and the client itself.
//!
//! Frames are a big-endian `u32` length and a `MessagePack` map with named fields, so that either
//! side may be one version newer: unknown fields are ignored, missing ones have defaults. The first
//! frame each way is [`Hello`] and [`Welcome`]; after that each request carries an id that its
//! reply repeats.

pub mod client;
pub mod codec;
pub mod console;
pub mod definitions;
pub mod flows;
pub mod follow;
pub mod handover;
pub mod hidden;
pub mod reply;
pub mod request;
pub mod standing;
pub mod view;

use serde::{Deserialize, Serialize};

use crate::run::cause::Origin;

pub use client::{CallError, Client};
pub use reply::{Fault, FaultKind, Reply};
pub use request::Request;

/// The protocol this build speaks.
pub const PROTOCOL: u32 = 1;
/// The oldest protocol this build still serves.
pub const OLDEST_PROTOCOL: u32 = 1;

/// The first frame of a client.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Hello {
    /// Protocol the client speaks.
    pub protocol: u32,
    /// Its version, for messages.
    pub version: String,
    /// Its process id, for `engine status`.
    pub pid: u32,
    /// The socket of the agent that came with this login, if any.
    pub agent: Option<String>,
    /// Whether a person follows here (a console or a terminal): counts as attached.
    pub attached: bool,
    /// From where it asks, for the causes of what it starts.
    pub origin: Option<Origin>,
}

/// The first frame of the engine.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Welcome {
    /// Protocol the engine will speak; 0 when it cannot serve this client.
    pub protocol: u32,
    /// Its version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// Who the engine takes the client for.
    pub user: String,
    /// Why the client is turned away, if it is.
    pub refused: Option<String>,
}

/// A request and the number its reply will carry.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ask {
    /// Chosen by the client.
    pub id: u64,
    /// What it wants.
    pub request: Request,
}

/// A reply and the number of its request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answer {
    /// The request's number.
    pub id: u64,
    /// What came of it.
    pub reply: Result<Reply, Fault>,
}

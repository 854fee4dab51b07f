//! How long each phase of an attempt took.

use serde::{Deserialize, Serialize};

/// Seconds spent in each phase; `None` where the phase was not entered, as on a pooled connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Phases {
    /// Name resolution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolve: Option<f64>,
    /// TCP connection, or the jump host's forwarded channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<f64>,
    /// SSH identification, key exchange and host key check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kex: Option<f64>,
    /// User authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<f64>,
    /// Opening the session channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<f64>,
    /// From the request to the first byte of output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte: Option<f64>,
    /// From the request to the end of the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<f64>,
}

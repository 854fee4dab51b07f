//! Requests to web servers, as a run does them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::secret::Filled;

/// The methods of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "their names say what they are")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// Its word in a request.
    pub fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether it only asks, and changes nothing.
    pub fn only_asks(self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }
}

/// A request to a web server, from the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Http {
    /// The method.
    pub method: Method,
    /// Where.
    pub url: String,
    /// Headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Filled>,
    /// What is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Filled>,
    /// The first and last status of each range that means success.
    pub success: Vec<(u16, u16)>,
}

impl Http {
    /// Whether this status means success.
    pub fn is_success(&self, status: u16) -> bool {
        self.success
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&status))
    }
}

/// The code of a gate by metrics that does not open.
pub const METRICS_NO: u32 = 1;
/// The code of one that says neither yes nor no.
pub const METRICS_NEITHER: u32 = 2;

/// A question to a metrics server, once a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metrics {
    /// The server.
    pub url: String,
    /// The query.
    pub query: String,
}

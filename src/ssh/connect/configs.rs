//! russh's configurations, one for all connections that want the same: thousands of connections
//! are held at once, and each keeps its own until it ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::Config;

use super::super::error::SshError;
use super::super::route::Hop;
use super::super::settings::Settings;
use super::algorithms;
use crate::trust::known_hosts::KnownAlgorithms;

/// More different ones than this are not worth remembering.
const MOST: usize = 64;

/// All that a configuration is made from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Wants {
    known: KnownAlgorithms,
    lists: [Option<String>; 4],
    alive_interval: Option<Duration>,
    alive_count: Option<u32>,
}

/// Configurations in use.
#[derive(Default)]
pub(crate) struct Configs(Mutex<HashMap<Wants, Arc<Config>>>);

impl Configs {
    /// The configuration for a connection to this hop.
    pub fn of(&self, hop: &Hop, settings: &Settings) -> Result<Arc<Config>, SshError> {
        let options = hop.options();
        let (name, port) = hop.key_name();
        let wants = Wants {
            known: hop.known().known_algorithms(name, port),
            lists: [
                options.host_key_algorithms.clone(),
                options.ciphers.clone(),
                options.macs.clone(),
                options.kex_algorithms.clone(),
            ],
            alive_interval: options.server_alive_interval,
            alive_count: options.server_alive_count_max,
        };
        let mut configs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = configs.get(&wants) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(algorithms::config(options, &wants.known, settings)?);
        if configs.len() >= MOST {
            configs.clear();
        }
        configs.insert(wants, Arc::clone(&config));
        Ok(config)
    }
}

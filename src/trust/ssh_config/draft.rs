//! Options while they are gathered: the first value of each wins.

use std::collections::BTreeMap;

use super::error::{ConfigError, Place};
use super::jump::JumpHost;
use super::keywords::Concern;
use super::options::{AddressFamily, StrictHostKey};
use super::setting::Setting;

/// As in OpenSSH.
const MAX_IDENTITIES: usize = 100;

/// A value with the place it came from, for messages about its tokens.
pub(super) type Placed<T> = (Place, T);

#[derive(Debug, Default)]
pub(super) struct Draft {
    pub hostname: Option<Placed<String>>,
    pub port: Option<u16>,
    pub user: Option<String>,
    pub identity_files: Vec<Placed<String>>,
    pub certificate_files: Vec<Placed<String>>,
    pub identities_only: Option<bool>,
    pub identity_agent: Option<Placed<String>>,
    /// An empty chain stands for `none`.
    pub proxy_jump: Option<Placed<Vec<JumpHost>>>,
    /// `none` as written.
    pub proxy_command: Option<Placed<String>>,
    pub proxy_fdpass: Option<Placed<bool>>,
    pub host_key_alias: Option<String>,
    pub host_key_algorithms: Option<String>,
    pub ca_signature_algorithms: Option<String>,
    pub user_known_hosts: Option<Placed<Vec<String>>>,
    pub global_known_hosts: Option<Placed<Vec<String>>>,
    pub strict: Option<Placed<StrictHostKey>>,
    pub revoked_host_keys: Option<Placed<String>>,
    pub connect_timeout: Option<u32>,
    pub alive_interval: Option<u32>,
    pub alive_count_max: Option<u32>,
    pub ciphers: Option<String>,
    pub macs: Option<String>,
    pub kex_algorithms: Option<String>,
    pub address_family: Option<AddressFamily>,
    pub bind_address: Option<String>,
    pub tag: Option<String>,
    pub ignore_unknown: Option<Placed<String>>,
    /// First values of watched options, by keyword; harmless ones take the slot too.
    pub watched: BTreeMap<&'static str, Option<Placed<(Concern, String)>>>,
}

fn first<T: Clone>(slot: &mut Option<T>, value: &T) {
    if slot.is_none() {
        *slot = Some(value.clone());
    }
}

fn first_placed<T: Clone>(slot: &mut Option<Placed<T>>, place: &Place, value: &T) {
    if slot.is_none() {
        *slot = Some((place.clone(), value.clone()));
    }
}

impl Draft {
    /// Takes a setting of a block that holds.
    pub fn take(&mut self, place: &Place, setting: &Setting) -> Result<(), ConfigError> {
        match setting {
            Setting::HostName(value) => first_placed(&mut self.hostname, place, value),
            Setting::Port(value) => first(&mut self.port, value),
            Setting::User(value) => first(&mut self.user, value),
            Setting::IdentityFile(value) => add(&mut self.identity_files, place, value)?,
            Setting::CertificateFile(value) => add(&mut self.certificate_files, place, value)?,
            Setting::IdentitiesOnly(value) => first(&mut self.identities_only, value),
            Setting::IdentityAgent(value) => first_placed(&mut self.identity_agent, place, value),
            Setting::ProxyJump(hops) => self.jump(place, hops),
            Setting::ProxyCommand(value) => first_placed(&mut self.proxy_command, place, value),
            Setting::ProxyUseFdpass(value) => first_placed(&mut self.proxy_fdpass, place, value),
            Setting::HostKeyAlias(value) => first(&mut self.host_key_alias, value),
            Setting::HostKeyAlgorithms(value) => first(&mut self.host_key_algorithms, value),
            Setting::CaSignatureAlgorithms(value) => {
                first(&mut self.ca_signature_algorithms, value);
            }
            Setting::UserKnownHostsFile(value) => {
                first_placed(&mut self.user_known_hosts, place, value);
            }
            Setting::GlobalKnownHostsFile(value) => {
                first_placed(&mut self.global_known_hosts, place, value);
            }
            Setting::StrictHostKeyChecking(value) => first_placed(&mut self.strict, place, value),
            Setting::RevokedHostKeys(value) => {
                first_placed(&mut self.revoked_host_keys, place, value);
            }
            Setting::ConnectTimeout(value) => first(&mut self.connect_timeout, value),
            Setting::ServerAliveInterval(value) => first(&mut self.alive_interval, value),
            Setting::ServerAliveCountMax(value) => first(&mut self.alive_count_max, value),
            Setting::Ciphers(value) => first(&mut self.ciphers, value),
            Setting::Macs(value) => first(&mut self.macs, value),
            Setting::KexAlgorithms(value) => first(&mut self.kex_algorithms, value),
            Setting::AddressFamily(value) => first(&mut self.address_family, value),
            Setting::BindAddress(value) => first(&mut self.bind_address, value),
            Setting::Tag(value) => first(&mut self.tag, value),
            Setting::IgnoreUnknown(value) => first_placed(&mut self.ignore_unknown, place, value),
            Setting::Watched { keyword, concern } => self.watch(keyword, place, concern.as_ref()),
        }
        Ok(())
    }

    /// A chain counts when neither a chain nor a command came before, and then shuts out both;
    /// `none` shuts out later chains only.
    fn jump(&mut self, place: &Place, hops: &[JumpHost]) {
        if self.proxy_jump.is_some() || (!hops.is_empty() && self.proxy_command.is_some()) {
            return;
        }
        self.proxy_jump = Some((place.clone(), hops.to_vec()));
    }

    fn watch(&mut self, keyword: &'static str, place: &Place, concern: Option<&(Concern, String)>) {
        let placed = || concern.map(|concern| (place.clone(), concern.clone()));
        self.watched.entry(keyword).or_insert_with(placed);
    }
}

/// Files add up instead of the first one winning; each counts once.
fn add(list: &mut Vec<Placed<String>>, place: &Place, value: &str) -> Result<(), ConfigError> {
    if list.iter().any(|(_, listed)| listed == value) {
        return Ok(());
    }
    if list.len() >= MAX_IDENTITIES {
        let why = format!("more than {MAX_IDENTITIES} identity or certificate files");
        return Err(ConfigError::Line {
            place: place.clone(),
            why,
        });
    }
    list.push((place.clone(), value.to_owned()));
    Ok(())
}

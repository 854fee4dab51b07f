//! What a configuration says of one host.

use std::time::Duration;

use super::jump::JumpHost;

/// `StrictHostKeyChecking`. Hosts are always checked strictly here; the word is kept to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrictHostKey {
    /// Only known keys.
    Yes,
    /// New keys would be taken without a question by ssh.
    AcceptNew,
    /// Every key would be taken by ssh; here it means [`Yes`](Self::Yes), with a warning.
    No,
    /// A person would be asked by ssh; here it means [`Yes`](Self::Yes).
    Ask,
}

/// `AddressFamily`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFamily {
    /// Whatever the name resolves to.
    Any,
    /// IPv4 only.
    Inet,
    /// IPv6 only.
    Inet6,
}

/// `IdentityAgent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityAgent {
    /// The agents that were registered.
    Default,
    /// No agent at all.
    None,
    /// The agent behind this socket.
    Socket(String),
}

/// What `ssh_config` says of one host, after first-match-wins and tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostOptions {
    /// The name that was asked for.
    pub host: String,
    /// After `HostName` and its tokens, in lower case; addresses in their usual form.
    pub hostname: String,
    /// 22 when nothing says otherwise.
    pub port: u16,
    /// `None`: the local user's name.
    pub user: Option<String>,
    /// With tokens and `~` filled in; see `default_identities`.
    pub identity_files: Vec<String>,
    /// Whether the usual files in `~/.ssh` are to be tried: no `IdentityFile` was given.
    /// `IdentityFile none` gives an empty list and no defaults.
    pub default_identities: bool,
    /// With tokens and `~` filled in.
    pub certificate_files: Vec<String>,
    /// Offer only the keys named above, even when an agent has more.
    pub identities_only: bool,
    /// Which agent to ask.
    pub identity_agent: IdentityAgent,
    /// In order of hops: the first is connected to directly.
    pub proxy_jump: Vec<JumpHost>,
    /// For `sh -c`, with tokens filled in. Never together with `proxy_jump`.
    pub proxy_command: Option<String>,
    /// In lower case. Look it up in known hosts with port 22.
    pub host_key_alias: Option<String>,
    /// As written.
    pub host_key_algorithms: Option<String>,
    /// `CASignatureAlgorithms` as written, for `CaAlgorithms::from_option`.
    pub ca_signature_algorithms: Option<String>,
    /// With tokens and `~` filled in; OpenSSH's own defaults when not given.
    pub user_known_hosts_files: Vec<String>,
    /// The same for the whole system.
    pub global_known_hosts_files: Vec<String>,
    /// `Ask` when not given.
    pub strict_host_key_checking: StrictHostKey,
    /// A file of keys that no host may use. It must be read, or the host refused.
    pub revoked_host_keys: Option<String>,
    /// `None` also for 0, which means no limit.
    pub connect_timeout: Option<Duration>,
    /// `None` also for 0, which means never.
    pub server_alive_interval: Option<Duration>,
    /// How many may stay unanswered.
    pub server_alive_count_max: Option<u32>,
    /// As written.
    pub ciphers: Option<String>,
    /// As written.
    pub macs: Option<String>,
    /// As written.
    pub kex_algorithms: Option<String>,
    /// `Any` when not given.
    pub address_family: AddressFamily,
    /// The local address to connect from.
    pub bind_address: Option<String>,
    /// Sentences about options that bear on security and are not applied.
    pub warnings: Vec<String>,
}

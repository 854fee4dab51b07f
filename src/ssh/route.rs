//! The way to a host: where it is, through which hosts, with whose keys, and what to believe.

use std::path::PathBuf;
use std::sync::Arc;

use crate::trust::known_hosts::KnownHosts;
use crate::trust::ssh_config::HostOptions;

/// What a task authenticates with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The person's own: registered agents, the keys their `ssh_config` names, default keys.
    Person,
    /// A named identity of the engine's configuration. No agent and no other key is tried.
    Named {
        /// The private key's file.
        key: PathBuf,
        /// A user certificate for it; without one, `KEY-cert.pub` is looked for.
        certificate: Option<PathBuf>,
        /// The user to log in as where the route names none.
        user: Option<String>,
    },
}

/// Everything a connection to one host needs, resolved by the caller.
#[derive(Debug, Clone)]
pub struct Route {
    /// The host itself. Its `proxy_jump` is not read here: [`Route::jumps`] says it all.
    pub options: HostOptions,
    /// Hosts to go through, the nearest first.
    pub jumps: Vec<HostOptions>,
    /// What vouches for the host's key.
    pub known: Arc<KnownHosts>,
    /// What vouches for the jump hosts' keys, one for each of `jumps`; where it is shorter,
    /// `known` is asked.
    pub jump_known: Vec<Arc<KnownHosts>>,
    /// Whose keys to use, for the host and for the jump hosts.
    pub identity: Identity,
}

/// One connection of a route: a jump host, or the host at its end.
#[derive(Debug, Clone)]
pub(crate) struct Hop {
    route: Arc<Route>,
    /// Index into `jumps`; its length stands for the host itself.
    at: usize,
}

impl Hop {
    /// The host at the end of the route.
    pub fn target(route: &Arc<Route>) -> Self {
        Self {
            route: Arc::clone(route),
            at: route.jumps.len(),
        }
    }

    /// The hop that this one goes through.
    pub fn previous(&self) -> Option<Self> {
        let at = self.at.checked_sub(1)?;
        Some(Self {
            route: Arc::clone(&self.route),
            at,
        })
    }

    pub fn options(&self) -> &HostOptions {
        self.route.jumps.get(self.at).unwrap_or(&self.route.options)
    }

    pub fn known(&self) -> &Arc<KnownHosts> {
        if self.is_jump() {
            self.route
                .jump_known
                .get(self.at)
                .unwrap_or(&self.route.known)
        } else {
            &self.route.known
        }
    }

    pub fn identity(&self) -> &Identity {
        &self.route.identity
    }

    pub fn is_jump(&self) -> bool {
        self.at < self.route.jumps.len()
    }

    /// Whom to log in as: what the options say, else the identity's user, else `fallback`.
    pub fn user<'a>(&'a self, fallback: &'a str) -> &'a str {
        let named = match self.identity() {
            Identity::Named {
                user: Some(user), ..
            } => Some(user.as_str()),
            _ => None,
        };
        self.options().user.as_deref().or(named).unwrap_or(fallback)
    }

    /// The name under which `known_hosts` is asked, and the port: an alias stands for itself.
    pub fn key_name(&self) -> (&str, u16) {
        match &self.options().host_key_alias {
            Some(alias) => (alias, 22),
            None => (&self.options().hostname, self.options().port),
        }
    }

    /// What must be equal for two routes to share a connection to this hop.
    pub fn pool_key(&self, fallback_user: &str) -> Arc<str> {
        use std::fmt::Write as _;
        let mut key = String::with_capacity(160);
        let mut hop = Some(self.clone());
        while let Some(this) = hop {
            let options = this.options();
            let _ = writeln!(
                key,
                "{}\0{}\0{}\0{:?}\0{:?}\0{:?}\0{:?}\0{:?}",
                options.hostname,
                options.port,
                this.user(fallback_user),
                options.host_key_alias,
                options.proxy_command,
                options.user_known_hosts_files,
                options.identity_files,
                options.identity_agent,
            );
            hop = this.previous();
        }
        let _ = write!(key, "{:?}", self.identity());
        key.into()
    }
}

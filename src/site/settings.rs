//! The settings of a site, `conn.toml`: every key, its meaning and its default.
//!
//! The file may be missing, and every key may be left out. An unknown key is an error.
#![doc = concat!("\n```toml\n", include_str!("settings/reference.toml"), "```")]

mod parse;

pub(super) use parse::positive;

use std::path::{Path, PathBuf};

use crate::run::duration::HumanDuration;
use crate::run::roles::Grant;
use crate::run::size::ByteSize;

use super::error::SiteError;
use super::identities::Identity;
use super::secrets::SecretSource;
use super::servers::Servers;
use super::specs::Spec;

/// A complete `conn.toml` in which every key has its default and is explained.
pub const REFERENCE: &str = include_str!("settings/reference.toml");

/// All settings of a site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// What kind of place this is.
    pub environment: Environment,
    /// Connections to hosts.
    pub ssh: Ssh,
    /// Defaults of runs.
    pub run: Run,
    /// How long runs are kept.
    pub retention: Retention,
    /// The store's disk.
    pub store: Store,
    /// The background process.
    pub engine: Engine,
    /// Requests to web servers.
    pub http: Http,
    /// Who did what.
    pub audit: Audit,
    /// How the console looks.
    pub console: Console,
    /// Named keys, in the order of the file.
    pub identities: Vec<Identity>,
    /// Where secrets are, in the order of the file.
    pub secrets: Vec<SecretSource>,
    /// Who may do what on a shared engine, in the order of the file; `None` where none is said.
    pub roles: Option<Vec<Grant>>,
    /// Inventory sources in the order of the file: the first wins.
    pub inventory: Vec<Spec>,
}

/// `[environment]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// The word that stands on every screen and sheet, such as `production`.
    pub name: Option<String>,
}

/// `[console]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Console {
    /// The theme's name; chosen by what the terminal can do when there is none.
    pub theme: Option<String>,
    /// Lines and signs in ASCII alone.
    pub ascii: bool,
    /// The time zone that `t` turns to, as in `Europe/Amsterdam`.
    pub zone: Option<String>,
}

/// `[ssh]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssh {
    /// The `ssh_config` to use instead of the user's, where a command names none with `-F`.
    pub config: Option<PathBuf>,
    /// Connections that may be in the making at once.
    pub connecting: usize,
    /// Channels open at once on one connection; sshd's `MaxSessions` is 10 unless changed.
    pub channels_per_host: usize,
    /// Connections that are kept while nothing uses them.
    pub idle_connections: usize,
    /// Time for name resolution, TCP, key exchange and authentication together.
    pub connect_timeout: HumanDuration,
    /// Time without a sign of life after which the server is asked for one.
    pub keepalive_interval: HumanDuration,
    /// Questions without an answer after which the connection counts as lost.
    pub keepalive_count: u32,
    /// Time without output after which a warning names the host.
    pub silence_warning: HumanDuration,
}

/// `[run]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Hosts that work at once, unless a run says otherwise.
    pub fanout: usize,
    /// Output of one host that is held in memory.
    pub output_memory: ByteSize,
    /// Output of one host that is kept on disk, half of it from the start and half from the end.
    pub output_disk: ByteSize,
    /// How another user is become on a host.
    pub run_as: RunAs,
    /// Output that a durable command may leave on its host.
    pub durable_output: ByteSize,
    /// The named key that a run authenticates with when it names none.
    pub identity: Option<String>,
}

/// How another user is become on a host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RunAs {
    /// `sudo -n`
    #[default]
    Sudo,
    /// `su`
    Su,
    /// `doas -n`
    Doas,
}

/// `[retention]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Runs that ended longer ago are deleted.
    pub days: u32,
    /// Beyond this the oldest runs are deleted.
    pub size: ByteSize,
}

/// `[store]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// Disk that is set aside for people's own runs when the rest is full.
    pub reserve: ByteSize,
    /// With less free disk than this, automatic runs are refused.
    pub low_mark: ByteSize,
}

/// `[engine]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// Time with nothing to do and nobody attached after which the engine ends; `None`: never.
    pub idle_stop: Option<HumanDuration>,
    /// What the log holds.
    pub log_level: LogLevel,
    /// Size at which a new log file is started.
    pub log_size: ByteSize,
    /// Log files that are kept.
    pub log_files: usize,
    /// The Unix group whose members a shared engine lets in; without one, nobody but root and the
    /// engine's own account.
    pub socket_group: Option<String>,
    /// Whether steps of flows may run commands on the engine's machine, as the engine's account.
    pub local_steps: bool,
}

/// `[http]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Http {
    /// A file of certificates, in PEM, that are trusted besides those of the system.
    pub ca: Option<PathBuf>,
    /// Servers that may be asked; `None`: any on a private engine, none on a shared one.
    pub allow: Option<Vec<Servers>>,
}

/// `[audit]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// The log socket that is told the newest head of the audit records; `None`: nobody is.
    pub syslog: Option<PathBuf>,
}

/// How much the log holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What failed.
    Error,
    /// And what is odd.
    Warn,
    /// And what was done.
    #[default]
    Info,
    /// And how.
    Debug,
    /// And every detail.
    Trace,
}

impl RunAs {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sudo => "sudo",
            Self::Su => "su",
            Self::Doas => "doas",
        }
    }
}

impl LogLevel {
    /// The word for it, as log filters have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl Default for Ssh {
    fn default() -> Self {
        Self {
            config: None,
            connecting: 64,
            channels_per_host: 8,
            idle_connections: 1_024,
            connect_timeout: HumanDuration::from_secs(10),
            keepalive_interval: HumanDuration::from_secs(15),
            keepalive_count: 3,
            silence_warning: HumanDuration::from_secs(600),
        }
    }
}

impl Default for Run {
    fn default() -> Self {
        Self {
            fanout: 64,
            output_memory: ByteSize::from_kib(256),
            output_disk: ByteSize::from_mib(16),
            run_as: RunAs::default(),
            durable_output: ByteSize::from_mib(64),
            identity: None,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            days: 90,
            size: ByteSize::from_mib(20 * 1_024),
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self {
            reserve: ByteSize::from_mib(256),
            low_mark: ByteSize::from_mib(2 * 1_024),
        }
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            idle_stop: None,
            log_level: LogLevel::default(),
            log_size: ByteSize::from_mib(16),
            log_files: 5,
            socket_group: None,
            local_steps: false,
        }
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            syslog: Some(PathBuf::from("/dev/log")),
        }
    }
}

impl Settings {
    /// Reads the text of a `conn.toml`; `file` is its path, and paths in it start from there.
    ///
    /// # Errors
    /// `SiteError::Config` with all complaints.
    pub fn parse(file: &Path, text: &str) -> Result<Self, SiteError> {
        Ok(parse::settings(file, text)?)
    }

    /// Reads a `conn.toml`, or gives the defaults if there is none.
    ///
    /// # Errors
    /// `SiteError::Config` with all complaints, or why the file cannot be read.
    pub fn load(file: &Path) -> Result<Self, SiteError> {
        match super::read::text(file) {
            Ok(text) => Self::parse(file, &text),
            Err(SiteError::Unreadable { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                Ok(Self::default())
            }
            Err(error) => Err(error),
        }
    }

    /// The named key of this name.
    pub fn identity(&self, name: &str) -> Option<&Identity> {
        self.identities
            .iter()
            .find(|identity| identity.name == name)
    }
}

#[cfg(test)]
mod tests;

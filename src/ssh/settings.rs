//! What the room is told once, when it is made.

use std::path::PathBuf;
use std::time::Duration;

/// How long each phase of a connection may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Resolve to open, all together, where neither the task nor `ConnectTimeout` says otherwise.
    pub connect: Duration,
    /// Name resolution.
    pub resolve: Duration,
    /// TCP connection, or the jump host's forwarded channel.
    pub tcp: Duration,
    /// Identification and key exchange.
    pub kex: Duration,
    /// Authentication, with all keys that are tried.
    pub auth: Duration,
    /// Opening a channel.
    pub open: Duration,
    /// One answer of an agent that needs nobody's hand: the list of its keys.
    pub agent: Duration,
    /// One signature of an agent, which may wait for a touch or a confirmation.
    pub agent_sign: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            resolve: Duration::from_secs(10),
            tcp: Duration::from_secs(10),
            kex: Duration::from_secs(10),
            auth: Duration::from_secs(25),
            open: Duration::from_secs(10),
            agent: Duration::from_secs(3),
            agent_sign: Duration::from_secs(20),
        }
    }
}

/// The room's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whom to log in as where nothing else says: the local user.
    pub default_user: String,
    /// Where `.ssh` with the default keys is. Nothing is read there for a named identity.
    pub home: PathBuf,
    /// Limits in time of the phases.
    pub timeouts: Timeouts,
    /// How many connections may be in the making at once.
    pub connecting: usize,
    /// How many tasks share a connection at once; sshd refuses more than its `MaxSessions`
    /// (10 by default), and killing a command needs one of its own.
    pub channels_per_host: usize,
    /// How many connections without work are kept; the least recently used goes first.
    pub idle_connections: usize,
    /// Silence after which a host is asked whether it is still there.
    pub keepalive: Duration,
    /// Unanswered questions after which the connection counts as lost.
    pub keepalive_max: u32,
    /// Time a command has between the polite signal and the one it cannot refuse.
    pub kill_grace: Duration,
    /// Silence after a command's exit status that makes us ask whether more output comes.
    pub exit_quiet: Duration,
}

impl Settings {
    /// The defaults, for this user and home directory.
    pub fn new(default_user: impl Into<String>, home: impl Into<PathBuf>) -> Self {
        Self {
            default_user: default_user.into(),
            home: home.into(),
            timeouts: Timeouts::default(),
            connecting: 64,
            channels_per_host: 8,
            idle_connections: 2_000,
            keepalive: Duration::from_secs(30),
            keepalive_max: 3,
            kill_grace: Duration::from_secs(5),
            exit_quiet: Duration::from_millis(400),
        }
    }
}

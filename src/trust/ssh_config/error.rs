//! What can be wrong with an `ssh_config`, or with a name that is asked of it.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// A place in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The path that the caller gave.
    pub file: Arc<str>,
    /// Counted from 1.
    pub line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Why there are no options for a host. Nothing may be connected to then.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// A line cannot be read.
    #[error("{place}: {why}. OpenSSH refuses the whole file for such a line: mend it.")]
    Line {
        /// Where.
        place: Place,
        /// One clause.
        why: String,
    },
    /// A keyword that no OpenSSH knows.
    #[error(
        "{place}: \"{keyword}\" is no option of ssh, and it might matter to security. Correct it, \
         or name it in IgnoreUnknown on an earlier line."
    )]
    UnknownKeyword {
        /// Where.
        place: Place,
        /// As written, in lower case.
        keyword: String,
    },
    /// An option that would be unsafe to pass over.
    #[error("{place}: {keyword} is set, and {why}.")]
    Refused {
        /// Where.
        place: Place,
        /// In the manual's spelling.
        keyword: String,
        /// Why it cannot be honoured, and what to do.
        why: String,
    },
    /// `Match` asks for something outside this process, and nobody is there to tell.
    #[error(
        "{place}: \"Match {criterion}\" cannot be decided here, so it is not known which options \
         hold. Use Match host, originalhost, user, localuser, tagged, final or all instead."
    )]
    Undecidable {
        /// Where.
        place: Place,
        /// The criterion's word.
        criterion: String,
    },
    /// Includes in a circle, or without an end.
    #[error("{place}: {why}. Look for a file that includes itself.")]
    Includes {
        /// Where.
        place: Place,
        /// One clause.
        why: String,
    },
    /// A `%` token or `${VARIABLE}` that cannot be filled in.
    #[error("{place}: in \"{text}\" {why}. OpenSSH would stop here too: correct the value.")]
    Expansion {
        /// Where.
        place: Place,
        /// The value.
        text: String,
        /// One clause.
        why: String,
    },
    /// A host name that could change what a proxy command means.
    #[error("The host name \"{name}\" is refused: {why}. Correct the name.")]
    HostName {
        /// As given, made visible.
        name: String,
        /// One clause.
        why: &'static str,
    },
    /// A user name that could change what a proxy command means.
    #[error("The user name \"{name}\" is refused: {why}. Correct the name.")]
    UserName {
        /// As given, made visible.
        name: String,
        /// One clause.
        why: &'static str,
    },
    /// A host that is its own jump host.
    #[error("{place}: {host} would be reached through itself. Correct ProxyJump.")]
    JumpLoop {
        /// Where.
        place: Place,
        /// The jump host.
        host: String,
    },
}

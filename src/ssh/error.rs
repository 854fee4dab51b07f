//! What goes wrong between here and a host, each with its outcome.

use std::time::Duration;

use crate::run::outcome::{Outcome, RefusedBy};
use crate::trust::known_hosts::{LineRef, VerdictKind};

/// A host key that was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKeyRefusal {
    /// What `known_hosts` said.
    pub kind: VerdictKind,
    /// Fingerprint of the key the host presented.
    pub presented: String,
    /// Fingerprints on file for the host.
    pub known: Vec<String>,
    /// The lines that decided.
    pub lines: Vec<LineRef>,
    /// The verdict's own sentences.
    pub reason: String,
}

impl std::fmt::Display for HostKeyRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.reason.trim_end_matches('.'))?;
        if !self.reason.contains(&self.presented) {
            write!(f, "; it presented {}", self.presented)?;
        }
        for known in self
            .known
            .iter()
            .filter(|known| !self.reason.contains(known.as_str()))
        {
            write!(f, "; on file is {known}")?;
        }
        let missing: Vec<_> = self
            .lines
            .iter()
            .map(ToString::to_string)
            .filter(|at| !self.reason.contains(at))
            .collect();
        if !missing.is_empty() {
            write!(f, " ({})", missing.join(", "))?;
        }
        Ok(())
    }
}

/// Everything that can keep an attempt from its command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SshError {
    /// The name has no address.
    #[error("{host} has no address: {why}. Check the name, or HostName in ssh_config.")]
    Resolve {
        /// The name.
        host: String,
        /// The resolver's words.
        why: String,
    },
    /// No TCP connection.
    #[error("No connection to {address}: {why}.")]
    Tcp {
        /// Address and port, the last that was tried.
        address: String,
        /// The system's words.
        why: String,
    },
    /// A phase took too long.
    #[error("{phase} took longer than {:.1} s.", after.as_secs_f64())]
    Timeout {
        /// The phase, as a sentence's subject.
        phase: &'static str,
        /// What it was given.
        after: Duration,
    },
    /// The host speaks, but no SSH connection came of it.
    #[error("No SSH connection: {why}.")]
    Handshake {
        /// What happened, with what the host said where it said something readable.
        why: String,
    },
    /// The host hung up before it authenticated anyone, as sshd does over `MaxStartups`.
    #[error(
        "The host hung up during the handshake, {tries} times{said}. Over MaxStartups sshd does that: connect to fewer hosts at once, or raise it there."
    )]
    Dropped {
        /// How often it was tried.
        tries: u32,
        /// What it said before, as `: "…"`, or nothing.
        said: String,
    },
    /// `ProxyCommand` gave no connection.
    #[error("The ProxyCommand gave no connection: {why}.")]
    Proxy {
        /// What happened, with the last line it wrote.
        why: String,
    },
    /// A jump host on the way failed.
    #[error("On the way, at jump host {hop}: {error}")]
    Jump {
        /// The jump host.
        hop: String,
        /// What failed there.
        error: Box<SshError>,
    },
    /// The host's key is not to be trusted.
    #[error("{0}. Nothing was sent.")]
    HostKey(Box<HostKeyRefusal>),
    /// The host took none of the keys, or asks for more than a key.
    #[error("{why}")]
    Auth {
        /// What was offered and what the host said.
        why: String,
    },
    /// There was nothing to offer.
    #[error("{why}")]
    NoCredential {
        /// What was looked for.
        why: String,
    },
    /// The host would not open a channel or start a command.
    #[error("The host {what}.")]
    Denied {
        /// What it would not do.
        what: String,
    },
    /// The connection ended.
    #[error("The connection was lost: {why}.")]
    Lost {
        /// How.
        why: String,
    },
    /// What was asked for cannot be done.
    #[error("{why}")]
    Invalid {
        /// Why, and what to do.
        why: String,
    },
    /// Stopped on request.
    #[error("Cancelled before anything was sent to the host.")]
    Cancelled,
}

impl SshError {
    /// The outcome of an attempt that met this error before its command was sent.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::HostKey(_) => Outcome::Refused(RefusedBy::HostKey),
            Self::Auth { .. } | Self::NoCredential { .. } => Outcome::Refused(RefusedBy::Auth),
            Self::Cancelled => Outcome::Cancelled,
            Self::Invalid { .. } => Outcome::NotStarted,
            Self::Jump { error, .. } => error.outcome(),
            _ => Outcome::Unreachable,
        }
    }

    /// Whether nothing was offered to any host for want of a credential.
    pub fn no_credential(&self) -> Option<String> {
        match self {
            Self::NoCredential { why } => Some(why.clone()),
            Self::Jump { hop, error } => error
                .no_credential()
                .map(|why| format!("For jump host {hop}: {why}")),
            _ => None,
        }
    }
}

/// Foreign text for a sentence: short, one line, printable.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::new();
    for character in text.trim().chars().take(200) {
        match character {
            '\n' | '\t' | '\r' => out.push(' '),
            c if c.is_control() || is_deceptive(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Characters that reorder or hide what stands around them.
fn is_deceptive(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_in_a_sentence_is_short_and_harmless() {
        let shown = plain(&format!("a\u{1b}[2J\r\nb\u{202e}{}", "x".repeat(999)));
        assert!(shown.starts_with("a\u{fffd}[2J  b\u{fffd}xxx"), "{shown}");
        assert_eq!(shown.chars().count(), 200);
    }

    #[test]
    fn a_jump_hosts_failure_keeps_its_outcome() {
        let inner = SshError::Auth { why: "no".into() };
        let error = SshError::Jump {
            hop: "j1".into(),
            error: Box::new(inner),
        };
        assert_eq!(error.outcome(), Outcome::Refused(RefusedBy::Auth));
        assert_eq!(error.no_credential(), None);
    }
}

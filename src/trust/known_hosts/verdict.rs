//! What a check of a host key comes to.

use serde::Serialize;

/// The five answers, as in the contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    /// The key is on file for the name.
    Known,
    /// Nothing on file speaks for the key.
    Unknown,
    /// Other keys are on file for the name.
    Changed,
    /// The key, or the authority that signed it, is marked as revoked.
    Revoked,
    /// A valid certificate of an authority that is on file for the name.
    Ca,
}

impl VerdictKind {
    /// Whether a connection may go on.
    pub fn is_trusted(self) -> bool {
        matches!(self, Self::Known | Self::Ca)
    }

    /// The word of the contracts.
    pub fn word(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Unknown => "unknown",
            Self::Changed => "changed",
            Self::Revoked => "revoked",
            Self::Ca => "ca",
        }
    }
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct LineRef {
    /// The path that the caller gave.
    pub file: String,
    /// Counted from 1.
    pub line: u32,
}

impl std::fmt::Display for LineRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A verdict with its grounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The answer.
    pub kind: VerdictKind,
    /// The lines that decided, in file order: the matching ones, or those that contradict.
    pub lines: Vec<LineRef>,
    /// Sentences for a person: what, why, what next, with fingerprints.
    pub reason: String,
    /// Fingerprints of the keys on file for the name, `SHA256:…`, each once.
    pub known: Vec<String>,
}

/// A line that was passed over, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub at: LineRef,
    /// One clause, without a full stop.
    pub why: String,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}; the line is ignored.", self.at, self.why)
    }
}

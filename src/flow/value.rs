//! Values that enter definitions when a run starts or goes on.

use serde::{Deserialize, Serialize};

use crate::run::complaint::quote;

/// A value that came from outside: host output, an alert, a webhook.
///
/// It has no way into a path, template or setting: only [`Scope`](super::template::Scope) reads it,
/// which lets it into commands, where it is quoted, and into conditions.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tainted(String);

impl Tainted {
    /// Marks a value as one from outside.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value for a person's eyes: in quotation marks, cut, nothing in it acts on a terminal.
    pub fn shown(&self) -> String {
        quote(&self.0)
    }

    /// The value as the journal keeps it. Whoever reads it back marks it again.
    pub fn for_journal(&self) -> &str {
        &self.0
    }

    pub(in crate::flow) fn raw(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Tainted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tainted({})", self.shown())
    }
}

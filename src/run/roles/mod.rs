//! Who may do what: roles, what they reach, and the sentence for whoever may not.
//!
//! An act is a [`Deed`]; one table says which [`Role`] it takes. A [`Grant`] gives a role to people,
//! perhaps on some hosts or for some definitions only. An [`Authority`] is one person's grants, and
//! answers. Runs are steered through [`Run::ask`](crate::run::state::Run::ask), which answers to
//! nobody without one.

mod ask;
mod authority;
mod deed;
mod denied;
mod grant;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use authority::{Authority, Scope};
pub use deed::{Deed, Rule, TABLE};
pub use denied::Denied;
pub use grant::{Covers, Grant, HostScope, Member};
#[cfg(test)]
pub(crate) use tests::on;

/// What a person is, from least to most: each may what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May look.
    Viewer,
    /// May start and steer.
    Operator,
    /// May take the conn at once, approve, and change definitions.
    Lead,
    /// May do everything, also to the engine itself.
    Admin,
}

impl Role {
    /// All of them, from least to most.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Lead, Self::Admin];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Lead => "lead",
            Self::Admin => "admin",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.word())
    }
}

//! What was typed and not sent: gone on with when it is opened again.

use crate::flow::definition::Kind;

/// Something that was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) enum Draft {
    /// A command and its hosts.
    Command { hosts: String, command: String },
    /// The start of a flow: hosts and parameters.
    Flow {
        kind: Kind,
        name: String,
        hosts: String,
        values: Vec<(String, String)>,
    },
    /// The text of a definition, and the version it was made from.
    Text {
        kind: Kind,
        name: String,
        base: u32,
        text: String,
    },
}

impl Draft {
    /// Names it among the drafts.
    pub fn key(&self) -> String {
        match self {
            Self::Command { .. } => command_key(),
            Self::Flow { kind, name, .. } => flow_key(*kind, name),
            Self::Text { kind, name, .. } => text_key(*kind, name),
        }
    }
}

/// The key of the command that was not started.
pub(in crate::tui) fn command_key() -> String {
    "command".to_owned()
}

/// The key of the start of a flow.
pub(in crate::tui) fn flow_key(kind: Kind, name: &str) -> String {
    format!("start {}/{name}", kind.word())
}

/// The key of the text of a definition.
pub(in crate::tui) fn text_key(kind: Kind, name: &str) -> String {
    format!("edit {}/{name}", kind.word())
}

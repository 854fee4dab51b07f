//! What can be wrong with an inventory, or with a question to it.

use crate::run::complaint::{Complaint, Complaints, quote};

/// Why there is no inventory, or no answer from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InventoryError {
    /// A source's text is wrong in one or more places.
    #[error(transparent)]
    Text(#[from] Complaints),
    /// No source has this name.
    #[error("there is no inventory source {}; {}", quote(.name), known(.sources))]
    UnknownSource {
        /// The name that was asked for.
        name: String,
        /// The sources that there are.
        sources: Vec<String>,
    },
    /// No source, or not the one that was named, has this group.
    #[error("there is no group {}{}; {hint}", quote(.name), within(.source_name.as_deref()))]
    UnknownGroup {
        /// The name that was asked for.
        name: String,
        /// The source that was named, if one was.
        source_name: Option<String>,
        /// A group that may have been meant, or how to list them.
        hint: String,
    },
    /// No source has this host.
    #[error("there is no host {} in the inventory; {hint}", quote(.name))]
    UnknownHost {
        /// The name that was asked for.
        name: String,
        /// A host that may have been meant, or how to list them.
        hint: String,
    },
}

impl From<Complaint> for InventoryError {
    fn from(complaint: Complaint) -> Self {
        Self::Text(complaint.into())
    }
}

fn within(source: Option<&str>) -> String {
    source.map_or_else(String::new, |source| {
        format!(" in the source {}", quote(source))
    })
}

fn known(sources: &[String]) -> String {
    if sources.is_empty() {
        "none is configured".to_owned()
    } else {
        format!("known: {}", sources.join(", "))
    }
}

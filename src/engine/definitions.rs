//! Definitions, kept in the store with every version they ever had.
//!
//! | key | value |
//! |---|---|
//! | `definitions` | the digest of the newest change, of however many definitions: it counts from here on |
//! | `definition/KIND/NAME` | the newest version, and whether it was removed |
//! | `definition-version/KIND/NAME/N` | the digest of the text, by whom, and when |
//!
//! A change is a blob; it is named in `definitions` by compare-and-set, then written to the keys of each
//! definition. Readers look into the newest change first; so it is whole for them from its first
//! moment, also after a crash in between, which the next change mends.
//!
//! Texts are blobs. The store drops none, and retention drops runs only: a version that was ever
//! current can always be read back.

mod apply;
mod shelf;
#[cfg(test)]
mod tests;

pub use apply::{Appliers, apply};
pub use shelf::{Shelf, Standing, look};

use crate::flow::book::Book;
use crate::flow::definition::{Definition, Kind};
use crate::run::complaint::Complaints;
use crate::run::roles::Denied;
use crate::store::{Store, StoreError};
use crate::wire::reply::Fault;

/// One version of a definition, read back.
#[derive(Debug, Clone)]
pub struct Stored {
    /// What it says.
    pub definition: Definition,
    /// Its number, from 1.
    pub version: u32,
    /// The digest of its text, hex.
    pub digest: String,
    /// The text.
    pub text: String,
}

/// Why definitions could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored thing is not what was written.
    #[error("{what} cannot be read back: {why}; apply its file again")]
    Damaged {
        /// Which.
        what: String,
        /// Why.
        why: String,
    },
    /// It was right for another version of this program.
    #[error(
        "{what} is not understood by this version of conn; apply a corrected file of it:\n{complaints}"
    )]
    Outdated {
        /// Which.
        what: String,
        /// What is wrong with it now.
        complaints: Complaints,
    },
    /// Somebody may not change it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// It changed whenever it was looked at.
    #[error("the definitions change faster than they can be read; try again")]
    Unsettled,
}

impl From<DefinitionError> for Fault {
    fn from(error: DefinitionError) -> Self {
        match error {
            DefinitionError::Denied(denied) => denied.into(),
            other => Self::engine(other.to_string()),
        }
    }
}

/// The current version; `None` when there is none, or it was removed.
pub fn current(
    store: &dyn Store,
    kind: Kind,
    name: &str,
) -> Result<Option<Stored>, DefinitionError> {
    Ok(look(store, |shelf| shelf.current(kind, name))?.0)
}

/// One version, current or not.
pub fn version(
    store: &dyn Store,
    kind: Kind,
    name: &str,
    number: u32,
) -> Result<Option<Stored>, DefinitionError> {
    Ok(look(store, |shelf| shelf.version(kind, name, number))?.0)
}

/// The current version of each definition of a kind, by name.
pub fn all(store: &dyn Store, kind: Kind) -> Result<Vec<Stored>, DefinitionError> {
    let read = |shelf: &Shelf<'_>| {
        let standings = shelf.standings(kind)?.into_iter();
        standings
            .filter(|standing| !standing.removed)
            .map(|standing| shelf.stored(kind, &standing.name, standing.version, &standing.digest))
            .collect()
    };
    Ok(look(store, read)?.0)
}

/// All current definitions beside each other.
pub fn book(store: &dyn Store) -> Result<Book, DefinitionError> {
    let sources = look(store, |shelf| shelf.sources(&|_, _| true))?.0;
    Book::new(sources).map_err(|complaints| DefinitionError::Outdated {
        what: "what is stored".to_owned(),
        complaints,
    })
}

/// A version as sentences name it.
fn called(kind: Kind, name: &str, version: u32) -> String {
    format!("version {version} of {} {name}", kind.word())
}

//! What is stored of definitions, read at one moment.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{DefinitionError, Stored, called};
use crate::flow::definition::Kind;
use crate::flow::read::{Source, definition};
use crate::run::ids::At;
use crate::store::{Digest, Lsn, Store};
use crate::wire::definitions::VersionLine;

/// The key of the newest change.
pub(super) const NEWEST: &[u8] = b"definitions";
/// Keys read at once.
const PAGE: usize = 1024;
/// How often a reader begins anew when something changes meanwhile.
const LOOKS: usize = 1000;
/// All kinds.
pub(super) const KINDS: [Kind; 2] = [Kind::Flow, Kind::Action];

/// How a definition stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The newest version.
    pub version: u32,
    /// The digest of that version's text.
    pub digest: String,
    /// Whether it was removed since.
    pub removed: bool,
    /// Who made it so.
    pub by: String,
    /// When.
    pub at: At,
}

impl Standing {
    /// The newest version, as its own key holds it. Not of one that was removed: who did that and
    /// when is not who wrote it.
    pub(super) fn version_line(&self) -> VersionLine {
        VersionLine {
            version: self.version,
            digest: self.digest.clone(),
            by: self.by.clone(),
            at: self.at,
        }
    }
}

/// A change, of all definitions that it is of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Change {
    /// How each stands after it.
    pub standings: Vec<Standing>,
}

/// The definitions at one moment.
pub struct Shelf<'s> {
    pub(super) store: &'s dyn Store,
    pub(super) newest: Change,
    /// The version of the newest change's key.
    pub(super) seen: Option<u64>,
}

/// Reads definitions as they are at one moment, however they change meanwhile. The LSN is that of
/// the newest change: what was read may be shown when that is durable.
pub fn look<T>(
    store: &dyn Store,
    read: impl Fn(&Shelf<'_>) -> Result<T, DefinitionError>,
) -> Result<(T, Lsn), DefinitionError> {
    for _ in 0..LOOKS {
        let shelf = Shelf::open(store)?;
        let found = read(&shelf);
        let now = store.get(NEWEST)?.map(|stored| stored.version);
        if now == shelf.seen {
            return Ok((found?, shelf.seen.unwrap_or(0)));
        }
    }
    Err(DefinitionError::Unsettled)
}

impl<'s> Shelf<'s> {
    /// As it is now. Only [`look`], and whoever keeps all others from changing it, may trust what is
    /// read from it afterwards.
    pub(super) fn open(store: &'s dyn Store) -> Result<Self, DefinitionError> {
        let stored = store.get(NEWEST)?;
        let newest = match &stored {
            Some(stored) => newest(store, &stored.value)?,
            None => Change::default(),
        };
        Ok(Self {
            store,
            newest,
            seen: stored.map(|stored| stored.version),
        })
    }

    /// How a definition stands.
    pub fn standing(&self, kind: Kind, name: &str) -> Result<Option<Standing>, DefinitionError> {
        if let Some(standing) = self.changed(kind, name) {
            return Ok(Some(standing.clone()));
        }
        let stored = self.store.get(&standing_key(kind, name))?;
        let what = || format!("how {} {name} stands", kind.word());
        let read = stored.map(|stored| decode(&stored.value, &what()));
        read.transpose()
    }

    /// How each definition of a kind stands, those that were removed too, by name.
    pub fn standings(&self, kind: Kind) -> Result<Vec<Standing>, DefinitionError> {
        let prefix = kind_prefix(kind);
        let mut standings: Vec<Standing> = Vec::new();
        for (_, value) in self.scan(&prefix)? {
            let standing: Standing = decode(&value, "how a definition stands")?;
            if self.changed(kind, &standing.name).is_none() {
                standings.push(standing);
            }
        }
        let newest = self.newest.standings.iter();
        standings.extend(newest.filter(|standing| standing.kind == kind).cloned());
        standings.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(standings)
    }

    /// Every version of a definition, oldest first.
    pub fn versions(&self, kind: Kind, name: &str) -> Result<Vec<VersionLine>, DefinitionError> {
        let prefix = versions_prefix(kind, name);
        let mut versions: Vec<VersionLine> = Vec::new();
        for (key, value) in self.scan(&prefix)? {
            let number = key.get(prefix.len()..).and_then(|end| end.try_into().ok());
            let Some(number) = number.map(u32::from_be_bytes) else {
                continue;
            };
            versions.push(decode(&value, &called(kind, name, number))?);
        }
        if let Some(newest) = self.changed(kind, name).filter(|newest| !newest.removed)
            && versions
                .last()
                .is_none_or(|last| last.version < newest.version)
        {
            versions.push(newest.version_line());
        }
        Ok(versions)
    }

    /// The current version; `None` when there is none, or it was removed.
    pub fn current(&self, kind: Kind, name: &str) -> Result<Option<Stored>, DefinitionError> {
        match self.standing(kind, name)? {
            Some(standing) if !standing.removed => self
                .stored(kind, name, standing.version, &standing.digest)
                .map(Some),
            _ => Ok(None),
        }
    }

    /// One version, current or not.
    pub fn version(
        &self,
        kind: Kind,
        name: &str,
        number: u32,
    ) -> Result<Option<Stored>, DefinitionError> {
        let versions = self.versions(kind, name)?;
        let found = versions.iter().find(|line| line.version == number);
        found
            .map(|line| self.stored(kind, name, number, &line.digest))
            .transpose()
    }

    /// The current definitions that are wanted, as they are checked beside others.
    pub fn sources(
        &self,
        wanted: &dyn Fn(Kind, &str) -> bool,
    ) -> Result<Vec<Source>, DefinitionError> {
        let mut sources = Vec::new();
        for kind in KINDS {
            for standing in self.standings(kind)? {
                if !standing.removed && wanted(kind, &standing.name) {
                    let Standing { name, digest, .. } = &standing;
                    sources.push(self.source(kind, name, standing.version, digest)?.0);
                }
            }
        }
        Ok(sources)
    }

    /// A version whose digest is known.
    pub fn stored(
        &self,
        kind: Kind,
        name: &str,
        version: u32,
        digest: &str,
    ) -> Result<Stored, DefinitionError> {
        let (source, text) = self.source(kind, name, version, digest)?;
        Ok(Stored {
            definition: source.definition,
            version,
            digest: digest.to_owned(),
            text,
        })
    }

    /// The text of a version, whatever it says.
    pub fn text(
        &self,
        kind: Kind,
        name: &str,
        version: u32,
        digest: &str,
    ) -> Result<String, DefinitionError> {
        let damaged = |why: &str| DefinitionError::Damaged {
            what: called(kind, name, version),
            why: why.to_owned(),
        };
        let digest: Digest = digest.parse().map_err(|_| damaged("its digest is none"))?;
        let bytes = self.store.blob(&digest)?;
        let bytes = bytes.ok_or_else(|| damaged("its text is missing from the store"))?;
        String::from_utf8(bytes.into()).map_err(|_| damaged("its text is not UTF-8"))
    }

    fn source(
        &self,
        kind: Kind,
        name: &str,
        version: u32,
        digest: &str,
    ) -> Result<(Source, String), DefinitionError> {
        let text = self.text(kind, name, version, digest)?;
        let file = format!("{}/{name}, version {version}", kind.word());
        match definition(&file, &text) {
            Ok(source) => Ok((source, text)),
            Err(complaints) => Err(DefinitionError::Outdated {
                what: called(kind, name, version),
                complaints,
            }),
        }
    }

    fn changed(&self, kind: Kind, name: &str) -> Option<&Standing> {
        let mut newest = self.newest.standings.iter();
        newest.find(|standing| standing.kind == kind && standing.name == name)
    }

    fn scan(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, bytes::Bytes)>, DefinitionError> {
        let mut found: Vec<(Vec<u8>, bytes::Bytes)> = Vec::new();
        loop {
            let after = found.last().map(|(key, _)| key.clone());
            let page = self.store.scan(prefix, after.as_deref(), PAGE)?;
            if page.is_empty() {
                return Ok(found);
            }
            let page = page.into_iter().map(|(key, stored)| (key, stored.value));
            found.extend(page);
        }
    }
}

/// A change is a blob of its own: that of a whole site is larger than a value should be.
fn newest(store: &dyn Store, value: &[u8]) -> Result<Change, DefinitionError> {
    let what = "the newest change of definitions";
    let missing = || DefinitionError::Damaged {
        what: what.to_owned(),
        why: "it is missing from the store".to_owned(),
    };
    let digest = std::str::from_utf8(value).ok();
    let digest: Option<Digest> = digest.and_then(|text| text.parse().ok());
    let bytes = store.blob(&digest.ok_or_else(missing)?)?;
    decode(&bytes.ok_or_else(missing)?, what)
}

fn kind_prefix(kind: Kind) -> Vec<u8> {
    format!("definition/{}/", kind.word()).into_bytes()
}

/// The key of how a definition stands.
pub(super) fn standing_key(kind: Kind, name: &str) -> Vec<u8> {
    [kind_prefix(kind).as_slice(), name.as_bytes()].concat()
}

fn versions_prefix(kind: Kind, name: &str) -> Vec<u8> {
    format!("definition-version/{}/{name}/", kind.word()).into_bytes()
}

/// The key of a version.
pub(super) fn version_key(kind: Kind, name: &str, number: u32) -> Vec<u8> {
    [
        versions_prefix(kind, name).as_slice(),
        &number.to_be_bytes(),
    ]
    .concat()
}

fn decode<T: DeserializeOwned>(value: &[u8], what: &str) -> Result<T, DefinitionError> {
    rmp_serde::from_slice(value).map_err(|error| DefinitionError::Damaged {
        what: what.to_owned(),
        why: error.to_string(),
    })
}

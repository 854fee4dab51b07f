//! Changing definitions: checked beside each other, then all of them or none.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::shelf::{self, KINDS, NEWEST, Shelf, Standing, standing_key, version_key};
use super::{DefinitionError, called};
use crate::engine::audit::{AuditRecord, encode};
use crate::flow::book::Book;
use crate::flow::definition::Kind;
use crate::flow::read::{Source, definition};
use crate::run::complaint::{Complaint, Complaints, Place};
use crate::run::ids::At;
use crate::run::roles::{Authority, Deed, Denied, Scope};
use crate::store::{Digest, Lsn, Store, StoreError};
use crate::wire::definitions::{Applied, Apply, Change, Changed, GivenFile};

/// No definition is larger.
const MAX_TEXT: usize = 1 << 20;
/// Audit records appended at once.
const RECORDS: usize = 500;

/// Lets one change definitions at a time: what was checked is still so when it is written.
#[derive(Debug, Default)]
pub struct Appliers(Mutex<()>);

/// Stores definitions, when nothing is wrong with any of them beside all that is stored. May be
/// acknowledged and shown when the LSN is durable.
pub fn apply(
    store: &dyn Store,
    appliers: &Appliers,
    wanted: &Apply,
    authority: &Authority,
    at: At,
) -> Result<(Applied, Lsn), DefinitionError> {
    let _alone = appliers.0.lock().unwrap_or_else(PoisonError::into_inner);
    let shelf = Shelf::open(store)?;
    let seen = shelf.seen.unwrap_or(0);
    let step = match plan(&shelf, wanted)? {
        Ok(step) => step,
        Err(Complaints(complaints)) => {
            let complaints = complaints.into_iter().map(Into::into).collect();
            let refused = Applied {
                changes: Vec::new(),
                complaints,
            };
            return Ok((refused, seen));
        }
    };
    let changes = step.changes();
    let told = Applied {
        changes,
        complaints: Vec::new(),
    };
    if wanted.dry_run {
        return Ok((told, seen));
    }
    step.may_be_done(authority)?;
    // Unchanged ones too: this mends a damaged one.
    for (source, ..) in &step.texts {
        store.put_blob(source.text.as_bytes())?;
    }
    if step.is_empty() {
        return Ok((told, seen));
    }
    finish(&shelf)?;
    let lsn = commit(&shelf, &step, authority.who(), at)?;
    Ok((told, lsn))
}

/// What is to be done.
struct Step {
    texts: Vec<(Source, Changed, u32, Digest)>,
    removed: Vec<Standing>,
}

impl Step {
    fn is_empty(&self) -> bool {
        let same = |(_, what, ..): &(Source, Changed, u32, Digest)| *what == Changed::Unchanged;
        self.removed.is_empty() && self.texts.iter().all(same)
    }

    /// Each of them, by somebody with this authority.
    fn may_be_done(&self, authority: &Authority) -> Result<(), Denied> {
        let changes = self.changes();
        let changes = changes
            .iter()
            .filter(|change| change.what != Changed::Unchanged);
        changes.into_iter().try_for_each(|change| {
            let scope = Scope::Definition {
                kind: change.kind.word(),
                name: &change.name,
            };
            authority.may(Deed::Define, &scope)
        })
    }

    fn changes(&self) -> Vec<Change> {
        let texts = self
            .texts
            .iter()
            .map(|(source, what, version, digest)| Change {
                kind: source.definition.kind(),
                name: source.definition.name.clone(),
                what: *what,
                version: *version,
                digest: digest.to_string(),
                file: Some(source.file.to_string()),
            });
        let removed = self.removed.iter().map(|standing| Change {
            kind: standing.kind,
            name: standing.name.clone(),
            what: Changed::Removed,
            version: standing.version,
            digest: standing.digest.clone(),
            file: None,
        });
        texts.chain(removed).collect()
    }

    /// How each that changes will stand.
    fn standings(&self, by: &str, at: At) -> Vec<Standing> {
        let changed = |change: Change| {
            (change.what != Changed::Unchanged).then(|| Standing {
                kind: change.kind,
                name: change.name,
                version: change.version,
                digest: change.digest,
                removed: change.what == Changed::Removed,
                by: by.to_owned(),
                at,
            })
        };
        self.changes().into_iter().filter_map(changed).collect()
    }
}

/// What is to be done, or all that is wrong.
fn plan(shelf: &Shelf<'_>, wanted: &Apply) -> Result<Result<Step, Complaints>, DefinitionError> {
    let sources = match read_all(shelf, &wanted.files)? {
        Ok(sources) => sources,
        Err(complaints) => return Ok(Err(complaints)),
    };
    let given: Given = sources
        .iter()
        .map(|source| (source.definition.kind(), source.definition.name.clone()))
        .collect();
    let stays = |kind: Kind, name: &str| {
        !wanted.prune.contains(&kind) && !given.contains(&(kind, name.to_owned()))
    };
    let stored = match shelf.sources(&stays) {
        // One that is stored and no longer understood is in the way until it is mended or removed.
        Err(DefinitionError::Outdated { complaints, .. }) => return Ok(Err(complaints)),
        other => other?,
    };
    let beside = sources.iter().cloned().chain(stored).collect();
    if let Err(complaints) = Book::new(beside) {
        return Ok(Err(complaints));
    }
    let texts = sources.into_iter().map(|source| compared(shelf, source));
    Ok(Ok(Step {
        texts: texts.collect::<Result<_, _>>()?,
        removed: removed(shelf, &wanted.prune, &given)?,
    }))
}

/// The definitions that new texts are of.
type Given = BTreeSet<(Kind, String)>;

/// All new texts, each read alone.
fn read_all(
    shelf: &Shelf<'_>,
    files: &[GivenFile],
) -> Result<Result<Vec<Source>, Complaints>, DefinitionError> {
    let mut complaints = Vec::new();
    let mut sources = Vec::new();
    for file in files {
        match read(shelf, file)? {
            Ok(source) => sources.push(source),
            Err(Complaints(more)) => complaints.extend(more),
        }
    }
    Ok(if complaints.is_empty() {
        Ok(sources)
    } else {
        Err(Complaints(complaints))
    })
}

/// What is stored of these kinds, and not given.
fn removed(
    shelf: &Shelf<'_>,
    kinds: &[Kind],
    given: &Given,
) -> Result<Vec<Standing>, DefinitionError> {
    let mut removed = Vec::new();
    for kind in KINDS.into_iter().filter(|kind| kinds.contains(kind)) {
        let goes = |standing: &Standing| {
            !standing.removed && !given.contains(&(kind, standing.name.clone()))
        };
        removed.extend(shelf.standings(kind)?.into_iter().filter(goes));
    }
    Ok(removed)
}

/// One text, alone.
fn read(
    shelf: &Shelf<'_>,
    file: &GivenFile,
) -> Result<Result<Source, Complaints>, DefinitionError> {
    let whole = || Place::whole(&Arc::from(file.path.as_str()));
    if file.text.len() > MAX_TEXT {
        let message = "this file is larger than 1 MiB, which no definition is";
        return Ok(Err(Complaint::new(whole(), message).into()));
    }
    let source = match definition(&file.path, &file.text) {
        Ok(source) => source,
        Err(complaints) => return Ok(Err(complaints)),
    };
    let Some(base) = file.base else {
        return Ok(Ok(source));
    };
    let (kind, name) = (source.definition.kind(), &source.definition.name);
    let standing = shelf.standing(kind, name)?;
    let is_new = base == 0;
    let message = match standing {
        Some(now) if !now.removed && now.version == base => return Ok(Ok(source)),
        Some(now) if now.removed && is_new => return Ok(Ok(source)),
        None if is_new => return Ok(Ok(source)),
        Some(now) if !now.removed && is_new => format!(
            "{} made {} at {}, and this was to be a new one",
            now.by,
            called(kind, name, now.version),
            now.at.rfc3339()
        ),
        Some(now) if !now.removed => format!(
            "{} made {} at {}, and this was made from version {base}",
            now.by,
            called(kind, name, now.version),
            now.at.rfc3339()
        ),
        Some(now) => format!(
            "{} removed the {} {name} at {}, and this was made from version {base}",
            now.by,
            kind.word(),
            now.at.rfc3339()
        ),
        None => format!("there is no {} {name} to be changed", kind.word()),
    };
    let hint = format!("look at it: conn show {}/{name}", kind.word());
    Ok(Err(Complaint::new(whole(), message).hint(hint).into()))
}

/// How a text differs from what is stored, and the version it will be.
fn compared(
    shelf: &Shelf<'_>,
    source: Source,
) -> Result<(Source, Changed, u32, Digest), DefinitionError> {
    let digest = Digest::of(source.text.as_bytes());
    let definition = &source.definition;
    let standing = shelf.standing(definition.kind(), &definition.name)?;
    let (what, version) = match standing {
        None => (Changed::Added, 1),
        Some(now) if now.removed => (Changed::Added, now.version + 1),
        Some(now) if now.digest == digest.to_string() => (Changed::Unchanged, now.version),
        Some(now) => (Changed::Changed, now.version + 1),
    };
    Ok((source, what, version, digest))
}

/// After the texts: who does what, then the change itself. Each is durable when the next is.
fn commit(shelf: &Shelf<'_>, step: &Step, by: &str, at: At) -> Result<Lsn, DefinitionError> {
    let store = shelf.store;
    let change = shelf::Change {
        standings: step.standings(by, at),
    };
    let digest = store.put_blob(&encode(&change))?;
    let records: Vec<_> = change.standings.iter().map(record).collect();
    for records in records.chunks(RECORDS) {
        store.append(records.iter().map(AuditRecord::append).collect())?;
    }
    let name = digest.to_string();
    let lsn = store.compare_and_set(NEWEST, shelf.seen, Some(name.as_bytes()))?;
    let done = Shelf {
        store,
        newest: change,
        seen: Some(lsn),
    };
    if let Err(error) = finish(&done) {
        // It counts already; whoever changes definitions next tries again.
        tracing::warn!(%error, "a change of definitions is not in its own keys yet");
    }
    Ok(lsn)
}

fn record(standing: &Standing) -> AuditRecord {
    let (act, word) = if standing.removed {
        ("remove", "was")
    } else {
        ("apply", "is")
    };
    let Standing {
        kind,
        name,
        version,
        digest,
        ..
    } = standing;
    AuditRecord {
        at: standing.at,
        by: standing.by.clone(),
        act: act.to_owned(),
        run: None,
        text: format!(
            "{}/{name} {word} version {version}, sha256 {digest}",
            kind.word()
        ),
    }
}

/// Writes the newest change to the keys of its definitions, where it is not there yet.
fn finish(shelf: &Shelf<'_>) -> Result<(), StoreError> {
    let put = |key: &[u8], value: &[u8]| -> Result<(), StoreError> {
        let there = shelf.store.get(key)?;
        if there.is_none_or(|there| there.value != value) {
            shelf.store.put(key, Some(value))?;
        }
        Ok(())
    };
    for standing in &shelf.newest.standings {
        let Standing { kind, name, .. } = standing;
        if !standing.removed {
            let key = version_key(*kind, name, standing.version);
            put(&key, &encode(&standing.version_line()))?;
        }
        put(&standing_key(*kind, name), &encode(standing))?;
    }
    Ok(())
}

//! Definitions: changed, listed, shown.

use std::sync::Arc;

use super::Session;
use crate::engine::definitions::{DefinitionError, Shelf, Standing, apply, look};
use crate::engine::now;
use crate::flow::definition::Kind;
use crate::run::complaint::{nearest, quote};
use crate::run::roles::Authority;
use crate::store::Lsn;
use crate::wire::definitions::{Apply, DefinitionLine, DefinitionView};
use crate::wire::reply::{Fault, Reply};

impl Session {
    pub(super) async fn apply(
        &self,
        wanted: Apply,
        authority: Arc<Authority>,
    ) -> Result<Reply, Fault> {
        let (applied, lsn) = self
            .with_kept(move |parts, kept| {
                let store = parts.store.as_ref();
                Ok(apply(store, &kept.appliers, &wanted, &authority, now())?)
            })
            .await?;
        self.wait_durable(lsn).await?;
        self.server.parts.news.tell();
        Ok(Reply::Applied(Box::new(applied)))
    }

    pub(super) async fn definitions(&self, kind: Kind) -> Result<Reply, Fault> {
        let read = move |shelf: &Shelf<'_>| {
            let current = shelf.standings(kind)?.into_iter();
            let current = current.filter(|standing| !standing.removed);
            Ok(current.map(|standing| line(shelf, standing)).collect())
        };
        Ok(Reply::Definitions(self.look(read).await?))
    }

    pub(super) async fn definition(
        &self,
        kind: Kind,
        name: String,
        version: Option<u32>,
    ) -> Result<Reply, Fault> {
        let view = self
            .look(move |shelf| view(shelf, kind, &name, version))
            .await??;
        Ok(Reply::Definition(Box::new(view)))
    }

    /// What is read is shown when it is durable.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        read: impl Fn(&Shelf<'_>) -> Result<T, DefinitionError> + Send + 'static,
    ) -> Result<T, Fault> {
        let (found, lsn): (T, Lsn) = self
            .blocking(move |parts| Ok(look(parts.store.as_ref(), read)?))
            .await?;
        self.wait_durable(lsn).await?;
        Ok(found)
    }
}

/// One that cannot be read is listed all the same, with the reason.
pub(super) fn line(shelf: &Shelf<'_>, standing: Standing) -> DefinitionLine {
    let stored = shelf.stored(
        standing.kind,
        &standing.name,
        standing.version,
        &standing.digest,
    );
    let (definition, broken) = match stored {
        Ok(stored) => (Some(stored.definition), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let (app, about) = definition.map_or((None, None), |read| (read.app, read.about));
    DefinitionLine {
        kind: standing.kind,
        name: standing.name,
        version: standing.version,
        digest: standing.digest,
        by: standing.by,
        at: standing.at,
        app,
        about,
        broken,
    }
}

fn view(
    shelf: &Shelf<'_>,
    kind: Kind,
    name: &str,
    wanted: Option<u32>,
) -> Result<Result<DefinitionView, Fault>, DefinitionError> {
    let Some(standing) = shelf.standing(kind, name)? else {
        return Ok(Err(none(shelf, kind, name)?));
    };
    let current = (!standing.removed).then_some(standing.version);
    let Some(number) = wanted.or(current) else {
        return Ok(Err(removed(&standing)));
    };
    let versions = shelf.versions(kind, name)?;
    let Some(version) = versions.iter().find(|line| line.version == number).cloned() else {
        return Ok(Err(Fault::usage(format!(
            "{} {} has no version {number}; its versions are 1 to {}",
            kind.word(),
            quote(name),
            standing.version
        ))));
    };
    Ok(Ok(DefinitionView {
        kind,
        name: name.to_owned(),
        text: shelf.text(kind, name, number, &version.digest)?,
        version,
        current,
        versions,
    }))
}

/// The sentence for a name that nothing has.
pub(super) fn none(shelf: &Shelf<'_>, kind: Kind, name: &str) -> Result<Fault, DefinitionError> {
    let standings = shelf.standings(kind)?;
    let current = standings.iter().filter(|standing| !standing.removed);
    let hint = match nearest(name, current.map(|standing| standing.name.as_str())) {
        Some(near) => format!("did you mean {}?", quote(near)),
        None => format!("see what there is: conn list {}", kind.word()),
    };
    Ok(Fault::usage(format!(
        "there is no {} {}; {hint}",
        kind.word(),
        quote(name)
    )))
}

/// The sentence for a name that something had.
pub(super) fn removed(standing: &Standing) -> Fault {
    let word = standing.kind.word();
    let Standing {
        name, version, by, ..
    } = standing;
    Fault::usage(format!(
        "{by} removed the {word} {} at {}; what it was: conn show {word}/{name} --version {version}",
        quote(name),
        standing.at.rfc3339()
    ))
}

//! Runs read back from the store.

use std::sync::Arc;

use crate::run::event::{Event, What};
use crate::run::ids::RunId;
use crate::run::spec::RunSpec;
use crate::run::state::Run;
use crate::store::{Digest, Store, StoreError, Stream};
use crate::wire::view::RunLine;

/// The key of the number the next run gets.
pub(super) const NEXT_RUN: &[u8] = b"next-run";
/// What keys of run lines begin with.
pub(super) const LINE_PREFIX: &[u8] = b"run/";
/// Records read at once.
const PAGE: usize = 4096;

/// The key of a run's line.
pub(super) fn line_key(run: RunId) -> Vec<u8> {
    [LINE_PREFIX, &run.0.to_be_bytes()].concat()
}

/// The key under which it stands who knows of a run's bad end.
pub(super) fn acked_key(run: RunId) -> Vec<u8> {
    [b"acked/".as_slice(), &run.0.to_be_bytes()].concat()
}

/// Why a run could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record is not of this version's words.
    #[error("record {seq} of run {run} cannot be read: {why}")]
    Record {
        /// The run.
        run: RunId,
        /// The record's place.
        seq: u64,
        /// What the decoder said.
        why: String,
    },
    /// The specification is not there.
    #[error("the specification of run {run} is missing from the store")]
    NoSpec {
        /// The run.
        run: RunId,
    },
}

/// The number the next run gets.
pub(super) fn next_run(store: &dyn Store) -> Result<u64, StoreError> {
    let stored = store.get(NEXT_RUN)?;
    Ok(stored
        .and_then(|value| <[u8; 8]>::try_from(&value.value[..]).ok())
        .map_or(1, u64::from_be_bytes))
}

/// All events of a run, oldest first.
pub fn events(store: &dyn Store, run: RunId) -> Result<Vec<Event>, HistoryError> {
    events_from(store, run, 0)
}

/// The events of a run from this one on, oldest first.
pub fn events_from(
    store: &dyn Store,
    run: RunId,
    mut from: u64,
) -> Result<Vec<Event>, HistoryError> {
    let mut events = Vec::new();
    loop {
        let page = store.read(Stream::Run(run.0), from, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(events);
        };
        from = last.seq + 1;
        for record in &page {
            let event =
                rmp_serde::from_slice(&record.payload).map_err(|error| HistoryError::Record {
                    run,
                    seq: record.seq,
                    why: error.to_string(),
                })?;
            events.push(event);
        }
    }
}

/// The run as its events make it, and the place of its next event. `None`: there is no such run.
pub fn replay(store: &dyn Store, id: RunId) -> Result<Option<(Run, u64)>, HistoryError> {
    let events = events(store, id)?;
    let Some(Event {
        at,
        what:
            What::Created {
                spec,
                starter,
                parent,
                handed,
                ..
            },
    }) = events.first()
    else {
        return Ok(None);
    };
    let spec = self::spec(store, id, spec)?;
    let mut run = Run::new(id, spec, starter, *at);
    run.parent = *parent;
    run.handed.clone_from(handed);
    for event in events.iter().skip(1) {
        run.apply(event);
    }
    Ok(Some((run, events.len() as u64)))
}

pub(super) fn spec(
    store: &dyn Store,
    run: RunId,
    digest: &str,
) -> Result<Arc<RunSpec>, HistoryError> {
    let missing = || HistoryError::NoSpec { run };
    let digest: Digest = digest.parse().map_err(|_| missing())?;
    let bytes = store.blob(&digest)?.ok_or_else(missing)?;
    rmp_serde::from_slice(&bytes).map_err(|error| HistoryError::Record {
        run,
        seq: 0,
        why: error.to_string(),
    })
}

/// One run's line in the list; `None`: there is no such run.
pub fn line(store: &dyn Store, run: RunId) -> Result<Option<RunLine>, StoreError> {
    let stored = store.get(&line_key(run))?;
    Ok(stored.and_then(|value| rmp_serde::from_slice(&value.value).ok()))
}

/// Every run's line, newest first.
pub fn lines(store: &dyn Store) -> Result<Vec<RunLine>, StoreError> {
    let mut lines = Vec::new();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = store.scan(LINE_PREFIX, after.as_deref(), PAGE)?;
        let Some((last, _)) = page.last() else {
            lines.reverse();
            return Ok(lines);
        };
        after = Some(last.clone());
        for (_, value) in &page {
            match rmp_serde::from_slice(&value.value) {
                Ok(line) => lines.push(line),
                Err(error) => tracing::warn!(%error, "a line of the run list cannot be read"),
            }
        }
    }
}

//! Who did what: the words of the audit stream.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::run::ids::{At, RunId};
use crate::store::{Append, StoreNote, Stream};
use crate::wire::view::AuditView;

/// One audit record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// When.
    pub at: At,
    /// The Unix user who caused it.
    pub by: String,
    /// The act, in a word.
    pub act: String,
    /// The run it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// A sentence.
    pub text: String,
}

impl AuditRecord {
    /// The record as the store takes it.
    pub fn append(&self) -> Append {
        Append {
            stream: Stream::Audit,
            payload: encode(self),
            expect: None,
        }
    }

    /// The record as clients see it; records the store wrote itself are shown by their own words.
    pub fn view(seq: u64, payload: &[u8]) -> AuditView {
        match rmp_serde::from_slice::<Self>(payload) {
            Ok(record) => AuditView {
                seq,
                at: record.at,
                by: record.by,
                act: record.act,
                run: record.run,
                text: record.text,
            },
            Err(_) => Self::of_store(seq, payload),
        }
    }

    /// A record of the store's own has no time: it stands between those that have one.
    fn of_store(seq: u64, payload: &[u8]) -> AuditView {
        let (act, run, text) = match StoreNote::parse(payload) {
            Some(StoreNote::Sealed { run, records, .. }) => {
                let text = format!("{records} records are closed, and can only be read");
                ("seal", Some(RunId(run)), text)
            }
            Some(StoreNote::Dropped { run, policy, .. }) => {
                ("drop", Some(RunId(run)), format!("deleted: {policy}"))
            }
            None => (
                "record",
                None,
                String::from_utf8_lossy(payload).into_owned(),
            ),
        };
        AuditView {
            seq,
            at: At(0),
            by: "conn".to_owned(),
            act: act.to_owned(),
            run,
            text,
        }
    }
}

/// A journal value as bytes: `MessagePack` with named fields, readable by the next version.
pub(super) fn encode<T: Serialize>(value: &T) -> Bytes {
    // These types hold no map with non-string keys and no failing Serialize: encoding cannot fail.
    rmp_serde::to_vec_named(value).map_or_else(
        |error| {
            tracing::error!(%error, "a journal record could not be encoded");
            Bytes::new()
        },
        Bytes::from,
    )
}

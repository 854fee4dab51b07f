//! What a shared engine refused to do, and wrong secrets, on record: who tried what, and why not.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Session;
use crate::engine::audit::AuditRecord;
use crate::engine::core::describe;
use crate::engine::now;
use crate::run::ids::RunId;
use crate::wire::request::Request;

/// Refusals of one person that are recorded in [`WINDOW`]: nobody fills the disk by asking.
const MOST: u32 = 60;
const WINDOW: Duration = Duration::from_mins(1);

/// How many refusals of each person were recorded lately.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<u32, (Instant, u32)>>);

impl Refusals {
    /// Counts one more; the number it has within the minute.
    fn count(&self, uid: u32) -> u32 {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = all.entry(uid).or_insert_with(|| (Instant::now(), 0));
        if since.elapsed() > WINDOW {
            (*since, *count) = (Instant::now(), 0);
        }
        *count += 1;
        *count
    }
}

/// An act that somebody tried.
pub(super) struct Tried {
    act: &'static str,
    run: Option<RunId>,
}

impl Tried {
    /// What a request tries to do; nothing when it only looks.
    pub fn of(request: &Request) -> Option<Self> {
        let (act, run) = match request {
            Request::Stop { .. } => ("stop", None),
            Request::Upgrade { .. } => ("upgrade", None),
            Request::Upload { .. } => ("upload", None),
            Request::Start(_) | Request::StartFlow(_) => ("start", None),
            Request::Acknowledge { run, .. } => ("acknowledge", Some(*run)),
            Request::Passphrase { .. } => ("unlock", None),
            Request::Apply(_) => ("apply", None),
            Request::Secret { run, .. } => return Some(Self::secret(*run)),
            Request::Steer { run, act } => (describe(act).0, Some(*run)),
            _ => return None,
        };
        Some(Self { act, run })
    }

    /// A secret that somebody typed for a run.
    pub fn secret(run: RunId) -> Self {
        let (act, run) = ("secret", Some(run));
        Self { act, run }
    }
}

impl Session {
    /// Puts a refusal on record. One that cannot be is refused all the same.
    pub(super) async fn record_refusal(&self, tried: &Tried, why: &str) {
        let count = self.server.kept.refusals.count(self.person.uid);
        let text = match count {
            ..MOST => format!("{}: {why}", tried.act),
            MOST => format!(
                "{}: {why}. More refusals of this minute are left out",
                tried.act
            ),
            _ => return,
        };
        let record = AuditRecord {
            at: now(),
            by: self.person.name.clone(),
            act: "refused".to_owned(),
            run: tried.run,
            text,
        };
        let written = match self.server.parts.store.append(vec![record.append()]) {
            Ok(lsn) => self.wait_durable(lsn).await.map_err(|fault| fault.message),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = written {
            tracing::warn!(error, by = record.by, "this refusal is not on record");
        }
    }
}

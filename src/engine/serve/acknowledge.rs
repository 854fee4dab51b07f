//! Failures that somebody knows of: they need nobody else.

use super::Session;
use super::follow::no_such_run;
use crate::engine::audit::{AuditRecord, encode};
use crate::engine::{history, now};
use crate::run::ids::RunId;
use crate::run::roles::{Authority, Deed, Scope};
use crate::store::{Lsn, Store, StoreError};
use crate::wire::reply::{Fault, Reply};
use crate::wire::view::{Acked, RunLine};

impl Session {
    pub(super) async fn acknowledge(
        &self,
        run: RunId,
        known: bool,
        authority: &Authority,
    ) -> Result<Reply, Fault> {
        if authority.has_limits() {
            let (state, _) = self.run(run).await?;
            authority.may(Deed::Note, &Scope::Run(&state.spec))?;
        }
        let live = self
            .server
            .inbox
            .look(move |core| core.live_run(run).is_some());
        let live = live.await?;
        let acked = Acked {
            by: self.person.name.clone(),
            at: now(),
        };
        let lsn = self
            .blocking(move |parts| {
                let store = parts.store.as_ref();
                let written = if live || history::line(store, run).map_err(fault)?.is_some() {
                    write(store, run, known.then_some(&acked), &acked.by).map_err(fault)?
                } else {
                    return Err(no_such_run(run));
                };
                Ok(written)
            })
            .await?;
        self.wait_durable(lsn).await?;
        self.server.parts.news.tell();
        Ok(Reply::Done)
    }
}

fn fault(error: impl std::fmt::Display) -> Fault {
    Fault::engine(error.to_string())
}

/// The record first: it is durable when the act is.
fn write(
    store: &dyn Store,
    run: RunId,
    acked: Option<&Acked>,
    by: &str,
) -> Result<Lsn, StoreError> {
    let text = if acked.is_some() {
        "known"
    } else {
        "not known any more"
    };
    let record = AuditRecord {
        at: now(),
        by: by.to_owned(),
        act: "acknowledge".to_owned(),
        run: Some(run),
        text: text.to_owned(),
    };
    store.append(vec![record.append()])?;
    store.put(&history::acked_key(run), acked.map(encode).as_deref())
}

/// Says of runs that did not end well who knows.
pub(super) fn tell(store: &dyn Store, lines: &mut [RunLine]) -> Result<(), StoreError> {
    for line in lines.iter_mut().filter(|line| line.tally.not_ok() > 0) {
        let stored = store.get(&history::acked_key(line.run))?;
        line.acked = stored.and_then(|stored| rmp_serde::from_slice(&stored.value).ok());
    }
    Ok(())
}

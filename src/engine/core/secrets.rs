//! Secrets that were typed and are not known any more: what needs them waits for a person.

use tokio::sync::oneshot;

use super::commit::Pending;
use super::{Core, CoreError};
use crate::engine::audit::AuditRecord;
use crate::engine::now;
use crate::engine::task::TaskKey;
use crate::run::event::{Event, What};
use crate::run::ids::RunId;
use crate::store::StoreError;
use crate::wire::reply::Fault;

impl Core {
    /// The run that somebody started, of which this one is a part or which it is.
    pub(crate) fn root(&self, run: RunId) -> RunId {
        self.ancestors(run).last().copied().unwrap_or(run)
    }

    /// Nothing was sent: the dispatch is taken back until somebody types the secret.
    pub(super) fn no_secret(&self, task: TaskKey, secret: String) -> Vec<What> {
        let why = format!("the secret {secret} was typed, and is not known any more");
        let parked = What::Parked {
            host: task.host,
            why,
        };
        if self.lacks(task.run, &secret) {
            vec![parked]
        } else {
            vec![What::SecretLacking { secret }, parked]
        }
    }

    /// A task waits for a secret to follow an attempt again.
    pub(super) fn secret_lacking(&mut self, run: RunId, secret: String) -> Result<(), CoreError> {
        if !self.runs.contains_key(&run) || self.lacks(run, &secret) {
            return Ok(());
        }
        let event = Event {
            at: now(),
            what: What::SecretLacking { secret },
        };
        match self.commit(run, &[event], &[]) {
            // That it waits is told all the same by what it does not do.
            Ok(_) | Err(StoreError::NoSpace) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What waits for the secret goes on, in the run and all that it is made of.
    pub(super) fn secret_given(
        &mut self,
        run: RunId,
        secret: &str,
        by: &str,
        reply: oneshot::Sender<Result<(), Fault>>,
    ) {
        let event = Event {
            at: now(),
            what: What::SecretGiven {
                secret: secret.to_owned(),
                by: by.to_owned(),
            },
        };
        let family = std::iter::once(run).chain(self.descendants(run));
        let waiting: Vec<RunId> = family.filter(|run| self.lacks(*run, secret)).collect();
        let all: Vec<(RunId, &[Event])> = waiting
            .iter()
            .map(|run| (*run, std::slice::from_ref(&event)))
            .collect();
        let audit = AuditRecord {
            at: now(),
            by: by.to_owned(),
            act: "secret".to_owned(),
            run: Some(run),
            text: secret.to_owned(),
        };
        match self.commit_all(&all, &[audit]) {
            Ok(lsn) => self.when_durable(
                lsn,
                Pending::Call(Box::new(move |_| {
                    let _ = reply.send(Ok(()));
                })),
            ),
            Err(error) => {
                // The asker may have gone.
                let _ = reply.send(Err(Fault::engine(error.to_string())));
            }
        }
    }

    fn lacks(&self, run: RunId, secret: &str) -> bool {
        let live = self.runs.get(&run);
        live.is_some_and(|live| live.run.lacks_secret.as_deref() == Some(secret))
    }
}

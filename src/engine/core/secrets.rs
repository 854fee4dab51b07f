//! Secrets that were typed and are not known any more: what needs them waits for a person.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::commit::Pending;
use super::{Core, CoreError};
use crate::engine::audit::AuditRecord;
use crate::engine::now;
use crate::engine::task::TaskKey;
use crate::run::event::{Event, What};
use crate::run::ids::RunId;
use crate::run::secret::{Secret, SecretRef, Typed};
use crate::store::StoreError;
use crate::wire::reply::Fault;

/// Between two looks whether a secret can be read again.
const AGAIN: Duration = Duration::from_secs(30);

/// What hosts of a run wait for.
pub(super) struct Unread {
    /// Named secrets.
    secrets: BTreeSet<String>,
    /// When to look for them again; `None` while somebody looks.
    due: Option<Instant>,
}

impl Default for Unread {
    fn default() -> Self {
        Self {
            secrets: BTreeSet::new(),
            due: Some(Instant::now() + AGAIN),
        }
    }
}

impl Core {
    /// The run that somebody started, of which this one is a part or which it is.
    pub(crate) fn root(&self, run: RunId) -> RunId {
        self.ancestors(run).last().copied().unwrap_or(run)
    }

    /// Nothing was sent: the dispatch is taken back until somebody types the secret.
    pub(super) fn no_secret(&self, task: TaskKey, typed: Typed) -> Vec<What> {
        let known = self.parts.secrets.knows(self.root(task.run), &typed);
        let secret = typed.name;
        let why = format!("the secret {secret} was typed, and is not known any more");
        let parked = What::Parked {
            host: task.host,
            why,
        };
        if known {
            // Somebody typed it while this was on its way.
            vec![parked, What::Unparked]
        } else if self.lacks(task.run, &secret) {
            vec![parked]
        } else {
            vec![What::SecretLacking { secret }, parked]
        }
    }

    /// A task waits for a secret to follow an attempt again.
    pub(super) fn secret_lacking(&mut self, run: RunId, typed: &Typed) -> Result<(), CoreError> {
        let known = self.parts.secrets.knows(self.root(run), typed);
        let secret = typed.name.clone();
        if known || !self.runs.contains_key(&run) || self.lacks(run, &secret) {
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
        secret: Secret,
        by: &str,
        reply: oneshot::Sender<Result<(), Fault>>,
    ) {
        let live = self.runs.get(&run);
        if live.is_none_or(|live| live.run.ended.is_some()) {
            // The asker may have gone.
            let _ = reply.send(Err(Fault::refused(format!(
                "run {run} is over; nothing waits for a secret"
            ))));
            return;
        }
        let name = secret.name().to_owned();
        self.parts.secrets.keep(run, secret);
        let event = Event {
            at: now(),
            what: What::SecretGiven {
                secret: name.clone(),
                by: by.to_owned(),
            },
        };
        let family = std::iter::once(run).chain(self.descendants(run));
        // What lacks another one says so again.
        let waiting: Vec<RunId> = family
            .filter(|run| {
                let live = self.runs.get(run);
                live.is_some_and(|live| live.run.lacks_secret.is_some())
            })
            .collect();
        let all: Vec<(RunId, &[Event])> = waiting
            .iter()
            .map(|run| (*run, std::slice::from_ref(&event)))
            .collect();
        let audit = AuditRecord {
            at: now(),
            by: by.to_owned(),
            act: "secret".to_owned(),
            run: Some(run),
            text: name,
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

    /// Nothing was sent: the dispatch is taken back until the secret can be read.
    pub(super) fn unread(&mut self, task: TaskKey, secret: String, why: &str) -> What {
        let waits = self.unread.entry(task.run).or_default();
        waits.secrets.insert(secret);
        What::Parked {
            host: task.host,
            why: format!("{why}; it is looked for every {} s", AGAIN.as_secs()),
        }
    }

    /// After a restart nobody knows what parked hosts wait for: it may be a secret.
    pub(super) fn may_lack(&mut self, run: RunId) {
        let Some(live) = self.runs.get(&run) else {
            return;
        };
        let flow = live.run.spec.flow.iter();
        let named = flow.flat_map(|flow| &flow.secrets);
        let named = named.filter_map(|secret| match secret {
            SecretRef::Named(name) => Some(name.clone()),
            SecretRef::Typed(_) => None,
        });
        let secrets: BTreeSet<String> = named.collect();
        if live.run.tally.parked > 0 && !secrets.is_empty() {
            let due = Some(Instant::now());
            self.unread.insert(run, Unread { secrets, due });
        }
    }

    /// Looks whether secrets can be read again that hosts wait for.
    pub(super) fn look_for_secrets(&mut self) {
        let runs = &self.runs;
        let live = |run: &RunId| runs.get(run).is_some_and(|live| live.run.ended.is_none());
        self.unread.retain(|run, _| live(run));
        let now = Instant::now();
        for (&run, waits) in &mut self.unread {
            if waits.due.take_if(|due| *due <= now).is_none() {
                continue;
            }
            let (secrets, names) = (Arc::clone(&self.parts.secrets), waits.secrets.clone());
            let inbox = self.inbox.clone();
            tokio::spawn(async move {
                let look = move || names.iter().any(|name| secrets.read(name).is_ok());
                let found = tokio::task::spawn_blocking(look).await;
                inbox.secrets_looked(run, found.unwrap_or(false)).await;
            });
        }
    }

    /// What waits for a secret that can be read goes on; the rest says so again.
    pub(super) fn secrets_looked(&mut self, run: RunId, readable: bool) -> Result<(), CoreError> {
        if readable && self.stalled.is_empty() && self.unpark_run(run)? {
            self.unread.remove(&run);
        } else if let Some(waits) = self.unread.get_mut(&run) {
            waits.due = Some(Instant::now() + AGAIN);
        }
        Ok(())
    }

    fn lacks(&self, run: RunId, secret: &str) -> bool {
        let live = self.runs.get(&run);
        live.is_some_and(|live| live.run.lacks_secret.as_deref() == Some(secret))
    }
}

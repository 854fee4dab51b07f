//! What an attempt is given: variables, with the secrets among them read for it alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::secrets::{Known, Lacks};
use super::task::{Report, Task};
use crate::run::outcome::Outcome;
use crate::run::redact::{Redact, Words};
use crate::run::secret::{Filled, Secret, SecretRef};

/// What a command is given.
pub(super) struct Given {
    /// Variables that everybody may see.
    pub(super) env: Vec<(String, String)>,
    /// Variables that nobody may.
    pub(super) secrets: Vec<(String, Secret)>,
    /// How what it writes is shown.
    pub(super) redact: Redact,
}

impl Task {
    /// The variables of a command. An attempt that is followed again is given none: it has them.
    pub(super) async fn given(&self, env: &BTreeMap<String, Filled>) -> Result<Given, Report> {
        let refs = env.values().filter_map(Filled::secret);
        let refs: Vec<SecretRef> = refs.cloned().collect();
        let mut given = Given {
            env: Vec::new(),
            secrets: Vec::new(),
            redact: Redact::of(Words::of(&[])),
        };
        if self.reattach.is_some() {
            given.redact = self.redact_again(&refs).await?;
            return Ok(given);
        }
        let known = self.known(&refs).await?;
        for (name, value) in env {
            match value {
                Filled::Text(text) => given.env.push((name.clone(), text.clone())),
                Filled::Secret(secret) => {
                    let secret = known.get(secret).cloned();
                    given
                        .secrets
                        .extend(secret.map(|secret| (name.clone(), secret)));
                }
            }
        }
        given.redact = known.redact;
        Ok(given)
    }

    /// Secrets that an attempt uses, read for it. What it writes is to be shown as they say.
    pub(super) async fn known(&self, refs: &[SecretRef]) -> Result<Known, Report> {
        let Some(known) = self.gather(refs).await else {
            return Err(self.unbegun(Outcome::Cancelled, None));
        };
        let known = known.map_err(|lacks| match lacks {
            Lacks::Typed(typed) => Report::NoSecret(typed),
            Lacks::Unread { secret, why } => Report::Unread { secret, why },
        })?;
        if !refs.is_empty() {
            self.parts.secrets.uses(self.key, known.redact.clone());
        }
        Ok(known)
    }

    /// `None`: nobody wants them any more.
    async fn gather(&self, refs: &[SecretRef]) -> Option<Result<Known, Lacks>> {
        let secrets = Arc::clone(&self.parts.secrets);
        tokio::select! {
            found = secrets.gathered(self.root, refs.to_vec()) => Some(found),
            () = self.cancel.cancelled() => None,
        }
    }

    /// How the output of an attempt is shown that an engine before this one may have started. Where
    /// nobody knows the secrets in it, it waits; what is to be ended without them is not shown.
    async fn redact_again(&self, refs: &[SecretRef]) -> Result<Redact, Report> {
        if let Some(redact) = self.parts.secrets.used(self.key) {
            return Ok(redact);
        }
        let mut typed = self.parts.secrets.watch();
        loop {
            typed.borrow_and_update();
            match self.gather(refs).await {
                Some(Ok(known)) => {
                    if !refs.is_empty() {
                        self.parts.secrets.uses(self.key, known.redact.clone());
                    }
                    return Ok(known.redact);
                }
                None => return Ok(Redact::All),
                Some(Err(_)) if self.cancel.is_cancelled() => return Ok(Redact::All),
                Some(Err(Lacks::Unread { why, .. })) => {
                    return Err(Report::Lost {
                        why,
                        started: false,
                    });
                }
                Some(Err(Lacks::Typed(typed))) => {
                    self.inbox.secret_lacking(self.key.run, typed).await;
                }
            }
            tokio::select! {
                _ = typed.changed() => {}
                () = self.cancel.cancelled() => {}
            }
        }
    }
}

impl Report {
    /// The same without the secrets that the attempt was given.
    pub(super) fn without(mut self, redact: &Redact) -> Self {
        match &mut self {
            Self::Finished(finished)
            | Self::Registered(finished, _)
            | Self::Connected(finished, _) => {
                finished.detail = finished.detail.as_deref().map(|text| redact.text(text));
            }
            Self::NoCredential(why)
            | Self::Unread { why, .. }
            | Self::Lost { why, .. }
            | Self::NeverStarted(why) => {
                *why = redact.text(why);
            }
            Self::NoSecret(_) => {}
        }
        self
    }

    /// Whether the attempt will be followed again.
    pub(super) fn goes_on(&self) -> bool {
        matches!(self, Self::Lost { .. })
    }
}

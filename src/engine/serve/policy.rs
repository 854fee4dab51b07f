//! What a shared engine does not do for those it serves.
//!
//! It runs as an account of its own, which may read keys and files that its people may not. So
//! nobody gets it to read a file or to run a program of their choice, and nobody but its owner ends
//! or replaces it. A private engine has one person, whose engine it is.
//!
//! There are no roles yet: whoever the group of the socket lets in may change definitions, under
//! their own name in the audit records. What a definition does is asked of whoever starts it.

use super::Session;
use crate::engine::people::{Person, own_name};
use crate::run::ids::RunId;
use crate::wire::reply::Fault;
use crate::wire::request::{Request, Steer};

impl Session {
    /// Refuses what is not this person's to ask.
    pub(super) fn check(&self, request: &Request) -> Result<(), Fault> {
        if !self.server.parts.settings.shared {
            return Ok(());
        }
        match request {
            Request::Stop { .. } => self.owner_only("stop a shared engine"),
            Request::Upgrade { .. } => self.owner_only("replace a shared engine"),
            Request::Passphrase { .. } => self.owner_only("unlock a key of a shared engine"),
            Request::Start(start) => no_config(start.ssh_config.as_ref()),
            Request::Hosts(query) if query.from.is_some() => Err(Fault::refused(
                "a shared engine reads no inventory of yours (--from): it would read it with its \
                 own account's rights. Leave --shared out, or have it added to the engine's conn.toml",
            )),
            Request::Hosts(query) => no_config(query.ssh_config.as_ref()),
            Request::PlanFlow(asked) => no_config(asked.ssh_config.as_ref()),
            _ => Ok(()),
        }
    }

    fn owner_only(&self, act: &str) -> Result<(), Fault> {
        if self.person.is_owner() {
            return Ok(());
        }
        Err(Fault::refused(format!(
            "only root and {} may {act}: it works for others too. Ask them",
            own_name()
        )))
    }

    /// Refuses those who would make a key work that they may not use: by taking the conn, by making
    /// the run go on, or by handing it to somebody. Stopping it is anybody's.
    pub(super) async fn check_steer(&self, run: RunId, act: &Steer) -> Result<(), Fault> {
        if !self.server.parts.settings.shared {
            return Ok(());
        }
        let steers = match act {
            Steer::Pause { .. } | Steer::Abort { .. } | Steer::Note { .. } | Steer::RefuseTake => {
                return Ok(());
            }
            Steer::Give { to } => Some(to.clone()),
            _ => None,
        };
        let found = self
            .server
            .inbox
            .look(move |core| {
                let live = core.live_run(run)?;
                live.run.spec.access.identity.clone()
            })
            .await?;
        // A run that is not in memory is not steered any more; the core says why.
        let Some(identity) = found else {
            return Ok(());
        };
        let person = self.person.clone();
        self.blocking(move |parts| {
            let person = match steers {
                Some(name) => Person::named(&name).ok_or_else(|| {
                    Fault::usage(format!("there is no user {name:?} to give the conn to"))
                })?,
                None => person,
            };
            parts.identities.admit(&identity, &person)
        })
        .await
    }
}

fn no_config(file: Option<&String>) -> Result<(), Fault> {
    match file {
        None => Ok(()),
        Some(_) => Err(Fault::refused(
            "a shared engine uses no ssh_config of yours (-F): leave -F out. How hosts are reached \
             is in the engine's own conn.toml and ssh_config",
        )),
    }
}

//! What a shared engine does not do for those it serves.
//!
//! It runs as an account of its own, which may read keys and files that its people may not. So
//! nobody gets it to read a file or to run a program of their choice, and nobody but its owner ends
//! or replaces it. A private engine has one person, whose engine it is.
//!
//! Every request is a deed that takes a role (`run/roles`). Here it is asked whether somebody has it
//! at all; where it is for a run or a definition, it is asked again where that is decided, on what
//! was decided: `Core::create`, `Run::ask`, `definitions::apply`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Session;
use crate::engine::people::Person;
use crate::run::ids::RunId;
use crate::run::roles::{Authority, Deed, Scope};
use crate::wire::reply::Fault;
use crate::wire::request::{Request, Steer};

/// So long what somebody may look at is taken as known: who only looks asks often.
const LOOKS_KNOWN: Duration = Duration::from_secs(20);

/// What a request is, and whether it is for all of the engine.
fn deed(request: &Request) -> (Deed, Scope<'static>) {
    match request {
        Request::Stop { .. } | Request::Upgrade { .. } => (Deed::Engine, Scope::Everything),
        Request::Passphrase { .. } => (Deed::Unlock, Scope::Everything),
        Request::Start(_) | Request::StartFlow(_) | Request::Upload { .. } => {
            (Deed::Start, Scope::Anything)
        }
        Request::Secret { .. } => (Deed::Steer, Scope::Anything),
        Request::Acknowledge { .. } => (Deed::Note, Scope::Anything),
        Request::Apply(wanted) if !wanted.dry_run => (Deed::Define, Scope::Anything),
        // Which deed that is, the run says.
        Request::Steer { .. }
        | Request::Apply(_)
        | Request::Status
        | Request::Hosts(_)
        | Request::Follow(_)
        | Request::Runs(_)
        | Request::Show { .. }
        | Request::Why { .. }
        | Request::Handover { .. }
        | Request::Checks { .. }
        | Request::Groups { .. }
        | Request::HostOutput { .. }
        | Request::Audit { .. }
        | Request::AuditVerify
        | Request::AuditHash { .. }
        | Request::Doctor
        | Request::Overview(_)
        | Request::Grid(_)
        | Request::Fold(_)
        | Request::Lines(_)
        | Request::Search(_)
        | Request::Pick(_)
        | Request::Inventory(_)
        | Request::TakeBack { .. }
        | Request::Definitions { .. }
        | Request::Definition { .. }
        | Request::Flows(_)
        | Request::Preview(_)
        | Request::Draft { .. }
        | Request::Given { .. }
        | Request::PlanFlow(_) => (Deed::Look, Scope::Anything),
    }
}

impl Session {
    /// What this person may do, or that they may not do this.
    pub(super) async fn admit(&self, request: &Request) -> Result<Arc<Authority>, Fault> {
        self.check(request)?;
        let (deed, scope) = deed(request);
        let steers = matches!(request, Request::Steer { .. });
        let authority = self.authority(deed == Deed::Look && !steers).await?;
        authority.may(deed, &scope)?;
        Ok(authority)
    }

    /// What this person may do: as it is now, or, where they only look, as it was a moment ago.
    pub(super) async fn authority(&self, looks: bool) -> Result<Arc<Authority>, Fault> {
        if !self.server.parts.settings.shared {
            return Ok(Arc::new(Authority::everything(&self.person.name)));
        }
        let mut known = self.known.lock().await;
        if let Some((authority, at)) = &*known
            && looks
            && at.elapsed() < LOOKS_KNOWN
        {
            return Ok(authority.clone());
        }
        let authority = Arc::new(self.authority_of(self.person.clone()).await?);
        *known = Some((authority.clone(), Instant::now()));
        Ok(authority)
    }

    async fn authority_of(&self, person: Person) -> Result<Authority, Fault> {
        self.blocking(move |parts| Ok(parts.roles.authority(&person, parts.directory.as_ref())))
            .await
    }

    /// Refuses what is not anybody's to ask of a shared engine.
    fn check(&self, request: &Request) -> Result<(), Fault> {
        if !self.server.parts.settings.shared {
            return Ok(());
        }
        match request {
            Request::Start(start) => no_config(start.ssh_config.as_ref()),
            Request::Hosts(query) if query.from.is_some() => Err(Fault::refused(
                "a shared engine reads no inventory of yours (--from): it would read it with its \
                 own account's rights. Leave --shared out, or have it added to the engine's conn.toml",
            )),
            Request::Hosts(query) => no_config(query.ssh_config.as_ref()),
            Request::PlanFlow(asked) => no_config(asked.ssh_config.as_ref()),
            Request::StartFlow(asked) => no_config(asked.plan.ssh_config.as_ref()),
            Request::Preview(asked) => no_config(asked.plan.ssh_config.as_ref()),
            _ => Ok(()),
        }
    }

    /// Refuses those who would make a key work that they may not use: by taking the conn, by making
    /// the run go on, or by handing it to somebody. Stopping it is anybody's.
    pub(super) async fn check_steer(&self, run: RunId, act: &Steer) -> Result<(), Fault> {
        if !self.server.parts.settings.shared {
            return Ok(());
        }
        let steers = match act {
            Steer::Pause { .. }
            | Steer::Abort { .. }
            | Steer::AbortAfterBatch { .. }
            | Steer::Reject { .. }
            | Steer::Note { .. }
            | Steer::RefuseTake => return Ok(()),
            Steer::Give { to } => Some(to.clone()),
            _ => None,
        };
        let found = self
            .server
            .inbox
            .look(move |core| Some(core.live_run(run)?.run.spec.clone()))
            .await?;
        // A run that is not in memory is not steered any more; the core says why.
        let Some(spec) = found else {
            return Ok(());
        };
        let person = self.person.clone();
        self.blocking(move |parts| {
            let person = match steers {
                Some(name) => {
                    let next = Person::named(&name).ok_or_else(|| {
                        Fault::usage(format!("there is no user {name:?} to give the conn to"))
                    })?;
                    let theirs = parts.roles.authority(&next, parts.directory.as_ref());
                    theirs.may(Deed::Steer, &Scope::Run(&spec))?;
                    next
                }
                None => person,
            };
            if let Some(identity) = &spec.access.identity {
                parts.identities.admit(identity, &person)?;
            }
            let secrets = spec.flow.as_ref().map_or(&[][..], |flow| &flow.secrets);
            parts.secrets.admit_person(secrets, &person)
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

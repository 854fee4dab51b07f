//! Files onto hosts, whole or not at all.
//!
//! A file is written under a temporary name beside its destination, synced, checked by its SHA-256,
//! given its owner and mode, and renamed. Where the login user may not write there, it is put into
//! the login user's home and copied from there with the rights that `run_as` gives.
//!
//! Until the last request nothing that was there before is touched, so an attempt that ends sooner
//! is known to have changed nothing.

mod place;
pub(crate) mod pull;
mod transfer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::end::AttemptEnd;
use super::error::SshError;
use super::exec::open::{Errand, Session, open};
use super::exec::plain::{permitted, until};
use super::front::Shared;
use super::route::{Hop, Route};
use super::sink::Permit;
use super::spec::{PushSpec, RunAs};
use crate::run::outcome::Outcome;
use crate::run::phases::Phases;
use place::{Answer, Placing};
use transfer::{Transfer, Uploaded};

/// How long checking, changing the owner and renaming may take: a checksum reads the file again.
const PLACING: Duration = Duration::from_mins(10);

/// How long removing what is left of a given-up file may take.
const CLEANING: Duration = Duration::from_secs(5);

/// Why a file was not put in its place.
#[derive(Debug)]
pub(super) enum Failure {
    /// The host says no.
    Host(String),
    /// The connection is gone; nothing was changed.
    Lost(String),
    /// The last request was sent, and its answer did not come.
    Unknown(String),
    /// Not sent, because of something here.
    Here(String),
    TimedOut,
    Cancelled,
}

/// Pushes a file.
pub(crate) async fn run(
    shared: &Arc<Shared>,
    route: &Arc<Route>,
    push: &PushSpec,
    permit: Permit<'_>,
    cancel: &CancellationToken,
) -> AttemptEnd {
    let mut phases = Phases::default();
    let session = match begin(
        shared,
        route,
        push.connect_timeout,
        permit,
        cancel,
        &mut phases,
    )
    .await
    {
        Ok(session) => session,
        Err(error) => return AttemptEnd::before_start(&error, phases),
    };
    let user = Hop::target(route)
        .user(&shared.settings.default_user)
        .to_owned();
    let began = Instant::now();
    let result = Push {
        spec: push,
        user: &user,
        cancel,
    }
    .work(session)
    .await;
    phases.run = Some(began.elapsed().as_secs_f64());
    match result {
        Ok(()) => AttemptEnd::ended(Outcome::Ok, None, phases),
        Err(failure) => failure.end(push, phases),
    }
}

/// Opens a session, and waits until something may be done on it.
async fn begin(
    shared: &Arc<Shared>,
    route: &Arc<Route>,
    connect_timeout: Option<Duration>,
    permit: Permit<'_>,
    cancel: &CancellationToken,
    phases: &mut Phases,
) -> Result<Session, SshError> {
    let errand = Errand {
        route,
        connect_timeout,
        cancel,
        stage: &|_| {},
    };
    let session = open(shared, &errand, phases).await?;
    permitted(permit, session.lease.connection(), cancel).await?;
    Ok(session)
}

impl Failure {
    fn end(self, push: &PushSpec, phases: Phases) -> AttemptEnd {
        let dest = &push.dest;
        let (outcome, detail) = match self {
            Self::Host(why) => (
                Outcome::Failed(1),
                format!("{dest} was not replaced: {why}."),
            ),
            Self::Lost(why) => (
                Outcome::Unreachable,
                format!("{dest} was not replaced: the connection was lost ({why})."),
            ),
            Self::Unknown(why) => (
                Outcome::InDoubt,
                format!(
                    "Whether {dest} was replaced is not known: {why}. It is whole in any case; look on the host which one it is."
                ),
            ),
            Self::Here(why) => (Outcome::NotStarted, why),
            Self::TimedOut => (
                Outcome::TimedOut,
                format!("{dest} was not replaced: the time was up."),
            ),
            Self::Cancelled => (Outcome::Cancelled, format!("{dest} was not replaced.")),
        };
        AttemptEnd::ended(outcome, detail, phases)
    }
}

/// One push on an open channel.
struct Push<'a> {
    spec: &'a PushSpec,
    user: &'a str,
    cancel: &'a CancellationToken,
}

impl Push<'_> {
    async fn work(&self, session: Session) -> Result<(), Failure> {
        let Session {
            lease,
            channel,
            place: _place,
        } = session;
        let deadline = self.spec.timeout.map(|limit| Instant::now() + limit);
        let ended = lease.connection().ended_token();
        let mut transfer = None;
        let upload = async {
            let opened = transfer.insert(Transfer::open(channel).await?);
            opened.upload(self.spec, self.run_as().is_some()).await
        };
        let uploaded = tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Failure::Cancelled),
            () = until(deadline) => Err(Failure::TimedOut),
            result = upload => result,
            () = ended.cancelled() => Err(Failure::Lost(lease.connection().farewell())),
        };
        let result = match (&uploaded, &transfer) {
            (Ok(uploaded), Some(transfer)) => {
                self.put(lease.connection(), transfer, uploaded).await
            }
            _ => uploaded.map(drop),
        };
        if let (Err(_), Some(transfer)) = (&result, &transfer) {
            let _ = tokio::time::timeout(CLEANING, transfer.clean_up()).await;
        }
        result
    }

    /// The right to become root, unless the login is root already.
    fn run_as(&self) -> Option<RunAs> {
        let method = self.spec.run_as.filter(|_| self.user != "root")?;
        Some(RunAs {
            user: "root".into(),
            method,
        })
    }

    /// The last request, and what to do where the host cannot check or cannot run anything.
    async fn put(
        &self,
        connection: &super::connect::Connection,
        transfer: &Transfer,
        uploaded: &Uploaded,
    ) -> Result<(), Failure> {
        let run_as = self
            .run_as()
            .filter(|_| uploaded.staged.is_some() || self.spec.owner.is_some());
        let mut placing = Placing {
            push: self.spec,
            uploaded,
            run_as,
            checked: false,
        };
        let ask = |placing: &Placing<'_>| {
            let line = placing
                .line()
                .map_err(|error| Failure::Here(error.to_string()));
            async {
                tokio::time::timeout(PLACING, place::ask(connection, line?))
                    .await
                    .unwrap_or(Ok(Answer::Late))
            }
        };
        let mut answer = ask(&placing).await?;
        if answer == Answer::CannotCheck {
            transfer.read_back(uploaded).await?;
            placing.checked = true;
            answer = ask(&placing).await?;
        }
        match answer {
            Answer::Placed => Ok(()),
            Answer::Refused(why) => Err(Failure::Host(why)),
            Answer::NoShell if self.spec.owner.is_none() && uploaded.staged.is_none() => {
                transfer.read_back(uploaded).await?;
                transfer.rename(uploaded).await
            }
            Answer::NoShell => Err(Failure::Host(
                "the host runs no commands, so its owner cannot be set".into(),
            )),
            Answer::CannotCheck => Err(Failure::Host("the host cannot check it".into())),
            Answer::Late => Err(Failure::Unknown("the host did not answer in time".into())),
            Answer::Lost => Err(Failure::Unknown(format!(
                "the connection was lost ({})",
                connection.farewell()
            ))),
        }
    }
}

impl From<SshError> for Failure {
    fn from(error: SshError) -> Self {
        Self::Lost(error.to_string())
    }
}

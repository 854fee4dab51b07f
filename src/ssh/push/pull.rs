//! Files from hosts, whole or not at all: under a temporary name, synced, then renamed.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::super::clock::random;
use super::super::end::AttemptEnd;
use super::super::exec::open::Session;
use super::super::exec::plain::until;
use super::super::front::Shared;
use super::super::route::Route;
use super::super::sink::Permit;
use super::super::spec::PullSpec;
use super::transfer::Transfer;
use super::{Failure, begin};
use crate::run::outcome::Outcome;
use crate::run::phases::Phases;

/// Fetches a file.
pub(crate) async fn run(
    shared: &Arc<Shared>,
    route: &Arc<Route>,
    pull: &PullSpec,
    permit: Permit<'_>,
    cancel: &CancellationToken,
) -> AttemptEnd {
    let mut phases = Phases::default();
    let session = match begin(
        shared,
        route,
        pull.connect_timeout,
        permit,
        cancel,
        &mut phases,
    )
    .await
    {
        Ok(session) => session,
        Err(error) => return AttemptEnd::before_start(&error, phases),
    };
    let began = Instant::now();
    let result = fetch(pull, session, cancel).await;
    phases.run = Some(began.elapsed().as_secs_f64());
    match result {
        Ok(size) => {
            let told = format!(
                "{size} bytes of {} are in {}",
                pull.source,
                pull.dest.display()
            );
            AttemptEnd::ended(Outcome::Ok, told, phases)
        }
        Err(failure) => end(failure, pull, phases),
    }
}

async fn fetch(
    pull: &PullSpec,
    session: Session,
    cancel: &CancellationToken,
) -> Result<u64, Failure> {
    let Session {
        lease,
        channel,
        place: _place,
    } = session;
    let deadline = pull.timeout.map(|limit| Instant::now() + limit);
    let ended = lease.connection().ended_token();
    let part = Part::beside(&pull.dest)?;
    let work = async {
        let transfer = Transfer::open(channel).await?;
        let mut file = part.create()?;
        let mut size = 0;
        transfer
            .download(&pull.source, pull.limit, |piece| {
                size += piece.len() as u64;
                file.write_all(piece).map_err(|error| part.failed(&error))
            })
            .await?;
        part.put(file, &pull.dest).await?;
        Ok(size)
    };
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Failure::Cancelled),
        () = until(deadline) => Err(Failure::TimedOut),
        result = work => result,
        () = ended.cancelled() => Err(Failure::Lost(lease.connection().farewell())),
    }
}

/// A file on its way, removed unless it came to its place.
struct Part(PathBuf);

impl Part {
    fn beside(dest: &Path) -> Result<Self, Failure> {
        let parent = dest.parent();
        let parent =
            parent.ok_or_else(|| Failure::Host("its place here has no directory".into()))?;
        Ok(Self(parent.join(format!(".conn-pull-{:016x}", random()))))
    }

    fn create(&self) -> Result<std::fs::File, Failure> {
        let mut options = std::fs::OpenOptions::new();
        let options = options.write(true).create_new(true).mode(0o600);
        options.open(&self.0).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        Failure::Host(format!("{} cannot be written: {error}", self.0.display()))
    }

    async fn put(&self, file: std::fs::File, dest: &Path) -> Result<(), Failure> {
        let (part, dest) = (self.0.clone(), dest.to_owned());
        let synced = tokio::task::spawn_blocking(move || {
            file.sync_all()?;
            std::fs::rename(part, dest)
        });
        let synced = synced
            .await
            .map_err(|error| Failure::Host(error.to_string()))?;
        synced.map_err(|error| self.failed(&error))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After the rename there is nothing of that name.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn end(failure: Failure, pull: &PullSpec, phases: Phases) -> AttemptEnd {
    let source = &pull.source;
    let (outcome, why) = match failure {
        Failure::Host(why) | Failure::Here(why) => (Outcome::Failed(1), why),
        Failure::Lost(why) | Failure::Unknown(why) => (
            Outcome::Unreachable,
            format!("the connection was lost ({why})"),
        ),
        Failure::TimedOut => (Outcome::TimedOut, "the time was up".to_owned()),
        Failure::Cancelled => (Outcome::Cancelled, "it was cancelled".to_owned()),
    };
    AttemptEnd::ended(outcome, format!("{source} was not fetched: {why}."), phases)
}

//! A channel to run something on: a connection from the pool, a place on it, and a session.

use std::sync::Arc;
use std::time::Duration;

use russh::Channel;
use russh::client::Msg;
use tokio_util::sync::CancellationToken;

use super::super::clock::{Bounds, timed};
use super::super::connect::{OpenError, Wish};
use super::super::error::SshError;
use super::super::front::Shared;
use super::super::pool::{Lease, Leased, Place};
use super::super::route::{Hop, Route};
use super::super::sink::Stage;
use crate::run::phases::Phases;

/// How often a host may refuse the only session of a connection before we believe it.
const ALONE: u32 = 3;

/// How long after a refusal a session is asked for again.
const PAUSE: Duration = Duration::from_millis(50);

/// An open session channel, with what keeps its connection and its place.
pub(crate) struct Session {
    pub lease: Lease,
    pub channel: Channel<Msg>,
    pub place: Place,
}

/// What an attempt needs a channel for.
pub(crate) struct Errand<'a> {
    pub route: &'a Arc<Route>,
    pub connect_timeout: Option<Duration>,
    pub cancel: &'a CancellationToken,
    pub stage: &'a (dyn Fn(Stage) + Send + Sync),
}

/// Opens a session channel. A pooled connection that turns out to be dead is replaced once:
/// nothing has been asked of the host by then.
pub(crate) async fn open(
    shared: &Arc<Shared>,
    errand: &Errand<'_>,
    phases: &mut Phases,
) -> Result<Session, SshError> {
    let options = &errand.route.options;
    let whole = errand.connect_timeout.or(options.connect_timeout);
    let whole = whole.unwrap_or(shared.settings.timeouts.connect);
    let wish = Wish {
        hop: Hop::target(errand.route),
        whole,
        cancel: errand.cancel,
        stage: errand.stage,
    };
    let mut stale = false;
    loop {
        let found = shared.pool.lease(shared, &wish, phases).await?;
        let reused = found.reused;
        match session(shared, errand, found, whole, phases).await {
            Err(SshError::Lost { .. } | SshError::Timeout { .. }) if reused && !stale => {
                stale = true;
            }
            result => return result,
        }
    }
}

async fn session(
    shared: &Shared,
    errand: &Errand<'_>,
    found: Leased,
    whole: Duration,
    phases: &mut Phases,
) -> Result<Session, SshError> {
    let lease = found.lease;
    let mut alone = 0;
    loop {
        let place = place(&lease, errand.cancel).await?;
        (errand.stage)(Stage::Opening);
        let others = lease.slot().busy() > 1;
        let bounds = Bounds::new(whole, errand.cancel);
        let limit = shared.settings.timeouts.open;
        let open = async { Ok(lease.connection().open_session().await) };
        let attempt = bounds.phase("Opening a channel", limit, open);
        match timed(&mut phases.open, attempt).await {
            Ok(Ok(channel)) => {
                return Ok(Session {
                    lease,
                    channel,
                    place,
                });
            }
            Ok(Err(OpenError::Lost(why))) => {
                lease.discard();
                return Err(SshError::Lost { why });
            }
            Ok(Err(OpenError::Refused(reason))) => {
                alone += u32::from(!others);
                if alone > ALONE {
                    let what = format!("would not open a session ({reason:?})");
                    return Err(SshError::Denied { what });
                }
                // sshd has fewer places than we thought (MaxSessions), or is still tidying one up.
                place.give_up();
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => {
                if matches!(error, SshError::Timeout { .. }) {
                    lease.discard();
                }
                return Err(error);
            }
        }
    }
}

/// A place among the sessions of the connection; waits while all are taken.
async fn place(lease: &Lease, cancel: &CancellationToken) -> Result<Place, SshError> {
    let gone = || SshError::Lost {
        why: lease.connection().farewell(),
    };
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(SshError::Cancelled),
        place = lease.slot().session() => place.ok_or_else(gone),
        () = lease.connection().ended() => { lease.discard(); Err(gone()) }
    }
}

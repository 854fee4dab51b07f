//! From a hop to an authenticated connection: resolve, TCP, key exchange, authentication, each
//! timed and bounded by itself.
//!
//! A connection that is not finished never outlives its future: its stream is switched off.

mod accepted;
mod algorithms;
mod configs;
mod connection;
mod guard;
mod handshake;
mod proxy;
mod stream;
mod tcp;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::SemaphorePermit;
use tokio_util::sync::CancellationToken;

pub(crate) use accepted::Accepted;
pub(crate) use configs::Configs;
pub(crate) use connection::{Connection, OpenError};
pub(crate) use guard::{Guard, Notes};
use handshake::Greeted;
use proxy::Complaint;
use stream::{Carrier, Switch};

use super::auth::{self, Candidates};
use super::clock::{Bounds, timed};
use super::error::SshError;
use super::front::Shared;
use super::pool::Lease;
use super::route::Hop;
use super::sink::Stage;
use crate::run::phases::Phases;

/// How often a host may hang up in the handshake before we believe it.
const TRIES: u32 = 4;

/// Who wants a connection, how long it may take, and who is told how it goes.
pub(crate) struct Wish<'a> {
    pub hop: Hop,
    /// All phases together.
    pub whole: Duration,
    pub cancel: &'a CancellationToken,
    pub stage: &'a (dyn Fn(Stage) + Send + Sync),
}

/// Makes one connection, through the jump hosts before it.
pub(crate) async fn connect(
    shared: &Arc<Shared>,
    wish: &Wish<'_>,
    phases: &mut Phases,
) -> Result<Connection, SshError> {
    (wish.stage)(Stage::Connecting);
    let candidates = auth::gather(shared, &wish.hop).await?;
    let via = through(shared, wish).await?;
    let _slot = slot(shared, wish.cancel).await?;
    let bounds = Bounds::new(wish.whole, wish.cancel);
    let greeting = Box::pin(greet(shared, &wish.hop, via.as_ref(), &bounds, phases));
    let mut greeted = greeting.await?;
    (wish.stage)(Stage::Authenticating);
    let login = Box::pin(log_in(shared, &wish.hop, &mut greeted, candidates));
    let login = bounds.phase("Authentication", shared.settings.timeouts.auth, login);
    timed(&mut phases.auth, login).await?;
    Ok(greeted.into_connection(via))
}

async fn log_in(
    shared: &Arc<Shared>,
    hop: &Hop,
    greeted: &mut Greeted,
    candidates: Candidates,
) -> Result<(), SshError> {
    let Greeted { handle, notes, .. } = greeted;
    let user = hop.user(&shared.settings.default_user);
    let limits = &shared.settings.timeouts;
    let result = auth::authenticate(handle, notes, user, &candidates, limits).await;
    if result.is_err() {
        candidates.stale(shared).await;
    }
    result
}

/// A place among those that connect at the same time.
async fn slot<'a>(
    shared: &'a Shared,
    cancel: &CancellationToken,
) -> Result<SemaphorePermit<'a>, SshError> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(SshError::Cancelled),
        slot = shared.connecting.acquire() => slot.map_err(|_| SshError::Cancelled),
    }
}

/// The connection to the jump host before this hop, from the pool. It is asked for before a slot
/// is taken: a slot is never held while another is waited for.
async fn through(shared: &Arc<Shared>, wish: &Wish<'_>) -> Result<Option<Lease>, SshError> {
    let Some(hop) = wish.hop.previous() else {
        return Ok(None);
    };
    let name = hop.options().host.clone();
    let wish = Wish {
        hop,
        whole: wish.whole,
        cancel: wish.cancel,
        stage: wish.stage,
    };
    let mut phases = Phases::default(); // the jump host's time is not this host's
    let lease = Box::pin(shared.pool.lease(shared, &wish, &mut phases)).await;
    lease
        .map(|found| Some(found.lease))
        .map_err(|error| match error {
            SshError::Cancelled => SshError::Cancelled,
            error => SshError::Jump {
                hop: name,
                error: Box::new(error),
            },
        })
}

/// Transport and key exchange, again when the host hangs up as an overloaded sshd does.
async fn greet(
    shared: &Arc<Shared>,
    hop: &Hop,
    via: Option<&Lease>,
    bounds: &Bounds,
    phases: &mut Phases,
) -> Result<Greeted, SshError> {
    let config = shared.configs.of(hop, &shared.settings)?;
    let mut tries = 1;
    loop {
        let (carrier, complaint) = reach(shared, hop, via, bounds, phases).await?;
        let greeting = handshake::greet(&config, carrier, hop, &shared.accepted);
        let greeting = bounds.phase("The key exchange", shared.settings.timeouts.kex, greeting);
        match Box::pin(timed(&mut phases.kex, greeting)).await {
            Err(SshError::Dropped { said, .. }) => {
                let pause = pause_before(tries);
                if let Some(complaint) = complaint
                    && let Some(why) = complaint.last_line().await
                {
                    return Err(SshError::Proxy { why });
                }
                if tries == TRIES || pause >= bounds.left() {
                    return Err(SshError::Dropped { tries, said });
                }
                let rest = async {
                    tokio::time::sleep(pause).await;
                    Ok(())
                };
                bounds.phase("The pause", pause * 2, rest).await?;
                tries += 1;
            }
            result => return result,
        }
    }
}

/// Longer each time, and not the same for hosts that were hung up on together.
fn pause_before(tries: u32) -> Duration {
    let spread = super::clock::random() % 400;
    Duration::from_millis(150 + spread) * tries
}

/// The stream to this hop: a socket, the jump host's forwarded channel, or a child process.
async fn reach(
    shared: &Arc<Shared>,
    hop: &Hop,
    via: Option<&Lease>,
    bounds: &Bounds,
    phases: &mut Phases,
) -> Result<(Box<dyn Carrier>, Option<Complaint>), SshError> {
    let limits = &shared.settings.timeouts;
    let options = hop.options();
    if let Some(lease) = via {
        let open = lease
            .connection()
            .open_forward(&options.hostname, options.port);
        let open = bounds.phase("The way through the jump host", limits.tcp, open);
        let channel = timed(&mut phases.tcp, open).await?;
        return Ok((Box::new(channel), None));
    }
    if let Some(command) = &options.proxy_command {
        let (proxy, complaint) = proxy::start(command)?;
        return Ok((Box::new(proxy), Some(complaint)));
    }
    let resolve = bounds.phase("Name resolution", limits.resolve, tcp::resolve(options));
    let addresses = timed(&mut phases.resolve, resolve).await?;
    let dial = bounds.phase(
        "The TCP connection",
        limits.tcp,
        tcp::connect(&addresses, options.bind_address.as_deref()),
    );
    let stream = timed(&mut phases.tcp, dial).await?;
    Ok((Box::new(stream), None))
}

/// russh's errors in words of ours.
pub(crate) fn words(error: &russh::Error) -> String {
    use russh::Error;
    match error {
        Error::Disconnect | Error::HUP => "the host hung up".into(),
        Error::IO(why) if why.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the host hung up".into()
        }
        Error::IO(why) => why.to_string(),
        Error::KeepaliveTimeout => "the host did not answer keepalives".into(),
        Error::InactivityTimeout => "the host was silent".into(),
        Error::SendError | Error::RecvError => "the connection had ended".into(),
        other => {
            let text = other.to_string();
            super::error::plain(text.trim_end_matches('.'))
        }
    }
}

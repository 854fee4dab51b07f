//! Identification, key exchange and host key check.

use std::sync::Arc;

use russh::client::{self, Handle};
use russh::{AlgorithmKind, Error};

use super::super::error::{SshError, plain};
use super::super::pool::Lease;
use super::super::route::Hop;
use super::stream::Switched;
use super::{Accepted, Carrier, Connection, Guard, Notes, Switch, words};

/// A connection whose host is known and who knows nobody yet. Dropping it ends it.
pub(super) struct Greeted {
    pub handle: Handle<Guard>,
    pub notes: Arc<Notes>,
    off: OffOnDrop,
}

impl Greeted {
    pub fn into_connection(mut self, via: Option<Lease>) -> Connection {
        let switch = self.off.disarm();
        Connection::new(self.handle, switch, self.notes, via)
    }
}

/// Switches a stream off unless told otherwise.
struct OffOnDrop(Arc<Switch>, bool);

impl OffOnDrop {
    fn disarm(&mut self) -> Arc<Switch> {
        self.1 = false;
        Arc::clone(&self.0)
    }
}

impl Drop for OffOnDrop {
    fn drop(&mut self) {
        if self.1 {
            self.0.turn_off();
        }
    }
}

/// Speaks SSH over the stream up to the point where keys can be offered.
pub(super) async fn greet(
    config: &Arc<client::Config>,
    carrier: Box<dyn Carrier>,
    hop: &Hop,
    accepted: &Arc<Accepted>,
) -> Result<Greeted, SshError> {
    let (stream, switch) = Switched::new(carrier);
    let off = OffOnDrop(Arc::clone(&switch), true);
    let (guard, notes) = Guard::new(hop, Arc::clone(accepted));
    match client::connect_stream(Arc::clone(config), stream, guard).await {
        Ok(handle) => Ok(Greeted { handle, notes, off }),
        Err(error) => Err(failure(&error, &notes, &switch)),
    }
}

fn failure(error: &Error, notes: &Notes, switch: &Switch) -> SshError {
    if let Some(refusal) = notes.take_refusal() {
        return SshError::HostKey(Box::new(refusal));
    }
    let said = switch.said();
    let why = match error {
        Error::Disconnect | Error::HUP | Error::SendError => return dropped(said),
        Error::IO(why) if hung_up(why.kind()) => return dropped(said),
        Error::Version => "it does not identify itself as an SSH server".to_owned(),
        Error::NoCommonAlgo { kind, ours, theirs } => no_common(kind, ours, theirs),
        Error::WrongServerSig => "the host's signature does not fit its key".to_owned(),
        other => words(other),
    };
    let said = said.map_or_else(String::new, |said| format!(" (it said: \"{said}\")"));
    SshError::Handshake { why: why + &said }
}

fn hung_up(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        kind,
        UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe
    )
}

fn dropped(said: Option<String>) -> SshError {
    SshError::Dropped {
        tries: 1,
        said: said.map_or_else(String::new, |said| format!(", saying \"{said}\"")),
    }
}

fn no_common(kind: &AlgorithmKind, ours: &[String], theirs: &[String]) -> String {
    let theirs_text = plain(&theirs.join(", "));
    let what = match kind {
        AlgorithmKind::Kex => "key exchange",
        AlgorithmKind::Key => "host key algorithm",
        AlgorithmKind::Cipher => "cipher",
        AlgorithmKind::Compression => "compression",
        AlgorithmKind::Mac => "MAC",
    };
    format!(
        "no common {what}: we offer {}; the host offers {theirs_text}",
        ours.join(", ")
    )
}

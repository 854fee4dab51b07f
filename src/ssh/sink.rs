//! Where an attempt's output and progress go while it runs.

use bytes::Bytes;
use futures::future::BoxFuture;

use super::spec::RemoteProcess;
use crate::run::output::OutStream;

/// Where an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Waits for a slot to connect in, or connects.
    Connecting,
    /// Offers keys.
    Authenticating,
    /// Opens a channel.
    Opening,
    /// The command was sent.
    Running,
    /// Looks for a durable attempt whose connection was lost.
    Reattaching,
    /// Kills the command.
    Cancelling,
}

/// Takes what an attempt gives.
pub trait Sink: Send + Sync {
    /// Bytes of a stream; `offset` counts from the stream's first byte. May wait: the host is then
    /// slowed down, and only that host.
    fn output(&self, stream: OutStream, offset: u64, bytes: Bytes) -> BoxFuture<'_, ()>;

    /// The command was sent. A durable one says which process it is, once the host has told.
    fn started(&self, process: Option<RemoteProcess>);

    /// The attempt has reached a stage.
    fn stage(&self, stage: Stage);
}

/// Resolves when the intent to start is durable. It is awaited when the channel is open, before
/// the command is sent; an error means: do not start, and why.
pub type Permit<'a> = BoxFuture<'a, Result<(), String>>;

//! An authenticated connection.

use std::sync::Arc;
use std::time::Duration;

use russh::client::{Handle, Msg};
use russh::{Channel, ChannelOpenFailure, ChannelStream, Disconnect, Error};

use tokio_util::sync::CancellationToken;

use super::super::error::SshError;
use super::super::pool::Lease;
use super::{Guard, Notes, Switch, words};

/// How long a host may take to hang up after our goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// An authenticated connection. Dropping it ends it, and whatever runs on its channels is cut off.
pub(crate) struct Connection {
    handle: Handle<Guard>,
    switch: Arc<Switch>,
    notes: Arc<Notes>,
    /// Keeps the jump host's connection while this one lives.
    _via: Option<Lease>,
}

impl Connection {
    pub(super) fn new(
        handle: Handle<Guard>,
        switch: Arc<Switch>,
        notes: Arc<Notes>,
        via: Option<Lease>,
    ) -> Self {
        Self {
            handle,
            switch,
            notes,
            _via: via,
        }
    }

    pub fn is_alive(&self) -> bool {
        !self.handle.is_closed() && !self.notes.ended.is_cancelled()
    }

    /// Resolves when the connection has ended.
    pub async fn ended(&self) {
        self.notes.ended.cancelled().await;
    }

    pub fn ended_token(&self) -> CancellationToken {
        self.notes.ended.clone()
    }

    /// Why it ended.
    pub fn farewell(&self) -> String {
        self.notes
            .farewell()
            .map_or_else(|| "the host hung up".to_owned(), |words| words.to_string())
    }

    pub fn banner(&self) -> Option<String> {
        self.notes.banner()
    }

    /// Ends the connection now, without a goodbye: the host does not answer anyway.
    pub fn cut(&self) {
        self.switch.turn_off();
    }

    pub async fn open_session(&self) -> Result<Channel<Msg>, OpenError> {
        self.handle
            .channel_open_session()
            .await
            .map_err(|error| self.open_error(&error))
    }

    /// A stream to another host, seen from this one.
    pub async fn open_forward(
        &self,
        host: &str,
        port: u16,
    ) -> Result<ChannelStream<Msg>, SshError> {
        let open = self
            .handle
            .channel_open_direct_tcpip(host, u32::from(port), "127.0.0.1", 0)
            .await;
        match open.map_err(|error| self.open_error(&error)) {
            Ok(channel) => Ok(channel.into_stream()),
            Err(OpenError::Refused(reason)) => Err(SshError::Tcp {
                address: format!("{host}:{port}"),
                why: format!("the jump host refuses to forward it ({reason:?})"),
            }),
            Err(OpenError::Lost(why)) => Err(SshError::Lost { why }),
        }
    }

    fn open_error(&self, error: &Error) -> OpenError {
        match error {
            Error::ChannelOpenFailure(reason) => OpenError::Refused(reason.clone()),
            Error::Disconnect | Error::SendError => OpenError::Lost(self.farewell()),
            other => OpenError::Lost(words(other)),
        }
    }

    /// Resolves when the host has answered everything it was sent before, or is gone.
    pub async fn ping(&self) {
        let _ = self.handle.send_ping().await;
    }

    /// Says goodbye and waits, but not for long.
    pub async fn close(&self) {
        let goodbye = async {
            let _ = self
                .handle
                .disconnect(Disconnect::ByApplication, "", "en")
                .await;
            self.ended().await;
        };
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
        self.cut();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.switch.turn_off();
    }
}

/// Why a channel did not open.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// The connection is of no use any more.
    Lost(String),
    /// The host would not.
    Refused(ChannelOpenFailure),
}

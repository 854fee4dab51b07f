//! What russh asks us while a connection lives: is this the host's key, and nothing else.
//!
//! Everything a server may open towards us is refused: russh's own defaults accept it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use russh::keys::{HashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{Channel, client};
use tokio_util::sync::CancellationToken;

use super::super::error::{HostKeyRefusal, plain};
use super::super::route::Hop;
use super::accepted::Accepted;
use crate::trust::known_hosts::{KnownHosts, Verdict, VerdictKind};
use crate::trust::ssh_config::StrictHostKey;

/// A banner longer than this is cut.
const MAX_BANNER: usize = 8 * 1024;

/// What is learned about a connection besides its data.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    refusal: Mutex<Option<HostKeyRefusal>>,
    banner: Mutex<String>,
    farewell: Mutex<Option<Farewell>>,
    /// Cancelled when russh's task for the connection has ended.
    pub ended: CancellationToken,
}

impl Notes {
    pub fn take_refusal(&self) -> Option<HostKeyRefusal> {
        lock(&self.refusal).take()
    }

    pub fn banner(&self) -> Option<String> {
        let banner = lock(&self.banner);
        (!banner.is_empty()).then(|| banner.clone())
    }

    /// Why the connection ended, where that is known.
    pub fn farewell(&self) -> Option<Farewell> {
        lock(&self.farewell).clone()
    }
}

/// How a connection ended.
#[derive(Debug, Clone)]
pub(crate) enum Farewell {
    /// The host ended it, with these words.
    Said(String),
    /// It broke.
    Broke(String),
}

impl Farewell {
    pub fn is_the_hosts_word(&self) -> bool {
        matches!(self, Self::Said(_))
    }
}

impl std::fmt::Display for Farewell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Said(words) => write!(f, "the host said \"{words}\""),
            Self::Broke(words) => f.write_str(words),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// russh's handler of one connection. It lives as long as that, so it keeps only what a later key
/// exchange needs of the way to the host.
pub(crate) struct Guard {
    name: Box<str>,
    port: u16,
    known: Arc<KnownHosts>,
    /// The way to a host whose options say that an unknown key may be taken.
    open: Option<Hop>,
    notes: Arc<Notes>,
    accepted: Arc<Accepted>,
}

impl Guard {
    pub fn new(hop: &Hop, accepted: Arc<Accepted>) -> (Self, Arc<Notes>) {
        let notes = Arc::new(Notes::default());
        let (name, port) = hop.key_name();
        let open = hop.options().strict_host_key_checking == StrictHostKey::AcceptNew;
        (
            Self {
                name: name.into(),
                port,
                known: Arc::clone(hop.known()),
                open: open.then(|| hop.clone()),
                notes: Arc::clone(&notes),
                accepted,
            },
            notes,
        )
    }

    fn judge(&self, presented: &PublicKeyOrCertificate) -> Verdict {
        let (name, port, known) = (&*self.name, self.port, &self.known);
        match presented {
            PublicKeyOrCertificate::Certificate(certificate) => {
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                known.check_certificate(name, port, certificate, now.as_secs())
            }
            PublicKeyOrCertificate::PublicKey { key, .. } => known.check_key(name, port, key),
        }
    }

    /// Whether an unknown key may be taken because the host's options say `accept-new`.
    fn may_accept(&self, verdict: &Verdict, key: &PublicKeyOrCertificate) -> bool {
        let Some(hop) = &self.open else {
            return false;
        };
        verdict.kind == VerdictKind::Unknown
            && matches!(key, PublicKeyOrCertificate::PublicKey { .. })
            && self
                .accepted
                .accept(hop.key_name(), hop.options(), &key.public_key())
    }

    fn refuse(&self, verdict: Verdict, key: &PublicKey) {
        *lock(&self.notes.refusal) = Some(HostKeyRefusal {
            kind: verdict.kind,
            presented: key.fingerprint(HashAlg::Sha256).to_string(),
            known: verdict.known,
            lines: verdict.lines,
            reason: verdict.reason,
        });
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.notes.ended.cancel();
    }
}

impl client::Handler for Guard {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        presented: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let verdict = self.judge(presented);
        if verdict.kind.is_trusted() || self.may_accept(&verdict, presented) {
            return Ok(true);
        }
        self.refuse(verdict, &presented.public_key());
        Ok(false)
    }

    async fn auth_banner(
        &mut self,
        text: &str,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        let mut banner = lock(&self.notes.banner);
        let room = MAX_BANNER.saturating_sub(banner.len());
        banner.extend(text.chars().take(room / 4));
        Ok(())
    }

    async fn disconnected(
        &mut self,
        reason: client::DisconnectReason<Self::Error>,
    ) -> Result<(), Self::Error> {
        let (words, result) = match reason {
            client::DisconnectReason::ReceivedDisconnect(info) => {
                (Farewell::Said(plain(&info.message)), Ok(()))
            }
            client::DisconnectReason::Error(error @ russh::Error::NoAuthMethod) => (
                Farewell::Said("it takes no further keys".to_owned()),
                Err(error),
            ),
            client::DisconnectReason::Error(error) => {
                (Farewell::Broke(super::words(&error)), Err(error))
            }
        };
        *lock(&self.notes.farewell) = Some(words);
        result
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _: Channel<client::Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: client::ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        drop(reply);
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _: Channel<client::Msg>,
        _: &str,
        reply: client::ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        drop(reply);
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _: Channel<client::Msg>,
        reply: client::ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        drop(reply);
        Ok(())
    }

    async fn server_channel_open_session(
        &mut self,
        _: Channel<client::Msg>,
        reply: client::ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        drop(reply);
        Ok(())
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _: Channel<client::Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: client::ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        drop(reply);
        Ok(())
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _: Channel<client::Msg>,
        _: &str,
        reply: client::ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        drop(reply);
        Ok(())
    }

    async fn server_channel_open_x11(
        &mut self,
        _: Channel<client::Msg>,
        _: &str,
        _: u32,
        reply: client::ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        drop(reply);
        Ok(())
    }
}

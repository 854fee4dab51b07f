//! One connection to a demo host: who may come in, and what a channel may ask for.

use std::sync::Arc;
use std::time::Duration;

use russh::keys::ssh_key::public::KeyData;
use russh::server::{
    Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, MethodKind, MethodSet, SshId};
use tokio::net::TcpStream;

use super::fleet::Directory;
use super::host::Host;
use super::roster::Quirk;
use super::session;

/// How many sessions one connection may have open, as sshd's `MaxSessions`.
const MAX_SESSIONS: usize = 10;

/// How every demo host speaks SSH, but for its key.
pub fn config(host_key: russh::keys::PrivateKey) -> Config {
    Config {
        server_id: SshId::Standard("SSH-2.0-conn_demo".into()),
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        auth_rejection_time: Duration::from_millis(20),
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![host_key],
        inactivity_timeout: None,
        keepalive_interval: Some(Duration::from_secs(30)),
        nodelay: true,
        ..Config::default()
    }
}

/// Answers one client of one host.
pub struct Door {
    host: Arc<Host>,
    client_key: Arc<KeyData>,
    directory: Arc<Directory>,
    user: String,
    sessions: Arc<()>,
}

impl Door {
    /// A door of `host` that opens for `client_key`.
    pub fn new(host: Arc<Host>, client_key: Arc<KeyData>, directory: Arc<Directory>) -> Self {
        Self {
            host,
            client_key,
            directory,
            user: String::new(),
            sessions: Arc::new(()),
        }
    }

    fn lets_in(&self, user: &str, key: &KeyData) -> Auth {
        let welcome = self.host.role().quirk != Some(Quirk::NoEntry)
            && *key == *self.client_key
            && is_user_name(user);
        if welcome {
            Auth::Accept
        } else {
            Auth::reject()
        }
    }
}

/// Names that make harmless paths.
fn is_user_name(user: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (1..=32).contains(&user.len()) && user.chars().all(plain)
}

/// What sshd's `AcceptEnv` lets through on Debian, and our own.
pub fn accepts_variable(name: &str) -> bool {
    name == "LANG" || name.starts_with("LC_") || name.starts_with("CONN_")
}

impl Handler for Door {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.lets_in(user, offer.public_key.key_data()))
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        user.clone_into(&mut self.user);
        Ok(self.lets_in(user, key.public_key.key_data()))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if Arc::strong_count(&self.sessions) > MAX_SESSIONS {
            reply
                .reject(ChannelOpenFailure::AdministrativelyProhibited)
                .await;
            return Ok(());
        }
        reply.accept().await;
        let seat = Arc::clone(&self.sessions);
        let served = session::serve(
            channel,
            session.handle(),
            Arc::clone(&self.host),
            self.user.clone(),
        );
        tokio::spawn(async move {
            served.await;
            drop(seat);
        });
        Ok(())
    }

    /// Other hosts of the fleet may be reached through this one, and nothing else.
    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host_to_connect: &str,
        port_to_connect: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(address) = self.directory.find(host_to_connect, port_to_connect) else {
            reply
                .reject(ChannelOpenFailure::AdministrativelyProhibited)
                .await;
            return Ok(());
        };
        match TcpStream::connect(address).await {
            Ok(mut stream) => {
                reply.accept().await;
                tokio::spawn(async move {
                    // Either side's end is the end of both; there is nobody to tell why.
                    let _ = tokio::io::copy_bidirectional(&mut channel.into_stream(), &mut stream)
                        .await;
                });
            }
            Err(_) => reply.reject(ChannelOpenFailure::ConnectFailed).await,
        }
        Ok(())
    }

    // The session's own task acts on these requests; here they are only answered, in order.

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        _data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _col_width: u32,
        _row_height: u32,
        _pix_width: u32,
        _pix_height: u32,
        _modes: &[(russh::Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn window_change_request(
        &mut self,
        channel: ChannelId,
        _col_width: u32,
        _row_height: u32,
        _pix_width: u32,
        _pix_height: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        _value: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if accepts_variable(name) {
            session.channel_success(channel)
        } else {
            session.channel_failure(channel)
        }
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if name == "sftp" {
            session.channel_success(channel)
        } else {
            session.channel_failure(channel)
        }
    }
}

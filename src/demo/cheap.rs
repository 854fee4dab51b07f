//! The cheapest SSH server that a client can be measured against.
//!
//! Any number of hosts, told apart by their loopback address, behind one port and one host key.
//! It knows `true`, `hello`, `out BYTES`, `lines COUNT`, `sleep SECONDS` and `stall ONE_IN`, and
//! refuses whoever does not come from loopback. For benches only: nothing of it is believable.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{PrivateKey, PublicKey};
use russh::server::{
    Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::DemoError;
use super::fleet::{accept, converse};
use super::server::config;
use super::site::{new_key, quoted, write, write_private};

/// Hosts in one block of addresses, so that none ends in .0 or .255.
const BLOCK: usize = 250;
const BACKLOG: u32 = 4096;
/// Bytes in one write of `out`.
const CHUNK: usize = 32_000;
/// What `hello` says.
const HELLO: &[u8] = b"hello from a cheap host\n";
/// How long a host of `stall` says nothing.
const STALL: Duration = Duration::from_secs(20);
/// What wrapped commands hear of their process.
const PROCESS: &str = "4194304\n";
/// The number of standard error among a channel's extended data.
const STDERR: u32 = 1;

/// A server that has its port and its files, and does not answer yet.
pub struct Cheap {
    listener: TcpListener,
    config: Arc<Config>,
    client: Arc<KeyData>,
    unwrap: Unwrap,
    port: u16,
}

/// What to serve, and where to write the files that lead to it.
#[derive(Debug, Clone)]
pub struct Options {
    /// For `id_ed25519`, `hosts`, `targets`, `known_hosts`, `ssh_config` and their `.one` kind.
    pub dir: PathBuf,
    /// How many addresses the files name; the server answers on all of 127.0.0.0/8.
    pub hosts: usize,
    /// The port, or 0 for any.
    pub port: u16,
    /// The one key that is let in; without it one is made and written to `id_ed25519`.
    pub client: Option<PublicKey>,
    /// Finds the command in a request that a client wraps into shell text. What it does not know
    /// is a command as it stands.
    pub unwrap: Unwrap,
}

/// See [`Options::unwrap`].
pub type Unwrap = fn(&str) -> Option<Wrapped>;

/// A command in its wrapper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// What the wrapper would write to standard error before its process id and a line's end.
    pub mark: String,
    /// The command.
    pub command: String,
}

impl Cheap {
    /// Takes the port and writes the files. Needs a tokio runtime.
    pub fn bind(options: &Options) -> Result<Self, DemoError> {
        let listener = listen(options.port).map_err(|source| DemoError::Bind { source })?;
        let port = listener
            .local_addr()
            .map_err(|source| DemoError::Bind { source })?
            .port();
        let host_key = new_key()?;
        let client = match &options.client {
            Some(key) => key.key_data().clone(),
            None => new_client(&options.dir)?,
        };
        write_files(options, port, &host_key)?;
        Ok(Self {
            listener,
            config: Arc::new(Config {
                auth_rejection_time: Duration::ZERO,
                keepalive_interval: None,
                ..config(host_key)
            }),
            client: Arc::new(client),
            unwrap: options.unwrap,
            port,
        })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Serves for ever.
    pub async fn run(self) {
        let Self {
            listener,
            config,
            client,
            unwrap,
            ..
        } = self;
        accept(listener, |stream| {
            if is_loopback(&stream) {
                let door = Door {
                    client: Arc::clone(&client),
                    unwrap,
                    place: place(&stream),
                    channels: HashMap::new(),
                };
                tokio::spawn(converse(Arc::clone(&config), stream, door));
            }
        })
        .await;
    }
}

/// A socket for all of 127.0.0.0/8 is a socket for every address of the machine, so each
/// connection is looked at.
fn listen(port: u16) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))?;
    socket.listen(BACKLOG)
}

fn is_loopback(stream: &TcpStream) -> bool {
    [stream.peer_addr(), stream.local_addr()]
        .iter()
        .all(|end| end.as_ref().is_ok_and(|address| address.ip().is_loopback()))
}

fn new_client(dir: &Path) -> Result<KeyData, DemoError> {
    let key = new_key()?;
    let pem = key.to_openssh(LineEnding::LF).map_err(DemoError::key)?;
    write_private(&dir.join("id_ed25519"), pem.as_bytes())?;
    Ok(key.public_key().key_data().clone())
}

/// The address of host `index`: 127.0.1.1, 127.0.1.2 and so on.
pub fn address(index: usize) -> Ipv4Addr {
    let (block, place) = (index / BLOCK, index % BLOCK);
    Ipv4Addr::new(
        127,
        (block / BLOCK) as u8,
        (block % BLOCK) as u8 + 1,
        place as u8 + 1,
    )
}

fn write_files(options: &Options, port: u16, host_key: &PrivateKey) -> Result<(), DemoError> {
    let dir = &options.dir;
    let key = host_key.public_key().to_openssh().map_err(DemoError::key)?;
    let (mut hosts, mut known) = (String::new(), String::new());
    for ip in (0..options.hosts).map(address) {
        let _ = writeln!(hosts, "{ip}");
        let _ = writeln!(known, "[{ip}]:{port} {key}");
    }
    write(&dir.join("hosts"), &hosts)?;
    write(&dir.join("targets"), &targets(options.hosts))?;
    for (kind, known) in [("", known), (".one", format!("* {key}\n"))] {
        let known_hosts = dir.join(format!("known_hosts{kind}"));
        write(&known_hosts, &known)?;
        let text = ssh_config(&dir.join("id_ed25519"), &known_hosts, port);
        write(&dir.join(format!("ssh_config{kind}")), &text)?;
    }
    Ok(())
}

/// The hosts as one host set.
fn targets(hosts: usize) -> String {
    let blocks: Vec<String> = (0..hosts)
        .step_by(BLOCK)
        .map(|first| {
            let [a, b, c, _] = address(first).octets();
            format!("{a}.{b}.{c}.[1-{}]", (hosts - first).min(BLOCK))
        })
        .collect();
    blocks.join(",") + "\n"
}

fn ssh_config(key: &Path, known_hosts: &Path, port: u16) -> String {
    format!(
        "Host *\n  User bench\n  Port {port}\n  IdentityFile {}\n  IdentitiesOnly yes\n  \
         IdentityAgent none\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n  \
         StrictHostKeyChecking yes\n",
        quoted(key),
        quoted(known_hosts),
    )
}

/// Answers one client.
struct Door {
    client: Arc<KeyData>,
    unwrap: Unwrap,
    /// The number of the host that was called.
    place: u64,
    /// The sending halves of open channels; nothing that the client sends is kept.
    channels: HashMap<ChannelId, ChannelWriteHalf<Msg>>,
}

impl Door {
    fn lets_in(&self, key: &KeyData) -> Auth {
        if *key == *self.client {
            Auth::Accept
        } else {
            Auth::reject()
        }
    }
}

/// The number of the host that a connection came to: 1 for the first.
fn place(stream: &TcpStream) -> u64 {
    let Ok(SocketAddr::V4(address)) = stream.local_addr() else {
        return 0;
    };
    let [_, large, block, place] = address.ip().octets().map(u64::from);
    let blocks = large * BLOCK as u64 + block.saturating_sub(1);
    blocks * BLOCK as u64 + place
}

/// What one exec is to do.
#[derive(Debug, PartialEq, Eq)]
enum Work {
    Text(&'static [u8], u32),
    Bytes(u64),
    Lines(u64),
    Sleep(Duration),
}

/// What host number `place` does for a command.
fn work(command: &str, place: u64) -> Work {
    let mut words = command.split_whitespace();
    let name = words.next().unwrap_or_default();
    let number = words.next().map_or(Some(0), |word| word.parse().ok());
    match (name, number) {
        ("true", _) => Work::Text(b"", 0),
        ("out", Some(bytes)) => Work::Bytes(bytes),
        ("lines", Some(count)) => Work::Lines(count),
        ("sleep", Some(seconds)) => Work::Sleep(Duration::from_secs(seconds)),
        ("stall", Some(one_in)) if one_in > 0 && place.is_multiple_of(one_in) => Work::Sleep(STALL),
        ("hello", _) | ("stall", Some(_)) => Work::Text(HELLO, 0),
        _ => Work::Text(
            b"a cheap host knows true, hello, out N, lines N, sleep N, stall N\n",
            127,
        ),
    }
}

impl Handler for Door {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        _user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.lets_in(offer.public_key.key_data()))
    }

    async fn auth_publickey(
        &mut self,
        _user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.lets_in(key.public_key.key_data()))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        let (_, write) = channel.split();
        self.channels.insert(write.id(), write);
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(channel) = self.channels.remove(&id) else {
            return session.channel_failure(id);
        };
        session.channel_success(id)?;
        let line = String::from_utf8_lossy(command);
        let wrapped = (self.unwrap)(&line);
        if let Some(Wrapped { mark, .. }) = &wrapped {
            session.extended_data(id, STDERR, [mark, PROCESS].concat())?;
        }
        let command = wrapped.as_ref().map_or(&*line, |found| &found.command);
        match work(command, self.place) {
            Work::Text(text, status) => {
                if !text.is_empty() {
                    session.data(id, text)?;
                }
                session.exit_status_request(id, status)?;
                session.eof(id)?;
                session.close(id)?;
            }
            slow => drop(tokio::spawn(act(slow, channel))),
        }
        Ok(())
    }

    // Those who ask for more than a command hear no, rather than nothing.

    async fn env_request(
        &mut self,
        id: ChannelId,
        _name: &str,
        _value: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(id)
    }

    async fn shell_request(
        &mut self,
        id: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(id)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        _name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(id)
    }

    async fn channel_close(
        &mut self,
        id: ChannelId,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.remove(&id);
        Ok(())
    }
}

/// Does what takes a while. A client that has gone ends it early, and there is nobody to tell.
async fn act(work: Work, channel: ChannelWriteHalf<Msg>) -> Result<(), russh::Error> {
    match work {
        Work::Text(..) => {}
        Work::Sleep(time) => tokio::time::sleep(time).await,
        Work::Bytes(bytes) => {
            let block = Bytes::from(vec![b'x'; CHUNK]);
            let mut left = bytes;
            while left > 0 {
                let take = left.min(CHUNK as u64);
                channel.data_bytes(block.slice(..take as usize)).await?;
                left -= take;
            }
        }
        Work::Lines(count) => {
            let mut block = String::with_capacity(CHUNK + 80);
            for number in 1..=count {
                let _ = writeln!(block, "line {number}");
                if block.len() >= CHUNK || number == count {
                    channel.data_bytes(std::mem::take(&mut block)).await?;
                }
            }
        }
    }
    channel.exit_status(0).await?;
    channel.eof().await?;
    channel.close().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_hosts_have_ten_thousand_loopback_addresses() {
        let all: std::collections::BTreeSet<_> = (0..10_000).map(address).collect();
        assert_eq!(all.len(), 10_000);
        assert!(all.iter().all(Ipv4Addr::is_loopback));
        assert!(all.iter().all(|ip| !matches!(ip.octets()[3], 0 | 255)));
        assert_eq!(work("stall 20", 21), Work::Text(HELLO, 0));
        assert_eq!(work("stall 20", 40), Work::Sleep(STALL));
        assert_eq!(targets(251), "127.0.1.[1-250],127.0.2.[1-1]\n");
    }
}

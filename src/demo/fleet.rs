//! A running demo fleet: sixty SSH hosts on loopback, gone when dropped.
//!
//! The hosts run on threads of their own, so that whoever starts a fleet needs no runtime, and
//! dropping it ends every connection.
//!
//! The hosts play enough of a POSIX host (background commands, sessions, `/proc`, pipes with names,
//! scripts on standard input) for commands that outlive their connection, and for finding and
//! killing them; what such a command needs beyond that is refused by the shell in words.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::public::KeyData;
use russh::server::{Config, run_stream};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};

use super::DemoError;
use super::host::Host;
use super::roster::{self, CAST, DOMAIN, GROUPS, Quirk, Role};
use super::server::{Door, config};
use super::shell::STACK;
use super::site::{self, Entry, Files};

/// The second number of the fleet's addresses: 127.77.GROUP.NUMBER.
const NET: u8 = 77;
/// Ports that are tried until one is free on all addresses.
const TRIES: usize = 16;
const BACKLOG: u32 = 256;

/// How the hosts are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// An address for each host, all with one port: where all of 127.0.0.0/8 is loopback.
    Addresses,
    /// One address, a port for each host.
    Ports,
}

/// A running fleet.
pub struct Fleet {
    files: Files,
    layout: Layout,
    hosts: Vec<HostInfo>,
    runtime: Option<Runtime>,
}

/// What a person may know of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostInfo {
    /// Short name.
    pub name: String,
    /// Its group.
    pub group: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
    /// What is odd about it, as the end of a sentence that its name begins.
    pub oddity: Option<&'static str>,
}

impl Fleet {
    /// Starts the fleet and writes the files that lead to it into `dir`.
    pub fn start(dir: &Path) -> Result<Self, DemoError> {
        match Self::start_with(dir, Layout::Addresses) {
            Err(DemoError::Bind { .. }) => Self::start_with(dir, Layout::Ports),
            other => other,
        }
    }

    /// As [`start`](Self::start), with the addresses laid out as `layout` says.
    pub fn start_with(dir: &Path, layout: Layout) -> Result<Self, DemoError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("demo")
            .thread_stack_size(STACK)
            .enable_all()
            .build()
            .map_err(|source| DemoError::Threads { source })?;
        let roles = roster::roster();
        let places = bind(&roles, layout).map_err(|source| DemoError::Bind { source })?;
        let client = site::new_key()?;
        let files = Files::in_directory(dir);
        let (entries, actors) = cast(roles, places)?;
        site::write_all(&files, &client, &entries)?;
        let hosts = actors.iter().map(Actor::info).collect();
        let stage = Stage {
            client_key: Arc::new(client.public_key().key_data().clone()),
            directory: Arc::new(Directory::new(&entries)),
        };
        let entered = runtime.enter();
        for actor in actors {
            actor
                .enter(&stage)
                .map_err(|source| DemoError::Bind { source })?;
        }
        drop(entered);
        Ok(Self {
            files,
            layout,
            hosts,
            runtime: Some(runtime),
        })
    }

    /// Where the files are that lead to the fleet.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// How the hosts are told apart.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// All hosts, group by group.
    pub fn hosts(&self) -> &[HostInfo] {
        &self.hosts
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Which host is where, for those who jump through another.
pub struct Directory {
    by_name: HashMap<String, SocketAddr>,
}

impl Directory {
    fn new(entries: &[Entry]) -> Self {
        let by_name = entries
            .iter()
            .flat_map(|entry| {
                let long = format!("{}.{DOMAIN}", entry.name);
                [(entry.name.clone(), entry.address), (long, entry.address)]
            })
            .collect();
        Self { by_name }
    }

    /// The address of a host of the fleet, by name or by address and port.
    pub fn find(&self, host: &str, port: u32) -> Option<SocketAddr> {
        if let Some(address) = self.by_name.get(host) {
            return Some(*address);
        }
        let ip: IpAddr = host.parse().ok()?;
        let asked = SocketAddr::new(ip, u16::try_from(port).ok()?);
        self.by_name.values().copied().find(|known| *known == asked)
    }
}

/// What all hosts share.
struct Stage {
    client_key: Arc<KeyData>,
    directory: Arc<Directory>,
}

/// A host that is about to listen.
struct Actor {
    host: Arc<Host>,
    socket: TcpSocket,
    key: PrivateKey,
}

/// Gives each role a place, a key and a host.
fn cast(
    roles: Vec<Role>,
    places: Vec<(SocketAddr, TcpSocket)>,
) -> Result<(Vec<Entry>, Vec<Actor>), DemoError> {
    let (mut entries, mut actors) = (Vec::new(), Vec::new());
    for (role, (address, socket)) in roles.into_iter().zip(places) {
        let key = site::new_key()?;
        let known = match role.quirk {
            Some(Quirk::ChangedKey) => site::new_key()?.public_key().clone(),
            _ => key.public_key().clone(),
        };
        entries.push(Entry {
            name: role.name.clone(),
            address,
            known_key: known,
        });
        let host = Arc::new(Host::new(role, address));
        actors.push(Actor { host, socket, key });
    }
    Ok((entries, actors))
}

impl Actor {
    fn info(&self) -> HostInfo {
        let role = self.host.role();
        HostInfo {
            name: role.name.clone(),
            group: role.group,
            address: self.host.address(),
            oddity: CAST
                .iter()
                .find(|(name, _, _)| *name == role.name)
                .map(|(_, _, sentence)| *sentence),
        }
    }

    /// Listens from now on; the unreachable one only keeps others off its port.
    fn enter(self, stage: &Stage) -> io::Result<()> {
        let client_key = Arc::clone(&stage.client_key);
        let directory = Arc::clone(&stage.directory);
        if self.host.role().quirk == Some(Quirk::Unreachable) {
            let socket = self.socket;
            tokio::spawn(async move {
                std::future::pending::<()>().await;
                drop(socket);
            });
            return Ok(());
        }
        let listener = self.socket.listen(BACKLOG)?;
        let config = Arc::new(config(self.key));
        let host = self.host;
        tokio::spawn(accept(listener, move |stream| {
            let door = Door::new(
                Arc::clone(&host),
                Arc::clone(&client_key),
                Arc::clone(&directory),
            );
            tokio::spawn(converse(Arc::clone(&config), stream, door));
        }));
        Ok(())
    }
}

/// Hands each connection to `serve`, for ever.
pub async fn accept(listener: TcpListener, mut serve: impl FnMut(TcpStream)) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => serve(stream),
            // Out of descriptors, most likely: wait for some to come back.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Speaks SSH with one client until it leaves; how it leaves is its own business.
pub async fn converse<H>(config: Arc<Config>, stream: TcpStream, handler: H)
where
    H: russh::server::Handler<Error = russh::Error> + Send + 'static,
{
    let _ = stream.set_nodelay(true);
    if let Ok(session) = run_stream(config, stream, handler).await {
        let _ = session.await;
    }
}

/// A bound socket for each role.
fn bind(roles: &[Role], layout: Layout) -> io::Result<Vec<(SocketAddr, TcpSocket)>> {
    if layout == Layout::Ports {
        return roles
            .iter()
            .map(|_| bind_one((Ipv4Addr::LOCALHOST, 0).into()))
            .collect();
    }
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..TRIES {
        match bind_addresses(roles) {
            Ok(places) => return Ok(places),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// One port, whichever the first host gets, on the addresses of all.
fn bind_addresses(roles: &[Role]) -> io::Result<Vec<(SocketAddr, TcpSocket)>> {
    let mut port = 0;
    let mut places = Vec::with_capacity(roles.len());
    for role in roles {
        let place = bind_one((address(role), port).into())?;
        port = place.0.port();
        places.push(place);
    }
    Ok(places)
}

fn bind_one(address: SocketAddr) -> io::Result<(SocketAddr, TcpSocket)> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok((socket.local_addr()?, socket))
}

fn address(role: &Role) -> Ipv4Addr {
    let group = GROUPS
        .iter()
        .position(|(name, _)| *name == role.group)
        .unwrap_or(0);
    Ipv4Addr::new(127, NET, group as u8 + 1, role.number as u8)
}

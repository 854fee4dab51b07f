//! Connecting, sending once, and reading to the end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::error::{Broken, NoConnection};
use super::request::Request;
use super::tls::Trust;
use super::url::Url;
use crate::run::phases::Phases;

/// The largest head of an answer, in bytes.
const HEAD: usize = 128 << 10;

/// Asks web servers. Every request has a connection of its own, straight to its server: proxies
/// that the environment names are not used.
#[derive(Debug, Clone)]
pub struct Client {
    trust: Arc<Trust>,
}

impl Client {
    /// A client that trusts the system's certificates and those of this file.
    pub fn new(ca: Option<PathBuf>) -> Self {
        Self {
            trust: Arc::new(Trust::new(ca)),
        }
    }

    /// Connects, and sends nothing but what TLS needs. `inward` says whether the server may be this
    /// machine, or one of its own link.
    ///
    /// # Errors
    /// Why there is no connection.
    pub async fn connect(
        &self,
        url: &Url,
        inward: bool,
        limit: Duration,
    ) -> Result<Connection, NoConnection> {
        let connected = tokio::time::timeout(limit, self.connected(url, inward, limit)).await;
        connected.unwrap_or_else(|_| {
            Err(NoConnection::Slow {
                server: named(url),
                seconds: limit.as_secs_f64(),
            })
        })
    }

    async fn connected(
        &self,
        url: &Url,
        inward: bool,
        limit: Duration,
    ) -> Result<Connection, NoConnection> {
        let mut phases = Phases::default();
        let began = Instant::now();
        let addresses = resolve(url, inward).await?;
        phases.resolve = Some(began.elapsed().as_secs_f64());
        let began = Instant::now();
        let stream = reached(&addresses, limit).await;
        let stream = stream.map_err(|source| NoConnection::Tcp {
            server: named(url),
            source,
        })?;
        // It matters to a short request only, and a request goes without it.
        let _ = stream.set_nodelay(true);
        phases.tcp = Some(began.elapsed().as_secs_f64());
        if !url.tls {
            return Connection::over(stream, url, phases).await;
        }
        let began = Instant::now();
        let trust = self.trust.clone();
        let config = tokio::task::spawn_blocking(move || trust.config()).await;
        let config = config
            .unwrap_or_else(|error| Err(error.to_string()))
            .map_err(NoConnection::Roots)?;
        let broken = |source| NoConnection::Tls {
            server: named(url),
            source,
        };
        let name = ServerName::try_from(url.host.clone());
        let name = name.map_err(|error| broken(std::io::Error::other(error)))?;
        let stream = TlsConnector::from(config).connect(name, stream).await;
        let stream = stream.map_err(broken)?;
        phases.kex = Some(began.elapsed().as_secs_f64());
        Connection::over(stream, url, phases).await
    }
}

async fn resolve(url: &Url, inward: bool) -> Result<Vec<SocketAddr>, NoConnection> {
    let nowhere = |source| NoConnection::Name {
        host: url.host.clone(),
        source,
    };
    let found = tokio::net::lookup_host((url.host.as_str(), url.port)).await;
    let found: Vec<SocketAddr> = found.map_err(nowhere)?.collect();
    let own = found.iter().find(|address| is_inward(address.ip()));
    if let Some(own) = own.filter(|_| !inward) {
        return Err(NoConnection::Inward {
            host: url.host.clone(),
            address: own.ip(),
        });
    }
    Ok(found)
}

/// The first of these addresses that takes a connection. Each has its part of the time: one that swallows what it is
/// sent must not take that of the others.
async fn reached(addresses: &[SocketAddr], limit: Duration) -> std::io::Result<TcpStream> {
    let part = limit / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let mut why = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match tokio::time::timeout(part, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => why = error,
            Err(_) => why = std::io::ErrorKind::TimedOut.into(),
        }
    }
    Err(why)
}

/// Where clouds keep what they know of a machine, beside the link's own addresses.
const METADATA: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// Whether the address is this machine's by its loopback, of the link alone, or where clouds keep what they know of a
/// machine.
fn is_inward(address: IpAddr) -> bool {
    if METADATA.contains(&address) {
        return true;
    }
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || v4.is_broadcast()
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified(),
    }
}

fn named(url: &Url) -> String {
    if url.host.contains(':') {
        format!("[{}]:{}", url.host, url.port)
    } else {
        format!("{}:{}", url.host, url.port)
    }
}

/// What moves bytes; the connection is closed when it is dropped.
#[derive(Debug)]
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A connection on which nothing was asked.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: Driver,
    /// How long its parts took.
    pub phases: Phases,
}

impl Connection {
    async fn over<S>(stream: S, url: &Url, phases: Phases) -> Result<Self, NoConnection>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let made = http1::Builder::new()
            .max_buf_size(HEAD)
            .handshake(TokioIo::new(stream))
            .await;
        let (sender, connection) = made.map_err(|source| NoConnection::Http {
            server: named(url),
            source,
        })?;
        let driver = tokio::spawn(async move {
            // What went wrong is told to whoever waits for the answer.
            let _ = connection.await;
        });
        Ok(Self {
            sender,
            driver: Driver(driver),
            phases,
        })
    }

    /// Sends the request, once.
    ///
    /// # Errors
    /// No head of an answer came: the request may have been read all the same.
    pub async fn send(mut self, request: &Request) -> Result<Reply, Broken> {
        let answer = self.sender.send_request(request.message()).await?;
        let (head, body) = answer.into_parts();
        Ok(Reply {
            status: head.status.as_u16(),
            // The server's own words for it may be anything.
            reason: head.status.canonical_reason().unwrap_or_default(),
            body,
            _driver: self.driver,
        })
    }
}

/// The answer: its head, and a body that is still coming.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The usual words for that status.
    pub reason: &'static str,
    body: Incoming,
    _driver: Driver,
}

impl Reply {
    /// The status and its words: `503 Service Unavailable`.
    pub fn line(&self) -> String {
        format!("{} {}", self.status, self.reason)
            .trim_end()
            .to_owned()
    }

    /// The next bytes of the body; nothing at its end.
    ///
    /// # Errors
    /// The connection broke before the body was whole.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        while let Some(frame) = self.body.frame().await {
            if let Ok(bytes) = frame?.into_data() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

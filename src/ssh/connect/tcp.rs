//! Name to address to socket.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::net::{TcpSocket, TcpStream};

use super::super::error::SshError;
use crate::trust::ssh_config::{AddressFamily, HostOptions};

/// How long an address may stay silent before the next is tried beside it.
const STAGGER: Duration = Duration::from_millis(300);

/// The addresses of a host, in the resolver's order, of the family that its options want.
pub(super) async fn resolve(options: &HostOptions) -> Result<Vec<SocketAddr>, SshError> {
    let fail = |why: String| SshError::Resolve {
        host: options.hostname.clone(),
        why,
    };
    let found = tokio::net::lookup_host((options.hostname.as_str(), options.port)).await;
    let found = found.map_err(|why| fail(why.to_string()))?;
    let fits = |address: &SocketAddr| match options.address_family {
        AddressFamily::Any => true,
        AddressFamily::Inet => address.is_ipv4(),
        AddressFamily::Inet6 => address.is_ipv6(),
    };
    let found: Vec<_> = found.filter(fits).collect();
    if found.is_empty() {
        Err(fail("there is none of the AddressFamily asked for".into()))
    } else {
        Ok(found)
    }
}

/// The first of the addresses that answers; a silent one does not hold up the others.
pub(super) async fn connect(
    addresses: &[SocketAddr],
    from: Option<&str>,
) -> Result<TcpStream, SshError> {
    let mut waiting = addresses.iter().copied();
    let mut trying = FuturesUnordered::new();
    let mut last = None;
    loop {
        if trying.is_empty() {
            match (waiting.next(), last.take()) {
                (Some(address), _) => trying.push(attempt(address, from)),
                (None, Some(error)) => return Err(error),
                (None, None) => {
                    return Err(SshError::Tcp {
                        address: "nothing".into(),
                        why: "there is no address".into(),
                    });
                }
            }
        }
        tokio::select! {
            Some(result) = trying.next() => match result {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Some(error),
            },
            () = tokio::time::sleep(STAGGER), if waiting.len() > 0 => trying.extend(waiting.next().map(|a| attempt(a, from))),
        }
    }
}

async fn attempt(address: SocketAddr, from: Option<&str>) -> Result<TcpStream, SshError> {
    let stream = dial(address, from).await;
    stream.map_err(|why| SshError::Tcp {
        address: address.to_string(),
        why: why.to_string(),
    })
}

async fn dial(address: SocketAddr, from: Option<&str>) -> std::io::Result<TcpStream> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if let Some(from) = from {
        let from: IpAddr = from
            .parse()
            .map_err(|_| std::io::Error::other(format!("BindAddress {from} is no address")))?;
        socket.bind(SocketAddr::new(from, 0))?;
    }
    socket.set_nodelay(true)?;
    socket.connect(address).await
}

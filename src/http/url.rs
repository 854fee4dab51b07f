//! URLs that a request can be sent to: `http` or `https`, a server, a path.

use std::net::Ipv6Addr;

/// A URL, taken apart. Nothing in it is read twice: what is checked is what is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Whether the connection is a TLS one.
    pub tls: bool,
    /// The server's name or address; an IPv6 address without its brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The path and the query, as they are sent.
    pub path: String,
}

impl Url {
    /// Reads a URL strictly; `Err` is a sentence without its full stop.
    ///
    /// # Errors
    /// What it has that a request cannot use: another scheme, a user, a fragment, blanks.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (tls, rest) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err("a URL must begin with http:// or https://".to_owned()),
        };
        if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("a URL has letters, digits and signs of ASCII only".to_owned());
        }
        if rest.contains(['#', '\\']) {
            return Err("a URL that is asked has no # and no backslash".to_owned());
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (server, path) = rest.split_at(end);
        let (host, port) = server_of(server, if tls { 443 } else { 80 })?;
        let path = match path.chars().next() {
            Some('/') => path.to_owned(),
            _ => format!("/{path}"),
        };
        Ok(Self {
            tls,
            host,
            port,
            path,
        })
    }

    /// The server as a request names it: with its port, where that is not the usual one.
    pub fn server(&self) -> String {
        let usual = if self.tls { 443 } else { 80 };
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == usual {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

fn server_of(server: &str, usual: u16) -> Result<(String, u16), String> {
    if server.contains('@') {
        return Err("a URL with a user in it is not asked; give the user as a header".to_owned());
    }
    let (host, port) = if let Some(rest) = server.strip_prefix('[') {
        let (address, port) = rest
            .split_once(']')
            .ok_or("a URL has a [ without its ]".to_owned())?;
        let known = address.parse::<Ipv6Addr>();
        known.map_err(|_| "what stands in [ ] is no IPv6 address".to_owned())?;
        (address, port)
    } else {
        let end = server.find(':').unwrap_or(server.len());
        server.split_at(end)
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_name = !host.is_empty() && host.len() <= 253 && host.chars().all(fits);
    if !is_name && !server.starts_with('[') {
        return Err("a URL must name a server with letters, digits, - _ and .".to_owned());
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => usual,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits
            .parse()
            .ok()
            .filter(|port| *port > 0)
            .ok_or("a URL's port is a number from 1 to 65535".to_owned())?,
        _ => return Err("a URL's port is a number from 1 to 65535".to_owned()),
    };
    Ok((host.to_ascii_lowercase(), port))
}

//! Web servers that requests may go to: `[http] allow` of `conn.toml`.

use crate::run::complaint::quote;

/// A name, `*.NAME` or `*`, perhaps with a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Servers {
    /// The name, or what names must end with.
    name: String,
    any: bool,
    port: Option<u16>,
}

/// How a server was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// Itself.
    Itself,
    /// By a pattern that fits others as well.
    ByPattern,
}

impl Servers {
    /// Reads one item of the list.
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{} is no server: write a name or address, \"*.example.com\" or \"*\", with :PORT \
                 behind it where only that port is meant, and an IPv6 address in [ ]",
                quote(text)
            )
        };
        let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, "")) => (name, None),
            Some((name, port)) => (name, Some(port.strip_prefix(':').ok_or_else(wrong)?)),
            None => match text.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (text, None),
            },
        };
        let port = port.map(str::parse::<u16>).transpose();
        let port = port.map_err(|_| wrong())?;
        let (any, name) = match name.strip_prefix('*') {
            Some("") => (true, ""),
            Some(rest) if rest.starts_with('.') => (true, rest),
            Some(_) => return Err(wrong()),
            None => (false, name),
        };
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let is_address = name.parse::<std::net::IpAddr>().is_ok();
        if (name.is_empty() && !any) || !(is_address || name.chars().all(fits)) {
            return Err(wrong());
        }
        Ok(Self {
            name: name.to_ascii_lowercase(),
            any,
            port,
        })
    }

    /// Whether it means this server, and how.
    pub fn names(&self, host: &str, port: u16) -> Option<Named> {
        if self.port.is_some_and(|own| own != port) {
            return None;
        }
        // A name may end with the dot of the root.
        let host = host.strip_suffix('.').unwrap_or(host);
        if !self.any {
            return (host == self.name).then_some(Named::Itself);
        }
        (host.ends_with(&self.name) && host.len() > self.name.len()).then_some(Named::ByPattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(list: &str, host: &str, port: u16) -> Option<Named> {
        Servers::parse(list).unwrap().names(host, port)
    }

    #[test]
    fn a_server_is_named_by_itself_or_by_a_pattern_and_nothing_else_is() {
        assert_eq!(
            named("api.example.com", "api.example.com", 443),
            Some(Named::Itself)
        );
        assert_eq!(
            named("API.example.com", "api.example.com.", 80),
            Some(Named::Itself)
        );
        assert_eq!(named("api.example.com:8443", "api.example.com", 443), None);
        assert_eq!(named("[::1]:9090", "::1", 9090), Some(Named::Itself));
        assert_eq!(
            named("*.example.com", "a.b.example.com", 80),
            Some(Named::ByPattern)
        );
        assert_eq!(named("*.example.com", "example.com", 80), None);
        assert_eq!(named("*.example.com", "evilexample.com", 80), None);
        assert_eq!(named("*", "anything", 1), Some(Named::ByPattern));
        assert_eq!(named("api", "api.evil.com", 80), None);
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for wrong in [
            "", "a b", "a*", "*a", "http://x", "x/y", "a:b", "[::1", "a@b", ":80",
        ] {
            assert!(Servers::parse(wrong).is_err(), "{wrong}");
        }
    }
}

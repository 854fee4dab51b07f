//! The value of `ProxyJump`.

use super::values;

/// One hop on the way. What is not given here comes from the hop's own options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JumpHost {
    /// The user to log in as.
    pub user: Option<String>,
    /// The name to resolve options for; without brackets.
    pub host: String,
    /// The port to connect to.
    pub port: Option<u16>,
}

/// Reads a chain, in order of hops; an empty chain for `none`. `Err` holds the piece at fault.
pub(super) fn parse(value: &str) -> Result<Vec<JumpHost>, String> {
    let value = value.split('#').next().unwrap_or_default().trim();
    // OpenSSH cuts the value at its first blank.
    let value = value.split_ascii_whitespace().next().unwrap_or_default();
    if value.eq_ignore_ascii_case("none") {
        return Ok(Vec::new());
    }
    value
        .split(',')
        .map(|hop| parse_hop(hop).ok_or_else(|| hop.to_owned()))
        .collect()
}

fn parse_hop(text: &str) -> Option<JumpHost> {
    match text.strip_prefix("ssh://") {
        Some(uri) => parse_uri(uri),
        None => parse_plain(text),
    }
}

/// `[user@]host[:port]`; the user may hold an `@`.
fn parse_plain(text: &str) -> Option<JumpHost> {
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (Some(non_empty(user)?), rest),
        None => (None, text),
    };
    let (host, port) = split_port(rest)?;
    let port = match port {
        None | Some("") => None,
        Some(text) => Some(values::port(text)?),
    };
    Some(JumpHost {
        user,
        host: non_empty(clean(host))?,
        port,
    })
}

/// `ssh://[user[;parameters]@]host[:port]` without a path.
fn parse_uri(uri: &str) -> Option<JumpHost> {
    let (user, rest) = match uri.split_once('@') {
        Some((info, rest)) => {
            let user = info.split(';').next().unwrap_or_default();
            (Some(decoded(&non_empty(user)?)?), rest)
        }
        None => (None, uri),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = split_port(rest)?;
    let host = clean(host);
    if !is_domain(host) {
        return None;
    }
    let port = match port {
        None | Some("") => None,
        Some(text) => Some(values::port(text)?),
    };
    Some(JumpHost {
        user,
        host: host.trim_end_matches('.').to_owned(),
        port,
    })
}

/// The host, in brackets or up to a colon, and what follows the colon. A slash is no part of it.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if text.starts_with('[') {
        let end = text.find(']')? + 1;
        return match text[end..].strip_prefix(':') {
            Some(port) => Some((&text[..end], Some(port))),
            None => text[end..].is_empty().then_some((text, None)),
        };
    }
    if text.contains('/') {
        return None;
    }
    match text.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((text, None)),
    }
}

fn clean(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host)
}

fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// What OpenSSH takes for a domain name in a URI.
fn is_domain(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(is_part)
        && !name.contains("..")
}

/// `%41` and `+` as in URIs.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                u8::from_str_radix(digits, 16).ok().filter(|&b| b != 0)?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hop(user: Option<&str>, host: &str, port: Option<u16>) -> JumpHost {
        JumpHost {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port,
        }
    }

    #[test]
    fn a_chain_is_read_in_the_order_of_its_hops() {
        assert_eq!(
            parse("a@b@gate:2222,[::1]:22,ssh://x%20y@edge.net:7/ # way in"),
            Ok(vec![
                hop(Some("a@b"), "gate", Some(2222)),
                hop(None, "::1", Some(22)),
                hop(Some("x y"), "edge.net", Some(7)),
            ])
        );
        assert_eq!(parse("None"), Ok(vec![]));
        assert_eq!(parse("gate:"), Ok(vec![hop(None, "gate", None)]));
    }

    #[test]
    fn a_hop_that_is_none_is_named() {
        for bad in [
            "@gate",
            "gate:0",
            "gate:x",
            "a,,b",
            "ssh://gate/path",
            "[::1",
            "a/b",
            "ssh://-x",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(parse("ok,@x"), Err("@x".to_owned()));
    }

    proptest! {
        #[test]
        fn no_value_panics(value in "(ssh://)?[a-z@:;%+\\[\\],/.# \\PC]{0,30}") {
            let _ = parse(&value);
        }
    }
}

//! Host names, addresses and user names: their usual form, and which are refused.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::options::AddressFamily;

/// The form in which ssh uses a host: names in lower case, addresses in their usual spelling.
pub(super) fn canonical(host: &str, family: AddressFamily) -> String {
    let six = host
        .parse::<Ipv6Addr>()
        .ok()
        .filter(|_| family != AddressFamily::Inet);
    if let Some(address) = six {
        return address.to_string();
    }
    let four = loose_ipv4(host).filter(|_| family != AddressFamily::Inet6);
    if let Some(address) = four {
        return address.to_string();
    }
    // Names with a zone, and what only looks like an address, stay as they are.
    if host.contains([':', '%']) {
        host.to_owned()
    } else {
        host.to_ascii_lowercase()
    }
}

/// An IPv4 address in any spelling the C library takes: `127.1`, `0x7f.0.0.1`, `2130706433`.
fn loose_ipv4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = text.split('.').map(loose_number).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|&part| part > 255) {
        return None;
    }
    let free_bits = 32 - 8 * first.len() as u32;
    if free_bits < 32 && *last >= 1 << free_bits {
        return None;
    }
    let high = first
        .iter()
        .zip([24, 16, 8])
        .fold(0, |sum, (part, shift)| sum | part << shift);
    Some(Ipv4Addr::from(high | last))
}

fn loose_number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    if digits.starts_with('+') {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

/// Why a host name is refused, as OpenSSH does since 9.6: it may end up in a shell command.
pub fn host_objection(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.starts_with('-') {
        return Some("it begins with a dash and could be taken for an option");
    }
    if name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Some("it holds blanks or control characters");
    }
    if name.contains(|c| "'`\"$\\;&<>|(){},".contains(c)) {
        return Some("it holds characters with a meaning to a shell");
    }
    None
}

/// The same for user names, which may hold more.
pub(super) fn user_objection(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.starts_with('-') || name.contains(" -") {
        return Some("a dash in it could be taken for an option");
    }
    if name.chars().any(char::is_control) {
        return Some("it holds control characters");
    }
    if name.contains(|c| "'`\"$;&<>|(){}".contains(c)) || name.ends_with('\\') {
        return Some("it holds characters with a meaning to a shell");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_become_lower_case_and_addresses_take_their_usual_form() {
        for (given, form) in [
            ("WEB1.Example", "web1.example"),
            ("127.1", "127.0.0.1"),
            ("0x7f.0.0.1", "127.0.0.1"),
            ("010.0.0.1", "8.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("::FFFF", "::ffff"),
            ("FE80::1%eth0", "FE80::1%eth0"),
            ("1.2.3.4.5", "1.2.3.4.5"),
            ("256.1.1.1", "256.1.1.1"),
        ] {
            assert_eq!(canonical(given, AddressFamily::Any), form, "{given}");
        }
        assert_eq!(canonical("127.1", AddressFamily::Inet6), "127.1");
        assert_eq!(canonical("::FFFF", AddressFamily::Inet), "::FFFF");
    }

    #[test]
    fn names_that_could_change_a_command_are_refused() {
        for bad in [
            "",
            "-oProxyCommand=x",
            "a b",
            "a;b",
            "$(x)",
            "a\nb",
            "`x`",
            "a,b",
        ] {
            assert!(host_objection(bad).is_some(), "{bad:?}");
        }
        for good in ["web1", "10.0.0.1", "fe80::1%eth0", "a_b", "ümlaut"] {
            assert_eq!(host_objection(good), None, "{good}");
        }
        assert!(user_objection("x -oA=b").is_some());
        assert_eq!(user_objection("DOMAIN\\me@corp"), None);
    }

    proptest! {
        #[test]
        fn no_name_panics(name in "[0-9a-fx.:%]{0,20}|.{0,20}") {
            let _ = (canonical(&name, AddressFamily::Any), host_objection(&name), user_objection(&name));
        }
    }
}

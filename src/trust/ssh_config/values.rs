//! Values of options: flags, times, numbers, ports.

/// The two words for yes and the two for no, in any case.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" => Some(true),
        "no" | "false" => Some(false),
        _ => None,
    }
}

/// Seconds from `90`, `1h30m`, `2d`; at most what OpenSSH can hold.
pub(super) fn seconds(text: &str) -> Option<u32> {
    const MAX: u64 = i32::MAX as u64;
    let mut rest = text;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let count: u64 = rest[..digits].parse().ok()?;
        let mut tail = rest[digits..].chars();
        let unit = match tail.next().map(|c| c.to_ascii_lowercase()) {
            None | Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3_600,
            Some('d') => 86_400,
            Some('w') => 604_800,
            Some(_) => return None,
        };
        total = total
            .checked_add(count.checked_mul(unit)?)
            .filter(|&sum| sum <= MAX)?;
        rest = tail.as_str();
    }
    if text.is_empty() {
        None
    } else {
        u32::try_from(total).ok()
    }
}

/// A number from zero on.
pub(super) fn number(text: &str) -> Option<u32> {
    text.parse::<u32>()
        .ok()
        .filter(|&n| i32::try_from(n).is_ok())
}

/// A port by number, or `ssh`, the one service whose number needs no look-up.
pub(super) fn port(text: &str) -> Option<u16> {
    match text {
        "ssh" => Some(22),
        text => text.parse().ok().filter(|&port| port > 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        for (text, value) in [
            ("0", Some(0)),
            ("90", Some(90)),
            ("1h30m", Some(5_400)),
            ("1W2D", Some(777_600)),
            ("5s5", Some(10)),
            ("2147483647", Some(2_147_483_647)),
            ("2147483648", None),
            ("99999999999999999999", None),
            ("", None),
            ("m", None),
            ("-1", None),
            ("5y", None),
        ] {
            assert_eq!(seconds(text), value, "{text}");
        }
    }

    #[test]
    fn ports_are_1_to_65535() {
        for (text, value) in [
            ("22", Some(22)),
            ("ssh", Some(22)),
            ("65535", Some(65_535)),
            ("0", None),
            ("65536", None),
            ("x", None),
        ] {
            assert_eq!(port(text), value, "{text}");
        }
    }
}

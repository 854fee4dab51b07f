//! Output with everything masked that differs from host to host and means nothing: numbers, hex
//! numbers, addresses, the host's own names, and how wide a column is.

/// Letters in a hex number that has no digit: as many are no word of a language.
const LONG_HEX: usize = 8;
/// Shape of a UUID: the lengths of its parts.
const UUID: [usize; 5] = [8, 4, 4, 4, 12];

/// The bytes with numbers and addresses as `#`, these names as `@`, and blanks as one space.
pub fn mask(bytes: &[u8], names: &[&str]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        let taken = if matches!(byte, b' ' | b'\t') {
            blank(rest, &mut out)
        } else if byte.is_ascii_alphanumeric() {
            word(rest, names, &mut out)
        } else if tail.starts_with(b":") && byte == b':' && address(rest).is_some() {
            number(&mut out);
            address(rest).unwrap_or(1)
        } else {
            out.push(byte);
            1
        };
        rest = &rest[taken..];
    }
    out
}

fn blank(rest: &[u8], out: &mut Vec<u8>) -> usize {
    out.push(b' ');
    run_of(rest, |byte| matches!(byte, b' ' | b'\t'))
}

/// What begins with a letter or a digit; how much of it was taken.
fn word(rest: &[u8], names: &[&str], out: &mut Vec<u8>) -> usize {
    if let Some(length) = names.iter().find_map(|name| own_name(rest, name)) {
        out.push(b'@');
        return length;
    }
    if let Some(length) = uuid(rest).or_else(|| address(rest)) {
        number(out);
        return length;
    }
    let length = run_of(rest, |byte| byte.is_ascii_alphanumeric());
    let word = &rest[..length];
    if is_hex(word) || word.strip_prefix(b"0x").is_some_and(all_hex) {
        number(out);
        return length;
    }
    for &byte in word {
        if byte.is_ascii_digit() {
            number(out);
        } else {
            out.push(byte);
        }
    }
    length
}

/// One mark for a number, also where it goes on after a point or a colon.
fn number(out: &mut Vec<u8>) {
    if out.ends_with(b"#.") || out.ends_with(b"#:") {
        out.pop();
    }
    if !out.ends_with(b"#") {
        out.push(b'#');
    }
}

/// The name stands here, and nothing that goes on with it.
fn own_name(rest: &[u8], name: &str) -> Option<usize> {
    let head = rest.get(..name.len()).filter(|_| !name.is_empty())?;
    let next = rest.get(name.len());
    let goes_on = next.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    (head.eq_ignore_ascii_case(name.as_bytes()) && !goes_on).then_some(name.len())
}

/// Hex numbers between at least two colons: IPv6, or the address of a network card.
fn address(rest: &[u8]) -> Option<usize> {
    let most = run_of(rest, |byte| {
        byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')
    });
    memchr::memchr(b':', &rest[..most])?;
    let after = rest.get(most).is_some_and(u8::is_ascii_alphanumeric);
    let token = rest[..most].trim_ascii_end();
    let end = token
        .iter()
        .rposition(|byte| !matches!(byte, b':' | b'.'))?
        + 1;
    let token = &token[..end];
    let colons = memchr::memchr_iter(b':', token).count();
    let groups = token.split(|byte| *byte == b':');
    let short = groups
        .clone()
        .all(|group| group.len() <= 4 || group.contains(&b'.'));
    (!after && colons >= 2 && short).then_some(end)
}

fn uuid(rest: &[u8]) -> Option<usize> {
    if rest.get(UUID[0]) != Some(&b'-') {
        return None;
    }
    let length = UUID.iter().sum::<usize>() + UUID.len() - 1;
    let text = rest.get(..length)?;
    let mut parts = text.split(|byte| *byte == b'-');
    let fits = UUID.iter().all(|wanted| {
        parts
            .next()
            .is_some_and(|part| part.len() == *wanted && all_hex(part))
    });
    let after = rest.get(length).is_some_and(u8::is_ascii_alphanumeric);
    (fits && !after).then_some(length)
}

fn is_hex(word: &[u8]) -> bool {
    all_hex(word) && (word.len() >= LONG_HEX || word.iter().any(u8::is_ascii_digit))
}

fn all_hex(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(u8::is_ascii_hexdigit)
}

fn run_of(bytes: &[u8], is: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| is(**byte)).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masked(text: &str) -> String {
        let names = ["web01.ams2.example", "web01", "10.0.0.7"];
        String::from_utf8(mask(text.as_bytes(), &names)).unwrap()
    }

    #[test]
    fn what_differs_from_host_to_host_is_masked_and_words_are_not() {
        for (text, wanted) in [
            ("up 3 days, 12:04", "up # days, #"),
            ("load 1.5K of 15K", "load #K of #K"),
            ("web01: web01.ams2.example is up", "@: @ is up"),
            ("WEB01 web010 web01-old", "@ web# web#-old"),
            ("10.0.0.7 10.0.0.71 192.168.1.20:22", "@ # #"),
            ("fe80::1 and ::1 and 2001:db8:0:0:1:2:3:4", "# and # and #"),
            ("mac 00:1a:2b:3c:4d:5e aa:bb:cc:dd:ee:ff", "mac # #"),
            ("3f2a9c deadbeef 0x1F bad add", "# # # bad add"),
            ("550e8400-e29b-41d4-a716-446655440000", "#"),
            ("abcdabcd-abcd-abcd-abcd-abcdabcdabcd.", "#."),
            ("/dev/sda1    98%\n", "/dev/sda# #%\n"),
            ("std::string::new", "std::string::new"),
            ("error: no such file: x", "error: no such file: x"),
            ("", ""),
        ] {
            assert_eq!(masked(text), wanted, "{text:?}");
        }
    }

    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            "[g-z]{1,8}",
            Just(" ".to_owned()),
            Just("\n".to_owned()),
            Just("/".to_owned()),
            Just("NUMBER".to_owned()),
        ]
    }

    proptest! {
        #[test]
        fn any_number_in_one_place_is_as_good_as_any_other(
            pieces in proptest::collection::vec(piece(), 0..20),
            a in 0u64..u64::MAX,
            b in 0u64..u64::MAX,
        ) {
            let text = pieces.concat();
            let with = |number: u64| mask(text.replace("NUMBER", &number.to_string()).as_bytes(), &[]);
            prop_assert_eq!(with(a), with(b));
        }

        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let masked = mask(&bytes, &["a", "", "b-c"]);
            prop_assert!(masked.len() <= bytes.len());
        }
    }
}

//! Host patterns: `web[01:50]`, `db-[a:f]`, `x[0:10:2].example:2222`, `[2001:db8::1]:22`.

use crate::run::complaint::quote;

/// Hosts that one pattern may mean.
const MAX_HOSTS: usize = 1_000_000;

/// The names that a pattern means, and its port; the error is a sentence.
pub(super) fn expand(text: &str) -> Result<(Vec<String>, Option<u64>), String> {
    let (pattern, port) = split_port(text);
    let (pattern, port) = if is_address(pattern) {
        (pattern, port)
    } else {
        (text, None)
    };
    if !pattern.contains('[') {
        return Ok((vec![pattern.to_owned()], port));
    }
    Ok((
        expand_ranges(pattern)
            .map_err(|why| format!("the host range {} is wrong: {why}", quote(text)))?,
        port,
    ))
}

/// Splits off `:PORT`, behind a name or behind `[address]`.
fn split_port(text: &str) -> (&str, Option<u64>) {
    let (mut address, mut port) = (text, None);
    if let Some((inside, number)) = text
        .strip_prefix('[')
        .and_then(|rest| rest.rsplit_once("]:"))
        && let Some(number) = digits(number).filter(|_| !inside.is_empty())
    {
        (address, port) = (inside, Some(number));
    }
    if let Some((before, number)) = address.rsplit_once(':')
        && let Some(number) = digits(number).filter(|_| no_colon_outside_brackets(before))
    {
        (address, port) = (before, Some(number));
    }
    (address, port)
}

fn digits(text: &str) -> Option<u64> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())?
}

/// Whether brackets pair up and no colon stands outside of them.
fn no_colon_outside_brackets(text: &str) -> bool {
    let mut inside = false;
    for c in text.chars() {
        match c {
            ']' if inside => inside = false,
            '[' if !inside => inside = true,
            ']' => return false,
            ':' if !inside => return false,
            _ => {}
        }
    }
    !inside
}

/// Whether a text, apart from its ranges, is a host name or a number to connect to.
fn is_address(text: &str) -> bool {
    let with_letters =
        |bound: &str| bound.len() == 1 && bound.bytes().all(|b| b.is_ascii_alphabetic());
    let hex = |bound: &str| !bound.is_empty() && bound.bytes().all(|b| b.is_ascii_hexdigit());
    without_ranges(text, with_letters).is_some_and(|name| is_host_name(&name))
        || without_ranges(text, hex).is_some_and(|number| is_ipv6(&number))
}

/// The text with `0` in place of each range, whose bounds are numbers or what `bound` allows.
fn without_ranges(text: &str, bound: impl Fn(&str) -> bool) -> Option<String> {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        let (range, after) = after.split_once(']')?;
        let parts: Vec<&str> = range.split(':').collect();
        let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let (Some(bounds), step) = (parts.get(..2), parts.get(2..)?) else {
            return None;
        };
        let numbers = bounds.iter().all(|part| number(part));
        let others = bounds.iter().all(|part| bound(part));
        if !(numbers || others) || step.len() > 1 || !step.iter().all(|part| number(part)) {
            return None;
        }
        plain.push_str(before);
        plain.push('0');
        rest = after;
    }
    plain.push_str(rest);
    Some(plain)
}

/// Labels of letters, digits, `-` and `_`, that start with a letter, digit or `_` and do not end with `-` or `_`.
fn is_host_name(text: &str) -> bool {
    text.split('.').all(|label| {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        label.starts_with(word)
            && !label.ends_with(['-', '_'])
            && label.chars().all(|c| word(c) || c == '-')
    })
}

/// Up to eight groups of hexadecimal digits, a gap at most once, the last two perhaps as an IPv4 number.
fn is_ipv6(text: &str) -> bool {
    let Some((before, after)) = text.split_once("::") else {
        return ipv6_groups(text) == Some(8);
    };
    let groups = |part: &str| {
        if part.is_empty() {
            Some(0)
        } else {
            ipv6_groups(part)
        }
    };
    // An IPv4 number can only stand at the very end.
    let misplaced = before.contains('.');
    let count = groups(before)
        .zip(groups(after))
        .map(|(before, after)| before + after);
    !misplaced && count.is_some_and(|count| count < 8)
}

/// How many groups a part of an IPv6 number without a gap has, if it is one.
fn ipv6_groups(part: &str) -> Option<usize> {
    let (hex, number) = match part.rsplit_once(':') {
        Some((hex, last)) if last.contains('.') => (Some(hex), Some(last)),
        None if part.contains('.') => (None, Some(part)),
        _ => (Some(part), None),
    };
    let byte = |text: &str| text.len() <= 3 && text.parse::<u8>().is_ok();
    let ipv4 = |number: &str| number.split('.').count() == 4 && number.split('.').all(byte);
    let group =
        |text: &str| (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !hex.is_none_or(|hex| hex.split(':').all(group)) || !number.is_none_or(ipv4) {
        return None;
    }
    Some(hex.map_or(0, |hex| hex.split(':').count()) + number.map_or(0, |_| 2))
}

/// All names of a pattern with ranges, the first range turning slowest.
fn expand_ranges(pattern: &str) -> Result<Vec<String>, String> {
    let mut names = vec![String::new()];
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('[') {
        let (range, after) = after.split_once(']').ok_or("a bracket is not closed")?;
        let values = range_values(range)?;
        if names.len().saturating_mul(values.len()) > MAX_HOSTS {
            return Err(format!("it means more than {MAX_HOSTS} hosts"));
        }
        names = names
            .iter()
            .flat_map(|name| {
                values
                    .iter()
                    .map(move |value| format!("{name}{before}{value}"))
            })
            .collect();
        rest = after;
    }
    for name in &mut names {
        name.push_str(rest);
    }
    Ok(names)
}

/// The values of `begin:end` or `begin:end:step`.
fn range_values(range: &str) -> Result<Vec<String>, String> {
    let parts: Vec<&str> = range.split(':').collect();
    let (begin, end, step) = match parts[..] {
        [begin, end] => (begin, end, "1"),
        [begin, end, step] => (begin, end, step),
        _ => return Err("it must be begin:end or begin:end:step".to_owned()),
    };
    let begin = if begin.is_empty() { "0" } else { begin };
    if end.is_empty() {
        return Err("its end is missing".to_owned());
    }
    let step = digits(step)
        .filter(|step| *step > 0)
        .ok_or("its step must be a whole number above 0")?;
    let values = match (letter_index(begin), letter_index(end)) {
        (Some(from), Some(to)) => letters(from, to, step),
        _ => numbers(begin, end, step)?,
    };
    if values.is_empty() {
        Err("its begin is behind its end".to_owned())
    } else {
        Ok(values)
    }
}

/// Letters count from `a` to `z`, then from `A` to `Z`.
fn letter_index(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [small @ b'a'..=b'z'] => Some(small - b'a'),
        [capital @ b'A'..=b'Z'] => Some(capital - b'A' + 26),
        _ => None,
    }
}

fn letters(from: u8, to: u8, step: u64) -> Vec<String> {
    let letter = |index: u8| {
        char::from(if index < 26 {
            b'a' + index
        } else {
            b'A' + index - 26
        })
    };
    let step = usize::try_from(step).unwrap_or(usize::MAX);
    (from..=to)
        .step_by(step)
        .map(|index| letter(index).to_string())
        .collect()
}

/// Numbers; a leading zero gives all of them the width of the first.
fn numbers(begin: &str, end: &str, step: u64) -> Result<Vec<String>, String> {
    let width = if begin.len() > 1 && begin.starts_with('0') {
        begin.len()
    } else {
        0
    };
    if width > 0 && width != end.len() {
        return Err("with leading zeros, begin and end must have the same length".to_owned());
    }
    let bound = |text: &str| digits(text).ok_or("its bounds must be numbers or single letters");
    let (begin, end) = (bound(begin)?, bound(end)?);
    if end.saturating_sub(begin) / step >= MAX_HOSTS as u64 {
        return Err(format!("it means more than {MAX_HOSTS} hosts"));
    }
    let step = usize::try_from(step).unwrap_or(usize::MAX);
    Ok((begin..=end)
        .step_by(step)
        .map(|number| format!("{number:0width$}"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(pattern: &str) -> Vec<String> {
        expand(pattern).unwrap().0
    }

    #[test]
    fn ranges_of_numbers_and_letters_are_expanded() {
        assert_eq!(names("web[08:11]"), ["web08", "web09", "web10", "web11"]);
        assert_eq!(names("db-[a:c].x"), ["db-a.x", "db-b.x", "db-c.x"]);
        assert_eq!(names("n[0:10:5]"), ["n0", "n5", "n10"]);
        assert_eq!(names("r[1:2]n[a:b]"), ["r1na", "r1nb", "r2na", "r2nb"]);
        assert_eq!(names("n[:1]"), ["n0", "n1"]);
    }

    #[test]
    fn ports_are_split_from_names_and_addresses() {
        for (text, name, port) in [
            ("a:22", "a", Some(22)),
            ("10.0.0.1:2222", "10.0.0.1", Some(2222)),
            ("[2001:db8::1]:22", "2001:db8::1", Some(22)),
            ("2001:db8::1", "2001:db8::1", None),
            ("::1", "::1", None),
            ("[::]:22", "::", Some(22)),
            ("[::ffff:10.0.0.1]:22", "::ffff:10.0.0.1", Some(22)),
            ("[1:2:3:4:5:6:7:8]:22", "1:2:3:4:5:6:7:8", Some(22)),
        ] {
            assert_eq!(expand(text), Ok((vec![name.to_owned()], port)), "{text}");
        }
        assert_eq!(
            expand("w[1:2]:2200"),
            Ok((vec!["w1".into(), "w2".into()], Some(2200)))
        );
    }

    #[test]
    fn a_range_that_means_nothing_or_too_much_is_refused() {
        for text in [
            "a[5:3]",
            "a[c:a]",
            "a[1:2:0]",
            "a[1:]",
            "a[1]",
            "a[01:100]",
            "a[x:5]",
            "a[1:2",
            "a[0:99999999999]",
            "a[1:9999][1:9999]",
            "a[ab:de]",
            "a[1:99999999999999999999]",
        ] {
            assert!(expand(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_range_gives_back_each_number_it_was_made_of(begin in 0_u32..500, count in 1_u32..200, step in 1_u32..9, width in 0_usize..6) {
            let end = begin + count;
            let (first, last) = (format!("{begin:0width$}"), format!("{end:0width$}"));
            prop_assume!(!(first.starts_with('0') && first.len() > 1 && first.len() != last.len()));
            let expected: Vec<String> = (begin..=end).step_by(step as usize).map(|n| format!("h{n:0width$}.x")).collect();
            prop_assume!(first.starts_with('0') && first.len() > 1 || width <= begin.to_string().len());
            prop_assert_eq!(names(&format!("h[{first}:{last}:{step}].x")), expected);
        }

        #[test]
        fn no_text_makes_patterns_panic(text in "[\\[\\]:a-c0-9A-C.é_-]{0,24}") {
            let _ = expand(&text);
        }
    }
}

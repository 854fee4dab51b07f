//! Colours and styles, written anew from the values that are known.

/// At most this many values are looked at in a sequence.
const MAX_VALUES: usize = 32;

/// A rebuilt sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Style {
    /// `ESC [ … m`, or nothing when no value was known.
    pub sequence: String,
    /// Whether anything but the terminal's default is set after it.
    pub styled: bool,
}

/// Reads the parameters between `ESC [` and `m`. Unknown values are left out; after a value that
/// is cut short or too large, the rest is left out too.
pub(super) fn parse(parameters: &str, styled: bool) -> Style {
    let mut values: Vec<String> = Vec::new();
    let mut styled = styled;
    let mut rest = parameters.split(';').take(MAX_VALUES);
    while let Some(parameter) = rest.next() {
        let Some(value) = rebuild(parameter, &mut rest) else {
            break;
        };
        match value.as_str() {
            "" => continue,
            "0" => styled = false,
            _ => styled = true,
        }
        values.push(value);
    }
    let sequence = if values.is_empty() {
        String::new()
    } else {
        format!("\x1b[{}m", values.join(";"))
    };
    Style { sequence, styled }
}

/// One value; empty when it is unknown, `None` when nothing after it can be trusted.
fn rebuild<'a>(parameter: &'a str, rest: &mut impl Iterator<Item = &'a str>) -> Option<String> {
    if let Some((head, tail)) = parameter.split_once(':') {
        return Some(with_subvalues(head, tail));
    }
    let value = number(parameter)?;
    if !matches!(value, 38 | 48 | 58) {
        return Some(if is_known(value) {
            value.to_string()
        } else {
            String::new()
        });
    }
    let count = match number(rest.next()?)? {
        5 => 1,
        2 => 3,
        _ => return None,
    };
    let mut colour = Vec::with_capacity(count);
    for _ in 0..count {
        colour.push(byte(rest.next()?)?);
    }
    Some(colour_text(value, &colour))
}

/// The form with colons: `4:3`, `38:5:n`, `38:2:r:g:b` and `38:2::r:g:b`.
fn with_subvalues(head: &str, tail: &str) -> String {
    let Some(value) = number(head) else {
        return String::new();
    };
    let parts: Vec<&str> = tail.split(':').collect();
    let bytes = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| byte(text))
            .collect::<Option<Vec<u8>>>()
    };
    let colour = match parts.as_slice() {
        ["5", index] => bytes(&[index]),
        ["2", r, g, b] | ["2", _, r, g, b] => bytes(&[r, g, b]),
        _ => None,
    };
    match (value, colour) {
        (4, _) if parts == ["0"] => "24".to_owned(),
        (4, _) => "4".to_owned(),
        (38 | 48 | 58, Some(colour)) => colour_text(value, &colour),
        _ => String::new(),
    }
}

fn colour_text(value: u16, colour: &[u8]) -> String {
    match colour {
        [index] => format!("{value};5;{index}"),
        [r, g, b] => format!("{value};2;{r};{g};{b}"),
        _ => String::new(),
    }
}

fn number(text: &str) -> Option<u16> {
    if text.is_empty() {
        Some(0)
    } else {
        text.parse().ok()
    }
}

fn byte(text: &str) -> Option<u8> {
    if text.is_empty() {
        Some(0)
    } else {
        text.parse().ok()
    }
}

/// Styles and colours, and their ends; not blinking (5, 6), concealed (8), or other fonts.
fn is_known(value: u16) -> bool {
    matches!(value, 0..=4 | 7 | 9 | 21..=25 | 27..=37 | 39..=47 | 49 | 53 | 55 | 59 | 90..=97 | 100..=107)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rebuilt(parameters: &str) -> String {
        parse(parameters, false).sequence.replace('\x1b', "E")
    }

    #[test]
    fn known_values_are_written_anew_and_others_left_out() {
        for (given, expected) in [
            ("", "E[0m"),
            ("1;31", "E[1;31m"),
            ("01;034", "E[1;34m"),
            ("1;;31", "E[1;0;31m"),
            ("8", ""),
            ("5;1", "E[1m"),
            ("38;5;200;1", "E[38;5;200;1m"),
            ("38;2;1;2;3", "E[38;2;1;2;3m"),
            ("38;5;300;1", ""),
            ("1;38;5", "E[1m"),
            ("38;9;1", ""),
            ("38:2::1:2:3;4:3", "E[38;2;1;2;3;4m"),
            ("48:5:7;4:0", "E[48;5;7;24m"),
            ("99999999999", ""),
            ("1:2:3", ""),
        ] {
            assert_eq!(rebuilt(given), expected, "{given}");
        }
    }

    #[test]
    fn a_sequence_of_many_values_is_cut() {
        let many = vec!["1"; 100].join(";");
        assert_eq!(rebuilt(&many).matches('1').count(), MAX_VALUES);
    }

    #[test]
    fn it_is_known_whether_a_style_is_left() {
        assert!(parse("1", false).styled);
        assert!(!parse("1;0", false).styled);
        assert!(parse("8", true).styled, "an unknown value changes nothing");
    }
}

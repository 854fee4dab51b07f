//! The two pieces of Python that `nodeset` lets through to its options: `%` formats and escapes.

use std::fmt::Write as _;

/// What a format shows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'v> {
    Text(&'v str),
    Number(i128),
}

/// One `%…` of a format.
#[derive(Debug, Default)]
struct Spec {
    left: bool,
    zero: bool,
    /// What stands before a number that is not negative.
    sign: &'static str,
    other_form: bool,
    width: usize,
    precision: Option<usize>,
}

/// No line needs more; Python would try.
const WIDEST: usize = 10_000;

/// Puts the value where the format says, as Python's `format % value`.
pub(super) fn format(format: &str, value: Value) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = format;
    let mut used = false;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let (spec, conversion, after) = read_spec(after)?;
        rest = after;
        if used {
            return Err(
                "there is only one value to show: use one %s, and %% for a percent sign".into(),
            );
        }
        used = true;
        out.push_str(&spec.show(conversion, value)?);
    }
    if !used {
        return Err("nothing would be shown: use %s where the value belongs".into());
    }
    Ok(out + rest)
}

fn read_spec(text: &str) -> Result<(Spec, char, &str), String> {
    let mut spec = Spec::default();
    let mut rest = text;
    while let Some(flag) = rest.chars().next().filter(|char| "-0+ #".contains(*char)) {
        match flag {
            '-' => spec.left = true,
            '0' => spec.zero = true,
            '+' => spec.sign = "+",
            ' ' if spec.sign.is_empty() => spec.sign = " ",
            ' ' => {}
            _ => spec.other_form = true,
        }
        rest = &rest[1..];
    }
    (spec.width, rest) = read_number(rest)?;
    if let Some(after) = rest.strip_prefix('.') {
        let (precision, after) = read_number(after)?;
        (spec.precision, rest) = (Some(precision), after);
    }
    rest = rest.trim_start_matches(['h', 'l', 'L']);
    let conversion = rest
        .chars()
        .next()
        .ok_or("it ends with a single %: write %%")?;
    Ok((spec, conversion, &rest[conversion.len_utf8()..]))
}

fn read_number(text: &str) -> Result<(usize, &str), String> {
    let end = text
        .find(|char: char| !char.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let number = if digits.is_empty() {
        0
    } else {
        digits.parse().unwrap_or(usize::MAX)
    };
    if number > WIDEST {
        return Err(format!("a width of more than {WIDEST} is too much"));
    }
    Ok((number, rest))
}

impl Spec {
    fn show(&self, conversion: char, value: Value) -> Result<String, String> {
        let text = match (conversion, value) {
            ('s', Value::Text(text)) => self.cut(text),
            ('s' | 'r' | 'a', Value::Number(number)) => self.cut(&number.to_string()),
            ('r', Value::Text(text)) => self.cut(&quoted(text)),
            ('a', Value::Text(text)) => self.cut(&ascii(&quoted(text))),
            ('d' | 'i' | 'u', Value::Number(number)) => {
                return Ok(self.digits("", &number.to_string()));
            }
            ('x', Value::Number(number)) => return Ok(self.digits("0x", &format!("{number:x}"))),
            ('X', Value::Number(number)) => return Ok(self.digits("0X", &format!("{number:X}"))),
            ('o', Value::Number(number)) => return Ok(self.digits("0o", &format!("{number:o}"))),
            ('d' | 'i' | 'u' | 'x' | 'X' | 'o', Value::Text(_)) => {
                return Err(format!("%{conversion} shows numbers only: use %s"));
            }
            _ => return Err(format!("%{conversion} is not known: use %s")),
        };
        Ok(self.padded(&text))
    }

    fn cut(&self, text: &str) -> String {
        text.chars()
            .take(self.precision.unwrap_or(usize::MAX))
            .collect()
    }

    fn padded(&self, text: &str) -> String {
        let width = self.width;
        if self.left {
            format!("{text:<width$}")
        } else {
            format!("{text:>width$}")
        }
    }

    /// A number that is not negative: sign, base, zeros.
    fn digits(&self, base: &str, digits: &str) -> String {
        let sign = self.sign;
        let base = if self.other_form { base } else { "" };
        let before = sign.len() + base.len();
        let filled = if self.zero && !self.left {
            self.width.saturating_sub(before)
        } else {
            0
        };
        let least = self.precision.unwrap_or(0).max(filled);
        self.padded(&format!("{sign}{base}{digits:0>least$}"))
    }
}

/// Text in quotes, as Python's `repr` of the simple kind that host names are.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::from(quote);
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            char if char == quote => out.extend(['\\', char]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            char if char.is_control() => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\x{:02x}", u32::from(char));
            }
            char => out.push(char),
        }
    }
    out.push(quote);
    out
}

/// The text with everything beyond ASCII escaped.
fn ascii(text: &str) -> String {
    let mut out = String::new();
    for char in text.chars() {
        // Writing to a String cannot fail.
        let _ = match u32::from(char) {
            0..=0x7f => write!(out, "{char}"),
            code @ 0x80..=0xff => write!(out, "\\x{code:02x}"),
            code @ 0x100..=0xffff => write!(out, "\\u{code:04x}"),
            code => write!(out, "\\U{code:08x}"),
        };
    }
    out
}

/// Replaces the escapes of a Python string that stands in triple quotes; `None` when it could not
/// stand there.
pub(super) fn unescape(text: &str) -> Option<String> {
    let text = inside_quotes(text)?;
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        let escape = chars.next()?;
        match escape {
            '\n' => {}
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'v' => out.push('\u{b}'),
            '\\' | '\'' | '"' => out.push(escape),
            'x' => out.push(hex(&mut chars, 2)?),
            'u' => out.push(hex(&mut chars, 4)?),
            'U' => out.push(hex(&mut chars, 8)?),
            'N' => return None,
            '0'..='7' => out.push(octal(escape, &mut chars)?),
            other => out.extend(['\\', other]),
        }
    }
    Some(out)
}

/// The part of the text that a string in triple quotes around it has. Two quotes at its very end
/// would be an empty string of their own, which Python appends.
fn inside_quotes(text: &str) -> Option<&str> {
    let quoted = format!("{text}'''");
    let mut at = 0;
    while !quoted[at..].starts_with("'''") {
        let mut chars = quoted[at..].chars();
        let first = chars.next()?;
        at += first.len_utf8();
        if first == '\\' {
            at += chars.next()?.len_utf8();
        }
    }
    matches!(&quoted[at + 3..], "" | "''").then(|| &text[..at])
}

fn hex(chars: &mut std::str::Chars, digits: usize) -> Option<char> {
    let text: String = chars.take(digits).collect();
    let whole = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    char::from_u32(u32::from_str_radix(&text, 16).ok().filter(|_| whole)?)
}

fn octal(first: char, chars: &mut std::str::Chars) -> Option<char> {
    let mut value = first.to_digit(8)?;
    for _ in 0..2 {
        let Some(digit) = chars.clone().next().and_then(|char| char.to_digit(8)) else {
            break;
        };
        chars.next();
        value = value * 8 + digit;
    }
    char::from_u32(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formats_show_values_as_python_does() {
        let text = |wanted: &str| format(wanted, Value::Text("web1")).unwrap();
        let number = |wanted: &str| format(wanted, Value::Number(26)).unwrap();
        assert_eq!(text("<%s> 100%%"), "<web1> 100%");
        assert_eq!(
            (text("%6s|"), text("%-6s|"), text("%.2s"), text("%r")),
            (
                "  web1|".into(),
                "web1  |".into(),
                "we".into(),
                "'web1'".into()
            )
        );
        assert_eq!(
            (
                number("%d"),
                number("%05d"),
                number("%+x"),
                number("%#o"),
                number("%5s")
            ),
            (
                "26".into(),
                "00026".into(),
                "+1a".into(),
                "0o32".into(),
                "   26".into()
            )
        );
    }

    #[test]
    fn faulty_formats_are_refused() {
        for wanted in ["plain", "%s %s", "%", "%d", "%q", "%(x)s", "%99999999999s"] {
            assert!(format(wanted, Value::Text("web1")).is_err(), "{wanted}");
        }
    }

    #[test]
    fn escapes_are_those_of_python() {
        assert_eq!(unescape(r"\n\t\x41\101\q\\,").unwrap(), "\n\tAA\\q\\,");
        for text in ["'", "\\", "a'''b", r"\x4", r"\N{DASH}", r"\ud800"] {
            assert_eq!(unescape(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_format_or_separator_panics(text in "[%sdr0-9. +#'\\\\xuN\\PC-]{0,20}") {
            let _ = (format(&text, Value::Text("é1")), format(&text, Value::Number(3)), unescape(&text));
        }
    }
}

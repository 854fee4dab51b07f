//! Python literals, as values of an INI inventory may be: `1`, `True`, `'a'`, `[1, 2]`, `{'a': None}`.
//!
//! What Python would not read as a literal, or JSON could not hold, is no literal here either, and
//! its reader takes the text as it stands.

mod string;

use std::collections::HashMap;

use serde_json::{Map, Number, Value};

/// Deeper nesting is taken as text.
const MAX_DEPTH: usize = 50;

/// The value of a whole text, if it is a literal.
pub(super) fn parse(text: &str) -> Option<Value> {
    if text.contains('\0') {
        return None;
    }
    let mut parser = Parser {
        rest: text.trim_start_matches([' ', '\t']),
        depth: 0,
    };
    let value = parser.expressions(Parser::at_end)?;
    parser.at_end().then_some(value)
}

struct Parser<'t> {
    rest: &'t str,
    depth: usize,
}

impl Parser<'_> {
    /// One value, or several with commas between them, which are a tuple.
    fn expressions(&mut self, ends: impl Fn(&mut Self) -> bool) -> Option<Value> {
        let first = self.value()?;
        if !self.take(',') {
            return Some(first);
        }
        let mut items = vec![first];
        while !ends(self) {
            items.push(self.value()?);
            if !self.take(',') {
                break;
            }
        }
        Some(Value::Array(items))
    }

    fn value(&mut self) -> Option<Value> {
        self.blanks();
        let first = self.rest.chars().next()?;
        match first {
            '(' => self.nested(Self::tuple),
            '[' => self.nested(Self::list),
            '{' => self.nested(Self::dict),
            '-' | '+' => {
                self.take(first);
                self.blanks();
                self.number(first == '-')
            }
            '0'..='9' | '.' => self.number(false),
            _ => self.word(),
        }
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Option<Value>) -> Option<Value> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        self.rest = self.rest.get(1..)?;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn tuple(&mut self) -> Option<Value> {
        if self.take(')') {
            return Some(Value::Array(Vec::new()));
        }
        let value = self.expressions(|parser| parser.sees(')'))?;
        self.take(')').then_some(value)
    }

    fn list(&mut self) -> Option<Value> {
        let mut items = Vec::new();
        while !self.take(']') {
            items.push(self.value()?);
            if !self.take(',') {
                return self.take(']').then_some(Value::Array(items));
            }
        }
        Some(Value::Array(items))
    }

    fn dict(&mut self) -> Option<Value> {
        let mut entries = Map::new();
        let mut numbers: HashMap<u64, String> = HashMap::new();
        while !self.take('}') {
            let key = self.value()?;
            let mut text = key_text(&key)?;
            if let Some(number) = numeric(&key) {
                text.clone_from(numbers.entry(number).or_insert_with(|| text.clone()));
            }
            if !self.take(':') {
                return None;
            }
            entries.insert(text, self.value()?);
            if !self.take(',') {
                return self.take('}').then_some(Value::Object(entries));
            }
        }
        Some(Value::Object(entries))
    }

    /// `True`, `False`, `None`, or strings, of which several in a row are one.
    fn word(&mut self) -> Option<Value> {
        for (word, value) in [
            ("True", Value::Bool(true)),
            ("False", Value::Bool(false)),
            ("None", Value::Null),
        ] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                let more = rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
                self.rest = rest;
                return (!more && !rest.starts_with(['\'', '"'])).then_some(value);
            }
        }
        let mut parts: Option<string::Text> = None;
        loop {
            self.blanks();
            match string::read(self.rest) {
                Some((text, rest)) => {
                    self.rest = rest;
                    parts = Some(match parts {
                        None => text,
                        Some(before) => before.followed_by(&text)?,
                    });
                }
                None if self.rest.starts_with(['\'', '"']) => return None,
                None => break,
            }
        }
        let text = parts?;
        // Bytes become text only where they are the whole value.
        if text.bytes && (self.depth > 0 || !self.at_end()) {
            None
        } else {
            Some(Value::String(text.text))
        }
    }

    fn number(&mut self, negative: bool) -> Option<Value> {
        let length = number_length(self.rest);
        let (text, rest) = self.rest.split_at(length);
        if rest.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.') {
            return None;
        }
        self.rest = rest;
        number(text, negative)
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\u{c}']);
    }

    fn sees(&mut self, c: char) -> bool {
        self.blanks();
        self.rest.starts_with(c)
    }

    fn take(&mut self, c: char) -> bool {
        let seen = self.sees(c);
        if seen {
            self.rest = &self.rest[c.len_utf8()..];
        }
        seen
    }

    /// Whether nothing is left but blanks and a comment.
    fn at_end(&mut self) -> bool {
        self.blanks();
        self.rest.is_empty() || self.rest.starts_with('#')
    }
}

/// Keys of JSON are text; Python's other keys become what its JSON writer makes of them.
fn key_text(key: &Value) -> Option<String> {
    match key {
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(key.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// What a key counts as: to Python `1`, `1.0` and `True` are the same key.
fn numeric(key: &Value) -> Option<u64> {
    let number = match key {
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        // The addition makes one of the two zeros.
        Value::Number(number) => number.as_f64()? + 0.0,
        _ => return None,
    };
    Some(number.to_bits())
}

/// Bytes of the longest run that could be one number.
fn number_length(text: &str) -> usize {
    let prefixed = text
        .get(..2)
        .is_some_and(|start| matches!(start, "0x" | "0X" | "0o" | "0O" | "0b" | "0B"));
    let mut length = 0;
    let mut last = ' ';
    for c in text.chars() {
        let sign = !prefixed && matches!(c, '+' | '-') && matches!(last, 'e' | 'E');
        if !(c.is_ascii_alphanumeric() || c == '_' || c == '.' || sign) {
            break;
        }
        length += 1;
        last = c;
    }
    length
}

fn number(text: &str, negative: bool) -> Option<Value> {
    let lower = text.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            let digits = without_underscores(digits.strip_prefix('_').unwrap_or(digits), |c| {
                c.is_digit(radix)
            })?;
            return Some(whole(
                u64::from_str_radix(&digits, radix).ok(),
                negative,
                text,
            ));
        }
    }
    if let Some(digits) = without_underscores(text, |c| c.is_ascii_digit()) {
        let padded =
            digits.len() > 1 && digits.starts_with('0') && digits.bytes().any(|b| b != b'0');
        return if padded {
            None
        } else {
            Some(whole(digits.parse().ok(), negative, text))
        };
    }
    float(&lower, negative)
}

/// Underscores may stand between digits only.
fn without_underscores(text: &str, digit: impl Fn(char) -> bool) -> Option<String> {
    let parts: Vec<&str> = text.split('_').collect();
    let ok = parts
        .iter()
        .all(|part| !part.is_empty() && part.chars().all(&digit));
    ok.then(|| parts.concat())
}

/// A whole number; one that JSON's 64 bits cannot hold stays text.
fn whole(magnitude: Option<u64>, negative: bool, text: &str) -> Value {
    let number = match (magnitude, negative) {
        (Some(magnitude), false) => Some(Number::from(magnitude)),
        (Some(magnitude), true) => 0_i64.checked_sub_unsigned(magnitude).map(Number::from),
        (None, _) => None,
    };
    number.map_or_else(
        || Value::String(format!("{}{text}", if negative { "-" } else { "" })),
        Value::Number,
    )
}

/// `1.`, `.5`, `1e3`, `1_0.5e-1_0`; infinity has no JSON and becomes text.
fn float(lower: &str, negative: bool) -> Option<Value> {
    let digits = |text: &str| without_underscores(text, |c| c.is_ascii_digit());
    let (mantissa, exponent) = match lower.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (lower, None),
    };
    let exponent = match exponent {
        Some(exponent) => digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
            .map(|_| exponent.replace('_', ""))?,
        None => "0".to_owned(),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let part = |text: &str| {
        if text.is_empty() {
            Some("0".to_owned())
        } else {
            digits(text)
        }
    };
    let value: f64 = format!("{}.{}e{exponent}", part(whole)?, part(fraction)?)
        .parse()
        .ok()?;
    let value = if negative { -value } else { value };
    let infinite = || Value::String(if negative { "-Infinity" } else { "Infinity" }.to_owned());
    Some(Number::from_f64(value).map_or_else(infinite, Value::Number))
}

#[cfg(test)]
mod tests;

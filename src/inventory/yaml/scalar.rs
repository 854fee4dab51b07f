//! What an unquoted word means in YAML 1.1: text, number, truth value, nothing.

use serde_json::{Number, Value};

/// The value of an unquoted word.
pub(super) fn resolve(text: &str) -> Value {
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    if let Some(truth) = boolean(text) {
        return Value::Bool(truth);
    }
    let number = integer(text).or_else(|| float(text));
    number.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// The value of a word whose type is given by a tag.
pub(super) fn tagged(tag: &str, text: &str) -> Result<Value, String> {
    let value = match tag {
        "int" => integer(text),
        "float" => float(text).or_else(|| integer(text)),
        "bool" => boolean(text).map(Value::Bool),
        _ => Some(Value::Null),
    };
    value.ok_or_else(|| format!("{} is no {tag}", crate::run::complaint::quote(text)))
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Splits off a sign.
fn signed(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Binary, octal with a leading zero, decimal, hexadecimal, and base 60 (`1:30`).
fn integer(text: &str) -> Option<Value> {
    let (negative, body) = signed(text);
    let digits = body.replace('_', "");
    let magnitude = if let Some(bits) = body.strip_prefix("0b") {
        all(bits, |b| matches!(b, b'0' | b'1' | b'_')).then(|| radix(&digits[2..], 2))?
    } else if let Some(hex) = body.strip_prefix("0x") {
        all(hex, |b| b.is_ascii_hexdigit() || b == b'_').then(|| radix(&digits[2..], 16))?
    } else if body == "0" {
        Ok(0)
    } else if let Some(octal) = body.strip_prefix('0') {
        all(octal, |b| matches!(b, b'0'..=b'7' | b'_')).then(|| radix(&digits, 8))?
    } else if body.contains(':') {
        sixties(body)?
    } else {
        let starts = body.starts_with(|c: char| c.is_ascii_digit());
        (starts && all(body, |b| b.is_ascii_digit() || b == b'_')).then(|| radix(&digits, 10))?
    };
    Some(whole_number(negative, magnitude, text))
}

fn all(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(allowed)
}

/// `Err`: more than can be counted.
fn radix(digits: &str, base: u32) -> Result<u64, ()> {
    if digits.is_empty() {
        Ok(0)
    } else {
        u64::from_str_radix(digits, base).map_err(|_| ())
    }
}

/// A whole number; one that JSON's 64 bits cannot hold stays text.
fn whole_number(negative: bool, magnitude: Result<u64, ()>, text: &str) -> Value {
    let number = match (negative, magnitude) {
        (false, Ok(magnitude)) => Some(Number::from(magnitude)),
        (true, Ok(magnitude)) => 0_i64.checked_sub_unsigned(magnitude).map(Number::from),
        (_, Err(())) => None,
    };
    number.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

/// Whole numbers of base 60, as in `1:30`.
fn sixties(text: &str) -> Option<Result<u64, ()>> {
    let (first, rest) = text.split_once(':')?;
    if !(first.starts_with(|c: char| ('1'..='9').contains(&c))
        && all(first, |b| b.is_ascii_digit() || b == b'_'))
    {
        return None;
    }
    let mut value = radix(&first.replace('_', ""), 10);
    for part in rest.split(':') {
        let digit = sixtieth(part)?;
        value = value.and_then(|value| {
            value
                .checked_mul(60)
                .and_then(|value| value.checked_add(digit))
                .ok_or(())
        });
    }
    Some(value)
}

fn sixtieth(part: &str) -> Option<u64> {
    let short = matches!(part.len(), 1 | 2) && all(part, |b| b.is_ascii_digit());
    part.parse().ok().filter(|value| short && *value < 60)
}

/// Numbers with a dot, infinity and not-a-number; the last two have no JSON and become text.
fn float(text: &str) -> Option<Value> {
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(Value::String("NaN".to_owned()));
    }
    let (negative, body) = signed(text);
    if matches!(body, ".inf" | ".Inf" | ".INF") {
        return Some(Value::String(
            if negative { "-Infinity" } else { "Infinity" }.to_owned(),
        ));
    }
    let value = if body.contains(':') {
        sixties_with_fraction(body)?
    } else {
        decimal(text, body)?
    };
    let value = if negative { -value } else { value };
    Some(Number::from_f64(value).map_or_else(|| Value::String(text.to_owned()), Value::Number))
}

fn decimal(text: &str, body: &str) -> Option<f64> {
    let (whole, fraction) = body.split_once('.')?;
    let digits = |b: u8| b.is_ascii_digit() || b == b'_';
    let whole_ok =
        whole.is_empty() || (whole.starts_with(|c: char| c.is_ascii_digit()) && all(whole, digits));
    let (fraction, exponent) = match fraction.find(['e', 'E']) {
        Some(at) => (&fraction[..at], Some(&fraction[at + 1..])),
        None => (fraction, None),
    };
    let fraction_ok = fraction.bytes().all(digits);
    let exponent_ok = exponent.is_none_or(|e| {
        e.strip_prefix(['+', '-'])
            .is_some_and(|d| all(d, |b| b.is_ascii_digit()))
    });
    // Without a whole part there is no sign, and the fraction starts with a digit.
    let bare_ok =
        !whole.is_empty() || (text == body && fraction.starts_with(|c: char| c.is_ascii_digit()));
    (whole_ok && fraction_ok && exponent_ok && bare_ok)
        .then(|| body.replace('_', "").parse().ok())?
}

fn sixties_with_fraction(body: &str) -> Option<f64> {
    let (whole, fraction) = body.rsplit_once('.')?;
    let (first, rest) = whole.split_once(':')?;
    let first_ok = first.starts_with(|c: char| c.is_ascii_digit())
        && all(first, |b| b.is_ascii_digit() || b == b'_');
    if !first_ok || !fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
        return None;
    }
    let mut value: f64 = first.replace('_', "").parse().ok()?;
    for part in rest.split(':') {
        value = value.mul_add(60.0, sixtieth(part)? as f64);
    }
    let fraction = fraction.replace('_', "");
    Some(value + format!("0.{fraction}0").parse::<f64>().ok()?)
}

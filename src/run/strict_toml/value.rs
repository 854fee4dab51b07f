//! TOML values as other types.

use serde_json::{Map, Number, Value};
use toml::de::{DeInteger, DeValue};

/// A TOML value as JSON: dates become their text, numbers that JSON does not have become text too.
///
/// # Errors
/// A sentence, if an integer has more than 64 bits.
pub fn json_of(value: &DeValue<'_>) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => Value::Number(integer(number)?.into()),
        DeValue::Float(number) => {
            let float = number.as_str().replace('_', "").parse::<f64>().ok();
            float
                .and_then(Number::from_f64)
                .map_or_else(|| Value::String(number.as_str().to_owned()), Value::Number)
        }
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Datetime(date) => Value::String(date.to_string()),
        DeValue::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| json_of(item.get_ref()))
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(table) => {
            let entry = |(key, value): (
                &toml::Spanned<std::borrow::Cow<'_, str>>,
                &toml::Spanned<DeValue<'_>>,
            )| {
                Ok::<_, String>((key.get_ref().to_string(), json_of(value.get_ref())?))
            };
            Value::Object(table.iter().map(entry).collect::<Result<Map<_, _>, _>>()?)
        }
    })
}

/// The value of a TOML integer in any of its notations.
pub(super) fn integer(number: &DeInteger<'_>) -> Result<i64, String> {
    i64::from_str_radix(number.as_str(), number.radix())
        .map_err(|_| format!("the number {number} does not fit into 64 bits"))
}

/// What a value is, in words.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

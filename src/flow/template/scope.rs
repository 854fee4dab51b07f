//! The values a template may use.

use std::collections::BTreeMap;

use minijinja::Value as Inner;

use crate::flow::value::Tainted;

/// A value that may enter any text.
pub type Value = serde_json::Value;

/// Values under their names. What came from outside is kept apart, and enters commands (quoted) and
/// conditions only.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    trusted: BTreeMap<String, Inner>,
    outside: BTreeMap<String, Inner>,
}

impl Scope {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value that a person or the site gave.
    #[must_use]
    pub fn with(mut self, name: &str, value: &Value) -> Self {
        self.trusted.insert(name.to_owned(), inner(value));
        self
    }

    /// Adds a number, which may be an infinite one.
    #[must_use]
    pub fn with_number(mut self, name: &str, value: f64) -> Self {
        self.trusted.insert(name.to_owned(), Inner::from(value));
        self
    }

    /// Adds a value that came from outside.
    #[must_use]
    pub fn with_outside(mut self, name: &str, value: &Tainted) -> Self {
        self.outside
            .insert(name.to_owned(), Inner::from(value.raw()));
        self
    }

    /// Adds a list that came from outside.
    #[must_use]
    pub fn with_outside_list(mut self, name: &str, values: &Value) -> Self {
        self.outside.insert(name.to_owned(), inner(values));
        self
    }

    /// Adds several values that came from outside, under one name: `registered.version`.
    #[must_use]
    pub fn with_outside_under<'a>(
        mut self,
        name: &str,
        values: impl IntoIterator<Item = (&'a String, &'a Tainted)>,
    ) -> Self {
        let pairs = values
            .into_iter()
            .map(|(name, value)| (name.as_str(), value.raw()));
        self.outside
            .insert(name.to_owned(), Inner::from_pairs(pairs));
        self
    }

    pub(super) fn trusted(&self) -> Inner {
        Inner::from_pairs(self.trusted.iter().map(|(k, v)| (k.as_str(), v.clone())))
    }

    pub(super) fn all(&self) -> Inner {
        let both = self.trusted.iter().chain(&self.outside);
        Inner::from_pairs(both.map(|(k, v)| (k.as_str(), v.clone())))
    }

    pub(super) fn is_outside(&self, name: &str) -> bool {
        self.outside.contains_key(name)
    }
}

fn inner(value: &Value) -> Inner {
    match value {
        Value::Null => Inner::from(()),
        Value::Bool(flag) => Inner::from(*flag),
        Value::Number(number) => number.as_i64().map_or_else(
            || Inner::from(number.as_f64().unwrap_or_default()),
            Inner::from,
        ),
        Value::String(text) => Inner::from(text),
        Value::Array(items) => items.iter().map(inner).collect(),
        Value::Object(parts) => Inner::from_pairs(
            parts
                .iter()
                .map(|(name, part)| (name.as_str(), inner(part))),
        ),
    }
}

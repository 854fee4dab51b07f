//! The values a template may use.

use std::collections::BTreeMap;

use minijinja::{Error, ErrorKind, Value as Inner};

use super::STAGES;
use crate::flow::value::Tainted;
use crate::run::complaint::quote;
use crate::run::stages::{Handed, Registered, merge};

/// A value that may enter any text.
pub type Value = serde_json::Value;

/// Values under their names. What came from outside is kept apart, and enters commands (quoted) and
/// conditions only.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    trusted: BTreeMap<String, Inner>,
    outside: BTreeMap<String, Inner>,
}

/// What earlier stages registered, as texts use it. Made once for many texts.
#[derive(Debug, Clone)]
pub struct StageValues(Inner);

impl From<&Handed> for StageValues {
    /// `stages.NAME.registered.VAR` is the value of all hosts, `stages.NAME.values.VAR` each that
    /// there is, `stages.NAME.by_host[HOST].VAR` that of one host, and `stages.NAME.by_item[ITEM]`
    /// the same of one item.
    fn from(stages: &Handed) -> Self {
        let stages = stages.0.iter().map(|(name, nodes)| {
            let mut all = Registered::new();
            for node in nodes {
                merge(&mut all, node.values.clone());
            }
            let items = nodes.iter().filter_map(|node| {
                let item = node.item.as_deref()?;
                Some((item, Inner::from_pairs(of_stage(name, &node.values))))
            });
            let by_item = ("by_item", Inner::from_pairs(items));
            let parts = of_stage(name, &all).into_iter().chain([by_item]);
            (name.as_str(), Inner::from_pairs(parts))
        });
        Self(Inner::from_pairs(stages))
    }
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

    /// Adds what earlier stages registered.
    #[must_use]
    pub fn with_stages(mut self, stages: &StageValues) -> Self {
        self.outside.insert(STAGES.to_owned(), stages.0.clone());
        self
    }

    /// Whether there is anything of this name.
    pub fn has(&self, name: &str) -> bool {
        self.trusted.contains_key(name) || self.outside.contains_key(name)
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

fn of_stage(stage: &str, registered: &Registered) -> [(&'static str, Inner); 3] {
    let agreed = registered.iter().filter_map(|(name, values)| {
        let mut each = values.iter();
        let (value, hosts) = each.next()?;
        let agreed = match each.next() {
            None => Inner::from(value),
            // Whoever uses it is told, and nobody else.
            Some(other) => Inner::from(disagreement(stage, name, (value, hosts), other)),
        };
        Some((name.as_str(), agreed))
    });
    let values = registered.iter().map(|(name, values)| {
        let values: Inner = values
            .keys()
            .map(|value| Inner::from(value.as_str()))
            .collect();
        (name.as_str(), values)
    });
    let mut by_host: BTreeMap<&str, Vec<(&str, Inner)>> = BTreeMap::new();
    for (name, values) in registered {
        for (value, hosts) in values {
            for host in hosts {
                let of_host = by_host.entry(host.as_str()).or_default();
                of_host.push((name, Inner::from(value.as_str())));
            }
        }
    }
    let by_host = by_host
        .into_iter()
        .map(|(host, values)| (host, Inner::from_pairs(values)));
    [
        ("registered", Inner::from_pairs(agreed)),
        ("values", Inner::from_pairs(values)),
        ("by_host", Inner::from_pairs(by_host)),
    ]
}

fn disagreement(
    stage: &str,
    name: &str,
    one: (&String, &Vec<String>),
    other: (&String, &Vec<String>),
) -> Error {
    let told = |(value, hosts): (&String, &Vec<String>)| {
        let host = hosts.first().map_or("?", String::as_str);
        format!("{} on {host}", quote(value))
    };
    let message = format!(
        "the hosts of {stage} do not agree on {name}: it is {}, and {}; use {STAGES}.{stage}.values, \
         or by_host",
        told(one),
        told(other)
    );
    Error::new(ErrorKind::InvalidOperation, message)
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

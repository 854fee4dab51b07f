//! YAML as the programs read it whose files we take over: version 1.1, one document, last of
//! two equal keys wins, `<<` merges.
//!
//! Gives a tree of nodes with their places. Nesting, and copies made by aliases, are bounded, so
//! that no file can eat the memory of the engine.

mod compose;
mod scalar;

use serde_json::{Map, Value};

use crate::run::complaint::{Complaint, Place};

pub use compose::parse;

/// A piece of a YAML document.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Where it starts.
    pub place: Place,
}

/// The three kinds of node.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Text, number, truth value or nothing.
    Scalar(Value),
    /// A list.
    List(Vec<Node>),
    /// Keys and values in the order of the text, each key once.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// Whether nothing was written here, or `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Scalar(Value::Null))
    }

    /// The text, if it is text and not a number or truth value.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Keys and values, if it is a map.
    pub fn as_map(&self) -> Option<&[(Node, Node)]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value under a text key, if it is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let entries = self.as_map()?;
        entries
            .iter()
            .find(|(name, _)| name.as_str() == Some(key))
            .map(|(_, value)| value)
    }

    /// The key that this node is when JSON is made of it.
    pub fn key_text(&self) -> String {
        match &self.kind {
            Kind::Scalar(Value::String(text)) => text.clone(),
            _ => self.to_json().to_string(),
        }
    }

    /// The node as JSON.
    pub fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Scalar(value) => value.clone(),
            Kind::List(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Kind::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, value)| (key.key_text(), value.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// What it is, in words.
    pub fn kind_word(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(Value::Null) => "nothing",
            Kind::Scalar(Value::String(_)) => "a text",
            Kind::Scalar(Value::Bool(_)) => "true or false",
            Kind::Scalar(_) => "a number",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }

    /// A complaint about this node.
    pub fn complaint(&self, message: impl Into<String>) -> Complaint {
        Complaint::new(self.place.clone(), message)
    }
}

#[cfg(test)]
mod tests;

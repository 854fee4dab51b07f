//! Parameters that a definition declares.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::pattern::Pattern;
use crate::run::secret::{SecretRef, Typed};

/// The parameters of a definition, by name.
pub type Params = BTreeMap<String, Param>;

/// One declared parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Param {
    /// What its values are.
    pub kind: ParamKind,
    /// What it is for, in the start form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// What the whole text of a value must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Pattern>,
    /// The value when none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<ParamValue>,
    /// Whether a start without it is refused. A parameter that is neither required nor has a
    /// default is empty when it is not given.
    pub required: bool,
    /// Whether it names a secret and never holds one.
    #[serde(default)]
    pub secret: bool,
}

/// What values a parameter takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamKind {
    /// Any text.
    String,
    /// A whole number.
    Integer {
        /// The least.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<i64>,
        /// The greatest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<i64>,
    },
    /// `true` or `false`.
    Bool,
    /// `90s`, `10m`, `2h`.
    Duration,
    /// A host set.
    Hosts,
    /// One of these words.
    Choice(Vec<String>),
}

impl ParamKind {
    /// Its word in definitions.
    pub fn word(&self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer { .. } => "integer",
            Self::Bool => "bool",
            Self::Duration => "duration",
            Self::Hosts => "hosts",
            Self::Choice(_) => "choice",
        }
    }
}

/// A value that was checked against its parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamValue {
    /// Nothing was given, and nothing is needed.
    None,
    /// Text, or a word of a choice.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// `true` or `false`.
    Bool(bool),
    /// A duration, as it was written.
    Duration(String),
    /// A host set, and the hosts it stands for.
    Hosts {
        /// As it was written.
        text: String,
        /// Its hosts; empty for a default, which is read when the run starts.
        names: Vec<String>,
    },
    /// The name of a secret.
    Secret(String),
    /// A secret that was typed: what stands for it.
    Typed(Typed),
}

impl ParamValue {
    /// The secret that it is, if it is one.
    pub fn secret(&self) -> Option<SecretRef> {
        match self {
            Self::Secret(name) => Some(SecretRef::Named(name.clone())),
            Self::Typed(typed) => Some(SecretRef::Typed(typed.clone())),
            _ => None,
        }
    }
}

impl std::fmt::Display for ParamValue {
    /// For people; a secret only by its name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("-"),
            Self::Text(text) | Self::Duration(text) | Self::Hosts { text, .. } => f.write_str(text),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Bool(yes) => write!(f, "{yes}"),
            Self::Secret(name) => write!(f, "secret:{name}"),
            Self::Typed(_) => f.write_str("(typed)"),
        }
    }
}

//! References to secrets: what stands in definitions, values and specifications where a secret is used.
//!
//! A secret itself is a [`Secret`], which is never stored: it is read when an attempt uses it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A text, or a secret that is read when it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Filled {
    /// The text.
    Text(String),
    /// The secret.
    Secret(SecretRef),
}

/// Which secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SecretRef {
    /// The one of this name in the settings of the engine.
    #[serde(rename = "secret")]
    Named(String),
    /// One that a person typed for the run.
    #[serde(rename = "typed_secret")]
    Typed(Typed),
}

/// A secret that a person typed: the engine holds it in memory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Typed {
    /// The parameter that it was typed for.
    pub name: String,
    /// What stands for it: a salted HMAC of it, hex.
    pub mac: String,
}

impl SecretRef {
    /// What stands in place of it where people read.
    pub fn name(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::Typed(typed) => &typed.name,
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "secret:{name}"),
            Self::Typed(typed) => write!(f, "{} (typed)", typed.name),
        }
    }
}

impl Filled {
    /// The secret, if it is one.
    pub fn secret(&self) -> Option<&SecretRef> {
        match self {
            Self::Text(_) => None,
            Self::Secret(secret) => Some(secret),
        }
    }
}

impl From<String> for Filled {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Filled {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for Filled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Secret(secret) => secret.fmt(f),
        }
    }
}

/// A secret, in memory that is wiped when nobody needs it any more.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    name: Arc<str>,
    text: Arc<Zeroizing<String>>,
}

impl Secret {
    /// The secret of this name.
    pub fn new(name: &str, text: &str) -> Self {
        Self::of(name, Zeroizing::new(text.to_owned()))
    }

    /// The same, without a copy.
    pub fn of(name: &str, text: Zeroizing<String>) -> Self {
        Self {
            name: name.into(),
            text: Arc::new(text),
        }
    }

    /// What stands in place of it where people read.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The secret itself.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl AsRef<[u8]> for Secret {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_as_it_always_was_and_a_secret_by_its_name() {
        let typed = Typed {
            name: "token".into(),
            mac: "0f".into(),
        };
        for (filled, json) in [
            (Filled::from("it's"), r#""it's""#),
            (
                Filled::Secret(SecretRef::Named("ops".into())),
                r#"{"secret":"ops"}"#,
            ),
            (
                Filled::Secret(SecretRef::Typed(typed)),
                r#"{"typed_secret":{"name":"token","mac":"0f"}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&filled).unwrap(), json);
            assert_eq!(serde_json::from_str::<Filled>(json).unwrap(), filled);
            let packed = rmp_serde::to_vec_named(&filled).unwrap();
            assert_eq!(rmp_serde::from_slice::<Filled>(&packed).unwrap(), filled);
        }
    }
}

//! Templates of definitions: `minijinja` without files, includes or macros, and with an end.
//!
//! | text | values in it |
//! |---|---|
//! | [`CommandText`] | each is one quoted word (a list several), without any way to switch that off |
//! | [`Text`] (paths, targets, bodies) | as they are; none that came from outside |
//! | [`UrlText`] | percent-encoded, or parts of a server's name; none that came from outside |
//! | [`QueryText`] | in strings, escaped; words outside of them; none that came from outside |
//! | [`Condition`] | an expression; values stay values |
//!
//! Beyond `{{ … }}` there are `{% if %}`, `{% for %}`, `{% set %}` and `{% raw %}`.

mod check;
mod engine;
mod query;
mod render;
mod scan;
mod scope;
mod shell;
#[cfg(test)]
mod tests;
mod url;

use serde::{Deserialize, Serialize};

pub use check::{Fault, Known, Shape};
pub use scope::{Scope, StageValues, Value};

/// Why a template cannot be used, or what went wrong with its values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// Where in the template, in bytes, when that is known.
    pub at: Option<usize>,
    /// A sentence without its full stop: what, why, what next.
    pub message: String,
}

impl TemplateError {
    /// An error of no place in particular.
    pub(in crate::flow) fn of(message: &str) -> Self {
        Self::new(None, message)
    }

    fn new(at: Option<usize>, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
        }
    }
}

/// The name under which texts find what earlier stages registered.
pub const STAGES: &str = "stages";

/// A place where a text uses what earlier stages registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageUse {
    /// What stands behind `stages`, as far as it is written out: the stage first.
    pub path: Vec<String>,
    /// Where, in bytes.
    pub at: usize,
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// A text that the template engine understands.
            ///
            /// # Errors
            /// What is wrong with its syntax, and where.
            pub fn parse(text: impl Into<String>) -> Result<Self, TemplateError> {
                let text = text.into();
                $check(&text)?;
                Ok(Self(text))
            }

            /// As it was written.
            pub fn source(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = TemplateError;

            fn try_from(text: String) -> Result<Self, TemplateError> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    };
}

text_type! {
    /// A shell command in which every value is quoted by itself.
    CommandText, check::command_syntax
}
text_type! {
    /// A URL in which every value is data. Values that came from outside cannot enter.
    UrlText, check::url_syntax
}
text_type! {
    /// A query to a metrics server, in which values end no string. Values that came from outside
    /// cannot enter.
    QueryText, check::text_syntax
}
text_type! {
    /// A path, host set or message. Values that came from outside cannot enter.
    Text, check::text_syntax
}
text_type! {
    /// An expression that holds or does not.
    Condition, check::condition_syntax
}

impl CommandText {
    /// The command for these values.
    ///
    /// # Errors
    /// A value is missing, has a NUL, is no word, or would stand where quotes do not protect it.
    pub fn render(&self, scope: &Scope) -> Result<String, TemplateError> {
        render::command(&self.0, scope)
    }

    /// What is wrong with the names in it.
    pub fn faults(&self, known: &Known) -> Vec<Fault> {
        check::faults(&self.0, known, check::Place::Command)
    }

    /// Whether it uses this name.
    pub fn uses(&self, name: &str) -> bool {
        is_value_among(&scan::uses(&self.0), name)
    }

    /// Where it uses what earlier stages registered.
    pub fn stages(&self) -> Vec<StageUse> {
        of_stages(scan::uses(&self.0))
    }
}

impl UrlText {
    /// The URL for these values.
    ///
    /// # Errors
    /// A value is missing, came from outside, or cannot stand where it stands.
    pub fn render(&self, scope: &Scope) -> Result<String, TemplateError> {
        url::fill(&render::marked(&self.0, scope)?)
    }

    /// What is wrong with the names in it.
    pub fn faults(&self, known: &Known) -> Vec<Fault> {
        check::faults(&self.0, known, check::Place::Text)
    }
}

impl QueryText {
    /// The query for these values.
    ///
    /// # Errors
    /// A value is missing, came from outside, or cannot stand where it stands.
    pub fn render(&self, scope: &Scope) -> Result<String, TemplateError> {
        query::fill(&render::marked(&self.0, scope)?)
    }

    /// What is wrong with the names in it.
    pub fn faults(&self, known: &Known) -> Vec<Fault> {
        check::faults(&self.0, known, check::Place::Text)
    }
}

impl Text {
    /// The text for these values.
    ///
    /// # Errors
    /// A value is missing, came from outside, or has a NUL or is no text.
    pub fn render(&self, scope: &Scope) -> Result<String, TemplateError> {
        render::text(&self.0, scope)
    }

    /// What is wrong with the names in it.
    pub fn faults(&self, known: &Known) -> Vec<Fault> {
        check::faults(&self.0, known, check::Place::Text)
    }

    /// The text for these values, as a person reads it: those from outside stand in it as well, and
    /// nothing in it acts on a terminal.
    ///
    /// # Errors
    /// A value is missing, or is no text.
    pub fn for_people(&self, scope: &Scope) -> Result<String, TemplateError> {
        render::for_people(&self.0, scope)
    }

    /// What is wrong with the names in it, when people read it.
    pub fn faults_for_people(&self, known: &Known) -> Vec<Fault> {
        check::faults(&self.0, known, check::Place::People)
    }

    /// Where it uses what earlier stages registered.
    pub fn stages(&self) -> Vec<StageUse> {
        of_stages(scan::uses(&self.0))
    }

    /// Whether it uses this part of a name, or may: the name as a whole.
    pub fn uses_part(&self, name: &str, part: &str) -> bool {
        scan::uses(&self.0).iter().any(|used| {
            let meant = used.path.first().is_none_or(|first| *first == part);
            used.role == scan::Role::Value && used.name == name && meant
        })
    }

    /// Whether it has no placeholder at all.
    pub fn is_fixed(&self) -> bool {
        !self.0.contains("{{") && !self.0.contains("{%") && !self.0.contains("{#")
    }

    /// The name, if the whole text is one name in braces: `{{ token }}`.
    pub fn sole_name(&self) -> Option<&str> {
        let name = self.0.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        (!name.is_empty() && name.chars().all(fits)).then_some(name)
    }
}

impl Condition {
    /// Whether it holds for these values.
    ///
    /// # Errors
    /// A value is missing, or the comparison makes no sense.
    pub fn holds(&self, scope: &Scope) -> Result<bool, TemplateError> {
        render::condition(&self.0, scope)
    }

    /// What is wrong with the names in it.
    pub fn faults(&self, known: &Known) -> Vec<Fault> {
        check::faults(&self.0, known, check::Place::Condition)
    }

    /// Whether it uses this name.
    pub fn uses(&self, name: &str) -> bool {
        is_value_among(&scan::expression_uses(&self.0), name)
    }

    /// Where it uses what earlier stages registered.
    pub fn stages(&self) -> Vec<StageUse> {
        of_stages(scan::expression_uses(&self.0))
    }
}

fn of_stages(uses: Vec<scan::Use<'_>>) -> Vec<StageUse> {
    let of_stages = |used: scan::Use<'_>| {
        let meant = used.role == scan::Role::Value && used.name == STAGES;
        meant.then(|| StageUse {
            path: used.path.iter().map(|part| (*part).to_owned()).collect(),
            at: used.at,
        })
    };
    uses.into_iter().filter_map(of_stages).collect()
}

fn is_value_among(uses: &[scan::Use<'_>], name: &str) -> bool {
    uses.iter()
        .any(|used| used.role == scan::Role::Value && used.name == name)
}

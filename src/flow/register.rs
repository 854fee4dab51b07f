//! Values taken from a step's output.

use serde::{Deserialize, Serialize};

use super::pattern::Pattern;
use super::value::Tainted;
use crate::run::complaint::quote;

/// No longer value is kept.
const MAX_VALUE: usize = 4096;

/// Where a value is in the output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// The stream.
    #[serde(default)]
    pub from: Stream,
    /// How it is found there.
    pub take: Take,
}

/// An output stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    #[default]
    Stdout,
    /// Standard error.
    Stderr,
}

/// How a value is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// What a group of a regular expression's first match holds.
    Regex {
        /// The expression.
        pattern: Pattern,
        /// The group; 0 is the whole match.
        group: usize,
    },
    /// What a JSON pointer finds in output that is one JSON document.
    Json(String),
    /// All of it, without the blanks around.
    Whole,
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// The output is no text.
    #[error(
        "the output is not UTF-8, so no value can be taken from it; let the command print text"
    )]
    NotText,
    /// The expression matches nothing.
    #[error("nothing in the output matches {}; see what the command printed", quote(.0))]
    NoMatch(String),
    /// The output is no JSON.
    #[error("the output is no JSON document: {0}; let the command print one, and nothing else")]
    NotJson(String),
    /// The pointer leads nowhere.
    #[error("the output has no {}; see what the command printed", quote(.0))]
    NoSuchPlace(String),
    /// The value is more than anyone meant.
    #[error("the value is longer than {MAX_VALUE} bytes; take less of the output")]
    TooLong,
}

impl Register {
    /// The value in this output.
    ///
    /// # Errors
    /// Why there is none.
    pub fn capture(&self, output: &[u8]) -> Result<Tainted, CaptureError> {
        let text = std::str::from_utf8(output).map_err(|_| CaptureError::NotText)?;
        let value = match &self.take {
            Take::Whole => text.trim().to_owned(),
            Take::Regex { pattern, group } => {
                let found = pattern
                    .regex()
                    .captures(text)
                    .and_then(|groups| groups.get(*group));
                let found =
                    found.ok_or_else(|| CaptureError::NoMatch(pattern.source().to_owned()))?;
                found.as_str().to_owned()
            }
            Take::Json(pointer) => json(text, pointer)?,
        };
        if value.len() > MAX_VALUE {
            return Err(CaptureError::TooLong);
        }
        Ok(Tainted::new(value))
    }
}

fn json(text: &str, pointer: &str) -> Result<String, CaptureError> {
    let document: serde_json::Value =
        serde_json::from_str(text).map_err(|error| CaptureError::NotJson(error.to_string()))?;
    match document.pointer(pointer) {
        None | Some(serde_json::Value::Null) => Err(CaptureError::NoSuchPlace(pointer.to_owned())),
        Some(serde_json::Value::String(text)) => Ok(text.clone()),
        Some(other) => Ok(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(take: Take, output: &str) -> Result<String, CaptureError> {
        let register = Register {
            from: Stream::Stdout,
            take,
        };
        register
            .capture(output.as_bytes())
            .map(|value| value.raw().to_owned())
    }

    #[test]
    fn values_are_found_by_expression_pointer_or_whole() {
        let pattern = Pattern::parse(r"version (\S+)").unwrap();
        let regex = |group| Take::Regex {
            pattern: pattern.clone(),
            group,
        };
        assert_eq!(take(regex(1), "hbase version 2.4.1\n"), Ok("2.4.1".into()));
        assert_eq!(take(regex(0), "version 1"), Ok("version 1".into()));
        assert!(matches!(take(regex(1), "x"), Err(CaptureError::NoMatch(_))));
        assert_eq!(take(Take::Whole, " a b\n"), Ok("a b".into()));
        let json = |pointer: &str| take(Take::Json(pointer.into()), r#"{"a":[1,{"b":"c"}]}"#);
        assert_eq!(json("/a/0"), Ok("1".into()));
        assert_eq!(json("/a/1/b"), Ok("c".into()));
        assert_eq!(
            json("/z").unwrap_err().to_string(),
            "the output has no \"/z\"; see what the command printed"
        );
        assert!(matches!(
            take(Take::Json("/a".into()), "x"),
            Err(CaptureError::NotJson(_))
        ));
    }

    #[test]
    fn a_hostile_output_yields_an_error_and_never_much() {
        let whole = Register {
            from: Stream::Stdout,
            take: Take::Whole,
        };
        assert_eq!(whole.capture(&[0xff]), Err(CaptureError::NotText));
        assert_eq!(whole.capture(&vec![b'a'; 5000]), Err(CaptureError::TooLong));
    }
}

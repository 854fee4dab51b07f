//! Regular expressions of definitions.

use regex::Regex;
use serde::{Deserialize, Serialize};

/// Compiled size a pattern may have; `\w{1000}` is over it.
const SIZE_LIMIT: usize = 1 << 20;

/// A regular expression, in the syntax of Rust's `regex`: no look-around, always linear.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// Why it is none, as a sentence without its full stop.
    pub fn parse(text: &str) -> Result<Self, String> {
        let built = regex::RegexBuilder::new(text)
            .size_limit(SIZE_LIMIT)
            .build();
        built.map(Self).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                "the pattern is too large; repeat less in it".to_owned()
            }
            // The last line tells why; the others draw the pattern.
            other => {
                let text = other.to_string();
                let why = text.lines().last().unwrap_or_default();
                let why = why.trim_start_matches("error: ");
                format!("this is no regular expression: {why}")
            }
        })
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        self.0.as_str()
    }

    /// Whether the whole text matches, from its first to its last character.
    pub fn matches_whole(&self, text: &str) -> bool {
        // `^…$` and alternatives need no care: the longest match is not asked for, but that there
        // is one of full length.
        let whole = format!(r"\A(?:{})\z", self.0.as_str());
        Regex::new(&whole).is_ok_and(|whole| whole.is_match(text))
    }

    /// The compiled expression.
    pub(in crate::flow) fn regex(&self) -> &Regex {
        &self.0
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

impl Eq for Pattern {}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_the_whole_value() {
        let version = Pattern::parse(r"\d+|\d+\.\d+").unwrap();
        assert!(version.matches_whole("2.4"));
        assert!(!version.matches_whole("2.4; reboot"));
        let lines = Pattern::parse(r"^a$").unwrap();
        assert!(!lines.matches_whole("a\n") && lines.matches_whole("a"));
        let many = Pattern::parse(r"(?m)^a$").unwrap();
        assert!(!many.matches_whole("b\na"));
    }

    #[test]
    fn a_wrong_pattern_is_told_in_one_line() {
        let error = Pattern::parse("a(b").unwrap_err();
        assert_eq!(error, "this is no regular expression: unclosed group");
        assert!(
            Pattern::parse(r"(\w{500}){500}")
                .unwrap_err()
                .contains("too large")
        );
    }
}

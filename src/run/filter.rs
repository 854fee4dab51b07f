//! What a person types after `/` in a list of hosts or runs.
//!
//! Words that must all hold: `ams2` (in the name, small letters match capitals), `~^web0[1-4]`
//! (a regular expression), `state:failed` (a word or a letter of [`super::sign`]), and any of them
//! with `!` before it, for what must not hold.

use regex::{Regex, RegexBuilder};

use super::sign::Sign;

/// A regular expression may take as much memory, in bytes.
pub(super) const MOST_REGEX: usize = 1 << 20;

/// A filter that was understood. The empty one lets everything pass.
#[derive(Debug, Clone, Default)]
pub struct Filter(Vec<Term>);

#[derive(Debug, Clone)]
struct Term {
    not: bool,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    /// In small letters.
    Holds(String),
    /// As it is: the wanted text has a capital.
    HoldsExactly(String),
    Matches(Regex),
    /// The words of states that begin so.
    State(String),
}

impl Filter {
    /// Reads a filter; `Err` is a sentence for the one who typed it.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.split_whitespace()
            .filter(|word| !matches!(*word, "!" | "~" | "state:"))
            .map(term)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether everything passes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a host of this name that stands so passes.
    pub fn passes(&self, name: &str, sign: Sign) -> bool {
        self.passes_words(name, &[sign.word(), sign.letter()])
    }

    /// Whether something with this text, of which any of these words may be said, passes.
    pub fn passes_words(&self, text: &str, states: &[&str]) -> bool {
        self.0.iter().all(|term| {
            let holds = match &term.test {
                Test::Holds(wanted) => text.to_lowercase().contains(wanted.as_str()),
                Test::HoldsExactly(wanted) => text.contains(wanted.as_str()),
                Test::Matches(regex) => regex.is_match(text),
                Test::State(wanted) => states.iter().any(|state| says(state, wanted)),
            };
            holds != term.not
        })
    }
}

fn term(word: &str) -> Result<Term, String> {
    let (not, rest) = match word.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let test = if let Some(pattern) = rest.strip_prefix('~') {
        Test::Matches(pattern_of(pattern)?)
    } else if let Some(state) = rest.strip_prefix("state:") {
        Test::State(state.to_owned())
    } else if rest.chars().any(char::is_uppercase) {
        Test::HoldsExactly(rest.to_owned())
    } else {
        Test::Holds(rest.to_owned())
    };
    Ok(Term { not, test })
}

/// A regular expression as a person types one: small letters match capitals as well.
pub fn pattern_of(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .case_insensitive(!pattern.chars().any(char::is_uppercase))
        .size_limit(MOST_REGEX)
        .dfa_size_limit(MOST_REGEX)
        .build()
        .map_err(|error| wrong_pattern(pattern, &error))
}

/// Why a pattern is not taken.
pub(super) fn wrong_pattern(pattern: &str, error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => format!("~{pattern} is too large"),
        _ => format!("~{pattern} is no regular expression"),
    }
}

/// `timed_out`, `timed-out`, `timed` and `T` all mean `timed out`.
fn says(state: &str, wanted: &str) -> bool {
    let plain = |text: &str| text.replace(['_', '-'], " ").to_lowercase();
    state == wanted || (wanted.chars().count() > 1 && plain(state).starts_with(&plain(wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(filter: &str, name: &str, sign: Sign) -> bool {
        Filter::parse(filter).unwrap().passes(name, sign)
    }

    #[test]
    fn all_words_must_hold() {
        for (filter, name, sign, wanted) in [
            ("", "web01", Sign::Ok, true),
            ("web", "WEB01", Sign::Ok, true),
            ("WEB", "web01", Sign::Ok, false),
            ("web !01", "web01", Sign::Ok, false),
            ("~^web0[1-4]$", "web03", Sign::Ok, true),
            ("!~^web", "db1", Sign::Ok, true),
            ("state:failed", "db1", Sign::Failed, true),
            ("state:fail", "db1", Sign::Failed, true),
            ("state:timed_out", "db1", Sign::TimedOut, true),
            ("state:X", "db1", Sign::Failed, true),
            ("state:f", "db1", Sign::Failed, false),
            ("!state:ok", "db1", Sign::Failed, true),
            ("state:", "db1", Sign::Failed, true),
            ("state:failed ams2", "web.ams2", Sign::Failed, true),
            ("state:failed ams2", "web.ams1", Sign::Failed, false),
        ] {
            assert_eq!(passes(filter, name, sign), wanted, "{filter:?} on {name}");
        }
        assert!(Filter::parse("~(").unwrap_err().contains("~("));
    }
}

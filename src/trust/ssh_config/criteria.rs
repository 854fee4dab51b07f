//! The conditions of `Host` and `Match` lines.

use crate::trust::pattern::{PatternList, glob, is_literal};

/// One pattern of a `Host` line. Case counts, as in OpenSSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPattern {
    pub negated: bool,
    pub literal: bool,
    pub pattern: String,
}

impl HostPattern {
    pub fn new(arg: &str) -> Self {
        let (negated, pattern) = match arg.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, arg),
        };
        Self {
            negated,
            literal: is_literal(pattern),
            pattern: pattern.to_owned(),
        }
    }

    fn takes(&self, name: &str) -> bool {
        if self.literal {
            self.pattern == name
        } else {
            glob(&self.pattern, name)
        }
    }
}

/// Whether a `Host` line holds: one pattern matches and no negated one does.
pub(super) fn host_line_holds(patterns: &[HostPattern], name: &str) -> bool {
    let mut holds = false;
    for pattern in patterns.iter().filter(|pattern| pattern.takes(name)) {
        if pattern.negated {
            return false;
        }
        holds = true;
    }
    holds
}

/// A question about the world outside, which only the caller can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside<'a> {
    /// `Match exec`: whether this command, for `sh -c`, ends with status 0.
    Exec(&'a str),
    /// `Match localnetwork`: whether a local interface has an address in one of these networks.
    LocalNetwork(&'a str),
}

impl Outside<'_> {
    /// The criterion's word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Exec(_) => "exec",
            Self::LocalNetwork(_) => "localnetwork",
        }
    }
}

/// What one criterion of a `Match` line asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    All,
    /// `final`, and `canonical`, which is the same thing without canonical names.
    Final,
    Host(PatternList),
    OriginalHost(PatternList),
    User(PatternList),
    LocalUser(PatternList),
    /// The list, and whether it is empty: that matches only where no tag is set.
    Tagged(PatternList, bool),
    Exec(String),
    LocalNetwork(String),
}

/// A test with its sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Criterion {
    pub negated: bool,
    pub test: Test,
}

/// A `Match` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MatchLine {
    pub criteria: Vec<Criterion>,
    /// Asks for a second pass over all files, in which `final` holds.
    pub wants_final: bool,
}

/// Reads the arguments of `Match`.
pub(super) fn parse_match(args: &[String]) -> Result<MatchLine, String> {
    let mut args = args.iter().map(String::as_str).peekable();
    let mut line = MatchLine {
        criteria: Vec::new(),
        wants_final: false,
    };
    while let Some(arg) = args.next() {
        let (negated, word) = match arg.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, arg),
        };
        let (word, attached) = match word.split_once('=') {
            Some((word, value)) => (word, Some(value)),
            None => (word, None),
        };
        let word = word.to_ascii_lowercase();
        let test = match word.as_str() {
            "all" if line.criteria.len() > 1 || attached.is_some() || args.peek().is_some() => {
                return Err("\"Match all\" must stand alone".to_owned());
            }
            "all" => Test::All,
            "final" | "canonical" => {
                line.wants_final |= word == "final";
                Test::Final
            }
            _ => with_value(&word, value_of(&word, attached, &mut args)?)?,
        };
        line.criteria.push(Criterion { negated, test });
    }
    if line.criteria.is_empty() {
        return Err("Match needs a criterion".to_owned());
    }
    Ok(line)
}

/// The value after `word value`, `word=value` or `word = value`.
fn value_of<'a>(
    word: &str,
    attached: Option<&'a str>,
    args: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>,
) -> Result<&'a str, String> {
    let value = match attached {
        Some("") | None => {
            if attached.is_none() {
                let _equals = args.next_if_eq(&"=");
            }
            args.next().map(|arg| arg.strip_prefix('=').unwrap_or(arg))
        }
        some => some,
    };
    match value {
        Some("") if word != "tagged" => None,
        value => value,
    }
    .ok_or_else(|| format!("\"Match {}\" needs a value", word.escape_debug()))
}

fn with_value(word: &str, value: &str) -> Result<Test, String> {
    Ok(match word {
        "host" => Test::Host(PatternList::hosts(value)),
        "originalhost" => Test::OriginalHost(PatternList::hosts(value)),
        "user" => Test::User(PatternList::exact(value)),
        "localuser" => Test::LocalUser(PatternList::exact(value)),
        "tagged" => Test::Tagged(PatternList::exact(value), value.is_empty()),
        "exec" => Test::Exec(value.to_owned()),
        "localnetwork" => Test::LocalNetwork(value.to_owned()),
        "command" | "sessiontype" | "version" => {
            return Err(format!("\"Match {word}\" is not supported"));
        }
        other => {
            return Err(format!(
                "\"{}\" is no criterion of Match",
                other.escape_debug()
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<MatchLine, String> {
        let args: Vec<String> = text.split(' ').map(str::to_owned).collect();
        parse_match(&args)
    }

    #[test]
    fn values_may_be_attached_by_an_equals_sign() {
        let plain = read("host a !user b").unwrap();
        for text in ["host=a !user=b", "HOST = a !user b", "host =a !user= b"] {
            assert_eq!(read(text).unwrap(), plain, "{text}");
        }
    }

    #[test]
    fn all_stands_alone_and_every_other_criterion_has_a_value() {
        for bad in [
            "all host a",
            "host a user b all",
            "host",
            "user=",
            "sideways x",
            "version x",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(parse_match(&[]).is_err());
        assert!(read("!all").is_ok());
    }

    #[test]
    fn a_negated_host_pattern_wins_over_all_others() {
        let patterns: Vec<_> = ["*", "!web1"].map(HostPattern::new).into();
        assert!(!host_line_holds(&patterns, "web1"));
        assert!(
            host_line_holds(&patterns, "WEB1"),
            "case counts in Host lines"
        );
    }
}

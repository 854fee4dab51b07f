//! Addresses made from host names: `10.99.0.{n}`.
//!
//! | placeholder | stands for |
//! |---|---|
//! | `{name}` | the host's name |
//! | `{short}` | the name up to its first dot |
//! | `{n}` | the last number in the short name, without leading zeros |
//! | `{1}`, `{2}`, … | the first, second, … number in the name, without leading zeros |
//! | `{n+100}`, `{1-1}` | such a number, with a constant added or taken away |
//! | `{{`, `}}` | a brace |

use crate::run::complaint::quote;

/// A parsed address template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Name,
    Short,
    Number { which: Which, offset: i64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Last,
    /// From 0.
    Nth(usize),
}

impl Template {
    /// Reads a template; the error is a sentence.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                literal.push_str(brace);
                rest = after;
                continue;
            }
            let end = rest.find('}').filter(|_| brace == "{");
            let end = end.ok_or_else(|| {
                format!(
                    "the address {} has a single brace; write it twice",
                    quote(text)
                )
            })?;
            parts
                .extend((!literal.is_empty()).then(|| Part::Literal(std::mem::take(&mut literal))));
            parts.push(placeholder(&rest[..end])?);
            rest = &rest[end + 1..];
        }
        literal.push_str(rest);
        parts.extend((!literal.is_empty()).then_some(Part::Literal(literal)));
        Ok(Self { parts })
    }

    /// The address of the host of this name; the error is a sentence.
    pub(super) fn render(&self, name: &str) -> Result<String, String> {
        let mut address = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => address.push_str(text),
                Part::Name => address.push_str(name),
                Part::Short => address.push_str(short(name)),
                Part::Number { which, offset } => address.push_str(&number(name, *which, *offset)?),
            }
        }
        Ok(address)
    }
}

fn placeholder(text: &str) -> Result<Part, String> {
    match text {
        "name" => return Ok(Part::Name),
        "short" => return Ok(Part::Short),
        _ => {}
    }
    let unknown = || {
        format!(
            "the placeholder {{{}}} is not known; write {{name}}, {{short}}, {{n}}, {{1}} or {{n+10}}",
            text.escape_debug()
        )
    };
    let split = text.find(['+', '-']).unwrap_or(text.len());
    let (which, offset) = text.split_at(split);
    let which = match which {
        "n" => Which::Last,
        digits => match digits.parse::<usize>() {
            Ok(number @ 1..=9) => Which::Nth(number - 1),
            _ => return Err(unknown()),
        },
    };
    let offset = if offset.is_empty() {
        Ok(0)
    } else {
        offset.parse::<i32>()
    };
    Ok(Part::Number {
        which,
        offset: offset.map_err(|_| unknown())?.into(),
    })
}

fn short(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

fn number(name: &str, which: Which, offset: i64) -> Result<String, String> {
    let mut numbers = match which {
        Which::Last => numbers(short(name)),
        Which::Nth(_) => numbers(name),
    };
    let found = match which {
        Which::Last => numbers.next_back(),
        Which::Nth(index) => numbers.nth(index),
    };
    let found = found.ok_or_else(|| {
        format!(
            "the host name {} has no such number to make its address from",
            quote(name)
        )
    })?;
    let value = found
        .parse::<i64>()
        .ok()
        .and_then(|value| value.checked_add(offset))
        .filter(|value| *value >= 0);
    let value = value.ok_or_else(|| {
        format!(
            "the number {} in {} cannot be counted with",
            quote(found),
            quote(name)
        )
    })?;
    Ok(value.to_string())
}

fn numbers(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(template: &str, name: &str) -> Result<String, String> {
        Template::parse(template)?.render(name)
    }

    #[test]
    fn an_address_is_made_from_the_name() {
        for (template, name, expected) in [
            ("10.99.0.{n}", "web07", "10.99.0.7"),
            ("10.99.0.{n}", "web07.dc2.example", "10.99.0.7"),
            ("10.{1}.{2}.1", "r3-n012", "10.3.12.1"),
            ("10.0.0.{n+100}", "db1", "10.0.0.101"),
            ("10.0.0.{n-1}", "db1", "10.0.0.0"),
            ("{name}.example", "web01", "web01.example"),
            ("{short}-mgmt", "web01.example", "web01-mgmt"),
            ("{{{n}}}", "a5", "{5}"),
            ("127.0.0.1", "x", "127.0.0.1"),
        ] {
            assert_eq!(address(template, name).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_cannot_be_filled_in_is_refused() {
        for (template, name) in [
            ("{n}", "web"),
            ("{3}", "a1b2"),
            ("{n-9}", "a1"),
            ("{n}", "a99999999999999999999"),
        ] {
            assert!(address(template, name).is_err(), "{template} {name}");
        }
        for template in ["{", "}", "{x}", "{0}", "{n+}", "{n*2}", "{}", "a{n"] {
            assert!(Template::parse(template).is_err(), "{template}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_templates_panic(template in "[{}n0-9+a.é-]{0,16}", name in "[a-z0-9.é]{0,12}") {
            let _ = address(&template, &name);
        }
    }
}

//! `[params.NAME]`.

use toml::de::DeValue;

use super::common::whole;
use crate::flow::give;
use crate::flow::param::{Param, ParamKind, Params};
use crate::flow::pattern::Pattern;
use crate::run::complaint::quote;
use crate::run::strict_toml::Table;

/// Names that templates use for other things.
pub const RESERVED: [&str; 25] = [
    "host",
    "batch",
    "batches",
    "run",
    "registered",
    "stages",
    "item",
    "value",
    "loop",
    "range",
    "and",
    "or",
    "not",
    "in",
    "is",
    "if",
    "else",
    "elif",
    "for",
    "set",
    "true",
    "false",
    "none",
    "self",
    "recursive",
];

#[derive(Clone, Copy)]
enum Word {
    String,
    Integer,
    Bool,
    Duration,
    Hosts,
    Choice,
}

const WORDS: [(&str, Word); 6] = [
    ("string", Word::String),
    ("integer", Word::Integer),
    ("bool", Word::Bool),
    ("duration", Word::Duration),
    ("hosts", Word::Hosts),
    ("choice", Word::Choice),
];

pub(super) fn read(root: &Table<'_>) -> Params {
    let mut params = Params::new();
    root.named("params", |name, table| {
        if let Err(message) = check_param_name(name) {
            table.complain_here(message);
        }
        params.insert(name.to_owned(), param(table));
    });
    params
}

fn check_param_name(name: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    if !(name.starts_with(first) && name.chars().all(fits) && name.len() <= 64) {
        return Err(format!(
            "the parameter name {} must be letters, digits and _ (64 at most), with a letter first",
            quote(name)
        ));
    }
    if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(format!(
            "the parameter name {} means something else in templates; choose another",
            quote(name)
        ));
    }
    Ok(())
}

/// A parameter; one without a type is known all the same, so that its uses are no mistakes.
fn param(table: &Table<'_>) -> Param {
    if !table.has("type") {
        let words: Vec<String> = WORDS.iter().map(|(word, _)| quote(word)).collect();
        table.missing("type", &format!("write type = one of {}", words.join(", ")));
    }
    let word = table.choice("type", &WORDS);
    let kind = word.and_then(|word| kind(table, word));
    let secret = table.boolean("secret").unwrap_or(false);
    let said = table.boolean("required");
    let param = Param {
        kind: kind.unwrap_or(ParamKind::String),
        about: table.string("about"),
        pattern: pattern(table, word),
        default: None,
        required: said.unwrap_or(!table.has("default")),
        secret,
    };
    if word.is_none() {
        table.ask(&["default", "choices", "min", "max"]);
        return param;
    }
    if said == Some(true) && table.has("default") {
        table.complain(
            "required",
            "a parameter with a default is never missing; leave out one of the two",
        );
    }
    if secret && !matches!(word, Some(Word::String)) {
        table.complain(
            "secret",
            "only a parameter of type \"string\" can be a secret",
        );
    }
    let default = default(table, &param);
    Param { default, ..param }
}

fn kind(table: &Table<'_>, word: Word) -> Option<ParamKind> {
    Some(match word {
        Word::String => ParamKind::String,
        Word::Bool => ParamKind::Bool,
        Word::Duration => ParamKind::Duration,
        Word::Hosts => ParamKind::Hosts,
        Word::Integer => {
            let min = table.integer("min", i64::MIN..=i64::MAX);
            let max = table.integer("max", i64::MIN..=i64::MAX);
            if let (Some(min), Some(max)) = (min, max)
                && min > max
            {
                table.complain(
                    "min",
                    format!("\"min\" is {min}, which is more than \"max\", {max}"),
                );
            }
            ParamKind::Integer { min, max }
        }
        Word::Choice => {
            if !table.has("choices") {
                table.missing("choices", "write choices = [\"a\", \"b\"]");
            }
            let choices = table.strings("choices")?;
            if choices.is_empty() {
                table.complain(
                    "choices",
                    "there is nothing to choose from; write one word at least",
                );
            }
            ParamKind::Choice(choices)
        }
    })
}

fn pattern(table: &Table<'_>, word: Option<Word>) -> Option<Pattern> {
    let written = table.written("pattern")?;
    if !matches!(word, Some(Word::String) | None) {
        table.complain(
            "pattern",
            "only a parameter of type \"string\" has a pattern",
        );
    }
    Pattern::parse(&written.value)
        .map_err(|message| table.complain_in(&written, 0, message, None))
        .ok()
}

/// The default, checked as if a person had given it.
fn default(table: &Table<'_>, param: &Param) -> Option<crate::flow::param::ParamValue> {
    table.get("default", |value| {
        let text = match value {
            DeValue::String(text) => text.to_string(),
            DeValue::Boolean(flag) => flag.to_string(),
            DeValue::Integer(number) => {
                whole(value).map_or_else(|| number.to_string(), |n| n.to_string())
            }
            _ => {
                return Err(
                    "\"default\" must be a string, a whole number or true or false".to_owned(),
                );
            }
        };
        give::check(param, &text, None)
            .map_err(|rule| format!("the default {} {rule}", quote(&text)))
    })
}

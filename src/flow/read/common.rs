//! Values that stand in many places of a definition.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::de::DeValue;

use crate::flow::rollout::Limit;
use crate::flow::step::{Exec, Given};
use crate::flow::template::{
    CommandText, Condition, Fault, Known, QueryText, Shape, TemplateError, Text, UrlText,
};
use crate::run::complaint::quote;
use crate::run::duration::HumanDuration;
use crate::run::outcome::OutcomeKind;
use crate::run::retry::{BEFORE_EXEC, RETRIABLE, Retry};
use crate::run::strict_toml::{Table, Written};

/// Names are typed on command lines and stand in file names.
pub(super) fn check_name(what: &str, name: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(fits)
        && name.len() <= 64
    {
        return Ok(());
    }
    Err(format!(
        "the {what} {} must be letters, digits, - _ and . (64 at most), with a letter or digit first",
        quote(name)
    ))
}

/// Complains when a key is not there.
pub(super) fn need(table: &Table<'_>, key: &'static str, hint: &str) -> bool {
    let there = table.has(key);
    if !there {
        table.missing(key, hint);
    }
    there
}

/// A duration longer than nothing.
pub(super) fn duration(table: &Table<'_>, key: &'static str) -> Option<Duration> {
    let duration = table.parsed::<HumanDuration>(key)?.get();
    if duration.is_zero() {
        table.complain(key, format!("{} must be longer than nothing", quote(key)));
        return None;
    }
    Some(duration)
}

/// A command.
pub(super) fn command(table: &Table<'_>, key: &'static str, known: &Known) -> Option<CommandText> {
    let written = table.written(key)?;
    if written.value.trim().is_empty() {
        table.complain(
            key,
            format!("{} is empty; write what is to be run", quote(key)),
        );
        return None;
    }
    let text = parsed(table, &written, CommandText::parse)?;
    complain(table, &written, text.faults(known));
    Some(text)
}

/// A path, URL or host set.
pub(super) fn text(table: &Table<'_>, key: &'static str, known: &Known) -> Option<Text> {
    text_of(table, &table.written(key)?, known)
}

/// What a person reads.
pub(super) fn text_for_people(table: &Table<'_>, key: &'static str, known: &Known) -> Option<Text> {
    let written = table.written(key)?;
    let text = parsed(table, &written, Text::parse)?;
    complain(table, &written, text.faults_for_people(known));
    Some(text)
}

pub(super) fn text_of(table: &Table<'_>, written: &Written, known: &Known) -> Option<Text> {
    if written.value.trim().is_empty() {
        table.complain_in(
            written,
            0,
            "this is empty; write something, or leave the key out",
            None,
        );
        return None;
    }
    let text = parsed(table, written, Text::parse)?;
    complain(table, written, text.faults(known));
    Some(text)
}

/// A URL, as far as its fixed beginning tells.
pub(super) fn url(table: &Table<'_>, known: &Known) -> Option<UrlText> {
    let written = table.written("url")?;
    let fits = ["http://", "https://", "{{"]
        .iter()
        .any(|with| written.value.starts_with(with));
    if !fits {
        let message = format!("{} is no URL", quote(&written.value));
        table.complain_hint("url", message, "begin it with http:// or https://");
    }
    let url = parsed(table, &written, UrlText::parse)?;
    complain(table, &written, url.faults(known));
    Some(url)
}

/// A query to a metrics server.
pub(super) fn query(table: &Table<'_>, known: &Known) -> Option<QueryText> {
    let written = table.written("query")?;
    if written.value.trim().is_empty() {
        table.complain("query", "\"query\" is empty; write what is to be asked");
        return None;
    }
    let query = parsed(table, &written, QueryText::parse)?;
    complain(table, &written, query.faults(known));
    Some(query)
}

/// A condition.
pub(super) fn condition(table: &Table<'_>, key: &'static str, known: &Known) -> Option<Condition> {
    let written = table.written(key)?;
    let condition = parsed(table, &written, Condition::parse)?;
    complain(table, &written, condition.faults(known));
    Some(condition)
}

/// A text, or a parameter that is a secret, alone.
pub(super) fn given_of(table: &Table<'_>, written: &Written, known: &Known) -> Option<Given> {
    let text = parsed(table, written, Text::parse)?;
    if let Some(name) = text.sole_name()
        && known.get(name) == Some(&Shape::Secret)
    {
        return Some(Given::Secret(name.to_owned()));
    }
    complain(table, written, text.faults(known));
    Some(Given::Text(text))
}

/// Texts or secrets under names that `fits` lets pass.
pub(super) fn given_map(
    table: &Table<'_>,
    key: &'static str,
    known: &Known,
    fits: impl Fn(&str) -> Result<(), String>,
) -> BTreeMap<String, Given> {
    let mut map = BTreeMap::new();
    for (name, _, written) in table.written_values(key) {
        if let Err(message) = fits(&name) {
            table.complain_in(&written, 0, message, None);
        }
        if let Some(given) = given_of(table, &written, known) {
            map.insert(name, given);
        }
    }
    map
}

/// A command with its user and variables.
pub(super) fn exec(table: &Table<'_>, known: &Known, durable: bool) -> Option<Exec> {
    need(table, "command", "write command = \"…\"");
    let command = command(table, "command", known);
    let run_as = text(table, "run_as", known);
    let env = env(table, known);
    Some(Exec {
        command: command?,
        run_as,
        env,
        durable,
    })
}

pub(super) fn env(table: &Table<'_>, known: &Known) -> BTreeMap<String, Given> {
    given_map(table, "env", known, |name| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let first = |c: char| c.is_ascii_alphabetic() || c == '_';
        if name.starts_with(first) && name.chars().all(fits) {
            return Ok(());
        }
        Err(format!(
            "{} is no name of a variable; use letters, digits and _",
            quote(name)
        ))
    })
}

fn parsed<T>(
    table: &Table<'_>,
    written: &Written,
    parse: impl FnOnce(String) -> Result<T, TemplateError>,
) -> Option<T> {
    match parse(written.value.clone()) {
        Ok(text) => Some(text),
        Err(error) => {
            table.complain_in(written, error.at.unwrap_or(0), error.message, None);
            None
        }
    }
}

fn complain(table: &Table<'_>, written: &Written, faults: Vec<Fault>) {
    for fault in faults {
        table.complain_in(written, fault.at, fault.message, fault.hint);
    }
}

/// A number of failures, or a part of the hosts.
pub(super) fn limit(table: &Table<'_>, key: &'static str) -> Option<Limit> {
    table.get(key, |value| {
        let wrong = || {
            format!(
                "{} must be a number of hosts or a percentage, as in 3 or \"2%\"",
                quote(key)
            )
        };
        match value {
            DeValue::Integer(_) => whole(value).map(Limit::Count).ok_or_else(wrong),
            DeValue::String(text) => basis(text).map(Limit::Basis).ok_or_else(wrong),
            _ => Err(wrong()),
        }
    })
}

/// A whole number from 0.
pub(super) fn whole(value: &DeValue<'_>) -> Option<u32> {
    let DeValue::Integer(number) = value else {
        return None;
    };
    u32::from_str_radix(number.as_str(), number.radix()).ok()
}

/// Hundredths of a percent, up to 100 %.
fn basis(text: &str) -> Option<u32> {
    let number = text.strip_suffix('%')?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 2 {
        return None;
    }
    let part = part.parse::<u32>().ok()? * if part.len() == 1 { 10 } else { 1 };
    let basis = whole
        .parse::<u32>()
        .ok()?
        .checked_mul(100)?
        .checked_add(part)?;
    (basis <= 10_000).then_some(basis)
}

/// What may be said of trying again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// Nothing is done twice that could do harm.
    Harmless,
    /// It was not said that doing it twice does no harm.
    Unsaid,
}

/// `retry = { attempts = 3, delay = "10s", backoff = 2.0, jitter = 0.2, on = ["unreachable"] }`.
pub(super) fn retry(table: &Table<'_>, again: Again) -> Option<Retry> {
    table.table("retry", |table| {
        need(table, "attempts", "write attempts = 3: attempts in all");
        let attempts = table.integer("attempts", 2..=100);
        let delay = duration(table, "delay");
        let backoff = fraction(table, "backoff", 1.0, 10.0);
        let jitter = fraction(table, "jitter", 0.0, 1.0);
        let on = outcomes(table, again);
        Some(Retry {
            attempts: attempts?,
            delay: delay.unwrap_or_default(),
            backoff: backoff.unwrap_or(1.0),
            jitter: jitter.unwrap_or(0.0),
            on,
        })
    })?
}

fn fraction(table: &Table<'_>, key: &'static str, least: f64, most: f64) -> Option<f64> {
    table.get(key, |value| {
        let number = match value {
            DeValue::Float(number) => number.as_str().parse::<f64>().ok(),
            DeValue::Integer(_) => whole(value).map(f64::from),
            _ => None,
        };
        let fits = number.filter(|number| (least..=most).contains(number));
        fits.ok_or_else(|| format!("{} must be a number from {least} to {most}", quote(key)))
    })
}

fn outcomes(table: &Table<'_>, again: Again) -> Vec<OutcomeKind> {
    let allowed: &[OutcomeKind] = match again {
        Again::Harmless => &RETRIABLE,
        Again::Unsaid => &BEFORE_EXEC,
    };
    let Some(words) = table.written_list("on") else {
        return match again {
            Again::Harmless => RETRIABLE[..4].to_vec(),
            Again::Unsaid => vec![OutcomeKind::Unreachable],
        };
    };
    let mut kinds = Vec::new();
    for word in words {
        match OutcomeKind::from_word(&word.value) {
            Some(kind) if allowed.contains(&kind) => kinds.push(kind),
            Some(kind) if RETRIABLE.contains(&kind) => {
                let message = format!(
                    "after {} it may have done its work already, so it is not tried again by itself",
                    quote(&word.value)
                );
                let hint = "write idempotent = true if doing it twice does no harm";
                table.complain_in(&word, 0, message, Some(hint.to_owned()));
            }
            _ => {
                let known: Vec<&str> = allowed.iter().map(|kind| kind.word()).collect();
                let message = format!("{} is no outcome that is tried again", quote(&word.value));
                table.complain_in(
                    &word,
                    0,
                    message,
                    Some(format!("write some of {}", known.join(", "))),
                );
            }
        }
    }
    kinds
}

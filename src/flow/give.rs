//! Parameter values: what a person, a schedule or a stage gives, checked before anything starts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::param::{Param, ParamKind, ParamValue, Params};
use super::template::{Scope, Value};
use super::value::Tainted;
use crate::run::complaint::{nearest, quote};
use crate::run::duration::HumanDuration;
use crate::run::secret::{SecretRef, Typed};

/// No longer value is taken; larger ones are files.
const MAX_VALUE: usize = 64 * 1024;
/// What the item of a stage is called in its texts; no parameter can be called so.
pub(super) const ITEM: &str = "item";
/// What stands before the name of a secret.
const SECRET: &str = "secret:";

/// Expands a host set; the error is a sentence.
pub type ExpandHosts<'a> = dyn Fn(&str) -> Result<Vec<String>, String> + 'a;

/// One value as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// By a person or a definition.
    Trusted(String),
    /// By an alert, a webhook or a host.
    Outside(Tainted),
    /// A secret that a person typed: what stands for it.
    Typed(Typed),
}

/// All values of a start, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Values {
    values: BTreeMap<String, ParamValue>,
    /// Names of values that came from outside and may hold anything.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    outside: BTreeSet<String>,
}

/// Why a value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GiveError {
    /// There is no such parameter.
    #[error("there is no parameter {}; {hint}", quote(.name))]
    Unknown {
        /// The name.
        name: String,
        /// The one that was meant, or all.
        hint: String,
    },
    /// It must be given.
    #[error("the parameter {} is missing{}; give it: --set {name}=…", quote(.name), in_brackets(.about.as_ref()))]
    Missing {
        /// The name.
        name: String,
        /// What it is for.
        about: Option<String>,
    },
    /// It breaks a rule.
    #[error("the parameter {}: {} {rule}", quote(.name), quote(.value))]
    Rule {
        /// The name.
        name: String,
        /// What was given.
        value: String,
        /// The rule and the way out.
        rule: String,
    },
    /// A word of `--set` has no `=`.
    #[error("{} gives no value; write --set NAME=VALUE", quote(.0))]
    NoValue(String),
    /// One name is given twice.
    #[error("the parameter {} is given twice; give it once", quote(.0))]
    Twice(String),
}

fn in_brackets(about: Option<&String>) -> String {
    about.map_or_else(String::new, |about| {
        format!(" ({})", about.trim_end_matches('.'))
    })
}

/// The words of `--set`, taken apart.
///
/// # Errors
/// Every word that is not `NAME=VALUE`, and every name that comes twice.
pub fn offers(words: &[String]) -> Result<BTreeMap<String, Offer>, Vec<GiveError>> {
    let mut offers = BTreeMap::new();
    let mut errors = Vec::new();
    for word in words {
        match word.split_once('=') {
            Some((name, value)) => {
                let offer = Offer::Trusted(value.to_owned());
                if offers.insert(name.to_owned(), offer).is_some() {
                    errors.push(GiveError::Twice(name.to_owned()));
                }
            }
            None => errors.push(GiveError::NoValue(word.clone())),
        }
    }
    if errors.is_empty() {
        Ok(offers)
    } else {
        Err(errors)
    }
}

impl Values {
    /// Checks what was given against what is declared; what was not given takes its default.
    ///
    /// # Errors
    /// Everything that is wrong, not only the first.
    pub fn check(
        params: &Params,
        offers: &BTreeMap<String, Offer>,
        expand: &ExpandHosts<'_>,
    ) -> Result<Self, Vec<GiveError>> {
        let mut checked = Self::default();
        let mut errors: Vec<GiveError> = offers
            .keys()
            .filter(|name| !params.contains_key(*name))
            .map(|name| unknown(name, params))
            .collect();
        for (name, param) in params {
            match value(name, param, offers.get(name), expand) {
                Ok(value) => {
                    let outside = matches!(offers.get(name), Some(Offer::Outside(_)));
                    if outside
                        && matches!(value, ParamValue::Text(_) | ParamValue::Hosts { .. })
                        && !matches!(param.kind, ParamKind::Choice(_))
                    {
                        checked.outside.insert(name.clone());
                    }
                    checked.values.insert(name.clone(), value);
                }
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(checked)
        } else {
            Err(errors)
        }
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&ParamValue> {
        self.values.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ParamValue)> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// Whether a value came from outside.
    pub fn is_outside(&self, name: &str) -> bool {
        self.outside.contains(name)
    }

    /// The secrets among them.
    pub fn secrets(&self) -> impl Iterator<Item = SecretRef> + '_ {
        self.values.values().filter_map(ParamValue::secret)
    }

    /// The same for a digest that is known before anything is typed.
    #[must_use]
    pub fn before_typing(&self) -> Self {
        let mut same = self.clone();
        for value in same.values.values_mut() {
            if let ParamValue::Typed(typed) = value {
                typed.mac.clear();
            }
        }
        same
    }

    /// The same with the item that a stage is done for.
    #[must_use]
    pub fn with_item(mut self, item: &str, outside: bool) -> Self {
        let value = ParamValue::Text(item.to_owned());
        self.values.insert(ITEM.to_owned(), value);
        if outside {
            self.outside.insert(ITEM.to_owned());
        }
        self
    }

    /// What templates may use of them. Secrets are not among it.
    pub fn scope(&self) -> Scope {
        let mut scope = Scope::new();
        for (name, value) in &self.values {
            let Some(json) = for_templates(value) else {
                continue;
            };
            scope = if self.outside.contains(name) {
                match &json {
                    Value::String(text) => scope.with_outside(name, &Tainted::new(text)),
                    other => scope.with_outside_list(name, other),
                }
            } else {
                scope.with(name, &json)
            };
        }
        scope
    }
}

fn for_templates(value: &ParamValue) -> Option<Value> {
    Some(match value {
        ParamValue::None => Value::String(String::new()),
        ParamValue::Text(text) | ParamValue::Duration(text) => Value::from(text.as_str()),
        ParamValue::Integer(number) => Value::from(*number),
        ParamValue::Bool(flag) => Value::from(*flag),
        ParamValue::Hosts { names, .. } => Value::from(names.clone()),
        ParamValue::Secret(_) | ParamValue::Typed(_) => return None,
    })
}

fn unknown(name: &str, params: &Params) -> GiveError {
    let names = params.keys().map(String::as_str);
    let hint = match nearest(name, names.clone()) {
        Some(near) => format!("did you mean {}?", quote(near)),
        None if params.is_empty() => "there are none at all".to_owned(),
        None => format!("there are {}", names.collect::<Vec<_>>().join(", ")),
    };
    GiveError::Unknown {
        name: name.to_owned(),
        hint,
    }
}

fn value(
    name: &str,
    param: &Param,
    offer: Option<&Offer>,
    expand: &ExpandHosts<'_>,
) -> Result<ParamValue, GiveError> {
    let rule = |value: &str, rule: String| GiveError::Rule {
        name: name.to_owned(),
        value: if param.secret {
            "…".to_owned()
        } else {
            value.to_owned()
        },
        rule,
    };
    let text = match offer {
        Some(Offer::Trusted(text)) => text.as_str(),
        Some(Offer::Outside(_)) if param.secret => {
            return Err(rule(
                "",
                "names a secret, which nothing from outside may choose".to_owned(),
            ));
        }
        Some(Offer::Outside(tainted)) => tainted.raw(),
        Some(Offer::Typed(typed)) if param.secret => return Ok(ParamValue::Typed(typed.clone())),
        Some(Offer::Typed(_)) => {
            return Err(GiveError::Rule {
                name: name.to_owned(),
                value: "…".to_owned(),
                rule: "was typed as a secret, and the parameter is none; use --set".to_owned(),
            });
        }
        None => {
            return match &param.default {
                // A host set means what it means today.
                Some(ParamValue::Hosts { text, .. }) => {
                    check(param, text, Some(expand)).map_err(|why| rule(text, why))
                }
                Some(value) => Ok(value.clone()),
                None if param.required => Err(GiveError::Missing {
                    name: name.to_owned(),
                    about: param.about.clone(),
                }),
                None => Ok(ParamValue::None),
            };
        }
    };
    check(param, text, Some(expand)).map_err(|why| rule(text, why))
}

/// One value against its parameter. Without `expand`, a host set is taken as it is written.
///
/// # Errors
/// The rule it breaks, as the rest of a sentence that begins with the value.
pub fn check(
    param: &Param,
    text: &str,
    expand: Option<&ExpandHosts<'_>>,
) -> Result<ParamValue, String> {
    if text.len() > MAX_VALUE {
        return Err("is longer than 64 KiB; pass it as a file".to_owned());
    }
    if text.contains('\0') {
        return Err(
            "has a NUL character in it, which no command can be given; take it out".to_owned(),
        );
    }
    if param.secret {
        return secret(text);
    }
    match &param.kind {
        ParamKind::String => string(param, text),
        ParamKind::Integer { min, max } => integer(text, *min, *max),
        ParamKind::Bool => match text {
            "true" => Ok(ParamValue::Bool(true)),
            "false" => Ok(ParamValue::Bool(false)),
            _ => Err("must be true or false".to_owned()),
        },
        ParamKind::Duration => match text.parse::<HumanDuration>() {
            Ok(_) => Ok(ParamValue::Duration(text.to_owned())),
            Err(_) => Err("must be a duration, as in 90s, 10m or 2h".to_owned()),
        },
        ParamKind::Choice(choices) if choices.iter().any(|choice| choice == text) => {
            Ok(ParamValue::Text(text.to_owned()))
        }
        ParamKind::Choice(choices) => Err(format!("must be one of {}", choices.join(", "))),
        ParamKind::Hosts => hosts(text, expand),
    }
}

fn string(param: &Param, text: &str) -> Result<ParamValue, String> {
    match &param.pattern {
        Some(pattern) if !pattern.matches_whole(text) => {
            // As it is written in the definition, not with every backslash twice.
            Err(format!(
                "does not match {}",
                quote(pattern.source()).replace(r"\\", r"\")
            ))
        }
        _ if text.is_empty() && param.required => Err("is empty; write something".to_owned()),
        _ => Ok(ParamValue::Text(text.to_owned())),
    }
}

fn integer(text: &str, min: Option<i64>, max: Option<i64>) -> Result<ParamValue, String> {
    let number: i64 = text
        .parse()
        .map_err(|_| "must be a whole number".to_owned())?;
    if number < min.unwrap_or(i64::MIN) {
        return Err(format!("must be at least {}", min.unwrap_or(i64::MIN)));
    }
    if number > max.unwrap_or(i64::MAX) {
        return Err(format!("must be at most {}", max.unwrap_or(i64::MAX)));
    }
    Ok(ParamValue::Integer(number))
}

fn hosts(text: &str, expand: Option<&ExpandHosts<'_>>) -> Result<ParamValue, String> {
    let names = match expand {
        Some(expand) => {
            let names = expand(text).map_err(|why| format!("is no host set: {why}"))?;
            if names.is_empty() {
                return Err("has no hosts; write a host set that has, as in web[01-20]".to_owned());
            }
            names
        }
        None => Vec::new(),
    };
    Ok(ParamValue::Hosts {
        text: text.to_owned(),
        names,
    })
}

fn secret(text: &str) -> Result<ParamValue, String> {
    let name = text.strip_prefix(SECRET).unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(fits) {
        return Err(
            "is not the name of a secret; write secret:NAME, never the secret itself".to_owned(),
        );
    }
    Ok(ParamValue::Secret(name.to_owned()))
}

#[cfg(test)]
mod tests;

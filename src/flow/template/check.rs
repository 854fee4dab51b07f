//! What can be said of a template before there are values.

use std::collections::{BTreeMap, BTreeSet};

use super::TemplateError;
use super::engine::{self, FILTERS, FUNCTIONS, MARK, TESTS};
use super::render::told;
use super::scan::{self, Piece, Role, Use};
use super::shell::Shell;
use crate::run::complaint::{nearest, quote};

/// Tags beyond expressions.
const TAGS: [&str; 9] = [
    "if", "elif", "else", "endif", "for", "endfor", "set", "raw", "endraw",
];

/// What is wrong at one place of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where, in bytes.
    pub at: usize,
    /// A sentence without its full stop.
    pub message: String,
    /// The way out.
    pub hint: Option<String>,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// One value.
    Value,
    /// A thing with these parts.
    Parts(BTreeMap<String, Shape>),
    /// A thing whose parts are not known before the run.
    Open,
    /// A reference to a secret, which enters no text.
    Secret,
    /// As the shape inside, but it came from outside.
    Outside(Box<Shape>),
}

impl Shape {
    /// Whether there is anything in it that a text of this kind may hold.
    fn may_enter(&self, place: Place) -> bool {
        match self {
            Self::Value | Self::Open => true,
            Self::Parts(parts) => !parts.is_empty(),
            Self::Secret => false,
            Self::Outside(inner) => place != Place::Text && inner.may_enter(place),
        }
    }
}

/// The names a template may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known(BTreeMap<String, Shape>);

impl Known {
    /// Adds a name.
    #[must_use]
    pub fn with(mut self, name: &str, shape: Shape) -> Self {
        self.0.insert(name.to_owned(), shape);
        self
    }

    /// The shape of a name.
    pub fn get(&self, name: &str) -> Option<&Shape> {
        self.0.get(name)
    }
}

/// What kind of text a template is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Command,
    Text,
    Condition,
    /// A text for people.
    People,
}

pub(super) fn command_syntax(text: &str) -> Result<(), TemplateError> {
    text_syntax(text)?;
    shell_places(text)
}

pub(super) fn text_syntax(text: &str) -> Result<(), TemplateError> {
    no_nul(text)?;
    let compiled = engine::of_texts().template_from_str(text);
    compiled.map_err(|error| told(&error))?;
    for piece in scan::pieces(text) {
        if let Piece::Tag(inner, at) = piece {
            tag(inner, at)?;
        }
    }
    Ok(())
}

/// The fixed parts of a URL, as far as they tell without values.
pub(super) fn url_syntax(text: &str) -> Result<(), TemplateError> {
    text_syntax(text)?;
    for piece in scan::pieces(text) {
        if let Piece::Literal(fixed, at) = piece {
            super::url::literal(fixed, at)?;
        }
    }
    Ok(())
}

pub(super) fn condition_syntax(text: &str) -> Result<(), TemplateError> {
    no_nul(text)?;
    if text.contains("{{") {
        let message = "a condition is an expression by itself; write it without {{ }}";
        return Err(TemplateError::new(text.find("{{"), message));
    }
    let compiled = engine::of_texts().compile_expression(text);
    compiled.map(|_| ()).map_err(|error| told(&error))
}

fn no_nul(text: &str) -> Result<(), TemplateError> {
    match text.find(MARK) {
        Some(at) => Err(TemplateError::new(
            Some(at),
            "the text has a NUL character in it; take it out",
        )),
        None => Ok(()),
    }
}

fn tag(inner: &str, at: usize) -> Result<(), TemplateError> {
    let words = inner.trim_start_matches(['-', '+']).trim();
    let name: String = words
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    let block_set = name == "set" && !words.contains('=');
    if TAGS.contains(&name.as_str()) && !block_set {
        return Ok(());
    }
    let message = format!(
        "the tag {} is not known here; write {{% if %}}, {{% for %}}, {{% set NAME = … %}} or {{% raw %}}",
        quote(&name)
    );
    Err(TemplateError::new(Some(at), message))
}

/// Whether quotes protect each value, as far as the text tells without values.
fn shell_places(text: &str) -> Result<(), TemplateError> {
    let mut shell = Shell::default();
    for piece in scan::pieces(text) {
        match piece {
            Piece::Literal(literal, _) => shell.literal(literal),
            Piece::Tag(..) => {}
            Piece::Emit(inner, at) => {
                let name = inner.trim_matches(|c: char| c.is_whitespace() || c == '-' || c == '+');
                let wrong =
                    |why| TemplateError::new(Some(at - 2), format!("{{{{ {name} }}}} {why}"));
                shell.value().map_err(wrong)?;
            }
        }
    }
    Ok(())
}

pub(super) fn faults(text: &str, known: &Known, place: Place) -> Vec<Fault> {
    let uses = match place {
        Place::Condition => scan::expression_uses(text),
        Place::Command | Place::Text | Place::People => scan::uses(text),
    };
    let assigned: BTreeSet<&str> = uses
        .iter()
        .filter(|used| used.role == Role::Assigned)
        .map(|used| used.name)
        .collect();
    uses.iter()
        .filter_map(|used| match used.role {
            Role::Assigned => None,
            Role::Filter => unknown("filter", used, FILTERS.iter().copied()),
            Role::Test => unknown("test", used, TESTS.iter().copied()),
            Role::Value if assigned.contains(used.name) || used.name == "loop" => None,
            Role::Value if FUNCTIONS.contains(&used.name) => None,
            Role::Value => value_fault(used, known, place),
        })
        .collect()
}

fn unknown<'a>(
    what: &str,
    used: &Use<'_>,
    names: impl Iterator<Item = &'a str> + Clone,
) -> Option<Fault> {
    if names.clone().any(|name| name == used.name) {
        return None;
    }
    Some(Fault {
        at: used.at,
        message: format!("the {what} {} is not known", quote(used.name)),
        hint: Some(near_or_known(used.name, names)),
    })
}

fn value_fault(used: &Use<'_>, known: &Known, place: Place) -> Option<Fault> {
    let fault = |message: String, hint: Option<String>| {
        Some(Fault {
            at: used.at,
            message,
            hint,
        })
    };
    let Some(shape) = known.0.get(used.name) else {
        let usable = known.0.iter().filter(|(_, shape)| shape.may_enter(place));
        let mut hint = near_or_known(used.name, usable.map(|(name, _)| name.as_str()));
        if used.name == "params" {
            hint = format!("a parameter stands by its name alone; {hint}");
        }
        return fault(
            format!("the name {} is not known", quote(used.name)),
            Some(hint),
        );
    };
    let shape = match shape {
        Shape::Secret => return fault(secret_message(used.name), Some(SECRET_HINT.to_owned())),
        Shape::Outside(_) if place == Place::Text => {
            return fault(outside_message(used.name), None);
        }
        Shape::Outside(inner) => inner,
        shape => shape,
    };
    part_fault(used, shape)
}

/// Follows `.name` after `.name` through what is known.
fn part_fault(used: &Use<'_>, shape: &Shape) -> Option<Fault> {
    let mut shape = shape;
    let mut whole = used.name.to_owned();
    for part in &used.path {
        let Shape::Parts(parts) = shape else {
            return None;
        };
        let Some(next) = parts.get(*part) else {
            let message = if parts.is_empty() {
                format!("{} has nothing in it here", quote(&whole))
            } else {
                format!("{} has no {}", quote(&whole), quote(part))
            };
            let hint =
                (!parts.is_empty()).then(|| near_or_known(part, parts.keys().map(String::as_str)));
            return Some(Fault {
                at: used.at,
                message,
                hint,
            });
        };
        whole.extend([".", part]);
        shape = next;
    }
    match shape {
        Shape::Parts(parts) if used.emitted => Some(Fault {
            at: used.at,
            message: format!("{} is not one value", quote(&whole)),
            hint: Some(near_or_known("", parts.keys().map(String::as_str))),
        }),
        _ => None,
    }
}

const SECRET_HINT: &str =
    "give it as the whole value of a variable: env = { TOKEN = \"{{ token }}\" }";

fn secret_message(name: &str) -> String {
    format!(
        "the parameter {} is a secret, which cannot stand in this text",
        quote(name)
    )
}

pub(super) fn outside_message(name: &str) -> String {
    format!(
        "{} came from outside, and cannot stand in a path, URL or host set; use it in a command or condition",
        quote(name)
    )
}

fn near_or_known<'a>(name: &str, names: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(name, names.clone()).filter(|_| !name.is_empty()) {
        Some(near) => format!("did you mean {}?", quote(near)),
        None => format!("known here: {}", names.collect::<Vec<_>>().join(", ")),
    }
}

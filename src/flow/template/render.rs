//! Rendering: values into a text that was checked.

use minijinja::{Error, ErrorKind};

use super::engine::{self, MARK};
use super::scope::Scope;
use super::shell::Shell;
use super::{TemplateError, check};
use crate::run::complaint::quote;
use crate::run::quote::sh_quote;

/// A longer command or text is a mistake, and no `execve` would take it.
const MAX_LENGTH: usize = 1 << 20;
const MISSING: &str = "a value is missing; give it a default: {{ name | default(…) }}";

pub(super) fn command(text: &str, scope: &Scope) -> Result<String, TemplateError> {
    let marked = render(engine::of_commands(), text, scope.all())?;
    let mut shell = Shell::default();
    let mut command = String::with_capacity(marked.len());
    for (index, part) in marked.split(MARK).enumerate() {
        if index % 2 == 0 {
            shell.literal(part);
            command.push_str(part);
            continue;
        }
        shell
            .value()
            .map_err(|why| TemplateError::new(None, format!("the value {} {why}", quote(part))))?;
        let word = sh_quote(part).map_err(|error| TemplateError::new(None, error.to_string()))?;
        command.push_str(&word);
    }
    Ok(command)
}

pub(super) fn text(text: &str, scope: &Scope) -> Result<String, TemplateError> {
    trusted(engine::of_texts(), text, scope)
}

/// The text with each value between marks.
pub(super) fn marked(text: &str, scope: &Scope) -> Result<String, TemplateError> {
    trusted(engine::of_commands(), text, scope)
}

fn trusted(
    engine: &minijinja::Environment<'static>,
    text: &str,
    scope: &Scope,
) -> Result<String, TemplateError> {
    render(engine, text, scope.trusted()).map_err(|error| {
        let outside = super::scan::uses(text)
            .into_iter()
            .find(|used| scope.is_outside(used.name));
        outside.map_or(error, |used| {
            TemplateError::new(Some(used.at), check::outside_message(used.name))
        })
    })
}

/// Whatever is in the values, it is one line of text.
pub(super) fn for_people(text: &str, scope: &Scope) -> Result<String, TemplateError> {
    let text = render(engine::of_texts(), text, scope.all())?;
    let plain = |c: char| {
        // What hides or turns text around is shown as what it is.
        let acts = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if acts { ' ' } else { c }
    };
    Ok(text.chars().map(plain).collect())
}

pub(super) fn condition(text: &str, scope: &Scope) -> Result<bool, TemplateError> {
    let told = |error: Error| told(&error);
    let expression = engine::of_texts().compile_expression(text).map_err(told)?;
    let value = expression.eval(scope.all()).map_err(told)?;
    if value.is_undefined() {
        return Err(TemplateError::new(None, MISSING));
    }
    Ok(value.is_true())
}

fn render(
    engine: &minijinja::Environment<'static>,
    text: &str,
    values: minijinja::Value,
) -> Result<String, TemplateError> {
    let rendered = engine
        .template_from_str(text)
        .and_then(|template| template.render(values))
        .map_err(|error| told(&error))?;
    if rendered.len() > MAX_LENGTH {
        let message = "the text grows beyond 1 MiB; pass large values as files";
        return Err(TemplateError::new(None, message));
    }
    Ok(rendered)
}

/// The engine's error in our words.
pub(super) fn told(error: &Error) -> TemplateError {
    let detail = error
        .detail()
        .unwrap_or_default()
        .replace(['\n', MARK], " ");
    let message = match error.kind() {
        ErrorKind::OutOfFuel => "the template does too much work; loop over less".to_owned(),
        ErrorKind::UndefinedError if detail.is_empty() => MISSING.to_owned(),
        kind if detail.is_empty() => kind.to_string(),
        ErrorKind::SyntaxError => format!("this is no template: {detail}"),
        _ => detail,
    };
    TemplateError::new(error.range().map(|range| range.start), message)
}

//! The field of one parameter.

use crate::flow::give::check;
use crate::flow::param::{Param, ParamKind};
use crate::run::redact::SHORTEST;
use crate::tui::fuzzy::ranked;
use crate::tui::overlay::edit::Field;
use crate::tui::words::plain;
use crate::wire::hidden::Hidden;

/// A parameter and what is typed for it.
pub(super) struct ParamField {
    pub name: String,
    pub param: Param,
    pub field: Field,
}

impl ParamField {
    pub fn new(name: &str, param: &Param, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            param: param.clone(),
            field: Field::line(text),
        }
    }

    pub fn is_required(&self) -> bool {
        self.param.required && self.param.default.is_none()
    }

    pub fn is_hosts(&self) -> bool {
        matches!(self.param.kind, ParamKind::Hosts)
    }

    /// What is typed; none leaves it to the default.
    pub fn text(&self) -> Option<String> {
        let text = self.field.text();
        (!text.is_empty()).then_some(text)
    }

    /// As the engine is told it. A secret that is typed is told apart from all that is shown.
    pub fn word(&self) -> Option<String> {
        let text = self.text().filter(|_| !self.is_hidden());
        text.map(|text| format!("{}={text}", self.name))
    }

    /// The secret that is typed here, not the name of one.
    pub fn typed(&self) -> Option<(String, Hidden)> {
        let text = self.text().filter(|_| self.is_hidden());
        text.map(|text| (self.name.clone(), Hidden::new(text)))
    }

    /// Whether it can be used; `Err` is the rest of a sentence.
    pub fn check(&self) -> Result<(), String> {
        match self.text() {
            Some(text) if self.is_hidden() => {
                if text.len() < SHORTEST {
                    return Err(format!(
                        "has fewer than {SHORTEST} bytes; a secret has more"
                    ));
                }
                Ok(())
            }
            // What a host set means is the engine's to say.
            Some(text) => check(&self.param, &text, None).map(drop),
            None if self.is_required() => Err("is required".to_owned()),
            None => Ok(()),
        }
    }

    /// A yes or no is turned by the space bar; false when it is none.
    pub fn turns(&mut self) -> bool {
        if !matches!(self.param.kind, ParamKind::Bool) {
            return false;
        }
        let now = self.text().or_else(|| self.default());
        let other = if now.as_deref() == Some("true") {
            "false"
        } else {
            "true"
        };
        self.field.set(other);
        true
    }

    /// What it is when nothing is typed.
    pub fn default(&self) -> Option<String> {
        self.param.default.as_ref().map(ToString::to_string)
    }

    /// The words there are to choose from, those that match what is typed first.
    pub fn suggestions(&self) -> Vec<(String, String)> {
        let default = self.default();
        let words: Vec<String> = match &self.param.kind {
            ParamKind::Choice(words) => words.clone(),
            ParamKind::Bool => vec!["true".to_owned(), "false".to_owned()],
            _ => return Vec::new(),
        };
        let words = words.into_iter().map(|word| {
            let about = if Some(&word) == default.as_ref() {
                "default"
            } else {
                ""
            };
            (word, about.to_owned())
        });
        let typed = self.field.text();
        // A word that is complete does not hide the others.
        let typed = if self.check().is_ok() { "" } else { &typed };
        ranked(words.collect(), typed, |(word, _)| word.clone())
    }

    /// What is wrong with it, or what may stand there.
    pub fn words(&self) -> (bool, String) {
        if let (Some(_), Err(why)) = (self.text(), self.check()) {
            let why = match self.param.secret {
                true if self.is_hidden() => format!("too short: {SHORTEST} bytes or more"),
                true => "the secret, or secret:NAME".to_owned(),
                false => why,
            };
            return (true, why);
        }
        let kind = match &self.param.kind {
            ParamKind::String => String::new(),
            ParamKind::Integer { min, max } => match (min, max) {
                (Some(min), Some(max)) => format!("{min} to {max}"),
                (Some(min), None) => format!("{min} or more"),
                (None, Some(max)) => format!("at most {max}"),
                (None, None) => "a number".to_owned(),
            },
            ParamKind::Bool => "Space turns it".to_owned(),
            ParamKind::Duration => "90s, 10m, 2h".to_owned(),
            ParamKind::Hosts => "a host set".to_owned(),
            ParamKind::Choice(words) => words.join(" | "),
        };
        let kind = if self.param.secret {
            "secret:NAME, or typed: never shown, kept in memory".to_owned()
        } else {
            kind
        };
        let need = match (&self.text(), self.is_required()) {
            (None, true) => "required",
            (None, false) if self.param.default.is_some() => "default",
            (None, false) => "may be empty",
            _ => "",
        };
        let about = self.param.about.as_deref().map(plain).unwrap_or_default();
        let words = [need, kind.as_str(), about.as_str()];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        (false, words.join("   "))
    }

    /// Whether what is typed must not be seen: a secret that is no name of one.
    pub fn is_hidden(&self) -> bool {
        let text = self.field.text();
        self.param.secret
            && !text.is_empty()
            && !"secret:".starts_with(&text)
            && !text.starts_with("secret:")
    }
}

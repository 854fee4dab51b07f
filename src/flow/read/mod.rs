//! Reading definitions: TOML in, a [`Definition`] out, or all that is wrong with it.

mod acts;
mod common;
mod fanout;
mod gates;
mod params;
mod rollout;
mod stages;
mod steps;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::definition::{Body, Definition};
use super::template::{Known, Shape};
use crate::run::complaint::{Complaint, Complaints, Place, quote};
use crate::run::strict_toml::{self, Table};

use common::check_name;
pub use params::RESERVED;

/// A definition, with the text it was read from.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file, for people.
    pub file: Arc<str>,
    /// The text.
    pub text: Arc<str>,
    /// What it says.
    pub definition: Definition,
    /// Where its references to other definitions stand.
    marks: BTreeMap<Mark, Place>,
}

/// A part of a definition that something may be wrong with only beside other definitions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    /// Its name.
    Name,
    /// A stage or branch.
    Work(usize),
    /// What a stage or branch refers to.
    Reference(usize),
    /// A parameter that a stage or branch sets.
    Set(usize, String),
    /// What a stage says under this key.
    Said(usize, &'static str),
}

impl Source {
    /// A complaint about a part of it.
    pub(super) fn complaint(&self, mark: &Mark, message: impl Into<String>) -> Complaint {
        let place = self.marks.get(mark).cloned();
        let place = place.unwrap_or_else(|| Place::whole(&self.file));
        Complaint::new(place, message).excerpt_of(&self.text)
    }
}

/// Where marks are gathered while a text is read.
type Marks = std::cell::RefCell<BTreeMap<Mark, Place>>;

/// The values of `kind`.
#[derive(Clone, Copy)]
enum Word {
    Simple,
    Multi,
    Fanout,
}

const WORDS: [(&str, Word); 3] = [
    ("simple", Word::Simple),
    ("multi", Word::Multi),
    ("fanout", Word::Fanout),
];

/// Reads one definition.
///
/// # Errors
/// All complaints of the text.
pub fn definition(file: &str, text: &str) -> Result<Source, Complaints> {
    let marks = Marks::default();
    let definition = strict_toml::parse(file, text, |root| read(root, &marks))?;
    Ok(Source {
        file: Arc::from(file),
        text: Arc::from(text),
        definition,
        marks: marks.into_inner(),
    })
}

fn read(root: &Table<'_>, marks: &Marks) -> Option<Definition> {
    if !root.has("kind") {
        root.missing("kind", "write kind = \"simple\", \"multi\" or \"fanout\"");
    }
    let word = root.choice("kind", &WORDS);
    let name = name(root);
    marks.borrow_mut().insert(Mark::Name, root.place("name"));
    let app = root.string("app");
    let about = root.string("about");
    let params = params::read(root);
    let known = known_everywhere(&params);
    let Some(word) = word else {
        root.ask(&[
            "steps",
            "rollout",
            "stages",
            "actions",
            "parallel",
            "join",
            "fail_fast",
        ]);
        return None;
    };
    let body = match word {
        Word::Simple => Body::Simple {
            rollout: Box::new(rollout::read(root, &known)),
            steps: steps::read(root, &known),
        },
        Word::Multi => Body::Multi {
            stages: stages::read(root, &known, marks),
        },
        Word::Fanout => Body::Fanout(fanout::read(root, &known, marks)),
    };
    Some(Definition {
        name: name?,
        app,
        about,
        params,
        body,
    })
}

fn name(root: &Table<'_>) -> Option<String> {
    if !root.has("name") {
        root.missing("name", "write name = \"NAME\"");
    }
    let name = root.string("name")?;
    if let Err(message) = check_name("name", &name) {
        root.complain("name", message);
    }
    Some(name)
}

/// The parameters and what is known of every run.
fn known_everywhere(params: &super::param::Params) -> Known {
    let run = ["id", "name", "starter"].map(|part| (part.to_owned(), Shape::Value));
    let known = Known::default().with("run", Shape::Parts(run.into()));
    params.iter().fold(known, |known, (name, param)| {
        let shape = if param.secret {
            Shape::Secret
        } else {
            Shape::Value
        };
        known.with(name, shape)
    })
}

/// Complains about every name that stands twice.
fn complain_of_twins(table: &Table<'_>, key: &str, name: &str, before: &[&str]) {
    if before.contains(&name) {
        table.complain_hint(
            key,
            format!("the name {} stands here a second time", quote(name)),
            "give each its own",
        );
    }
}

//! Commands for definitions: between files, the store of the engine, and a person.

pub mod apply;
pub mod args;
mod desk;
pub mod diff;
pub mod edit;
pub mod export;
pub mod plan;
pub mod save;
pub mod show;
mod start;

use super::exit::CliError;
use super::print::{self, notice};
use crate::flow::definition::Kind;
use crate::run::complaint::{Complaint, quote};
use crate::run::output::OutStream;
use crate::wire::definitions::{Applied, Apply, DefinitionLine, DefinitionView};
use crate::wire::{Client, Reply, Request};

/// All kinds.
const KINDS: [Kind; 2] = [Kind::Flow, Kind::Action];
/// Kinds that will be, and are not yet.
const LATER: [&str; 6] = ["trigger", "link", "tree", "job", "ruleset", "group"];
/// Texts that one request may carry, in bytes: a frame is twice as long.
const MOST_TEXT: usize = 4 << 20;

/// The kind of this word.
fn kind(word: &str) -> Result<Kind, CliError> {
    let known = KINDS.into_iter().find(|kind| kind.word() == word);
    known.ok_or_else(|| {
        CliError::Usage(if LATER.contains(&word) {
            format!(
                "this version has no definitions of the kind {word} yet: KIND is flow or action"
            )
        } else {
            format!(
                "there is no kind {} of definitions: KIND is flow or action",
                quote(word)
            )
        })
    })
}

/// `KIND/NAME`, taken apart.
fn kind_and_name(text: &str) -> Result<(Kind, &str), CliError> {
    let Some((word, name)) = text.split_once('/') else {
        return Err(CliError::Usage(format!(
            "{} is not KIND/NAME, as in flow/{}",
            quote(text),
            if text.is_empty() { "NAME" } else { text }.escape_debug()
        )));
    };
    Ok((kind(word)?, name))
}

async fn send(client: &Client, wanted: Apply) -> Result<Applied, CliError> {
    let size: usize = wanted.files.iter().map(|file| file.text.len()).sum();
    if size > MOST_TEXT {
        return Err(CliError::Usage(
            "these definitions are larger than 4 MiB together; apply them in parts, those that others \
             refer to first"
                .to_owned(),
        ));
    }
    match client.call(Request::Apply(Box::new(wanted))).await? {
        Reply::Applied(applied) => Ok(*applied),
        _ => Err(CliError::Unexpected),
    }
}

async fn lines(client: &Client, kind: Kind) -> Result<Vec<DefinitionLine>, CliError> {
    match client.call(Request::Definitions { kind }).await? {
        Reply::Definitions(lines) => Ok(lines),
        _ => Err(CliError::Unexpected),
    }
}

async fn fetch(
    client: &Client,
    kind: Kind,
    name: &str,
    version: Option<u32>,
) -> Result<DefinitionView, CliError> {
    let request = Request::Definition {
        kind,
        name: name.to_owned(),
        version,
    };
    match client.call(request).await? {
        Reply::Definition(view) => Ok(*view),
        _ => Err(CliError::Unexpected),
    }
}

/// Says what is wrong, each with its place and a caret, and what that means.
fn complain(complaints: &[Complaint], then: &str) -> Result<(), CliError> {
    for complaint in complaints {
        print::lines(OutStream::Stderr, &(complaint.with_caret() + "\n"))?;
    }
    let count = complaints.len();
    let noun = if count == 1 { "mistake" } else { "mistakes" };
    notice(&format!("{count} {noun}; {then}"))
}

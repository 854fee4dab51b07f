//! `conn apply`: definitions of files into the store, all or none.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::args::ApplyArgs;
use super::{complain, send};
use crate::cli::args::Args;
use crate::cli::check::complaint;
use crate::cli::connect::connect;
use crate::cli::exit::{CliError, Exit};
use crate::cli::print::{notice, say, say_json};
use crate::run::complaint::Complaint;
use crate::site::definitions::{Read, read_all};
use crate::wire::definitions::{Applied, Apply, Change, Changed, GivenFile};

/// `conn apply`.
pub async fn apply(args: &Args, words: &ApplyArgs) -> Result<Exit, CliError> {
    let read = read_all(&words.paths);
    if words.prune && read.whole.is_empty() {
        return Err(CliError::Usage(
            "--prune removes what is not in a directory, and none is given; nothing was changed. \
             Name the directory that holds all definitions"
                .to_owned(),
        ));
    }
    let passed_over = read.checked.passed_over.clone();
    let (applied, complaints) = if read.checked.complaints.is_empty() {
        let client = connect(args, false).await?;
        let mut applied = send(&client, wanted(read, words)).await?;
        let complaints = std::mem::take(&mut applied.complaints);
        (applied, complaints.into_iter().map(Into::into).collect())
    } else {
        (Applied::default(), read.checked.complaints)
    };
    if words.json {
        say_json(&document(words, &applied, &complaints, &passed_over))?;
    } else {
        for file in &passed_over {
            let file = file.display().to_string();
            notice(&format!(
                "{}: left out, it is no definition known here",
                file.escape_debug()
            ))?;
        }
        if complaints.is_empty() {
            summary(args, words, &applied.changes)?;
        } else {
            complain(&complaints, "nothing was changed")?;
        }
    }
    Ok(if complaints.is_empty() {
        Exit::Ok
    } else {
        Exit::Usage
    })
}

fn wanted(read: Read, words: &ApplyArgs) -> Apply {
    let file = |source: crate::flow::read::Source| GivenFile {
        path: source.file.to_string(),
        text: source.text.to_string(),
        base: None,
    };
    Apply {
        files: read.sources.into_iter().map(file).collect(),
        prune: if words.prune {
            read.whole.into_iter().collect()
        } else {
            Vec::new()
        },
        dry_run: words.dry_run,
    }
}

fn summary(args: &Args, words: &ApplyArgs, changes: &[Change]) -> Result<(), CliError> {
    let is_new = |change: &&Change| change.what != Changed::Unchanged;
    let news: Vec<&Change> = changes.iter().filter(is_new).collect();
    for change in &news {
        say(&line(change))?;
    }
    if args.quiet {
        return Ok(());
    }
    let word = if words.dry_run {
        "would change; nothing was"
    } else {
        "changed"
    };
    let same = changes.len() - news.len();
    say(&format!("{} {word}, {same} as they were", news.len()))
}

fn line(change: &Change) -> String {
    let file = change.file.as_deref().unwrap_or_default();
    let text = format!(
        "{:<8}  {:<6}  {:<24}  version {:<3}  {}",
        change.what.word(),
        change.kind.word(),
        change.name,
        change.version,
        file.escape_debug()
    );
    text.trim_end().to_owned()
}

fn document(
    words: &ApplyArgs,
    applied: &Applied,
    complaints: &[Complaint],
    passed_over: &[PathBuf],
) -> Value {
    let change = |change: &Change| {
        json!({
            "kind": change.kind.word(),
            "name": change.name,
            "change": change.what.word(),
            "version": change.version,
            "digest": change.digest,
            "file": change.file,
        })
    };
    let path = |path: &PathBuf| path.display().to_string();
    json!({
        "ok": complaints.is_empty(),
        "dry_run": words.dry_run,
        "changes": applied.changes.iter().map(change).collect::<Vec<_>>(),
        "complaints": complaints.iter().map(complaint).collect::<Vec<_>>(),
        "not_checked": passed_over.iter().map(path).collect::<Vec<_>>(),
    })
}

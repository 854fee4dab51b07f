//! `conn list` and `conn show`: what is stored.

use serde_json::{Value, json};

use super::args::{ListArgs, ShowArgs};
use super::{fetch, kind, kind_and_name, lines};
use crate::cli::args::Args;
use crate::cli::connect::connect;
use crate::cli::exit::{CliError, Exit};
use crate::cli::print::{one_line, raw, say, say_json, say_row};
use crate::run::output::OutStream;
use crate::wire::definitions::{DefinitionLine, VersionLine};

/// `conn list`.
pub async fn list(args: &Args, words: &ListArgs) -> Result<Exit, CliError> {
    let kind = kind(&words.kind)?;
    let client = connect(args, false).await?;
    let lines = lines(&client, kind).await?;
    if words.json {
        let all: Vec<Value> = lines.iter().map(document).collect();
        say_json(&Value::Array(all))?;
        return Ok(Exit::Ok);
    }
    if lines.is_empty() {
        say(&format!(
            "no {}s. Store definitions: conn apply PATH",
            kind.word()
        ))?;
    }
    let width = lines.iter().map(|line| line.name.len()).max().unwrap_or(0);
    for line in &lines {
        say_row(&row(line, width))?;
    }
    Ok(Exit::Ok)
}

fn row(line: &DefinitionLine, width: usize) -> String {
    let about = match (&line.broken, &line.about) {
        (Some(why), _) => format!("broken: {why}"),
        (None, about) => about.clone().unwrap_or_default(),
    };
    let row = format!(
        "{:<width$}  version {:<3}  {}  {:<8}  {}",
        line.name,
        line.version,
        line.at.rfc3339(),
        line.by,
        one_line(&about)
    );
    row.trim_end().to_owned()
}

fn document(line: &DefinitionLine) -> Value {
    json!({
        "kind": line.kind.word(),
        "name": line.name,
        "version": line.version,
        "digest": line.digest,
        "by": line.by,
        "at": line.at.rfc3339(),
        "app": line.app,
        "about": line.about,
        "broken": line.broken,
    })
}

/// `conn show`.
pub async fn show(args: &Args, words: &ShowArgs) -> Result<Exit, CliError> {
    let (kind, name) = kind_and_name(&words.name)?;
    let client = connect(args, false).await?;
    let view = fetch(&client, kind, name, words.version).await?;
    if !words.json {
        let terminal = crate::cli::terminal(args);
        raw(terminal, OutStream::Stdout, view.text.as_bytes())?;
        return Ok(Exit::Ok);
    }
    let version = |line: &VersionLine| {
        json!({
            "version": line.version,
            "digest": line.digest,
            "by": line.by,
            "at": line.at.rfc3339(),
        })
    };
    let mut document = version(&view.version);
    document["kind"] = json!(kind.word());
    document["name"] = json!(view.name);
    document["current"] = json!(view.current);
    document["text"] = json!(view.text);
    document["versions"] = view.versions.iter().map(version).collect();
    say_json(&document)?;
    Ok(Exit::Ok)
}

//! `conn diff`: from what is stored to what files say.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::args::DiffArgs;
use super::{KINDS, complain, fetch, lines};
use crate::cli::args::Args;
use crate::cli::connect::connect;
use crate::cli::exit::{CliError, Exit};
use crate::cli::print::{raw, say_json};
use crate::flow::definition::Kind;
use crate::flow::read::Source;
use crate::run::output::OutStream;
use crate::run::unified::unified;
use crate::site::definitions::{Read, read_all};
use crate::wire::Client;
use crate::wire::definitions::Changed;

/// What stands for a side that is not there.
const NOTHING: &str = "/dev/null";

/// One definition on both sides.
struct Pair {
    kind: Kind,
    name: String,
    version: Option<u32>,
    file: Option<String>,
    diff: String,
}

impl Pair {
    fn change(&self) -> Changed {
        match (self.version, &self.file) {
            (None, _) => Changed::Added,
            (_, None) => Changed::Removed,
            _ if self.diff.is_empty() => Changed::Unchanged,
            _ => Changed::Changed,
        }
    }

    fn document(&self) -> Value {
        json!({
            "kind": self.kind.word(),
            "name": self.name,
            "change": self.change().word(),
            "version": self.version,
            "file": self.file,
            "diff": self.diff,
        })
    }
}

/// `conn diff`.
pub async fn diff(args: &Args, words: &DiffArgs) -> Result<Exit, CliError> {
    let read = read_all(&words.paths);
    if !read.checked.complaints.is_empty() {
        complain(&read.checked.complaints, "nothing was compared")?;
        return Ok(Exit::Usage);
    }
    let client = connect(args, false).await?;
    let pairs = pairs(&client, &read).await?;
    let differs = pairs.iter().any(|pair| pair.change() != Changed::Unchanged);
    if words.json {
        let all: Vec<Value> = pairs.iter().map(Pair::document).collect();
        say_json(&json!({ "differs": differs, "definitions": all }))?;
    } else {
        let terminal = crate::cli::terminal(args);
        for pair in &pairs {
            raw(terminal, OutStream::Stdout, pair.diff.as_bytes())?;
        }
    }
    Ok(if differs { Exit::NotOk } else { Exit::Ok })
}

async fn pairs(client: &Client, read: &Read) -> Result<Vec<Pair>, CliError> {
    let mut pairs = Vec::new();
    for kind in KINDS {
        let stored = lines(client, kind).await?;
        let mut given = BTreeSet::new();
        let sources = read.sources.iter();
        for source in sources.filter(|source| source.definition.kind() == kind) {
            let name = source.definition.name.as_str();
            given.insert(name);
            let line = stored.iter().find(|line| line.name == name);
            let version = line.map(|line| line.version);
            pairs.push(pair(client, (kind, name), version, Some(source)).await?);
        }
        if read.whole.contains(&kind) {
            for line in stored.iter().filter(|line| !given.contains(&*line.name)) {
                let version = Some(line.version);
                pairs.push(pair(client, (kind, &line.name), version, None).await?);
            }
        }
    }
    Ok(pairs)
}

async fn pair(
    client: &Client,
    (kind, name): (Kind, &str),
    version: Option<u32>,
    source: Option<&Source>,
) -> Result<Pair, CliError> {
    let stored = match version {
        Some(version) => Some(fetch(client, kind, name, Some(version)).await?.text),
        None => None,
    };
    let stored_label = match version {
        Some(version) => format!("{}/{name} version {version}", kind.word()),
        None => NOTHING.to_owned(),
    };
    let old = (stored_label.as_str(), stored.as_deref().unwrap_or_default());
    let new = source.map_or((NOTHING, ""), |source| (&*source.file, &*source.text));
    Ok(Pair {
        kind,
        name: name.to_owned(),
        version,
        file: source.map(|source| source.file.to_string()),
        diff: between(old, new),
    })
}

/// A unified diff of two texts; empty when they are equal.
pub fn between(old: (&str, &str), new: (&str, &str)) -> String {
    let lines =
        |text: &str| -> Vec<String> { text.split_inclusive('\n').map(str::to_owned).collect() };
    let body = unified(&lines(old.1), &lines(new.1));
    if body.is_empty() {
        return String::new();
    }
    let mut diff = format!(
        "--- {}\n+++ {}\n",
        old.0.escape_debug(),
        new.0.escape_debug()
    );
    for line in body {
        diff.push_str(&line);
        if line.starts_with('@') {
            diff.push('\n');
        } else if !line.ends_with('\n') {
            diff.push_str("\n\\ No newline at end of file\n");
        }
    }
    diff
}

#[cfg(test)]
mod tests {
    use super::between;

    #[test]
    fn a_difference_is_shown_to_the_last_newline() {
        assert_eq!(between(("a", "x\n"), ("b", "x\n")), "");
        assert_eq!(
            between(("flow/A version 1", "x\ny\n"), ("a.toml", "x\nz")),
            "--- flow/A version 1\n+++ a.toml\n@@ -1,2 +1,2 @@\n x\n-y\n+z\n\\ No newline at end of file\n"
        );
        assert_eq!(
            between(("/dev/null", ""), ("a.toml", "@x\n")),
            "--- /dev/null\n+++ a.toml\n@@ -0,0 +1 @@\n+@x\n"
        );
        assert_ne!(between(("a", "x\r\n"), ("b", "x\n")), "");
    }
}

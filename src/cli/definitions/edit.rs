//! `conn edit`: a stored definition in an editor, checked and shown before it is saved.

use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::process::Command;

use tempfile::NamedTempFile;

use super::args::EditArgs;
use super::diff::between;
use super::{complain, fetch, kind_and_name, send};
use crate::cli::args::Args;
use crate::cli::connect::connect;
use crate::cli::exit::{CliError, Exit};
use crate::cli::print::{notice, raw, say, write_to};
use crate::flow::read::definition;
use crate::run::complaint::{Complaint, Place, quote};
use crate::run::output::OutStream;
use crate::wire::Client;
use crate::wire::definitions::{Apply, Changed, DefinitionView, GivenFile};

/// What a person wants done with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    Again,
}

/// `conn edit`.
pub async fn edit(args: &Args, words: &EditArgs) -> Result<Exit, CliError> {
    let (kind, name) = kind_and_name(&words.name)?;
    let client = connect(args, true).await?;
    let view = fetch(&client, kind, name, None).await?;
    let desk = Desk::new(&view)?;
    loop {
        desk.edit()?;
        let text = desk.text()?;
        if text == view.text {
            say("the text is as it was; nothing was changed")?;
            return Ok(Exit::Ok);
        }
        let complaints = check(&client, &view, &text).await?;
        let answer = if complaints.is_empty() {
            offer(args, &view, &text)?
        } else {
            mend(&complaints)?
        };
        match answer {
            Answer::Again => {}
            Answer::Yes => return save(&client, &view, text, desk).await,
            Answer::No => {
                desk.keep()?;
                let is_right = complaints.is_empty();
                return Ok(if is_right { Exit::Ok } else { Exit::Usage });
            }
        }
    }
}

/// Shows what would change, and asks.
fn offer(args: &Args, view: &DefinitionView, text: &str) -> Result<Answer, CliError> {
    let version = view.version.version;
    let old = format!("{} version {version}", file(view));
    let new = format!("version {}", version + 1);
    let diff = between((&old, &view.text), (&new, text));
    let terminal = crate::cli::terminal(args);
    raw(terminal, OutStream::Stdout, diff.as_bytes())?;
    ask(&format!("save {new}? [y]es, [n]o, [e]dit again: "))
}

/// Shows what is wrong, and asks. It cannot be saved so.
fn mend(complaints: &[Complaint]) -> Result<Answer, CliError> {
    complain(complaints, "nothing was changed")?;
    Ok(match ask("edit again? [y]es, [n]o: ")? {
        Answer::No => Answer::No,
        Answer::Yes | Answer::Again => Answer::Again,
    })
}

/// Somebody else may have changed it while it was edited: the engine says so, and the text is kept.
async fn save(
    client: &Client,
    view: &DefinitionView,
    text: String,
    desk: Desk,
) -> Result<Exit, CliError> {
    let applied = match send(client, wanted(view, text, false)).await {
        Ok(applied) => applied,
        Err(error) => {
            desk.keep()?;
            return Err(error);
        }
    };
    if !applied.complaints.is_empty() {
        let complaints: Vec<Complaint> = applied.complaints.into_iter().map(Into::into).collect();
        complain(&complaints, "nothing was changed")?;
        desk.keep()?;
        return Ok(Exit::Usage);
    }
    let changed = |what| what != Changed::Unchanged;
    for change in applied.changes.iter().filter(|change| changed(change.what)) {
        say(&format!(
            "{} {} is version {}",
            change.kind.word(),
            change.name,
            change.version
        ))?;
    }
    Ok(Exit::Ok)
}

/// What is wrong with a text, alone and beside all that is stored.
async fn check(
    client: &Client,
    view: &DefinitionView,
    text: &str,
) -> Result<Vec<Complaint>, CliError> {
    let applied = send(client, wanted(view, text.to_owned(), true)).await?;
    if let Ok(read) = definition(&file(view), text)
        && (read.definition.kind(), &read.definition.name) != (view.kind, &view.name)
    {
        let place = Place::whole(&file(view).into());
        let message = format!(
            "this is the {} {} now, and it was the {} {}",
            read.definition.kind().word(),
            quote(&read.definition.name),
            view.kind.word(),
            quote(&view.name)
        );
        let hint = "leave kind and name as they were; conn apply stores a new one";
        return Ok(vec![Complaint::new(place, message).hint(hint)]);
    }
    Ok(applied.complaints.into_iter().map(Into::into).collect())
}

fn wanted(view: &DefinitionView, text: String, dry_run: bool) -> Apply {
    let file = GivenFile {
        path: file(view),
        text,
        base: view.current,
    };
    Apply {
        files: vec![file],
        prune: Vec::new(),
        dry_run,
    }
}

fn file(view: &DefinitionView) -> String {
    format!("{}/{}", view.kind.word(), view.name)
}

/// Asks on standard error and reads one line; its end means no.
pub(super) fn ask(question: &str) -> Result<Answer, CliError> {
    loop {
        write_to(OutStream::Stderr, question.as_bytes())?;
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        let read = read.map_err(|error| CliError::io("reading the answer", error))?;
        match line.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => return Ok(Answer::Yes),
            "n" | "no" => return Ok(Answer::No),
            "e" | "edit" => return Ok(Answer::Again),
            _ if read == 0 => {
                write_to(OutStream::Stderr, b"\n")?;
                return Ok(Answer::No);
            }
            _ => {}
        }
    }
}

/// The file that is edited: nobody else can read it, and it goes away unless it is kept.
pub(super) struct Desk(NamedTempFile);

impl Desk {
    fn new(view: &DefinitionView) -> Result<Self, CliError> {
        Self::with(&format!("{}-{}", view.kind.word(), view.name), &view.text)
    }

    /// A file with this text; its name begins with these words.
    pub(super) fn with(name: &str, text: &str) -> Result<Self, CliError> {
        let failed = |error| CliError::io("making a file to edit", error);
        let mut file = tempfile::Builder::new()
            .prefix(&format!("{name}-"))
            .suffix(".toml")
            .tempfile()
            .map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.flush().map_err(failed)?;
        Ok(Self(file))
    }

    /// As git does: the words of the variable are the shell's, the file is not.
    pub(super) fn edit(&self) -> Result<(), CliError> {
        let set = |name: &str| {
            std::env::var(name)
                .ok()
                .filter(|value| !value.trim().is_empty())
        };
        let editor = set("VISUAL").or_else(|| set("EDITOR"));
        let editor = editor.unwrap_or_else(|| "vi".to_owned());
        let status = Command::new("sh")
            .args(["-c", &format!("{editor} \"$@\""), &editor])
            .arg(self.0.path())
            .status()
            .map_err(|error| CliError::io("starting the editor", error))?;
        if status.success() {
            return Ok(());
        }
        Err(CliError::Usage(format!(
            "the editor {} ended with {status}; nothing was changed. Set EDITOR to one that is here",
            quote(&editor)
        )))
    }

    /// What the file says now: editors may have put another file in its place.
    pub(super) fn text(&self) -> Result<String, CliError> {
        let path: &Path = self.0.path();
        let failed = |error| CliError::io(format!("reading {}", path.display()), error);
        let bytes = std::fs::read(path).map_err(failed)?;
        String::from_utf8(bytes).map_err(|_| {
            CliError::Usage(format!(
                "{} is not UTF-8 any more; nothing was changed",
                path.display()
            ))
        })
    }

    /// Work that was not saved is not thrown away.
    fn keep(self) -> Result<(), CliError> {
        let path = self
            .0
            .into_temp_path()
            .keep()
            .map_err(|error| CliError::io("keeping the text", error.error))?;
        notice(&format!(
            "nothing was changed; your text is in {}",
            path.display()
        ))
    }
}

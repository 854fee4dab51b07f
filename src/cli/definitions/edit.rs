//! `conn edit`: a stored definition in an editor, checked and shown before it is saved.

use super::args::EditArgs;
use super::desk::{Answer, Desk};
use super::diff::between;
use super::{complain, fetch, kind_and_name, send};
use crate::cli::args::Args;
use crate::cli::connect::connect;
use crate::cli::exit::{CliError, Exit};
use crate::cli::print::{raw, say};
use crate::flow::read::definition;
use crate::run::complaint::{Complaint, Place, quote};
use crate::run::output::OutStream;
use crate::wire::Client;
use crate::wire::definitions::{Apply, Changed, DefinitionView, GivenFile};

/// `conn edit`.
pub async fn edit(args: &Args, words: &EditArgs) -> Result<Exit, CliError> {
    let (kind, name) = kind_and_name(&words.name)?;
    let client = connect(args, true).await?;
    let view = fetch(&client, kind, name, None).await?;
    let mut desk = Desk::with(&format!("{}-{}", view.kind.word(), view.name), &view.text)?;
    let ended = at_desk(args, &client, &view, &mut desk).await;
    desk.leave("nothing was changed", ended)
}

/// Until the text is stored, or the person leaves.
async fn at_desk(
    args: &Args,
    client: &Client,
    view: &DefinitionView,
    desk: &mut Desk,
) -> Result<Exit, CliError> {
    loop {
        desk.edit()?;
        let text = desk.text()?;
        if text == view.text {
            say("the text is as it was; nothing was changed")?;
            return Ok(Exit::Ok);
        }
        let complaints = check(client, view, &text).await?;
        let answer = if complaints.is_empty() {
            offer(args, view, &text, desk).await?
        } else {
            mend(&complaints, desk).await?
        };
        match answer {
            Answer::Again => {}
            Answer::Yes => return save(client, view, text, desk).await,
            Answer::No if complaints.is_empty() => return Ok(Exit::Ok),
            Answer::No => return Ok(Exit::Usage),
        }
    }
}

/// Shows what would change, and asks.
async fn offer(
    args: &Args,
    view: &DefinitionView,
    text: &str,
    desk: &mut Desk,
) -> Result<Answer, CliError> {
    let version = view.version.version;
    let old = format!("{} version {version}", file(view));
    let new = format!("version {}", version + 1);
    let diff = between((&old, &view.text), (&new, text));
    let terminal = crate::cli::terminal(args);
    raw(terminal, OutStream::Stdout, diff.as_bytes())?;
    desk.ask(&format!("save {new}? [y]es, [n]o, [e]dit again: "))
        .await
}

/// Shows what is wrong, and asks. It cannot be saved so.
async fn mend(complaints: &[Complaint], desk: &mut Desk) -> Result<Answer, CliError> {
    complain(complaints, "nothing was changed")?;
    Ok(match desk.ask("edit again? [y]es, [n]o: ").await? {
        Answer::No => Answer::No,
        Answer::Yes | Answer::Again => Answer::Again,
    })
}

/// Somebody else may have changed it while it was edited: the engine says so.
async fn save(
    client: &Client,
    view: &DefinitionView,
    text: String,
    desk: &mut Desk,
) -> Result<Exit, CliError> {
    let applied = send(client, wanted(view, text, false)).await?;
    if !applied.complaints.is_empty() {
        let complaints: Vec<Complaint> = applied.complaints.into_iter().map(Into::into).collect();
        complain(&complaints, "nothing was changed")?;
        return Ok(Exit::Usage);
    }
    desk.stored();
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

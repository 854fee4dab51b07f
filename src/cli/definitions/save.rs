//! `conn runs save`: a flow made of an ad-hoc run, looked at before it is stored.

use super::desk::{Answer, Desk};
use super::{complain, kind_and_name, send};
use crate::cli::args::Args;
use crate::cli::connect::connect;
use crate::cli::exit::{CliError, Exit};
use crate::cli::print::{notice, raw, say, say_json};
use crate::flow::definition::Kind;
use crate::run::ids::RunId;
use crate::run::output::OutStream;
use crate::wire::definitions::{Applied, Apply, GivenFile};
use crate::wire::flows::DraftPage;
use crate::wire::{Client, Reply, Request};

/// `conn runs save ID --as flow/NAME`.
pub async fn save(
    args: &Args,
    json: bool,
    run: RunId,
    name: &str,
    yes: bool,
) -> Result<Exit, CliError> {
    let (kind, name) = kind_and_name(name)?;
    if kind != Kind::Flow {
        return Err(CliError::Usage(
            "a run becomes a flow: --as flow/NAME".to_owned(),
        ));
    }
    let client = connect(args, !yes && !json).await?;
    let request = Request::Draft {
        run,
        name: name.to_owned(),
    };
    let Reply::Draft(mut draft) = client.call(request).await? else {
        return Err(CliError::Unexpected);
    };
    if json {
        return in_json(&client, name, &draft, yes).await;
    }
    let mut desk = Desk::with(name, &draft.text)?;
    let ended = at_desk(args, (&client, name, yes), &mut draft, &mut desk).await;
    desk.leave("nothing was stored", ended)
}

/// Until it is stored, or the person leaves.
async fn at_desk(
    args: &Args,
    (client, name, yes): (&Client, &str, bool),
    draft: &mut DraftPage,
    desk: &mut Desk,
) -> Result<Exit, CliError> {
    let terminal = crate::cli::terminal(args);
    loop {
        raw(terminal, OutStream::Stdout, draft.text.as_bytes())?;
        for note in &draft.notes {
            notice(&format!("note: {note}"))?;
        }
        let checked = send(client, wanted(name, draft, true)).await?;
        let is_right = checked.complaints.is_empty();
        if !is_right {
            let complaints: Vec<_> = checked.complaints.into_iter().map(Into::into).collect();
            complain(&complaints, "nothing was stored")?;
        }
        let answer = match (yes, is_right) {
            (true, true) => Answer::Yes,
            (true, false) => return Ok(Exit::Usage),
            (false, true) => {
                let next = next(name, draft);
                desk.ask(&format!("store it as {next}? [y]es, [n]o, [e]dit: "))
                    .await?
            }
            (false, false) => match desk.ask("edit it? [y]es, [n]o: ").await? {
                Answer::No => Answer::No,
                Answer::Yes | Answer::Again => Answer::Again,
            },
        };
        match answer {
            Answer::Again => {
                desk.edit()?;
                draft.text = desk.text()?;
            }
            Answer::No => {
                notice("nothing was stored")?;
                return Ok(Exit::Ok);
            }
            Answer::Yes => return store(client, name, draft, desk).await,
        }
    }
}

fn next(name: &str, draft: &DraftPage) -> String {
    match draft.current {
        None => format!("the new flow {name}"),
        Some(version) => format!("version {} of the flow {name}", version + 1),
    }
}

async fn store(
    client: &Client,
    name: &str,
    draft: &DraftPage,
    desk: &mut Desk,
) -> Result<Exit, CliError> {
    let applied = send(client, wanted(name, draft, false)).await?;
    if !applied.complaints.is_empty() {
        let complaints: Vec<_> = applied.complaints.into_iter().map(Into::into).collect();
        complain(&complaints, "nothing was stored")?;
        return Ok(Exit::Usage);
    }
    desk.stored();
    for change in &applied.changes {
        let word = change.kind.word();
        say(&format!(
            "{word} {} is version {}",
            change.name, change.version
        ))?;
    }
    Ok(Exit::Ok)
}

async fn in_json(
    client: &Client,
    name: &str,
    draft: &DraftPage,
    yes: bool,
) -> Result<Exit, CliError> {
    let applied: Applied = send(client, wanted(name, draft, !yes)).await?;
    let saved = yes && applied.complaints.is_empty();
    let version = applied.changes.first().map(|change| change.version);
    let messages: Vec<&str> = applied
        .complaints
        .iter()
        .map(|said| said.message.as_str())
        .collect();
    let document = serde_json::json!({
        "name": name,
        "text": draft.text,
        "notes": draft.notes,
        "saved": saved,
        "version": version.filter(|_| saved),
        "complaints": messages,
    });
    say_json(&document)?;
    Ok(if messages.is_empty() {
        Exit::Ok
    } else {
        Exit::Usage
    })
}

fn wanted(name: &str, draft: &DraftPage, dry_run: bool) -> Apply {
    Apply {
        files: vec![GivenFile {
            path: format!("flow/{name}"),
            text: draft.text.clone(),
            base: Some(draft.current.unwrap_or(0)),
        }],
        prune: Vec::new(),
        dry_run,
    }
}

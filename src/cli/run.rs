//! `conn run` and `conn preflight`: start, then follow.

use std::io::Read;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use super::args::{Args, PreflightArgs, ReachArgs, RunArgs};
use super::connect::{connect, hello};
use super::exit::{CliError, Exit};
use super::follow::{Follow, Style};
use super::print::{notice, say, say_json};
use super::upload;
use crate::run::duration::HumanDuration;
use crate::run::ids::RunId;
use crate::wire::request::StartRun;
use crate::wire::{Client, Reply, Request};

/// The most input that `--stdin` takes, in bytes: it is held in the engine's memory.
const MOST_STDIN: u64 = 4 << 20;

/// Told before an ephemeral run begins.
const NOT_RECORDED: &str = "NOT RECORDED: this run is in this process alone. It ends with this \
     terminal, and there will be no journal, no output and no audit record of it";

/// `conn run`.
pub async fn run(args: &Args, run: &RunArgs) -> Result<Exit, CliError> {
    let start = what_of(run)?;
    let client = connect(args, !run.detach).await?;
    start_and_follow(args, run, start, client).await
}

/// `conn run --ephemeral`, over a stream to an engine in this process.
pub async fn ephemeral<S>(args: &Args, run: &RunArgs, engine: S) -> Result<Exit, CliError>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let start = what_of(run)?;
    let client = Client::connect(engine, &hello(true)).await?;
    notice(NOT_RECORDED)?;
    let ended = start_and_follow(args, run, start, client).await;
    notice("NOT RECORDED: nothing of this run was kept")?;
    ended
}

/// What is asked for.
fn what_of(run: &RunArgs) -> Result<StartRun, CliError> {
    let mut start = start_of(&run.reach)?;
    start.command = command_line(&run.command);
    start.env = run
        .env
        .iter()
        .map(|pair| variable(pair))
        .collect::<Result<_, _>>()?;
    start.run_as.clone_from(&run.run_as);
    start.durable = run.durable;
    start.first = run.first;
    start.hold = run.hold;
    start.exclusive = run.exclusive;
    start.no_wait = run.no_wait;
    start.stdin = run.stdin.then(read_stdin).transpose()?;
    start.push = run
        .push
        .iter()
        .map(|text| upload::parse(text))
        .collect::<Result<_, _>>()?;
    Ok(start)
}

async fn start_and_follow(
    args: &Args,
    run: &RunArgs,
    mut start: StartRun,
    client: Client,
) -> Result<Exit, CliError> {
    for (number, file) in (1..).zip(&mut start.push) {
        upload::upload(&client, number, file).await?;
    }
    let id = begin(&client, start).await?;
    if run.detach {
        return left(id, run.json);
    }
    let style = Style::of(run.json, run.gather);
    Follow::new(args, client, id, style)?.until_end().await
}

/// A run that is not followed: its number is all there is to print.
pub fn left(run: RunId, json: bool) -> Result<Exit, CliError> {
    if json {
        say_json(&serde_json::json!({ "run": run }))?;
    } else {
        say(&run.to_string())?;
    }
    Ok(Exit::Ok)
}

/// `conn preflight`.
pub async fn preflight(args: &Args, preflight: &PreflightArgs) -> Result<Exit, CliError> {
    let mut start = start_of(&preflight.reach)?;
    start.preflight = true;
    start.run_as.clone_from(&preflight.run_as);
    let client = connect(args, true).await?;
    let id = begin(&client, start).await?;
    let style = Style::Checks {
        json: preflight.json,
    };
    Follow::new(args, client, id, style)?.until_end().await
}

async fn begin(client: &Client, start: StartRun) -> Result<RunId, CliError> {
    match client.call(Request::Start(Box::new(start))).await? {
        Reply::Started { run, warnings } => {
            for warning in warnings {
                notice(&warning)?;
            }
            Ok(run)
        }
        _ => Err(CliError::Unexpected),
    }
}

fn start_of(reach: &ReachArgs) -> Result<StartRun, CliError> {
    Ok(StartRun {
        targets: reach.targets.clone(),
        user: reach.user.clone(),
        ssh_config: reach.ssh_config.as_deref().map(absolute).transpose()?,
        identity: reach.identity.clone(),
        fanout: reach.fanout.unwrap_or(0),
        connect_timeout: reach.connect_timeout.map(HumanDuration::get),
        timeout: reach.timeout.map(HumanDuration::get),
        ..StartRun::default()
    })
}

/// The path as the engine finds it, whose working directory is another.
pub fn absolute(path: &std::path::Path) -> Result<String, CliError> {
    let path = std::path::absolute(path)
        .map_err(|error| CliError::io(format!("finding {}", path.display()), error))?;
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| CliError::Usage(format!("{} is not UTF-8", path.display())))
}

/// Several words are one command line, as with ssh: the shell on the host splits it again.
fn command_line(words: &[String]) -> String {
    words.join(" ")
}

fn variable(pair: &str) -> Result<(String, String), CliError> {
    let bad = || {
        CliError::Usage(format!(
            "--env {pair:?} is not NAME=VALUE with a name of letters, digits and _"
        ))
    };
    let (name, value) = pair.split_once('=').ok_or_else(bad)?;
    let fits = name
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && name.starts_with(|first: char| !first.is_ascii_digit());
    if !fits {
        return Err(bad());
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn read_stdin() -> Result<Bytes, CliError> {
    let mut input = Vec::new();
    std::io::stdin()
        .lock()
        .take(MOST_STDIN + 1)
        .read_to_end(&mut input)
        .map_err(|error| CliError::io("reading standard input", error))?;
    if input.len() as u64 > MOST_STDIN {
        return Err(CliError::Usage(format!(
            "--stdin takes at most {} MiB; put it into a file and use --push",
            MOST_STDIN >> 20
        )));
    }
    Ok(input.into())
}

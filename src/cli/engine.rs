//! `conn engine …`, save for being the engine.

use std::path::Path;
use std::time::{Duration, Instant};

use super::args::{Args, EngineCommand};
use super::connect::{connect, connect_existing, raw, start};
use super::exit::{CliError, Exit};
use super::print::{say, say_json};
use super::progress::short_time;
use crate::wire::view::EngineStatus;
use crate::wire::{Client, Reply, Request};

/// How long a stopped or replaced engine may take to be gone or back.
const CHANGE_LIMIT: Duration = Duration::from_secs(30);

/// `conn engine start|status|stop|upgrade|stdio`.
pub async fn engine(args: &Args, command: &EngineCommand) -> Result<Exit, CliError> {
    match command {
        EngineCommand::Run(_) => Err(CliError::NotHere),
        EngineCommand::Start => begin(args).await,
        EngineCommand::Status { json } => status(args, *json).await,
        EngineCommand::Stop { now } => stop(args, *now).await,
        EngineCommand::Upgrade => upgrade(args).await,
        EngineCommand::Stdio => stdio(args).await,
    }
}

async fn begin(args: &Args) -> Result<Exit, CliError> {
    if let Some(client) = connect_existing(args).await? {
        say(&format!("engine {} runs already", client.welcome().pid))?;
        return Ok(Exit::Ok);
    }
    start(args).await?;
    let client = connect(args, false).await?;
    say(&format!("engine {} started", client.welcome().pid))?;
    Ok(Exit::Ok)
}

async fn fetch(client: &Client) -> Result<EngineStatus, CliError> {
    match client.call(Request::Status).await? {
        Reply::Status(status) => Ok(*status),
        _ => Err(CliError::Unexpected),
    }
}

async fn status(args: &Args, as_json: bool) -> Result<Exit, CliError> {
    // Asking how the engine is does not start one, unless it is a bastion's.
    let client = match &args.bastion {
        Some(_) => Some(connect(args, false).await?),
        None => connect_existing(args).await?,
    };
    let Some(client) = client else {
        return Err(CliError::NoEngine(
            "no engine runs. Start one: conn engine start".to_owned(),
        ));
    };
    let status = fetch(&client).await?;
    if as_json {
        say_json(&serde_json::to_value(&status).map_err(|_| CliError::Unexpected)?)?;
        return Ok(Exit::Ok);
    }
    say(&format!(
        "engine {}  version {}  up {}  {:.1} MB resident",
        status.pid,
        status.version,
        short_time(status.uptime),
        status.memory as f64 / 1e6
    ))?;
    say(&format!(
        "  {} runs, {} tasks, {} connections, {} clients ({})",
        status.runs,
        status.tasks,
        status.connections,
        status.clients,
        status.people.join(", ")
    ))?;
    let sizes: Vec<String> = status
        .store
        .iter()
        .map(|(name, bytes)| format!("{name} {:.1} MB", *bytes as f64 / 1e6))
        .collect();
    say(&format!(
        "  state {}: {}",
        status.state_dir,
        sizes.join(", ")
    ))?;
    if let Some(role) = status.role {
        say(&format!("  you are {role} here"))?;
    }
    say(&format!("  disk {}", status.space))?;
    for note in &status.notes {
        say(&format!("  note: {note}"))?;
    }
    Ok(Exit::Ok)
}

async fn stop(args: &Args, now: bool) -> Result<Exit, CliError> {
    let Some(client) = connect_existing(args).await? else {
        say("no engine runs")?;
        return Ok(Exit::Ok);
    };
    let pid = client.welcome().pid;
    let before = fetch(&client).await;
    match client.call(Request::Stop { now }).await {
        Ok(Reply::Done) | Err(crate::wire::CallError::Gone) => {}
        Ok(_) => return Err(CliError::Unexpected),
        Err(error) => return Err(error.into()),
    }
    let until = Instant::now() + CHANGE_LIMIT;
    while process_lives(pid) {
        if Instant::now() >= until {
            return Err(CliError::NoEngine(format!(
                "engine {pid} was told to stop and has not; see its log"
            )));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    say(&format!("engine {pid} stopped"))?;
    if let Ok(before) = before {
        say_what_waits(&before)?;
    }
    Ok(Exit::Ok)
}

/// Which runs wait from now on: what was typed for them was in the memory of the engine that ended.
fn say_what_waits(before: &EngineStatus) -> Result<(), CliError> {
    for run in &before.typed {
        say(&format!(
            "run {run} waits where it needs a secret that was typed; give it again: \
             conn runs secret {run} NAME"
        ))?;
    }
    Ok(())
}

/// One that has ended and was not collected yet by whoever started it lives no more.
fn process_lives(pid: u32) -> bool {
    let stat = Path::new("/proc").join(pid.to_string()).join("stat");
    std::fs::read_to_string(stat).is_ok_and(|text| {
        let state = text.rsplit_once(") ").map(|(_, rest)| rest);
        state.is_some_and(|state| !state.starts_with(['Z', 'X']))
    })
}

async fn upgrade(args: &Args) -> Result<Exit, CliError> {
    let Some(client) = connect_existing(args).await? else {
        return Err(CliError::NoEngine(
            "no engine runs. Start one: conn engine start".to_owned(),
        ));
    };
    let before = fetch(&client).await?;
    let program =
        std::env::current_exe().map_err(|error| CliError::io("finding this program", error))?;
    let program = program.to_str().map(str::to_owned);
    match client.call(Request::Upgrade { program }).await {
        Ok(Reply::Done) | Err(crate::wire::CallError::Gone) => {}
        Ok(_) => return Err(CliError::Unexpected),
        Err(error) => return Err(error.into()),
    }
    drop(client);
    let until = Instant::now() + CHANGE_LIMIT;
    loop {
        if let Ok(Some(client)) = connect_existing(args).await
            && let Ok(status) = fetch(&client).await
            && status.uptime < before.uptime + 1.0
        {
            say(&format!(
                "engine {} is version {} now (was {})",
                status.pid, status.version, before.version
            ))?;
            say_what_waits(&before)?;
            return Ok(Exit::Ok);
        }
        if Instant::now() >= until {
            return Err(CliError::NoEngine(
                "the engine did not come back after the upgrade; see its log".to_owned(),
            ));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Passes bytes between our streams and the engine, until either side ends.
async fn stdio(args: &Args) -> Result<Exit, CliError> {
    let mut engine = raw(args).await?;
    // The frames that pass are another machine's, which knows no agent here: a forwarded one is
    // offered to the engine for as long as this login lasts.
    let _agent = connect_existing(args).await?;
    let mut here = tokio::io::join(tokio::io::stdin(), tokio::io::stdout());
    tokio::io::copy_bidirectional(&mut here, &mut engine)
        .await
        .map_err(|error| CliError::io("passing frames on", error))?;
    Ok(Exit::Ok)
}

//! The way to the engine: find it, start it when there is none, or reach it through a bastion.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::unistd::{Gid, Group};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::Command;

use super::args::Args;
use super::exit::CliError;
use super::origin;
use crate::site::{Paths, Surroundings, engine_record};
use crate::wire::codec::FrameError;
use crate::wire::{CallError, Client, Hello, PROTOCOL};

/// An engine that was told to start says that it is ready within this time.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How glibc keeps the engine's memory. With a heap for each thread, and with large buffers kept
/// when they are free, ten thousand connections took 23 MB more, and 200 MB of output 11 MB. With
/// one heap for all threads they wait for each other: a run on 1,000 hosts cost 5 % more CPU.
const HEAP: [(&str, &str); 2] = [
    ("MALLOC_ARENA_MAX", "2"),
    ("MALLOC_MMAP_THRESHOLD_", "131072"),
];

/// A client of the engine that these arguments mean.
pub async fn connect(args: &Args, attached: bool) -> Result<Client, CliError> {
    let hello = Hello {
        origin: Some(origin::of(args)),
        ..hello(attached)
    };
    if let Some(bastion) = &args.bastion {
        return through_bastion(bastion, args.shared, &hello).await;
    }
    let paths = paths(args)?;
    if let Some(client) = greet(&paths, &hello).await? {
        return Ok(client);
    }
    // A shared engine is its own account's to start, not that of whoever comes first.
    if args.no_start || paths.is_shared() {
        return Err(no_engine(&paths));
    }
    start(args).await?;
    greet(&paths, &hello)
        .await?
        .ok_or_else(|| no_engine(&paths))
}

/// A client of an engine that runs already; `None` when none does.
pub async fn connect_existing(args: &Args) -> Result<Option<Client>, CliError> {
    greet(&paths(args)?, &hello(false)).await
}

/// A client of the engine that answers, if one does. A socket that can be reached but hangs up
/// belongs to an engine that is just going: nobody answers there.
async fn greet(paths: &Paths, hello: &Hello) -> Result<Option<Client>, CliError> {
    let Some(stream) = existing(paths).await? else {
        return Ok(None);
    };
    let hello = &Hello {
        // A shared engine has no use for it.
        agent: hello.agent.clone().filter(|_| !paths.is_shared()),
        ..hello.clone()
    };
    match Client::connect(stream, hello).await {
        Ok(client) => Ok(Some(client)),
        Err(CallError::Frame(FrameError::Io(_) | FrameError::Closed)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The raw stream to the engine, for `engine stdio`.
pub async fn raw(args: &Args) -> Result<UnixStream, CliError> {
    let paths = paths(args)?;
    if let Some(stream) = existing(&paths).await? {
        return Ok(stream);
    }
    if !args.no_start && !paths.is_shared() {
        start(args).await?;
    }
    existing(&paths).await?.ok_or_else(|| no_engine(&paths))
}

/// Where this instance's things are.
pub fn paths(args: &Args) -> Result<Paths, CliError> {
    Paths::find(
        args.home.as_deref(),
        args.shared,
        &Surroundings::of_process(),
    )
    .map_err(|error| CliError::Usage(error.to_string()))
}

/// Where this instance's things would be read; nothing is written there. Without a home directory
/// those that all users share.
pub fn readable_paths(args: &Args) -> Result<Paths, CliError> {
    let around = Surroundings::of_process();
    Paths::find(args.home.as_deref(), false, &around)
        .or_else(|_| Paths::find(None, true, &around))
        .map_err(|error| CliError::Usage(error.to_string()))
}

async fn existing(paths: &Paths) -> Result<Option<UnixStream>, CliError> {
    for socket in engine_record::sockets(paths) {
        match UnixStream::connect(&socket).await {
            Ok(stream) => return Ok(Some(stream)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied && paths.is_shared() => {
                return Err(kept_out(&socket));
            }
            Err(_) => {}
        }
    }
    Ok(None)
}

/// The socket's group says whom a shared engine lets in.
fn kept_out(socket: &Path) -> CliError {
    let named = std::fs::metadata(socket).ok().and_then(|meta| {
        let group = Group::from_gid(Gid::from_raw(meta.gid())).ok().flatten()?;
        (meta.mode() & 0o060 == 0o060).then_some(group.name)
    });
    CliError::Refused(match named {
        Some(group) => format!(
            "the shared engine at {} lets in the members of the Unix group {group}, and you are \
             not one here: ask its administrator, then log in anew",
            socket.display()
        ),
        None => format!(
            "the shared engine at {} lets in nobody but its own account and root: its \
             administrator has to set [engine] socket_group",
            socket.display()
        ),
    })
}

/// What this client says of itself.
pub fn hello(attached: bool) -> Hello {
    Hello {
        protocol: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        agent: std::env::var("SSH_AUTH_SOCK")
            .ok()
            .filter(|path| !path.is_empty()),
        attached,
        origin: None,
    }
}

fn no_engine(paths: &Paths) -> CliError {
    if paths.is_shared() {
        let places: Vec<_> = paths
            .sockets
            .iter()
            .map(|socket| socket.display().to_string())
            .collect();
        return CliError::NoEngine(format!(
            "no shared engine answers at {}. Its administrator starts it: systemctl start \
             conn-shared",
            places.join(", ")
        ));
    }
    CliError::NoEngine(format!(
        "no engine answers for {}. Start one: conn engine start",
        paths.state.display()
    ))
}

/// Starts an engine in the background and waits until it is ready.
pub async fn start(args: &Args) -> Result<(), CliError> {
    let program =
        std::env::current_exe().map_err(|error| CliError::io("finding this program", error))?;
    let mut child = engine_command(&program, args.home.as_deref(), args.shared)
        .spawn()
        .map_err(|error| CliError::io(format!("starting {}", program.display()), error))?;
    let stdout = child.stdout.take().ok_or(CliError::Unexpected)?;
    let mut lines = BufReader::new(stdout).lines();
    let line = tokio::time::timeout(START_LIMIT, lines.next_line())
        .await
        .map_err(|_| CliError::NoEngine("the engine did not become ready; see its log".to_owned()))?
        .map_err(|error| CliError::io("waiting for the engine", error))?;
    match line.as_deref() {
        Some("ready") => Ok(()),
        Some(why) => Err(CliError::NoEngine(format!(
            "the engine could not start: {why}"
        ))),
        None => Err(CliError::NoEngine(
            "the engine ended before it was ready; see its log, or try: conn engine run".to_owned(),
        )),
    }
}

fn engine_command(program: &Path, home: Option<&Path>, shared: bool) -> Command {
    let mut command = Command::new(program);
    if let Some(home) = home {
        command.arg("--home").arg(home);
    }
    if shared {
        command.arg("--shared");
    }
    command
        .args(["engine", "run", "--background"])
        .envs(HEAP)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

async fn through_bastion(bastion: &str, shared: bool, hello: &Hello) -> Result<Client, CliError> {
    let mut child = Command::new("ssh")
        .args(["-T", "--", bastion, "conn"])
        .args(shared.then_some("--shared"))
        .args(["engine", "stdio"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| CliError::io("starting ssh", error))?;
    let (Some(stdout), Some(stdin)) = (child.stdout.take(), child.stdin.take()) else {
        return Err(CliError::Unexpected);
    };
    // The far side of ssh has its own agent socket, when one is forwarded; `engine stdio` names it.
    let hello = Hello {
        agent: None,
        ..hello.clone()
    };
    let client = match Client::connect(tokio::io::join(stdout, stdin), &hello).await {
        Err(CallError::Frame(FrameError::Io(_) | FrameError::Closed)) => {
            return Err(no_bastion(bastion, child.wait().await.ok()));
        }
        other => other?,
    };
    // The child lives as long as its pipes; it is reaped when they close.
    tokio::spawn(async move { child.wait().await });
    Ok(client)
}

/// Why nobody answers behind `ssh`, which has said its own words on standard error.
fn no_bastion(bastion: &str, ended: Option<ExitStatus>) -> CliError {
    let why = match ended.and_then(|status| status.code()) {
        Some(255) => "ssh could not reach it",
        Some(127) => "there is no `conn` in the path of its login shell",
        _ => "`conn engine stdio` ended there before an engine answered",
    };
    CliError::NoEngine(format!("bastion {bastion}: {why}"))
}

//! `conn demo` from start to end: a fleet, a tour, a shell, and nothing left behind.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::example;
use super::patience::Patience;
use super::script::{self, Style, TOUR};
use super::{DemoError, Fleet, site};

/// Tells the console where to note that its first look was dismissed.
pub const FIRST_LOOK: &str = "CONN_FIRST_LOOK";

/// Tells the console that the demo says what becomes of it.
pub const IN_DEMO: &str = "CONN_IN_DEMO";

/// Said when the console was left.
const DETACHED: &str = "\nDetached: the demo's engine and all that runs on its hosts go on.\n\
    Enter opens the console again; q and Enter ends the demo. ";

/// Why the demo could not be played.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The fleet could not be started.
    #[error(transparent)]
    Fleet(#[from] DemoError),
    /// Something of the system was missing.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

impl DriveError {
    fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { what, error }
    }
}

/// What the caller has to say.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// This program.
    pub program: PathBuf,
    /// `$SHELL`.
    pub shell: Option<String>,
    /// `$PATH`.
    pub path: String,
    /// How words are drawn.
    pub style: Style,
    /// A tour and a shell on the command line are wanted, instead of the console.
    pub shell_wanted: bool,
    /// Options for the console: `--plain`, `--slow`.
    pub console_options: Vec<&'static str>,
    /// Where it is noted that the console's first look was dismissed.
    pub first_look: Option<PathBuf>,
}

/// Plays the demo. Without a terminal on standard input it ends after the tour.
pub fn drive(around: &Surroundings) -> Result<(), DriveError> {
    let patience = Patience::new().map_err(DriveError::io("listening for signals"))?;
    let home = tempfile::Builder::new()
        .prefix("conn-demo-")
        .tempdir()
        .map_err(DriveError::io("making a temporary home"))?;
    let mut out = io::stdout();
    say(
        &mut out,
        "Starting a fleet of 60 hosts inside this program…\n",
    )?;
    let config = home.path().join("config");
    std::fs::create_dir_all(&config).map_err(DriveError::io("making the demo's config"))?;
    let fleet = Fleet::start(&config)?;
    write_settings(&config, fleet.files().ssh_config.as_path())?;
    example::lay(&config)?;
    let played = play(around, home.path(), &fleet, (&patience, &mut out));
    // Whatever happened: no engine stays behind, nor its home, nor the fleet.
    let _ = conn(around, home.path())
        .args(["engine", "stop", "--now"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    drop(fleet);
    played
}

fn play(
    around: &Surroundings,
    home: &Path,
    fleet: &Fleet,
    (patience, out): (&Patience, &mut io::Stdout),
) -> Result<(), DriveError> {
    if io::stdin().is_terminal() && io::stdout().is_terminal() && !around.shell_wanted {
        return open_console(around, home, (patience, out));
    }
    apply(around, home, patience)?;
    script::play(&TOUR, around.style, out, |args| {
        patience.run(conn(around, home).args(args).stdin(Stdio::null()))?;
        Ok(())
    })
    .map_err(DriveError::io("playing the tour"))?;
    if !io::stdin().is_terminal() {
        return Ok(());
    }
    say(out, &script::hints(fleet.files(), around.style))?;
    open_shell(around, home, patience)
}

/// The console, with a few runs to look at: they go on while it opens.
fn open_console(
    around: &Surroundings,
    home: &Path,
    (patience, out): (&Patience, &mut io::Stdout),
) -> Result<(), DriveError> {
    apply(around, home, patience)?;
    for args in script::SEEDS {
        quietly(conn(around, home).args(args), patience)?;
    }
    loop {
        let mut console = conn(around, home);
        console.args(&around.console_options);
        console.env(IN_DEMO, "1");
        if let Some(seen) = &around.first_look {
            console.env(FIRST_LOOK, seen);
        }
        patience
            .run(&mut console)
            .map_err(DriveError::io("the console"))?;
        say(out, DETACHED)?;
        let answer = patience.line().map_err(DriveError::io("your answer"))?;
        if answer.is_none_or(|line| !line.trim().is_empty()) {
            break;
        }
    }
    say(
        out,
        "The demo fleet is gone, and all that ran on it. `conn demo --shell` shows the command line.\n",
    )
}

/// The definitions of the example site: from now on they can be started.
fn apply(around: &Surroundings, home: &Path, patience: &Patience) -> Result<(), DriveError> {
    let config = home.join("config");
    quietly(conn(around, home).arg("apply").arg(config), patience)
}

/// Runs a command whose words nobody waits for.
fn quietly(command: &mut Command, patience: &Patience) -> Result<(), DriveError> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let ran = patience.run(command);
    ran.map(drop).map_err(DriveError::io("starting a run"))
}

fn open_shell(around: &Surroundings, home: &Path, patience: &Patience) -> Result<(), DriveError> {
    let conn_dir = around.program.parent().unwrap_or(Path::new("."));
    let plan = script::shell_plan(around.shell.as_deref(), home, conn_dir, &around.path);
    for (path, text) in &plan.files {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(DriveError::io("preparing the shell"))?;
        }
        std::fs::write(path, text).map_err(DriveError::io("preparing the shell"))?;
    }
    let mut shell = Command::new(&plan.program);
    shell
        .args(&plan.args)
        .envs(plan.env.iter().map(|(name, value)| (name, value)));
    patience
        .run(&mut shell)
        .map_err(DriveError::io("the shell"))?;
    Ok(())
}

/// The demo's own settings: its `ssh_config`, and room for it on a small disk.
fn write_settings(config: &Path, ssh_config: &Path) -> Result<(), DriveError> {
    let text = format!(
        "[environment]\nname = \"demo\"\n\n[ssh]\nconfig = {:?}\n\n\
         [store]\nreserve = \"16MiB\"\nlow_mark = \"64MiB\"\n\n\
         [secrets.registry]\nfile = \"registry-token\"\ndefinitions = [\"Galaxy*\"]\n",
        ssh_config.display().to_string()
    );
    let token = config.join("registry-token");
    site::write_private(&token, b"glx-pretend-registry-token\n")?;
    std::fs::write(config.join("conn.toml"), text).map_err(DriveError::io("writing conn.toml"))
}

fn conn(around: &Surroundings, home: &Path) -> Command {
    let mut command = Command::new(&around.program);
    command.env("CONN_HOME", home);
    // The demo's hosts know the demo's key only; a person's agent has no business there.
    command.env_remove("SSH_AUTH_SOCK");
    command
}

fn say(out: &mut io::Stdout, text: &str) -> Result<(), DriveError> {
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(DriveError::io("writing to the terminal"))
}

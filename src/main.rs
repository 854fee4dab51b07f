//! Parse, dispatch, exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use theconn::cli::args::{EngineCommand, HostkeyCommand, RunArgs};
use theconn::cli::{self, Args, CliError, Command, Exit};
use theconn::demo::drive::{Surroundings, drive};
use theconn::demo::script::Style;
use theconn::engine::daemon::inside::Inside;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    if let Some(code) = cli::tools::foreign(&words) {
        return ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX));
    }
    let args = Args::parse_from(words);
    let outcome = match &args.command {
        Some(Command::Demo { shell, plain, slow }) => {
            let options = [
                (args.plain || *plain, "--plain"),
                (args.slow || *slow, "--slow"),
            ];
            demo(&args, *shell, options)
        }
        Some(Command::Hostkey { command }) => return hostkey(command),
        Some(Command::Engine {
            command: EngineCommand::Run(run),
        }) => engine(&args, run.background),
        Some(Command::Run(run)) if run.ephemeral => ephemeral(&args, run),
        _ => client(&args),
    };
    ExitCode::from(outcome as u8)
}

/// `conn demo`: the fleet is played here, everything else by this program's own commands.
fn demo(args: &Args, shell_wanted: bool, options: [(bool, &'static str); 2]) -> Exit {
    let terminal = cli::terminal(args);
    let program = std::env::current_exe().unwrap_or_else(|_| "conn".into());
    let around = Surroundings {
        program,
        shell: std::env::var("SHELL").ok(),
        path: std::env::var("PATH").unwrap_or_default(),
        style: Style {
            color: terminal.color,
            width: cli::columns().min(100),
        },
        shell_wanted,
        console_options: options
            .into_iter()
            .filter_map(|(wanted, word)| wanted.then_some(word))
            .collect(),
        first_look: cli::readable_paths(args)
            .ok()
            .map(|paths| paths.state.join("first-look-dismissed")),
    };
    match drive(&around) {
        Ok(()) => Exit::Ok,
        Err(error) => {
            cli::failure(&error);
            Exit::NotOk
        }
    }
}

fn hostkey(command: &HostkeyCommand) -> ExitCode {
    match cli::tools::hostkey(command) {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
        Err(error) => {
            cli::failure(&error);
            ExitCode::from(error.exit() as u8)
        }
    }
}

/// A command of a client: one thread is enough.
fn client(args: &Args) -> Exit {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(cli::dispatch(args)),
        Err(error) => Err(CliError::io("starting the program", error)),
    };
    exit_of(outcome)
}

/// `conn run --ephemeral`: engine and client in one process, nothing on disk.
fn ephemeral(args: &Args, run: &RunArgs) -> Exit {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = runtime
        .map_err(|error| CliError::io("starting the program", error))
        .and_then(|runtime| {
            runtime.block_on(async {
                let engine = Inside::ephemeral(&cli::readable_paths(args)?)
                    .map_err(|error| CliError::Usage(error.to_string()))?;
                let ended = cli::ephemeral(args, run, engine.stream()).await;
                engine.end().await;
                ended
            })
        });
    exit_of(outcome)
}

fn exit_of(outcome: Result<Exit, CliError>) -> Exit {
    match outcome {
        Ok(exit) => exit,
        Err(CliError::ReaderGone) => CliError::ReaderGone.exit(),
        Err(error) => {
            cli::failure(&error);
            error.exit()
        }
    }
}

/// The engine itself, on as many threads as there are processors.
fn engine(args: &Args, background: bool) -> Exit {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = runtime
        .map_err(|error| error.to_string())
        .and_then(|runtime| {
            let paths = cli::paths(args).map_err(|error| error.to_string())?;
            runtime
                .block_on(theconn::engine::daemon::run(paths, background))
                .map_err(|error| error.to_string())
        });
    match outcome {
        Ok(()) => Exit::Ok,
        Err(why) if background => {
            theconn::engine::daemon::tell_starter(&why);
            Exit::NoEngine
        }
        Err(why) => {
            cli::failure(&why);
            Exit::NoEngine
        }
    }
}

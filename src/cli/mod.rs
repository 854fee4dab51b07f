//! The command line: one file a command. Knows the wire, the ground floor and where things lie on
//! disk; never the engine itself.

pub mod args;
mod audit;
mod check;
mod checks;
mod compare;
mod connect;
mod console;
pub mod definitions;
mod doctor;
mod engine;
mod excerpt;
mod exit;
pub mod fold;
mod follow;
mod gather;
mod handover;
pub mod hostkey_render;
mod hosts;
pub mod hosts_render;
pub mod io;
mod json;
pub mod nodeset;
mod origin;
mod output;
mod print;
mod progress;
mod report;
mod run;
mod runs;
mod secrets;
mod seen;
mod stages;
mod steer;
mod summary;
pub mod terminal;
pub mod tools;
mod typed;
mod unlock;
mod upload;
mod why;

pub use args::{Args, Command};
pub use connect::{paths, readable_paths};
pub use exit::{CliError, Exit};
pub use print::failure;
pub use terminal::columns;

use crate::flow::definition::Kind;
use args::{EngineCommand, RunArgs};

/// What is on the other end of our streams.
pub fn terminal(args: &Args) -> terminal::Terminal {
    terminal::Terminal::detect(args.color)
}

/// Carries out `conn run --ephemeral` over a stream to an engine in this very process.
pub async fn ephemeral<S>(args: &Args, run: &RunArgs, engine: S) -> Result<Exit, CliError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + 'static,
{
    run::ephemeral(args, run, engine).await
}

/// Carries out one command. Commands that are the engine itself come back as
/// [`CliError::NotHere`]: `main` has them.
pub async fn dispatch(args: &Args) -> Result<Exit, CliError> {
    match &args.command {
        Some(Command::Run(run)) => run::run(args, run).await,
        Some(Command::Preflight(preflight)) => run::preflight(args, preflight).await,
        Some(Command::Runs(runs)) => runs::runs(args, runs).await,
        Some(Command::Hosts(hosts)) => hosts::hosts(args, hosts).await,
        Some(Command::Handover(handover)) => handover::handover(args, handover).await,
        Some(Command::Audit(audit)) => audit::audit(args, audit).await,
        Some(Command::Doctor(doctor)) => doctor::doctor(args, doctor).await,
        Some(Command::Engine { command }) => match command {
            EngineCommand::Run(_) => Err(CliError::NotHere),
            other => engine::engine(args, other).await,
        },
        Some(Command::Check(words)) => check::check(words, args.quiet),
        Some(Command::Unlock { key }) => unlock::unlock(args, key).await,
        Some(Command::Completions { shell }) => tools::completions(*shell),
        Some(Command::Apply(words)) => definitions::apply::apply(args, words).await,
        Some(Command::Diff(words)) => definitions::diff::diff(args, words).await,
        Some(Command::Export(words)) => definitions::export::export(args, words).await,
        Some(Command::List(words)) => definitions::show::list(args, words).await,
        Some(Command::Show(words)) => definitions::show::show(args, words).await,
        Some(Command::Edit(words)) => definitions::edit::edit(args, words).await,
        Some(Command::Flow { command }) => definitions::plan::flow(args, Kind::Flow, command).await,
        Some(Command::Action { command }) => {
            definitions::plan::flow(args, Kind::Action, command).await
        }
        Some(Command::Man { dir }) => tools::man(dir.as_deref()),
        Some(
            Command::Nodeset(_) | Command::Fold(_) | Command::Hostkey { .. } | Command::Demo { .. },
        ) => Err(CliError::NotHere),
        None => console::console(args).await,
    }
}

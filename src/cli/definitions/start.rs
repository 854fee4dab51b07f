//! `conn flow start`: a flow is started and followed as every run is.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::cli::args::Args;
use crate::cli::connect::connect;
use crate::cli::exit::{CliError, Exit};
use crate::cli::follow::{Follow, Style};
use crate::cli::print::{notice, say};
use crate::cli::run::absolute;
use crate::wire::definitions::{PlanFlow, StartFlow};
use crate::wire::{Reply, Request};

/// `conn flow start`.
#[derive(Debug, ClapArgs)]
#[command(
    after_long_help = "It is followed until it ends or pauses for a person; what it prints and its exit code are \
those of conn run. With --detach the run's number is printed; with --json as {\"run\"}. With --digest a plan that was \
looked at is started as it was, or not at all."
)]
#[allow(clippy::struct_excessive_bools)] // independent options of one command line
pub struct StartArgs {
    /// The flow.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The hosts, in `ClusterShell` notation: web[01-20], @group, a,b!c.
    #[arg(short = 'w', long = "targets", value_name = "TARGETS")]
    pub targets: String,
    /// The value of a parameter.
    #[arg(long, value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// Use this `ssh_config` instead of the user's.
    #[arg(short = 'F', long = "ssh-config", value_name = "FILE")]
    pub ssh_config: Option<PathBuf>,
    /// The digest that conn flow plan told: start that plan and no other.
    #[arg(long, value_name = "HEX")]
    pub digest: Option<String>,
    /// Show each command as it would run; start nothing.
    #[arg(long, conflicts_with = "detach")]
    pub dry_run: bool,
    /// Be refused rather than wait for hosts that another run works on.
    #[arg(long)]
    pub no_wait: bool,
    /// Start it, print its number, and leave.
    #[arg(long)]
    pub detach: bool,
    /// Show identical output once, with its hosts.
    #[arg(long, conflicts_with = "json")]
    pub gather: bool,
    /// Print JSON, a document a line.
    #[arg(long)]
    pub json: bool,
}

/// What is planned or started.
pub fn asked(words: &StartArgs) -> Result<PlanFlow, CliError> {
    Ok(PlanFlow {
        name: words.name.clone(),
        targets: words.targets.clone(),
        set: words.set.clone(),
        ssh_config: words.ssh_config.as_deref().map(absolute).transpose()?,
    })
}

/// `conn flow start`.
pub async fn start(args: &Args, words: &StartArgs) -> Result<Exit, CliError> {
    let client = connect(args, !words.detach).await?;
    let start = StartFlow {
        plan: asked(words)?,
        no_wait: words.no_wait,
        shown: words.digest.clone(),
    };
    let Reply::Started { run, warnings } = client.call(Request::StartFlow(Box::new(start))).await?
    else {
        return Err(CliError::Unexpected);
    };
    for warning in &warnings {
        notice(warning)?;
    }
    if words.detach {
        if words.json {
            say(&serde_json::json!({ "run": run }).to_string())?;
        } else {
            say(&run.to_string())?;
        }
        return Ok(Exit::Ok);
    }
    let style = match (words.json, words.gather) {
        (true, _) => Style::Json,
        (false, true) => Style::Gather,
        (false, false) => Style::Lines,
    };
    Follow::new(args, client, run, style)?.until_end().await
}

//! `conn flow start`: a flow is started and followed as every run is.

use clap::Args as ClapArgs;

use super::args::OnHosts;
use crate::cli::args::Args;
use crate::cli::connect::connect;
use crate::cli::exit::{CliError, Exit};
use crate::cli::follow::{Follow, Style};
use crate::cli::print::notice;
use crate::cli::run::left;
use crate::cli::secrets;
use crate::flow::definition::Kind;
use crate::wire::definitions::StartFlow;
use crate::wire::{Reply, Request};

/// `conn flow start`.
#[derive(Debug, ClapArgs)]
#[command(
    after_long_help = "It is followed until it ends; where it pauses for a person, so does this command. What it prints and its exit code are \
those of conn run. With --detach the run's number is printed; with --json as {\"run\"}. With --digest a plan that was \
looked at is started as it was, or not at all."
)]
#[allow(clippy::struct_excessive_bools)] // independent options of one command line
pub struct StartArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would take it for the command's own help")]
    pub flow: OnHosts,
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

/// `conn flow start` and `conn action start`.
pub async fn start(args: &Args, kind: Kind, words: &StartArgs) -> Result<Exit, CliError> {
    let client = connect(args, !words.detach).await?;
    let start = StartFlow {
        plan: words.flow.asked(kind)?,
        no_wait: words.no_wait,
        shown: words.digest.clone(),
        secrets: secrets::ask_all(&words.flow.secret)?,
    };
    let Reply::Started { run, warnings } = client.call(Request::StartFlow(Box::new(start))).await?
    else {
        return Err(CliError::Unexpected);
    };
    for warning in &warnings {
        notice(warning)?;
    }
    if words.detach {
        return left(run, words.json);
    }
    let style = Style::of(words.json, words.gather);
    Follow::new(args, client, run, style)?.until_end().await
}

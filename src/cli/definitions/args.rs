//! The words of the commands for definitions.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::start::StartArgs;
use crate::cli::exit::CliError;
use crate::cli::run::absolute;
use crate::cli::secrets;
use crate::flow::definition::Kind;
use crate::wire::definitions::PlanFlow;

/// `conn apply`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "With --json: {\"ok\",\"dry_run\",\"changes\":[{\"kind\",\"name\",\"change\":\
\"added\"|\"changed\"|\"unchanged\"|\"removed\",\"version\",\"digest\",\"file\"}],\"complaints\":[{\"file\",\"line\",\
\"column\",\"message\",\"hint\"}],\"not_checked\":[file]}. Exit code 2 when something is wrong; then nothing is changed. \
Definitions are checked beside those that are stored, so that one file may refer to what is stored already. On a \
shared engine whoever may use it may apply; conn audit says who did."
)]
pub struct ApplyArgs {
    /// Files, or directories with flows/*.toml and actions/*.toml.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Remove what is stored and not in the directories, of the kinds that they hold; every version
    /// is kept.
    #[arg(long)]
    pub prune: bool,
    /// Check all of it and say what would change; change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `conn diff`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Exit code 0 when nothing differs, 1 when something does, 2 when a file is wrong. Of a \
directory, what is stored and not in it differs too. With --json: {\"differs\",\"definitions\":[{\"kind\",\"name\",\
\"change\",\"version\",\"file\",\"diff\"}]}, where version is the stored one."
)]
pub struct DiffArgs {
    /// Files, or directories with flows/*.toml and actions/*.toml.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `conn export`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "A definition that a file of the directory holds is written there, any other to \
flows/NAME.toml or actions/NAME.toml. With --json: {\"files\":[{\"kind\",\"name\",\"version\",\"file\",\"written\"}]}."
)]
pub struct ExportArgs {
    /// The directory.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Write over files that differ.
    #[arg(long)]
    pub force: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `conn list`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "With --json: [{\"kind\",\"name\",\"version\",\"digest\",\"by\",\"at\",\"app\",\"about\",\
\"broken\"}], where broken says why a definition cannot be used, if it cannot."
)]
pub struct ListArgs {
    /// The kind: flow or action.
    #[arg(value_name = "KIND")]
    pub kind: String,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `conn show`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "With --json: {\"kind\",\"name\",\"version\",\"current\",\"digest\",\"by\",\"at\",\"text\",\
\"versions\":[{\"version\",\"digest\",\"by\",\"at\"}]}; current is null when the definition was removed."
)]
pub struct ShowArgs {
    /// The definition.
    #[arg(value_name = "KIND/NAME")]
    pub name: String,
    /// This version, not the current one.
    #[arg(long, value_name = "N")]
    pub version: Option<u32>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `conn edit`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Opens $VISUAL, $EDITOR or vi. What is wrong is said, and edited again; the difference is \
shown before it is saved. A text that is not saved is kept in a file that is named."
)]
pub struct EditArgs {
    /// The definition.
    #[arg(value_name = "KIND/NAME")]
    pub name: String,
}

/// What can be done with flows.
#[derive(Debug, Subcommand)]
pub enum FlowCommand {
    /// Work out batches, limits and commands of a stored flow; start nothing.
    Plan(PlanArgs),
    /// Start a stored flow on hosts, and follow it.
    Start(StartArgs),
}

/// `conn flow plan`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "With --json: {\"flow\",\"version\",\"steps\":[{\"name\",\"act\",\"host\",\"command\",\
\"task\",\"when\",\"timeout\",\"attempts\",\"idempotent\",\"barrier\",\"on_failure\"}],\"batches\":[[host,…],…],\"hosts\",\
\"concurrency\",\"max_failures\",\"max_failures_per_batch\",\"soak\",\"gate\",\"on_exceeded\",\"strategy\",\"lease\",\
\"digest\",\"warnings\"}. Commands are those of the first host of the first batch. With order = \"shuffled\" a run has an \
order of its own."
)]
pub struct PlanArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would take it for the command's own help")]
    pub flow: OnHosts,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

// No doc comment, which clap would take for the help of the command: which flow, on which hosts.
#[derive(Debug, Args)]
#[allow(missing_docs, reason = "clap would take it for the command's own help")]
pub struct OnHosts {
    /// Its name.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The hosts, in `ClusterShell` notation: web[01-20], @group, a,b!c. Not for what has stages
    /// that name their hosts.
    #[arg(
        short = 'w',
        long = "targets",
        value_name = "TARGETS",
        default_value = "",
        hide_default_value = true
    )]
    pub targets: String,
    /// The value of a parameter.
    #[arg(long, value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// A secret for a parameter, asked for on the terminal without being shown; with =FILE read from
    /// that file, with =- or without a terminal from standard input. The engine keeps it in its
    /// memory until the run is over. One that conn.toml names is given by --set NAME=secret:SECRET.
    #[arg(long, value_name = "NAME[=FILE]")]
    pub secret: Vec<String>,
    /// Use this `ssh_config` instead of the user's.
    #[arg(short = 'F', long = "ssh-config", value_name = "FILE")]
    pub ssh_config: Option<PathBuf>,
}

impl OnHosts {
    /// As the engine is asked for it.
    pub fn asked(&self, kind: Kind) -> Result<PlanFlow, CliError> {
        Ok(PlanFlow {
            kind,
            name: self.name.clone(),
            targets: self.targets.clone(),
            set: self.set.clone(),
            typed: secrets::named(&self.secret)
                .into_iter()
                .map(|(name, _)| name)
                .collect(),
            ssh_config: self.ssh_config.as_deref().map(absolute).transpose()?,
        })
    }
}

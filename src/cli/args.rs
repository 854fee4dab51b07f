//! The words of the command line: one definition feeds the parser, the help, the completions and
//! the man page.

mod engine;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

pub use engine::{AuditArgs, AuditCommand, DoctorArgs, EngineCommand, EngineRunArgs};

use super::definitions::args::{
    ApplyArgs, DiffArgs, EditArgs, ExportArgs, FlowCommand, ListArgs, ShowArgs,
};
use crate::run::duration::HumanDuration;

/// Commands and rollouts on fleets of hosts over SSH, from an engine that outlives the terminal.
#[derive(Debug, Parser)]
#[allow(clippy::struct_excessive_bools)] // independent options of one command line
#[command(name = "conn", version, max_term_width = 100)]
pub struct Args {
    /// Keep everything of one instance (socket, state, default config) under this directory.
    #[arg(long, global = true, env = "CONN_HOME", value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Use the engine that several people share, not one's own.
    #[arg(
        long,
        global = true,
        env = "CONN_SHARED",
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    pub shared: bool,
    /// Talk to the engine on this bastion, through `ssh BASTION conn engine stdio`.
    #[arg(short = 'H', long = "bastion", global = true, value_name = "BASTION")]
    pub bastion: Option<String>,
    /// Do not start an engine when none runs.
    #[arg(long, global = true)]
    pub no_start: bool,
    /// When to colour.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// Say less: no progress, no summary of what is ok.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Fewer frames of the console, for a slow link.
    #[arg(long)]
    pub slow: bool,
    /// The console line by line, without a screen: for screen readers and the worst of links.
    #[arg(long)]
    pub plain: bool,
    /// What to do; the console when nothing is named.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// When to do something that only a terminal is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// When standard output is a terminal and `NO_COLOR` is not set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a command on hosts and follow it.
    Run(RunArgs),
    /// Check reach, host key, auth, run-as, disk, inodes, mounts and clock of every target.
    Preflight(PreflightArgs),
    /// List runs, look into one, steer one.
    Runs(RunsArgs),
    /// Show which hosts a host set names, and how they are reached.
    Hosts(HostsArgs),
    /// Check definitions of flows and actions, with the place of each mistake; changes nothing.
    Check(CheckArgs),
    /// Tell the next shift: open runs, hosts in doubt, who holds what, recent failures, notes.
    Handover(HandoverArgs),
    /// Show who did what, and verify that the records are whole.
    Audit(AuditArgs),
    /// Look at this bastion: what could go wrong, and what to do.
    Doctor(DoctorArgs),
    /// Compute with host sets, as `ClusterShell`'s nodeset does.
    Nodeset(ForeignArgs),
    /// Gather identical output, as `ClusterShell`'s clubak does.
    Fold(ForeignArgs),
    /// Host keys.
    Hostkey {
        /// What to do with them.
        #[command(subcommand)]
        command: HostkeyCommand,
    },
    /// Play with a fleet of hosts inside this program; leaves nothing behind.
    Demo {
        /// A tour on the command line and a shell, instead of the console.
        #[arg(long)]
        shell: bool,
        /// The console line by line, without a screen.
        #[arg(long)]
        plain: bool,
        /// Fewer frames of the console, for a slow link.
        #[arg(long)]
        slow: bool,
    },
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the man page, or write all pages into a directory.
    Man {
        /// Where to write a page for each command.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Give the engine the passphrase of a key file; it stays in memory only.
    Unlock {
        /// The key file, as `ssh_config` names it.
        key: PathBuf,
    },
    /// The engine in the background.
    Engine {
        /// What to do with it.
        #[command(subcommand)]
        command: EngineCommand,
    },
    /// Store definitions, all of them or none, each as a new version where its text is new.
    Apply(ApplyArgs),
    /// What differs between files and stored definitions, as applying would change it.
    Diff(DiffArgs),
    /// Write the stored definitions into files.
    Export(ExportArgs),
    /// List the stored definitions of a kind.
    List(ListArgs),
    /// Print a stored definition, as it was written.
    Show(ShowArgs),
    /// Change a stored definition in an editor.
    Edit(EditArgs),
    /// Flows.
    Flow {
        /// What to do with one.
        #[command(subcommand)]
        command: FlowCommand,
    },
    /// Plan or start a stored action: a fanout, several actions at once.
    Action {
        /// What to do.
        #[command(subcommand)]
        command: FlowCommand,
    },
}

/// Words that another parser understands.
#[derive(Debug, ClapArgs)]
#[command(disable_help_flag = true)]
pub struct ForeignArgs {
    /// See its own help: -h.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub words: Vec<std::ffi::OsString>,
}

/// What can be done with host keys.
#[derive(Debug, Subcommand)]
pub enum HostkeyCommand {
    /// Say whether this key would be trusted for this host, and because of which lines.
    Check {
        /// Ask this file instead of the usual ones.
        #[arg(long, value_name = "FILE")]
        known_hosts: Vec<PathBuf>,
        /// HOST or HOST:PORT.
        #[arg(value_name = "HOST[:PORT]")]
        target: String,
        /// The public key or certificate.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
}

/// How hosts are reached.
#[derive(Debug, Clone, ClapArgs)]
pub struct ReachArgs {
    /// The hosts, in `ClusterShell` notation: web[01-20], @group, a,b!c.
    #[arg(short = 'w', long = "targets", value_name = "TARGETS")]
    pub targets: String,
    /// Log in as this user.
    #[arg(short = 'l', long = "user", value_name = "USER")]
    pub user: Option<String>,
    /// Use this `ssh_config` instead of the user's.
    #[arg(short = 'F', long = "ssh-config", value_name = "FILE")]
    pub ssh_config: Option<PathBuf>,
    /// Log in with this key of the site's `conn.toml`, not with an agent or keys of one's own.
    #[arg(long, value_name = "NAME")]
    pub identity: Option<String>,
    /// Hosts at work at once.
    #[arg(short = 'f', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub fanout: Option<u32>,
    /// Time each phase of connecting may take, as 10s.
    #[arg(long, value_name = "D")]
    pub connect_timeout: Option<HumanDuration>,
    /// Time the command may take, as 90s or 10m.
    #[arg(long, value_name = "D")]
    pub timeout: Option<HumanDuration>,
}

/// `conn run`.
#[derive(Debug, ClapArgs)]
#[allow(clippy::struct_excessive_bools)] // independent switches of one command line
pub struct RunArgs {
    /// How hosts are reached.
    #[command(flatten)]
    pub reach: ReachArgs,
    /// Run the command as this user, through sudo -n (su or doas by config).
    #[arg(long, value_name = "USER")]
    pub run_as: Option<String>,
    /// Bring a file to each host first.
    #[arg(long, value_name = "SRC:DEST[:OWNER[:MODE]]")]
    pub push: Vec<String>,
    /// Let the command outlive its connection, and follow it again when that breaks.
    #[arg(long)]
    pub durable: bool,
    /// Set a variable for the command.
    #[arg(long, value_name = "K=V")]
    pub env: Vec<String>,
    /// Give standard input to the command, the same to each host.
    #[arg(long)]
    pub stdin: bool,
    /// Print identical output once, under a folded host set, when all have ended.
    #[arg(long)]
    pub gather: bool,
    /// Run on as many hosts first, and on the rest after a look.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub first: Option<u32>,
    /// Authenticate on all hosts before the first command.
    #[arg(long)]
    pub hold: bool,
    /// Run in this process, without an engine; nothing is recorded.
    #[arg(long, conflicts_with_all = ["durable", "detach", "exclusive", "push", "bastion"])]
    pub ephemeral: bool,
    /// Claim the hosts for this run alone; wait for others that did.
    #[arg(long)]
    pub exclusive: bool,
    /// Be refused rather than wait for a claimed host.
    #[arg(long)]
    pub no_wait: bool,
    /// Print the run's number and do not follow it.
    #[arg(long, conflicts_with = "gather")]
    pub detach: bool,
    /// Print one JSON document a host, then one for the run.
    #[arg(long)]
    pub json: bool,
    /// The command, as the shell of the login user understands it.
    #[arg(last = true, value_name = "COMMAND", required_unless_present = "push")]
    pub command: Vec<String>,
}

/// `conn preflight`.
#[derive(Debug, ClapArgs)]
pub struct PreflightArgs {
    /// How hosts are reached.
    #[command(flatten)]
    pub reach: ReachArgs,
    /// Check that commands can run as this user too.
    #[arg(long, value_name = "USER")]
    pub run_as: Option<String>,
    /// Print one JSON document a host, then one for the run.
    #[arg(long)]
    pub json: bool,
}

/// `conn check`.
#[derive(Debug, ClapArgs)]
pub struct CheckArgs {
    /// Files, or directories with flows/*.toml and actions/*.toml.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `conn handover`.
#[derive(Debug, ClapArgs)]
pub struct HandoverArgs {
    /// Failures and notes since then.
    #[arg(long, value_name = "D", default_value = "12h")]
    pub since: HumanDuration,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `conn hosts`.
#[derive(Debug, ClapArgs)]
pub struct HostsArgs {
    /// The hosts, in `ClusterShell` notation.
    #[arg(value_name = "TARGETS")]
    pub targets: Option<String>,
    /// Use this `ssh_config` instead of the user's.
    #[arg(short = 'F', long = "ssh-config", value_name = "FILE")]
    pub ssh_config: Option<PathBuf>,
    /// Show the login user of runs with this key of the site's `conn.toml`.
    #[arg(long, value_name = "NAME")]
    pub identity: Option<String>,
    /// Read this inventory instead of the site's: `ansible:PATH`, `ssh_config:PATH`, `command:CMD`.
    #[arg(long, value_name = "KIND:WHERE")]
    pub from: Option<String>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `conn runs`.
#[derive(Debug, ClapArgs)]
pub struct RunsArgs {
    /// What to do; the list when nothing is named.
    #[command(subcommand)]
    pub command: Option<RunsCommand>,
    /// Only runs in this state.
    #[arg(long, value_name = "S", value_parser = ["pending", "waiting", "running", "paused",
        "reattaching", "succeeded", "failed", "aborted"])]
    pub state: Option<String>,
    /// Only runs of this kind: exec, preflight, flow, gate, …
    #[arg(long, value_name = "K")]
    pub kind: Option<String>,
    /// Only runs begun since then, as 12h.
    #[arg(long, value_name = "D")]
    pub since: Option<HumanDuration>,
    /// Only runs with this text in the command, the targets or the starter.
    #[arg(long, value_name = "TEXT")]
    pub grep: Option<String>,
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Markdown.
    Md,
    /// One HTML file that needs nothing else, with a picture of the hosts over time.
    Html,
    /// JSON.
    Json,
}

/// What can be done with runs.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// Show one run in full.
    Show {
        /// The run.
        id: u64,
    },
    /// Print the stored output of a run.
    Output(OutputArgs),
    /// Say why there is this run: who started it, when, from where, and what led on.
    Why {
        /// The run.
        id: u64,
    },
    /// Print a self-contained account of a run, to keep or to hand on.
    Report {
        /// The run.
        id: u64,
        /// How to write it.
        #[arg(long, value_name = "FORMAT", default_value = "md")]
        format: ReportFormat,
    },
    /// What differs in outcomes and output between two runs.
    Compare {
        /// The earlier run.
        before: u64,
        /// The later run.
        after: u64,
        /// Only this host.
        #[arg(long, value_name = "H")]
        host: Option<String>,
    },
    /// Make a flow of a run's command: its user, time limit and batches; shown before it is stored.
    #[command(
        after_long_help = "With --json: {\"name\",\"text\",\"notes\",\"saved\",\"version\",\"complaints\"}; \
nothing is stored without --yes. What the command holds stays as it is, braces too. A definition of that name gets a new \
version, unless somebody stored another meanwhile."
    )]
    Save {
        /// The run.
        id: u64,
        /// The name of the flow.
        #[arg(long = "as", value_name = "flow/NAME")]
        name: String,
        /// Store it without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Give a run the secret again that was typed when it started: the engine that knew it has ended.
    #[command(
        after_long_help = "It is asked for on the terminal without being shown; where standard input is no terminal, it \
is read from there to its end. Only the secret that was typed at the start is taken; what waits for it goes on."
    )]
    Secret {
        /// The run, or one that it is made of.
        id: u64,
        /// The parameter that it was typed for.
        name: String,
        /// Read it from this file, - for standard input.
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
    /// Follow a run as `conn run` does.
    Follow {
        /// The run.
        id: u64,
        /// Print identical output once, when all have ended.
        #[arg(long)]
        gather: bool,
    },
    /// Start nothing new; what runs, finishes.
    Pause {
        /// The run.
        id: u64,
        /// Why.
        #[arg(long, value_name = "T", default_value = "")]
        reason: String,
    },
    /// Go on.
    Resume {
        /// The run.
        id: u64,
    },
    /// Cancel what runs, never start the rest.
    Abort {
        /// The run.
        id: u64,
        /// When the open batch has ended: what it has begun, it finishes.
        #[arg(long)]
        after_batch: bool,
        /// Why.
        #[arg(long, value_name = "T", default_value = "")]
        reason: String,
    },
    /// Start hosts again that did not end well.
    Retry {
        /// The run.
        id: u64,
        /// Only these outcomes, by comma.
        #[arg(long, value_name = "OUTCOMES", value_delimiter = ',')]
        only: Vec<String>,
        /// Only these hosts: a host set within the run.
        #[arg(long, value_name = "HOSTS")]
        host: Option<String>,
    },
    /// Stop, and undo what was done: the rollback commands of steps that began, the last one first.
    Rollback {
        /// The run.
        id: u64,
        /// Only on these hosts: a host set within the run. Hosts in doubt are rolled back only when named.
        #[arg(long, value_name = "HOSTS")]
        host: Option<String>,
        /// Why.
        #[arg(long, value_name = "T", default_value = "")]
        reason: String,
    },
    /// Leave hosts out that have not started, or a step on every host that has not done it.
    Skip {
        /// The run.
        id: u64,
        /// A host set within the run.
        #[arg(long, value_name = "HOSTS", required_unless_present = "step")]
        host: Option<String>,
        /// The name of a step.
        #[arg(long, value_name = "S", conflicts_with = "host")]
        step: Option<String>,
    },
    /// Say yes: the run goes on past the step that asks. Takes the role that the step names.
    Approve {
        /// The run.
        id: u64,
        /// Why.
        #[arg(long, value_name = "T", default_value = "")]
        reason: String,
    },
    /// Say no: the run is aborted.
    Reject {
        /// The run.
        id: u64,
        /// Why.
        #[arg(long, value_name = "T", default_value = "")]
        reason: String,
    },
    /// Say what became of a host in doubt.
    Settle {
        /// The run.
        id: u64,
        /// The host.
        #[arg(long, value_name = "H")]
        host: String,
        /// Only if it is this step that is in doubt.
        #[arg(long, value_name = "S")]
        step: Option<String>,
        /// What it became.
        #[arg(long = "as", value_name = "VERDICT", value_parser = ["ok", "failed", "retry"])]
        verdict: String,
    },
    /// Change limits while it runs.
    Tune {
        /// The run.
        id: u64,
        /// Hosts at work at once.
        #[arg(long, value_name = "N")]
        concurrency: Option<u32>,
        /// More failures than this pause the run: a number or a percentage.
        #[arg(long, value_name = "X")]
        max_failures: Option<String>,
        /// Sizes of the batches that are not open yet, the last repeats: numbers, or percentages of the run.
        #[arg(long, value_name = "LIST")]
        batches: Option<String>,
    },
    /// Take the conn from its holder, who has 30 s to answer while attached; a lead has it at once.
    Take {
        /// The run.
        id: u64,
        /// Why.
        #[arg(long, value_name = "T", default_value = "")]
        reason: String,
    },
    /// Keep the conn although somebody asks for it.
    Keep {
        /// The run.
        id: u64,
    },
    /// Hand the conn to somebody.
    Give {
        /// The run.
        id: u64,
        /// To whom.
        #[arg(long, value_name = "USER")]
        to: String,
    },
    /// Add words to a run.
    Note {
        /// The run.
        id: u64,
        /// The words.
        text: Vec<String>,
    },
}

/// `conn runs output`.
#[derive(Debug, ClapArgs)]
pub struct OutputArgs {
    /// The run.
    pub id: u64,
    /// Only this host.
    #[arg(long, value_name = "H")]
    pub host: Option<String>,
    /// Only this step.
    #[arg(long, value_name = "S")]
    pub step: Option<String>,
    /// Print identical output once, under a folded host set.
    #[arg(long)]
    pub gather: bool,
    /// Go on printing until the run has ended.
    #[arg(long, conflicts_with_all = ["tail", "step", "host", "stderr"])]
    pub follow: bool,
    /// Only the last lines of each host.
    #[arg(long, value_name = "N")]
    pub tail: Option<usize>,
    /// Only standard error.
    #[arg(long)]
    pub stderr: bool,
}

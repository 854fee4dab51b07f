//! The words about the engine itself, and about what it recorded.

use clap::{Args as ClapArgs, Subcommand};

use crate::run::duration::HumanDuration;

/// `conn audit`.
#[derive(Debug, ClapArgs)]
pub struct AuditArgs {
    /// What to do; the list when nothing is named.
    #[command(subcommand)]
    pub command: Option<AuditCommand>,
    /// Only records since then, as 12h.
    #[arg(long, value_name = "D")]
    pub since: Option<HumanDuration>,
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What can be done with audit records.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Is the chain whole, and if not, where does it break?
    Verify {
        /// A head that was kept elsewhere: does the chain still hold it?
        #[arg(long, value_name = "SEQ:HASH")]
        head: Vec<String>,
    },
}

/// `conn doctor`.
#[derive(Debug, ClapArgs)]
pub struct DoctorArgs {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What can be done with the engine.
#[derive(Debug, Subcommand)]
pub enum EngineCommand {
    /// Be the engine, in the foreground.
    Run(EngineRunArgs),
    /// Start the engine in the background, unless it runs.
    Start,
    /// How is it?
    Status {
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// End it: tasks that cannot be followed again finish first.
    Stop {
        /// Do not wait; such tasks will be in doubt.
        #[arg(long)]
        now: bool,
    },
    /// Replace it by this program, keeping its socket and its work.
    Upgrade,
    /// Pass frames between standard input and output and the engine (for `-H`).
    Stdio,
}

/// `conn engine run`.
#[derive(Debug, Clone, ClapArgs)]
pub struct EngineRunArgs {
    /// Leave the terminal and say on standard output when ready (used by `engine start`).
    #[arg(long, hide = true)]
    pub background: bool,
}

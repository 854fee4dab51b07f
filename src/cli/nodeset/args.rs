//! The options of `conn nodeset`.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::number::{self, Autostep};

/// Computes with host sets: fold, expand, count, combine, and find groups.
///
/// Options end at the first host set; after it, -x, -i and -X apply to the host set that follows
/// them, in order. "-" reads host sets from standard input, as does giving none.
#[derive(Debug, Clone, Default, Args)]
#[command(infer_long_args = true, args_override_self = true)]
// One field for each of nodeset's switches.
#[allow(clippy::struct_excessive_bools)]
pub struct NodesetArgs {
    /// Show the number of hosts.
    #[arg(short, long, help_heading = "Commands")]
    pub count: bool,
    /// Show each host for itself.
    #[arg(short, long, help_heading = "Commands")]
    pub expand: bool,
    /// Show the hosts as one short host set.
    #[arg(short, long, help_heading = "Commands")]
    pub fold: bool,
    /// List the groups of a source, or those the given hosts are in; -ll with hosts, -lll with counts.
    #[arg(short, long, action = ArgAction::Count, help_heading = "Commands")]
    pub list: u8,
    /// The same for all sources.
    #[arg(short = 'L', long = "list-all", action = ArgAction::Count, help_heading = "Commands")]
    pub listall: u8,
    /// Show the hosts as whole groups, as far as they make some up.
    #[arg(short, long, help_heading = "Commands")]
    pub regroup: bool,
    /// List the group sources.
    #[arg(
        long = "list-sources",
        alias = "groupsources",
        help_heading = "Commands"
    )]
    pub groupsources: bool,

    /// Take these hosts away.
    #[arg(
        short = 'x',
        long,
        value_name = "HOSTS",
        allow_hyphen_values = true,
        help_heading = "Operations"
    )]
    pub exclude: Vec<String>,
    /// Keep only these hosts.
    #[arg(
        short,
        long,
        value_name = "HOSTS",
        allow_hyphen_values = true,
        help_heading = "Operations"
    )]
    pub intersection: Vec<String>,
    /// Keep the hosts that are in one of the two sets only.
    #[arg(
        short = 'X',
        long,
        value_name = "HOSTS",
        allow_hyphen_values = true,
        help_heading = "Operations"
    )]
    pub xor: Vec<String>,

    /// Begin with all hosts of the default source.
    #[arg(short, long)]
    pub all: bool,
    /// Fold with steps (n[0-8/2]) from this many hosts on: a number, a percentage, or "auto".
    #[arg(long, value_name = "COUNT", value_parser = number::autostep, allow_hyphen_values = true)]
    pub autostep: Option<Autostep>,
    /// The group source to use instead of the default one.
    #[arg(short = 's', long, value_name = "SOURCE", value_parser = number::source_name)]
    pub groupsource: Option<String>,
    /// The groups.conf to use instead of the site's.
    #[arg(long, value_name = "FILE")]
    pub groupsconf: Option<PathBuf>,
    /// Say on standard error which commands are run to find groups.
    #[arg(short, long)]
    pub debug: bool,
    /// Leave out warnings and remarks.
    #[arg(short, long)]
    pub quiet: bool,
    /// Accepted for old scripts; changes nothing.
    #[arg(short, long)]
    pub verbose: bool,
    /// Work on bare numbers (1,5,18-31) instead of hosts.
    #[arg(short = 'R', long)]
    pub rangeset: bool,
    /// Leave the source out of group names.
    #[arg(short = 'G', long)]
    pub groupbase: bool,
    /// What stands between hosts with -e; \n and its like are understood.
    #[arg(short = 'S', long, default_value = " ", allow_hyphen_values = true)]
    pub separator: String,
    /// How each host or result is shown, %s being itself.
    #[arg(
        short = 'O',
        long,
        value_name = "FORMAT",
        default_value = "%s",
        allow_hyphen_values = true
    )]
    pub output_format: String,
    /// Keep the hosts at these positions, from 0: "0", "2-5,9".
    #[arg(short = 'I', long, value_name = "RANGES", allow_hyphen_values = true)]
    pub slice: Option<String>,
    /// Show the result in this many shares of equal size.
    #[arg(long, value_name = "COUNT", value_parser = number::integer, allow_hyphen_values = true)]
    pub split: Option<i64>,
    /// Show each unbroken range for itself.
    #[arg(long)]
    pub contiguous: bool,
    /// Write only these numbers of a host name in brackets: "1", "1-2", or "-1" for the last.
    #[arg(long, value_name = "RANGES", allow_hyphen_values = true)]
    pub axis: Option<String>,
    /// Keep this many hosts, chosen by chance.
    #[arg(long, value_name = "COUNT", value_parser = number::integer, allow_hyphen_values = true)]
    pub pick: Option<i64>,

    /// Host sets, with -x, -i and -X between them.
    #[arg(trailing_var_arg = true, value_name = "HOSTS")]
    pub operands: Vec<String>,
}

impl NodesetArgs {
    /// How many commands were given.
    pub(super) fn commands(&self) -> usize {
        let given = [
            self.count,
            self.expand,
            self.fold,
            self.list > 0,
            self.listall > 0,
            self.regroup,
            self.groupsources,
        ];
        given.into_iter().filter(|&given| given).count()
    }
}

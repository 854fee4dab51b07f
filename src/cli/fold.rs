//! `conn fold`: `ClusterShell`'s `clubak(1)`. Lines `host: text` in, identical outputs gathered under
//! a folded host set out; text that is not UTF-8 passes through.

mod display;
mod input;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::cli::io::{CommandError, Io};
use crate::inventory::hostset::Groups;
use crate::run::gather::Gather;
use display::Display;
use input::Input;

/// Gives the groups that a `groups.conf` defines, or the site's own ones.
pub type OpenGroups<'a> = &'a dyn Fn(Option<&Path>) -> Box<dyn Groups>;

/// Gathers lines of the form "host: text" from standard input.
#[derive(Debug, Clone, Args)]
#[command(infer_long_args = true, args_override_self = true)]
// One field for each of clubak's switches.
#[allow(clippy::struct_excessive_bools)]
pub struct FoldArgs {
    /// Gather hosts with the same output.
    #[arg(short = 'b', visible_short_alias = 'c', long = "dshbak")]
    pub gather: bool,
    /// The same; there is one stream only.
    #[arg(short = 'B')]
    pub gather_all: bool,
    /// Put the host set before each line instead of above them.
    #[arg(short = 'L')]
    pub line_mode: bool,
    /// Leave the host sets out.
    #[arg(short = 'N')]
    pub no_label: bool,
    /// Name host sets by the groups they make up.
    #[arg(short, long)]
    pub regroup: bool,
    /// The group source to look for groups in.
    #[arg(short = 's', long, value_name = "SOURCE")]
    pub groupsource: Option<String>,
    /// The groups.conf to use instead of the site's.
    #[arg(long, value_name = "FILE")]
    pub groupsconf: Option<PathBuf>,
    /// Leave the source out of group names.
    #[arg(short = 'G', long)]
    pub groupbase: bool,
    /// What stands between host and text.
    #[arg(short = 'S', long, default_value = ":", allow_hyphen_values = true)]
    pub separator: String,
    /// Compare whole outputs at the end instead of line by line; the result is the same.
    #[arg(short = 'F', long)]
    pub fast: bool,
    /// Show each common beginning once, and below it how outputs go on.
    #[arg(short = 'T', long)]
    pub tree: bool,
    /// Show how the other outputs differ from the most frequent one.
    #[arg(long)]
    pub diff: bool,
    /// Whether what stands before the separator is read as a host set.
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub interpret_keys: When,
    /// Whether host sets are coloured.
    #[arg(long, value_enum, value_name = "WHEN")]
    pub color: Option<When>,
    /// Leave out the number of hosts.
    #[arg(short, long)]
    pub quiet: bool,
    /// Repeat each line read.
    #[arg(short, long)]
    pub verbose: bool,
    /// Repeat each line read, and say how it is shown.
    #[arg(short, long)]
    pub debug: bool,
}

/// When to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// Not at all.
    Never,
    /// In any case.
    Always,
    /// As it fits.
    Auto,
}

/// Runs the command; gives its exit code.
pub fn run(args: &FoldArgs, groups: OpenGroups, io: &mut Io) -> i32 {
    let result = check(args).and_then(|()| {
        let groups = groups(args.groupsconf.as_deref());
        fold(args, &*groups, io)
    });
    let flushed = io.stdout.flush().map_err(CommandError::Stream);
    match result.and(flushed) {
        Ok(()) => 0,
        Err(error) => error.report("fold", io.stderr),
    }
}

fn check(args: &FoldArgs) -> Result<(), CommandError> {
    if args.fast && (args.tree || args.line_mode) {
        return Err(CommandError::Usage(
            "-F cannot be had with -T or -L: leave one out".into(),
        ));
    }
    if args.diff && args.line_mode {
        return Err(CommandError::Usage(
            "--diff cannot be had with -L: leave one out".into(),
        ));
    }
    if args.separator.is_empty() {
        return Err(CommandError::Failed(
            "-S needs at least one character".into(),
        ));
    }
    Ok(())
}

fn fold(args: &FoldArgs, groups: &dyn Groups, io: &mut Io) -> Result<(), CommandError> {
    let interpret = match args.interpret_keys {
        When::Never => Some(false),
        When::Always => Some(true),
        When::Auto => None,
    };
    let mut input = Input::new(args.separator.as_bytes(), interpret, groups);
    let mut line = Vec::new();
    loop {
        line.clear();
        if io.stdin.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let end = line
            .iter()
            .rposition(|byte| !matches!(byte, b'\r' | b'\n'))
            .map_or(0, |last| last + 1);
        if args.verbose || args.debug {
            io.stdout
                .write_all(&[b"INPUT ", &line[..end], b"\n"].concat())?;
        }
        input.add(&line[..end])?;
    }
    if args.fast {
        input.join_lines();
    }
    if args.debug {
        debug(args, &input.gather, io)?;
    }
    Display::new(args, groups, color(args, io)).show(&input, io.stdout)
}

fn debug(args: &FoldArgs, gather: &Gather, io: &mut Io) -> Result<(), CommandError> {
    let word = |yes| if yes { "True" } else { "False" };
    let depth = gather.walk().map(|(_, depth)| depth).max().unwrap_or(0);
    let (lines, gathers) = (
        word(args.line_mode),
        word(args.gather || args.gather_all || args.diff),
    );
    writeln!(
        io.stderr,
        "conn fold: line_mode={lines} gather={gathers} tree_depth={depth}"
    )?;
    Ok(())
}

/// Whether to colour: the option rules, then `NO_COLOR`, `CLICOLOR_FORCE` and `CLICOLOR`.
fn color(args: &FoldArgs, io: &Io) -> bool {
    match args.color {
        Some(When::Always) => return true,
        Some(When::Never) => return false,
        Some(When::Auto) => return io.terminal,
        None => {}
    }
    if (io.env)("NO_COLOR").is_some() {
        return false;
    }
    if (io.env)("CLICOLOR_FORCE").is_some_and(|force| force != "0") {
        return true;
    }
    io.terminal && (io.env)("CLICOLOR").is_none_or(|color| color != "0")
}

//! `conn nodeset`: `ClusterShell`'s `nodeset(1)`, option for option.
//!
//! Prints on stdout what `nodeset` prints, byte for byte, and ends with its exit codes. Errors are
//! worded in our own way.

mod args;
mod list;
mod number;
mod operands;
mod print;
mod python;
mod set;

use std::path::Path;

pub use args::NodesetArgs;

use crate::cli::io::{CommandError, Io};
use crate::inventory::hostset::{FoldStyle, Groups, WithDefault, all_hosts};
use number::Autostep;
use operands::Operands;
use set::Set;

/// Gives the groups that a `groups.conf` defines, or the site's own ones; if told so, they say on
/// standard error what they run.
pub type OpenGroups<'a> = &'a dyn Fn(Option<&Path>, bool) -> Box<dyn Groups>;

/// Runs the command; gives its exit code.
pub fn run(args: &NodesetArgs, groups: OpenGroups, io: &mut Io) -> i32 {
    let result = check(args).and_then(|()| {
        let groups = groups(args.groupsconf.as_deref(), args.debug);
        match &args.groupsource {
            Some(source) => {
                warn_of_ranges(args, source, io)?;
                start(args, &WithDefault::new(&*groups, source)?, io)
            }
            None => start(args, &*groups, io),
        }
    });
    let flushed = io.stdout.flush().map_err(CommandError::Stream);
    match result.and(flushed) {
        Ok(()) => 0,
        Err(error) => error.report("nodeset", io.stderr),
    }
}

/// Refuses what contradicts itself.
fn check(args: &NodesetArgs) -> Result<(), CommandError> {
    let usage = |what: &str| Err(CommandError::Usage(what.to_string()));
    match args.commands() {
        0 => return usage("no command was given: say -c, -e, -f, -l, -L, -r or --list-sources"),
        1 => {}
        _ => {
            return usage(
                "several commands were given: one of -c, -e, -f, -l, -L, -r, --list-sources is enough",
            );
        }
    }
    if args.rangeset && (args.all || args.regroup) {
        return usage("-a and -r work on hosts: leave out -R");
    }
    if args.rangeset && (args.list > 0 || args.listall > 0) && !args.operands.is_empty() {
        return usage("-l and -L work on hosts: leave out -R");
    }
    if args.split.is_some() && args.contiguous {
        return usage("--split and --contiguous cannot be had together: leave one out");
    }
    if args.axis.is_some() && (!args.fold || args.rangeset) {
        return usage("--axis works with -f on hosts only: leave it out");
    }
    Ok(())
}

fn warn_of_ranges(args: &NodesetArgs, source: &str, io: &mut Io) -> Result<(), CommandError> {
    if args.rangeset && !args.quiet {
        writeln!(
            io.stderr,
            "WARNING: option group source \"{source}\" ignored"
        )?;
    }
    Ok(())
}

fn start(args: &NodesetArgs, groups: &dyn Groups, io: &mut Io) -> Result<(), CommandError> {
    if args.groupsources {
        return list::sources(groups, args.quiet, io);
    }
    let set = compute(args, groups, io)?;
    let count = match args.autostep {
        Some(Autostep::Count(count)) => Some(count),
        _ => None,
    };
    if args.list > 0 || args.listall > 0 {
        let style = FoldStyle {
            autostep: count,
            axes: None,
        };
        return list::groups(args, &set, &style, groups, io);
    }
    print::print(args, set, groups, io)
}

/// The set that all operands make up.
fn compute(args: &NodesetArgs, groups: &dyn Groups, io: &mut Io) -> Result<Set, CommandError> {
    let mut operands = Operands {
        empty: Set::empty(args.rangeset),
        groups,
        stdin: io.stdin,
    };
    let mut set = operands.empty.clone();
    if args.all {
        set = Set::Hosts(all_hosts(groups, None)?);
    }
    if args.operands.is_empty() && !args.all && args.list == 0 && args.listall == 0 {
        set = operands.join(&set, "-", Set::union)?;
    }
    let first = [&args.intersection, &args.exclude, &args.xor];
    if set.is_empty() && !args.quiet && first.iter().any(|texts| !texts.is_empty()) {
        writeln!(io.stderr, "WARNING: empty left operand for set operation")?;
    }
    let operators: [set::Operator; 3] = [
        Set::intersection,
        Set::difference,
        Set::symmetric_difference,
    ];
    for (texts, operator) in first.into_iter().zip(operators) {
        for text in texts {
            set = operands.join(&set, text, operator)?;
        }
    }
    operands.join_all(set, &args.operands)
}

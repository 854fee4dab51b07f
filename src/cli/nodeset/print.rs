//! The result of `conn nodeset` on standard output: sliced, split, folded, formatted.

use super::NodesetArgs;
use super::list::full_name;
use super::number::Autostep;
use super::python::{self, Value};
use super::set::Set;
use crate::cli::io::{CommandError, Io};
use crate::inventory::hostset::{FoldStyle, Groups, HostSet, RangeSet};

/// Prints the result as the options say.
pub(super) fn print(
    args: &NodesetArgs,
    set: Set,
    groups: &dyn Groups,
    io: &mut Io,
) -> Result<(), CommandError> {
    let separator = python::unescape(&args.separator).ok_or_else(|| {
        CommandError::Failed(
            "invalid separator: it ends in the middle of an escape or quote".into(),
        )
    })?;
    let mut set = match &args.slice {
        Some(positions) => slice(&set, positions)?,
        None => set,
    };
    let style = FoldStyle {
        autostep: args
            .autostep
            .map(|autostep: Autostep| autostep.count(set.len())),
        axes: args.axis.as_deref().map(axes).transpose()?,
    };
    if let Some(count) = args.pick.filter(|&count| count != 0) {
        set = pick(&set, count, io)?;
    }
    let mut printer = Printer {
        args,
        groups,
        separator,
        style,
        ready: false,
    };
    if args.fold && args.output_format != "%s" && matches!(set, Set::Hosts(_)) {
        // Each host is formatted before they are folded.
        set = printer.formatted(&set)?;
        printer.ready = true;
        printer.style.axes = None;
    }
    printer.print_parts(&set, io)
}

/// The members at the positions a range text names; negative ones count from the end.
fn slice(set: &Set, positions: &str) -> Result<Set, CommandError> {
    let len = set.len() as i128;
    let place = |position: i128| {
        let from_start = if position < 0 {
            (len + position).max(0)
        } else {
            position
        };
        usize::try_from(from_start).unwrap_or(usize::MAX)
    };
    let mut sliced = match set {
        Set::Hosts(_) => Set::empty(false),
        Set::Numbers(_) => Set::empty(true),
    };
    for (first, last) in RangeSet::parse(positions)?.positions() {
        sliced = sliced.union(&set.slice(place(first), place(last + 1)));
    }
    Ok(sliced)
}

/// The axes to fold along, from 0: given from 1, or one negative number that counts from the end.
fn axes(text: &str) -> Result<Vec<i64>, CommandError> {
    if text.starts_with('-') {
        let axis = text
            .parse()
            .map_err(|_| CommandError::Failed(format!("--axis {text}: write a number")))?;
        return Ok(vec![axis]);
    }
    let wanted = RangeSet::parse(text)?;
    Ok(wanted
        .iter()
        .filter_map(|axis| axis.parse::<i64>().ok())
        .filter(|&axis| axis > 0)
        .map(|axis| axis - 1)
        .collect())
}

fn pick(set: &Set, count: i64, io: &mut Io) -> Result<Set, CommandError> {
    let count = usize::try_from(count).map_err(|_| {
        CommandError::Failed(
            "--pick: fewer than none cannot be picked: write a number from 0".into(),
        )
    })?;
    Ok(if count < set.len() {
        set.pick(count, io.below)
    } else {
        set.clone()
    })
}

struct Printer<'a> {
    args: &'a NodesetArgs,
    groups: &'a dyn Groups,
    separator: String,
    style: FoldStyle,
    /// The set holds formatted texts already.
    ready: bool,
}

impl Printer<'_> {
    fn print_parts(&self, set: &Set, io: &mut Io) -> Result<(), CommandError> {
        let shares = self
            .args
            .split
            .and_then(|shares| usize::try_from(shares).ok())
            .unwrap_or(1);
        if set.is_empty() || (shares <= 1 && !self.args.contiguous) {
            return self.print_one(set, &self.style, io);
        }
        // A part no longer knows the axes its whole was to be folded along; nor does nodeset's.
        let mut style = FoldStyle {
            axes: None,
            ..self.style.clone()
        };
        let parts = if self.args.contiguous {
            set.contiguous()
        } else {
            set.split(shares)
        };
        if self.args.contiguous {
            style.autostep = None;
        }
        parts
            .iter()
            .try_for_each(|part| self.print_one(part, &style, io))
    }

    fn print_one(&self, set: &Set, style: &FoldStyle, io: &mut Io) -> Result<(), CommandError> {
        if self.args.expand {
            return self.print_names(set, io);
        }
        let text = if self.args.fold {
            let folded = set.fold(style);
            if self.ready {
                folded
            } else {
                self.format(Value::Text(&folded))?
            }
        } else if self.args.regroup {
            self.format(Value::Text(&self.regroup(set, style)?))?
        } else {
            self.format(Value::Number(set.len() as i128))?
        };
        Ok(writeln!(io.stdout, "{text}")?)
    }

    fn print_names(&self, set: &Set, io: &mut Io) -> Result<(), CommandError> {
        for (position, name) in set.names().enumerate() {
            if position > 0 {
                io.stdout.write_all(self.separator.as_bytes())?;
            }
            io.stdout
                .write_all(self.format(Value::Text(&name))?.as_bytes())?;
        }
        Ok(io.stdout.write_all(b"\n")?)
    }

    fn regroup(&self, set: &Set, style: &FoldStyle) -> Result<String, CommandError> {
        let source = self.args.groupsource.as_deref();
        let prefix = full_name(source.filter(|_| !self.args.groupbase), "");
        match set {
            Set::Hosts(hosts) => Ok(hosts.regroup(self.groups, source, &prefix, style)?),
            Set::Numbers(numbers) => Ok(numbers.fold(style.autostep)),
        }
    }

    fn formatted(&self, set: &Set) -> Result<Set, CommandError> {
        let texts = set.names().map(|name| self.format(Value::Text(&name)));
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        Ok(Set::Hosts(HostSet::from_names(texts)?))
    }

    fn format(&self, value: Value) -> Result<String, CommandError> {
        python::format(&self.args.output_format, value)
            .map_err(|why| CommandError::Failed(format!("-O {}: {why}", self.args.output_format)))
    }
}

//! The gathered output, shown as `clubak` shows it.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io::Write;

use super::FoldArgs;
use super::input::Input;
use crate::cli::io::CommandError;
use crate::inventory::hostset::{FoldStyle, Groups, HostSet};
use crate::run::gather::Place;
use crate::run::unified::unified;

const RULE: &str = "---------------";

/// Colours: label, file names of a diff, its places, new lines, old lines.
const LABEL: &str = "94";
const FILE: &str = "1";
const HUNK: &str = "96";
const NEW: &str = "92";
const OLD: &str = "91";

/// Whose output something is.
enum Owner {
    Hosts(HostSet),
    /// What stood before the separator, unread.
    Keys(Vec<String>),
}

impl Owner {
    fn text(&self) -> String {
        match self {
            Self::Hosts(hosts) => hosts.fold(),
            Self::Keys(keys) => keys.join(","),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Hosts(hosts) => hosts.len(),
            Self::Keys(keys) => keys.len(),
        }
    }
}

pub(super) struct Display<'a> {
    args: &'a FoldArgs,
    groups: &'a dyn Groups,
    color: bool,
}

impl<'a> Display<'a> {
    pub(super) fn new(args: &'a FoldArgs, groups: &'a dyn Groups, color: bool) -> Self {
        Self {
            args,
            groups,
            color,
        }
    }

    pub(super) fn show(&self, input: &Input, out: &mut dyn Write) -> Result<(), CommandError> {
        if self.args.tree {
            return self.show_tree(input, out);
        }
        let outputs = self.outputs(input)?;
        if self.args.diff {
            return self.show_diff(input, &outputs, out);
        }
        for (owner, place) in &outputs {
            let lines = input.gather.lines(*place);
            if self.args.line_mode {
                let label = self.line_label(owner)?;
                for line in lines {
                    out.write_all(&[label.as_bytes(), line, b"\n"].concat())?;
                }
            } else {
                out.write_all(self.header(owner, 0)?.as_bytes())?;
                out.write_all(&lines.join(&b'\n'))?;
                out.write_all(b"\n")?;
            }
        }
        Ok(())
    }

    /// What to show, in order: the output of each group of hosts or of each host.
    fn outputs(&self, input: &Input) -> Result<Vec<(Owner, Place)>, CommandError> {
        let args = self.args;
        let gathers = args.gather || args.gather_all || args.diff || args.regroup;
        match (gathers, input.is_interpreted()) {
            (true, true) => gathered(input),
            (true, false) => Ok(gathered_keys(input)),
            (false, true) => {
                let hosts =
                    HostSet::from_names(input.gather.hosts().iter().map(|&host| input.name(host)))?;
                let output = |name: String| {
                    let place = input.gather.place(input.number(&name)?)?;
                    Some(HostSet::from_names([name]).map(|host| (Owner::Hosts(host), place)))
                };
                Ok(hosts.iter().filter_map(output).collect::<Result<_, _>>()?)
            }
            (false, false) => {
                let key = |host| Owner::Keys(vec![input.name(host).to_string()]);
                let output = |&host| Some((key(host), input.gather.place(host)?));
                Ok(input.gather.hosts().iter().filter_map(output).collect())
            }
        }
    }

    /// Lines with the hosts that said them, each common beginning once.
    fn show_tree(&self, input: &Input, out: &mut dyn Write) -> Result<(), CommandError> {
        let through = input.gather.hosts_through();
        // The indent of each depth that has had a label; it grows with every new one.
        let mut indents: HashMap<usize, usize> = HashMap::new();
        let mut indent = 0;
        let mut labels = true;
        for (place, depth) in input.gather.walk() {
            if labels {
                let deeper = if indents.is_empty() { 0 } else { indent + 2 };
                indent = *indents.entry(depth).or_insert(deeper);
                let hosts = through.get(&place).map(Vec::as_slice).unwrap_or_default();
                let owner = Owner::Hosts(self.hosts(hosts, input)?);
                let label = if self.args.line_mode {
                    format!("{}:\n", owner.text())
                } else {
                    self.header(&owner, indent)?
                };
                out.write_all(label.as_bytes())?;
            }
            let margin = " ".repeat(indent);
            out.write_all(&[margin.as_bytes(), input.gather.line(place), b"\n"].concat())?;
            labels = input.gather.children(place) != 1;
        }
        Ok(())
    }

    /// The tree's labels are host sets in any case: keys that were not read so far are read now.
    fn hosts(&self, hosts: &[u32], input: &Input) -> Result<HostSet, CommandError> {
        let names = hosts.iter().map(|&host| input.name(host));
        if input.is_interpreted() {
            return Ok(HostSet::from_names(names)?);
        }
        let mut set = HostSet::new();
        for name in names {
            set.extend(&HostSet::parse(name, self.groups)?);
        }
        Ok(set)
    }

    /// How each further output differs from the first one.
    fn show_diff(
        &self,
        input: &Input,
        outputs: &[(Owner, Place)],
        out: &mut dyn Write,
    ) -> Result<(), CommandError> {
        let Some(((owner, place), others)) = outputs.split_first() else {
            return Ok(());
        };
        let lines = |place: Place| -> Vec<String> {
            input
                .gather
                .lines(place)
                .iter()
                .map(|line| valid_text(line))
                .collect()
        };
        let (reference, old) = (self.counted(owner)?, lines(*place));
        for (owner, place) in others {
            let changes = unified(&old, &lines(*place));
            if changes.is_empty() {
                continue;
            }
            let names = [
                format!("--- {reference}"),
                format!("+++ {}", self.counted(owner)?),
            ];
            for line in names.iter().chain(&changes) {
                writeln!(out, "{}", self.diff_line(line))?;
            }
        }
        Ok(())
    }

    fn diff_line(&self, line: &str) -> String {
        let color = |code, line: &str| self.colored(code, line);
        match line {
            line if line.starts_with("---") || line.starts_with("+++") => {
                color(FILE, line.trim_end())
            }
            line if line.starts_with("@@") => color(HUNK, line),
            line if line.starts_with('+') => color(NEW, line),
            line if line.starts_with('-') => color(OLD, line),
            line => line.to_string(),
        }
    }

    fn colored(&self, code: &str, text: &str) -> String {
        if self.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }

    fn name(&self, owner: &Owner) -> Result<String, CommandError> {
        let Owner::Hosts(hosts) = owner else {
            return Ok(owner.text());
        };
        if !self.args.regroup {
            return Ok(hosts.fold());
        }
        let source = self.args.groupsource.as_deref();
        let prefix = match source.filter(|_| !self.args.groupbase) {
            Some(source) => format!("@{source}:"),
            None => "@".to_string(),
        };
        Ok(hosts.regroup(self.groups, source, &prefix, &FoldStyle::default())?)
    }

    /// The name with the number of hosts, if there are several.
    fn counted(&self, owner: &Owner) -> Result<String, CommandError> {
        let name = self.name(owner)?;
        let chatty = !self.args.quiet || self.args.verbose || self.args.debug;
        Ok(if chatty && owner.len() > 1 {
            format!("{name} ({})", owner.len())
        } else {
            name
        })
    }

    fn header(&self, owner: &Owner, indent: usize) -> Result<String, CommandError> {
        if self.args.no_label {
            return Ok(String::new());
        }
        let margin = " ".repeat(indent);
        let name = self.counted(owner)?;
        let text = format!("{margin}{RULE}\n{margin}{name}\n{margin}{RULE}");
        Ok(self.colored(LABEL, &text) + "\n")
    }

    fn line_label(&self, owner: &Owner) -> Result<String, CommandError> {
        if self.args.no_label {
            return Ok(String::new());
        }
        Ok(self.colored(LABEL, &format!("{}: ", self.name(owner)?)))
    }
}

/// Groups of hosts with the same output: the largest first, then by first host.
fn gathered(input: &Input) -> Result<Vec<(Owner, Place)>, CommandError> {
    let mut outputs = Vec::new();
    for group in input.gather.groups() {
        let hosts = HostSet::from_names(group.hosts.iter().map(|&host| input.name(host)))?;
        outputs.push(((Reverse(hosts.len()), hosts.first()), hosts, group.place));
    }
    outputs.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    Ok(outputs
        .into_iter()
        .map(|(_, hosts, place)| (Owner::Hosts(hosts), place))
        .collect())
}

/// The same for keys that are no host sets: in the order of the tree of outputs.
fn gathered_keys(input: &Input) -> Vec<(Owner, Place)> {
    let groups = input.gather.groups();
    let keys = |hosts: &[u32]| {
        Owner::Keys(
            hosts
                .iter()
                .map(|&host| input.name(host).to_string())
                .collect(),
        )
    };
    let output = |(place, _)| {
        let group = groups.iter().find(|group| group.place == place)?;
        Some((keys(&group.hosts), place))
    };
    input.gather.walk().filter_map(output).collect()
}

/// The text without the bytes that are not UTF-8.
fn valid_text(bytes: &[u8]) -> String {
    bytes.utf8_chunks().map(|chunk| chunk.valid()).collect()
}

//! `-l`, `-L` and `--list-sources`: group sources and the groups in them.

use super::NodesetArgs;
use super::set::Set;
use crate::cli::io::{CommandError, Io};
use crate::inventory::hostset::{
    FoldStyle, GroupError, Groups, HostSet, HostSetError, group_names,
};

/// Lists the sources, the default one first.
pub(super) fn sources(groups: &dyn Groups, quiet: bool, io: &mut Io) -> Result<(), CommandError> {
    for (position, source) in default_first(groups)?.iter().enumerate() {
        let remark = if position == 0 && !quiet {
            " (default)"
        } else {
            ""
        };
        writeln!(io.stdout, "{source}{remark}")?;
    }
    Ok(())
}

fn default_first(groups: &dyn Groups) -> Result<Vec<String>, GroupError> {
    let default = groups.default_source()?;
    let mut sources = groups.sources()?;
    // Stable: the others keep their order.
    sources.sort_by_key(|source| Some(source) != default.as_ref());
    Ok(sources)
}

/// Lists groups: of one source or of all, those of given hosts or all.
pub(super) fn groups(
    args: &NodesetArgs,
    set: &Set,
    style: &FoldStyle,
    groups: &dyn Groups,
    io: &mut Io,
) -> Result<(), CommandError> {
    let filters = [&args.intersection, &args.exclude, &args.xor];
    let of_hosts = args.all || !set.is_empty() || filters.iter().any(|texts| !texts.is_empty());
    let listing = Listing {
        level: args.list.saturating_add(args.listall),
        hosts: if let (true, Set::Hosts(hosts)) = (of_hosts, set) {
            Some(hosts)
        } else {
            None
        },
        groupbase: args.groupbase,
        style,
        groups,
    };
    if args.listall == 0 {
        return listing.print(args.groupsource.as_deref(), io);
    }
    for (position, source) in default_first(groups)?.iter().enumerate() {
        // The default source goes without its name, unless it was asked for by name.
        let shown = (position > 0 || args.groupsource.is_some()).then_some(source.as_str());
        match listing.print(shown, io) {
            Err(CommandError::Failed(_)) if listing.lacks_list(shown) => {
                let source = shown.unwrap_or("None");
                writeln!(
                    io.stderr,
                    "Warning: No list upcall defined for group source {source}"
                )?;
            }
            result => result?,
        }
    }
    Ok(())
}

struct Listing<'a> {
    level: u8,
    /// Only groups of these hosts.
    hosts: Option<&'a HostSet>,
    groupbase: bool,
    style: &'a FoldStyle,
    groups: &'a dyn Groups,
}

impl Listing<'_> {
    fn lacks_list(&self, source: Option<&str>) -> bool {
        let error = group_names(self.groups, source).err();
        matches!(
            error,
            Some(HostSetError::Group(GroupError::NoUpcall { .. }))
        )
    }

    fn print(&self, source: Option<&str>, io: &mut Io) -> Result<(), CommandError> {
        match self.hosts {
            Some(hosts) => self.print_matches(hosts, source, io),
            None => self.print_all(source, io),
        }
    }

    fn print_matches(
        &self,
        hosts: &HostSet,
        source: Option<&str>,
        io: &mut Io,
    ) -> Result<(), CommandError> {
        for group in hosts.groups(self.groups, source)? {
            let name = self.name(source, &group.name);
            let matched = group.matched.fold_as(self.style);
            match self.level {
                1 => writeln!(io.stdout, "{name}")?,
                2 => writeln!(io.stdout, "{name} {matched}")?,
                _ => writeln!(
                    io.stdout,
                    "{name} {matched} {}/{}",
                    group.matched.len(),
                    group.members.len()
                )?,
            }
        }
        Ok(())
    }

    fn print_all(&self, source: Option<&str>, io: &mut Io) -> Result<(), CommandError> {
        for group in group_names(self.groups, source)?.iter() {
            let name = self.name(source, &group);
            if self.level == 1 {
                writeln!(io.stdout, "{name}")?;
                continue;
            }
            let hosts = HostSet::parse(&full_name(source, &group), self.groups)?;
            match self.level {
                2 => writeln!(io.stdout, "{name} {hosts}")?,
                _ => writeln!(io.stdout, "{name} {hosts} {}", hosts.len())?,
            }
        }
        Ok(())
    }

    fn name(&self, source: Option<&str>, group: &str) -> String {
        full_name(source.filter(|_| !self.groupbase), group)
    }
}

/// `@group` or `@source:group`.
pub(super) fn full_name(source: Option<&str>, group: &str) -> String {
    source.map_or_else(
        || format!("@{group}"),
        |source| format!("@{source}:{group}"),
    )
}

//! One group source: commands to run, or groups that a file holds.

use std::collections::HashMap;
use std::time::Duration;

use super::ini::Ini;
use super::template;
use crate::inventory::hostset::GroupError;

/// Answers of commands are kept for this long when the source says nothing else.
const DEFAULT_CACHE_TIME: Duration = Duration::from_hours(1);

/// A named place that groups come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What stands before the colon in `@source:group`.
    pub name: String,
    /// How its groups are found.
    pub kind: SourceKind,
}

/// How a source's groups are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceKind {
    /// By running commands.
    Upcalls(Upcalls),
    /// In a file that was read.
    File(FileGroups),
}

/// The commands of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upcalls {
    /// Prints the hosts of `$GROUP`.
    pub map: String,
    /// Prints all hosts.
    pub all: Option<String>,
    /// Prints the names of all groups.
    pub list: Option<String>,
    /// Prints the groups that `$NODE` is in.
    pub reverse: Option<String>,
    /// Where the commands run; `$CFGDIR` in them.
    pub dir: String,
    /// How long an answer holds.
    pub cache_time: Duration,
}

/// What a source is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Upcall<'a> {
    /// The hosts of a group.
    Map(&'a str),
    /// All hosts.
    All,
    /// The names of all groups.
    List,
    /// The groups of a host.
    Reverse(&'a str),
}

impl Upcall<'_> {
    /// The option in `groups.conf`.
    pub fn option(self) -> &'static str {
        match self {
            Self::Map(_) => "map",
            Self::All => "all",
            Self::List => "list",
            Self::Reverse(_) => "reverse",
        }
    }
}

impl Upcalls {
    pub(super) fn read(ini: &Ini, section: &str, dir: &str) -> Result<Self, String> {
        let option = |name| ini.get(section, name).map(String::from);
        let seconds = |text: &str| {
            text.parse()
                .ok()
                .and_then(|time| Duration::try_from_secs_f64(time).ok())
        };
        let cache_time = match ini.get(section, "cache_time") {
            Some(text) => seconds(text).ok_or("cache_time is no number of seconds")?,
            None => DEFAULT_CACHE_TIME,
        };
        Ok(Self {
            map: option("map")
                .ok_or("the option map is missing: add the command that prints a group's hosts")?,
            all: option("all").filter(|command| !command.is_empty()),
            list: option("list").filter(|command| !command.is_empty()),
            reverse: option("reverse").filter(|command| !command.is_empty()),
            dir: dir.to_string(),
            cache_time,
        })
    }

    /// The shell command that answers a question put to the source of this name.
    ///
    /// The name of a group or host becomes part of a shell command, often inside quotes that the
    /// command brings itself, so it cannot be quoted here: a name that could mean anything to a
    /// shell, or be taken for an option, is refused.
    pub fn command(&self, source: &str, upcall: Upcall) -> Result<String, GroupError> {
        let (template, name) = match upcall {
            Upcall::Map(group) => (Some(&self.map), Some(("GROUP", group))),
            Upcall::All => (self.all.as_ref(), None),
            Upcall::List => (self.list.as_ref(), None),
            Upcall::Reverse(node) => (self.reverse.as_ref(), Some(("NODE", node))),
        };
        let template = template.ok_or_else(|| GroupError::NoUpcall {
            source_name: source.to_string(),
            upcall: upcall.option(),
        })?;
        let mut values = vec![("CFGDIR", self.dir.as_str()), ("SOURCE", source)];
        if let Some((variable, name)) = name {
            if !is_safe(name) {
                return Err(GroupError::UnsafeName {
                    source_name: source.to_string(),
                    name: name.to_string(),
                });
            }
            values.push((variable, name));
        }
        Ok(template::substitute(template, &values))
    }
}

/// Whether a name means nothing but itself to a shell, and is no option.
fn is_safe(name: &str) -> bool {
    let is_plain = |char: char| char.is_alphanumeric() || "_-.:+=%@,".contains(char);
    !name.is_empty() && !name.starts_with('-') && name.chars().all(is_plain)
}

/// Groups that a file holds, in its order; the group `all` stands for all hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileGroups {
    names: Vec<String>,
    hosts: HashMap<String, String>,
}

impl FileGroups {
    /// The given groups; a name that comes twice has its last hosts.
    pub(super) fn new(groups: Vec<(String, String)>) -> Self {
        let names = groups.iter().flat_map(|(name, _)| words(name)).collect();
        Self {
            names,
            hosts: groups.into_iter().collect(),
        }
    }

    /// The hosts of a group; of an unknown one, none.
    pub fn hosts(&self, group: &str) -> Vec<String> {
        self.hosts
            .get(group)
            .map(|hosts| words(hosts))
            .unwrap_or_default()
    }

    /// All hosts, if the file has a group `all`.
    pub fn all_hosts(&self) -> Option<Vec<String>> {
        self.hosts.get("all").map(|hosts| words(hosts))
    }

    /// The names of all groups.
    pub fn names(&self) -> Vec<String> {
        self.names.clone()
    }
}

/// The words of a source's answer.
fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(String::from).collect()
}

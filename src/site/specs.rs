//! Which inventories a site has: `[inventory.NAME]` of `conn.toml`, and `--from` on the command line.

use std::path::{Path, PathBuf};

use toml::de::DeValue;

use super::error::SiteError;
use super::paths::INVENTORY_FILE;
use super::settings::positive;
use super::upcall::CommandLine;
use crate::run::complaint::quote;
use crate::run::duration::HumanDuration;
use crate::run::strict_toml::Table;

/// Time for an inventory command, unless configured.
const TIMEOUT: HumanDuration = HumanDuration::from_secs(30);
/// Time after which an inventory command is asked again, unless configured.
const REFRESH: HumanDuration = HumanDuration::from_secs(300);

/// One inventory source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Its name, as in `@name:group`.
    pub name: String,
    /// What it is and where.
    pub kind: Kind,
}

/// The kinds of sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Our own form.
    Toml {
        /// The file.
        path: PathBuf,
    },
    /// Ansible's static forms, with `group_vars` and `host_vars` beside them.
    Ansible {
        /// A file, or a directory of files.
        path: PathBuf,
    },
    /// The literal hosts of an `ssh_config`.
    SshConfig {
        /// The file; `None`: the configuration in use.
        path: Option<PathBuf>,
    },
    /// What a command prints.
    Command {
        /// The command.
        command: CommandLine,
        /// When it is killed.
        timeout: HumanDuration,
        /// When it is asked again.
        refresh: HumanDuration,
    },
    /// `ClusterShell`'s groups.
    ClusterShell {
        /// Its `groups.conf`; `None`: `ClusterShell`'s own places.
        path: Option<PathBuf>,
    },
}

#[derive(Clone, Copy)]
enum Word {
    Toml,
    Ansible,
    SshConfig,
    Command,
    ClusterShell,
}

const WORDS: [(&str, Word); 5] = [
    ("toml", Word::Toml),
    ("ansible", Word::Ansible),
    ("ssh_config", Word::SshConfig),
    ("command", Word::Command),
    ("clustershell", Word::ClusterShell),
];

/// The sources of a `conn.toml`, in the order of the text; relative paths start from `base`.
pub(super) fn read(root: &Table<'_>, base: &Path) -> Vec<Spec> {
    let mut specs = Vec::new();
    root.named("inventory", |name, table| {
        let fits = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        if !fits {
            table.complain_here(format!("the source name {} must be made of letters, digits, - and _", quote(name)));
        }
        if !table.has("kind") {
            table.ask(&["path", "command", "timeout", "refresh"]);
            table.missing("kind", "write kind = \"toml\", \"ansible\", \"ssh_config\", \"command\" or \"clustershell\"");
        }
        let kind = table.choice("kind", &WORDS).and_then(|word| kind(word, table, base));
        specs.extend(kind.map(|kind| Spec { name: name.to_owned(), kind }));
    });
    specs
}

fn kind(word: Word, table: &Table<'_>, base: &Path) -> Option<Kind> {
    let path = || table.string("path").map(|path| base.join(path));
    let needed = || {
        let path = path();
        if !table.has("path") {
            table.missing("path", "write path = \"FILE\"");
        }
        path
    };
    Some(match word {
        Word::Toml => Kind::Toml { path: needed()? },
        Word::Ansible => Kind::Ansible { path: needed()? },
        Word::SshConfig => Kind::SshConfig { path: path() },
        Word::ClusterShell => Kind::ClusterShell { path: path() },
        Word::Command => {
            if !table.has("command") {
                table.missing(
                    "command",
                    "write command = [\"PROGRAM\", \"ARGUMENT\"], or one string for /bin/sh",
                );
            }
            let timeout = positive(table, "timeout").unwrap_or(TIMEOUT);
            let refresh = positive(table, "refresh").unwrap_or(REFRESH);
            Kind::Command {
                command: table.get("command", command_line)?,
                timeout,
                refresh,
            }
        }
    })
}

fn command_line(value: &DeValue<'_>) -> Result<CommandLine, String> {
    let no_words = || "\"command\" must be a string or a list of strings".to_owned();
    match value {
        DeValue::String(line) => Ok(CommandLine::Shell(line.to_string())),
        DeValue::Array(words) if words.is_empty() => {
            Err("\"command\" must have at least one word".to_owned())
        }
        DeValue::Array(words) => {
            let word =
                |word: &toml::Spanned<DeValue<'_>>| word.get_ref().as_str().map(str::to_owned);
            words
                .iter()
                .map(word)
                .collect::<Option<_>>()
                .map(CommandLine::Words)
                .ok_or_else(no_words)
        }
        _ => Err(no_words()),
    }
}

impl Spec {
    /// The source that an argument of `--from` means; relative paths start from `dir`.
    ///
    /// # Errors
    /// `SiteError::From`, if it has not the form `KIND:REST`.
    pub fn from_argument(argument: &str, dir: &Path) -> Result<Self, SiteError> {
        let wrong = || SiteError::From(quote(argument));
        let (word, rest) = argument
            .split_once(':')
            .filter(|(_, rest)| !rest.is_empty())
            .ok_or_else(wrong)?;
        let path = dir.join(rest);
        let kind = match word {
            "toml" => Kind::Toml { path },
            "ansible" => Kind::Ansible { path },
            "ssh_config" => Kind::SshConfig { path: Some(path) },
            "clustershell" => Kind::ClusterShell { path: Some(path) },
            "command" => Kind::Command {
                command: CommandLine::Shell(rest.to_owned()),
                timeout: TIMEOUT,
                refresh: REFRESH,
            },
            _ => return Err(wrong()),
        };
        Ok(Self {
            name: word.to_owned(),
            kind,
        })
    }

    /// The sources that several arguments mean; two of one kind get different names.
    ///
    /// # Errors
    /// `SiteError::From`, for the first argument that is wrong.
    pub fn from_arguments(arguments: &[String], dir: &Path) -> Result<Vec<Self>, SiteError> {
        let mut specs: Vec<Self> = Vec::new();
        for argument in arguments {
            let mut spec = Self::from_argument(argument, dir)?;
            let same = specs.iter().filter(|other| {
                other.name.trim_end_matches(|c: char| c.is_ascii_digit()) == spec.name
            });
            let before = same.count();
            if before > 0 {
                spec.name = format!("{}{}", spec.name, before + 1);
            }
            specs.push(spec);
        }
        Ok(specs)
    }

    /// The source of a site that configures none: `inventory.toml` beside `conn.toml`, if it is there.
    pub fn default_of(config: &Path) -> Option<Self> {
        let path = config.join(INVENTORY_FILE);
        path.is_file().then(|| Self {
            name: "site".to_owned(),
            kind: Kind::Toml { path },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_names_kind_and_place() {
        let spec = |text: &str| Spec::from_argument(text, Path::new("/work")).map(|spec| spec.kind);
        assert_eq!(
            spec("ansible:hosts.ini").unwrap(),
            Kind::Ansible {
                path: "/work/hosts.ini".into()
            }
        );
        assert_eq!(
            spec("ssh_config:/a").unwrap(),
            Kind::SshConfig {
                path: Some("/a".into())
            }
        );
        let Kind::Command { command, .. } = spec("command:a b:c").unwrap() else {
            panic!()
        };
        assert_eq!(command, CommandLine::Shell("a b:c".into()));
        let both = Spec::from_arguments(
            &["ansible:a".into(), "ansible:b".into(), "toml:c".into()],
            Path::new("/"),
        );
        let names: Vec<String> = both.unwrap().into_iter().map(|spec| spec.name).collect();
        assert_eq!(names, ["ansible", "ansible2", "toml"]);
        for wrong in ["ansible", "ansible:", "x:y", ""] {
            assert!(
                spec(wrong)
                    .unwrap_err()
                    .to_string()
                    .contains("write ansible:PATH"),
                "{wrong}"
            );
        }
    }
}

//! How `@group` and wildcards in a host set find their hosts: asked of the caller.
//!
//! Nothing here reads a file or runs a command; who implements [`Groups`] may, and should remember
//! the answers, because the same question can come more than once.

/// Where named groups of hosts come from.
///
/// A source of `None` is the default source. Answers are texts in host set notation, which may name
/// groups again; a name without a source is then looked up in the source that gave the answer.
pub trait Groups {
    /// The names of all sources, in the order they were defined.
    fn sources(&self) -> Result<Vec<String>, GroupError>;

    /// The name of the default source: the first one, unless the implementation says otherwise.
    fn default_source(&self) -> Result<Option<String>, GroupError> {
        Ok(self.sources()?.into_iter().next())
    }

    /// The hosts of one group. Whether an unknown group is empty or a failure is the source's choice.
    fn hosts(&self, source: Option<&str>, group: &str) -> Result<Vec<String>, GroupError>;

    /// All hosts of a source; [`GroupError::NoUpcall`] when it can only be asked group by group.
    fn all_hosts(&self, source: Option<&str>) -> Result<Vec<String>, GroupError>;

    /// The names of a source's groups, each of which may be in host set notation.
    fn group_names(&self, source: Option<&str>) -> Result<Vec<String>, GroupError>;

    /// Whether [`Groups::groups_of`] can be answered directly.
    fn knows_groups_of(&self, source: Option<&str>) -> bool;

    /// The names of the groups that a host is in.
    fn groups_of(&self, source: Option<&str>, host: &str) -> Result<Vec<String>, GroupError>;
}

/// Why a group could not be looked up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// No source of that name is configured.
    #[error("unknown group source \"{source_name}\": {hint}")]
    UnknownSource {
        /// The source, `<default>` when none was named.
        source_name: String,
        /// What to do about it.
        hint: String,
    },
    /// The source cannot answer this kind of question.
    #[error(
        "group source \"{source_name}\" has no {upcall} command: add one to its section in groups.conf"
    )]
    NoUpcall {
        /// The source that was asked.
        source_name: String,
        /// The question: `map`, `all`, `list` or `reverse`.
        upcall: &'static str,
    },
    /// The source was asked and failed.
    #[error("group source \"{source_name}\" failed: {why}")]
    Failed {
        /// The source that was asked.
        source_name: String,
        /// What went wrong, and with which command.
        why: String,
    },
    /// A group's name would mean something else in the notation.
    #[error(
        "group source \"{source_name}\" lists a group \"{group}\", whose \"{character}\" is an operator: rename it"
    )]
    OperatorInName {
        /// The source that was asked.
        source_name: String,
        /// The name.
        group: String,
        /// The character that may not be there.
        character: char,
    },
    /// The name may not be handed to the source's command.
    #[error(
        "\"{name}\" cannot be looked up in group source \"{source_name}\": its commands run in a shell, so only letters, digits and _ - . : + = % @ , are allowed in names"
    )]
    UnsafeName {
        /// The source that was to be asked.
        source_name: String,
        /// The name of a group or host.
        name: String,
    },
    /// The configuration of sources is wrong.
    #[error("{0}")]
    Config(String),
}

impl GroupError {
    /// The error for a source that does not exist.
    pub fn unknown(source: Option<&str>, hint: impl Into<String>) -> Self {
        let source_name = source.unwrap_or("<default>").to_string();
        Self::UnknownSource {
            source_name,
            hint: hint.into(),
        }
    }
}

/// No groups at all: every `@group` is an unknown source.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoGroups;

impl NoGroups {
    fn none<T>(source: Option<&str>) -> Result<T, GroupError> {
        Err(GroupError::unknown(
            source,
            "no groups are configured; name the hosts themselves",
        ))
    }
}

impl Groups for NoGroups {
    fn sources(&self) -> Result<Vec<String>, GroupError> {
        Ok(Vec::new())
    }

    fn hosts(&self, source: Option<&str>, _group: &str) -> Result<Vec<String>, GroupError> {
        Self::none(source)
    }

    fn all_hosts(&self, source: Option<&str>) -> Result<Vec<String>, GroupError> {
        Self::none(source)
    }

    fn group_names(&self, source: Option<&str>) -> Result<Vec<String>, GroupError> {
        Self::none(source)
    }

    fn knows_groups_of(&self, _source: Option<&str>) -> bool {
        false
    }

    fn groups_of(&self, source: Option<&str>, _host: &str) -> Result<Vec<String>, GroupError> {
        Self::none(source)
    }
}

/// Other groups, with one of their sources in the place of the default one.
pub struct WithDefault<'g> {
    groups: &'g dyn Groups,
    default: String,
}

impl<'g> WithDefault<'g> {
    /// `default` has to be one of the sources.
    pub fn new(groups: &'g dyn Groups, default: &str) -> Result<Self, GroupError> {
        let sources = groups.sources()?;
        if sources.iter().any(|source| source == default) {
            return Ok(Self {
                groups,
                default: default.to_string(),
            });
        }
        let hint = if sources.is_empty() {
            "no groups are configured".to_string()
        } else {
            format!("there are {}", sources.join(", "))
        };
        Err(GroupError::unknown(Some(default), hint))
    }

    fn source<'s>(&'s self, source: Option<&'s str>) -> Option<&'s str> {
        source.or(Some(&self.default))
    }
}

impl Groups for WithDefault<'_> {
    fn sources(&self) -> Result<Vec<String>, GroupError> {
        self.groups.sources()
    }

    fn default_source(&self) -> Result<Option<String>, GroupError> {
        Ok(Some(self.default.clone()))
    }

    fn hosts(&self, source: Option<&str>, group: &str) -> Result<Vec<String>, GroupError> {
        self.groups.hosts(self.source(source), group)
    }

    fn all_hosts(&self, source: Option<&str>) -> Result<Vec<String>, GroupError> {
        self.groups.all_hosts(self.source(source))
    }

    fn group_names(&self, source: Option<&str>) -> Result<Vec<String>, GroupError> {
        self.groups.group_names(self.source(source))
    }

    fn knows_groups_of(&self, source: Option<&str>) -> bool {
        self.groups.knows_groups_of(self.source(source))
    }

    fn groups_of(&self, source: Option<&str>, host: &str) -> Result<Vec<String>, GroupError> {
        self.groups.groups_of(self.source(source), host)
    }
}

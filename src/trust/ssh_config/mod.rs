//! `ssh_config`: how a host is to be reached, as OpenSSH itself would read it.
//!
//! ```text
//! files ─▶ lexer ─▶ parser (keywords, setting, criteria) ─▶ blocks
//! name ──▶ resolve: one pass over the blocks, or two ─▶ draft ─▶ tokens ─▶ HostOptions
//! ```
//!
//! Parsed once, resolved for any number of hosts. Must never pass over an option that bears on
//! security without a word, and must never run `Match exec` by itself. The oracle is `ssh -G`.
//!
//! Differences from OpenSSH 9.2, on purpose: `Match` is split into words as newer versions do;
//! names of algorithms are not checked; services other than `ssh` are no ports; `~name` and
//! canonical host names are refused; so are host and user names with shell characters (as since
//! 9.6), because they may end up in a proxy command.

mod conclude;
mod criteria;
mod draft;
mod error;
mod jump;
mod keywords;
mod lexer;
mod names;
mod options;
mod parser;
mod resolve;
mod setting;
#[cfg(test)]
mod tests;
mod tokens;
mod values;

use std::collections::{HashMap, HashSet};

pub use criteria::Outside;
pub use error::{ConfigError, Place};
pub use jump::JumpHost;
pub use names::host_objection;
pub use options::{AddressFamily, HostOptions, IdentityAgent, StrictHostKey};

use parser::{Block, Condition, Unknown};
use tokens::Variables;

/// One configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceText<'a> {
    /// For messages.
    pub path: &'a str,
    /// The whole file.
    pub text: &'a str,
    /// The user's own file (also the one given by `-F`), not the system's.
    pub user: bool,
}

/// A file that an `Include` pattern found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncludedFile {
    /// For messages.
    pub path: String,
    /// The whole file.
    pub text: String,
    /// Why it may not be used: it cannot be read, or others than its owner can write it. That is
    /// an error, because a file left out may be the one that revokes keys.
    pub refused: Option<String>,
}

/// What the outside has to tell.
pub struct Context<'a> {
    /// The user's home directory: `~` and `%d`.
    pub home: &'a str,
    /// The name of the user whose files these are.
    pub local_user: &'a str,
    /// The name of this host.
    pub local_host: &'a str,
    /// The user's number.
    pub uid: u32,
    /// Files for an absolute glob pattern, sorted by name; none when nothing matches.
    pub include: &'a dyn Fn(&str) -> Vec<IncludedFile>,
    /// A variable of the user's environment.
    pub env: &'a dyn Fn(&str) -> Option<String>,
}

/// What is given beside the name. It wins over every file.
#[derive(Clone, Copy, Default)]
pub struct Given<'a> {
    /// From the command line or an inventory.
    pub user: Option<&'a str>,
    /// From the command line or an inventory.
    pub port: Option<u16>,
    /// Answers `Match exec` and `Match localnetwork`. Without it such a line is an error when it
    /// is reached.
    pub outside: Option<&'a dyn Fn(Outside<'_>) -> bool>,
}

/// A configuration, ready to be asked.
#[derive(Debug)]
pub struct SshConfig {
    home: String,
    local_user: String,
    local_host: String,
    uid: u32,
    blocks: Vec<Block>,
    /// Blocks that only names in `by_name` can reach are not in here.
    tried_always: Vec<u32>,
    by_name: HashMap<String, Vec<u32>>,
    variables: Variables,
    wants_final: bool,
    unknown: Vec<Unknown>,
}

impl SshConfig {
    /// Reads files in order of precedence: the user's first, then the system's.
    pub fn parse(files: &[SourceText<'_>], context: &Context<'_>) -> Result<Self, ConfigError> {
        let parsed = parser::parse(files, context)?;
        let (tried_always, by_name) = index(&parsed.blocks);
        Ok(Self {
            home: context.home.to_owned(),
            local_user: context.local_user.to_owned(),
            local_host: context.local_host.to_owned(),
            uid: context.uid,
            blocks: parsed.blocks,
            tried_always,
            by_name,
            variables: parsed.variables,
            wants_final: parsed.wants_final,
            unknown: parsed.unknown,
        })
    }

    /// The options of one host.
    pub fn resolve(&self, host: &str, given: &Given<'_>) -> Result<HostOptions, ConfigError> {
        resolve::resolve(self, host, given)
    }

    /// The names that stand on `Host` lines without wildcards, each once, in order.
    pub fn literal_hosts(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        self.blocks
            .iter()
            .flat_map(|block| match &block.condition {
                Condition::Host(patterns) => patterns.as_slice(),
                _ => &[],
            })
            .filter(|pattern| pattern.literal && !pattern.negated)
            .filter(|pattern| seen.insert(pattern.pattern.as_str()))
            .map(|pattern| pattern.pattern.clone())
            .collect()
    }
}

/// Splits the blocks into those that every name must try, and those under literal names only:
/// with a block for each of 10,000 hosts, a name then tries one.
fn index(blocks: &[Block]) -> (Vec<u32>, HashMap<String, Vec<u32>>) {
    let mut always = Vec::new();
    let mut by_name: HashMap<String, Vec<u32>> = HashMap::new();
    for (id, block) in (0..).zip(blocks) {
        match &block.condition {
            Condition::Host(patterns) if patterns.iter().all(|p| p.literal && !p.negated) => {
                for pattern in patterns {
                    let ids = by_name.entry(pattern.pattern.clone()).or_default();
                    if ids.last() != Some(&id) {
                        ids.push(id);
                    }
                }
            }
            _ => always.push(id),
        }
    }
    (always, by_name)
}

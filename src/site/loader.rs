//! The inventory of a site as it is now.
//!
//! Reads what changed and keeps the rest. A source that fails keeps its last good answer, marked
//! as stale; one that never gave an answer is missing, and said to be.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::ansible_files;
use super::error::SiteError;
use super::read::{self, Stamp};
use super::settings::Settings;
use super::specs::{Kind, Spec};
use super::upcall::{self, CommandLine};
use crate::inventory::{Expand, Inventory, Source, command, listed, native};
use crate::run::duration::HumanDuration;
use crate::run::size::ByteSize;

/// An inventory command may print so much.
const MAX_OUTPUT: ByteSize = ByteSize::from_mib(256);

/// Reads host names from a file; the error is a sentence.
pub type ReadHosts<'a> = dyn Fn(Option<&Path>) -> Result<Vec<String>, String> + 'a;

/// Reads groups with their members from a file; the error is a sentence.
pub type ReadGroups<'a> = dyn Fn(Option<&Path>) -> Result<Vec<(String, Vec<String>)>, String> + 'a;

/// What other rooms read for the inventory.
#[derive(Clone, Copy)]
pub struct Readers<'a> {
    /// Expands host-set notation.
    pub expand: &'a Expand<'a>,
    /// The literal hosts of an `ssh_config`; without a path, of the one in use.
    pub ssh_config: &'a ReadHosts<'a>,
    /// `ClusterShell`'s groups with their members; without a path, from `ClusterShell`'s own places.
    pub clustershell: &'a ReadGroups<'a>,
}

/// The sources of a site, with what they said last.
#[derive(Debug)]
pub struct Inventories {
    slots: Vec<Slot>,
    /// The settings name no source, so `inventory.toml` is the one when it is there.
    by_default: bool,
    /// Commands are run here.
    dir: PathBuf,
    laid: Option<Arc<Inventory>>,
}

#[derive(Debug)]
struct Slot {
    spec: Spec,
    said: Option<Said>,
    /// When the source was last asked, and why it failed then.
    failed: Option<(Instant, String)>,
}

/// An answer of a source, and how long it holds.
#[derive(Debug)]
struct Said {
    source: Arc<Source>,
    holds: Holds,
}

#[derive(Debug)]
enum Holds {
    /// Until one of the files changes.
    Files(Stamp),
    /// For some time.
    For(HumanDuration, Instant),
}

/// The inventory, and what is wrong with its sources.
#[derive(Debug)]
pub struct Loaded {
    /// All sources that ever gave an answer.
    pub inventory: Arc<Inventory>,
    /// The sources that failed now.
    pub problems: Vec<Problem>,
}

/// A source that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its name.
    pub source: String,
    /// Why.
    pub message: String,
    /// Whether its last good answer is still used; else its hosts are missing.
    pub stale: bool,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let left = if self.stale {
            "its last good answer is used"
        } else {
            "its hosts are missing"
        };
        write!(
            f,
            "inventory source {}: {left}: {}",
            self.source, self.message
        )
    }
}

impl Inventories {
    /// The sources of a site, none of them read yet; commands are run in `dir`.
    pub fn new(specs: Vec<Spec>, dir: &Path) -> Self {
        Self {
            slots: specs.into_iter().map(Slot::new).collect(),
            by_default: false,
            dir: dir.to_owned(),
            laid: None,
        }
    }

    /// The sources that a site's settings name, or else its `inventory.toml`; `config` is the
    /// directory of its `conn.toml`.
    pub fn of_site(settings: &Settings, config: &Path) -> Self {
        Self {
            by_default: settings.inventory.is_empty(),
            ..Self::new(settings.inventory.clone(), config)
        }
    }

    /// The inventory as it is now; asks every source whose answer no longer holds.
    pub fn load(&mut self, readers: Readers<'_>, now: Instant) -> Loaded {
        if self.by_default && self.slots.is_empty() {
            // The file may have been written since the engine started.
            let found = Spec::default_of(&self.dir);
            self.slots.extend(found.map(Slot::new));
        }
        let mut changed = self.laid.is_none();
        for slot in &mut self.slots {
            changed |= slot.refresh(readers, &self.dir, now);
        }
        let sources = || {
            self.slots
                .iter()
                .filter_map(|slot| slot.said.as_ref())
                .map(|said| Arc::clone(&said.source))
        };
        let inventory = match &self.laid {
            Some(inventory) if !changed => Arc::clone(inventory),
            _ => Arc::new(Inventory::new(sources().collect())),
        };
        self.laid = Some(Arc::clone(&inventory));
        Loaded {
            inventory,
            problems: self.slots.iter().filter_map(Slot::problem).collect(),
        }
    }
}

impl Slot {
    fn new(spec: Spec) -> Self {
        Self {
            spec,
            said: None,
            failed: None,
        }
    }

    /// Asks the source if its answer no longer holds; whether there is a new answer.
    fn refresh(&mut self, readers: Readers<'_>, dir: &Path, now: Instant) -> bool {
        if self.is_fresh(now) {
            return false;
        }
        match self.ask(readers, dir, now) {
            Ok(said) => {
                self.said = Some(said);
                self.failed = None;
                true
            }
            Err(error) => {
                self.failed = Some((now, error.to_string()));
                false
            }
        }
    }

    fn is_fresh(&self, now: Instant) -> bool {
        // A command that failed is not asked again at every turn; files cost little.
        if let (Kind::Command { refresh, .. }, Some((at, _))) = (&self.spec.kind, &self.failed) {
            return now.saturating_duration_since(*at) < refresh.get();
        }
        self.failed.is_none() && self.said.as_ref().is_some_and(|said| said.holds.still(now))
    }

    fn ask(&self, readers: Readers<'_>, dir: &Path, now: Instant) -> Result<Said, SiteError> {
        let name = &self.spec.name;
        match &self.spec.kind {
            Kind::Toml { path } => {
                let mut stamp = Stamp::default();
                stamp.note(path);
                let source = native::parse(
                    name,
                    &path.display().to_string(),
                    &read::text(path)?,
                    readers.expand,
                )?;
                Ok(Said::new(source, Holds::Files(stamp)))
            }
            Kind::Ansible { path } => {
                let found = ansible_files::find(path)?;
                let source = found.parse(name)?;
                Ok(Said::new(source, Holds::Files(found.seen)))
            }
            Kind::SshConfig { path } => {
                let hosts = (readers.ssh_config)(path.as_deref()).map_err(SiteError::Reader)?;
                let file = path
                    .as_ref()
                    .map_or("ssh_config".to_owned(), |path| path.display().to_string());
                Ok(Said::new(
                    listed::hosts(name, &file, &hosts)?,
                    Holds::For(HumanDuration::default(), now),
                ))
            }
            Kind::ClusterShell { path } => {
                let groups = (readers.clustershell)(path.as_deref()).map_err(SiteError::Reader)?;
                let file = path
                    .as_ref()
                    .map_or("clustershell".to_owned(), |path| path.display().to_string());
                let groups: Vec<_> = groups
                    .iter()
                    .map(|(group, members)| (Some(group.as_str()), members.as_slice()))
                    .collect();
                Ok(Said::new(
                    listed::groups(name, &file, &groups)?,
                    Holds::For(HumanDuration::default(), now),
                ))
            }
            Kind::Command {
                command,
                timeout,
                refresh,
            } => {
                let source = ask_command(name, command, *timeout, dir, readers)?;
                Ok(Said::new(source, Holds::For(*refresh, now)))
            }
        }
    }

    fn problem(&self) -> Option<Problem> {
        let (_, message) = self.failed.as_ref()?;
        Some(Problem {
            source: self.spec.name.clone(),
            message: message.clone(),
            stale: self.said.is_some(),
        })
    }
}

fn ask_command(
    name: &str,
    line: &CommandLine,
    timeout: HumanDuration,
    dir: &Path,
    readers: Readers<'_>,
) -> Result<Source, SiteError> {
    let output = upcall::run(line, dir, timeout, MAX_OUTPUT)?.output;
    Ok(command::parse(
        name,
        &format!("command {name}"),
        &output,
        readers.expand,
    )?)
}

impl Said {
    fn new(source: Source, holds: Holds) -> Self {
        Self {
            source: Arc::new(source),
            holds,
        }
    }
}

impl Holds {
    fn still(&self, now: Instant) -> bool {
        match self {
            Self::Files(stamp) => stamp.holds(),
            Self::For(time, since) => now.saturating_duration_since(*since) < time.get(),
        }
    }
}

#[cfg(test)]
mod tests;

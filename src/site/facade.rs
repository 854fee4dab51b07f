//! One site, opened: its settings, its inventory as it is now, and OpenSSH's files.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::groups::{SiteGroups, default_files};
use super::openssh::{OpensshFiles, Owner};
use super::{Inventories, Loaded, Paths, Readers, Settings, SiteError, Spec};
use crate::inventory::hostset::{GroupError, Groups, HostSet};
use crate::inventory::{self, Inventory};

/// A site.
pub struct Site {
    paths: Paths,
    settings: Settings,
    openssh: OpensshFiles,
    inventories: Mutex<Inventories>,
}

impl Site {
    /// Reads the settings; sources are read when they are asked for.
    pub fn load(paths: &Paths, owner: Owner) -> Result<Self, SiteError> {
        let settings = Settings::load(&paths.settings_file())?;
        Ok(Self {
            inventories: Mutex::new(Inventories::of_site(&settings, &paths.config)),
            paths: paths.clone(),
            settings,
            openssh: OpensshFiles::new(owner),
        })
    }

    /// Where everything is.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// `ssh_config` and known hosts.
    pub fn openssh(&self) -> &OpensshFiles {
        &self.openssh
    }

    /// The inventory as it is now, and what is wrong with its sources.
    pub fn inventory(&self) -> Loaded {
        let mut inventories = self
            .inventories
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.with_readers(|readers| inventories.load(readers, Instant::now()))
    }

    /// A foreign inventory, read without importing it: `ansible:PATH`, `ssh_config:PATH`,
    /// `command:CMD`; relative paths start from `dir`.
    pub fn foreign_inventory(&self, from: &str, dir: &Path) -> Result<Arc<Inventory>, SiteError> {
        let spec = Spec::from_argument(from, dir)?;
        let mut inventories = Inventories::new(vec![spec], dir);
        let loaded = self.with_readers(|readers| inventories.load(readers, Instant::now()));
        match loaded.problems.into_iter().next() {
            Some(problem) => Err(SiteError::Reader(problem.message)),
            None => Ok(loaded.inventory),
        }
    }

    /// Asks a question that needs what other rooms read.
    fn with_readers<T>(&self, ask: impl FnOnce(Readers<'_>) -> T) -> T {
        let ssh_config = |file: Option<&Path>| {
            self.openssh
                .literal_hosts(file)
                .map_err(|error| error.to_string())
        };
        ask(Readers {
            expand: &inventory::expand_plain,
            ssh_config: &ssh_config,
            clustershell: &read_groups,
        })
    }
}

/// Every group of a `groups.conf`'s default source, with its members.
fn read_groups(file: Option<&Path>) -> Result<Vec<(String, Vec<String>)>, String> {
    let groups = SiteGroups::new(match file {
        Some(file) => vec![PathBuf::from(file)],
        None => default_files(&|name| std::env::var(name).ok()),
    });
    let words = |error: GroupError| error.to_string();
    let mut found = Vec::new();
    for name in groups.group_names(None).map_err(words)? {
        let text = format!("@{name}");
        let members = HostSet::parse(&text, &groups).map_err(|error| error.to_string())?;
        found.push((name, members.iter().collect()));
    }
    Ok(found)
}

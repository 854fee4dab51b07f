//! Finds what belongs to an Ansible inventory on disk: its files, and the variables beside them.

use std::path::{Path, PathBuf};

use super::error::SiteError;
use super::read::{self, Stamp};
use crate::inventory::ansible::{File, Owner, VarsFile};
use crate::inventory::{InventoryError, Source, ansible};

/// Endings that make a file in an inventory directory something else.
const IGNORED: [&str; 13] = [
    ".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".ini", ".cfg",
    ".retry",
];
/// Endings of variables files, the first found counts.
const VARS_ENDINGS: [&str; 4] = ["", ".yml", ".yaml", ".json"];
/// Directories in directories are followed so deep.
const MAX_DEPTH: usize = 16;

/// Everything that was read for one inventory.
#[derive(Debug, Default)]
pub struct Found {
    files: Vec<(String, String)>,
    vars: Vec<(bool, String, String, String)>,
    /// How every file and directory looked before it was read.
    pub(super) seen: Stamp,
}

/// Reads the inventory at `path`, a file or a directory.
///
/// # Errors
/// Why a file cannot be read.
pub fn find(path: &Path) -> Result<Found, SiteError> {
    let mut found = Found::default();
    let base = if path.is_dir() {
        found.directory(path, 0)?;
        path
    } else {
        found.file(path)?;
        path.parent().unwrap_or(Path::new("."))
    };
    for (is_group, dir) in [(true, "group_vars"), (false, "host_vars")] {
        found.vars_of_all(is_group, &base.join(dir))?;
    }
    Ok(found)
}

impl Found {
    /// What the files say.
    ///
    /// # Errors
    /// The first complaint.
    pub fn parse(&self, source: &str) -> Result<Source, InventoryError> {
        let files: Vec<File<'_>> = self
            .files
            .iter()
            .map(|(path, text)| File { path, text })
            .collect();
        let vars = self
            .vars
            .iter()
            .map(|(is_group, name, path, text)| VarsFile {
                owner: if *is_group {
                    Owner::Group(name)
                } else {
                    Owner::Host(name)
                },
                file: File { path, text },
            });
        ansible::parse(source, &files, &vars.collect::<Vec<_>>())
    }

    fn file(&mut self, path: &Path) -> Result<(), SiteError> {
        self.seen.note(path);
        self.files
            .push((path.display().to_string(), read::text(path)?));
        Ok(())
    }

    /// Files of a directory in the order of their names; programs are not run here.
    fn directory(&mut self, dir: &Path, depth: usize) -> Result<(), SiteError> {
        self.seen.note(dir);
        for (name, path) in entries(dir)? {
            let other = name.starts_with('.')
                || matches!(name.as_str(), "group_vars" | "host_vars" | "vars_plugins");
            if other || IGNORED.iter().any(|ending| name.ends_with(ending)) {
                continue;
            }
            if path.is_dir() {
                if depth < MAX_DEPTH {
                    self.directory(&path, depth + 1)?;
                }
            } else {
                self.file(&path)?;
            }
        }
        Ok(())
    }

    /// The variables files of every group or host that has some in `dir`.
    fn vars_of_all(&mut self, is_group: bool, dir: &Path) -> Result<(), SiteError> {
        self.seen.note(dir);
        if !dir.is_dir() {
            return Ok(());
        }
        let mut owners: Vec<String> = entries(dir)?
            .into_iter()
            .flat_map(|(name, _)| owners_of(&name))
            .collect();
        owners.sort_unstable();
        owners.dedup();
        for owner in owners {
            let places = VARS_ENDINGS
                .iter()
                .map(|ending| dir.join(format!("{owner}{ending}")));
            let Some(place) = places.into_iter().find(|place| place.exists()) else {
                continue;
            };
            let mut files = Vec::new();
            if place.is_dir() {
                self.vars_below(&place, 0, &mut files)?;
            } else {
                files.push(place);
            }
            for file in files {
                self.seen.note(&file);
                let text = read::text(&file)?;
                self.vars
                    .push((is_group, owner.clone(), file.display().to_string(), text));
            }
        }
        Ok(())
    }

    /// All variables files of a directory, in the order of their names.
    fn vars_below(
        &mut self,
        dir: &Path,
        depth: usize,
        files: &mut Vec<PathBuf>,
    ) -> Result<(), SiteError> {
        self.seen.note(dir);
        for (name, path) in entries(dir)? {
            if name.starts_with('.') || name.ends_with('~') {
                continue;
            }
            let ending = name.rfind('.').map_or("", |at| &name[at..]);
            if path.is_dir() {
                if ending.is_empty() && depth < MAX_DEPTH {
                    self.vars_below(&path, depth + 1, files)?;
                }
            } else if VARS_ENDINGS.contains(&ending) {
                files.push(path);
            }
        }
        Ok(())
    }
}

/// The names that a file or directory of this name may be for: `web.yml` is for `web`, and for
/// a host that is called `web.yml`.
fn owners_of(name: &str) -> Vec<String> {
    let mut owners = vec![name.to_owned()];
    owners.extend(
        VARS_ENDINGS[1..]
            .iter()
            .filter_map(|ending| name.strip_suffix(ending))
            .map(str::to_owned),
    );
    owners
}

/// Names and paths of a directory, sorted; names that are no text are left out.
fn entries(dir: &Path) -> Result<Vec<(String, PathBuf)>, SiteError> {
    let unreadable = |source| SiteError::Unreadable {
        path: dir.to_owned(),
        source,
    };
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if let Ok(name) = entry.file_name().into_string() {
            entries.push((name, entry.path()));
        }
    }
    entries.sort_unstable();
    Ok(entries)
}

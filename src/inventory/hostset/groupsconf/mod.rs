//! `ClusterShell`'s `groups.conf` and its YAML group files: which group sources there are.
//!
//! Texts in, values out. Which files to read and how to run a source's commands is the caller's;
//! [`MainFile`] says which directories to read next, [`GroupsConfig`] what was found in all.

mod ini;
mod source;
mod template;
mod words;
mod yaml;

pub use source::{FileGroups, Source, SourceKind, Upcall, Upcalls};

use super::GroupError;
use ini::Ini;

/// A wrong configuration of group sources.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroupsConfigError {
    /// A line that is neither section, option nor comment, or stands twice.
    #[error("{path}:{line}: {what}")]
    Line {
        /// The file.
        path: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it and what would be right.
        what: String,
    },
    /// A YAML file is wrong: its place, and what would be right.
    #[error("{0}")]
    Yaml(String),
    /// A section or file is wrong as a whole.
    #[error("{path}: {what}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it and what would be right.
        what: String,
    },
}

impl From<GroupsConfigError> for GroupError {
    fn from(error: GroupsConfigError) -> Self {
        Self::Config(error.to_string())
    }
}

impl GroupsConfigError {
    pub(crate) fn file(path: &str, what: impl Into<String>) -> Self {
        Self::File {
            path: path.to_string(),
            what: what.into(),
        }
    }
}

/// One file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceText {
    /// The directory it is in: what `$CFGDIR` stands for, and where its commands run.
    pub dir: String,
    /// Its path, for messages.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// The main configuration: one `groups.conf`, or several of which the last one rules.
#[derive(Debug, Clone)]
pub struct MainFile {
    ini: Ini,
    dir: String,
    path: String,
}

impl MainFile {
    /// Reads the main files, the one of highest priority last. `None` when there is none.
    pub fn parse(files: &[SourceText]) -> Result<Option<Self>, GroupsConfigError> {
        let Some(last) = files.last() else {
            return Ok(None);
        };
        let mut ini = Ini::default();
        for file in files {
            ini.read(&file.path, &file.text)?;
        }
        Ok(Some(Self {
            ini,
            dir: last.dir.clone(),
            path: last.path.clone(),
        }))
    }

    /// The directories whose `*.conf` files define further sources, each once, in order.
    pub fn conf_dirs(&self) -> Result<Vec<String>, GroupsConfigError> {
        // `groupsdir` is the option's former name.
        let former = self.dirs("groupsdir")?;
        if former.is_empty() {
            self.dirs("confdir")
        } else {
            Ok(former)
        }
    }

    /// The directories whose `*.yaml` files hold groups, each once, in order.
    pub fn yaml_dirs(&self) -> Result<Vec<String>, GroupsConfigError> {
        self.dirs("autodir")
    }

    fn dirs(&self, option: &str) -> Result<Vec<String>, GroupsConfigError> {
        let Some(value) = self.main(option)? else {
            return Ok(Vec::new());
        };
        let words = words::split(&value).ok_or_else(|| {
            GroupsConfigError::file(
                &self.path,
                format!("option {option}: a quote is never closed"),
            )
        })?;
        let mut dirs = Vec::new();
        for word in words {
            let dir = words::normal_path(&template::substitute(&word, &[("CFGDIR", &self.dir)]));
            if !dirs.contains(&dir) {
                dirs.push(dir);
            }
        }
        Ok(dirs)
    }

    fn main(&self, option: &str) -> Result<Option<String>, GroupsConfigError> {
        self.ini
            .interpolated("Main", option)
            .map_err(|what| GroupsConfigError::file(&self.path, what))
    }
}

/// All group sources of a site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupsConfig {
    /// The sources in the order they were defined.
    pub sources: Vec<Source>,
    /// The name of the default source; there is one if there is any source.
    pub default: Option<String>,
}

impl GroupsConfig {
    /// Puts the main file, the files of its [`MainFile::conf_dirs`] and of its
    /// [`MainFile::yaml_dirs`] together.
    pub fn assemble(
        main: &MainFile,
        confs: &[SourceText],
        yamls: &[SourceText],
    ) -> Result<Self, GroupsConfigError> {
        let mut config = Self::default();
        for file in confs {
            let mut ini = Ini::default();
            ini.read(&file.path, &file.text)?;
            config.add_sections(&ini, &file.dir, &file.path)?;
        }
        for file in yamls {
            for source in yaml::parse(&file.path, &file.text)? {
                config.add(source, &file.path)?;
            }
        }
        config.add_sections(&main.ini, &main.dir, &main.path)?;
        config.default = config.choose_default(main)?;
        Ok(config)
    }

    /// The source of that name, or the default one.
    pub fn source(&self, name: Option<&str>) -> Option<&Source> {
        let name = name.or(self.default.as_deref())?;
        self.sources.iter().find(|source| source.name == name)
    }

    fn choose_default(&self, main: &MainFile) -> Result<Option<String>, GroupsConfigError> {
        let wanted = main.main("default")?.unwrap_or_default();
        if wanted.is_empty() {
            return Ok(self.sources.first().map(|source| source.name.clone()));
        }
        if self.source(Some(&wanted)).is_none() {
            let what = format!(
                "the default group source \"{wanted}\" is defined nowhere: add its section"
            );
            return Err(GroupsConfigError::file(&main.path, what));
        }
        Ok(Some(wanted))
    }

    /// A section may define several sources at once: `[slurmpart,sp]`.
    fn add_sections(&mut self, ini: &Ini, dir: &str, path: &str) -> Result<(), GroupsConfigError> {
        for section in ini.sections() {
            for name in section.split(',').filter(|&name| name != "Main") {
                let upcalls = Upcalls::read(ini, section, dir).map_err(|what| {
                    GroupsConfigError::file(path, format!("section [{section}]: {what}"))
                })?;
                let source = Source {
                    name: name.to_string(),
                    kind: SourceKind::Upcalls(upcalls),
                };
                self.add(source, path)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, source: Source, path: &str) -> Result<(), GroupsConfigError> {
        if self.source(Some(&source.name)).is_some() {
            let what = format!(
                "group source \"{}\" is defined twice: rename one",
                source.name
            );
            return Err(GroupsConfigError::file(path, what));
        }
        self.sources.push(source);
        Ok(())
    }
}

#[cfg(test)]
mod tests;

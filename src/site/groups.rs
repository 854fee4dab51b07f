//! The site's node groups, as `ClusterShell` configures them: reads the files, runs the upcalls.
//!
//! Nothing is read before the first question, and each answer is kept as long as its source says,
//! so that a host set without groups costs nothing and a group costs one command.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use super::upcall::{self, CommandLine};
use crate::inventory::hostset::groupsconf::{
    GroupsConfig, MainFile, Source, SourceKind, SourceText, Upcall, Upcalls,
};
use crate::inventory::hostset::{GroupError, Groups};
use crate::run::duration::HumanDuration;
use crate::run::size::ByteSize;

/// How long one upcall may take.
const TIMEOUT: HumanDuration = HumanDuration::from_secs(60);

/// The most an upcall may print: far above a hundred thousand host names.
const MOST_OUTPUT: ByteSize = ByteSize::from_mib(64);

/// The largest configuration file that is read.
const LARGEST_FILE: u64 = 64 << 20;

/// Is told what is run and what it answers.
pub type Trace = Box<dyn Fn(&str) + Send + Sync>;

/// A source, what it was asked, and about whom.
type Question = (String, &'static str, String);

/// When an answer was given, and the answer.
type Answer = (Instant, Arc<Vec<String>>);

/// Groups from `groups.conf`, its directories and its upcalls.
pub struct SiteGroups {
    files: Vec<PathBuf>,
    config: OnceLock<Result<GroupsConfig, GroupError>>,
    answers: Mutex<HashMap<Question, Answer>>,
    trace: Option<Trace>,
}

/// Where `ClusterShell` looks for `groups.conf`, the file of highest priority last.
pub fn default_files(env: &dyn Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let home = PathBuf::from(env("HOME").unwrap_or_else(|| "/".into()));
    let xdg = env("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
    let mut dirs = vec![
        PathBuf::from("/etc/clustershell"),
        home.join(".local/etc/clustershell"),
        PathBuf::from("/usr/etc/clustershell"),
        xdg.join("clustershell"),
    ];
    dirs.extend(env("CLUSTERSHELL_CFGDIR").map(PathBuf::from));
    dirs.into_iter()
        .map(|dir| dir.join("groups.conf"))
        .collect()
}

impl SiteGroups {
    /// Groups from the first to the last of these files; those that do not exist are passed over.
    pub fn new(files: Vec<PathBuf>) -> Self {
        Self {
            files,
            config: OnceLock::new(),
            answers: Mutex::default(),
            trace: None,
        }
    }

    /// Has each command and its output told to `trace`.
    #[must_use]
    pub fn with_trace(mut self, trace: Trace) -> Self {
        self.trace = Some(trace);
        self
    }

    fn config(&self) -> Result<&GroupsConfig, GroupError> {
        self.config
            .get_or_init(|| load(&self.files))
            .as_ref()
            .map_err(Clone::clone)
    }

    fn source(&self, name: Option<&str>) -> Result<&Source, GroupError> {
        let config = self.config()?;
        config.source(name).ok_or_else(|| {
            let names: Vec<&str> = config
                .sources
                .iter()
                .map(|source| source.name.as_str())
                .collect();
            let files: Vec<String> = self
                .files
                .iter()
                .map(|file| file.display().to_string())
                .collect();
            let hint = if names.is_empty() {
                format!("no groups are configured in {}", files.join(", "))
            } else {
                format!("there are {}", names.join(", "))
            };
            GroupError::unknown(name, hint)
        })
    }

    fn ask(
        &self,
        source: &Source,
        upcalls: &Upcalls,
        upcall: Upcall,
    ) -> Result<Vec<String>, GroupError> {
        let about = match upcall {
            Upcall::Map(name) | Upcall::Reverse(name) => name.to_string(),
            Upcall::All | Upcall::List => String::new(),
        };
        let question = (source.name.clone(), upcall.option(), about);
        // A panic elsewhere cannot leave a half-written answer.
        let known = self
            .answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&question)
            .cloned();
        if let Some((_, answer)) = known.filter(|(given, _)| given.elapsed() < upcalls.cache_time) {
            return Ok(answer.to_vec());
        }
        let answer = self.run(source, upcalls, upcall)?;
        let entry = (Instant::now(), Arc::new(answer.clone()));
        self.answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(question, entry);
        Ok(answer)
    }

    fn run(
        &self,
        source: &Source,
        upcalls: &Upcalls,
        upcall: Upcall,
    ) -> Result<Vec<String>, GroupError> {
        let command = upcalls.command(&source.name, upcall)?;
        self.trace(|| format!("EXEC '{command}'"));
        let line = CommandLine::Shell(command);
        let printed =
            upcall::run(&line, Path::new(&upcalls.dir), TIMEOUT, MOST_OUTPUT).map_err(|error| {
                let why = format!("its command {}: {error}", upcall.option());
                GroupError::Failed {
                    source_name: source.name.clone(),
                    why,
                }
            })?;
        self.trace(|| format!("READ '{}'", printed.output.trim()));
        if !printed.errors.is_empty() {
            self.trace(|| format!("SAID '{}'", printed.errors.trim()));
        }
        Ok(printed
            .output
            .split_whitespace()
            .map(String::from)
            .collect())
    }

    fn trace(&self, text: impl Fn() -> String) {
        if let Some(trace) = &self.trace {
            trace(&text());
        }
    }
}

impl Groups for SiteGroups {
    fn sources(&self) -> Result<Vec<String>, GroupError> {
        Ok(self
            .config()?
            .sources
            .iter()
            .map(|source| source.name.clone())
            .collect())
    }

    fn default_source(&self) -> Result<Option<String>, GroupError> {
        Ok(self.config()?.default.clone())
    }

    fn hosts(&self, source: Option<&str>, group: &str) -> Result<Vec<String>, GroupError> {
        let source = self.source(source)?;
        match &source.kind {
            SourceKind::File(groups) => Ok(groups.hosts(group)),
            SourceKind::Upcalls(upcalls) => self.ask(source, upcalls, Upcall::Map(group)),
        }
    }

    fn all_hosts(&self, source: Option<&str>) -> Result<Vec<String>, GroupError> {
        let source = self.source(source)?;
        match &source.kind {
            SourceKind::File(groups) => groups.all_hosts().ok_or_else(|| GroupError::NoUpcall {
                source_name: source.name.clone(),
                upcall: "all",
            }),
            SourceKind::Upcalls(upcalls) => self.ask(source, upcalls, Upcall::All),
        }
    }

    fn group_names(&self, source: Option<&str>) -> Result<Vec<String>, GroupError> {
        let source = self.source(source)?;
        match &source.kind {
            SourceKind::File(groups) => Ok(groups.names()),
            SourceKind::Upcalls(upcalls) => self.ask(source, upcalls, Upcall::List),
        }
    }

    fn knows_groups_of(&self, source: Option<&str>) -> bool {
        let kind = self.source(source).map(|source| &source.kind);
        matches!(
            kind,
            Ok(SourceKind::Upcalls(Upcalls {
                reverse: Some(_),
                ..
            }))
        )
    }

    fn groups_of(&self, source: Option<&str>, host: &str) -> Result<Vec<String>, GroupError> {
        let source = self.source(source)?;
        match &source.kind {
            SourceKind::File(_) => Err(GroupError::NoUpcall {
                source_name: source.name.clone(),
                upcall: "reverse",
            }),
            SourceKind::Upcalls(upcalls) => self.ask(source, upcalls, Upcall::Reverse(host)),
        }
    }
}

/// Reads everything the main files lead to.
fn load(files: &[PathBuf]) -> Result<GroupsConfig, GroupError> {
    let mains = read_all(files)?;
    let Some(main) = MainFile::parse(&mains)? else {
        return Ok(GroupsConfig::default());
    };
    let confs = read_dirs(&main.conf_dirs()?, "conf")?;
    let yamls = read_dirs(&main.yaml_dirs()?, "yaml")?;
    Ok(GroupsConfig::assemble(&main, &confs, &yamls)?)
}

fn unreadable(path: &Path, error: &Error) -> GroupError {
    GroupError::Config(format!("{}: this cannot be read: {error}", path.display()))
}

/// What is not there, or not for this user, is passed over, as `ClusterShell` does.
fn is_passed_over(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::PermissionDenied
    )
}

/// All files of some directories that end in `.extension`, each directory's by name.
fn read_dirs(dirs: &[String], extension: &str) -> Result<Vec<SourceText>, GroupError> {
    let mut paths = Vec::new();
    for dir in dirs.iter().map(Path::new) {
        let entries = match std::fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) if is_passed_over(&error) => continue,
            Err(error) => return Err(unreadable(dir, &error)),
        };
        let found = entries.filter_map(Result::ok).map(|entry| entry.path());
        let mut found: Vec<PathBuf> = found.filter(|path| is_wanted(path, extension)).collect();
        found.sort();
        paths.append(&mut found);
    }
    read_all(&paths)
}

/// Whether the shell's `*.extension` would find the file: hidden ones do not count.
fn is_wanted(path: &Path, extension: &str) -> bool {
    let name = path.file_name().map(OsStr::as_encoded_bytes);
    path.extension().is_some_and(|end| end == extension)
        && !name.is_some_and(|name| name.starts_with(b"."))
}

fn read_all(paths: &[PathBuf]) -> Result<Vec<SourceText>, GroupError> {
    let mut texts = Vec::new();
    for path in paths {
        match read(path) {
            Ok(text) => texts.push(text),
            Err(error) if is_passed_over(&error) => {}
            Err(error) => return Err(unreadable(path, &error)),
        }
    }
    Ok(texts)
}

fn read(path: &Path) -> Result<SourceText, Error> {
    if std::fs::metadata(path)?.len() > LARGEST_FILE {
        return Err(Error::other("the file is too large"));
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    Ok(SourceText {
        dir: dir.unwrap_or(Path::new(".")).display().to_string(),
        path: path.display().to_string(),
        text: std::fs::read_to_string(path)?,
    })
}

#[cfg(test)]
mod tests;

//! OpenSSH's own files: read when they are needed, and again when they change.
//!
//! `ssh_config` with its includes, `known_hosts` and lists of revoked keys. Parsing is the trust
//! room's; this file only finds the text and remembers what was parsed.

mod include;
mod stamp;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use crate::trust::known_hosts::{CaAlgorithms, KnownHosts, RevokedKeys};
use crate::trust::ssh_config::{
    ConfigError, Context, Given, HostOptions, Outside, SourceText, SshConfig,
};

use include::Includes;
use stamp::Stamps;

/// Why a host's options or keys could not be found.
#[derive(Debug, thiserror::Error)]
pub enum OpensshError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file that must be there cannot be read.
    #[error("{}: {error}. Name another file with -F, or make it readable", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The list of revoked keys cannot be used; without it no host can be trusted.
    #[error(transparent)]
    Revoked(#[from] crate::trust::known_hosts::RevokedKeysError),
}

/// Whose files they are.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The home directory.
    pub home: PathBuf,
    /// The user's name.
    pub user: String,
    /// The user's number.
    pub uid: u32,
    /// The name of this machine.
    pub host: String,
}

/// What tells parsed known hosts apart: the files, and what else went into them.
type KnownKey = (Vec<String>, Option<String>, Option<String>);

/// Something parsed, and what the files were like then.
type Parsed<T> = (Stamps, Arc<T>);

/// The files of one user, parsed once and kept while they do not change.
pub struct OpensshFiles {
    owner: Owner,
    configs: Mutex<HashMap<Option<PathBuf>, Parsed<SshConfig>>>,
    known: Mutex<HashMap<KnownKey, Parsed<KnownHosts>>>,
}

impl OpensshFiles {
    /// Nothing is read before it is asked for.
    pub fn new(owner: Owner) -> Self {
        Self {
            owner,
            configs: Mutex::default(),
            known: Mutex::default(),
        }
    }

    /// Whose files they are.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// How `ssh` would reach a host; `file` stands for `-F`.
    pub fn options(
        &self,
        file: Option<&Path>,
        host: &str,
        user: Option<&str>,
        port: Option<u16>,
    ) -> Result<HostOptions, OpensshError> {
        let outside = |question: Outside<'_>| match question {
            Outside::Exec(command) => succeeds(command),
            Outside::LocalNetwork(_) => false,
        };
        let given = Given {
            user,
            port,
            outside: Some(&outside),
        };
        Ok(self.config(file)?.resolve(host, &given)?)
    }

    /// The names on the `Host` lines of a configuration.
    pub fn literal_hosts(&self, file: Option<&Path>) -> Result<Vec<String>, OpensshError> {
        Ok(self.config(file)?.literal_hosts())
    }

    /// What vouches for the key of a host with these options.
    pub fn known_hosts(&self, options: &HostOptions) -> Result<Arc<KnownHosts>, OpensshError> {
        let files: Vec<String> = options
            .user_known_hosts_files
            .iter()
            .chain(&options.global_known_hosts_files)
            .filter(|file| *file != "none")
            .cloned()
            .collect();
        let key = (
            files,
            options.revoked_host_keys.clone(),
            options.ca_signature_algorithms.clone(),
        );
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((stamps, parsed)) = known.get_mut(&key)
            && stamps.still_hold()
        {
            return Ok(parsed.clone());
        }
        let stamps = Stamps::of(key.0.iter().chain(&key.1).map(PathBuf::from));
        let parsed = Arc::new(read_known_hosts(&key)?);
        known.insert(key, (stamps, parsed.clone()));
        Ok(parsed)
    }

    fn config(&self, file: Option<&Path>) -> Result<Arc<SshConfig>, OpensshError> {
        let key = file.map(Path::to_path_buf);
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((stamps, parsed)) = configs.get_mut(&key)
            && stamps.still_hold()
        {
            return Ok(parsed.clone());
        }
        let (stamps, parsed) = self.read_config(file)?;
        let parsed = Arc::new(parsed);
        configs.insert(key, (stamps, parsed.clone()));
        Ok(parsed)
    }

    fn read_config(&self, file: Option<&Path>) -> Result<(Stamps, SshConfig), OpensshError> {
        let user_file = self.owner.home.join(".ssh/config");
        let wanted: Vec<(PathBuf, bool)> = match file {
            Some(file) => vec![(file.to_path_buf(), true)],
            None => vec![
                (user_file, true),
                (PathBuf::from("/etc/ssh/ssh_config"), false),
            ],
        };
        let mut texts = Vec::new();
        for (path, user) in &wanted {
            match std::fs::read_to_string(path) {
                Ok(text) => texts.push((path.display().to_string(), text, *user)),
                Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    let path = path.clone();
                    return Err(OpensshError::Unreadable { path, error });
                }
            }
        }
        let includes = Includes::default();
        let sources: Vec<SourceText<'_>> = texts
            .iter()
            .map(|(path, text, user)| SourceText {
                path,
                text,
                user: *user,
            })
            .collect();
        let home = self.owner.home.to_string_lossy();
        let parsed = SshConfig::parse(
            &sources,
            &Context {
                home: &home,
                local_user: &self.owner.user,
                local_host: &self.owner.host,
                uid: self.owner.uid,
                include: &|pattern| includes.find(pattern),
                env: &|name| std::env::var(name).ok(),
            },
        )?;
        let stamps = Stamps::of(
            wanted
                .into_iter()
                .map(|(path, _)| path)
                .chain(includes.seen()),
        );
        Ok((stamps, parsed))
    }
}

fn read_known_hosts((files, revoked, authorities): &KnownKey) -> Result<KnownHosts, OpensshError> {
    let texts: Vec<(String, String)> = files
        .iter()
        .filter_map(|file| {
            // A file that is not there vouches for nobody; that is no error.
            let bytes = std::fs::read(file).ok()?;
            Some((file.clone(), String::from_utf8_lossy(&bytes).into_owned()))
        })
        .collect();
    let borrowed: Vec<(String, &str)> = texts
        .iter()
        .map(|(file, text)| (file.clone(), text.as_str()))
        .collect();
    let mut known = KnownHosts::parse(&borrowed);
    if let Some(file) = revoked {
        let bytes = std::fs::read(file).map_err(|error| OpensshError::Unreadable {
            path: file.into(),
            error,
        })?;
        known = known.revoking(RevokedKeys::parse(file, &bytes)?);
    }
    if let Some(algorithms) = authorities {
        known = known.allowing(CaAlgorithms::from_option(algorithms));
    }
    Ok(known)
}

/// `Match exec`: whether the user's command ends with status 0.
fn succeeds(command: &str) -> bool {
    Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

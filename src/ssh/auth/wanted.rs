//! The key and certificate files a host wants, read once for all who ask at the same time.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use russh::keys::{Certificate, PublicKey};

use super::super::error::SshError;
use super::super::front::Shared;
use super::super::route::{Hop, Identity};
use super::files::{KeyFile, read_certificate};
use crate::trust::ssh_config::HostOptions;

/// The files OpenSSH looks for when no `IdentityFile` is given.
const DEFAULT_FILES: [&str; 6] = [
    "id_rsa",
    "id_ecdsa",
    "id_ecdsa_sk",
    "id_ed25519",
    "id_ed25519_sk",
    "id_dsa",
];

/// Which files to read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Wanted {
    keys: Vec<PathBuf>,
    certificates: Vec<PathBuf>,
    /// Whether somebody named the files: a missing one is then worth a word.
    named: bool,
}

impl Wanted {
    pub fn of(shared: &Shared, hop: &Hop) -> Self {
        let options = hop.options();
        match hop.identity() {
            Identity::Named {
                key, certificate, ..
            } => Self {
                keys: vec![key.clone()],
                certificates: certificate.iter().cloned().collect(),
                named: true,
            },
            Identity::Person => Self {
                keys: key_paths(&shared.settings.home, options),
                certificates: options
                    .certificate_files
                    .iter()
                    .map(PathBuf::from)
                    .collect(),
                named: !options.default_identities,
            },
        }
    }
}

fn key_paths(home: &Path, options: &HostOptions) -> Vec<PathBuf> {
    if options.default_identities {
        return DEFAULT_FILES
            .iter()
            .map(|name| home.join(".ssh").join(name))
            .collect();
    }
    options.identity_files.iter().map(PathBuf::from).collect()
}

/// Files read a moment ago. Thousands of connections begin at once and want the same: one of them
/// reads, and only that one takes a thread for it.
#[derive(Debug, Default)]
pub(crate) struct FilesRead {
    recent: tokio::sync::Mutex<HashMap<Wanted, Recent>>,
}

/// How long files count as read.
const FRESH: Duration = Duration::from_secs(2);

/// Sets of files remembered; there are as many as identities in the configuration.
const REMEMBERED: usize = 256;

#[derive(Debug)]
struct Recent {
    when: Instant,
    passphrases: u64,
    files: Arc<Files>,
}

impl FilesRead {
    pub(super) async fn get(
        &self,
        shared: &Arc<Shared>,
        wanted: Wanted,
    ) -> Result<Arc<Files>, SshError> {
        let passphrases = shared.passphrases.changes();
        let mut recent = self.recent.lock().await;
        if let Some(known) = recent.get(&wanted)
            && known.when.elapsed() < FRESH
            && known.passphrases == passphrases
        {
            return Ok(Arc::clone(&known.files));
        }
        let (theirs, names) = (Arc::clone(shared), wanted.clone());
        let read = tokio::task::spawn_blocking(move || Files::read(&theirs, names)).await;
        let files = Arc::new(read.map_err(|why| SshError::Invalid {
            why: format!("The key files could not be read: {why}."),
        })?);
        if recent.len() >= REMEMBERED {
            recent.clear();
        }
        let when = Instant::now();
        recent.insert(
            wanted,
            Recent {
                when,
                passphrases,
                files: Arc::clone(&files),
            },
        );
        Ok(files)
    }

    /// What was read was not enough: the next attempt looks again.
    pub async fn forget(&self) {
        self.recent.lock().await.clear();
    }
}

/// The files that were read.
#[derive(Debug)]
pub(super) struct Files {
    pub keys: Vec<KeyFile>,
    /// With the paths they are from.
    pub certificates: Vec<(String, Certificate)>,
    /// What cannot be used, and why.
    pub notes: Vec<String>,
}

impl Files {
    fn read(shared: &Shared, wanted: Wanted) -> Self {
        let mut files = Self {
            keys: Vec::new(),
            certificates: Vec::new(),
            notes: Vec::new(),
        };
        for path in &wanted.certificates {
            match read_certificate(path) {
                Ok(certificate) => files
                    .certificates
                    .push((path.display().to_string(), certificate)),
                Err(why) => files
                    .notes
                    .push(format!("certificate {}: {why}", path.display())),
            }
        }
        for path in wanted.keys {
            match shared.key_files.load(&path, &shared.passphrases) {
                Some(key) => files.take(key),
                None if wanted.named => files
                    .notes
                    .push(format!("key file {} is not there", path.display())),
                None => {}
            }
        }
        files
    }

    fn take(&mut self, mut key: KeyFile) {
        if let Some(certificate) = key.certificate.take() {
            self.certificates
                .push((format!("{}-cert.pub", key.path.display()), certificate));
        }
        self.keys.push(key);
    }

    pub fn key_for(&self, public: &PublicKey) -> Option<&KeyFile> {
        self.keys.iter().find(|key| {
            key.public
                .as_ref()
                .is_some_and(|p| p.key_data() == public.key_data())
        })
    }
}

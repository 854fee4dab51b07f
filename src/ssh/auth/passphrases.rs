//! Passphrases that a person typed, in memory only.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

/// Passphrases offered by clients, by the key file they open. Never written, never shown.
#[derive(Default)]
pub struct Passphrases {
    given: Mutex<Given>,
}

#[derive(Default)]
struct Given {
    secrets: HashMap<PathBuf, Zeroizing<String>>,
    /// Grows with each change, so that what was read without a passphrase is read again.
    changes: u64,
}

impl Passphrases {
    /// Offers a passphrase for a key file. It replaces an earlier one.
    pub fn add(&self, key: impl Into<PathBuf>, secret: impl Into<String>) {
        let mut given = self.lock();
        given
            .secrets
            .insert(key.into(), Zeroizing::new(secret.into()));
        given.changes += 1;
    }

    /// Forgets the passphrase of a key file, and with it the opened key.
    pub fn remove(&self, key: &Path) {
        let mut given = self.lock();
        given.secrets.remove(key);
        given.changes += 1;
    }

    pub(super) fn secret(&self, key: &Path) -> Option<Zeroizing<String>> {
        self.lock().secrets.get(key).cloned()
    }

    pub(super) fn changes(&self) -> u64 {
        self.lock().changes
    }

    fn lock(&self) -> MutexGuard<'_, Given> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Passphrases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Passphrases({})", self.lock().secrets.len())
    }
}

//! `RevokedHostKeys`: keys that no host may use.

use std::collections::HashSet;

use ssh_key::public::KeyData;
use thiserror::Error;

use super::line::parse_key;

/// The first bytes of OpenSSH's binary key revocation list.
const KRL_MAGIC: &[u8] = b"SSHKRL\n\0";

/// Why a list of revoked keys cannot be used. The caller must then refuse every host, because
/// nobody can tell which keys were meant.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RevokedKeysError {
    /// The binary form is not read.
    #[error(
        "{path} is a binary key revocation list, which is not supported: no host can be trusted \
         while it is configured. Give RevokedHostKeys a text file with one public key a line."
    )]
    Krl {
        /// The file.
        path: String,
    },
    /// A line is no public key.
    #[error(
        "{path}:{line}: {why}, so it is not known which key is revoked and no host can be trusted. \
         Mend or remove the line."
    )]
    Line {
        /// The file.
        path: String,
        /// Counted from 1.
        line: u32,
        /// One clause.
        why: String,
    },
    /// The file is not text.
    #[error("{path} is not text: no host can be trusted. Give it one public key a line.")]
    NotText {
        /// The file.
        path: String,
    },
}

/// A set of revoked keys; host keys and authorities alike.
#[derive(Debug, Default)]
pub struct RevokedKeys {
    path: String,
    keys: HashSet<KeyData>,
}

impl RevokedKeys {
    /// Reads a list of public keys, one a line; `#` begins a comment line.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<Self, RevokedKeysError> {
        if bytes.starts_with(KRL_MAGIC) {
            return Err(RevokedKeysError::Krl {
                path: path.to_owned(),
            });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| RevokedKeysError::NotText {
            path: path.to_owned(),
        })?;
        let mut keys = HashSet::new();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim_start_matches([' ', '\t']);
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let read = parse_key(text).map_err(|why| RevokedKeysError::Line {
                path: path.to_owned(),
                line,
                why,
            })?;
            keys.insert(read.key);
        }
        Ok(Self {
            path: path.to_owned(),
            keys,
        })
    }

    /// Whether the key is revoked.
    pub fn holds(&self, key: &KeyData) -> bool {
        self.keys.contains(key)
    }

    /// The file the list came from.
    pub fn path(&self) -> &str {
        &self.path
    }
}

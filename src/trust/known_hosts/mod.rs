//! `known_hosts`: which host keys are to be trusted, by OpenSSH's rules.
//!
//! ```text
//! text ─▶ line ─▶ names (index) ─▶ check (plain keys) ◀─ certificate (host certificates)
//!                                        └─▶ verdict
//! ```
//!
//! Parsed once, asked often, from many tasks. Must never answer "known" or "ca" where OpenSSH
//! would refuse, and must never be changed by what a host offers: nothing here learns keys.
//!
//! Stricter than OpenSSH in two places: a key revoked for the bare name is revoked for every port
//! of that host, and a `@revoked` marker counts even when a tab ends it.

mod ca_algorithms;
mod certificate;
mod check;
mod hashed;
mod line;
mod names;
mod revoked;
mod signature;
#[cfg(test)]
mod tests;
mod verdict;

use std::sync::Arc;

use ssh_key::Algorithm;
use ssh_key::public::KeyData;

pub use ca_algorithms::CaAlgorithms;
pub use revoked::{RevokedKeys, RevokedKeysError};
pub use verdict::{LineRef, Verdict, VerdictKind, Warning};

use line::{Line, Marker};
use names::NameIndex;

/// One key line that could be read.
#[derive(Debug)]
struct Entry {
    file: u32,
    line: u32,
    marker: Marker,
    key: KeyData,
    certificate: bool,
}

/// The keys of all `known_hosts` files, ready to be asked.
#[derive(Debug, Default)]
pub struct KnownHosts {
    files: Vec<Arc<str>>,
    entries: Vec<Entry>,
    names: NameIndex,
    warnings: Vec<Warning>,
    revoked: RevokedKeys,
    authorities: CaAlgorithms,
}

/// Algorithms on file for a name, so that a client can ask for those first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct KnownAlgorithms {
    /// Types of the host's own keys, each once, in file order.
    pub plain: Vec<Algorithm>,
    /// Types of the authorities' keys: when there are any, certificates of any type come first.
    pub authorities: Vec<Algorithm>,
}

impl KnownHosts {
    /// Reads `(path, text)` pairs, in order of preference. Lines that cannot be read become
    /// [`warnings`](Self::warnings), never an error.
    pub fn parse(files: &[(String, &str)]) -> Self {
        let mut known = Self::default();
        for (path, text) in files {
            known.read_file(path, text);
        }
        known
    }

    /// Adds the keys of `RevokedHostKeys`: they are refused for every name.
    #[must_use]
    pub fn revoking(mut self, revoked: RevokedKeys) -> Self {
        self.revoked = revoked;
        self
    }

    /// Sets the signature algorithms that authorities may use (`CASignatureAlgorithms`).
    #[must_use]
    pub fn allowing(mut self, authorities: CaAlgorithms) -> Self {
        self.authorities = authorities;
        self
    }

    /// The lines that were passed over.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// How many key lines there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is on file.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The lines whose names match `name` as it stands, `host` or `[host]:port`, as
    /// `ssh-keygen -F` finds them.
    pub fn lines_of(&self, name: &str) -> Vec<LineRef> {
        self.names
            .find(name)
            .iter()
            .map(|&id| self.place(self.entry(id)))
            .collect()
    }

    /// The algorithms on file for a host; see [`check_key`](Self::check_key) for the arguments.
    pub fn known_algorithms(&self, name: &str, port: u16) -> KnownAlgorithms {
        let mut known = KnownAlgorithms::default();
        for found in self.look_up(name, port).in_order() {
            for entry in found.iter().map(|&id| self.entry(id)) {
                let list = match entry.marker {
                    Marker::None if !entry.certificate => &mut known.plain,
                    Marker::CertAuthority => &mut known.authorities,
                    _ => continue,
                };
                let algorithm = entry.key.algorithm();
                if !list.contains(&algorithm) {
                    list.push(algorithm);
                }
            }
            if known != KnownAlgorithms::default() {
                break;
            }
        }
        known
    }

    fn read_file(&mut self, path: &str, text: &str) {
        let file = self.files.len() as u32;
        self.files.push(path.into());
        for (number, text) in (1..).zip(text.split('\n')) {
            match line::parse(text) {
                Ok(None) => {}
                Ok(Some(line)) => self.add(file, number, line),
                Err(why) => {
                    let at = LineRef {
                        file: path.to_owned(),
                        line: number,
                    };
                    self.warnings.push(Warning { at, why });
                }
            }
        }
    }

    fn add(&mut self, file: u32, number: u32, line: Line<'_>) {
        self.names.add(&line.names, self.entries.len() as u32);
        let Line { marker, key, .. } = line;
        self.entries.push(Entry {
            file,
            line: number,
            marker,
            key: key.key,
            certificate: key.certificate,
        });
    }

    fn entry(&self, id: u32) -> &Entry {
        &self.entries[id as usize]
    }

    fn place(&self, entry: &Entry) -> LineRef {
        LineRef {
            file: self.files[entry.file as usize].to_string(),
            line: entry.line,
        }
    }
}

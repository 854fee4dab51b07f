//! From a name to the lines that speak of it.
//!
//! Plain names are in a hash map. Patterns are tried one by one. A hashed name costs one HMAC for
//! each hashed line, so answers are remembered, up to a fixed number of names.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::hashed::{Digest, Name, Salted};
use super::line::Names;
use crate::trust::pattern::{PatternList, is_literal};

/// Names remembered before all are forgotten: enough for a fleet that is asked twice a host.
const REMEMBERED: usize = 16_384;

/// OpenSSH takes no name from a line when one of its names is this long or longer.
const MAX_NAME: usize = 1023;

/// A hashed name: 64 bytes in one list, because a look-up walks over all of them.
#[derive(Debug)]
struct Hashed {
    salt: Salted,
    digest: Digest,
    entry: u32,
}

#[derive(Debug, Default)]
pub(super) struct NameIndex {
    exact: HashMap<Box<str>, Vec<u32>>,
    patterns: Vec<(PatternList, u32)>,
    hashed: Vec<Hashed>,
    remembered: Mutex<HashMap<Box<str>, Arc<[u32]>>>,
}

impl NameIndex {
    /// Files the entry under its names. Entries come in ascending order.
    pub fn add(&mut self, names: &Names<'_>, entry: u32) {
        match names {
            Names::Hashed { salt, digest } => {
                self.hashed.push(Hashed {
                    salt: Salted::new(salt),
                    digest: *digest,
                    entry,
                });
            }
            Names::Plain(list) if !is_literal(list) => {
                self.patterns.push((PatternList::hosts(list), entry));
            }
            Names::Plain(list) => self.add_exact(list, entry),
        }
    }

    fn add_exact(&mut self, list: &str, entry: u32) {
        if list.split(',').any(|name| name.len() >= MAX_NAME) {
            return;
        }
        for name in list.split(',').filter(|name| !name.is_empty()) {
            let entries = self
                .exact
                .entry(name.to_ascii_lowercase().into())
                .or_default();
            if entries.last() != Some(&entry) {
                entries.push(entry);
            }
        }
    }

    /// The entries that speak of this name, in file order.
    ///
    /// Plain names and patterns fold case; a hash is taken over the name as it is given.
    pub fn find(&self, name: &str) -> Arc<[u32]> {
        if self.hashed.is_empty() && self.patterns.is_empty() {
            return self.find_exact(&name.to_ascii_lowercase()).into();
        }
        let lock = || {
            self.remembered
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(found) = lock().get(name) {
            return Arc::clone(found);
        }
        let found = self.search(name);
        let mut remembered = lock();
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(name.into(), Arc::clone(&found));
        found
    }

    fn find_exact(&self, folded: &str) -> &[u32] {
        self.exact.get(folded).map_or(&[], Vec::as_slice)
    }

    fn search(&self, name: &str) -> Arc<[u32]> {
        let folded = name.to_ascii_lowercase();
        let mut found = self.find_exact(&folded).to_vec();
        let by_pattern = self
            .patterns
            .iter()
            .filter(|(list, _)| list.matches(&folded));
        found.extend(by_pattern.map(|&(_, entry)| entry));
        let hashable = Name::new(name);
        let by_hash = self
            .hashed
            .iter()
            .filter(|on_file| on_file.salt.hash(&hashable) == on_file.digest);
        found.extend(by_hash.map(|on_file| on_file.entry));
        found.sort_unstable();
        found.into()
    }
}

//! Plain host keys against the lines of a name.

use std::sync::Arc;

use ssh_key::public::KeyData;
use ssh_key::{HashAlg, PublicKey};

use super::line::Marker;
use super::{Entry, KnownHosts, LineRef, Verdict, VerdictKind};

/// The port that has no place in a name.
const DEFAULT_PORT: u16 = 22;

/// The lines found for a host: under its name with the port, and then under its bare name.
pub(super) struct Found {
    /// `host`, or `[host]:port`: the name that counts.
    pub label: String,
    /// Lines under `label`.
    pub own: Arc<[u32]>,
    /// Lines under the bare name, when the port is not 22. OpenSSH asks them only when `own`
    /// says nothing, and only for a yes.
    pub bare: Option<Arc<[u32]>>,
}

impl Found {
    /// The lists in the order they are asked.
    pub fn in_order(&self) -> impl Iterator<Item = &Arc<[u32]>> {
        std::iter::once(&self.own).chain(self.bare.as_ref())
    }
}

impl KnownHosts {
    /// Judges a host key.
    ///
    /// `name` is the host's name in lower case with its `port`; with `HostKeyAlias` it is the alias
    /// in lower case with port 22, whatever port is connected to, because an alias stands for itself.
    pub fn check_key(&self, name: &str, port: u16, key: &PublicKey) -> Verdict {
        let found = self.look_up(name, port);
        let key = match key.key_data() {
            KeyData::Certificate(inside) => inside.public_key(),
            plain => plain,
        };
        self.judge_key(&found, key)
    }

    pub(super) fn look_up(&self, name: &str, port: u16) -> Found {
        if port == 0 || port == DEFAULT_PORT {
            return Found {
                label: name.to_owned(),
                own: self.names.find(name),
                bare: None,
            };
        }
        let label = format!("[{name}]:{port}");
        let own = self.names.find(&label);
        Found {
            label,
            own,
            bare: Some(self.names.find(name)),
        }
    }

    /// Revoked first, then the lines of the full name, then those of the bare name.
    pub(super) fn judge_key(&self, found: &Found, key: &KeyData) -> Verdict {
        if let Some(verdict) = self.revoked_verdict(found, key, None) {
            return verdict;
        }
        let print = print_of(key);
        let own = self.hold(&found.own, Marker::None);
        let same = Self::equal(&own, key);
        if !same.is_empty() {
            return self.known_verdict(found, &print, &same);
        }
        if !own.is_empty() {
            return self.changed_verdict(found, &print, &own);
        }
        if let Some(verdict) = self.known_by_bare_name(found, key) {
            return verdict;
        }
        self.unknown_verdict(found, &print)
    }

    /// A yes when the host's bare name has this very key.
    pub(super) fn known_by_bare_name(&self, found: &Found, key: &KeyData) -> Option<Verdict> {
        let bare = self.hold(found.bare.as_ref()?, Marker::None);
        let same = Self::equal(&bare, key);
        (!same.is_empty()).then(|| self.known_verdict(found, &print_of(key), &same))
    }

    /// A verdict when the key or the authority that signed it is revoked.
    pub(super) fn revoked_verdict(
        &self,
        found: &Found,
        key: &KeyData,
        authority: Option<&KeyData>,
    ) -> Option<Verdict> {
        let is_hit = |on_file: &KeyData| on_file == key || Some(on_file) == authority;
        let hits: Vec<&Entry> = found
            .in_order()
            .flat_map(|ids| self.hold(ids, Marker::Revoked))
            .filter(|entry| is_hit(&entry.key))
            .collect();
        let listed = [Some(key), authority]
            .into_iter()
            .flatten()
            .find(|k| self.revoked.holds(k));
        let (culprit, place) = match (hits.first(), listed) {
            (Some(entry), _) => (&entry.key, self.place(entry).to_string()),
            (None, Some(key)) => (key, self.revoked.path().to_owned()),
            (None, None) => return None,
        };
        let what = if culprit == key {
            "the key"
        } else {
            "the authority that signed the key"
        };
        let reason = format!(
            "{} offered a key that must not be trusted: {what}, {}, is marked as revoked in {place}. \
             A stolen key may be in use. Give the host a new key, or ask whoever revoked it.",
            found.label,
            print_of(culprit),
        );
        Some(self.verdict(VerdictKind::Revoked, found, &hits, reason))
    }

    fn known_verdict(&self, found: &Found, print: &str, same: &[&Entry]) -> Verdict {
        let reason = format!(
            "{} offered {print}, which is on file in {}.",
            found.label,
            self.places(same)
        );
        self.verdict(VerdictKind::Known, found, same, reason)
    }

    fn changed_verdict(&self, found: &Found, print: &str, others: &[&Entry]) -> Verdict {
        let on_file: Vec<String> = others.iter().map(|entry| print_of(&entry.key)).collect();
        let reason = format!(
            "{} offered {print}, but {} has {}. Either the host was given a new key, or somebody \
             stands in between. When a person who can see the host's console confirms the new \
             fingerprint, replace the old line.",
            found.label,
            self.places(others),
            on_file.join(", "),
        );
        self.verdict(VerdictKind::Changed, found, others, reason)
    }

    fn unknown_verdict(&self, found: &Found, print: &str) -> Verdict {
        let reason = format!(
            "No key is on file for {}, which offered {print}. Have the fingerprint confirmed by \
             somebody who can see the host's console, then add the key to known_hosts.",
            found.label,
        );
        self.verdict(VerdictKind::Unknown, found, &[], reason)
    }

    /// The entries with this marker.
    pub(super) fn hold(&self, ids: &[u32], marker: Marker) -> Vec<&Entry> {
        ids.iter()
            .map(|&id| self.entry(id))
            .filter(|entry| entry.marker == marker)
            .collect()
    }

    fn equal<'a>(entries: &[&'a Entry], key: &KeyData) -> Vec<&'a Entry> {
        entries
            .iter()
            .copied()
            .filter(|e| !e.certificate && e.key == *key)
            .collect()
    }

    pub(super) fn places(&self, entries: &[&Entry]) -> String {
        let places: Vec<String> = entries.iter().map(|e| self.place(e).to_string()).collect();
        places.join(", ")
    }

    pub(super) fn verdict(
        &self,
        kind: VerdictKind,
        found: &Found,
        lines: &[&Entry],
        reason: String,
    ) -> Verdict {
        let mut places: Vec<LineRef> = Vec::with_capacity(lines.len());
        for entry in lines {
            let place = self.place(entry);
            if !places.contains(&place) {
                places.push(place);
            }
        }
        Verdict {
            kind,
            lines: places,
            reason,
            known: self.prints_on_file(found),
        }
    }

    fn prints_on_file(&self, found: &Found) -> Vec<String> {
        let own = self.hold(&found.own, Marker::None);
        let mut prints: Vec<String> = Vec::new();
        for entry in own {
            let print = entry.key.fingerprint(HashAlg::Sha256).to_string();
            if !prints.contains(&print) {
                prints.push(print);
            }
        }
        prints
    }
}

/// `ssh-ed25519 SHA256:…`.
pub(super) fn print_of(key: &KeyData) -> String {
    format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256))
}

//! Which signature algorithms an authority may use.

use crate::trust::pattern::PatternList;

/// OpenSSH's default: no DSA, and no RSA with SHA-1.
const DEFAULT: [&str; 8] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "rsa-sha2-512",
    "rsa-sha2-256",
];

/// The value of `CASignatureAlgorithms`.
///
/// It can only narrow the default: what is weak stays refused, also when it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaAlgorithms {
    allowed: Vec<&'static str>,
}

impl Default for CaAlgorithms {
    fn default() -> Self {
        Self {
            allowed: DEFAULT.to_vec(),
        }
    }
}

impl CaAlgorithms {
    /// Reads the option: a list replaces the default, `-list` takes away from it; `+list` and
    /// `^list` leave the set as it is.
    pub fn from_option(value: &str) -> Self {
        if let Some(removed) = value.strip_prefix('-') {
            return Self::only(|name| !PatternList::exact(removed).matches(name));
        }
        if value.starts_with(['+', '^']) {
            return Self::default();
        }
        Self::only(|name| value.split(',').any(|listed| listed == name))
    }

    fn only(keep: impl Fn(&str) -> bool) -> Self {
        Self {
            allowed: DEFAULT.into_iter().filter(|name| keep(name)).collect(),
        }
    }

    /// Whether a signature of this algorithm counts.
    pub fn allow(&self, algorithm: &str) -> bool {
        self.allowed.contains(&algorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::CaAlgorithms;

    #[test]
    fn a_list_narrows_and_never_widens() {
        let only = CaAlgorithms::from_option("ssh-ed25519,ssh-rsa");
        assert!(only.allow("ssh-ed25519"));
        assert!(!only.allow("rsa-sha2-512"));
        assert!(!only.allow("ssh-rsa"), "SHA-1 is refused even when listed");
        let without = CaAlgorithms::from_option("-ecdsa-*,rsa-*");
        assert!(without.allow("ssh-ed25519"));
        assert!(!without.allow("ecdsa-sha2-nistp256"));
        assert_eq!(
            CaAlgorithms::from_option("+ssh-rsa"),
            CaAlgorithms::default()
        );
    }
}

//! `conn hostkey check`: the pure part, from texts to a verdict and its exit code.
//!
//! Reads no file: whoever calls it brings the known hosts, the text of the key and the time.

use serde::Serialize;
use ssh_key::{Certificate, PublicKey};

use crate::trust::known_hosts::{KnownHosts, Verdict, VerdictKind};

const CERTIFICATE: &str = "-cert-v01@openssh.com";

/// The answer, in the shape of the contracts. `file` and `reason` are additions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostkeyAnswer {
    /// `known`, `unknown`, `changed`, `revoked` or `ca`.
    pub verdict: VerdictKind,
    /// The lines that decided, in the order of the files.
    pub lines: Vec<u32>,
    /// The file of the first of these lines.
    pub file: Option<String>,
    /// Sentences: what, why, what next.
    pub reason: String,
}

/// `HOST[:PORT]` cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostkeyError {
    /// No host, or a port that is none.
    #[error(
        "\"{given}\" is not HOST or HOST:PORT: {why}. Write web1, web1:2222, ::1 or [::1]:2222."
    )]
    Target {
        /// As given.
        given: String,
        /// One clause.
        why: &'static str,
    },
    /// The key file holds no public key.
    #[error("The key file holds no public key: {why}. Give a .pub file or a -cert.pub file.")]
    Key {
        /// One clause.
        why: String,
    },
}

/// Judges the key of `target` and says so in the shape of the contracts.
pub fn check(
    known: &KnownHosts,
    target: &str,
    key_text: &str,
    now_unix: u64,
) -> Result<HostkeyAnswer, HostkeyError> {
    let (host, port) = split_target(target)?;
    let host = host.to_ascii_lowercase();
    let verdict = match read_key(key_text)? {
        Offered::Key(key) => known.check_key(&host, port, &key),
        Offered::Certificate(cert) => known.check_certificate(&host, port, &cert, now_unix),
    };
    Ok(HostkeyAnswer::from(verdict))
}

impl From<Verdict> for HostkeyAnswer {
    fn from(verdict: Verdict) -> Self {
        Self {
            verdict: verdict.kind,
            lines: verdict.lines.iter().map(|place| place.line).collect(),
            file: verdict.lines.into_iter().next().map(|place| place.file),
            reason: verdict.reason,
        }
    }
}

impl HostkeyAnswer {
    /// 0 for what may be trusted, 4 (refused) for changed and revoked, 1 for unknown.
    pub fn exit_code(&self) -> u8 {
        match self.verdict {
            VerdictKind::Known | VerdictKind::Ca => 0,
            VerdictKind::Unknown => 1,
            VerdictKind::Changed | VerdictKind::Revoked => 4,
        }
    }

    /// One line for a person or a script: the word, and the sentences.
    pub fn plain(&self) -> String {
        format!("{}: {}", self.verdict.word(), self.reason)
    }
}

enum Offered {
    Key(Box<PublicKey>),
    Certificate(Box<Certificate>),
}

/// The first key line of a `.pub` file.
fn read_key(text: &str) -> Result<Offered, HostkeyError> {
    let bad = |why: String| HostkeyError::Key { why };
    if text.contains("PRIVATE KEY-----") {
        return Err(bad("it is a private key".to_owned()));
    }
    let line = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))
        .ok_or_else(|| bad("it is empty".to_owned()))?;
    let tidy = line
        .split_ascii_whitespace()
        .take(2)
        .collect::<Vec<_>>()
        .join(" ");
    if tidy
        .split(' ')
        .next()
        .is_some_and(|kind| kind.ends_with(CERTIFICATE))
    {
        let read = Certificate::from_openssh(&tidy).map_err(|why| bad(why.to_string()))?;
        return Ok(Offered::Certificate(Box::new(read)));
    }
    let read = PublicKey::from_openssh(&tidy).map_err(|why| bad(why.to_string()))?;
    Ok(Offered::Key(Box::new(read)))
}

/// Splits `HOST[:PORT]`; an address with several colons is a host unless it stands in brackets.
fn split_target(target: &str) -> Result<(&str, u16), HostkeyError> {
    let bad = |why| HostkeyError::Target {
        given: target.escape_debug().to_string(),
        why,
    };
    let (host, port) = match target.strip_prefix('[') {
        Some(rest) => {
            let (host, tail) = rest
                .split_once(']')
                .ok_or_else(|| bad("a bracket is open"))?;
            let port = match tail {
                "" => None,
                tail => Some(
                    tail.strip_prefix(':')
                        .ok_or_else(|| bad("after ] comes :PORT"))?,
                ),
            };
            (host, port)
        }
        None if target.matches(':').count() == 1 => target
            .split_once(':')
            .map_or((target, None), |(host, port)| (host, Some(port))),
        None => (target, None),
    };
    if host.is_empty() {
        return Err(bad("the host is missing"));
    }
    let port = match port {
        None => 22,
        Some(text) => text
            .parse()
            .ok()
            .filter(|&p| p > 0)
            .ok_or_else(|| bad("the port is none"))?,
    };
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti u@h";

    fn answer(file: &str, target: &str) -> HostkeyAnswer {
        let known = KnownHosts::parse(&[("kh".to_owned(), file)]);
        check(&known, target, KEY, 0).unwrap()
    }

    #[test]
    fn the_json_has_the_shape_of_the_contracts() {
        let told = answer(&format!("# mine\nweb1 {KEY}\n"), "WEB1");
        let json = serde_json::to_value(&told).unwrap();
        assert_eq!(json["verdict"], "known");
        assert_eq!(json["lines"], serde_json::json!([2]));
        assert_eq!(json["file"], "kh");
        assert_eq!(told.exit_code(), 0);
        assert!(
            told.plain()
                .starts_with("known: web1 offered ssh-ed25519 SHA256:")
        );
    }

    #[test]
    fn an_unknown_host_is_exit_1_and_a_revoked_key_is_exit_4() {
        let told = answer("", "web1");
        assert_eq!((told.verdict, told.exit_code()), (VerdictKind::Unknown, 1));
        assert_eq!(
            serde_json::to_value(&told).unwrap()["lines"],
            serde_json::json!([])
        );
        let told = answer(&format!("web1 {KEY}\n@revoked * {KEY}\n"), "web1");
        assert_eq!((told.verdict, told.exit_code()), (VerdictKind::Revoked, 4));
        assert_eq!(told.lines, [2]);
    }

    #[test]
    fn targets_with_ports_and_addresses_are_read() {
        for (target, host, port) in [
            ("web1", "web1", 22),
            ("web1:2222", "web1", 2222),
            ("::1", "::1", 22),
            ("[::1]", "::1", 22),
            ("[::1]:2222", "::1", 2222),
        ] {
            assert_eq!(split_target(target), Ok((host, port)), "{target}");
        }
        for target in [
            "",
            ":22",
            "web1:",
            "web1:0",
            "web1:70000",
            "[::1",
            "[::1]2222",
        ] {
            assert!(split_target(target).is_err(), "{target}");
        }
    }

    #[test]
    fn a_private_key_and_an_empty_file_are_refused_in_words() {
        for (text, word) in [
            ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "private"),
            ("\n# x\n", "empty"),
        ] {
            let told = read_key(text).err().unwrap().to_string();
            assert!(told.contains(word), "{told}");
        }
    }
}

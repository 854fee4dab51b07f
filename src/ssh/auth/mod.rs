//! Who we are: agents, key files and certificates, in OpenSSH's order.
//!
//! RSA keys of files sign with `aws-lc-rs`: see [`rsa`]. Secrets stay in memory and are never part
//! of a message.
//!
//! "Nothing to offer" and "offered and rejected" are two things: the first waits for a person, the
//! second is a failure of the host's set-up.

mod agent;
pub(crate) mod agents;
mod candidates;
pub(crate) mod files;
mod offer;
pub(crate) mod passphrases;
mod rsa;
mod wanted;

use std::fmt::Write as _;

use russh::MethodKind;
use russh::client::{AuthResult, Handle};

pub(crate) use candidates::{Candidates, gather};
use offer::{Candidate, Offered, offer};
pub(crate) use wanted::FilesRead;

use super::connect::{Guard, Notes};
use super::error::SshError;
use super::settings::Timeouts;

/// How many keys an error's sentence names.
const NAMED: usize = 4;

/// Offers the candidates one after the other until the host takes one.
pub(crate) async fn authenticate(
    handle: &mut Handle<Guard>,
    notes: &Notes,
    user: &str,
    candidates: &Candidates,
    limits: &Timeouts,
) -> Result<(), SshError> {
    let mut tally = Tally {
        user,
        host: &candidates.host,
        rejected: Vec::new(),
        unsigned: Vec::new(),
    };
    for candidate in &candidates.list {
        if tally.was_rejected(candidate) {
            continue;
        }
        match offer(handle, user, candidate, limits).await {
            Offered::Answer(AuthResult::Success) => return Ok(()),
            Offered::Answer(AuthResult::Failure {
                partial_success: true,
                remaining_methods,
            }) => {
                return Err(tally.partial(&candidate.to_string(), &remaining_methods));
            }
            Offered::Answer(AuthResult::Failure {
                remaining_methods, ..
            }) => {
                tally.rejected.push(candidate);
                if remaining_methods.is_empty() {
                    return Err(tally.hung_up(notes).await);
                }
                if !remaining_methods.contains(&MethodKind::PublicKey) {
                    break;
                }
            }
            Offered::NotSigned(why) => tally.unsigned.push(why),
            Offered::Lost => return Err(tally.hung_up(notes).await),
        }
    }
    Err(tally.refused(&candidates.notes))
}

/// What happened to the keys so far.
struct Tally<'a> {
    user: &'a str,
    host: &'a str,
    rejected: Vec<&'a Candidate>,
    unsigned: Vec<String>,
}

impl Tally<'_> {
    /// The same key from another place is no other key.
    fn was_rejected(&self, candidate: &Candidate) -> bool {
        let same = |other: &&Candidate| {
            other.certificate == candidate.certificate
                && other.public.key_data() == candidate.public.key_data()
        };
        self.rejected.iter().any(same)
    }

    fn partial(&self, taken: &str, remaining: &[MethodKind]) -> SshError {
        let more: Vec<&str> = remaining.iter().map(Into::into).collect();
        SshError::Auth {
            why: format!(
                "{} took {taken} for {}, but asks for more ({}), which needs a person at every login. Exempt this login there (AuthenticationMethods publickey).",
                self.host,
                self.user,
                more.join(", ")
            ),
        }
    }

    fn refused(self, notes: &[String]) -> SshError {
        if !self.unsigned.is_empty() {
            // The host would have taken that key, so a signature is all that is missing.
            let why = format!(
                "{} would take a key for {}, but there was no signature: {}.",
                self.host,
                self.user,
                self.unsigned.join("; ")
            );
            return SshError::NoCredential { why };
        }
        let beside = if notes.is_empty() {
            String::new()
        } else {
            format!(" Not offered: {}.", notes.join("; "))
        };
        SshError::Auth {
            why: format!(
                "{} took none of the keys offered for {}: {}.{beside} Put one into its authorized_keys, or name another with IdentityFile.",
                self.host,
                self.user,
                self.list()
            ),
        }
    }

    fn list(&self) -> String {
        let mut list = self
            .rejected
            .iter()
            .take(NAMED)
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        if self.rejected.len() > NAMED {
            let _ = write!(list, " and {} more", self.rejected.len() - NAMED);
        }
        list
    }

    /// The host ended the connection while keys were offered: sshd does after `MaxAuthTries`.
    async fn hung_up(&self, notes: &Notes) -> SshError {
        notes.ended.cancelled().await;
        match notes.farewell() {
            Some(words) if words.is_the_hosts_word() => SshError::Auth {
                why: format!(
                    "{} hung up after {} keys were offered for {}: {words}. Offer fewer: IdentitiesOnly with an IdentityFile.",
                    self.host,
                    self.rejected.len(),
                    self.user
                ),
            },
            Some(words) => SshError::Lost {
                why: format!("{words}, during authentication"),
            },
            None => SshError::Lost {
                why: "the host hung up during authentication".into(),
            },
        }
    }
}

//! Which credentials there are for a host, in the order in which they are offered.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use russh::keys::agent::AgentIdentity;
use russh::keys::{Certificate, PublicKey};

use super::super::error::SshError;
use super::super::front::Shared;
use super::super::route::{Hop, Identity};
use super::agent::{Agent, plain_key};
use super::offer::{Candidate, SignsWith};
use super::wanted::{Files, Wanted};
use crate::trust::ssh_config::IdentityAgent;

/// What can be offered to a host.
#[derive(Debug)]
pub(crate) struct Candidates {
    pub(super) list: Vec<Candidate>,
    /// What cannot be offered, and why.
    pub(super) notes: Vec<String>,
    /// The host, for sentences.
    pub(super) host: String,
    agents: Vec<Arc<Agent>>,
}

impl Candidates {
    /// It was not enough: the next attempt asks agents and reads files anew.
    pub(crate) async fn stale(&self, shared: &Shared) {
        shared.files_read.forget().await;
        for agent in &self.agents {
            agent.ask_again().await;
        }
    }
}

/// Looks for credentials. Nothing is sent to the host.
pub(crate) async fn gather(shared: &Arc<Shared>, hop: &Hop) -> Result<Candidates, SshError> {
    let files = shared
        .files_read
        .get(shared, Wanted::of(shared, hop))
        .await?;
    let mut found = Found {
        list: Vec::new(),
        notes: files.notes.clone(),
    };
    let (held, agents) = ask_agents(shared, hop, &mut found.notes).await;
    found.certificates(&files, &held);
    found.agent_keys(&files, &held, hop.options().identities_only);
    found.file_keys(&files);
    let candidates = Candidates {
        list: found.list,
        notes: found.notes,
        host: hop.options().host.clone(),
        agents,
    };
    if candidates.list.is_empty() {
        candidates.stale(shared).await;
        return Err(nothing(&candidates));
    }
    Ok(candidates)
}

fn nothing(candidates: &Candidates) -> SshError {
    let looked = if candidates.notes.is_empty() {
        "no agent is registered and there is no key file".to_owned()
    } else {
        candidates.notes.join("; ")
    };
    SshError::NoCredential {
        why: format!("There is no key to offer to {}: {looked}.", candidates.host),
    }
}

/// Something an agent holds.
type Held = (Arc<Agent>, AgentIdentity);

async fn ask_agents(
    shared: &Shared,
    hop: &Hop,
    notes: &mut Vec<String>,
) -> (Vec<Held>, Vec<Arc<Agent>>) {
    if matches!(hop.identity(), Identity::Named { .. }) {
        return (Vec::new(), Vec::new());
    }
    let agents = match &hop.options().identity_agent {
        IdentityAgent::None => Vec::new(),
        IdentityAgent::Socket(socket) => vec![shared.agents.at(Path::new(socket))],
        IdentityAgent::Default => shared.agents.newest_first(),
    };
    let answers = futures::future::join_all(
        agents
            .iter()
            .map(|agent| agent.identities(&shared.settings.timeouts)),
    )
    .await;
    let mut held: Vec<Held> = Vec::new();
    for (agent, answer) in agents.iter().zip(answers) {
        match answer {
            Err(why) => notes.push(why),
            Ok(identities) => held.extend(
                identities
                    .iter()
                    .map(|identity| (Arc::clone(agent), identity.clone())),
            ),
        }
    }
    (held, agents)
}

/// Candidates so far.
struct Found {
    list: Vec<Candidate>,
    notes: Vec<String>,
}

impl Found {
    /// Certificates first: those of files, then those that agents hold.
    fn certificates(&mut self, files: &Files, held: &[Held]) {
        for (path, certificate) in &files.certificates {
            let public = PublicKey::new(certificate.public_key().clone(), "");
            if let Err(why) = in_force(certificate) {
                self.notes.push(format!("certificate {path}: {why}"));
            } else if let Some(signer) = signer_for(&public, files, held) {
                self.add(Some(certificate.clone()), public, signer, path.clone());
            } else {
                self.notes.push(format!(
                    "certificate {path}: its private key is neither in a file nor in an agent"
                ));
            }
        }
        for (agent, identity) in held {
            if let AgentIdentity::Certificate { certificate, .. } = identity
                && in_force(certificate).is_ok()
            {
                let signer = SignsWith::Agent(Arc::clone(agent), Box::new(identity.clone()));
                self.add(
                    Some(certificate.clone()),
                    plain_key(identity),
                    signer,
                    "agent".into(),
                );
            }
        }
    }

    /// Keys of agents: those that are also in files first, others unless forbidden.
    fn agent_keys(&mut self, files: &Files, held: &[Held], only_files: bool) {
        let plain = held
            .iter()
            .filter(|(_, identity)| matches!(identity, AgentIdentity::PublicKey { .. }));
        let (named, other): (Vec<_>, Vec<_>) =
            plain.partition(|(_, identity)| files.key_for(&identity.public_key()).is_some());
        for (agent, identity) in named
            .into_iter()
            .chain(other.into_iter().filter(|_| !only_files))
        {
            let signer = SignsWith::Agent(Arc::clone(agent), Box::new(identity.clone()));
            self.add(None, plain_key(identity), signer, "agent".into());
        }
    }

    fn file_keys(&mut self, files: &Files) {
        for file in &files.keys {
            match (&file.private, &file.public) {
                // Also when an agent has it: the agent may fail to sign.
                (Ok(signer), Some(public)) => self.list.push(Candidate {
                    certificate: None,
                    public: public.clone(),
                    signer: signer.clone(),
                    origin: file.path.display().to_string(),
                }),
                (Err(_), Some(public)) if self.has(public) => {}
                (Err(why), _) => self
                    .notes
                    .push(format!("key file {}: {why}", file.path.display())),
                (Ok(_), None) => {}
            }
        }
    }

    fn has(&self, public: &PublicKey) -> bool {
        self.list
            .iter()
            .any(|c| c.certificate.is_none() && c.public.key_data() == public.key_data())
    }

    fn add(
        &mut self,
        certificate: Option<Certificate>,
        public: PublicKey,
        signer: SignsWith,
        origin: String,
    ) {
        let twice = match &certificate {
            None => self.has(&public),
            Some(new) => self
                .list
                .iter()
                .any(|c| c.certificate.as_ref() == Some(new)),
        };
        if !twice {
            self.list.push(Candidate {
                certificate,
                public,
                signer,
                origin,
            });
        }
    }
}

/// Who can sign for a key: an agent before a file, as everywhere.
fn signer_for(public: &PublicKey, files: &Files, held: &[Held]) -> Option<SignsWith> {
    let in_agent = held.iter().find(|(_, identity)| {
        matches!(identity, AgentIdentity::PublicKey { key, .. } if key.key_data() == public.key_data())
    });
    if let Some((agent, identity)) = in_agent {
        return Some(SignsWith::Agent(
            Arc::clone(agent),
            Box::new(identity.clone()),
        ));
    }
    files.key_for(public)?.private.clone().ok()
}

fn in_force(certificate: &Certificate) -> Result<(), String> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    if now >= certificate.valid_before() {
        return Err("it has expired; have a new one signed".to_owned());
    }
    if now < certificate.valid_after() {
        return Err("it is not valid yet".to_owned());
    }
    Ok(())
}

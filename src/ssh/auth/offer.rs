//! Offering one credential to a host.

use std::sync::Arc;

use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::{Algorithm, Certificate, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey};

use super::super::connect::Guard;
use super::super::settings::Timeouts;
use super::agent::{Agent, AgentSigner, SignError};
use super::rsa::RsaKey;

/// What can be offered, and where its signature comes from.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// Offered instead of the plain key.
    pub certificate: Option<Certificate>,
    pub public: PublicKey,
    pub signer: SignsWith,
    /// Where it is from, for sentences.
    pub origin: String,
}

/// Who has the private key.
#[derive(Debug, Clone)]
pub(super) enum SignsWith {
    File(Arc<PrivateKey>),
    /// A file with an RSA key.
    Rsa(RsaKey),
    /// The agent, which holds it in this form.
    Agent(Arc<Agent>, Box<AgentIdentity>),
}

impl std::fmt::Display for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = if self.certificate.is_some() {
            "certificate"
        } else {
            "key"
        };
        write!(
            f,
            "{what} {} ({})",
            self.public.fingerprint(HashAlg::Sha256),
            self.origin
        )
    }
}

/// What came of an offer.
pub(super) enum Offered {
    /// The host answered.
    Answer(AuthResult),
    /// The host would take it, but nobody signed.
    NotSigned(String),
    /// The connection is gone.
    Lost,
}

pub(super) async fn offer(
    handle: &mut Handle<Guard>,
    user: &str,
    candidate: &Candidate,
    limits: &Timeouts,
) -> Offered {
    match &candidate.signer {
        SignsWith::File(key) => {
            let answer = match &candidate.certificate {
                None => {
                    handle
                        .authenticate_publickey(
                            user,
                            PrivateKeyWithHashAlg::new(Arc::clone(key), None),
                        )
                        .await
                }
                Some(certificate) => {
                    handle
                        .authenticate_openssh_cert(user, Arc::clone(key), certificate.clone())
                        .await
                }
            };
            answer.map_or(Offered::Lost, Offered::Answer)
        }
        SignsWith::Rsa(key) => through_signer(handle, user, candidate, key.clone()).await,
        SignsWith::Agent(agent, held) => {
            let binding = handle.agent_session_binding().cloned();
            let signer = AgentSigner {
                agent,
                held: (**held).clone(),
                binding,
                limits,
            };
            through_signer(handle, user, candidate, signer).await
        }
    }
}

async fn through_signer(
    handle: &mut Handle<Guard>,
    user: &str,
    candidate: &Candidate,
    mut signer: impl russh::Signer<Error = SignError>,
) -> Offered {
    let Ok(hash) = rsa_hash(handle, &candidate.public).await else {
        return Offered::Lost;
    };
    let answer = match &candidate.certificate {
        None => {
            handle
                .authenticate_publickey_with(user, candidate.public.clone(), hash, &mut signer)
                .await
        }
        Some(certificate) => {
            handle
                .authenticate_certificate_with(user, certificate.clone(), hash, &mut signer)
                .await
        }
    };
    match answer {
        Ok(answer) => Offered::Answer(answer),
        Err(SignError::NotSigned(why)) => Offered::NotSigned(why),
        Err(SignError::Lost) => Offered::Lost,
    }
}

/// The hash for an RSA signature: what the host names, else SHA-512, never SHA-1 unless the host
/// says that it knows nothing else.
async fn rsa_hash(
    handle: &Handle<Guard>,
    key: &PublicKey,
) -> Result<Option<HashAlg>, russh::Error> {
    if !matches!(key.algorithm(), Algorithm::Rsa { .. }) {
        return Ok(None);
    }
    Ok(handle
        .best_supported_rsa_hash()
        .await?
        .unwrap_or(Some(HashAlg::Sha512)))
}

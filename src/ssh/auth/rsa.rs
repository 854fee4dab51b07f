//! RSA keys of files.
//!
//! `ssh_key` would sign with code that is open to timing attacks (RUSTSEC-2023-0071), so these keys
//! are handed to `aws-lc-rs`, which signs in constant time.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaEncoding};
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use russh::keys::agent::AgentIdentity;
use russh::keys::ssh_key::private::RsaKeypair;
use russh::keys::{HashAlg, ssh_key};
use ssh_key::{Algorithm, Signature};

use super::agent::SignError;

/// An RSA key that signs.
#[derive(Clone)]
pub(super) struct RsaKey(Arc<KeyPair>);

impl RsaKey {
    /// From a key file's numbers; `Err` is a clause for a person.
    pub fn new(pair: &RsaKeypair) -> Result<Self, String> {
        let key = RsaPrivateKey::try_from(pair).map_err(|why| format!("it is damaged: {why}"))?;
        let der = key
            .to_pkcs1_der()
            .map_err(|why| format!("it is damaged: {why}"))?;
        let pair = KeyPair::from_der(der.as_bytes())
            .map_err(|why| format!("it is no RSA key of 2048 to 8192 bits ({why})"))?;
        Ok(Self(Arc::new(pair)))
    }

    /// A signature as RFC 8332 has it: its name, then its bytes.
    fn sign(&self, hash: Option<HashAlg>, data: &[u8]) -> Result<Vec<u8>, String> {
        let encoding: &dyn RsaEncoding = match hash {
            Some(HashAlg::Sha256) => &RSA_PKCS1_SHA256,
            Some(HashAlg::Sha512) => &RSA_PKCS1_SHA512,
            _ => return Err("the host takes RSA signatures with SHA-1 only".to_owned()),
        };
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(encoding, &SystemRandom::new(), data, &mut signature)
            .map_err(|_| "the RSA key does not sign".to_owned())?;
        let signature = Signature::new(Algorithm::Rsa { hash }, signature);
        let bytes = signature.and_then(Vec::<u8>::try_from);
        bytes.map_err(|why| format!("an RSA signature cannot be written: {why}"))
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaKey")
    }
}

impl russh::Signer for RsaKey {
    type Error = SignError;

    /// The data with its signature behind it, as an agent's answer is passed on.
    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        hash: Option<HashAlg>,
        mut data: Vec<u8>,
    ) -> Result<Vec<u8>, SignError> {
        let signature = self.sign(hash, &data).map_err(SignError::NotSigned)?;
        let length = u32::try_from(signature.len()).unwrap_or_default();
        data.extend_from_slice(&length.to_be_bytes());
        data.extend_from_slice(&signature);
        Ok(data)
    }
}

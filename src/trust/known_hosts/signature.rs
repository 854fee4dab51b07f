//! The signature on a host certificate.
//!
//! Elliptic curves are checked by `ssh_key`, RSA by `aws-lc-rs`, which also signs with it.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, RsaParameters};
use ssh_key::public::{KeyData, RsaPublicKey};
use ssh_key::{Algorithm, Certificate, HashAlg, Signature};

/// Whether the authority named in the certificate signed it. `Err` is a clause for a person.
pub(super) fn verify_certificate(certificate: &Certificate) -> Result<(), String> {
    let signer = certificate.signature_key();
    let result = match signer {
        KeyData::Certificate(_) => Err("the authority's key is itself a certificate"),
        KeyData::Rsa(rsa) => verify_rsa(rsa, certificate),
        _ => certificate
            .verify_signature()
            .map_err(|_| "its signature is wrong"),
    };
    result.map_err(str::to_owned)
}

fn verify_rsa(key: &RsaPublicKey, certificate: &Certificate) -> Result<(), &'static str> {
    let signature = certificate.signature();
    let parameters: &RsaParameters = match signature.algorithm() {
        Algorithm::Rsa {
            hash: Some(HashAlg::Sha256),
        } => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rsa {
            hash: Some(HashAlg::Sha512),
        } => &RSA_PKCS1_2048_8192_SHA512,
        _ => return Err("its RSA signature uses SHA-1 or an unknown hash"),
    };
    let signed = signed_part(certificate, signature).ok_or("it cannot be encoded again")?;
    let components = PublicKeyComponents {
        n: key
            .n()
            .as_positive_bytes()
            .ok_or("the authority's RSA key is damaged")?,
        e: key
            .e()
            .as_positive_bytes()
            .ok_or("the authority's RSA key is damaged")?,
    };
    components
        .verify(parameters, &signed, signature.as_bytes())
        .map_err(
            |_| "its signature is wrong, or the authority's RSA key is not of 2048 to 8192 bits",
        )
}

/// Everything before the signature, which stands last with its length of four bytes.
fn signed_part(certificate: &Certificate, signature: &Signature) -> Option<Vec<u8>> {
    let mut bytes = certificate.to_bytes().ok()?;
    let tail = Vec::<u8>::try_from(signature.clone()).ok()?.len() + 4;
    bytes.truncate(bytes.len().checked_sub(tail)?);
    Some(bytes)
}

//! Which algorithms a connection asks for, and in which order.

use std::borrow::Cow;
use std::time::Duration;

use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Preferred, cipher, client, compression, kex, mac};

use super::super::error::SshError;
use super::super::settings::Settings;
use crate::trust::known_hosts::KnownAlgorithms;
use crate::trust::ssh_config::HostOptions;

/// Host keys in order of preference. RSA signatures with SHA-1 are not taken.
const HOST_KEYS: [Algorithm; 6] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP256,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP384,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP521,
    },
    Algorithm::Rsa {
        hash: Some(HashAlg::Sha512),
    },
    Algorithm::Rsa {
        hash: Some(HashAlg::Sha256),
    },
];

/// AES-GCM is several times faster than `ChaCha20` where the processor has AES instructions.
const WITH_AES: [cipher::Name; 6] = [
    cipher::AES_256_GCM,
    cipher::AES_128_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

const WITHOUT_AES: [cipher::Name; 6] = [
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_GCM,
    cipher::AES_128_GCM,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

/// Messages that wait for a channel's reader before the connection's reading stops. With russh's
/// 100, a slow reader holds 3 MB a channel.
const CHANNEL_BUFFER: usize = 8;

/// russh's configuration for a connection with these options to a host with these keys.
pub(super) fn config(
    options: &HostOptions,
    known: &KnownAlgorithms,
    settings: &Settings,
) -> Result<client::Config, SshError> {
    let every = options
        .server_alive_interval
        .filter(|d| !d.is_zero())
        .unwrap_or(settings.keepalive);
    let most = options
        .server_alive_count_max
        .unwrap_or(settings.keepalive_max)
        .max(1);
    Ok(client::Config {
        preferred: preferred(options, known)?,
        channel_buffer_size: CHANNEL_BUFFER,
        keepalive_interval: Some(every),
        keepalive_max: most as usize,
        // An idle connection hears an answer to each keepalive, so only a dead one, or one in the
        // making, is ever silent for so long.
        inactivity_timeout: Some(every * (most + 1) + Duration::from_secs(5)),
        nodelay: true,
        ..client::Config::default()
    })
}

fn preferred(options: &HostOptions, known: &KnownAlgorithms) -> Result<Preferred, SshError> {
    let certificates: &[Algorithm] = if known.authorities.is_empty() {
        &[]
    } else {
        &HOST_KEYS
    };
    let mut preferred = Preferred {
        key: Cow::Owned(host_keys(known)),
        host_key_certificates: Cow::Owned(certificates.to_vec()),
        cipher: Cow::Borrowed(if has_aes() { &WITH_AES } else { &WITHOUT_AES }),
        compression: Cow::Borrowed(&[compression::NONE]),
        ..Preferred::DEFAULT
    };
    if let Some(spec) = &options.host_key_algorithms {
        let find = |name: &str| HOST_KEYS.into_iter().find(|known| known.as_str() == name);
        match choose("HostKeyAlgorithms", spec, &preferred.key, find) {
            Ok(chosen) => preferred.key = Cow::Owned(chosen),
            Err(_) if spec.contains("-cert-v01") => preferred.key = Cow::Borrowed(&[]),
            Err(error) => return Err(error),
        }
    }
    if let Some(spec) = &options.ciphers {
        let find = |name: &str| WITH_AES.into_iter().find(|known| known.as_ref() == name);
        preferred.cipher = Cow::Owned(choose("Ciphers", spec, &preferred.cipher, find)?);
    }
    if let Some(spec) = &options.macs {
        let find = |name: &str| mac::Name::try_from(name).ok();
        preferred.mac = Cow::Owned(choose("MACs", spec, &preferred.mac, find)?);
    }
    if let Some(spec) = &options.kex_algorithms {
        preferred.kex = Cow::Owned(kex_list(spec, &preferred.kex)?);
    }
    Ok(preferred)
}

/// Known algorithms first, so that the host presents a key that can be checked.
fn host_keys(known: &KnownAlgorithms) -> Vec<Algorithm> {
    let is_rsa = |algorithm: &Algorithm| matches!(algorithm, Algorithm::Rsa { .. });
    // On file an RSA key has no hash: that belongs to a signature.
    let is_known = |offered: &Algorithm| {
        known.plain.contains(offered) || is_rsa(offered) && known.plain.iter().any(is_rsa)
    };
    let (mut first, rest): (Vec<_>, Vec<_>) = HOST_KEYS.into_iter().partition(is_known);
    first.extend(rest);
    first
}

/// A key exchange list keeps the names that are no key exchange but switch on strictness.
fn kex_list(spec: &str, ours: &[kex::Name]) -> Result<Vec<kex::Name>, SshError> {
    let (extensions, real): (Vec<_>, Vec<_>) = ours.iter().copied().partition(is_extension);
    let mut chosen = choose("KexAlgorithms", spec, &real, |n| {
        kex::Name::try_from(n).ok().filter(|k| !is_extension(k))
    })?;
    chosen.extend(extensions);
    Ok(chosen)
}

fn is_extension(name: &kex::Name) -> bool {
    name.as_ref().starts_with("ext-info") || name.as_ref().contains("kex-strict")
}

/// A list of `ssh_config`: names, or `+` to add, `-` to remove, `^` to put first.
fn choose<T: AsRef<str> + Clone>(
    keyword: &str,
    spec: &str,
    ours: &[T],
    find: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, SshError> {
    let (sign, list) = match spec.chars().next() {
        Some(sign @ ('+' | '-' | '^')) => (Some(sign), &spec[1..]),
        _ => (None, spec),
    };
    let named: Vec<T> = list
        .split(',')
        .filter_map(|name| find(name.trim()))
        .collect();
    let without = |them: &[T]| -> Vec<T> {
        ours.iter()
            .filter(|o| !them.iter().any(|t| t.as_ref() == o.as_ref()))
            .cloned()
            .collect()
    };
    let chosen: Vec<T> = match sign {
        None => named,
        Some('+') => ours.iter().cloned().chain(named).collect(),
        Some('^') => named.iter().cloned().chain(without(&named)).collect(),
        Some(_) => without(&named),
    };
    if chosen.is_empty() {
        return Err(SshError::Invalid {
            why: format!(
                "{keyword} {spec} of ssh_config leaves nothing that this build can do. Name at least one of {}.",
                names(ours)
            ),
        });
    }
    Ok(chosen)
}

fn names<T: AsRef<str>>(of: &[T]) -> String {
    of.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
fn has_aes() -> bool {
    std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("pclmulqdq")
}

#[cfg(target_arch = "aarch64")]
fn has_aes() -> bool {
    std::arch::is_aarch64_feature_detected!("aes")
        && std::arch::is_aarch64_feature_detected!("pmull")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64")))]
fn has_aes() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(name: &str) -> Option<String> {
        ["a", "b", "c", "d"]
            .contains(&name)
            .then(|| name.to_owned())
    }

    #[test]
    fn lists_of_ssh_config_set_add_remove_and_lead() {
        let ours = ["a".to_owned(), "b".to_owned()];
        let take = |spec: &str| choose("K", spec, &ours, find).unwrap().concat();
        assert_eq!(take("c,x,a"), "ca");
        assert_eq!(take("+c"), "abc");
        assert_eq!(take("-a"), "b");
        assert_eq!(take("^b"), "ba");
        assert!(choose("K", "x,y", &ours, find).is_err());
    }

    #[test]
    fn known_host_key_algorithms_are_asked_for_first() {
        let p384 = Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP384,
        };
        let known = KnownAlgorithms {
            plain: vec![p384.clone()],
            authorities: vec![],
        };
        assert_eq!(host_keys(&known)[..2], [p384, Algorithm::Ed25519]);
    }

    #[test]
    fn a_key_exchange_list_keeps_strict_key_exchange() {
        let chosen = kex_list("curve25519-sha256", &Preferred::DEFAULT.kex).unwrap();
        assert_eq!(chosen[0], kex::CURVE25519);
        assert!(chosen.contains(&kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT));
    }
}

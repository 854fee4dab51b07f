//! Key files and the certificates beside them.
//!
//! Read once, and again when a file changes or a passphrase is offered.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use russh::keys::{Certificate, PrivateKey, PublicKey};

use super::offer::SignsWith;
use super::passphrases::Passphrases;
use super::rsa::RsaKey;

/// A private key is a few kilobytes; whatever is larger is something else.
const MAX_FILE: u64 = 64 * 1024;

/// What a key file gives.
#[derive(Debug, Clone)]
pub(super) struct KeyFile {
    pub path: PathBuf,
    /// Its public half, by which an agent's key is recognised.
    pub public: Option<PublicKey>,
    /// What signs with the key, or why it cannot be used.
    pub private: Result<SignsWith, String>,
    /// The certificate beside it.
    pub certificate: Option<Certificate>,
}

/// Changes when the file, its certificate or the passphrases do.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    files: [Option<(SystemTime, u64, u64)>; 3],
    passphrases: u64,
}

/// Key files read so far.
#[derive(Debug, Default)]
pub(crate) struct KeyFiles {
    read: Mutex<HashMap<PathBuf, (Stamp, Option<KeyFile>)>>,
}

impl KeyFiles {
    /// The key file at the path; `None` where there is nothing at all. Many connections ask at
    /// once and opening an encrypted key is slow work, so one reads and the others wait.
    pub(super) fn load(&self, path: &Path, passphrases: &Passphrases) -> Option<KeyFile> {
        let stamp = stamp(path, passphrases);
        let mut read_so_far = self.lock();
        if let Some((known, file)) = read_so_far.get(path)
            && *known == stamp
        {
            return file.clone();
        }
        let file = read(path, passphrases);
        read_so_far.insert(path.to_owned(), (stamp, file.clone()));
        file
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, (Stamp, Option<KeyFile>)>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamp(path: &Path, passphrases: &Passphrases) -> Stamp {
    let of = |path: &Path| {
        let meta = std::fs::metadata(path).ok()?;
        Some((meta.modified().ok()?, meta.len(), meta.ino()))
    };
    Stamp {
        files: [
            of(path),
            of(&beside(path, ".pub")),
            of(&beside(path, "-cert.pub")),
        ],
        passphrases: passphrases.changes(),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn read(path: &Path, passphrases: &Passphrases) -> Option<KeyFile> {
    let public_beside = read_public(&beside(path, ".pub"));
    let certificate = read_certificate(&beside(path, "-cert.pub")).ok();
    let (public, private) = match read_private(path, passphrases) {
        Ok(Private::Key(key)) => (Some(key.public_key().clone()), signer(*key)),
        Ok(Private::PublicOnly(key)) => (Some(key), Err("it holds a public key only".to_owned())),
        Ok(Private::Unusable(why)) => (public_beside, Err(why)),
        Err(why) if why.kind() == ErrorKind::NotFound => {
            public_beside.as_ref()?;
            (
                public_beside,
                Err("only its public half is there".to_owned()),
            )
        }
        Err(why) => (public_beside, Err(format!("it cannot be read: {why}"))),
    };
    Some(KeyFile {
        path: path.to_owned(),
        public,
        private,
        certificate,
    })
}

enum Private {
    Key(Box<PrivateKey>),
    PublicOnly(PublicKey),
    Unusable(String),
}

fn read_private(path: &Path, passphrases: &Passphrases) -> std::io::Result<Private> {
    let meta = std::fs::metadata(path)?;
    let text = read_text(path)?;
    if let Ok(key) = PublicKey::from_openssh(text.trim()) {
        return Ok(Private::PublicOnly(key));
    }
    let ours = meta.uid() == rustix::process::getuid().as_raw();
    if ours && meta.mode() & 0o077 != 0 {
        return Ok(Private::Unusable(format!(
            "its permissions {:04o} let others read it; chmod 600 it",
            meta.mode() & 0o7777
        )));
    }
    Ok(parse_private(&text, passphrases.secret(path)))
}

fn parse_private(text: &str, secret: Option<impl AsRef<str>>) -> Private {
    use russh::keys::Error;
    match russh::keys::decode_secret_key(text, None) {
        Ok(key) => Private::Key(Box::new(key)),
        Err(Error::KeyIsEncrypted) => match secret {
            None => Private::Unusable("it is encrypted and its passphrase was not given".into()),
            Some(secret) => russh::keys::decode_secret_key(text, Some(secret.as_ref()))
                .map_or_else(
                    |_| Private::Unusable("the passphrase given does not open it".into()),
                    |key| Private::Key(Box::new(key)),
                ),
        },
        Err(why) => Private::Unusable(format!("it is no private key: {why}")),
    }
}

fn signer(key: PrivateKey) -> Result<SignsWith, String> {
    match key.key_data().rsa() {
        Some(pair) => RsaKey::new(pair).map(SignsWith::Rsa),
        None => Ok(SignsWith::File(Arc::new(key))),
    }
}

fn read_public(path: &Path) -> Option<PublicKey> {
    PublicKey::from_openssh(read_text(path).ok()?.trim()).ok()
}

/// A certificate file.
pub(super) fn read_certificate(path: &Path) -> Result<Certificate, String> {
    let text = read_text(path).map_err(|why| why.to_string())?;
    Certificate::from_openssh(text.trim()).map_err(|why| format!("it is no certificate: {why}"))
}

fn read_text(path: &Path) -> std::io::Result<String> {
    let meta = std::fs::metadata(path)?;
    if !meta.is_file() || meta.len() > MAX_FILE {
        return Err(std::io::Error::other("it is not a file of a key's size"));
    }
    std::fs::read_to_string(path)
}

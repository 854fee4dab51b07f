//! Whom we trust: what the system's store of certificates holds, and a file of the site's.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Read when a server is first asked over TLS; the engine reads it again when it starts anew.
#[derive(Debug)]
pub(super) struct Trust {
    ca: Option<PathBuf>,
    config: Mutex<Option<Arc<ClientConfig>>>,
}

impl Trust {
    pub fn new(ca: Option<PathBuf>) -> Self {
        Self {
            ca,
            config: Mutex::default(),
        }
    }

    /// Reads files until they could be read once. `Err` is a sentence.
    pub fn config(&self) -> Result<Arc<ClientConfig>, String> {
        let mut known = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = &*known {
            return Ok(config.clone());
        }
        Ok(known.insert(config(self.ca.as_deref())?).clone())
    }
}

fn config(ca: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(system.certs);
    for error in &system.errors {
        tracing::warn!(%error, "certificates of the system could not be read");
    }
    if let Some(file) = ca {
        for certificate in read(file)? {
            let added = roots.add(certificate);
            added.map_err(|error| cannot(file, &error.to_string()))?;
        }
    }
    if roots.is_empty() {
        let why = system.errors.first().map(ToString::to_string);
        return Err(format!(
            "no server can be trusted: this machine has no store of certificates ({}); install one, \
             or name a file with ca under [http] in conn.toml",
            why.unwrap_or_else(|| "none was found".to_owned())
        ));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn read(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = std::fs::read(file).map_err(|error| cannot(file, &error.to_string()))?;
    let certificates = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(found) if found.is_empty() => Err(cannot(file, "it has no certificate in it")),
        Ok(found) => Ok(found),
        Err(error) => Err(cannot(file, &error.to_string())),
    }
}

fn cannot(file: &Path, why: &str) -> String {
    format!(
        "the certificates of {}, named by ca under [http] in conn.toml, cannot be used: {why}",
        file.display()
    )
}

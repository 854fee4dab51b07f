//! Keys taken because a host's options say `StrictHostKeyChecking accept-new`.
//!
//! They are remembered here, so that another key is refused in this life of the engine too, and
//! appended to the first of the user's `known_hosts` files. A key that is on file is never touched.

use std::collections::HashMap;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::{Mutex, PoisonError};

use russh::keys::PublicKey;

use crate::trust::ssh_config::HostOptions;

#[derive(Debug, Default)]
pub(crate) struct Accepted {
    keys: Mutex<HashMap<(String, u16), PublicKey>>,
}

impl Accepted {
    /// Takes a key of a host that has none on file; false where another was taken before.
    pub fn accept(
        &self,
        (name, port): (&str, u16),
        options: &HostOptions,
        key: &PublicKey,
    ) -> bool {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (name.to_owned(), port);
        if let Some(taken) = keys.get(&place) {
            return taken.key_data() == key.key_data();
        }
        if let Some(file) = options.user_known_hosts_files.first()
            && let Err(why) = append(file, name, port, key)
        {
            tracing::warn!(file, %why, "an accepted host key could not be written down");
        }
        tracing::info!(host = name, port, key = %key.fingerprint(russh::keys::HashAlg::Sha256), "accepted a new host key");
        keys.insert(place, key.clone());
        true
    }
}

fn append(file: &str, name: &str, port: u16, key: &PublicKey) -> std::io::Result<()> {
    let mut key = key.clone();
    key.set_comment("");
    let text = key.to_openssh().map_err(std::io::Error::other)?;
    let name = if port == 22 {
        name.to_owned()
    } else {
        format!("[{name}]:{port}")
    };
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .read(true)
        .create(true)
        .open(file)?;
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(-1)).is_ok() {
        file.read_exact(&mut last)?;
    }
    let gap = if last == [b'\n'] { "" } else { "\n" };
    file.write_all(format!("{gap}{name} {}\n", text.trim_end()).as_bytes())
}

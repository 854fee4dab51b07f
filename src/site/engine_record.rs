//! `engine.json`: where clients find the engine that runs.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::paths::Paths;

/// What a running engine writes down about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineRecord {
    /// Its process.
    pub pid: u32,
    /// Its socket.
    pub socket: PathBuf,
    /// Its version.
    pub version: String,
}

/// Writes the record, whole or not at all. On a full disk it goes where the last one is.
pub fn write(paths: &Paths, record: &EngineRecord) -> std::io::Result<()> {
    let text = serde_json::to_vec(record)?;
    let path = paths.engine_json();
    let fresh = path.with_extension("json.new");
    let written = std::fs::write(&fresh, &text).and_then(|()| std::fs::rename(&fresh, &path));
    written.or_else(|error| {
        // What there is of it says nothing.
        let _ = std::fs::remove_file(&fresh);
        if error.kind() == ErrorKind::StorageFull {
            overwrite(&path, text)
        } else {
            Err(error)
        }
    })
}

/// Takes no new space; blanks hide the rest of what was there.
fn overwrite(path: &Path, mut text: Vec<u8>) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).open(path)?;
    let len = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    text.resize(text.len().max(len), b' ');
    file.write_all(&text)
}

/// Takes the record away, if it is this process's.
pub fn remove(paths: &Paths) {
    if read(paths).is_some_and(|record| record.pid == std::process::id()) {
        // It may be gone already; that is what was wanted.
        let _ = std::fs::remove_file(paths.engine_json());
    }
}

/// The record, if there is one that can be read.
pub fn read(paths: &Paths) -> Option<EngineRecord> {
    let text = std::fs::read(paths.engine_json()).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Where an engine may be listening: where the last one said it was, then the usual places.
pub fn sockets(paths: &Paths) -> Vec<PathBuf> {
    let mut sockets: Vec<PathBuf> = read(paths)
        .map(|record| record.socket)
        .into_iter()
        .collect();
    for socket in &paths.sockets {
        if !sockets.contains(socket) {
            sockets.push(socket.clone());
        }
    }
    sockets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_written_over_a_longer_one_reads_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("engine.json");
        let record = |socket: &str| EngineRecord {
            pid: 7,
            socket: socket.into(),
            version: "1".to_owned(),
        };
        std::fs::write(
            &path,
            serde_json::to_vec(&record("/a/longer/path")).unwrap(),
        )
        .unwrap();
        for socket in ["/short", "/a/path/that/is/longer/than/all/others"] {
            overwrite(&path, serde_json::to_vec(&record(socket)).unwrap()).unwrap();
            let found: EngineRecord =
                serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            assert_eq!(found, record(socket));
        }
    }
}

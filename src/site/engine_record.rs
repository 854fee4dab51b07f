//! `engine.json`: where clients find the engine that runs.

use std::path::PathBuf;

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

/// Writes the record, whole or not at all.
pub fn write(paths: &Paths, record: &EngineRecord) -> std::io::Result<()> {
    let text = serde_json::to_vec(record)?;
    let path = paths.engine_json();
    let fresh = path.with_extension("json.new");
    std::fs::write(&fresh, text)?;
    std::fs::rename(&fresh, &path)
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

//! What a person should know, collected from all parts of the store.

use std::sync::Mutex;

use super::sync::lock;
use crate::store::{Note, NoteKind};

/// More would not be read, and memory is bounded.
const MAX: usize = 256;

/// The notes of one open store.
#[derive(Debug, Default)]
pub(super) struct Notes(Mutex<Vec<Note>>);

impl Notes {
    /// As after any crash.
    pub fn recovered(&self, text: String) {
        tracing::info!("{text}");
        self.add(NoteKind::Recovered, None, text);
    }

    /// Something stored is not readable any more.
    pub fn damage(&self, run: Option<u64>, text: String) {
        tracing::error!("{text}");
        self.add(NoteKind::Damage, run, text);
    }

    pub fn list(&self) -> Vec<Note> {
        lock(&self.0).clone()
    }

    fn add(&self, kind: NoteKind, run: Option<u64>, text: String) {
        let mut notes = lock(&self.0);
        let note = Note { kind, run, text };
        if notes.len() < MAX && !notes.contains(&note) {
            notes.push(note);
        }
    }
}

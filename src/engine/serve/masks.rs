//! Which outputs are the same but for numbers, addresses and the host's own name.
//!
//! One output of each digest is read, once; the hash of what is left of it is kept. An answer reads
//! a bounded number of them, so the first ones of a run where every host wrote something else come
//! before all are compared.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::engine::Parts;
use crate::run::event::Finished;
use crate::run::fold_groups::{Alike, Key};
use crate::run::ids::{HostIx, RunId};
use crate::run::mask::mask;
use crate::run::output::{Chunk, ChunkBody, OutStream};
use crate::run::state::Run;
use crate::store::{OutputCursor, StoreError};

/// Outputs that are read for one answer.
const MOST_READ: usize = 500;
/// Bytes of each stream that are compared.
const COMPARED: usize = 64 << 10;
/// Bytes of a host's output that are looked through for the attempt.
const LOOKED: usize = 512 << 10;
/// Hashes that are kept.
const KEPT: usize = 100_000;

/// Of which output what is left when it is masked.
#[derive(Default)]
pub(super) struct Masks(Mutex<HashMap<(RunId, String), Hash>>);

type Hash = [u8; 16];

/// What the outputs of one run's groups are when they are masked, by digest.
#[derive(Default)]
pub(super) struct Masked {
    hashes: HashMap<String, Hash>,
    /// Whether there are more to be read.
    pub is_behind: bool,
}

impl Masks {
    /// What these groups wrote, masked.
    pub fn of(&self, parts: &Parts, run: &Run, groups: &[Alike<'_>]) -> Result<Masked, StoreError> {
        let mut masked = Masked::default();
        let mut left = MOST_READ;
        for group in groups {
            let (Some(last), Some(&first)) = (group.last, group.hosts.first()) else {
                continue;
            };
            let digest = &last.output.digest;
            if digest.is_empty() || masked.hashes.contains_key(digest) {
                continue;
            }
            let key = (run.id, digest.clone());
            let hash = match self.get(&key) {
                Some(hash) => hash,
                None if left == 0 => {
                    masked.is_behind = true;
                    continue;
                }
                None => {
                    left -= 1;
                    let hash = read(parts, run, first, last)?;
                    self.put(key, hash);
                    hash
                }
            };
            masked.hashes.insert(digest.clone(), hash);
        }
        Ok(masked)
    }

    fn get(&self, key: &(RunId, String)) -> Option<Hash> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).copied()
    }

    fn put(&self, key: (RunId, String), hash: Hash) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, hash);
    }
}

impl Masked {
    /// Groups that ended alike and whose outputs are the same when they are masked become one.
    pub fn merge<'r>(&self, groups: Vec<Alike<'r>>) -> Vec<Alike<'r>> {
        let mut places = HashMap::new();
        let mut merged: Vec<Alike<'r>> = Vec::new();
        for group in groups {
            let Some(like) = self.like(&group.key) else {
                merged.push(group);
                continue;
            };
            if let Some(place) = places.get(&like) {
                let known: &mut Alike<'r> = &mut merged[*place];
                known.hosts.extend(group.hosts);
            } else {
                places.insert(like, merged.len());
                merged.push(group);
            }
        }
        for group in &mut merged {
            group.hosts.sort_unstable();
        }
        merged
    }

    /// The name of an output when it is masked.
    pub fn name(&self, digest: &str) -> Option<String> {
        let hash = self.hashes.get(digest)?;
        Some(format!("~{:032x}", u128::from_be_bytes(*hash)))
    }

    /// The key with the masked output in place of its own.
    fn like<'k>(&self, key: &Key<'k>) -> Option<(Key<'k>, Hash)> {
        let Key::Ended {
            kind,
            outcome,
            step,
            digest,
            alone,
        } = *key
        else {
            return None;
        };
        let hash = *self.hashes.get(digest)?;
        let key = Key::Ended {
            kind,
            outcome,
            step,
            digest: "",
            alone,
        };
        Some((key, hash))
    }
}

/// Reads what an attempt wrote and masks it.
fn read(parts: &Parts, run: &Run, host: HostIx, last: &Finished) -> Result<Hash, StoreError> {
    let page = parts
        .store
        .read_host_output(run.id.0, host.0, OutputCursor(0), LOOKED)?;
    let names = run.names_of(host);
    let mut hasher = Sha256::new();
    for stream in OutStream::ALL {
        let wrote = written(&page.chunks, last, stream);
        hasher.update(mask(&wrote, &names));
        // Which stream it was makes a difference.
        hasher.update([0xff]);
    }
    let mut hash = Hash::default();
    for (to, from) in hash.iter_mut().zip(hasher.finalize()) {
        *to = from;
    }
    Ok(hash)
}

fn written(chunks: &[Chunk], last: &Finished, stream: OutStream) -> Vec<u8> {
    let attempt = (last.step.0, last.attempt.0, stream);
    let mut bytes = Vec::new();
    for chunk in chunks {
        if let ChunkBody::Data(data) = &chunk.body
            && (chunk.step, chunk.attempt, chunk.stream) == attempt
        {
            bytes.extend_from_slice(data);
        }
        if bytes.len() >= COMPARED {
            break;
        }
    }
    bytes.truncate(COMPARED);
    bytes
}

//! Content under the name of its digest. Small ones are journalled like any value; large ones
//! have files of their own: eight bytes of length, then zstd.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::journal::Front;
use super::kv::blob_key;
use super::sealed::{make_shard, sync_parent};
use super::shared::Shared;
use super::sync::lock;
use crate::store::{Digest, SpaceState, StoreError, failpoint};

/// Content up to this size costs no sync of its own.
const SMALL: usize = 3 << 10;

static NEW: AtomicU64 = AtomicU64::new(0);

impl Shared {
    /// Stores content; durable before anything that is appended later.
    pub fn put_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        if bytes.len() <= SMALL {
            let key = blob_key(&digest.0);
            if self.value(&key)?.is_none() {
                self.put_value(key, Some(bytes))?;
            }
            return Ok(digest);
        }
        self.check_writable()?;
        let path = self.layout.blob(&digest);
        // One at a time, so that nobody relies on a file another has not synced yet.
        let _guard = lock(&self.blob_guard);
        if !matches!(read_file(&path, &digest), Ok(Some(_))) {
            self.write_blob(&path, bytes)?;
        }
        Ok(digest)
    }

    /// The content of a digest.
    pub fn blob(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        match self.value(&blob_key(&digest.0))? {
            Some(found) if Digest::of(&found.value) == *digest => Ok(Some(found.value)),
            Some(_) => Err(damaged(digest, "its content is another")),
            None => read_file(&self.layout.blob(digest), digest),
        }
    }

    fn write_blob(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let new = path.with_extension(format!("new{}", NEW.fetch_add(1, Ordering::Relaxed)));
        let files = &*self.options.files;
        let write = || -> io::Result<()> {
            make_shard(files, path)?;
            let packed = zstd::bulk::compress(bytes, 3)?;
            let out = files.open(&new)?;
            out.set_len(0)?;
            out.write_at(0, &(bytes.len() as u64).to_le_bytes())?;
            out.write_at(8, &packed)?;
            failpoint::hit("blob.written");
            out.sync()?;
            failpoint::hit("blob.synced");
            files.rename(&new, path)?;
            sync_parent(files, path)?;
            failpoint::hit("blob.renamed");
            Ok(())
        };
        write().map_err(|error| {
            // A half file under a name of its own is nobody's; the error is what counts.
            let _ = files.remove(&new);
            StoreError::io("write", path)(error)
        })
    }

    fn check_writable(&self) -> Result<(), StoreError> {
        self.journal.look(Front::check_writing)?;
        self.space.refresh();
        if self.space.state() == SpaceState::Full {
            return Err(StoreError::NoSpace);
        }
        Ok(())
    }
}

fn read_file(path: &Path, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(StoreError::io("open", path))?,
    };
    let content = unpack(file).map_err(|error| damaged(digest, &error.to_string()))?;
    if Digest::of(&content) == *digest {
        Ok(Some(content.into()))
    } else {
        Err(damaged(digest, "its content is another"))
    }
}

fn unpack(mut file: File) -> io::Result<Vec<u8>> {
    let mut len = [0; 8];
    file.read_exact(&mut len)?;
    let mut content = Vec::new();
    // One byte more than it should have tells a longer one; it grows as it is read.
    let limit = u64::from_le_bytes(len).saturating_add(1);
    zstd::stream::read::Decoder::new(file)?
        .take(limit)
        .read_to_end(&mut content)?;
    Ok(content)
}

fn damaged(digest: &Digest, why: &str) -> StoreError {
    StoreError::DamagedBlob {
        digest: *digest,
        why: why.to_owned(),
    }
}

//! Files on their way from a client into the store.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::Session;
use crate::wire::reply::{Fault, Reply};

/// The largest file a run may push, in bytes. It is held in memory while it is on its way.
pub const MOST_FILE: usize = 256 << 20;
/// Uploads of one client at a time.
const MOST_UPLOADS: usize = 16;

/// Bytes that have arrived so far.
#[derive(Default)]
pub struct Uploads(Mutex<HashMap<u64, Vec<u8>>>);

impl Uploads {
    /// Adds bytes; the whole file when they were the last.
    fn add(&self, upload: u64, bytes: &Bytes, last: bool) -> Result<Option<Vec<u8>>, Fault> {
        let mut uploads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !uploads.contains_key(&upload) && uploads.len() >= MOST_UPLOADS {
            return Err(Fault::usage(
                "too many files at once; upload one after another",
            ));
        }
        let file = uploads.entry(upload).or_default();
        if file.len() + bytes.len() > MOST_FILE {
            uploads.remove(&upload);
            return Err(Fault::usage(format!(
                "the file is larger than {} MiB, the most a run pushes; \
                 put it on a server and let the hosts fetch it",
                MOST_FILE >> 20
            )));
        }
        file.extend_from_slice(bytes);
        Ok(if last { uploads.remove(&upload) } else { None })
    }
}

impl Session {
    pub(super) async fn upload(
        &self,
        upload: u64,
        bytes: Bytes,
        last: bool,
    ) -> Result<Reply, Fault> {
        let Some(file) = self.uploads.add(upload, &bytes, last)? else {
            return Ok(Reply::Uploaded { blob: None });
        };
        self.blocking(move |parts| {
            let digest = parts
                .store
                .put_blob(&file)
                .map_err(|error| Fault::engine(error.to_string()))?;
            Ok(Reply::Uploaded {
                blob: Some(digest.to_string()),
            })
        })
        .await
    }
}

//! A state directory has one engine: who comes second waits for its turn, or finds that it is not
//! needed.
//!
//! Two clients may start an engine at the same moment, and one may start while another ends.

use std::time::{Duration, Instant};

use crate::site::{Paths, engine_record};
use crate::store::StoreError;
use crate::store::disk::{DiskStore, Options};

/// How long the engine that holds the directory may take to be ready, or gone.
const TURN_LIMIT: Duration = Duration::from_secs(20);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Who is the engine of the directory.
pub(super) enum Claim {
    /// This process.
    Ours(DiskStore),
    /// Another, and it answers.
    Theirs,
}

/// Takes the directory. With `patience`, waits while another engine that does not answer has it.
pub(super) async fn claim(
    paths: &Paths,
    options: &Options,
    patience: bool,
) -> Result<Claim, StoreError> {
    let until = Instant::now() + TURN_LIMIT;
    loop {
        match DiskStore::open(&paths.store(), options.clone()) {
            Ok(store) => return Ok(Claim::Ours(store)),
            Err(StoreError::Locked { .. }) if patience && answers(paths) => {
                return Ok(Claim::Theirs);
            }
            Err(StoreError::Locked { .. }) if patience && Instant::now() < until => {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn answers(paths: &Paths) -> bool {
    engine_record::sockets(paths)
        .iter()
        .any(|socket| std::os::unix::net::UnixStream::connect(socket).is_ok())
}

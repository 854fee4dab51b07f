//! The store in a directory.
//!
//! Three layers. The **journal** is the truth: an append-only log of CRC frames, one sync shared
//! by all who wait. **Segments** hold host output, one file a run. The **index** (sled) answers
//! what the other two are too slow for, and is made again from them when it is damaged. Around
//! them: blobs, the events of sealed runs, and archives of what outlives the journal's files.
//!
//! Three threads: the journal's writer, the output's writer, and the keeper that follows both.
//! Callers touch memory and read files; the threads do the rest.
//!
//! What this must never do: acknowledge before a sync, sync again after one failed, let sled
//! decide what is true, or remove something before what replaces it is durable.

mod archive;
mod aside;
mod blobs;
mod codec;
mod directory;
mod entry;
pub mod files;
mod frame;
mod health;
mod imp;
mod index;
mod journal;
mod keeper;
mod kv;
mod layout;
mod notes;
mod open;
mod options;
mod runs;
mod sealed;
mod segment;
mod shared;
mod space;
mod sync;
mod verify;

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

pub use self::options::{Marks, Options};

use self::directory::Lock;
use self::journal::Stop;
use self::keeper::Task;
use self::shared::Shared;
use self::sync::lock;
use crate::store::StoreError;

/// A store in a directory. See the module's first lines.
#[derive(Debug)]
pub struct DiskStore {
    shared: Arc<Shared>,
    threads: Mutex<Option<Threads>>,
    /// Given up last, when nothing is written any more.
    directory: Mutex<Option<Lock>>,
}

#[derive(Debug)]
struct Threads {
    journal: JoinHandle<()>,
    output: JoinHandle<()>,
    keeper: JoinHandle<()>,
}

impl DiskStore {
    /// Writes, syncs, ends the threads and lets go of the directory. Again: does nothing.
    fn end(&self) {
        let Some(threads) = lock(&self.threads).take() else {
            return;
        };
        // The journal may wait for output, so that ends after it; the keeper hears from both.
        self.shared.journal.stop(Stop::Drain);
        let _ = threads.journal.join();
        self.shared.outputs.stop();
        let _ = threads.output.join();
        let _ = self.shared.keeper.send(Task::Stop);
        let _ = threads.keeper.join();
        self.shared.index.close();
        *lock(&self.directory) = None;
    }

    /// Ends the threads as a kill would: what is queued is lost.
    #[cfg(test)]
    pub(in crate::store) fn die(&self) {
        let Some(threads) = lock(&self.threads).take() else {
            return;
        };
        self.shared.journal.stop(Stop::Now);
        self.shared.outputs.stop_now();
        let _ = self.shared.keeper.send(Task::StopNow);
        let _ = threads.journal.join();
        let _ = threads.output.join();
        let _ = threads.keeper.join();
        self.shared.index.supervise(false);
        self.shared.index.close();
        *lock(&self.directory) = None;
    }

    fn check_open(&self) -> Result<(), StoreError> {
        self.shared.journal.lock().check_open()
    }
}

impl Drop for DiskStore {
    fn drop(&mut self) {
        self.end();
    }
}

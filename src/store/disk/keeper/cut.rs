//! Cuts the journal behind what is still live.
//!
//! A closed file goes when three things are true: what must outlive it is in the archives and
//! synced, the index is synced past it, and no run that is not sealed has records in it. A run
//! that goes on for long has what is left of it in an old file copied forward.

use bytes::Bytes;

use super::Keeper;
use crate::store::disk::entry::{Entry, Item};
use crate::store::disk::files::is_no_space;
use crate::store::disk::frame::{self, Items};
use crate::store::disk::journal::copy_forward;
use crate::store::{Lsn, StoreError, Stream, failpoint};

impl Keeper {
    pub(super) fn cut(&mut self) {
        if let Err(error) = self.try_cut() {
            match &error {
                StoreError::Io { source, .. } if !is_no_space(source) => {
                    // A failed sync of an archive may have lost what the journal still holds,
                    // but is about to let go of.
                    self.shared.journal.fail(&error.to_string());
                }
                _ => tracing::debug!("the journal is not cut for now: {error}"),
            }
        }
    }

    fn try_cut(&mut self) -> Result<(), StoreError> {
        let journal = self.shared.journal.clone();
        let limit = self.shared.options.log_files;
        // Not all there are: whoever writes without a pause must not keep the rest from its turn.
        for _ in 0..limit {
            let Some(number) = journal.look(|front| front.files.to_archive()) else {
                break;
            };
            self.archive(number)?;
        }
        let at_least = self.shared.options.key_archive_bytes;
        self.shared.keys.compact_if_due(at_least)?;
        self.remove_files()?;
        while let Some(number) = journal.look(|front| front.files.to_copy_forward(limit)) {
            copy_forward(&journal, number)?;
            failpoint::hit("cut.copied_forward");
            self.remove_files()?;
        }
        Ok(())
    }

    /// Copies what must outlive a file of the journal into the archives.
    fn archive(&self, number: u64) -> Result<(), StoreError> {
        let path = self.shared.layout.log_file(number);
        let bytes = std::fs::read(&path).map_err(StoreError::io("read", &path))?;
        let items = items(&bytes);
        self.shared.audit.append(&items)?;
        self.shared.engine.append(&items)?;
        self.shared.keys.append(&items)?;
        let mut front = self.shared.journal.lock();
        front.files.archived(number);
        for (stream, next) in [
            (Stream::Audit, self.shared.audit.next_seq()),
            (Stream::Engine, self.shared.engine.next_seq()),
        ] {
            if let Some(slots) = front.streams.get_mut(&stream) {
                slots.forget_before(next);
            }
        }
        Ok(())
    }

    fn remove_files(&mut self) -> Result<(), StoreError> {
        let journal = self.shared.journal.clone();
        while let Some((number, last)) = journal.look(|front| front.files.to_remove()) {
            if !self.index_is_past(last) {
                return Ok(());
            }
            // That a run's records are not needed may have been said by an entry that is still on
            // its way to the disk.
            let said = journal.look(|front| front.next - 1);
            journal.wait_durable(said)?;
            let path = self.shared.layout.log_file(number);
            let files = &self.shared.options.files;
            files
                .remove(&path)
                .map_err(StoreError::io("remove", &path))?;
            // One by one: what a file says of runs must not go before what they wrote in older
            // ones.
            let dir = self.shared.layout.dir("log");
            files.sync_dir(&dir).map_err(StoreError::io("sync", &dir))?;
            failpoint::hit("cut.unlinked");
            let mut front = journal.lock();
            front.files.remove(number);
            front.places = front.places.split_off(&(last + 1));
        }
        Ok(())
    }

    /// Whether the index is synced past an LSN; makes it so if it can.
    fn index_is_past(&mut self, lsn: Lsn) -> bool {
        if self.shared.index.is_in_memory() {
            return false;
        }
        if self.dirty || self.shared.index.applied() < lsn {
            self.give();
            self.dirty = true;
            self.flush();
        }
        !self.dirty && self.shared.index.applied() >= lsn
    }
}

/// All items of a file of the journal.
pub(super) fn items(bytes: &[u8]) -> Vec<Item> {
    let entries = Items::new(bytes).filter_map(|item| match item {
        frame::Item::Entry { bytes, .. } => Entry::decode(Bytes::from(bytes.into_owned())),
        frame::Item::Bad { .. } => None,
    });
    entries.flat_map(|entry| entry.items).collect()
}

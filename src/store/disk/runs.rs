//! The end of runs: sealing them, and deleting them.

use std::sync::mpsc::channel;

use super::entry::{Item, Op};
use super::keeper::Task;
use super::shared::Shared;
use super::sync::lock;
use crate::store::{Digest, Record, StoreError, StoreNote, Stream, audit, failpoint};

impl Shared {
    /// Seals a run; see [`crate::store::Store::seal`].
    pub fn seal(&self, run: u64) -> Result<Digest, StoreError> {
        let _guard = lock(&self.admin);
        self.journal.lock().check_open()?;
        if !self.is_live(run) {
            let known = self.sealed.root(run)?.map(|(root, _)| root);
            return known.ok_or(StoreError::UnknownRun { run });
        }
        self.set_closing(run, true);
        let sealed = self.seal_closing(run);
        if sealed.is_err() {
            self.set_closing(run, false);
        }
        sealed
    }

    fn seal_closing(&self, run: u64) -> Result<Digest, StoreError> {
        self.outputs.end(run)?;
        let last = self.journal.lock().next - 1;
        self.journal.wait_durable(last)?;
        let known = if self.sealed.contains(run) {
            self.sealed.root(run)
        } else {
            Ok(None)
        };
        // A file without its end is from a disk that went bad; the journal still has it all.
        let (root, records) = match known {
            Ok(Some(known)) => known,
            Ok(None) | Err(StoreError::Damaged { .. }) => {
                self.sealed.write(run, &self.live_records(run)?)?
            }
            Err(error) => return Err(error),
        };
        let note = StoreNote::Sealed { run, root, records };
        self.journal.note(&note, |lsn| {
            vec![Item {
                lsn,
                op: Op::Sealed { run, root, records },
            }]
        })?;
        failpoint::hit("seal.noted");
        // The keeper ends after everybody else.
        let _ = self.keeper.send(Task::Retire(run));
        Ok(root)
    }

    /// Deletes a run; see [`crate::store::Store::drop_run`].
    pub fn drop_run(&self, run: u64, policy: &str) -> Result<(), StoreError> {
        let _guard = lock(&self.admin);
        self.journal.lock().check_open()?;
        let has_output = self.outputs.readable(run)?.is_some();
        let root = self.present_root(run, has_output)?;
        self.set_closing(run, true);
        let dropped = self.drop_closing(run, root, policy);
        if dropped.is_err() {
            self.set_closing(run, false);
        }
        dropped
    }

    fn drop_closing(&self, run: u64, root: Digest, policy: &str) -> Result<(), StoreError> {
        self.outputs.end(run)?;
        let note = StoreNote::Dropped {
            run,
            root,
            policy: policy.to_owned(),
        };
        self.journal.note(&note, |lsn| {
            vec![Item {
                lsn,
                op: Op::Dropped { run },
            }]
        })?;
        failpoint::hit("drop.noted");
        self.outputs.forget(run);
        let (told, done) = channel();
        let _ = self.keeper.send(Task::ForgetRun(run, told));
        // An index in trouble is made again without it; then nobody says that it was told.
        let forgotten = done.recv().unwrap_or(false);
        self.delete_files(run)?;
        if forgotten {
            self.journal.gone(run);
        }
        Ok(())
    }

    /// Removes what a dropped run left; what is gone already is fine.
    pub fn delete_files(&self, run: u64) -> Result<(), StoreError> {
        self.sealed.remove(run)?;
        failpoint::hit("drop.events_unlinked");
        let segment = self.layout.segment(run);
        self.options
            .files
            .remove(&segment)
            .map_err(StoreError::io("remove", &segment))?;
        failpoint::hit("drop.output_unlinked");
        for path in [self.layout.sealed(run), segment] {
            if let Some(dir) = path.parent().filter(|dir| dir.is_dir()) {
                self.options
                    .files
                    .sync_dir(dir)
                    .map_err(StoreError::io("sync", dir))?;
            }
        }
        Ok(())
    }

    fn is_live(&self, run: u64) -> bool {
        self.journal.first_live(Stream::Run(run)).is_some()
    }

    fn set_closing(&self, run: u64, closing: bool) {
        if let Some(slots) = self.journal.lock().streams.get_mut(&Stream::Run(run)) {
            slots.closing = closing;
        }
        if !closing && self.is_live(run) {
            self.outputs.reopen(run);
        }
    }

    fn live_records(&self, run: u64) -> Result<Vec<Record>, StoreError> {
        let linked = self.journal.read(Stream::Run(run), 0, usize::MAX)?;
        Ok(linked.into_iter().map(|found| found.record).collect())
    }

    /// The root of a run as it is now: sealed, live, or nothing but output.
    fn present_root(&self, run: u64, has_output: bool) -> Result<Digest, StoreError> {
        if self.is_live(run) {
            return Ok(super::sealed::root_of(run, &self.live_records(run)?));
        }
        match self.sealed.root(run) {
            Ok(Some((root, _))) => Ok(root),
            Ok(None) if has_output => Ok(audit::run_root(run)),
            Ok(None) => Err(StoreError::UnknownRun { run }),
            // It is damaged; what can be read of it is what is deleted.
            Err(StoreError::Damaged { .. }) => {
                let found = self.sealed.computed_root(run)?;
                Ok(found.map_or_else(|| audit::run_root(run), |(root, _)| root))
            }
            Err(error) => Err(error),
        }
    }
}

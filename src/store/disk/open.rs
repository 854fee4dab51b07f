//! Puts an open store together, in the order in which the parts know of each other.

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};

use super::archive::{KeyArchive, RecordArchive};
use super::index::Index;
use super::journal::{Archived, Journal, LogFiles, Put, Recovered, Writer, recover};
use super::keeper::{Keeper, Task};
use super::layout::Layout;
use super::notes::Notes;
use super::sealed::Sealed;
use super::segment::{OutputWriter, Outputs};
use super::shared::Shared;
use super::space::Space;
use super::{DiskStore, Options, Threads, directory};
use crate::store::{Lsn, SpaceState, StoreError, Stream};

/// What is built before the threads run.
struct Parts {
    shared: Arc<Shared>,
    tasks: Receiver<Task>,
    log: LogFiles,
    puts: Vec<Put>,
    dropped: Vec<u64>,
}

impl DiskStore {
    /// Opens the store in a directory, which is made if it is not there. Blocks while it reads
    /// what is live.
    pub fn open(path: &Path, options: Options) -> Result<Self, StoreError> {
        let layout = Layout::new(path);
        let lock = directory::take(&layout, &*options.files)?;
        let parts = build(&layout, options)?;
        let (shared, dropped) = (parts.shared.clone(), parts.dropped.clone());
        let threads = start(parts).map_err(StoreError::io("start the threads of", path))?;
        let store = Self {
            shared,
            threads: Mutex::new(Some(threads)),
            directory: Mutex::new(Some(lock)),
        };
        // An index on disk that is done without for now may still know them.
        if !store.shared.index.is_in_memory() {
            for run in dropped {
                store.shared.journal.gone(run);
            }
        }
        store.finish_sealing()?;
        Ok(store)
    }

    /// A crash may have come between the file of a sealed run and the note of it.
    fn finish_sealing(&self) -> Result<(), StoreError> {
        for run in self.shared.journal.live_runs() {
            if !self.shared.sealed.contains(run) {
                continue;
            }
            match self.shared.seal(run) {
                Ok(_) => self
                    .shared
                    .notes
                    .recovered(format!("sealing run {run} was finished")),
                Err(StoreError::NoSpace) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn build(layout: &Layout, options: Options) -> Result<Parts, StoreError> {
    let notes = Arc::new(Notes::default());
    let files = options.files.clone();
    let space = Arc::new(Space::open(layout, options.marks, files.clone())?);
    let archive = |name, stream| RecordArchive::open(layout, name, stream, files.clone(), &notes);
    let audit = archive("audit", Stream::Audit)?;
    let engine = archive("engine", Stream::Engine)?;
    let keys = KeyArchive::open(layout, files.clone(), &notes)?;
    let full = space.state() == SpaceState::Full;
    let index = Arc::new(Index::open(layout, &options, notes.clone(), full));
    let known = [
        audit.last_lsn(),
        engine.last_lsn(),
        keys.last_lsn(),
        index.applied(),
    ];
    let archived = Archived {
        audit_next: audit.next_seq(),
        audit_head: audit.head(),
        engine_next: engine.next_seq(),
        known_durable: known.into_iter().max().unwrap_or(0),
    };
    let recovered = recover(layout, &options, &notes, &archived)?;
    let (keeper, tasks) = channel();
    let log = LogFiles::open(layout, &options, recovered.number, recovered.end)?;
    let (first, clean) = (recovered.first, recovered.clean);
    let Recovered {
        mut front,
        mut puts,
        dropped,
        ..
    } = recovered;
    add_current_file(layout, &mut front, &log)?;
    let journal = Arc::new(Journal::new(front, layout, space.clone(), &options));
    let outputs = Arc::new(Outputs::new(
        layout,
        &options,
        space.clone(),
        index.clone(),
        notes.clone(),
        keeper.clone(),
    ));
    let shared = Arc::new(Shared {
        layout: layout.clone(),
        sealed: Sealed::new(layout, files),
        options,
        notes,
        space,
        journal,
        outputs,
        index,
        audit,
        engine,
        keys,
        keeper,
        admin: Mutex::default(),
        blob_guard: Mutex::default(),
        sizes: Mutex::default(),
    });
    shared.prepare(first, &dropped, clean)?;
    let applied = shared.index.applied();
    puts.retain(|put| put.lsn > applied);
    for put in &puts {
        shared
            .journal
            .lock()
            .overlay
            .put(put.lsn, &put.key, put.value.as_ref());
    }
    Ok(Parts {
        shared,
        tasks,
        log,
        puts,
        dropped,
    })
}

/// A journal without files gets its first one.
fn add_current_file(
    layout: &Layout,
    front: &mut super::journal::Front,
    log: &LogFiles,
) -> Result<(), StoreError> {
    if front.files.get(log.number()).is_none() {
        let path = layout.log_file(log.number());
        let file = std::fs::File::open(&path).map_err(StoreError::io("open", &path))?;
        front.files.add(log.number(), file);
    }
    Ok(())
}

impl Shared {
    /// Makes the index and the output agree with the journal. A sled that the disk gives no room
    /// to work is done without: what it knew is read again.
    fn prepare(&self, first: Option<Lsn>, dropped: &[u64], clean: bool) -> Result<(), StoreError> {
        match self.try_prepare(first, dropped, clean) {
            Err(StoreError::Index { why }) if !self.index.is_in_memory() => {
                self.index.start_in_memory(&why);
                self.index.mended();
                self.try_prepare(first, dropped, clean)
            }
            other => other,
        }
    }

    fn try_prepare(
        &self,
        first: Option<Lsn>,
        dropped: &[u64],
        clean: bool,
    ) -> Result<(), StoreError> {
        self.catch_index_up(first)?;
        self.finish_dropping(dropped)?;
        self.outputs.open(&self.options, clean)
    }

    /// A crash may have come between a note that a run is dropped and the last of its files.
    fn finish_dropping(&self, runs: &[u64]) -> Result<(), StoreError> {
        for run in runs {
            self.index
                .drop_run(*run)
                .map_err(|why| StoreError::Index { why })?;
            self.delete_files(*run)?;
        }
        if !runs.is_empty() {
            self.index
                .flush()
                .map_err(|why| StoreError::Index { why })?;
        }
        Ok(())
    }

    /// The journal may begin after what the index has seen: an older index was put back, or a
    /// damaged one was moved aside.
    fn catch_index_up(&self, first: Option<Lsn>) -> Result<(), StoreError> {
        let applied = self.index.applied();
        let behind = match first {
            Some(first) => applied + 1 < first,
            None => applied < self.keys.last_lsn(),
        };
        if !behind {
            return Ok(());
        }
        if applied > 0 {
            let why = "it ended before the journal begins";
            if let Err(why) = self.index.start_empty(why) {
                self.index.start_in_memory(&why);
            }
        }
        self.fill_index_from_archive()
    }
}

fn start(parts: Parts) -> io::Result<Threads> {
    let Parts {
        shared,
        tasks,
        log,
        puts,
        ..
    } = parts;
    let seen = shared.journal.look(|front| front.durable);
    let outputs = shared.outputs.clone();
    let writer = Writer {
        journal: shared.journal.clone(),
        files: log,
        barrier: Box::new(move |run, ticket| outputs.wait_synced(run, ticket)),
        keeper: shared.keeper.clone(),
    };
    let output = OutputWriter::new(
        shared.outputs.clone(),
        shared.options.files.clone(),
        shared.options.sync_interval,
    )?;
    shared.index.supervise(true);
    let journal = shared.journal.clone();
    let output = spawn("store-output", move || {
        if let Err(reason) = output.run() {
            journal.fail(&reason);
        }
    })?;
    let (journal, prepared) = start_journal(writer)?;
    let keeper = Keeper::new(shared, tasks, puts, seen);
    let keeper = spawn("store-keeper", move || keeper.run())?;
    // The first append must not be refused because the first file was not claimed yet.
    let _ = prepared.recv();
    Ok(Threads {
        journal,
        output,
        keeper,
    })
}

fn start_journal(writer: Writer) -> io::Result<(JoinHandle<()>, Receiver<()>)> {
    let (prepared, ready): (Sender<()>, _) = channel();
    let thread = spawn("store-journal", move || writer.run(&prepared))?;
    Ok((thread, ready))
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name(name.to_owned()).spawn(work)
}

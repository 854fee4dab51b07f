//! Power loss at every moment: all file operations of some work are recorded, and each prefix of
//! them is made into a directory as a disk might hold it. What was synced is there; what was not
//! is gone, or there in part. Every acknowledged record must be found, and nothing may look like
//! damage. The index is left out: it is made again each time.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::kill::quick_dir;
use super::rig::full_or;
use super::work::{self, Facts, Random, Worker};
use crate::store::Store;
use crate::store::disk::files::{Files, Out, RealFiles};
use crate::store::disk::{DiskStore, Options};

/// A file operation, or something that was acknowledged after those before.
#[derive(Debug, Clone)]
enum Op {
    CreateDir(PathBuf),
    Open(PathBuf, usize),
    Write(usize, u64, Vec<u8>),
    SetLen(usize, u64),
    Sync(usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    SyncDir(PathBuf),
    Said(String),
}

#[derive(Debug, Default)]
struct Tape {
    ops: Vec<Op>,
    files: BTreeMap<PathBuf, usize>,
    count: usize,
}

/// Does what it is asked and writes it down, one operation after the other.
#[derive(Debug, Clone)]
struct Recorder {
    root: PathBuf,
    tape: Arc<Mutex<Tape>>,
}

#[derive(Debug)]
struct RecordedOut {
    out: Arc<dyn Out>,
    id: usize,
    tape: Arc<Mutex<Tape>>,
}

impl Recorder {
    fn record<T>(
        &self,
        act: impl FnOnce() -> io::Result<T>,
        op: impl FnOnce(&mut Tape) -> Option<Op>,
    ) -> io::Result<T> {
        let mut tape = self.tape.lock().unwrap();
        let result = act()?;
        let op = op(&mut tape);
        tape.ops.extend(op);
        Ok(result)
    }

    fn name(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).unwrap_or(path).to_owned()
    }
}

impl Files for Recorder {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.record(
            || RealFiles.create_dir(path),
            |_| Some(Op::CreateDir(self.name(path))),
        )
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn Out>> {
        let name = self.name(path);
        let mut id = 0;
        let out = self.record(
            || RealFiles.open(path),
            |tape| {
                let known = tape.files.get(&name).copied();
                id = known.unwrap_or(tape.count);
                tape.count += usize::from(known.is_none());
                tape.files.insert(name.clone(), id);
                Some(Op::Open(name, id))
            },
        )?;
        Ok(Arc::new(RecordedOut {
            out,
            id,
            tape: self.tape.clone(),
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (old, new) = (self.name(from), self.name(to));
        self.record(
            || RealFiles.rename(from, to),
            |tape| {
                let id = tape.files.remove(&old).unwrap();
                tape.files.insert(new.clone(), id);
                Some(Op::Rename(old, new))
            },
        )
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let name = self.name(path);
        self.record(
            || RealFiles.remove(path),
            |tape| tape.files.remove(&name).map(|_| Op::Remove(name)),
        )
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.record(|| Ok(()), |_| Some(Op::SyncDir(self.name(path))))
    }
}

impl RecordedOut {
    fn record(
        &self,
        act: impl FnOnce(&dyn Out) -> io::Result<()>,
        op: Option<Op>,
    ) -> io::Result<()> {
        let mut tape = self.tape.lock().unwrap();
        act(&*self.out)?;
        tape.ops.extend(op);
        Ok(())
    }
}

impl Out for RecordedOut {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let op = Op::Write(self.id, offset, bytes.to_vec());
        self.record(|out| out.write_at(offset, bytes), Some(op))
    }

    fn sync(&self) -> io::Result<()> {
        self.record(|_| Ok(()), Some(Op::Sync(self.id)))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.record(|out| out.set_len(len), Some(Op::SetLen(self.id, len)))
    }

    fn reserve(&self, len: u64) -> io::Result<()> {
        self.record(|out| out.reserve(len), None)
    }
}

/// Puts what a worker says onto the tape.
struct Mouth {
    tape: Arc<Mutex<Tape>>,
    line: Vec<u8>,
}

impl Write for Mouth {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        while let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.line.drain(..=end).collect();
            let text = String::from_utf8_lossy(&line[..end]).into_owned();
            self.tape.lock().unwrap().ops.push(Op::Said(text));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file as it is and as it is on the disk.
#[derive(Debug, Default, Clone)]
struct Inode {
    current: Vec<u8>,
    durable: Vec<u8>,
    /// Since the last sync; a length is written as nothing at its end.
    pending: Vec<(u64, Option<Vec<u8>>)>,
}

/// What is on the disk, and what is on its way there.
#[derive(Debug, Default)]
struct Disk {
    inodes: BTreeMap<usize, Inode>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    dirs: BTreeSet<PathBuf>,
    durable_dirs: BTreeSet<PathBuf>,
}

fn write(content: &mut Vec<u8>, offset: u64, bytes: Option<&[u8]>) {
    let start = offset as usize;
    match bytes {
        None => content.resize(start, 0),
        Some(bytes) => {
            let end = start + bytes.len();
            content.resize(content.len().max(end), 0);
            content[start..end].copy_from_slice(bytes);
        }
    }
}

fn is_in(path: &Path, dir: &Path) -> bool {
    path.parent() == Some(dir)
}

impl Disk {
    fn apply(&mut self, op: &Op) {
        match op {
            Op::CreateDir(path) => drop(self.dirs.insert(path.clone())),
            Op::Open(path, id) => {
                self.inodes.entry(*id).or_default();
                self.names.insert(path.clone(), *id);
            }
            Op::Write(id, offset, bytes) => self.change(*id, *offset, Some(bytes)),
            Op::SetLen(id, len) => self.change(*id, *len, None),
            Op::Sync(id) => {
                let inode = self.inodes.get_mut(id).unwrap();
                inode.durable.clone_from(&inode.current);
                inode.pending.clear();
            }
            Op::Rename(from, to) => {
                let id = self.names.remove(from).unwrap();
                self.names.insert(to.clone(), id);
            }
            Op::Remove(path) => drop(self.names.remove(path)),
            Op::SyncDir(dir) => self.sync_dir(dir),
            Op::Said(_) => {}
        }
    }

    fn change(&mut self, id: usize, offset: u64, bytes: Option<&[u8]>) {
        let inode = self.inodes.get_mut(&id).unwrap();
        write(&mut inode.current, offset, bytes);
        inode.pending.push((offset, bytes.map(<[u8]>::to_vec)));
    }

    fn sync_dir(&mut self, dir: &Path) {
        self.durable_names.retain(|path, _| !is_in(path, dir));
        let names = self.names.iter().filter(|(path, _)| is_in(path, dir));
        self.durable_names
            .extend(names.map(|(path, id)| (path.clone(), *id)));
        self.durable_dirs
            .extend(self.dirs.iter().filter(|path| is_in(path, dir)).cloned());
    }

    /// Makes a directory as the disk might hold it: of what is not synced either nothing is
    /// there, or some of it, in no order.
    fn make(&self, root: &Path, chance: Option<&mut Random>) {
        let mut chance = chance;
        let mut lucky = |of: u64| chance.as_mut().is_some_and(|random| random.below(of) == 0);
        let early = |path: &PathBuf, lucky: &mut dyn FnMut(u64) -> bool| {
            self.durable_dirs.contains(path) || lucky(2)
        };
        let mut dirs = vec![PathBuf::new()];
        for dir in &self.dirs {
            if dirs.iter().any(|parent| is_in(dir, parent)) && early(dir, &mut lucky) {
                std::fs::create_dir(root.join(dir)).unwrap();
                dirs.push(dir.clone());
            }
        }
        for dir in &dirs {
            let names = if lucky(2) {
                &self.names
            } else {
                &self.durable_names
            };
            for (path, id) in names.iter().filter(|(path, _)| is_in(path, dir)) {
                let inode = &self.inodes[id];
                let mut content = inode.durable.clone();
                for (offset, bytes) in &inode.pending {
                    if lucky(2) {
                        let part = bytes.as_ref().map(|bytes| {
                            let end = if lucky(2) {
                                bytes.len()
                            } else {
                                bytes.len() / 2
                            };
                            &bytes[..end]
                        });
                        write(&mut content, *offset, part);
                    }
                }
                std::fs::write(root.join(path), content).unwrap();
            }
        }
    }
}

/// Files so small that the journal is cut within the work recorded.
fn options() -> Options {
    Options {
        log_file_bytes: 24 << 10,
        ..work::options()
    }
}

/// Work with some closes and openings between.
fn record(rounds: u64, seed: u64) -> Vec<Op> {
    let dir = quick_dir();
    let tape = Arc::new(Mutex::new(Tape::default()));
    let recorder = Recorder {
        root: dir.path().to_owned(),
        tape: tape.clone(),
    };
    for part in 0..3 {
        let files = Arc::new(recorder.clone());
        let store = DiskStore::open(dir.path(), Options { files, ..options() }).unwrap();
        let mut mouth = Mouth {
            tape: tape.clone(),
            line: Vec::new(),
        };
        Worker::new(&store, seed + part, &mut mouth).work(rounds / 3);
        if part == 0 {
            store.close().unwrap();
        } else {
            store.die();
        }
    }
    std::mem::take(&mut tape.lock().unwrap().ops)
}

fn check(disk: &Disk, facts: &Facts, chance: Option<&mut Random>) {
    let dir = quick_dir();
    disk.make(dir.path(), chance);
    let store = DiskStore::open(dir.path(), options()).unwrap();
    facts.check(&store);
    store.die();
}

#[test]
fn what_was_acknowledged_survives_power_loss_after_every_operation() {
    for seed in 0..full_or(4, 1) {
        let mut disk = Disk::default();
        let mut facts = Facts::default();
        let mut random = Random::new(seed + 1);
        let ops = record(full_or(90, 45), seed * 100);
        for op in &ops {
            disk.apply(op);
            if let Op::Said(line) = op {
                facts.hear(line);
                continue;
            }
            check(&disk, &facts, None);
            check(&disk, &facts, Some(&mut random));
        }
        assert!(facts.count() > 50);
        let removed = |dir: &str| {
            ops.iter()
                .any(|op| matches!(op, Op::Remove(path) if path.starts_with(dir)))
        };
        assert!(removed("log") && removed("kv"), "the work was too short");
    }
}

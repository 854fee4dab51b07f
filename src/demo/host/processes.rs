//! The processes of a demo host that sessions started.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::demo::vfs::{Author, Vfs, Write};

/// A signal's name without `SIG`.
pub type Signal = String;

/// The first pid that a session may get; those of the system are below.
const FIRST_PID: u32 = 4100;
const LAST_PID: u32 = 4_194_303;

/// The process table.
#[derive(Default)]
pub struct Processes {
    last: u32,
    live: BTreeMap<u32, Entry>,
}

struct Entry {
    info: ProcessInfo,
    kill: watch::Sender<Option<Signal>>,
}

/// What `ps` and `/proc` tell of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Its number.
    pub pid: u32,
    /// The process that started it.
    pub parent: u32,
    /// The first process of its session, which is its group, too.
    pub session: u32,
    /// Who runs it.
    pub user: String,
    /// What was asked for.
    pub command: String,
    /// When it started, by the host's clock.
    pub started: DateTime<Utc>,
    /// When it started, in hundredths of a second since the host did.
    pub ticks: i64,
}

impl ProcessInfo {
    /// `/proc/PID/stat`, of which the start time is the 22nd field.
    fn stat(&self) -> String {
        let Self {
            pid,
            parent,
            session,
            ticks,
            ..
        } = self;
        format!(
            "{pid} (sh) S {parent} {session} {session} 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 {ticks} 0 0\n"
        )
    }
}

/// A process; it leaves the table and `/proc` when this is dropped.
pub struct Process {
    pid: u32,
    killed: watch::Receiver<Option<Signal>>,
    table: Arc<Mutex<Processes>>,
    files: Arc<Mutex<Vfs>>,
}

impl Processes {
    /// Adds a process with the next number; without a parent it leads a session of its own.
    pub fn start(
        table: &Arc<Mutex<Self>>,
        files: &Arc<Mutex<Vfs>>,
        parent: Option<u32>,
        mut info: ProcessInfo,
    ) -> Process {
        let (kill, killed) = watch::channel(None);
        let mut processes = lock(table);
        let pid = processes.next_pid();
        let inherited = parent.and_then(|parent| processes.live.get(&parent));
        info.pid = pid;
        info.command = title(&info.command);
        info.parent = parent.unwrap_or(1);
        info.session = inherited.map_or(pid, |parent| parent.info.session);
        show(files, &info);
        processes.live.insert(pid, Entry { info, kill });
        Process {
            pid,
            killed,
            table: Arc::clone(table),
            files: Arc::clone(files),
        }
    }

    /// Makes `pid` the first of a session of its own.
    pub fn lead(&mut self, files: &Mutex<Vfs>, pid: u32) {
        if let Some(entry) = self.live.get_mut(&pid) {
            entry.info.session = pid;
            show(files, &entry.info);
        }
    }

    /// Says what `pid` runs from now on.
    pub fn retitle(&mut self, pid: u32, command: &str) {
        if let Some(entry) = self.live.get_mut(&pid) {
            entry.info.command = title(command);
        }
    }

    /// Sends `signal` to `pid`; those that only ask or pause have no effect.
    pub fn signal(&mut self, pid: u32, signal: &Signal) -> bool {
        let Some(entry) = self.live.get(&pid) else {
            return false;
        };
        if is_fatal(signal) {
            entry.kill.send_replace(Some(signal.clone()));
        }
        true
    }

    /// All of them, by pid.
    pub fn list(&self) -> Vec<ProcessInfo> {
        self.live.values().map(|entry| entry.info.clone()).collect()
    }

    fn next_pid(&mut self) -> u32 {
        loop {
            self.last = match self.last {
                last if (FIRST_PID..LAST_PID).contains(&last) => last + 1,
                _ => FIRST_PID,
            };
            if !self.live.contains_key(&self.last) {
                return self.last;
            }
        }
    }
}

impl Process {
    /// Its number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until a signal ends it.
    pub async fn killed(&mut self) -> Signal {
        loop {
            if let Some(signal) = self.killed.borrow_and_update().clone() {
                return signal;
            }
            if self.killed.changed().await.is_err() {
                return "KILL".to_owned();
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        lock(&self.table).live.remove(&self.pid);
        // Where the disk was full it was never there.
        let _ = lock(&self.files).remove_tree(&format!("/proc/{}", self.pid));
    }
}

/// As much of a command as `ps` has use for.
fn title(command: &str) -> String {
    command.chars().take(200).collect()
}

fn show(files: &Mutex<Vfs>, info: &ProcessInfo) {
    let by = Author::new(&info.user, info.started.timestamp());
    let directory = format!("/proc/{}", info.pid);
    let mut files = lock(files);
    // A full disk hides processes; the host is odd enough then.
    let _ = files.make_directories(&directory, &by);
    let _ = files.write(
        &format!("{directory}/stat"),
        info.stat().as_bytes(),
        Write::Replace,
        &by,
    );
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a signal ends what it is sent to; the others only ask, pause or go on.
pub fn is_fatal(signal: &str) -> bool {
    !matches!(
        signal,
        "0" | "CONT" | "STOP" | "TSTP" | "CHLD" | "WINCH" | "URG"
    )
}

/// The number of a signal by its name; that of `TERM` for one that is not known.
pub fn signal_number(name: &str) -> u32 {
    match name {
        "HUP" => 1,
        "INT" => 2,
        "QUIT" => 3,
        "ABRT" => 6,
        "KILL" => 9,
        "USR1" => 10,
        "USR2" => 12,
        "PIPE" => 13,
        "ALRM" => 14,
        _ => 15,
    }
}

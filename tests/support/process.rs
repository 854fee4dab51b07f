//! A process that is not our child, named so that its pid cannot be mistaken for that of a later one.

use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};

use super::{PATIENCE, wait_until};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    start_time: u64,
}

impl Process {
    /// The process that has this pid now.
    pub fn find(pid: u32) -> Option<Self> {
        start_time(pid).map(|start_time| Self { pid, start_time })
    }

    /// A zombie counts as gone: whoever should bury it is not under test.
    pub fn is_alive(&self) -> bool {
        start_time(self.pid) == Some(self.start_time)
    }

    /// The program it runs, even if that file has been replaced since.
    pub fn program(&self) -> Option<PathBuf> {
        let exe = std::fs::read_link(format!("/proc/{}/exe", self.pid)).ok()?;
        let text = exe.to_str()?;
        Some(PathBuf::from(
            text.strip_suffix(" (deleted)").unwrap_or(text),
        ))
    }

    pub fn signal(&self, signal: Signal) {
        if self.is_alive() {
            let pid = i32::try_from(self.pid)
                .ok()
                .and_then(Pid::from_raw)
                .expect("a pid is a positive number");
            let _ = kill_process(pid, signal);
        }
    }

    /// SIGKILL, and wait until it is gone.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
        wait_until(
            &format!("process {} to be gone", self.pid),
            PATIENCE,
            || !self.is_alive(),
        );
    }
}

/// In clock ticks since boot: field 22 of /proc/PID/stat, counted from behind the name, which may hold anything.
fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ');
    match fields.next()? {
        "Z" | "X" => None,
        _ => fields.nth(18)?.parse().ok(),
    }
}

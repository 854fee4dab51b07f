//! Runs the real binary with a home of its own, and never leaves an engine behind.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use super::{Ended, PATIENCE, Process, Running, Scratch, wait_for, wait_until};

/// One instance of `conn`: engine, state and all. Nothing of the user's environment reaches it.
pub struct Conn {
    dir: Scratch,
    program: PathBuf,
    env: Vec<(OsString, OsString)>,
}

impl Conn {
    pub fn new() -> Self {
        let dir = Scratch::new("home");
        std::fs::create_dir(dir.path().join("user")).expect("a fresh directory takes another");
        let user = dir.path().join("user").into_os_string();
        let path = std::env::var_os("PATH").expect("the test has a PATH");
        let mut conn = Self {
            dir,
            program: PathBuf::from(env!("CARGO_BIN_EXE_conn")),
            env: Vec::new(),
        };
        for (key, value) in [("PATH", path), ("HOME", user)] {
            conn.set(key, value);
        }
        for (key, value) in [
            ("LANG", "C.UTF-8"),
            ("TERM", "dumb"),
            ("USER", "tester"),
            ("LOGNAME", "tester"),
        ] {
            conn.set(key, value);
        }
        conn
    }

    /// Sets a variable of the environment for all commands from now on, for instance `SSH_AUTH_SOCK`.
    pub fn set(&mut self, key: &str, value: impl AsRef<OsStr>) {
        self.unset(key);
        self.env.push((key.into(), value.as_ref().to_owned()));
    }

    pub fn unset(&mut self, key: &str) {
        self.env.retain(|(known, _)| known != key);
    }

    /// Runs another binary from now on, for instance one of the former version.
    pub fn use_program(&mut self, program: &Path) {
        program.clone_into(&mut self.program);
    }

    /// The binary that is run.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// What is given as `--home`.
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("conn")
    }

    /// What the command sees as `$HOME`; empty at first.
    pub fn user_home(&self) -> PathBuf {
        self.dir.path().join("user")
    }

    /// `conn --home HOME args…`, to be changed further before it is run.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--home")
            .arg(self.home())
            .args(args)
            .env_clear()
            .current_dir(self.dir.path());
        command.envs(self.env.iter().map(|(key, value)| (key, value)));
        command
    }

    /// Runs to its end.
    #[track_caller]
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ended {
        self.start(args).wait(PATIENCE)
    }

    /// The same with something on standard input.
    #[track_caller]
    pub fn run_with_input<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
        input: &[u8],
    ) -> Ended {
        Running::spawn(self.command(args), Some(input)).wait(PATIENCE)
    }

    /// Starts, and lets it run.
    #[track_caller]
    pub fn start<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Running {
        Running::spawn(self.command(args), None)
    }

    /// The engine that `engine.json` names, if it lives.
    pub fn engine(&self) -> Option<Process> {
        let text = std::fs::read_to_string(find_file(&self.home(), "engine.json", 3)?).ok()?;
        let json: serde_json::Value = serde_json::from_str(&text).ok()?;
        let process = Process::find(u32::try_from(json.get("pid")?.as_u64()?).ok()?)?;
        is_conn(&process).then_some(process)
    }

    /// SIGKILL for the engine, as the out-of-memory killer does; returns which one it was.
    #[track_caller]
    pub fn kill_engine(&self) -> Process {
        let engine = wait_for("an engine to kill", PATIENCE, || self.engine());
        engine.kill();
        engine
    }

    /// Every process of this instance, engine and clients: they carry its home in their arguments or environment.
    pub fn processes(&self) -> Vec<Process> {
        let home = self.dir.path().as_os_str().as_encoded_bytes().to_vec();
        let Ok(entries) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        let pids = entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mentions = |file: String| std::fs::read(file).is_ok_and(|text| contains(&text, &home));
        let ours = |pid: u32| {
            mentions(format!("/proc/{pid}/cmdline")) || mentions(format!("/proc/{pid}/environ"))
        };
        pids.filter(|pid| ours(*pid))
            .filter_map(Process::find)
            .filter(is_conn)
            .collect()
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        for process in self.engine().into_iter().chain(self.processes()) {
            process.signal(Signal::KILL);
        }
        if !std::thread::panicking() {
            wait_until("the engine to be gone", PATIENCE, || {
                self.processes().is_empty()
            });
        }
    }
}

fn is_conn(process: &Process) -> bool {
    process
        .program()
        .is_some_and(|program| program.file_name() == Some(OsStr::new("conn")))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn find_file(dir: &Path, name: &str, depth: usize) -> Option<PathBuf> {
    if dir.join(name).is_file() {
        return Some(dir.join(name));
    }
    let below = std::fs::read_dir(dir)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir());
    depth.checked_sub(1).and_then(|depth| {
        below
            .into_iter()
            .find_map(|dir| find_file(&dir, name, depth))
    })
}

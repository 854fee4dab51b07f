//! A command, from its start to what came of it.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{PATIENCE, Process, wait_until};

/// A command that runs; killed when dropped.
pub struct Running {
    what: String,
    child: Child,
    stdout: Collected,
    stderr: Collected,
}

impl Running {
    #[track_caller]
    pub fn spawn(mut command: Command, input: Option<&[u8]>) -> Self {
        let what = format!("{command:?}");
        let stdin = if input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        };
        command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|e| panic!("{what} does not start: {e}"));
        let stdout = Collected::from(child.stdout.take().expect("stdout is piped"));
        let stderr = Collected::from(child.stderr.take().expect("stderr is piped"));
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input.map(<[u8]>::to_vec)) {
            std::thread::spawn(move || stdin.write_all(&input));
        }
        Self {
            what,
            child,
            stdout,
            stderr,
        }
    }

    pub fn process(&self) -> Process {
        Process::find(self.child.id()).unwrap_or_else(|| panic!("{} has ended already", self.what))
    }

    pub fn has_ended(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("our own child can be asked")
            .is_some()
    }

    /// What it printed until now.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout.so_far()).into_owned()
    }

    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr.so_far()).into_owned()
    }

    /// Waits until it has printed this text.
    #[track_caller]
    pub fn wait_for_out(&self, text: &str) {
        wait_until(&format!("{:?} from {}", text, self.what), PATIENCE, || {
            self.out().contains(text)
        });
    }

    pub fn signal(&self, signal: Signal) {
        if let Some(process) = Process::find(self.child.id()) {
            process.signal(signal);
        }
    }

    /// Waits for its end; kills it and panics with what it printed when that takes longer than `timeout`.
    #[track_caller]
    pub fn wait(mut self, timeout: Duration) -> Ended {
        let end = Instant::now() + timeout;
        let mut pause = Duration::from_millis(1);
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("our own child can be asked") {
                break status;
            }
            let (what, out, err) = (&self.what, || self.out(), || self.err());
            assert!(
                Instant::now() < end,
                "{what} still runs after {timeout:?}\nstdout: {}\nstderr: {}",
                out(),
                err()
            );
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        };
        let (stdout, stderr) = (self.stdout.finish(), self.stderr.finish());
        Ended {
            what: self.what.clone(),
            status,
            stdout,
            stderr,
        }
    }

    /// SIGKILL, as when its terminal's machine is gone.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A pipe read by a thread, so that the command never waits for us.
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Collected {
    fn from(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&bytes);
        let reader = std::thread::spawn(move || {
            let mut buffer = vec![0; 65536];
            while let Ok(n @ 1..) = pipe.read(&mut buffer) {
                shared.lock().unwrap().extend_from_slice(&buffer[..n]);
            }
        });
        Self {
            bytes,
            reader: Some(reader),
        }
    }

    fn so_far(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }

    /// All of it. A daemon that kept the pipe open would hold us here, so that is found out and said.
    #[track_caller]
    fn finish(&mut self) -> Vec<u8> {
        let reader = self.reader.take().expect("a command ends once");
        wait_until(
            "the pipe to close (does a background process hold it?)",
            PATIENCE,
            || reader.is_finished(),
        );
        std::mem::take(&mut *self.bytes.lock().unwrap())
    }
}

/// A command that has ended.
#[derive(Debug)]
pub struct Ended {
    what: String,
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Ended {
    /// `None` when a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Panics with all it printed unless it ended with this code.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        let (status, out, err) = (self.status, self.out(), self.err());
        assert!(
            self.code() == Some(code),
            "{}: {status}, not {code}\nstdout: {out}\nstderr: {err}",
            self.what
        );
        self
    }

    #[track_caller]
    pub fn expect_success(self) -> Self {
        self.expect_code(0)
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|e| panic!("no JSON ({e}) from {}:\n{}", self.what, self.out()))
    }

    /// Standard output as one JSON document a line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        let parse = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|e| panic!("no JSON ({e}): {line}"))
        };
        self.out().lines().map(parse).collect()
    }
}

//! An ssh-agent that can go away and come back.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{PATIENCE, Scratch, wait_until};

/// OpenSSH's own agent on a socket of its own, holding the keys it was given.
pub struct Agent {
    dir: Scratch,
    keys: Vec<PathBuf>,
    process: Option<Child>,
}

impl Agent {
    /// Runs, and holds this private key.
    pub fn with_key(key: &Path) -> Self {
        let mut agent = Self {
            dir: Scratch::new("agent"),
            keys: vec![key.to_owned()],
            process: None,
        };
        agent.start();
        agent
    }

    /// For `SSH_AUTH_SOCK`, or to be registered.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    /// Ends it, and its socket goes: as when the login it belongs to ends.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        let _ = std::fs::remove_file(self.socket());
    }

    /// Starts it again on the same socket, with the same keys.
    pub fn start(&mut self) {
        self.stop();
        let process = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(self.socket())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("ssh-agent does not run: {e}. Run tests/setup.sh."));
        self.process = Some(process);
        let socket = self.socket();
        wait_until("ssh-agent's socket", PATIENCE, || socket.exists());
        for key in self.keys.clone() {
            self.load(&key);
        }
    }

    /// Gives it one more key.
    pub fn add(&mut self, key: &Path) {
        self.load(key);
        self.keys.push(key.to_owned());
    }

    fn load(&self, key: &Path) {
        let mut add = Command::new("ssh-add");
        add.arg("-q")
            .arg(key)
            .env("SSH_AUTH_SOCK", self.socket())
            .stdin(Stdio::null());
        let output = add
            .output()
            .unwrap_or_else(|e| panic!("ssh-add does not run: {e}. Run tests/setup.sh."));
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "the agent did not take {}: {error}",
            key.display()
        );
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Makes a private key at `path` (and `path.pub`) with OpenSSH's ssh-keygen; `kind` as in its `-t`.
pub fn make_key(path: &Path, kind: &str, passphrase: &str) {
    let mut keygen = Command::new("ssh-keygen");
    keygen
        .args(["-q", "-t", kind, "-C", "test", "-N", passphrase, "-f"])
        .arg(path)
        .stdin(Stdio::null());
    let output = keygen
        .output()
        .unwrap_or_else(|e| panic!("ssh-keygen does not run: {e}. Run tests/setup.sh."));
    assert!(
        output.status.success(),
        "ssh-keygen made no key: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

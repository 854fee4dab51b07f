//! Real hosts with a real sshd each, made by `tests/fleet/fleet`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Output, Stdio};

use super::TcpProxy;
use super::scratch::fresh_path;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fleet/fleet");

/// N hosts called `web01`, `web02`, …; gone when dropped, or when this process ends in whatever way.
pub struct Fleet {
    dir: PathBuf,
    hosts: Vec<FleetHost>,
    /// While this is open the fleet stands (`--until-eof`).
    _lifeline: ChildStdin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetHost {
    pub name: String,
    pub address: String,
}

impl Fleet {
    /// Returns when all of them answer.
    pub fn up(n: usize) -> Self {
        Self::with(n, &[])
    }

    /// With more options of `fleet up`.
    pub fn with(n: usize, options: &[&str]) -> Self {
        let dir = fresh_path("fleet");
        let mut up = Command::new(PROGRAM)
            .args(["up", &n.to_string()])
            .arg(&dir)
            .args(options)
            .arg("--until-eof")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{PROGRAM} does not run: {e}"));
        let lifeline = up.stdin.take().expect("stdin is piped");
        let output = up
            .wait_with_output()
            .expect("the fleet command can be waited for");
        assert!(
            output.status.success(),
            "no hosts to test with:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let table = std::fs::read_to_string(dir.join("hosts"))
            .expect("a fleet that is up has its table of hosts");
        Self {
            dir,
            hosts: table.lines().map(FleetHost::parse).collect(),
            _lifeline: lifeline,
        }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn hosts(&self) -> &[FleetHost] {
        &self.hosts
    }

    pub fn address(&self, host: &str) -> &str {
        let found = self.hosts.iter().find(|h| h.name == host);
        &found
            .unwrap_or_else(|| panic!("this fleet has no host {host}"))
            .address
    }

    /// For `conn -F` and `ssh -F`: names, user root, key and known hosts.
    pub fn ssh_config(&self) -> PathBuf {
        self.dir.join("ssh_config")
    }

    pub fn known_hosts(&self) -> PathBuf {
        self.dir.join("known_hosts")
    }

    /// The private key that opens every account of every host.
    pub fn key(&self) -> PathBuf {
        self.dir.join("id")
    }

    /// The public half of the host's present key, as in `known_hosts`: type and base64.
    pub fn host_key(&self, host: &str) -> String {
        let line = std::fs::read_to_string(self.dir.join(format!("hostkeys/{host}.pub")))
            .expect("each host has a key");
        line.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }

    /// The link goes down: packets vanish, nothing is refused.
    pub fn cut(&self, host: &str) {
        self.act(&["cut"], host);
    }

    pub fn heal(&self, host: &str) {
        self.act(&["heal"], host);
    }

    /// SIGSTOP for all its sshd processes: connections are accepted, and nothing more.
    pub fn stop(&self, host: &str) {
        self.act(&["stop"], host);
    }

    pub fn cont(&self, host: &str) {
        self.act(&["cont"], host);
    }

    /// SIGKILL for all its sshd processes, sessions too. What they had started lives on.
    pub fn kill_sshd(&self, host: &str) {
        self.act(&["kill-sshd"], host);
    }

    pub fn start_sshd(&self, host: &str) {
        self.act(&["start-sshd"], host);
    }

    /// Ends every process there and boots afresh, with a new boot id.
    pub fn reboot(&self, host: &str) {
        self.act(&["reboot"], host);
    }

    /// The same as after a power cut: nobody is told that connections are gone.
    pub fn power_cycle(&self, host: &str) {
        self.act(&["reboot", "--hard"], host);
    }

    /// Another host key; `known_hosts` keeps the old one.
    pub fn rekey(&self, host: &str) {
        self.act(&["rekey"], host);
    }

    /// Fills the disk but for `leave` bytes.
    pub fn fill(&self, host: &str, leave: u64) {
        succeed(self.command("fill").arg(host).arg(leave.to_string()));
    }

    pub fn unfill(&self, host: &str) {
        self.act(&["unfill"], host);
    }

    /// `up`, `cut`, `stopped`, `no-sshd` or `down`.
    pub fn state(&self, host: &str) -> String {
        let list = succeed(&mut self.command("list"));
        let line = list
            .lines()
            .find(|line| line.split(' ').next() == Some(host));
        let line = line.unwrap_or_else(|| panic!("no {host} in:\n{list}"));
        line.rsplit(' ')
            .next()
            .expect("a line has words")
            .to_owned()
    }

    /// What a shell script prints that root runs on the host, past ssh; panics when it fails.
    pub fn sh(&self, host: &str, script: &str) -> String {
        succeed(self.command("exec").args([host, "sh", "-c", script]))
    }

    /// What the host's sshd logged.
    pub fn log(&self, host: &str) -> String {
        succeed(self.command("log").arg(host))
    }

    /// The same through OpenSSH's own client: the oracle.
    pub fn ssh(&self, host: &str, command: &str) -> Output {
        self.openssh(&[host, command])
    }

    /// OpenSSH's client with this fleet's configuration and no agent.
    pub fn openssh(&self, args: &[&str]) -> Output {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(self.ssh_config()).args([
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=5",
        ]);
        ssh.args(args)
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::null());
        ssh.output()
            .unwrap_or_else(|e| panic!("ssh does not run: {e}. Run tests/setup.sh."))
    }

    /// An `ssh_config` in which these hosts are reached through proxies, and all others as ever.
    pub fn ssh_config_through(&self, proxies: &[(&str, &TcpProxy)]) -> PathBuf {
        let mut text = String::new();
        for (host, proxy) in proxies {
            let (address, port) = (proxy.addr().ip(), proxy.addr().port());
            let _ = write!(
                text,
                "Host {host}\n  HostName {address}\n  Port {port}\n  HostKeyAlias {host}\n"
            );
        }
        text += &std::fs::read_to_string(self.ssh_config()).expect("a fleet has its ssh_config");
        let name = fresh_path("config")
            .file_name()
            .map(PathBuf::from)
            .expect("a fresh path has a name");
        let path = self.dir.join(name);
        std::fs::write(&path, text).expect("the fleet's directory is ours to write in");
        path
    }

    fn act(&self, words: &[&str], host: &str) {
        let mut command = Command::new(PROGRAM);
        succeed(command.args(words).arg(&self.dir).arg(host));
    }

    fn command(&self, word: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg(word).arg(&self.dir);
        command
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let down = Command::new(PROGRAM).arg("down").arg(&self.dir).status();
        let gone = down.is_ok_and(|status| status.success());
        assert!(
            gone || std::thread::panicking(),
            "the fleet in {} did not go down",
            self.dir.display()
        );
    }
}

impl FleetHost {
    fn parse(line: &str) -> Self {
        let (name, address) = line
            .split_once(' ')
            .expect("a line of the table is a name and an address");
        Self {
            name: name.to_owned(),
            address: address.to_owned(),
        }
    }
}

/// What the command printed; panics with what it complained of when it failed.
fn succeed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|e| panic!("{PROGRAM} does not run: {e}"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?} ended with {}:\n{error}",
        output.status
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

//! Real OpenSSH servers on loopback, for the tests of the ssh room.
//!
//! They need root (a server that lets several users in) and the packages `openssh-server`, `tcsh`,
//! `fish`, `busybox`, `sudo`; a test that misses one fails and says so. The users `conn-t-*` are
//! made once and stay: tests of several processes share them.

use std::collections::HashMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use theconn::run::outcome::Outcome;
use theconn::run::output::OutStream;
use theconn::ssh::*;
use theconn::trust::known_hosts::KnownHosts;
use theconn::trust::ssh_config::{AddressFamily, HostOptions, IdentityAgent, StrictHostKey};
use tokio_util::sync::CancellationToken;

/// Runs a command that must succeed, and gives its output.
pub fn sh(command: &str) -> String {
    let out = Command::new("bash")
        .arg("-c")
        .arg(command)
        .output()
        .expect("bash must be installed");
    assert!(
        out.status.success(),
        "{command}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

/// Waits for something that is bound to come.
pub async fn wait_until(what: &str, mut there: impl FnMut() -> bool) {
    let began = Instant::now();
    while !there() {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "it never came: {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A user of the test hosts, with this login shell.
pub fn user(shell: &str) -> String {
    static MADE: OnceLock<Mutex<HashMap<String, String>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap();
    made.entry(shell.to_owned())
        .or_insert_with(|| make_user(shell))
        .clone()
}

fn make_user(shell: &str) -> String {
    let name = format!(
        "conn-t-{}",
        shell
            .replace('/', "-")
            .trim_start_matches("-bin-")
            .trim_start_matches("-usr-bin-")
    );
    assert!(
        Path::new(shell).exists(),
        "{shell} must be installed for these tests"
    );
    assert_eq!(
        sh("id -u"),
        "0",
        "these tests need root, for their OpenSSH servers"
    );
    sh(&format!(
        "exec 9>/tmp/conn-test-users.lock; flock 9; id {name} >/dev/null 2>&1 || useradd -m -s {shell} {name}; usermod -s {shell} -p '*' {name}"
    ));
    // What earlier runs left of their durable commands.
    sh(&format!(
        "find ~{name}/.local/state/conn/attempts -mindepth 1 -maxdepth 1 -mmin +60 -exec rm -rf {{}} + 2>/dev/null || true"
    ));
    name
}

/// The user most tests log in as: a plain bash with nothing in its start-up files.
pub fn bash_user() -> String {
    user("/bin/bash")
}

pub fn home_of(user: &str) -> PathBuf {
    PathBuf::from(sh(&format!("getent passwd {user} | cut -d: -f6")))
}

/// How a server is set up.
#[derive(Default, Clone)]
pub struct Setup {
    /// Lines before the defaults: the first word of a keyword wins in `sshd_config`.
    pub config: String,
    /// Types of host keys; Ed25519 if empty.
    pub host_keys: Vec<&'static str>,
}

/// A running server.
pub struct Host {
    pub dir: tempfile::TempDir,
    pub port: u16,
    child: Child,
}

impl Host {
    pub fn start() -> Self {
        Self::with(&Setup::default())
    }

    pub fn with(setup: &Setup) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("conn-sshd-")
            .tempdir()
            .unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let types = if setup.host_keys.is_empty() {
            vec!["ed25519"]
        } else {
            setup.host_keys.clone()
        };
        let d = dir.path().display().to_string();
        let mut config = setup.config.replace("{dir}", &d) + "\n";
        for kind in types {
            sh(&format!("ssh-keygen -q -t {kind} -N '' -f {d}/host_{kind}"));
            config += &format!("HostKey {d}/host_{kind}\n");
        }
        sh(&format!(
            "ssh-keygen -q -t ed25519 -N '' -C test -f {d}/id; cp {d}/id.pub {d}/authorized; chmod 644 {d}/authorized; mkdir -p /run/sshd"
        ));
        config += &format!(
            "AuthorizedKeysFile {d}/authorized\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nMaxStartups 200\nPidFile none\nPrintMotd no\nListenAddress 127.0.0.1\n"
        );
        if !config.contains("Subsystem") {
            config += "Subsystem sftp internal-sftp\n";
        }
        fs::write(dir.path().join("sshd_config"), config).unwrap();
        let (port, child) = listen(dir.path());
        Self { dir, port, child }
    }

    /// Stops the server and starts it anew, with what its files hold by now.
    pub fn restart(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.child = listen_on(self.dir.path(), self.port).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The `known_hosts` line of a host key.
    pub fn known_line(&self, kind: &str) -> String {
        let key = fs::read_to_string(self.path(&format!("host_{kind}.pub"))).unwrap();
        format!("[127.0.0.1]:{} {}", self.port, key)
    }

    pub fn known(&self) -> Arc<KnownHosts> {
        let kind = if self.path("host_ed25519.pub").exists() {
            "ed25519"
        } else {
            "rsa"
        };
        known(&self.known_line(kind))
    }

    /// A route as this user with the server's own client key.
    pub fn route(&self, user: &str) -> Route {
        let mut options = options("127.0.0.1", self.port, user);
        options.identity_files = vec![self.path("id").display().to_string()];
        Route {
            options,
            jumps: vec![],
            known: self.known(),
            jump_known: vec![],
            identity: Identity::Person,
        }
    }

    pub fn bash(&self) -> Arc<Route> {
        Arc::new(self.route(&bash_user()))
    }

    /// Processes of sshd that serve a connection: the monitors, and the users' own halves.
    pub fn sessions(&self) -> Vec<u32> {
        let children = |pid: u32| -> Vec<u32> {
            let out = Command::new("pgrep")
                .arg("-P")
                .arg(pid.to_string())
                .output()
                .unwrap();
            String::from_utf8_lossy(&out.stdout)
                .lines()
                .filter_map(|l| l.parse().ok())
                .collect()
        };
        let named = |pid: &u32| {
            fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c.starts_with("sshd"))
        };
        let monitors = children(self.pid());
        let halves: Vec<u32> = monitors
            .iter()
            .flat_map(|&pid| children(pid))
            .filter(named)
            .collect();
        monitors.into_iter().chain(halves).collect()
    }

    /// Kills what serves connections, as a crash or an administrator would.
    pub fn kill_sessions(&self) {
        for pid in self.sessions() {
            let _ = Command::new("kill")
                .arg("-9")
                .arg(pid.to_string())
                .stderr(Stdio::null())
                .status();
        }
    }
}

fn listen(dir: &Path) -> (u16, Child) {
    for _ in 0..20 {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        match listen_on(dir, port) {
            Ok(child) => return (port, child),
            Err(log) => assert!(log.contains("in use"), "sshd did not start: {log}"),
        }
    }
    panic!("no free port for sshd");
}

fn listen_on(dir: &Path, port: u16) -> Result<Child, String> {
    let log = fs::File::create(dir.join("log")).unwrap();
    let mut child = Command::new("/usr/sbin/sshd")
        .args(["-D", "-e", "-p", &port.to_string(), "-f"])
        .arg(dir.join("sshd_config"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("openssh-server must be installed for these tests");
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        if child.try_wait().unwrap().is_some() {
            return Err(fs::read_to_string(dir.join("log")).unwrap());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(child)
}

impl Drop for Host {
    fn drop(&mut self) {
        let sessions = self.sessions();
        let _ = self.child.kill();
        let _ = self.child.wait();
        for pid in sessions {
            let _ = Command::new("kill")
                .arg("-9")
                .arg(pid.to_string())
                .stderr(Stdio::null())
                .status();
        }
    }
}

pub fn known(text: &str) -> Arc<KnownHosts> {
    Arc::new(KnownHosts::parse(&[("known_hosts".to_owned(), text)]))
}

pub fn options(host: &str, port: u16, user: &str) -> HostOptions {
    HostOptions {
        host: host.to_owned(),
        hostname: host.to_owned(),
        port,
        user: Some(user.to_owned()),
        identity_files: vec![],
        default_identities: false,
        ca_signature_algorithms: None,
        address_family: AddressFamily::Any,
        bind_address: None,
        warnings: vec![],
        certificate_files: vec![],
        identities_only: false,
        identity_agent: IdentityAgent::Default,
        proxy_jump: vec![],
        proxy_command: None,
        host_key_alias: None,
        host_key_algorithms: None,
        user_known_hosts_files: vec![],
        global_known_hosts_files: vec![],
        strict_host_key_checking: StrictHostKey::Yes,
        revoked_host_keys: None,
        connect_timeout: None,
        server_alive_interval: None,
        server_alive_count_max: None,
        ciphers: None,
        macs: None,
        kex_algorithms: None,
    }
}

pub fn settings() -> Settings {
    let mut settings = Settings::new("nobody", "/nonexistent");
    settings.kill_grace = Duration::from_secs(2);
    settings
}

pub fn ssh() -> Ssh {
    Ssh::new(settings())
}

/// A sink that keeps everything and checks that no byte is missing or given twice.
#[derive(Default)]
pub struct Kept {
    streams: [Mutex<Vec<u8>>; 2],
    pub process: Mutex<Option<RemoteProcess>>,
    pub stages: Mutex<Vec<Stage>>,
}

impl Kept {
    /// A sink that already has the first bytes of each stream.
    pub fn from(stdout: &[u8], stderr: &[u8]) -> Self {
        let kept = Self::default();
        kept.streams[0].lock().unwrap().extend_from_slice(stdout);
        kept.streams[1].lock().unwrap().extend_from_slice(stderr);
        kept
    }

    pub fn bytes(&self, stream: OutStream) -> Vec<u8> {
        self.streams[stream as usize].lock().unwrap().clone()
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.bytes(OutStream::Stdout)).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.bytes(OutStream::Stderr)).into_owned()
    }
}

impl Sink for Kept {
    fn output(&self, stream: OutStream, offset: u64, bytes: Bytes) -> BoxFuture<'_, ()> {
        let mut kept = self.streams[stream as usize].lock().unwrap();
        assert_eq!(
            kept.len() as u64,
            offset,
            "a gap or an overlap on {stream:?}"
        );
        kept.extend_from_slice(&bytes);
        Box::pin(std::future::ready(()))
    }

    fn started(&self, process: Option<RemoteProcess>) {
        if process.is_some() {
            *self.process.lock().unwrap() = process;
        }
    }

    fn stage(&self, stage: Stage) {
        self.stages.lock().unwrap().push(stage);
    }
}

/// What came of a command.
pub struct Ran {
    pub end: AttemptEnd,
    pub kept: Kept,
}

impl Ran {
    pub fn outcome(&self) -> &Outcome {
        match &self.end {
            AttemptEnd::Ended { outcome, .. } => outcome,
            other => panic!("not ended: {other:?}"),
        }
    }

    pub fn detail(&self) -> String {
        match &self.end {
            AttemptEnd::Ended { detail, .. } => detail.clone().unwrap_or_default(),
            AttemptEnd::NoCredential { why } | AttemptEnd::Lost { why, .. } => why.clone(),
        }
    }
}

pub fn command(text: &str) -> ExecSpec {
    ExecSpec {
        command: text.to_owned(),
        ..ExecSpec::default()
    }
}

pub fn granted() -> Permit<'static> {
    Box::pin(async { Ok(()) })
}

pub async fn exec(ssh: &Ssh, route: &Arc<Route>, spec: &ExecSpec) -> Ran {
    let kept = Kept::default();
    let end = ssh
        .exec(route, spec, granted(), &kept, &CancellationToken::new())
        .await;
    Ran { end, kept }
}

pub async fn run(ssh: &Ssh, route: &Arc<Route>, text: &str) -> Ran {
    exec(ssh, route, &command(text)).await
}

/// Lets the bash user become root and the dash user by `sudo` without a password.
pub fn sudo_rights() {
    static ONCE: OnceLock<()> = OnceLock::new();
    let (bash, dash) = (bash_user(), user("/bin/dash"));
    assert!(
        Path::new("/etc/sudoers.d").is_dir(),
        "sudo must be installed for these tests"
    );
    ONCE.get_or_init(|| {
        let rule = format!("{bash} ALL=(root,{dash}) NOPASSWD: ALL\n");
        let new = "/etc/sudoers.d/.conn-test";
        fs::write(new, rule).unwrap();
        sh(&format!(
            "chmod 440 {new}; mv {new} /etc/sudoers.d/conn-test"
        ));
    });
}

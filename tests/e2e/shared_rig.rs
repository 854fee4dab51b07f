//! One shared engine under its own account, and the people who use it.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use super::support::people::{ENGINE, GROUP, LEE, as_user, give, make_accounts};
use super::support::{Ended, Fleet, PATIENCE, Running, Scratch, make_key, wait_until};

/// Hosts that keep what they log, and take a key only with its certificate beside one that is known.
pub fn hosts() -> &'static Fleet {
    static FLEET: OnceLock<Fleet> = OnceLock::new();
    FLEET.get_or_init(|| Fleet::with(2, &["--syslog", "--ca"]))
}

pub fn open(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A shared engine, and the people who use it.
pub struct Shared {
    pub home: Scratch,
    log: UnixDatagram,
    pub engine: Option<Running>,
}

impl Shared {
    /// An engine that runs.
    pub fn up() -> Self {
        Self::with("")
    }

    /// One with more in its settings.
    pub fn with(more: &str) -> Self {
        let mut shared = Self::laid_out();
        let file = shared.home.path().join("config/conn.toml");
        let text = std::fs::read_to_string(&file).unwrap() + more;
        std::fs::write(&file, text).unwrap();
        shared.start_engine();
        shared
    }

    /// Its configuration and keys, and no engine yet.
    pub fn laid_out() -> Self {
        make_accounts();
        let home = Scratch::new("shared");
        open(home.path(), 0o755);
        let log = UnixDatagram::bind(home.path().join("log")).unwrap();
        log.set_nonblocking(true).unwrap();
        home.write("config/ssh_config", ssh_config(&home));
        home.write("config/conn.toml", settings(&home));
        let keys = home.path().join("config/keys");
        std::fs::create_dir(&keys).unwrap();
        let from = hosts().dir();
        for (source, name) in [
            ("id", "ops"),
            ("id_cert", "signed"),
            ("id_cert-cert.pub", "signed.crt"),
        ] {
            std::fs::copy(from.join(source), keys.join(name)).unwrap();
        }
        make_key(&keys.join("wrong"), "ed25519", "");
        give(home.path(), ENGINE);
        open(&home.path().join("log"), 0o666);
        lay_out_program(&home.path().join("conn"));
        Self {
            home,
            log,
            engine: None,
        }
    }

    /// The program where every user may run it.
    pub fn program(&self) -> PathBuf {
        self.home.path().join("conn")
    }

    pub fn words<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        let home = self.home.path().to_str().unwrap();
        let head = ["--home", home, "--shared"];
        head.iter().chain(args).copied().collect()
    }

    pub fn start_engine(&mut self) {
        let words = self.words(&["engine", "run"]);
        let engine = Running::spawn(as_user(ENGINE, &self.program(), words), None);
        self.engine = Some(engine);
        wait_until("the shared engine to answer", PATIENCE, || {
            // Lee has a role in every test.
            let engine = self.engine.as_mut().unwrap();
            assert!(!engine.has_ended(), "it ended: {}", engine.err());
            self.run(LEE, &["engine", "status"]).code() == Some(0)
        });
    }

    /// `conn …` as somebody.
    #[track_caller]
    pub fn run(&self, who: &str, args: &[&str]) -> Ended {
        Running::spawn(as_user(who, &self.program(), self.words(args)), None).wait(PATIENCE)
    }

    /// `conn run …` as somebody.
    #[track_caller]
    pub fn command(&self, who: &str, options: &[&str], command: &str) -> Ended {
        let words = [&["run", "-w", "web01"], options, &["--", command]].concat();
        self.run(who, &words)
    }

    #[track_caller]
    pub fn detach(&self, who: &str, options: &[&str], command: &str) -> u64 {
        let options = [options, &["--detach"]].concat();
        let ended = self.command(who, &options, command).expect_success();
        ended.out().trim().parse().expect("a run has a number")
    }

    #[track_caller]
    pub fn show(&self, who: &str, id: u64) -> Value {
        self.run(who, &["runs", "show", &id.to_string(), "--json"])
            .expect_success()
            .json()
    }

    #[track_caller]
    pub fn steer(&self, who: &str, id: u64, word: &str, more: &[&str]) -> Ended {
        let id = id.to_string();
        self.run(who, &[&["runs", word, &id], more].concat())
    }

    /// Who did what, as the audit records have it.
    #[track_caller]
    pub fn acts(&self) -> Vec<(String, String)> {
        let records = self.records();
        let done = records.iter().filter(|(_, act, _)| act != "refused");
        done.map(|(by, act, _)| (by.clone(), act.clone())).collect()
    }

    /// Who was refused what, as the audit records have it.
    #[track_caller]
    pub fn refusals(&self) -> Vec<(String, String)> {
        let records = self.records().into_iter();
        let refused = records.filter(|(_, act, _)| act == "refused");
        refused.map(|(by, _, text)| (by, text)).collect()
    }

    fn records(&self) -> Vec<(String, String, String)> {
        let records = self.run(LEE, &["audit", "--json"]).expect_success();
        let word = |record: &Value, key: &str| record[key].as_str().unwrap().to_owned();
        let records = records.json_lines();
        let words = |record: &Value| {
            (
                word(record, "by"),
                word(record, "act"),
                word(record, "text"),
            )
        };
        records.iter().map(words).collect()
    }

    /// Applies a definition as somebody.
    #[track_caller]
    pub fn apply(&self, who: &str, text: &str) -> Ended {
        let file = self.home.write("applied.toml", text);
        open(&file, 0o644);
        self.run(who, &["apply", file.to_str().unwrap()])
    }

    /// The next line that the log was told.
    pub fn logged(&self) -> Option<String> {
        let mut buffer = [0; 1024];
        let length = self.log.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }
}

fn lay_out_program(path: &Path) {
    let built = env!("CARGO_BIN_EXE_conn");
    // A link is enough on one filesystem, and spares as many copies as there are tests.
    std::fs::hard_link(built, path)
        .or_else(|_| std::fs::copy(built, path).map(drop))
        .expect("the program can be laid out");
}

fn ssh_config(home: &Scratch) -> String {
    let known = home.write(
        "config/known_hosts",
        std::fs::read(hosts().known_hosts()).unwrap(),
    );
    let mut text = String::new();
    for host in hosts().hosts() {
        let _ = write!(text, "Host {}\n  HostName {}\n", host.name, host.address);
    }
    text + &format!(
        "Host *\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n",
        known.display()
    )
}

fn settings(home: &Scratch) -> String {
    format!(
        "[ssh]\nconfig = 'ssh_config'\n\
         [store]\nreserve = '1MiB'\nlow_mark = '1MiB'\n\
         [engine]\nsocket_group = '{GROUP}'\n\
         [audit]\nsyslog = '{}'\n\
         [identities.ops]\nkey = 'keys/ops'\nuser = 'root'\n\
         [identities.signed]\nkey = 'keys/signed'\ncertificate = 'keys/signed.crt'\nuser = 'admin'\n\
         [identities.wrong]\nkey = 'keys/wrong'\nuser = 'root'\n\
         [identities.leads]\nkey = 'keys/ops'\nuser = 'root'\nallowed = ['{LEE}', '@root']\n",
        home.path().join("log").display()
    )
}

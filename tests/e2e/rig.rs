//! One shared fleet, and an instance of `conn` that knows it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use serde_json::Value;

use super::support::{Conn, Ended, Fleet, PATIENCE, Running, wait_for, wait_until};

/// Hosts that every test uses and none harms.
pub const COMMON: usize = 20;
/// Hosts to be harmed, each by one test.
const LENDABLE: usize = 40;

/// The hosts of all tests: made when the first asks, gone with the process.
pub fn fleet() -> &'static Fleet {
    static FLEET: OnceLock<Fleet> = OnceLock::new();
    FLEET.get_or_init(|| Fleet::up(COMMON + LENDABLE))
}

/// A host that nobody else uses.
pub fn lend() -> String {
    static LENT: AtomicUsize = AtomicUsize::new(0);
    let next = LENT.fetch_add(1, Ordering::SeqCst);
    assert!(
        next < LENDABLE,
        "more hosts are lent than there are: raise LENDABLE"
    );
    fleet().hosts()[COMMON + next].name.clone()
}

/// A name that no other test uses, for files on shared hosts.
pub fn unique(word: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{word}-{}", COUNT.fetch_add(1, Ordering::SeqCst))
}

/// An instance of `conn` for the shared fleet.
pub struct Rig {
    pub conn: Conn,
    pub config: PathBuf,
}

/// What `conn run --json` printed.
#[derive(Debug)]
pub struct Report {
    pub code: Option<i32>,
    pub hosts: BTreeMap<String, Value>,
    pub end: Value,
    pub err: String,
}

impl Rig {
    pub fn new() -> Self {
        Self::with_settings("")
    }

    /// With these lines in `conn.toml`.
    pub fn with_settings(toml: &str) -> Self {
        let rig = Self {
            conn: Conn::new(),
            config: fleet().ssh_config(),
        };
        let reserve = if toml.contains("[store]") {
            ""
        } else {
            "[store]\nreserve = \"1MiB\"\nlow_mark = \"1MiB\"\n"
        };
        rig.settings(&format!("{reserve}{toml}"));
        rig
    }

    pub fn settings(&self, toml: &str) {
        let dir = self.conn.home().join("config");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("conn.toml"), toml).unwrap();
    }

    /// The words of `conn run` with these options.
    pub fn words(&self, targets: &str, options: &[&str], command: &str) -> Vec<String> {
        let config = self.config.to_str().unwrap();
        let head = ["run", "-F", config, "-w", targets];
        let tail = ["--", command];
        head.iter()
            .chain(options)
            .chain(&tail)
            .map(ToString::to_string)
            .collect()
    }

    #[track_caller]
    pub fn run(&self, targets: &str, options: &[&str], command: &str) -> Ended {
        self.conn.run(self.words(targets, options, command))
    }

    #[track_caller]
    pub fn start(&self, targets: &str, options: &[&str], command: &str) -> Running {
        self.conn.start(self.words(targets, options, command))
    }

    /// The chain of audit records holds together.
    #[track_caller]
    pub fn audit_is_whole(&self) {
        let verified = self
            .conn
            .run(["audit", "verify", "--json"])
            .expect_success()
            .json();
        assert_eq!(verified["whole"], true, "{verified}");
    }

    /// Runs to the end with `--json`.
    #[track_caller]
    pub fn report(&self, targets: &str, options: &[&str], command: &str) -> Report {
        let options: Vec<&str> = options.iter().copied().chain(["--json"]).collect();
        Report::of(&self.run(targets, &options, command))
    }

    /// Starts and leaves; the run's number.
    #[track_caller]
    pub fn detach(&self, targets: &str, options: &[&str], command: &str) -> u64 {
        let options: Vec<&str> = options.iter().copied().chain(["--detach"]).collect();
        let ended = self.run(targets, &options, command).expect_success();
        ended
            .out()
            .trim()
            .parse()
            .unwrap_or_else(|_| panic!("no number: {:?}", ended.out()))
    }

    /// `conn runs WORD ID …`
    #[track_caller]
    pub fn runs(&self, word: &str, id: u64, more: &[&str]) -> Ended {
        let id = id.to_string();
        let words = ["runs", word, &id];
        self.conn.run(words.iter().chain(more))
    }

    #[track_caller]
    pub fn show(&self, id: u64) -> Value {
        self.runs("show", id, &["--json"]).expect_success().json()
    }

    /// The number of the newest run, once there is one.
    #[track_caller]
    pub fn newest(&self) -> u64 {
        wait_for("a run to be there", PATIENCE, || {
            let ended = self.conn.run(["runs", "--json"]);
            (ended.code() == Some(0)).then(|| ended.json()[0]["run"].as_u64())?
        })
    }

    /// Waits until the run is in this state, and shows it.
    #[track_caller]
    pub fn wait_state(&self, id: u64, state: &str) -> Value {
        let mut seen = Value::Null;
        wait_until(&format!("run {id} to be {state}"), PATIENCE, || {
            seen = self.show(id);
            if seen["state"] == state {
                return true;
            }
            assert!(
                seen["ended"].is_null(),
                "run {id} is not {state} but ended: {seen:#}"
            );
            false
        });
        seen
    }

    /// Waits until the run has ended, and shows it.
    #[track_caller]
    pub fn wait_end(&self, id: u64) -> Value {
        wait_for(&format!("the end of run {id}"), PATIENCE, || {
            let shown = self.show(id);
            (!shown["ended"].is_null()).then_some(shown)
        })
    }
}

impl Report {
    #[track_caller]
    pub fn of(ended: &Ended) -> Self {
        let mut lines = ended.json_lines();
        let end = lines
            .pop()
            .unwrap_or_else(|| panic!("nothing was printed; stderr: {}", ended.err()));
        let hosts = lines.into_iter().map(|line| {
            (
                line["host"]
                    .as_str()
                    .expect("a line names its host")
                    .to_owned(),
                line,
            )
        });
        Self {
            code: ended.code(),
            hosts: hosts.collect(),
            end,
            err: ended.err(),
        }
    }

    #[track_caller]
    pub fn only(&self) -> &Value {
        assert_eq!(self.hosts.len(), 1, "{self:#?}");
        self.hosts.values().next().unwrap()
    }

    /// `failed(3)`, `refused(auth)`, `signaled(TERM)` or just the word.
    pub fn outcome(&self, host: &str) -> String {
        outcome_of(&self.hosts[host])
    }
}

/// The outcome in a task or host document, as design and summary write it.
pub fn outcome_of(document: &Value) -> String {
    let word = document["outcome"].as_str().unwrap_or("none");
    match word {
        "failed" => format!("failed({})", document["code"]),
        "signaled" => format!("signaled({})", document["signal"].as_str().unwrap_or("?")),
        "refused" => format!("refused({})", document["reason"].as_str().unwrap_or("?")),
        _ => word.to_owned(),
    }
}

/// The task of this host in `conn runs show --json`.
#[track_caller]
pub fn task<'a>(shown: &'a Value, host: &str) -> &'a Value {
    let tasks = shown["tasks"].as_array().expect("a run has tasks");
    tasks
        .iter()
        .find(|task| task["host"] == host)
        .unwrap_or_else(|| panic!("no {host} in {shown:#}"))
}

/// A line of text for each number.
pub fn lines(numbers: impl IntoIterator<Item = usize>, line: impl Fn(usize) -> String) -> String {
    numbers
        .into_iter()
        .fold(String::new(), |text, number| text + &line(number) + "\n")
}

/// Whether a file is on the host.
pub fn has_file(host: &str, path: &str) -> bool {
    fleet()
        .sh(host, &format!("[ -e {path} ] && echo yes || echo no"))
        .trim()
        == "yes"
}

/// Waits until the host has the file.
#[track_caller]
pub fn wait_file(host: &str, path: &str) {
    wait_until(&format!("{path} on {host}"), PATIENCE, || {
        has_file(host, path)
    });
}

/// How many processes on the host have this text in their command line; the asker's own do not count.
pub fn processes(host: &str, text: &str) -> usize {
    let (first, rest) = text.split_at(1);
    let found = fleet().sh(
        host,
        &format!("ps -eo args= | grep -c '[{first}]{rest}' || true"),
    );
    found.trim().parse().expect("grep -c prints a number")
}

/// Waits until no process of the host has this text in its command line.
#[track_caller]
pub fn wait_gone(host: &str, text: &str) {
    wait_until(
        &format!("{text:?} to be gone from {host}"),
        PATIENCE,
        || processes(host, text) == 0,
    );
}

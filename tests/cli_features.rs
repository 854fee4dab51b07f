//! Commands that tell of runs, and ways to start them, against the demo fleet and the real binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;
use theconn::demo::Fleet;
use theconn::engine::daemon::inside::Inside;
use theconn::run::ids::RunId;
use theconn::site::{Paths, Surroundings};
use theconn::store::Store;
use theconn::store::sim::{SimStore, Syncing};
use theconn::wire::follow::FollowFrom;
use theconn::wire::request::{StartRun, Steer};
use theconn::wire::{CallError, Client, FaultKind, Hello, PROTOCOL, Reply, Request};

/// A fleet, and an instance of `conn` whose engine ends with it.
struct Scene {
    dir: TempDir,
    _fleet: Fleet,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let fleet = Fleet::start(dir.path()).unwrap();
        let config = dir.path().join("home/config");
        std::fs::create_dir_all(&config).unwrap();
        let text = format!(
            "[ssh]\nconfig = {:?}\n\n[store]\nreserve = \"16MiB\"\nlow_mark = \"64MiB\"\n",
            fleet.files().ssh_config.display().to_string()
        );
        std::fs::write(config.join("conn.toml"), text).unwrap();
        Self { dir, _fleet: fleet }
    }

    fn home(&self) -> std::path::PathBuf {
        self.dir.path().join("home")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_conn"));
        command
            .arg("--home")
            .arg(self.home())
            .args(args)
            .env_remove("SSH_AUTH_SOCK")
            .env("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")
            .stdin(Stdio::null());
        command
    }

    fn conn(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What it says on standard output; it must end so.
    #[track_caller]
    fn says(&self, code: i32, args: &[&str]) -> String {
        let out = self.conn(args);
        assert_eq!(out.status.code(), Some(code), "{args:?}: {out:?}");
        String::from_utf8(out.stdout).unwrap()
    }

    #[track_caller]
    fn json(&self, code: i32, args: &[&str]) -> Value {
        serde_json::from_str(&self.says(code, args)).unwrap()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.conn(&["engine", "stop", "--now", "--no-start"]);
    }
}

#[test]
fn a_run_says_who_started_it_and_from_where() {
    let scene = Scene::new();
    scene.says(0, &["run", "-q", "-w", "web01", "--", "true"]);
    let why = scene.json(0, &["runs", "why", "1", "--json"]);
    let cause = &why["causes"][0];
    assert_eq!(cause["kind"], "person");
    assert_eq!(cause["origin"]["ssh_from"], "192.0.2.7");
    assert_eq!(cause["origin"]["program"], "conn run");
    assert!(
        scene
            .says(0, &["runs", "why", "1"])
            .contains("started true")
    );
    scene.says(2, &["runs", "why", "99"]);
}

/// Reads a page as a browser would, and prints each element with its attributes' names.
const READ_HTML: &str = "import sys, html.parser\n\
class P(html.parser.HTMLParser):\n\
\x20   def handle_starttag(self, tag, attrs):\n\
\x20       print(tag, *[name for name, _ in attrs])\n\
p = P(); p.feed(sys.stdin.read()); p.close()\n";

#[test]
fn a_report_of_hostile_output_has_no_element_of_the_hosts_making() {
    let scene = Scene::new();
    let hostile = "printf '%s\\n' '</pre><script>alert(1)</script>' '<img src=x onerror=y>' \
                   '\"><svg onload=z>' '```' '&lt;i&gt;'; printf '\\033]0;t\\007\\342\\200\\256x\\n'";
    scene.says(0, &["run", "-q", "-w", "web[01-03]", "--", hostile]);
    scene.says(0, &["runs", "note", "1", "<b>look</b>"]);
    let page = scene.says(0, &["runs", "report", "1", "--format", "html"]);
    let mut python = Command::new("python3")
        .args(["-c", READ_HTML])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test needs python3: apt-get install python3");
    std::io::Write::write_all(&mut python.stdin.take().unwrap(), page.as_bytes()).unwrap();
    let out = python.wait_with_output().unwrap();
    let elements = String::from_utf8(out.stdout).unwrap();
    assert!(
        elements.lines().any(|line| line.starts_with("svg ")),
        "{elements}"
    );
    for line in elements.lines() {
        let mut words = line.split(' ');
        let tag = words.next().unwrap();
        assert!(
            !["script", "img", "b", "i", "iframe", "a"].contains(&tag),
            "{line}"
        );
        assert!(
            words.all(|name| !name.starts_with("on") && name != "src"),
            "{line}"
        );
    }
    assert!(!page.contains('\u{1b}') && !page.contains('\u{202e}'));
    let report = scene.json(0, &["runs", "report", "1", "--format", "json"]);
    assert_eq!(report["notes"][0]["text"], "<b>look</b>");
    assert_eq!(report["outputs"][0]["hosts"].as_array().unwrap().len(), 3);
    let text = scene.says(0, &["runs", "report", "1"]);
    assert!(text.contains("````text\n"), "{text}");
}

#[test]
fn two_runs_are_compared_by_their_texts_and_hosts_that_changed_alike_fold() {
    let scene = Scene::new();
    let on = ["run", "-q", "-w", "web[05-08]", "--"];
    scene.says(0, &[&on[..], &["cat /etc/app.conf"]].concat());
    let change = "echo added=1 >> /etc/app.conf; cat /etc/app.conf";
    scene.says(0, &[&on[..], &[change]].concat());
    let text = scene.says(1, &["runs", "compare", "1", "2"]);
    assert!(text.starts_with("web[05-08] (4): "), "{text}");
    assert!(text.contains("\n+added=1\n"), "{text}");
    let found = scene.json(
        1,
        &["runs", "compare", "1", "2", "--host", "web07", "--json"],
    );
    assert_eq!(
        found["differences"][0]["hosts"],
        serde_json::json!(["web07"])
    );
    scene.says(0, &["runs", "compare", "1", "1"]);
    scene.says(2, &["runs", "compare", "1", "2", "--host", "db01"]);
}

#[test]
fn with_hold_nothing_runs_before_every_host_was_tried() {
    let scene = Scene::new();
    let on = [
        "run",
        "--hold",
        "-f",
        "2",
        "-w",
        "web[01-04],db08,cache06",
        "--json",
        "--",
    ];
    let out = scene.says(1, &[&on[..], &["true"]].concat());
    let outcome = |host: &str| {
        let lines = out
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .filter(|line| line["host"] == host)
            .map(|line| line["outcome"].clone())
            .next_back()
    };
    assert_eq!(outcome("web04").unwrap(), "ok");
    assert_eq!(outcome("db08").unwrap(), "unreachable");
    assert_eq!(outcome("cache06").unwrap(), "refused");
    let run = scene.json(0, &["runs", "show", "1", "--json"]);
    assert_eq!(run["steps"], serde_json::json!(["connect", "exec"]));
    let timeline = run["timeline"].to_string();
    assert_eq!(timeline.matches("batch 1 opened").count(), 1, "{timeline}");
}

#[test]
fn an_ephemeral_run_writes_nothing_and_says_so_twice() {
    let scene = Scene::new();
    let out = scene.conn(&["run", "--ephemeral", "-w", "web[01-02]", "--", "hostname"]);
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    let told = String::from_utf8_lossy(&out.stderr)
        .matches("NOT RECORDED")
        .count();
    assert_eq!(told, 2, "{out:?}");
    assert!(String::from_utf8_lossy(&out.stdout).contains("web02: web02\n"));
    let left: Vec<_> = std::fs::read_dir(scene.home()).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "only config: {left:?}");
}

#[test]
fn a_preflight_folds_what_it_finds_worst_first() {
    let scene = Scene::new();
    let all = "web[01-16],db[01-08],cache[01-08],batch[01-08]";
    let table = scene.says(1, &["preflight", "-w", all]);
    let lines: Vec<&str> = table.lines().collect();
    let has = |start: &str, what: &str, end: &str| {
        lines
            .iter()
            .any(|line| line.starts_with(start) && line.contains(what) && line.ends_with(end))
    };
    assert!(has("bad      1  reach", "", "db08"), "{table}");
    assert!(has("bad      1  host key", "", "db03"), "{table}");
    assert!(has("bad      1  auth", "", "cache06"), "{table}");
    assert!(
        has("bad      1  disk", "/ is 95% full or more", "db02"),
        "{table}"
    );
    assert!(
        has("warn     1  clock", "7 min ahead", "batch07"),
        "{table}"
    );
    assert!(lines.last().unwrap().starts_with("ok      35"), "{table}");
    assert!(lines.len() <= 6, "{table}");

    let out = scene.says(
        1,
        &[
            "preflight",
            "-w",
            "web01",
            "--run-as",
            "nobody-here",
            "--json",
        ],
    );
    let host: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!(host["facts"]["run_as"]["ok"], false);
    assert_eq!(host["findings"][0]["what"], "run-as nobody-here");
    assert_eq!(host["facts"]["disks"][0]["mount"], "/");
    scene.says(0, &["preflight", "-w", "web01", "--run-as", "root"]);
}

#[test]
fn the_next_shift_is_told_what_is_open_what_failed_and_what_was_noted() {
    let scene = Scene::new();
    scene.says(1, &["run", "-q", "-w", "web[01-02]", "--", "exit 3"]);
    scene.says(
        0,
        &[
            "run",
            "-q",
            "--detach",
            "-w",
            "web[01-03]",
            "--first",
            "1",
            "--",
            "true",
        ],
    );
    scene.says(0, &["runs", "note", "1", "the", "exit", "3", "is", "known"]);
    let paused = || {
        let run = scene.json(0, &["runs", "show", "2", "--json"]);
        run["state"] == "paused"
    };
    support::wait_until("the run to pause", support::PATIENCE, paused);
    let told = scene.json(0, &["handover", "--json"]);
    assert_eq!(told["open"][0]["run"], 2);
    assert_eq!(told["open"][0]["state"], "paused");
    assert_eq!(
        told["failed"][0]["hosts_not_ok"][0]["standing"],
        "failed(3)"
    );
    assert_eq!(told["notes"][0]["text"], "the exit 3 is known");
    let text = scene.says(0, &["handover", "--since", "1h"]);
    assert!(text.contains("web[01-02]"), "{text}");
    assert!(text.contains("the exit 3 is known"), "{text}");
}

#[test]
fn output_is_gathered_by_what_is_asked_for() {
    let scene = Scene::new();
    let script = "echo same; hostname; echo trouble >&2; hostname >&2; echo last";
    scene.says(0, &["run", "-q", "-w", "web[01-03]", "--", script]);
    let all = scene.says(0, &["runs", "output", "1", "--gather"]);
    assert_eq!(all.matches("same").count(), 3);
    let tail = scene.says(0, &["runs", "output", "1", "--gather", "--tail", "1"]);
    assert!(
        tail.contains("web[01-03] (3)") && tail.contains("last"),
        "{tail}"
    );
    let errors = scene.says(0, &["runs", "output", "1", "--stderr", "--host", "web02"]);
    assert_eq!(errors, "trouble\nweb02\n");
    let gathered = scene.says(
        0,
        &["runs", "output", "1", "--stderr", "--gather", "--json"],
    );
    assert_eq!(gathered.lines().count(), 3);
    let step = scene.says(
        0,
        &["runs", "output", "1", "--step", "exec", "--host", "web01"],
    );
    assert!(step.contains("same"));
    scene.says(2, &["runs", "output", "1", "--step", "nope"]);
}

#[test]
fn the_man_page_and_the_completions_name_every_command() {
    let scene = Scene::new();
    let pages = scene.dir.path().join("man");
    scene.says(0, &["man", "--dir", pages.to_str().unwrap()]);
    for page in [
        "conn-handover.1",
        "conn-runs-why.1",
        "conn-runs-report.1",
        "conn-preflight.1",
    ] {
        assert!(pages.join(page).is_file(), "{page}");
    }
    let words = scene.says(0, &["completions", "bash"]);
    for word in ["handover", "report", "--ephemeral", "--hold"] {
        assert!(words.contains(word), "{word}");
    }
}

/// A client of an engine in this process.
async fn client_of(engine: &Inside) -> Client {
    let hello = Hello {
        protocol: PROTOCOL,
        ..Hello::default()
    };
    Client::connect(engine.stream(), &hello).await.unwrap()
}

fn paths(home: &Path) -> Paths {
    Paths::find(Some(home), false, &Surroundings::of_process()).unwrap()
}

async fn ended(client: &Client, run: RunId) {
    let mut from = FollowFrom {
        run,
        wait_ms: 10_000,
        ..FollowFrom::default()
    };
    loop {
        let Reply::Page(page) = client.call(Request::Follow(from.clone())).await.unwrap() else {
            panic!("a page was asked for");
        };
        if page.view.ended.is_some() {
            return;
        }
        from.revision = page.view.revision;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_run_is_read_as_before_and_not_changed_any_more() {
    let scene = Scene::new();
    let store = SimStore::new(Syncing::Automatic);
    let engine = Inside::over(&paths(&scene.home()), store.clone()).unwrap();
    let client = client_of(&engine).await;
    let start = StartRun {
        targets: "web[01-02]".to_owned(),
        command: "echo out; exit 3".to_owned(),
        ..StartRun::default()
    };
    let reply = client.call(Request::Start(Box::new(start))).await.unwrap();
    let Reply::Started { run, .. } = reply else {
        panic!("a run was asked for");
    };
    ended(&client, run).await;
    engine.end().await;
    store.seal(run.0).unwrap();

    let store: Arc<dyn Store> = store;
    let engine = Inside::over(&paths(&scene.home()), store).unwrap();
    let client = client_of(&engine).await;
    let Reply::Detail(detail) = client.call(Request::Show { run }).await.unwrap() else {
        panic!("a run was asked for");
    };
    assert_eq!(detail.view.state, "failed");
    assert!(detail.tasks.iter().all(|task| task.finished.is_some()));
    let request = Request::Groups { run, step: None };
    let Reply::Groups(groups) = client.call(request).await.unwrap() else {
        panic!("groups were asked for");
    };
    assert_eq!(groups[0].hosts, ["web01", "web02"]);
    let request = Request::HostOutput {
        run,
        host: "web01".to_owned(),
        cursor: 0,
        max_bytes: 1 << 16,
    };
    let Reply::Output { chunks, .. } = client.call(request).await.unwrap() else {
        panic!("output was asked for");
    };
    assert_eq!(chunks.len(), 1);
    let Reply::Why(causes) = client.call(Request::Why { run }).await.unwrap() else {
        panic!("causes were asked for");
    };
    assert_eq!(causes.len(), 1);

    for act in [
        Steer::Retry {
            only: Vec::new(),
            hosts: String::new(),
            shown: None,
        },
        Steer::Settle {
            host: "web01".to_owned(),
            step: None,
            verdict: "ok".to_owned(),
        },
    ] {
        let refused = client.call(Request::Steer { run, act }).await;
        let Err(CallError::Fault(fault)) = refused else {
            panic!("a sealed run is not steered");
        };
        assert_eq!(fault.kind, FaultKind::Refused);
        assert!(fault.message.contains("sealed"), "{}", fault.message);
    }
    engine.end().await;
}

//! The cheap server as OpenSSH's client sees it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helper fails its test"
)]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use theconn::demo::cheap::{Cheap, Options, Wrapped, address};
use theconn::ssh::unwrapped;

struct Server {
    dir: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

fn serve(hosts: usize) -> Server {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let entered = runtime.enter();
    let options = Options {
        dir: dir.path().to_owned(),
        hosts,
        port: 0,
        client: None,
        unwrap: |line| {
            let found = unwrapped(line)?;
            Some(Wrapped {
                mark: found.mark,
                command: found.command,
            })
        },
    };
    runtime.spawn(Cheap::bind(&options).unwrap().run());
    drop(entered);
    Server {
        dir,
        _runtime: runtime,
    }
}

fn ssh(config: &Path, host: &str, command: &str) -> Output {
    Command::new("ssh")
        .arg("-F")
        .arg(config)
        .args(["-o", "BatchMode=yes", host, command])
        .stdin(Stdio::null())
        .output()
        .expect("these tests need OpenSSH's ssh: apt-get install openssh-client")
}

#[test]
fn openssh_runs_commands_on_any_of_its_addresses() {
    let server = serve(1000);
    let config = server.dir.path().join("ssh_config");
    for index in [0, 249, 250, 999] {
        let out = ssh(&config, &address(index).to_string(), "true");
        assert_eq!(
            (out.status.code(), out.stdout.len()),
            (Some(0), 0),
            "{out:?}"
        );
    }
    let first = address(0).to_string();
    assert_eq!(
        ssh(&config, &first, "lines 3").stdout,
        b"line 1\nline 2\nline 3\n"
    );
    assert_eq!(
        ssh(&config, &first, "out 20000000").stdout.len(),
        20_000_000
    );
    assert_eq!(ssh(&config, &first, "sleep 0").status.code(), Some(0));
    assert_eq!(ssh(&config, &first, "rm -rf /").status.code(), Some(127));
}

/// `conn run` on hosts of the server, with words of its own before the command.
fn conn(server: &Server, targets: &str, words: &[&str], command: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_conn"))
        .arg("--home")
        .arg(server.dir.path().join("conn"))
        .args(["run", "--ephemeral", "-w", targets, "-F"])
        .arg(server.dir.path().join("ssh_config"))
        .args(words)
        .args(["--", command])
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn conn_runs_the_same_commands_in_its_wrapper() {
    let server = serve(300);
    let out = conn(&server, "127.0.1.[1-250],127.0.2.[1-50]", &[], "true");
    assert_eq!(
        (out.status.code(), &*out.stdout),
        (Some(0), &b""[..]),
        "{out:?}"
    );
    let out = conn(&server, "127.0.1.1", &[], "lines 2");
    assert_eq!(
        String::from_utf8_lossy(&out.stdout),
        "127.0.1.1: line 1\n127.0.1.1: line 2\n"
    );
    let out = conn(&server, "127.0.1.1", &[], "lines 5000");
    let line = |number| format!("127.0.1.1: line {number}");
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.lines().eq((1..=5_000).map(line)), "{text}");
    let out = conn(&server, "127.0.1.1", &[], "out 70000");
    let text = String::from_utf8(out.stdout).unwrap();
    let pieces = text
        .lines()
        .map(|line| line.strip_prefix("127.0.1.1: ").unwrap());
    assert_eq!(pieces.collect::<String>(), "x".repeat(70_000));
    let out = conn(&server, "127.0.1.1", &[], "rm -rf /");
    assert_eq!(out.status.code(), Some(1), "{out:?}");
}

#[test]
fn held_connections_are_there_for_the_command_even_where_no_idle_one_is_kept() {
    let server = serve(20);
    let config = server.dir.path().join("conn/config");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("conn.toml"), "[ssh]\nidle_connections = 0\n").unwrap();
    let new_connections = |words: &[&str]| {
        let out = conn(&server, "127.0.1.[1-20]", words, "true");
        assert_eq!(out.status.code(), Some(0), "{out:?}");
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let hosts = text.matches("\"outcome\":\"ok\"").count();
        assert_eq!(hosts, 20, "{text}");
        hosts - text.matches("\"auth\":null").count()
    };
    assert_eq!(new_connections(&["--json", "-f", "2"]), 20);
    assert_eq!(new_connections(&["--json", "-f", "2", "--hold"]), 0);
}

#[test]
fn one_line_of_known_hosts_does_for_all_and_no_line_does_for_none() {
    let server = serve(10);
    let config = server.dir.path().join("ssh_config.one");
    assert!(ssh(&config, "127.1.2.3", "true").status.success());
    let strict = ssh(&server.dir.path().join("ssh_config"), "127.1.2.3", "true");
    assert_eq!(strict.status.code(), Some(255), "{strict:?}");
}

#[test]
fn another_key_is_not_let_in() {
    let (server, other) = (serve(1), serve(1));
    let config = server.dir.path().join("ssh_config");
    std::fs::copy(
        other.dir.path().join("id_ed25519"),
        server.dir.path().join("id_ed25519"),
    )
    .unwrap();
    let out = ssh(&config, "127.0.1.1", "true");
    assert!(
        String::from_utf8_lossy(&out.stderr).contains("Permission denied"),
        "{out:?}"
    );
}

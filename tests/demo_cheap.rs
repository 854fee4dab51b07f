//! The cheap server as OpenSSH's client sees it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helper fails its test"
)]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use theconn::demo::cheap::{Cheap, Options, address};

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

//! The engine as a process: one a directory, stopped, started, upgraded, and its socket taken away.

use std::os::unix::net::UnixStream;

use super::rig::{Rig, fleet, lines, outcome_of, task, unique, wait_file};
use super::support::{PATIENCE, wait_until};

/// Leaves a mark, waits for a file, writes numbered lines meanwhile, and ends with 5.
fn told(mark: &str) -> String {
    format!(
        "echo start >>/root/{mark}; n=0; while [ ! -e /root/{mark}.end ]; do echo $n; n=$((n+1)); sleep 0.05; done; exit 5"
    )
}

fn tell(mark: &str, hosts: &[&str]) {
    for host in hosts {
        fleet().sh(host, &format!("touch /root/{mark}.end"));
    }
}

#[track_caller]
fn ended_whole(rig: &Rig, mark: &str, hosts: &[&str]) {
    let shown = rig.wait_end(1);
    for host in hosts {
        assert_eq!(outcome_of(task(&shown, host)), "failed(5)", "{shown:#}");
        assert_eq!(task(&shown, host)["attempts"], 1);
        assert_eq!(fleet().sh(host, &format!("cat /root/{mark}")), "start\n");
        let out = rig
            .runs("output", 1, &["--host", host])
            .expect_success()
            .out();
        let expected = lines(0..out.lines().count(), |n| n.to_string());
        assert_eq!(out, expected);
    }
}

#[test]
fn a_second_engine_on_one_directory_says_so_and_ends() {
    let rig = Rig::new();
    rig.conn.run(["engine", "start"]).expect_success();
    let engine = rig.conn.engine().unwrap();
    let second = rig.conn.run(["engine", "run"]).expect_code(3);
    assert!(
        second
            .err()
            .contains(&format!("in use by process {}", engine.pid)),
        "{}",
        second.err()
    );
    let again = rig.conn.run(["engine", "start"]).expect_success();
    assert!(again.out().contains("runs already"), "{}", again.out());
    assert_eq!(rig.conn.engine(), Some(engine));
    rig.run("web01", &[], "true").expect_success();
}

#[test]
fn engines_started_at_one_moment_become_one() {
    let rig = Rig::new();
    let starting: Vec<_> = (0..6)
        .map(|_| rig.conn.start(["engine", "start"]))
        .collect();
    for start in starting {
        start.wait(PATIENCE).expect_success();
    }
    wait_until("one engine", PATIENCE, || rig.conn.processes().len() == 1);
}

#[test]
fn durable_commands_go_on_through_a_stop_and_a_start() {
    let rig = Rig::new();
    let mark = unique("stop");
    let hosts = ["web01", "web02"];
    rig.detach("web[01-02]", &["--durable"], &told(&mark));
    for host in hosts {
        wait_file(host, &format!("/root/{mark}"));
    }
    rig.conn.run(["engine", "stop"]).expect_success();
    assert!(rig.conn.engine().is_none());
    assert_eq!(rig.conn.processes(), []);
    tell(&mark, &hosts);
    rig.conn.run(["engine", "start"]).expect_success();
    ended_whole(&rig, &mark, &hosts);
}

#[test]
fn a_stop_waits_for_plain_commands_and_starts_no_more() {
    let rig = Rig::new();
    let mark = unique("drain");
    let id = rig.detach("web[01-02]", &["-f", "1"], &told(&mark));
    wait_file("web01", &format!("/root/{mark}"));
    let stop = rig.conn.start(["engine", "stop"]);
    wait_until("the engine to say that it stops", PATIENCE, || {
        let status = rig.conn.run(["engine", "status", "--json"]);
        status.code() == Some(0) && status.json()["stopping"] == true
    });
    tell(&mark, &["web01", "web02"]);
    stop.wait(PATIENCE).expect_success();
    assert!(
        !super::rig::has_file("web02", &format!("/root/{mark}")),
        "not started while it stops"
    );
    let shown = rig.wait_end(id);
    for host in ["web01", "web02"] {
        assert_eq!(outcome_of(task(&shown, host)), "failed(5)", "{shown:#}");
        assert_eq!(fleet().sh(host, &format!("cat /root/{mark}")), "start\n");
    }
}

#[test]
fn a_stop_at_once_leaves_plain_commands_in_doubt() {
    let rig = Rig::new();
    let mark = unique("now");
    let id = rig.detach("web01", &[], &told(&mark));
    wait_file("web01", &format!("/root/{mark}"));
    rig.conn.run(["engine", "stop", "--now"]).expect_success();
    let shown = rig.wait_end(id);
    assert_eq!(outcome_of(task(&shown, "web01")), "in_doubt", "{shown:#}");
    tell(&mark, &["web01"]);
}

#[test]
fn a_socket_that_was_removed_is_made_again() {
    let rig = Rig::new();
    rig.conn.run(["engine", "start"]).expect_success();
    let engine = rig.conn.engine().unwrap();
    let socket = rig.conn.home().join("run/engine.sock");
    std::fs::remove_dir_all(rig.conn.home().join("run")).unwrap();
    wait_until("the socket to be back", PATIENCE, || {
        UnixStream::connect(&socket).is_ok()
    });
    rig.run("web01", &[], "true").expect_success();
    assert_eq!(rig.conn.engine(), Some(engine), "the same engine");
}

#[test]
fn a_client_finds_the_engine_while_its_socket_is_gone() {
    let rig = Rig::new();
    rig.conn.run(["engine", "start"]).expect_success();
    let engine = rig.conn.engine().unwrap();
    std::fs::remove_file(rig.conn.home().join("run/engine.sock")).unwrap();
    rig.run("web01", &[], "true").expect_success();
    assert_eq!(rig.conn.engine(), Some(engine), "the same engine");
}

#[test]
fn an_upgrade_keeps_process_socket_clients_and_durable_commands() {
    let rig = Rig::new();
    let mark = unique("upgrade");
    let hosts = ["web01", "web02"];
    let running = rig.start("web[01-02]", &["--durable"], &told(&mark));
    for host in hosts {
        running.wait_for_out(&format!("{host}: 3\n"));
    }
    let engine = rig.conn.engine().unwrap();
    rig.conn.run(["engine", "upgrade"]).expect_success();
    assert_eq!(rig.conn.engine().map(|engine| engine.pid), Some(engine.pid));
    tell(&mark, &hosts);
    let ended = running.wait(PATIENCE).expect_code(1);
    for host in hosts {
        let prefix = format!("{host}: ");
        let out = ended.out();
        let got: Vec<&str> = out
            .lines()
            .filter_map(|line| line.strip_prefix(&prefix))
            .collect();
        let expected: Vec<String> = (0..got.len()).map(|n| n.to_string()).collect();
        assert_eq!(got, expected, "the one who followed lost nothing");
    }
    ended_whole(&rig, &mark, &hosts);
}

#[test]
fn a_state_directory_of_another_version_is_refused_and_not_touched() {
    let rig = Rig::new();
    rig.run("web01", &[], "echo kept").expect_success();
    rig.conn.run(["engine", "stop"]).expect_success();
    let store = rig.conn.home().join("state/store");
    let format = std::fs::read_to_string(store.join("format")).unwrap();
    std::fs::write(store.join("format"), "conn-store 999\n").unwrap();
    let before = snapshot(&store);
    let refused = rig.conn.run(["runs"]).expect_code(3);
    assert!(
        refused.err().contains("nothing was touched"),
        "{}",
        refused.err()
    );
    assert_eq!(snapshot(&store), before);
    std::fs::write(store.join("format"), format).unwrap();
    let out = rig
        .conn
        .run(["runs", "output", "1", "--host", "web01"])
        .expect_success()
        .out();
    assert_eq!(out, "kept\n");
}

/// Every file below with its size and time.
fn snapshot(dir: &std::path::Path) -> Vec<(std::path::PathBuf, u64, std::time::SystemTime)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let (path, meta) = (entry.path(), entry.metadata().unwrap());
        if meta.is_dir() {
            found.extend(snapshot(&path));
        } else {
            found.push((path, meta.len(), meta.modified().unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_wrong_setting_is_one_clear_error_with_its_place() {
    let rig = Rig::new();
    rig.settings("[run]\nfanout = \"many\"\n");
    let refused = rig.run("web01", &[], "true");
    assert!(matches!(refused.code(), Some(2 | 3)), "{refused:?}");
    assert!(refused.err().contains("conn.toml:2"), "{}", refused.err());
}

#[test]
fn runs_of_former_engines_are_listed_and_numbers_go_on() {
    let rig = Rig::new();
    for n in 1..=3 {
        let id = rig.detach("web01", &[], &format!("echo {n}"));
        assert_eq!(id, n);
        rig.wait_end(id);
        if n == 2 {
            rig.conn.kill_engine();
        } else {
            rig.conn.run(["engine", "stop"]).expect_success();
        }
    }
    let listed = rig.conn.run(["runs", "--json"]).expect_success().json();
    assert_eq!(listed.as_array().unwrap().len(), 3);
    for n in 1..=3 {
        assert_eq!(
            rig.runs("output", n, &["--host", "web01"])
                .expect_success()
                .out(),
            format!("{n}\n")
        );
    }
}

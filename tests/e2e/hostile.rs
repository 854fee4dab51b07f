//! Servers and hosts that mean no good cost their own outcome and nothing more.

use std::fmt::Write;

use super::rig::{Rig, fleet, unique};
use super::support::{Behaviour, HostileServer, PATIENCE, Scratch, wait_until};

#[test]
fn hostile_servers_are_unreachable_while_the_others_finish() {
    let servers: Vec<HostileServer> = Behaviour::ALL
        .into_iter()
        .map(HostileServer::start)
        .collect();
    let dir = Scratch::new("hostile");
    let mut text = String::new();
    for (n, server) in servers.iter().enumerate() {
        let _ = write!(
            text,
            "Host evil{n:02}\n  HostName 127.0.0.1\n  Port {}\n  IdentityFile {}\n",
            server.addr().port(),
            fleet().key().display()
        );
    }
    text += &std::fs::read_to_string(fleet().ssh_config()).unwrap();
    let mut rig = Rig::new();
    rig.config = dir.write("ssh_config", text);
    let targets = format!("evil[00-{:02}],web[01-05]", servers.len() - 1);
    for options in [
        &["--connect-timeout", "2s"][..],
        &["--connect-timeout", "2s", "--durable"],
    ] {
        let report = rig.report(&targets, options, "echo fine");
        assert_eq!(report.code, Some(1));
        assert_eq!(
            report.end["counts"],
            serde_json::json!({"ok": 5, "unreachable": servers.len()}),
            "{report:#?}"
        );
        for host in report
            .hosts
            .values()
            .filter(|host| host["outcome"] == "unreachable")
        {
            let detail = host["detail"].as_str().unwrap();
            assert!(
                detail.len() < 2000 && detail.chars().all(|letter| !letter.is_control()),
                "{detail:?}"
            );
        }
    }
    for (server, behaviour) in servers.iter().zip(Behaviour::ALL) {
        assert!(server.accepted() >= 1, "{behaviour:?}");
        wait_until(&format!("{behaviour:?} to be left"), PATIENCE, || {
            server.open() == 0
        });
    }
    let status = rig
        .conn
        .run(["engine", "status", "--json"])
        .expect_success()
        .json();
    assert!(status["memory"].as_u64().unwrap() < 300 << 20, "{status}");
}

#[test]
fn a_host_that_floods_keeps_head_and_tail_and_its_gap_is_counted() {
    for options in [&[][..], &["--durable"]] {
        let rig = Rig::with_settings("[run]\noutput_disk = \"1MiB\"\noutput_memory = \"64KiB\"\n");
        let flood = "echo first; head -c 40000000 /dev/zero | tr '\\0' x | fold -w 99; echo last";
        let report = rig.report(
            "web[01-02]",
            options,
            &format!("[ $(hostname) = web01 ] || exit 0; {flood}"),
        );
        assert_eq!(report.code, Some(0), "{report:?}");
        let host = &report.hosts["web01"];
        let stdout = host["stdout"].as_str().unwrap();
        let missing = host["truncated_bytes"].as_u64().unwrap();
        let whole =
            6 + 40_000_000 + 40_000_000_u64.div_ceil(99) - u64::from(40_000_000 % 99 != 0) + 5;
        assert!(
            stdout.starts_with("first\n") && stdout.ends_with("last\n"),
            "{options:?}"
        );
        assert!(stdout.len() <= 2 << 20, "{} bytes are kept", stdout.len());
        let sum = stdout.len() as u64 + missing;
        assert!(
            sum.abs_diff(whole) <= 1,
            "every byte is kept or counted: {sum} of {whole} {options:?}"
        );
        let stored = rig
            .conn
            .run(["runs", "output", "1", "--host", "web01"])
            .expect_success()
            .out();
        assert!(stored.contains("bytes left out"), "{options:?}");
        let status = rig
            .conn
            .run(["engine", "status", "--json"])
            .expect_success()
            .json();
        assert!(status["memory"].as_u64().unwrap() < 300 << 20, "{status}");
    }
}

#[test]
fn escape_sequences_reach_a_pipe_as_they_are() {
    let rig = Rig::new();
    let ended = rig
        .run("web01", &[], r"printf '\033]0;owned\007\033[2Jx\r\n'")
        .expect_success();
    assert_eq!(ended.stdout, b"web01: \x1b]0;owned\x07\x1b[2Jx\r\n");
}

#[test]
fn a_line_without_end_costs_no_memory_and_arrives() {
    let rig = Rig::new();
    let ended = rig
        .run("web01", &[], "head -c 3000000 /dev/zero | tr '\\0' y")
        .expect_success();
    let bytes = ended.out().matches('y').count();
    assert_eq!(bytes, 3_000_000);
}

#[test]
fn a_child_that_holds_the_output_open_does_not_hold_the_run() {
    let rig = Rig::new();
    let mark = unique("holder");
    let command = format!(
        "(sleep 47.{}; : {mark}) & echo left",
        std::process::id() % 1000
    );
    for options in [
        &["--timeout", "40s"][..],
        &["--timeout", "40s", "--durable"],
    ] {
        let report = rig.report("web01", options, &command);
        assert_eq!(report.outcome("web01"), "ok", "{report:#?}");
        assert_eq!(report.only()["stdout"], "left\n");
    }
}

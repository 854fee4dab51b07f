//! The engine outlives the login whose agent it uses.

use std::path::PathBuf;

use super::rig::{Rig, fleet, has_file, outcome_of, task, unique};
use super::support::{Agent, PATIENCE, Scratch};

/// The fleet's `ssh_config` without its key: only an agent opens the hosts.
fn agent_only(dir: &Scratch) -> PathBuf {
    let text = std::fs::read_to_string(fleet().ssh_config()).unwrap();
    let without: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("IdentityFile"))
        .collect();
    dir.write("ssh_config", without.join("\n") + "\n")
}

fn gate(mark: &str) -> String {
    format!(
        "echo begun; [ $(hostname) != web01 ] || while [ ! -e /tmp/{mark} ]; do sleep 0.05; done; echo done"
    )
}

#[test]
fn a_run_whose_agent_is_gone_waits_and_finishes_with_the_next_login() {
    for durable in [&[][..], &["--durable"]] {
        let dir = Scratch::new("agent-config");
        let mut rig = Rig::new();
        rig.config = agent_only(&dir);
        let mut first = Agent::with_key(&fleet().key());
        rig.conn.set("SSH_AUTH_SOCK", first.socket());
        let mark = unique("agent");
        let options: Vec<&str> = ["-f", "1"]
            .into_iter()
            .chain(durable.iter().copied())
            .collect();
        let running = rig.start("web[01-04]", &options, &gate(&mark));
        running.wait_for_out("web01: begun");
        first.stop();
        fleet().sh("web01", &format!("touch /tmp/{mark}"));
        let shown = rig.wait_state(1, "waiting");
        assert_eq!(shown["for"], "credentials", "{shown:#}");
        assert_eq!(
            outcome_of(task(&shown, "web01")),
            "ok",
            "a connection needs no agent once it is made"
        );
        for host in ["web02", "web03", "web04"] {
            let task = task(&shown, host);
            assert_eq!(
                (&task["outcome"], &task["attempts"]),
                (&serde_json::Value::Null, &0.into())
            );
        }
        let second = Agent::with_key(&fleet().key());
        rig.conn.set("SSH_AUTH_SOCK", second.socket());
        rig.conn.run(["runs"]).expect_success();
        let ended = running.wait(PATIENCE).expect_success();
        assert!(
            ended.err().contains("credential"),
            "it says what it waits for: {}",
            ended.err()
        );
        let shown = rig.show(1);
        assert_eq!(shown["state"], "succeeded");
        for host in ["web01", "web02", "web03", "web04"] {
            assert_eq!(task(&shown, host)["attempts"], 1);
        }
    }
}

#[test]
fn a_run_without_any_credential_waits_and_starts_nothing() {
    let dir = Scratch::new("agent-config");
    let mut rig = Rig::new();
    rig.config = agent_only(&dir);
    let file = format!("/root/{}", unique("none"));
    let id = rig.detach("web[01-02]", &[], &format!("touch {file}"));
    let shown = rig.wait_state(id, "waiting");
    assert_eq!(shown["for"], "credentials");
    assert!(!has_file("web01", &file));
    let listed = rig.conn.run(["runs"]).expect_success().out();
    assert!(listed.contains("waiting for a credential"), "{listed}");
    rig.conn.kill_engine();
    let agent = Agent::with_key(&fleet().key());
    rig.conn.set("SSH_AUTH_SOCK", agent.socket());
    assert_eq!(
        rig.wait_end(id)["state"],
        "succeeded",
        "also when the engine was killed meanwhile"
    );
    assert!(has_file("web02", &file));
}

#[test]
fn an_agent_with_the_wrong_key_is_refused_auth() {
    let dir = Scratch::new("agent-config");
    super::support::make_key(&dir.path().join("wrong"), "ed25519", "");
    let mut rig = Rig::new();
    rig.config = agent_only(&dir);
    let agent = Agent::with_key(&dir.path().join("wrong"));
    rig.conn.set("SSH_AUTH_SOCK", agent.socket());
    let report = rig.report("web[01-02]", &[], "true");
    assert_eq!(report.outcome("web01"), "refused(auth)", "{report:#?}");
    assert_eq!(report.outcome("web02"), "refused(auth)", "{report:#?}");
}

#[test]
fn a_waiting_run_can_be_aborted() {
    let dir = Scratch::new("agent-config");
    let mut rig = Rig::new();
    rig.config = agent_only(&dir);
    let id = rig.detach("web[01-02]", &[], "true");
    rig.wait_state(id, "waiting");
    rig.runs("abort", id, &[]).expect_success();
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "aborted");
    assert_eq!(outcome_of(task(&shown, "web01")), "not_started");
}

#[test]
fn a_durable_command_ends_unwatched_and_is_read_after_the_next_login() {
    let dir = Scratch::new("agent-config");
    let mut rig = Rig::new();
    rig.config = agent_only(&dir);
    let mut first = Agent::with_key(&fleet().key());
    rig.conn.set("SSH_AUTH_SOCK", first.socket());
    let mark = unique("unwatched");
    let id = rig.detach(
        "web01",
        &["--durable"],
        &format!("echo start >>/root/{mark}; {}; exit 9", gate(&mark)),
    );
    super::rig::wait_file("web01", &format!("/root/{mark}"));
    rig.conn.kill_engine();
    first.stop();
    rig.conn.unset("SSH_AUTH_SOCK");
    rig.conn.run(["engine", "start"]).expect_success();
    fleet().sh("web01", &format!("touch /tmp/{mark}"));
    let shown = rig.show(id);
    assert!(shown["ended"].is_null(), "{shown:#}");
    let second = Agent::with_key(&fleet().key());
    rig.conn.set("SSH_AUTH_SOCK", second.socket());
    let shown = rig.wait_end(id);
    assert_eq!(outcome_of(task(&shown, "web01")), "failed(9)", "{shown:#}");
    assert_eq!(fleet().sh("web01", &format!("cat /root/{mark}")), "start\n");
    let out = rig
        .runs("output", id, &["--host", "web01"])
        .expect_success()
        .out();
    assert_eq!(out, "begun\ndone\n");
}

//! `-H`: the engine is on a bastion, the client is not.

use std::os::unix::fs::PermissionsExt;

use super::rig::{Report, Rig, fleet, lend};
use super::support::{Agent, PATIENCE, Scratch};

/// A client that finds `ssh` set up for the fleet, and a bastion that has `conn` and knows it too.
struct Remote {
    rig: Rig,
    bastion: String,
    _tools: Scratch,
}

impl Remote {
    fn new(ssh_options: &str) -> Self {
        let (mut rig, bastion, tools) = (Rig::new(), lend(), Scratch::new("tools"));
        let config = fleet().ssh_config();
        let ssh = tools.write(
            "ssh",
            format!(
                "#!/bin/sh\nexec /usr/bin/ssh -F {} {ssh_options} \"$@\"\n",
                config.display()
            ),
        );
        std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = std::env::var("PATH").unwrap();
        let folder = ssh.parent().unwrap().display();
        rig.conn.set("PATH", format!("{folder}:{path}"));
        let program = rig.conn.program();
        fleet().sh(
            &bastion,
            &format!("ln -s {} /usr/local/bin/conn", program.display()),
        );
        Self {
            rig,
            bastion,
            _tools: tools,
        }
    }

    /// Gives the bastion this file in root's `.ssh`.
    fn give(&self, name: &str, content: &str) {
        let script =
            format!("umask 077; mkdir -p ~/.ssh; cat >~/.ssh/{name} <<'END'\n{content}\nEND");
        fleet().sh(&self.bastion, &script);
    }

    fn knows_hosts(&self) {
        let known = std::fs::read_to_string(fleet().known_hosts()).unwrap();
        self.give("known_hosts", &known);
        let addresses: Vec<String> = fleet()
            .hosts()
            .iter()
            .map(|host| format!("Host {}\n  HostName {}", host.name, host.address))
            .collect();
        self.give("config", &addresses.join("\n"));
    }

    fn words<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        [&["-H", self.bastion.as_str()], rest].concat()
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let words = self.words(&["engine", "stop", "--now"]);
        self.rig.conn.start(words).wait(PATIENCE);
    }
}

#[test]
fn a_run_through_a_bastion_is_the_bastions_and_is_found_there_again() {
    let remote = Remote::new("");
    remote.knows_hosts();
    remote.give(
        "id_ed25519",
        &std::fs::read_to_string(fleet().key()).unwrap(),
    );
    let ended =
        remote
            .rig
            .conn
            .run(remote.words(&["run", "-w", "web[01-05]", "--json", "--", "hostname"]));
    let report = Report::of(&ended.expect_success());
    for (host, seen) in &report.hosts {
        assert_eq!(seen["stdout"], format!("{host}\n"));
    }
    let shown = remote
        .rig
        .conn
        .run(remote.words(&["runs", "show", "1", "--json"]))
        .expect_success()
        .json();
    assert_eq!(shown["state"], "succeeded");
    assert!(
        remote.rig.conn.engine().is_none(),
        "no engine was started where the client is"
    );
    let there = fleet().sh(&remote.bastion, "conn runs");
    assert!(there.contains("web[01-05]"), "{there}");
}

#[test]
fn the_agent_that_the_login_forwards_is_the_one_that_is_used() {
    let agent = Agent::with_key(&fleet().key());
    let mut remote = Remote::new("-A");
    remote.knows_hosts();
    remote.rig.conn.set("SSH_AUTH_SOCK", agent.socket());
    let words = ["run", "-w", "web[01-02]", "--json", "--", "hostname"];
    let report = Report::of(&remote.rig.conn.run(remote.words(&words)).expect_success());
    assert_eq!(report.hosts.len(), 2);
}

#[test]
fn a_bastion_that_cannot_be_reached_is_said_in_one_sentence() {
    let remote = Remote::new("-o ConnectTimeout=2");
    let ended = remote
        .rig
        .conn
        .run(["-H", "nowhere.invalid", "run", "-w", "web01", "--", "true"])
        .expect_code(3);
    assert!(ended.err().contains("nowhere.invalid"), "{}", ended.err());
    fleet().sh(&remote.bastion, "rm /usr/local/bin/conn");
    let ended = remote.rig.conn.run(remote.words(&["runs"])).expect_code(3);
    assert!(ended.err().contains(&remote.bastion), "{}", ended.err());
}

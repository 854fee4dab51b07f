//! Hosts that go away in the middle of a command, and come back, or not.

use super::rig::{Rig, fleet, lend, outcome_of, task, unique, wait_gone};
use super::support::{PATIENCE, Running};

/// Notices a lost connection soon.
const QUICK: &str =
    "[ssh]\nkeepalive_interval = \"1s\"\nkeepalive_count = 2\nconnect_timeout = \"2s\"\n";

/// Leaves a mark, writes numbered lines until told to end, and ends with 5.
fn told(mark: &str) -> String {
    format!(
        "echo start >>/root/{mark}; n=0; while [ ! -e /root/{mark}.end ]; do echo $n; n=$((n+1)); \
         sleep 0.05; done; echo last $n; exit 5"
    )
}

fn tell(host: &str, mark: &str) {
    fleet().sh(host, &format!("touch /root/{mark}.end"));
}

/// A durable run on this host, somewhere in the middle.
fn durable(rig: &Rig, host: &str, mark: &str) -> Running {
    let running = rig.start(host, &["--durable"], &told(mark));
    running.wait_for_out(&format!("{host}: 5\n"));
    running
}

/// It ended with its code, each line came once, and it started once.
#[track_caller]
fn ended_whole(rig: &Rig, host: &str, mark: &str, running: Running) {
    let out = running.wait(PATIENCE).expect_code(1).out();
    let prefix = format!("{host}: ");
    let lines: Vec<&str> = out
        .lines()
        .map(|line| line.strip_prefix(&prefix).unwrap())
        .collect();
    let (last, numbers) = lines.split_last().unwrap();
    let expected: Vec<String> = (0..numbers.len()).map(|n| n.to_string()).collect();
    assert_eq!(numbers, expected);
    assert_eq!(*last, format!("last {}", numbers.len()));
    let shown = rig.show(1);
    assert_eq!(outcome_of(task(&shown, host)), "failed(5)");
    assert_eq!(task(&shown, host)["attempts"], 1);
    assert_eq!(fleet().sh(host, &format!("cat /root/{mark}")), "start\n");
}

#[test]
fn a_durable_command_is_followed_again_when_the_link_heals() {
    let rig = Rig::with_settings(QUICK);
    let (host, mark) = (lend(), unique("cut"));
    let running = durable(&rig, &host, &mark);
    fleet().cut(&host);
    rig.wait_state(1, "reattaching");
    tell(&host, &mark);
    wait_gone(&host, &mark);
    fleet().heal(&host);
    ended_whole(&rig, &host, &mark, running);
}

#[test]
fn a_durable_command_is_followed_again_when_a_stopped_sshd_goes_on() {
    let rig = Rig::with_settings(QUICK);
    let (host, mark) = (lend(), unique("stopped"));
    let running = durable(&rig, &host, &mark);
    fleet().stop(&host);
    rig.wait_state(1, "reattaching");
    fleet().cont(&host);
    tell(&host, &mark);
    ended_whole(&rig, &host, &mark, running);
}

#[test]
fn a_durable_command_outlives_its_sshd() {
    let rig = Rig::with_settings(QUICK);
    let (host, mark) = (lend(), unique("killed"));
    let running = durable(&rig, &host, &mark);
    fleet().kill_sshd(&host);
    rig.wait_state(1, "reattaching");
    fleet().start_sshd(&host);
    tell(&host, &mark);
    ended_whole(&rig, &host, &mark, running);
}

#[test]
fn the_other_hosts_of_a_run_do_not_wait_for_the_one_that_is_away() {
    let rig = Rig::with_settings(QUICK);
    let (host, mark) = (lend(), unique("away"));
    let running = rig.start(&format!("web[01-03],{host}"), &["--durable"], &told(&mark));
    running.wait_for_out(&format!("{host}: 5\n"));
    fleet().cut(&host);
    for host in ["web01", "web02", "web03"] {
        tell(host, &mark);
        running.wait_for_out(&format!("{host}: last"));
    }
    rig.wait_state(1, "reattaching");
    fleet().heal(&host);
    tell(&host, &mark);
    let ended = running.wait(PATIENCE).expect_code(1);
    assert!(ended.err().contains("failed(5) 4: "), "{}", ended.err());
}

#[test]
fn a_host_that_boots_in_the_middle_of_a_durable_command_is_in_doubt() {
    let rig = Rig::with_settings(QUICK);
    let (soft, hard, mark) = (lend(), lend(), unique("boot"));
    let both = format!("{soft},{hard}");
    let running = rig.start(&both, &["--durable"], &told(&mark));
    for host in [&soft, &hard] {
        running.wait_for_out(&format!("{host}: 5\n"));
    }
    fleet().reboot(&soft);
    fleet().power_cycle(&hard);
    let ended = running.wait(PATIENCE).expect_code(1);
    assert!(ended.err().contains("in_doubt 2: "), "{}", ended.err());
    for host in [&soft, &hard] {
        assert_eq!(
            fleet().sh(host, &format!("cat /root/{mark}")),
            "start\n",
            "not started again"
        );
    }
}

#[test]
fn a_plain_command_whose_connection_breaks_is_in_doubt() {
    let rig = Rig::with_settings(QUICK);
    let (cut, stopped, killed, mark) = (lend(), lend(), lend(), unique("plain"));
    let all = format!("{cut},{stopped},{killed},web01");
    let running = rig.start(&all, &[], &told(&mark));
    for host in [&cut, &stopped, &killed] {
        running.wait_for_out(&format!("{host}: 5\n"));
    }
    fleet().cut(&cut);
    fleet().stop(&stopped);
    fleet().kill_sshd(&killed);
    tell("web01", &mark);
    let ended = running.wait(PATIENCE).expect_code(1);
    let shown = rig.show(1);
    for host in [&cut, &stopped, &killed] {
        assert_eq!(
            outcome_of(task(&shown, host)),
            "in_doubt",
            "{}",
            ended.err()
        );
        tell(host, &mark);
    }
    assert_eq!(outcome_of(task(&shown, "web01")), "failed(5)");
}

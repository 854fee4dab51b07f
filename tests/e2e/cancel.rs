//! Whoever stops a run can be sure that its commands are gone.

use rustix::process::Signal;

use super::rig::{Rig, fleet, lend, outcome_of, processes, task, unique, wait_gone};
use super::support::{PATIENCE, wait_until};

/// A command that a search for `mark` finds among the processes, in a child too; it never ends by itself.
fn endless(mark: &str) -> String {
    format!("echo begun; sh -c 'while sleep 1; do :; done # {mark}'; echo after {mark}")
}

/// The same, deaf to everything but SIGKILL.
fn deaf(mark: &str) -> String {
    format!("trap '' TERM INT HUP; {}", endless(mark))
}

#[test]
fn ctrl_c_asks_first_and_cancels_when_it_comes_again() {
    for options in [&[][..], &["--durable"]] {
        let rig = Rig::new();
        let mark = unique("intr");
        let running = rig.start("web[01-03]", options, &endless(&mark));
        for host in ["web01", "web02", "web03"] {
            running.wait_for_out(&format!("{host}: begun"));
        }
        running.signal(Signal::INT);
        wait_until("the question", PATIENCE, || {
            running.err().contains("again within 2 s")
        });
        assert_eq!(rig.show(1)["state"], "running");
        assert_eq!(processes("web01", &mark).min(1), 1);
        running.signal(Signal::INT);
        wait_until("the answer to the second", PATIENCE, || {
            running.err().contains("cancelling")
        });
        let ended = running.wait(PATIENCE).expect_code(1);
        assert!(
            ended.err().contains("cancelled 3: web[01-03]"),
            "{}",
            ended.err()
        );
        assert!(!ended.out().contains("after"), "{}", ended.out());
        for host in ["web01", "web02", "web03"] {
            assert_eq!(
                processes(host, &mark),
                0,
                "said to be cancelled, so it is gone {options:?}"
            );
        }
        assert_eq!(rig.show(1)["state"], "aborted");
    }
}

#[test]
fn an_aborted_run_leaves_no_process_behind_not_even_a_deaf_one() {
    let rig = Rig::new();
    let ways: [&[&str]; 4] = [
        &[],
        &["--durable"],
        &["-l", "admin", "--run-as", "root"],
        &["-l", "admin", "--run-as", "root", "--durable"],
    ];
    for (id, way) in (1..).zip(ways) {
        let mark = unique("deaf");
        let running = rig.start("web[01-02]", way, &deaf(&mark));
        for host in ["web01", "web02"] {
            running.wait_for_out(&format!("{host}: begun"));
        }
        rig.runs("abort", id, &["--reason", "enough"])
            .expect_success();
        running.wait(PATIENCE).expect_code(1);
        let shown = rig.wait_end(id);
        assert_eq!(shown["state"], "aborted");
        for host in ["web01", "web02"] {
            assert_eq!(
                outcome_of(task(&shown, host)),
                "cancelled",
                "{way:?} {shown:#}"
            );
            assert_eq!(processes(host, &mark), 0, "{way:?}");
        }
        rig.runs("abort", id, &[]).expect_code(4);
    }
}

#[test]
fn hosts_that_had_not_begun_are_not_started_by_an_aborted_run() {
    let rig = Rig::new();
    let mark = unique("rest");
    let running = rig.start("web[01-10]", &["-f", "2"], &endless(&mark));
    running.wait_for_out("web01: begun");
    running.wait_for_out("web02: begun");
    rig.runs("abort", 1, &[]).expect_success();
    let ended = running.wait(PATIENCE).expect_code(1);
    assert!(
        ended.err().contains("cancelled 2: web[01-02]"),
        "{}",
        ended.err()
    );
    assert!(
        ended.err().contains("not_started 8: web[03-10]"),
        "{}",
        ended.err()
    );
    for host in ["web01", "web02", "web03", "web10"] {
        assert_eq!(processes(host, &mark), 0);
    }
}

#[test]
fn a_command_over_its_time_is_ended_and_told_apart() {
    let rig = Rig::new();
    for options in [&["--timeout", "1s"][..], &["--timeout", "1s", "--durable"]] {
        let mark = unique("late");
        let report = rig.report(
            "web[01-02]",
            options,
            &format!("[ $(hostname) = web02 ] || {{ {}; }}", deaf(&mark)),
        );
        assert_eq!(report.code, Some(1));
        assert_eq!(report.outcome("web01"), "timed_out", "{report:#?}");
        assert_eq!(report.outcome("web02"), "ok", "{report:#?}");
        wait_gone("web01", &mark);
    }
}

#[test]
fn what_cannot_be_seen_to_end_is_in_doubt_and_not_cancelled() {
    let rig = Rig::with_settings(
        "[ssh]\nkeepalive_interval = \"1s\"\nkeepalive_count = 2\nconnect_timeout = \"2s\"\n",
    );
    let (host, mark) = (lend(), unique("unseen"));
    let running = rig.start(&format!("{host},web01"), &[], &endless(&mark));
    running.wait_for_out(&format!("{host}: begun"));
    running.wait_for_out("web01: begun");
    fleet().cut(&host);
    rig.runs("abort", 1, &[]).expect_success();
    running.wait(PATIENCE).expect_code(1);
    let shown = rig.wait_end(1);
    assert_eq!(outcome_of(task(&shown, &host)), "in_doubt", "{shown:#}");
    assert_eq!(outcome_of(task(&shown, "web01")), "cancelled", "{shown:#}");
    fleet().heal(&host);
}

#[test]
fn a_run_aborted_while_the_engine_was_down_for_a_moment_is_still_ended_on_its_hosts() {
    let rig = Rig::new();
    let mark = unique("after");
    let running = rig.start("web[01-02]", &["--durable"], &endless(&mark));
    running.wait_for_out("web01: begun");
    running.wait_for_out("web02: begun");
    rig.conn.kill_engine();
    rig.runs("abort", 1, &[]).expect_success();
    let ended = running.wait(PATIENCE).expect_code(1);
    assert!(
        ended.err().contains("cancelled 2: web[01-02]"),
        "{}",
        ended.err()
    );
    for host in ["web01", "web02"] {
        assert_eq!(processes(host, &mark), 0);
    }
}

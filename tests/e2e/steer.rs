//! Steering: pause, go on, look first, tune, skip, and claim hosts for one run alone.

use super::rig::{Rig, fleet, outcome_of, task, unique};
use super::support::{PATIENCE, wait_until};

/// Waits for a file of this name on its host.
fn gate(mark: &str) -> String {
    format!("echo begun; while [ ! -e /tmp/{mark} ]; do sleep 0.05; done")
}

fn open(mark: &str, hosts: &[&str]) {
    for host in hosts {
        fleet().sh(host, &format!("touch /tmp/{mark}"));
    }
}

fn running(rig: &Rig, id: u64) -> usize {
    let shown = rig.show(id);
    let tasks = shown["tasks"].as_array().unwrap().iter();
    tasks
        .filter(|task| task["outcome"].is_null() && task["attempts"] != 0)
        .count()
}

#[test]
fn a_paused_run_starts_nothing_new_until_it_is_resumed() {
    let rig = Rig::new();
    let mark = unique("pause");
    let id = rig.detach("web[01-04]", &["-f", "1"], &gate(&mark));
    rig.wait_state(id, "running");
    rig.runs("pause", id, &["--reason", "lunch"])
        .expect_success();
    rig.runs("pause", id, &[]).expect_code(4);
    open(&mark, &["web01", "web02", "web03", "web04"]);
    wait_until("the first host to end", PATIENCE, || {
        rig.show(id)["tasks"]
            .as_array()
            .unwrap()
            .iter()
            .any(|task| task["outcome"] == "ok")
    });
    let shown = rig.show(id);
    assert_eq!(shown["state"], "paused");
    let ended = shown["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|task| !task["outcome"].is_null())
        .count();
    assert_eq!(ended, 1, "{shown:#}");
    assert!(
        shown["because"].as_str().unwrap().contains("lunch"),
        "{shown:#}"
    );
    rig.runs("resume", id, &[]).expect_success();
    assert_eq!(rig.wait_end(id)["state"], "succeeded");
    rig.runs("resume", id, &[]).expect_code(4);
}

#[test]
fn the_first_hosts_are_looked_at_before_the_rest() {
    let rig = Rig::new();
    let mark = unique("first");
    let id = rig.detach(
        "web[01-06]",
        &["--first", "2"],
        &format!("touch /root/{mark}"),
    );
    let shown = rig.wait_state(id, "paused");
    assert_eq!(outcome_of(task(&shown, "web01")), "ok");
    assert_eq!(outcome_of(task(&shown, "web02")), "ok");
    for host in ["web03", "web06"] {
        assert!(task(&shown, host)["outcome"].is_null());
        assert!(!super::rig::has_file(host, &format!("/root/{mark}")));
    }
    rig.conn.kill_engine();
    assert_eq!(rig.show(id)["state"], "paused", "also after a restart");
    rig.runs("resume", id, &[]).expect_success();
    assert_eq!(rig.wait_end(id)["state"], "succeeded");
}

#[test]
fn concurrency_is_kept_and_can_be_tuned_while_it_runs() {
    let rig = Rig::new();
    let mark = unique("tune");
    let id = rig.detach("web[01-10]", &["-f", "2"], &gate(&mark));
    wait_until("two to run", PATIENCE, || running(&rig, id) == 2);
    rig.runs("tune", id, &["--concurrency", "5"])
        .expect_success();
    wait_until("five to run", PATIENCE, || running(&rig, id) == 5);
    rig.runs("tune", id, &["--concurrency", "0"]).expect_code(4);
    rig.runs("tune", id, &[]).expect_code(4);
    let hosts: Vec<String> = (1..=10).map(|n| format!("web{n:02}")).collect();
    open(&mark, &hosts.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(rig.wait_end(id)["state"], "succeeded");
}

#[test]
fn more_failures_than_allowed_pause_the_run() {
    let rig = Rig::new();
    let mark = unique("failures");
    let id = rig.detach(
        "web[01-06]",
        &["-f", "1"],
        &format!("{}; exit 1", gate(&mark)),
    );
    rig.wait_state(id, "running");
    rig.runs("tune", id, &["--max-failures", "1"])
        .expect_success();
    open(
        &mark,
        &["web01", "web02", "web03", "web04", "web05", "web06"],
    );
    let shown = rig.wait_state(id, "paused");
    let failed = shown["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|task| task["outcome"] == "failed")
        .count();
    assert_eq!(failed, 2, "{shown:#}");
    rig.runs("abort", id, &[]).expect_success();
    assert_eq!(rig.wait_end(id)["state"], "aborted");
}

#[test]
fn a_skipped_host_is_left_out_and_counts_as_no_failure() {
    let rig = Rig::new();
    let mark = unique("skip");
    let id = rig.detach("web[01-04]", &["-f", "1"], &gate(&mark));
    rig.wait_state(id, "running");
    rig.runs("skip", id, &["--host", "web[03-04]"])
        .expect_success();
    rig.runs("skip", id, &["--host", "web01"]).expect_code(4);
    rig.runs("skip", id, &["--host", "web09"]).expect_code(2);
    open(&mark, &["web01", "web02"]);
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "succeeded", "{shown:#}");
    assert_eq!(outcome_of(task(&shown, "web04")), "skipped");
    assert_eq!(outcome_of(task(&shown, "web02")), "ok");
}

#[test]
fn an_exclusive_run_waits_for_another_or_is_refused() {
    let rig = Rig::new();
    let mark = unique("lease");
    let first = rig.detach("web[01-02]", &["--exclusive"], &gate(&mark));
    rig.wait_state(first, "running");
    let refused = rig
        .run("web[02-03]", &["--exclusive", "--no-wait"], "echo no")
        .expect_code(4);
    assert!(
        refused.err().contains("web02 is leased by run 1"),
        "{}",
        refused.err()
    );
    assert_eq!(refused.out(), "");
    rig.run("web[01-03]", &[], "echo shared runs never wait")
        .expect_success();
    let second = rig.detach("web02", &["--exclusive"], "echo mine");
    let shown = rig.wait_state(second, "waiting");
    assert_eq!(shown["for"], "lease");
    rig.conn.kill_engine();
    rig.conn.run(["engine", "start"]).expect_success();
    open(&mark, &["web01", "web02"]);
    assert_eq!(rig.wait_end(second)["state"], "succeeded");
}

#[test]
fn only_the_holder_of_the_conn_steers_and_anyone_may_stop() {
    let rig = Rig::new();
    let mark = unique("conn");
    let id = rig.detach("web[01-02]", &["-f", "1"], &gate(&mark));
    rig.wait_state(id, "running");
    assert_eq!(rig.show(id)["conn"], "root");
    rig.runs("give", id, &["--to", "alice"]).expect_success();
    assert_eq!(rig.show(id)["conn"], "alice");
    let refused = rig.runs("tune", id, &["--concurrency", "2"]).expect_code(4);
    assert!(refused.err().contains("alice"), "{}", refused.err());
    rig.runs("take", id, &[]).expect_code(4);
    rig.runs("note", id, &["looks", "fine"]).expect_success();
    rig.runs("take", id, &["--reason", "alice is at lunch"])
        .expect_success();
    assert_eq!(rig.show(id)["conn"], "root");
    rig.runs("give", id, &["--to", "alice"]).expect_success();
    rig.runs("abort", id, &[]).expect_success();
    let shown = rig.wait_end(id);
    let timeline = shown["timeline"].to_string();
    for word in ["looks fine", "alice is at lunch"] {
        assert!(timeline.contains(word), "{timeline}");
    }
}

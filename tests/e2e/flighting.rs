//! `FlightingUpdate` of `config/` on twenty hosts: canary, then one cluster after the other.

use std::fmt::Write as _;

use serde_json::Value;

use super::example_site::{NEW, ONCE, Site};
use super::support::{PATIENCE, wait_until};

/// The twenty hosts.
fn everyone() -> Vec<String> {
    (1..=20).map(|number| format!("rs{number:02}")).collect()
}

impl Site {
    /// With soaks that fit a test, and a gate that takes its time.
    fn for_flighting() -> Self {
        let site = Self::new();
        let flows = site.config().join("flows");
        for (file, old, new) in [
            ("flighting-update", "soak    = \"30s\"", "soak = \"3s\""),
            ("flighting-update", "soak     = \"10s\"", "soak = \"3s\""),
            (
                "flighting-update",
                "exec = { command = \"check_",
                "exec = { command = \"sleep 3 && check_",
            ),
            ("upgrade-regionserver", "soak = \"5s\"", "soak = \"2s\""),
        ] {
            let file = flows.join(format!("{file}.toml"));
            let text = std::fs::read_to_string(&file).unwrap();
            assert_eq!(text.matches(old).count(), 1, "{old} in {}", file.display());
            std::fs::write(&file, text.replace(old, new)).unwrap();
        }
        site.apply();
        site.install("@hbase");
        site
    }

    fn fly(&self) -> u64 {
        self.start(&["FlightingUpdate", "--set", &format!("version={NEW}")])
    }

    /// Every host took each step once, and runs what it should.
    #[track_caller]
    fn everyone_was_updated_once(&self) {
        let mut wrong = String::new();
        for host in everyone() {
            let (history, server) = (self.history(&host), self.server(&host));
            if history != ONCE || server.as_ref().is_none_or(|(_, version)| version != NEW) {
                let _ = writeln!(wrong, "{host} runs {server:?} after:\n{history}");
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    }
}

/// The stage of this name, or what it does for one item.
fn stage<'a>(shown: &'a Value, name: &str, item: Option<&str>) -> &'a Value {
    let stages = shown["stages"].as_array().expect("a multi flow has stages");
    let found = stages
        .iter()
        .find(|stage| stage["stage"] == name && stage["item"].as_str() == item);
    found.unwrap_or_else(|| panic!("no stage {name} {item:?} in {shown:#}"))
}

#[test]
fn a_failing_host_holds_the_flight_up_and_retry_skip_and_resume_finish_it() {
    let site = Site::for_flighting();
    site.break_host("rs01");
    site.break_host("rs15");
    let before = site.server("rs11");
    let id = site.fly();
    let shown = site.rig.wait_state(id, "paused");
    assert_eq!(stage(&shown, "canary", None)["run_state"], "paused");
    assert_eq!(
        stage(&shown, "clusters", Some("cluster-a"))["state"],
        "waiting"
    );
    assert_eq!(site.server("rs11"), before, "the second canary: {shown:#}");

    site.mend("rs01");
    let again = site.rig.runs("retry", id, &["--host", "rs01"]);
    again.expect_success();
    site.rig.runs("resume", id, &[]).expect_success();
    wait_until("cluster-b to be held up", PATIENCE, || {
        let shown = site.rig.show(id);
        let b = stage(&shown, "clusters", Some("cluster-b"));
        shown["state"] == "paused" && b["run_state"] == "paused"
    });
    let shown = site.rig.show(id);
    assert_eq!(
        stage(&shown, "canary", None)["state"],
        "succeeded",
        "{shown:#}"
    );
    assert_eq!(
        stage(&shown, "clusters", Some("cluster-a"))["state"],
        "succeeded"
    );

    // One host is tried again, and another, still to come, is left out and seen to by hand.
    site.mend("rs15");
    let again = site.rig.runs("retry", id, &["--host", "rs15"]);
    again.expect_success();
    let skipped = site.rig.runs("skip", id, &["--host", "rs20"]);
    skipped.expect_success();
    let by_hand = format!(
        "graceful_stop.sh --timeout 9 && install_hbase.sh /var/tmp/hbase.run {NEW} && start_regionserver.sh"
    );
    let package = site.config().join(format!("files/hbase-{NEW}.run"));
    let push = format!("{}:/var/tmp/hbase.run", package.display());
    let options = ["--run-as", "hbase", "--push", &push];
    let report = site.rig.report("rs20", &options, &by_hand);
    assert_eq!(report.outcome("rs20"), "ok", "{report:#?}");
    site.rig.runs("resume", id, &[]).expect_success();
    let shown = site.rig.wait_end(id);
    assert_eq!(shown["state"], "succeeded", "{shown:#}");
    site.everyone_was_updated_once();
    site.rig.audit_is_whole();
}

#[test]
fn a_flight_whose_engine_is_killed_in_each_phase_loses_and_doubles_nothing() {
    let site = Site::for_flighting();
    let id = site.fly();
    let (a, b) = (Some("cluster-a"), Some("cluster-b"));
    for (name, item, phase) in [
        ("canary", None, "running"),
        ("canary", None, "gate"),
        ("canary", None, "soaking"),
        ("clusters", a, "running"),
        ("clusters", a, "soaking"),
        ("clusters", b, "running"),
        ("clusters", b, "soaking"),
        ("report", None, "running"),
    ] {
        wait_until(&format!("{name} {item:?} {phase}"), PATIENCE, || {
            let shown = site.rig.show(id);
            let state = &stage(&shown, name, item)["state"];
            let over = state == "succeeded" && name == "report";
            state == phase || over
        });
        site.rig.conn.kill_engine();
    }
    let shown = site.rig.wait_end(id);
    assert_eq!(shown["state"], "succeeded", "{shown:#}");
    site.everyone_was_updated_once();
    site.rig.audit_is_whole();
}

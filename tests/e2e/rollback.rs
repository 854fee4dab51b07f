//! Rolling back on real hosts: by a rule, by a person, and with an engine that is killed meanwhile.

use super::flows::{apply, outcomes, start};
use super::rig::{Rig, fleet, unique, wait_file};

/// Every command writes its name into a file of its own on the host; `last` fails where a file says
/// so.
fn flow(mark: &str, on_exceeded: &str, slow: &str) -> String {
    format!(
        r#"
kind = "simple"
name = "undone"

[rollout]
batches = [2]
max_failures = 0
on_exceeded = "{on_exceeded}"

[[steps]]
name = "drain"
exec = {{ command = "echo drain >>/root/{mark}" }}
rollback = {{ command = "echo fill >>/root/{mark}" }}

[[steps]]
name = "note"
exec = {{ command = "echo note >>/root/{mark}" }}

[[steps]]
name = "swap"
exec = {{ command = "echo swap >>/root/{mark}" }}
rollback = {{ command = "echo back >>/root/{mark}; {slow} test ! -e /root/{mark}-stuck" }}

[[steps]]
name = "last"
exec = {{ command = "test ! -e /root/{mark}-bad" }}
rollback = {{ command = "echo never-tried >>/root/{mark}" }}
when = "host.name != \"web02\""
"#
    )
}

/// What a host did, in order.
fn did(mark: &str, host: &str) -> String {
    let lines = fleet().sh(host, &format!("cat /root/{mark} 2>/dev/null || true"));
    lines.split_whitespace().collect::<Vec<_>>().join(" ")
}

const UNDONE: &str = "drain note swap back fill";

#[test]
fn too_many_failures_undo_what_began_in_reverse_and_nothing_else_starts() {
    let rig = Rig::new();
    let mark = unique("undo");
    apply(&rig, "undone", &flow(&mark, "rollback", ""));
    fleet().sh("web01", &format!("touch /root/{mark}-bad"));
    let id = start(&rig, "undone", "web[01-04]", &[]);
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "failed", "{shown:#}");
    assert_eq!(did(&mark, "web01"), "drain note swap never-tried back fill");
    // Its last step was left out, so there is nothing of it to undo.
    assert_eq!(did(&mark, "web02"), UNDONE);
    assert_eq!(
        (did(&mark, "web03"), did(&mark, "web04")),
        Default::default()
    );
    let words = outcomes(&shown);
    assert_eq!(words["web01"], "ok", "what undid it: {shown:#}");
    assert_eq!(words["web03"], "not_started", "{shown:#}");
    assert_eq!(shown["tasks"][0]["step"], "rollback drain", "{shown:#}");
    assert_eq!(shown["rolled_back"], "conn", "{shown:#}");
    let told = shown["timeline"].to_string();
    assert!(told.contains("ended: failed (rolled back)"), "{told}");
    let steps = ["--host", "web01", "--step", "rollback swap"];
    rig.runs("output", id, &steps).expect_success();
    rig.audit_is_whole();
}

#[test]
fn a_rollback_on_every_host_is_no_success_for_whoever_follows_it() {
    let rig = Rig::new();
    let mark = unique("undo");
    let step = |name: &str, command: &str| {
        format!(
            "[[steps]]\nname = \"{name}\"\nexec = {{ command = \"{command}\" }}\n\
             rollback = {{ command = \"true\" }}\n\n"
        )
    };
    let head = "kind = \"simple\"\nname = \"back\"\n\n[rollout]\nbatches = [2]\n\
                max_failures = 0\non_exceeded = \"rollback\"\n\n";
    let bad = step("swap", &format!("test ! -e /root/{mark}-bad"));
    apply(
        &rig,
        "back",
        &(head.to_owned() + &step("drain", "true") + &bad),
    );
    fleet().sh("web01", &format!("touch /root/{mark}-bad"));
    let config = rig.config.to_str().unwrap();
    let words = ["flow", "start", "back", "-w", "web[01-02]", "-F", config];
    let ended = rig.conn.run(words).expect_code(1);
    let told = ended.err();
    assert!(told.contains("rolled back 2: web[01-02]"), "{told}");
    assert!(told.trim_end().ends_with("rolled back by conn"), "{told}");
    let shown = rig.wait_end(1);
    assert_eq!(outcomes(&shown)["web01"], "ok", "what undid it: {shown:#}");
    rig.runs("follow", 1, &["--json"]).expect_code(1);
}

#[test]
fn a_rollback_outlives_its_engine_and_undoes_each_step_once() {
    let rig = Rig::new();
    let mark = unique("undo");
    apply(
        &rig,
        "undone",
        &flow(
            &mark,
            "rollback",
            "touch /root/$$-here; mv /root/$$-here /root/MARK-here; sleep 3;",
        )
        .replace("MARK", &mark),
    );
    fleet().sh("web01", &format!("touch /root/{mark}-bad"));
    let id = start(&rig, "undone", "web[01-04]", &[]);
    wait_file("web01", &format!("/root/{mark}-here"));
    rig.conn.kill_engine();
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "failed", "{shown:#}");
    assert_eq!(did(&mark, "web01"), "drain note swap never-tried back fill");
    assert_eq!(did(&mark, "web02"), UNDONE);
    assert_eq!(did(&mark, "web03"), "");
}

#[test]
fn a_person_rolls_one_host_back_and_a_rollback_that_fails_is_tried_again() {
    let rig = Rig::new();
    let mark = unique("undo");
    apply(&rig, "undone", &flow(&mark, "pause", ""));
    fleet().sh(
        "web01",
        &format!("touch /root/{mark}-bad /root/{mark}-stuck"),
    );
    let id = start(&rig, "undone", "web[01-04]", &[]);
    rig.wait_state(id, "paused");
    let options = ["--host", "web01", "--reason", "it does not start"];
    rig.runs("rollback", id, &options).expect_success();
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "failed", "{shown:#}");
    assert_eq!(outcomes(&shown)["web01"], "failed", "{shown:#}");
    assert_eq!(shown["tasks"][0]["step"], "rollback swap", "{shown:#}");
    assert_eq!(did(&mark, "web01"), "drain note swap never-tried back");
    assert_eq!(did(&mark, "web02"), "drain note swap", "it was not named");

    fleet().sh("web01", &format!("rm /root/{mark}-stuck"));
    rig.runs("retry", id, &[]).expect_success();
    rig.wait_end(id);
    assert_eq!(
        did(&mark, "web01"),
        "drain note swap never-tried back back fill"
    );
    // The rest can follow; what never started has nothing to undo.
    rig.runs("rollback", id, &[]).expect_success();
    rig.wait_end(id);
    assert_eq!(did(&mark, "web02"), UNDONE);
    let again = rig.runs("rollback", id, &[]);
    assert_eq!(again.code(), Some(4), "{again:?}");
    let forward = rig.runs("retry", id, &["--only", "not_started"]);
    assert_eq!(forward.code(), Some(4), "nothing goes forward: {forward:?}");
    rig.audit_is_whole();
}

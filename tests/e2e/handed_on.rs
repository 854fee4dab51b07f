//! Values that hosts registered in one stage, used by the stages after it.

use serde_json::Value;

use super::rig::{Rig, fleet, unique};
use super::support::{PATIENCE, wait_until};

/// A canary that says its revision, one host of which may say another; a stage that asks and only
/// runs for that revision; and one for another.
fn site(rig: &Rig, mark: &str) {
    let folder = rig.conn.home().join("config/flows");
    std::fs::create_dir_all(&folder).unwrap();
    let look = format!(
        r#"
kind = "simple"
name = "look"
[[steps]]
name = "look"
exec = {{ command = "sleep 0.3; cat /root/{mark}" }}
register.revision = {{ whole = true }}
"#
    );
    let top = format!(
        r#"
kind = "multi"
name = "top"
[[stages]]
name = "canary"
flow = "look"
targets = "web[01-02]"
soak = "1s"
gate = {{ exec = {{ command = "cat /root/{mark}" }} }}
[[stages]]
name = "rest"
needs = ["canary"]
when = "'r1; exit 3' in stages.canary.values.revision"
approve = {{ role = "operator", text = "go on with {{{{ stages.canary.registered.revision }}}}?" }}
exec = {{ command = "sleep 1; echo {{{{ stages.canary.registered.revision }}}} {{{{ stages.canary.by_host['web01'].revision }}}} on {{{{ host.name }}}}" }}
targets = "web[03-04]"
gate = {{ exec = {{ command = "test {{{{ stages.canary.registered.revision }}}} = 'r1; exit 3'" }} }}
[[stages]]
name = "other"
needs = ["rest"]
when = "'r2' in stages.canary.values.revision"
exec = {{ command = "true" }}
targets = "web05"
"#
    );
    std::fs::write(folder.join("look.toml"), look).unwrap();
    std::fs::write(folder.join("top.toml"), top).unwrap();
    let folder = folder.to_str().unwrap();
    rig.conn.run(["apply", folder]).expect_success();
}

fn says(host: &str, mark: &str, revision: &str) {
    fleet().sh(host, &format!("echo '{revision}' >/root/{mark}"));
}

fn start(rig: &Rig) -> u64 {
    let config = rig.config.to_str().unwrap();
    let words = ["flow", "start", "top", "-F", config, "--detach"];
    let ended = rig.conn.run(words).expect_success();
    ended.out().trim().parse().unwrap()
}

fn stage(shown: &Value, at: usize, key: &str) -> Value {
    shown["stages"][at][key].clone()
}

#[test]
fn what_the_canary_registered_is_used_by_later_stages_though_the_engine_dies_between() {
    let rig = Rig::new();
    let mark = unique("handed");
    for host in ["web01", "web02"] {
        says(host, &mark, "r1; exit 3");
    }
    site(&rig, &mark);
    let id = start(&rig);
    wait_until("the canary has ended", PATIENCE, || {
        stage(&rig.show(id), 0, "state") == "soaking"
    });
    rig.conn.kill_engine();
    let asked = rig.wait_state(id, "waiting");
    let because = asked["because"].as_str().unwrap();
    assert!(because.contains("go on with r1; exit 3?"), "{because}");
    // What was asked, and what is used, is what was said then.
    says("web01", &mark, "r9");
    rig.conn.kill_engine();
    rig.runs("approve", id, &[]).expect_success();
    wait_until("the rest is at work", PATIENCE, || {
        stage(&rig.show(id), 1, "state") == "running"
    });
    rig.conn.kill_engine();
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "succeeded", "{shown:#}");
    assert_eq!(stage(&shown, 2, "state"), "skipped", "{shown:#}");
    let registered = stage(&shown, 0, "registered");
    assert_eq!(registered["revision"]["r1; exit 3"], "web[01-02]");
    let rest = stage(&shown, 1, "run").as_u64().unwrap();
    let output = rig.runs("output", rest, &["--host", "web03"]);
    let output = output.expect_success().out();
    assert_eq!(output.trim(), "r1; exit 3 r1; exit 3 on web03");
    rig.audit_is_whole();
}

#[test]
fn hosts_that_do_not_agree_hold_the_whole_up_until_they_do() {
    let rig = Rig::new();
    let mark = unique("handed");
    says("web01", &mark, "r1; exit 3");
    says("web02", &mark, "r2");
    site(&rig, &mark);
    let id = start(&rig);
    let shown = rig.wait_state(id, "paused");
    let because = shown["because"].as_str().unwrap();
    assert!(
        because.contains("rest cannot begin: the hosts of canary do not agree on revision"),
        "{because}"
    );
    assert_eq!(stage(&shown, 1, "run"), Value::Null);
    rig.runs("skip", id, &["--step", "rest"]).expect_success();
    rig.runs("resume", id, &[]).expect_success();
    let shown = rig.wait_end(id);
    assert_eq!(stage(&shown, 2, "state"), "succeeded", "{shown:#}");
}

//! `conn flow plan`: the real program, its real engine, and no host at all.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::json;
use support::desk::{Desk, leaf, over};

const PLANNED: &str = r#"
kind = "simple"
name = "Up"
params.version = { type = "string", pattern = '\d+' }
params.near = { type = "hosts", default = "web1" }

[rollout]
batches = [1, "50%"]
max_failures = "50%"
soak = "1m"

[[steps]]
name = "set"
exec = { command = "set {{ version }} {{ host.labels.site }} {{ host.vars.port }} {{ near | length }}", run_as = "svc" }
timeout = "10m"
rollback = { command = "unset" }

[[steps]]
name = "last"
exec = { command = "last" }
when = "batch > 1"
"#;

#[test]
fn a_plan_is_worked_out_from_inventory_and_values_and_starts_nothing() {
    let desk = Desk::new();
    desk.write("flows/up.toml", PLANNED);
    desk.apply(&[]).expect_success();
    let words = ["flow", "plan", "Up", "-w", "@web", "--set", "version=12"];
    let plan = desk
        .run(&[&words[..], &["--json"]].concat())
        .expect_success()
        .json();
    assert_eq!(
        plan["batches"],
        json!([["web1"], ["web2", "web3", "web4"], ["web5", "web6"]])
    );
    assert_eq!(plan["steps"][0]["command"], "set '12' ams '80' '1'");
    assert_eq!(
        (&plan["version"], &plan["max_failures"]),
        (&json!(1), &json!(3))
    );
    let out = desk.run(&words).expect_success().out();
    for part in [
        "Up version 1: 6 hosts in 3 batches; nothing was started\n",
        "    2      3  web[2-4], then 1m\n",
        "  more than 3 failed: it pauses\n",
        "steps, as on web1\n    1  set           exec (as svc, at most 10m)\n       set '12' ams '80' '1'\n       rollback: unset\n",
        "    2  last          exec (when batch > 1: not here)\n",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert_eq!(
        desk.run(&["runs", "--json"]).expect_success().json(),
        json!([])
    );
}

#[test]
fn a_plan_that_cannot_be_made_names_what_is_wrong() {
    let desk = Desk::new();
    desk.write("flows/up.toml", PLANNED);
    let top = over("Top", "Leaf").replace("\n\n", "\nparams.v = { type = \"string\" }\n\n");
    desk.write("flows/top.toml", &top);
    desk.write("flows/leaf.toml", &leaf("Leaf", "one"));
    desk.apply(&[]).expect_success();
    let err = |words: &[&str]| {
        let words = [&["flow", "plan"], words].concat();
        desk.run(&words).expect_code(2).err()
    };
    assert!(
        err(&["Up", "-w", "@web"])
            .contains("the parameter \"version\" is missing; give it: --set version=…")
    );
    let both = err(&[
        "Up",
        "-w",
        "@web",
        "--set",
        "version=x",
        "--set",
        "vresion=1",
    ]);
    assert!(
        both.contains("there is no parameter \"vresion\"; did you mean \"version\"?"),
        "{both}"
    );
    assert!(
        both.contains("the parameter \"version\": \"x\" does not match"),
        "{both}"
    );
    let near = err(&[
        "Up",
        "-w",
        "@web",
        "--set",
        "version=1",
        "--set",
        "near=@nothing",
    ]);
    assert!(near.contains("the parameter \"near\""), "{near}");
    assert!(err(&["Up", "-w", "@nothing", "--set", "version=1"]).contains("nothing"));
    // A host that the inventory says nothing of has no label.
    let bare = err(&["Up", "-w", "web1,stray", "--set", "version=1"]);
    assert!(bare.contains("the step \"set\" on \"stray\": "), "{bare}");
    // What is made of runs names its own hosts, and is planned with all of them.
    let hosts = err(&["Top", "-w", "@web", "--set", "v=1"]);
    assert!(hosts.contains("leave it out"), "{hosts}");
    assert!(err(&["Upp", "-w", "@web"]).contains("there is no flow \"Upp\"; did you mean \"Up\"?"));
}

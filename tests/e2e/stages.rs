//! Flows of flows on real hosts: canary, then cluster after cluster; fanouts; and an engine that is
//! killed in each phase of one.

use std::collections::BTreeMap;

use serde_json::Value;

use super::rig::{Rig, fleet, unique};
use super::support::{PATIENCE, wait_until};

/// Twenty hosts: two canaries, and two clusters.
const CANARY: &str = "web[01-02]";
const CLUSTER_A: &str = "web[03-11]";
const CLUSTER_B: &str = "web[12-20]";

struct Flying {
    rig: Rig,
    mark: String,
}

impl Flying {
    /// Stores a flow of two stages, gate and soak behind each run of them, and one command at the
    /// end; each host counts in a file of its own how often its step began.
    fn new(soak: &str) -> Self {
        let rig = Rig::new();
        let mark = unique("stages");
        let folder = rig.conn.home().join("config/flows");
        std::fs::create_dir_all(&folder).unwrap();
        let upgrade = format!(
            r#"
kind = "simple"
name = "upgrade"
[params.version]
type = "string"
[rollout]
batches = ["50%"]
max_failures = 0
[[steps]]
name = "install"
timeout = "60s"
exec = {{ command = "echo {{{{ version }}}} >>/root/{mark}; sleep 0.5; test ! -e /root/{mark}-bad" }}
"#
        );
        let flying = format!(
            r#"
kind = "multi"
name = "flying"
[params.version]
type = "string"
[[stages]]
name = "canary"
flow = "upgrade"
targets = "{CANARY}"
set = {{ version = "{{{{ version }}}}" }}
soak = "{soak}"
gate = {{ exec = {{ command = "grep -q {{{{ version }}}} /root/{mark} && echo gate >>/root/{mark}-gate" }} }}
[[stages]]
name = "clusters"
needs = ["canary"]
for_each = ["{CLUSTER_A}", "{CLUSTER_B}"]
flow = "upgrade"
targets = "{{{{ item }}}}"
set = {{ version = "{{{{ version }}}}" }}
[[stages]]
name = "report"
needs = ["clusters"]
exec = {{ command = "echo {{{{ version }}}} is on {{{{ host.name }}}}" }}
targets = "web01"
"#
        );
        std::fs::write(folder.join("upgrade.toml"), upgrade).unwrap();
        std::fs::write(folder.join("flying.toml"), flying).unwrap();
        let folder = folder.to_str().unwrap();
        rig.conn.run(["apply", folder]).expect_success();
        Self { rig, mark }
    }

    #[track_caller]
    fn start(&self) -> u64 {
        let config = self.rig.config.to_str().unwrap();
        let words = [
            "flow",
            "start",
            "flying",
            "-F",
            config,
            "--set",
            "version=2.4",
            "--detach",
        ];
        let ended = self.rig.conn.run(words).expect_success();
        ended.out().trim().parse().unwrap()
    }

    /// How often the step began on each of the twenty hosts.
    fn counted(&self) -> BTreeMap<String, usize> {
        let hosts = (1..=20).map(|number| format!("web{number:02}"));
        hosts
            .map(|name| {
                let lines = fleet().sh(
                    &name,
                    &format!("cat /root/{} 2>/dev/null || true", self.mark),
                );
                let count = lines.lines().count();
                (name, count)
            })
            .collect()
    }

    fn show(&self, id: u64) -> Value {
        let shown = self.rig.runs("show", id, &["--json"]);
        shown.expect_success().json()
    }

    /// Waits until a stage stands so, and for its item.
    #[track_caller]
    fn wait_stage(&self, id: u64, stage: &str, standing: &str) -> Value {
        let of = |shown: &Value| {
            let stages = shown["stages"].as_array().unwrap();
            let found = stages
                .iter()
                .find(|known| known["stage"] == stage && known["state"] == standing);
            found.cloned()
        };
        let mut last = Value::Null;
        wait_until(&format!("{stage} is {standing}"), PATIENCE, || {
            last = self.show(id);
            of(&last).is_some()
        });
        of(&last).unwrap()
    }
}

fn once() -> BTreeMap<String, usize> {
    (1..=20)
        .map(|number| (format!("web{number:02}"), 1))
        .collect()
}

fn stages(shown: &Value) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let stages = shown["stages"].as_array().unwrap().iter();
    stages
        .map(|stage| (word(&stage["stage"]), word(&stage["state"])))
        .collect()
}

#[test]
fn a_canary_that_fails_holds_the_clusters_up_until_a_person_mended_it() {
    let flying = Flying::new("1s");
    let rig = &flying.rig;
    let bad = format!("/root/{}-bad", flying.mark);
    fleet().sh("web01", &format!("touch {bad}"));
    let id = flying.start();
    let shown = rig.wait_state(id, "paused");
    let because = shown["because"].as_str().unwrap();
    assert!(because.contains("canary (run "), "{because}");
    assert_eq!(flying.counted().values().sum::<usize>(), 1);

    fleet().sh("web01", &format!("rm {bad}"));
    rig.runs("retry", id, &["--host", "web01"]).expect_success();
    rig.runs("resume", id, &[]).expect_success();
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "succeeded", "{shown:#}");
    assert_eq!(shown["counts"], Value::Null);
    let mut expected = once();
    expected.insert("web01".to_owned(), 2);
    assert_eq!(flying.counted(), expected);
    assert!(
        stages(&shown).iter().all(|(_, state)| state == "succeeded"),
        "{shown:#}"
    );
    // Each part is a run of its own, that knows what it is part of.
    let canary = shown["stages"][0]["run"].as_u64().unwrap();
    let child = flying.show(canary);
    assert_eq!(child["part_of"]["run"], id);
    // Of the whole its hosts are told, and where to look for the rest.
    let hosts = shown["targets"].as_array().unwrap();
    assert!(hosts.contains(&Value::from("web01")), "{shown:#}");
    assert_eq!(shown["params"]["fanout"], Value::Null);
    let output = rig.runs("output", id, &[]).expect_success();
    assert!(output.err().contains(&canary.to_string()), "{output:?}");
    let other = canary.to_string();
    rig.runs("compare", id, &[&other]).expect_code(2);
    let options = ["--host", "web01", "--as", "ok"];
    let settled = rig.runs("settle", id, &options).expect_code(4);
    assert!(settled.err().contains("in doubt"), "{}", settled.err());
    assert_eq!(child["kind"], "flow");
    let gate = flying.show(shown["stages"][0]["gate"].as_u64().unwrap());
    assert_eq!(gate["kind"], "gate", "{gate:#}");
    let report = shown["stages"][3]["run"].as_u64().unwrap();
    let output = rig.runs("output", report, &["--host", "web01"]);
    assert_eq!(output.expect_success().out().trim(), "2.4 is on web01");
    rig.audit_is_whole();
}

#[test]
fn pausing_and_aborting_the_whole_means_every_part_of_it() {
    let flying = Flying::new("60s");
    let rig = &flying.rig;
    let id = flying.start();
    flying.wait_stage(id, "canary", "running");
    rig.runs("pause", id, &["--reason", "lunch"])
        .expect_success();
    let child = flying.show(id)["stages"][0]["run"].as_u64().unwrap();
    rig.wait_state(child, "paused");
    // Whoever lets a part go on means the whole.
    rig.runs("resume", child, &[]).expect_success();
    let soaking = flying.wait_stage(id, "canary", "soaking");
    assert!(soaking["until"].is_string(), "{soaking:#}");
    let refused = rig.runs("give", child, &["--to", "lee"]);
    assert_eq!(refused.code(), Some(4), "{refused:?}");
    rig.runs("abort", id, &["--reason", "enough"])
        .expect_success();
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "aborted");
    let ends = stages(&shown);
    assert_eq!(ends[1].1, "not_started", "{ends:?}");
    assert_eq!(flying.counted().values().sum::<usize>(), 2);
}

#[test]
fn an_engine_that_is_killed_in_any_phase_of_the_whole_loses_and_doubles_nothing() {
    let flying = Flying::new("2s");
    let rig = &flying.rig;
    let id = flying.start();
    for (stage, state) in [
        ("canary", "running"),
        ("canary", "soaking"),
        ("clusters", "running"),
        ("report", "succeeded"),
    ] {
        flying.wait_stage(id, stage, state);
        rig.conn.kill_engine();
    }
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "succeeded", "{shown:#}");
    assert_eq!(flying.counted(), once());
    rig.audit_is_whole();
}

#[test]
fn what_cannot_all_be_done_is_not_begun() {
    let flying = Flying::new("1s");
    let rig = &flying.rig;
    let config = rig.config.to_str().unwrap();
    let start = |more: &[&str]| {
        let head = ["flow", "start", "flying", "-F", config, "--detach"];
        rig.conn.run(head.iter().chain(more))
    };
    let missing = start(&[]);
    assert_eq!(missing.code(), Some(2), "{missing:?}");
    assert!(missing.err().contains("version"), "{missing:?}");
    let twice = start(&["--set", "version=1", "-w", "web01"]);
    assert_eq!(twice.code(), Some(2), "{twice:?}");
    assert!(twice.err().contains("leave it out"), "{twice:?}");
    // A part that can only be refused is found before anything is started.
    let file = rig.conn.home().join("config/flows/flying.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        text.replace("targets = \"web01\"", "targets = \"@nobody\""),
    )
    .unwrap();
    let file = file.to_str().unwrap();
    rig.conn.run(["apply", file]).expect_success();
    let nobody = start(&["--set", "version=1"]);
    assert_eq!(nobody.code(), Some(2), "{nobody:?}");
    assert!(nobody.err().contains("report"), "{nobody:?}");
    let runs = rig.conn.run(["runs", "--json"]).expect_success().json();
    assert_eq!(runs, Value::Array(Vec::new()));
}

#[test]
fn a_fanout_does_its_actions_at_once_and_ends_as_its_join_says() {
    let flying = Flying::new("1s");
    let rig = &flying.rig;
    let folder = rig.conn.home().join("config/actions");
    std::fs::create_dir_all(&folder).unwrap();
    let fanout = r#"
name = "look"
join = "any"
parallel = 2
[[actions]]
name = "good"
exec = { command = "true" }
targets = "web[01-03]"
[[actions]]
name = "bad"
exec = { command = "exit 3" }
targets = "web04"
"#;
    let text = format!("kind = \"fanout\"\n{fanout}");
    let file = folder.join("look.toml");
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    rig.conn.run(["apply", file]).expect_success();
    let config = rig.config.to_str().unwrap();
    let ended = rig
        .conn
        .run(["action", "start", "look", "-F", config, "--json"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let lines: Vec<Value> = ended
        .out()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let last = lines.last().unwrap();
    assert_eq!(last["state"], "succeeded", "{last}");
    assert_eq!(last["counts"]["ok"], 3);
    assert_eq!(last["counts"]["failed"], 1);
}

#[test]
fn a_flow_of_flows_may_be_a_stage_itself_and_a_stage_can_be_left_out() {
    let flying = Flying::new("1s");
    let rig = &flying.rig;
    let outer = r#"
kind = "multi"
name = "outer"
[params.version]
type = "string"
[[stages]]
name = "before"
exec = { command = "exit 1" }
targets = "web01"
[[stages]]
name = "inner"
needs = ["before"]
flow = "flying"
set = { version = "{{ version }}" }
[[stages]]
name = "never"
when = "version == '9'"
exec = { command = "true" }
targets = "web01"
"#;
    let file = rig.conn.home().join("config/flows/outer.toml");
    std::fs::write(&file, outer).unwrap();
    rig.conn
        .run(["apply", file.to_str().unwrap()])
        .expect_success();
    let config = rig.config.to_str().unwrap();
    let words = [
        "flow",
        "start",
        "outer",
        "-F",
        config,
        "--set",
        "version=3",
        "--detach",
    ];
    let id: u64 = rig
        .conn
        .run(words)
        .expect_success()
        .out()
        .trim()
        .parse()
        .unwrap();
    let shown = rig.wait_state(id, "paused");
    assert!(
        shown["because"].as_str().unwrap().contains("before"),
        "{shown:#}"
    );
    rig.runs("skip", id, &["--step", "before"]).expect_success();
    rig.runs("resume", id, &[]).expect_success();
    let shown = rig.wait_end(id);
    assert_eq!(
        stages(&shown)
            .iter()
            .map(|(_, state)| state.as_str())
            .collect::<Vec<_>>(),
        ["skipped", "succeeded", "skipped"],
        "{shown:#}"
    );
    // What failed and was left out then is no success of the whole.
    assert_eq!(shown["state"], "failed");
    assert_eq!(flying.counted(), once());
    let inner = flying.show(shown["stages"][1]["run"].as_u64().unwrap());
    assert_eq!(inner["part_of"]["run"], id);
    assert_eq!(inner["stages"].as_array().unwrap().len(), 4);
}

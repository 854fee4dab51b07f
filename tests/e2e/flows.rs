//! Simple flows on real hosts: batches, gates, failing canaries, questions, and an engine that is
//! killed in each phase.

use std::collections::BTreeMap;

use serde_json::Value;

use super::rig::{Rig, fleet, unique};
use super::support::{PATIENCE, wait_until};

/// Writes a flow and applies it.
#[track_caller]
pub fn apply(rig: &Rig, name: &str, text: &str) {
    let folder = rig.conn.home().join("config").join("flows");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{name}.toml"));
    std::fs::write(&file, text).unwrap();
    rig.conn
        .run(["apply", file.to_str().unwrap()])
        .expect_success();
}

/// Starts a flow and leaves; the run's number.
#[track_caller]
pub fn start(rig: &Rig, name: &str, targets: &str, options: &[&str]) -> u64 {
    let config = rig.config.to_str().unwrap();
    let head = [
        "flow", "start", name, "-w", targets, "-F", config, "--detach",
    ];
    let ended = rig.conn.run(head.iter().chain(options)).expect_success();
    ended.out().trim().parse().unwrap()
}

/// How often a step began on each host: it writes a line into a file of its own.
fn counted(mark: &str, hosts: &[&str]) -> BTreeMap<String, usize> {
    hosts
        .iter()
        .map(|name| {
            let lines = fleet().sh(name, &format!("cat /root/{mark} 2>/dev/null || true"));
            ((*name).to_owned(), lines.lines().count())
        })
        .collect()
}

fn once(hosts: &[&str]) -> BTreeMap<String, usize> {
    hosts.iter().map(|name| ((*name).to_owned(), 1)).collect()
}

pub fn outcomes(shown: &Value) -> BTreeMap<String, String> {
    let tasks = shown["tasks"].as_array().unwrap().iter();
    tasks
        .map(|task| {
            let word = |key: &str| task[key].as_str().unwrap_or_default().to_owned();
            (word("host"), word("outcome"))
        })
        .collect()
}

const SIX: [&str; 6] = ["web01", "web02", "web03", "web04", "web05", "web06"];

/// A rollout that counts its starts, takes a value from what it wrote and hands it on, and fails
/// on hosts where a file says so.
fn rollout(mark: &str, more: &str, step: &str) -> String {
    format!(
        r#"
kind = "simple"
name = "upgrade"

[params.version]
type = "string"
pattern = '^\d+\.\d+$'

[rollout]
batches = [1, "50%"]
concurrency = 4
max_failures = 0
{more}

[[steps]]
name = "install"
exec = {{ command = "echo {{{{ version }}}} >>/root/{mark}; echo build=$(hostname)-7; test ! -e /root/{mark}-bad" }}
register = {{ build = {{ regex = "build=(.*)", group = 1 }} }}

{step}

[[steps]]
name = "confirm"
exec = {{ command = "test \"$(hostname)-7\" = {{{{ registered.build }}}} && echo {{{{ registered.build }}}} confirmed" }}
"#
    )
}

#[test]
fn a_failing_canary_holds_the_rollout_up_until_a_person_mended_it() {
    let rig = Rig::new();
    let mark = unique("flow");
    let gate = "gate = { exec = { command = \"test ! -e /root/none\" } }\nsoak = \"1s\"";
    apply(&rig, "upgrade", &rollout(&mark, gate, ""));
    fleet().sh("web01", &format!("touch /root/{mark}-bad"));
    let id = start(&rig, "upgrade", "web[01-06]", &["--set", "version=2.4"]);
    let shown = rig.wait_state(id, "paused");
    assert_eq!(outcomes(&shown)["web01"], "failed", "{shown:#}");
    assert_eq!(counted(&mark, &SIX[1..]).values().sum::<usize>(), 0);

    fleet().sh("web01", &format!("rm /root/{mark}-bad"));
    rig.runs("retry", id, &["--host", "web01"]).expect_success();
    rig.runs("resume", id, &[]).expect_success();
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "succeeded", "{shown:#}");
    let mut expected = once(&SIX);
    expected.insert("web01".to_owned(), 2);
    assert_eq!(counted(&mark, &SIX), expected);
    let output = rig.runs("output", id, &["--host", "web03", "--step", "confirm"]);
    assert_eq!(output.expect_success().out().trim(), "web03-7 confirmed");
    rig.audit_is_whole();
}

#[test]
fn values_reach_the_hosts_as_data_and_wrong_ones_start_nothing() {
    let rig = Rig::new();
    let mark = unique("flow");
    let text = rollout(&mark, "", "").replace(r"pattern = '^\d+\.\d+$'", "");
    apply(&rig, "upgrade", &text);
    let hostile = "1'; touch /root/pwned; echo $(id) \"`id`\" \\";
    let set = format!("version={hostile}");
    let id = start(&rig, "upgrade", "web02", &["--set", &set]);
    assert_eq!(rig.wait_end(id)["state"], "succeeded");
    assert_eq!(
        fleet().sh("web02", &format!("cat /root/{mark}")).trim_end(),
        hostile
    );
    assert_eq!(
        fleet().sh("web02", "ls /root/pwned 2>/dev/null || true"),
        ""
    );

    let long = format!("version={}", "9".repeat(9_000));
    let id = start(&rig, "upgrade", "web02", &["--set", &long]);
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "succeeded");
    assert!(shown["action"].as_str().unwrap().len() < 300, "{shown:#}");

    let config = rig.config.to_str().unwrap();
    for (words, told) in [
        (&["upgrade", "-w", "web02"][..], "version"),
        (&["upgrade", "-w", "web02", "--set", "versoin=1"], "versoin"),
        (
            &["upgrade", "-w", "@nobody", "--set", "version=1"],
            "nobody",
        ),
        (&["nothing", "-w", "web02"], "nothing"),
    ] {
        let head = ["flow", "start", "-F", config, "--detach"];
        let ended = rig.conn.run(head.iter().chain(words));
        assert_eq!(ended.code(), Some(2), "{words:?}: {ended:?}");
        assert!(ended.err().contains(told), "{words:?}: {}", ended.err());
    }
    assert_eq!(rig.newest(), id, "nothing else was started");
}

#[test]
fn a_step_whose_text_cannot_be_worked_out_fails_and_is_not_left_out() {
    let rig = Rig::new();
    let mark = unique("flow");
    // A value that no shell word can hold, for a step that has a condition which holds.
    let text = rollout(&mark, "", "")
        .replace("echo build=$(hostname)-7", "printf 'build=a\\\\000b\\\\n'")
        .replace(
            "name = \"confirm\"",
            "name = \"confirm\"\nwhen = \"batch == 1\"",
        );
    apply(&rig, "upgrade", &text);
    let id = start(&rig, "upgrade", "web03", &["--set", "version=1.0"]);
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "failed", "{shown:#}");
    assert_eq!(outcomes(&shown)["web03"], "failed", "{shown:#}");
    assert_eq!(shown["tasks"][0]["step"], "confirm", "{shown:#}");
}

#[test]
fn a_question_holds_every_host_of_its_batch_until_somebody_says_yes() {
    let rig = Rig::new();
    let mark = unique("flow");
    let ask = "[[steps]]\nname = \"look\"\napprove = { role = \"lead\" }\nwhen = \"batch == 1\"";
    apply(&rig, "upgrade", &rollout(&mark, "", ask));
    let id = start(&rig, "upgrade", "web[01-03]", &["--set", "version=1.0"]);
    let shown = rig.wait_state(id, "waiting");
    assert_eq!(shown["for"], "approval", "{shown:#}");
    assert_eq!(counted(&mark, &SIX[..3])["web02"], 0);
    rig.runs("approve", id, &["--reason", "looks well"])
        .expect_success();
    // Asked only in the first batch.
    assert_eq!(rig.wait_end(id)["state"], "succeeded");
    assert_eq!(counted(&mark, &SIX[..3]), once(&SIX[..3]));

    let id = start(&rig, "upgrade", "web[01-03]", &["--set", "version=1.1"]);
    rig.wait_state(id, "waiting");
    rig.runs("reject", id, &["--reason", "not tonight"])
        .expect_success();
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "aborted", "{shown:#}");
    assert_eq!(counted(&mark, &SIX[1..3]), once(&SIX[1..3]));
}

#[test]
fn an_engine_that_is_killed_in_any_phase_loses_and_doubles_nothing() {
    let rig = Rig::new();
    let mark = unique("flow");
    let steps = "[[steps]]\nname = \"look\"\napprove = { role = \"lead\" }\n\n\
        [[steps]]\nname = \"slow\"\nexec = { command = \"sleep 3\" }";
    let soak = "soak = \"3s\"\ngate = { exec = { command = \"sleep 1\" } }";
    apply(&rig, "upgrade", &rollout(&mark, soak, steps));
    let id = start(&rig, "upgrade", "web[01-04]", &["--set", "version=1.0"]);
    let mut kills = 0;
    let mut kill = |phase: &str| {
        eprintln!("killed in {phase}");
        rig.conn.kill_engine();
        kills += 1;
    };
    for batch in 0..3 {
        let shown = rig.wait_state(id, "waiting");
        assert_eq!(shown["for"], "approval", "batch {batch}: {shown:#}");
        kill("a question");
        rig.wait_state(id, "waiting");
        rig.runs("approve", id, &[]).expect_success();
        kill("a slow step");
        if batch < 2 {
            let soaking = || {
                let shown = rig.show(id);
                shown["timeline"].to_string().matches("soaking").count() > batch
            };
            wait_until("the batch to soak", PATIENCE, soaking);
            let told = || rig.show(id)["eta"].is_number();
            wait_until("an estimate", PATIENCE, told);
            kill("a soak");
        }
    }
    let shown = rig.wait_end(id);
    assert_eq!(
        shown["state"], "succeeded",
        "after {kills} kills: {shown:#}"
    );
    assert_eq!(counted(&mark, &SIX[..4]), once(&SIX[..4]), "{kills} kills");
    rig.audit_is_whole();
}

#[test]
fn batches_that_are_to_come_are_cut_anew_and_the_run_can_end_behind_the_open_one() {
    let rig = Rig::new();
    let mark = unique("flow");
    let ask = "[[steps]]\nname = \"look\"\napprove = { role = \"lead\" }";
    apply(&rig, "upgrade", &rollout(&mark, "", ask));
    let id = start(&rig, "upgrade", "web[01-06]", &["--set", "version=3.0"]);
    assert_eq!(
        rig.wait_state(id, "waiting")["batches"],
        serde_json::json!([1, 3, 2])
    );
    let tune = |sizes: &str| rig.runs("tune", id, &["--batches", sizes, "--max-failures", "50%"]);
    let bad = tune("0,x");
    assert_eq!(bad.code(), Some(2), "{bad:?}");
    tune("2,1").expect_success();
    let shown = rig.show(id);
    assert_eq!(shown["batches"], serde_json::json!([1, 2, 1, 1, 1]));
    assert_eq!(shown["max_failures"], 3, "{shown:#}");
    // The journal has it: another engine goes on with the same batches.
    rig.conn.kill_engine();
    rig.wait_state(id, "waiting");
    rig.runs("approve", id, &[]).expect_success();
    let second = || rig.show(id)["because"].to_string().contains("batch 2");
    wait_until("the second batch to ask", PATIENCE, second);
    rig.runs("abort", id, &["--after-batch", "--reason", "enough"])
        .expect_success();
    assert_eq!(rig.show(id)["state"], "waiting", "the open batch goes on");
    rig.runs("approve", id, &[]).expect_success();
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "aborted", "{shown:#}");
    let words = outcomes(&shown);
    assert_eq!(words["web03"], "ok", "{shown:#}");
    assert_eq!(words["web04"], "not_started", "{shown:#}");
    assert_eq!(counted(&mark, &SIX[..3]), once(&SIX[..3]));
    assert_eq!(counted(&mark, &SIX[3..]).values().sum::<usize>(), 0);
}

#[test]
fn a_file_of_each_host_is_fetched_whole_or_not_at_all() {
    let rig = Rig::new();
    let mark = unique("pull");
    let text = format!(
        r#"
kind = "simple"
name = "collect"

[rollout]
concurrency = 4

[[steps]]
name = "fetch"
pull = {{ source = "/root/{mark}", dest = "logs/{{{{ host.name }}}}.log" }}
"#
    );
    apply(&rig, "collect", &text);
    let made = format!("head -c 3000000 /dev/urandom >/root/{mark}; sha256sum </root/{mark}");
    let sums = ["web01", "web02"].map(|host| fleet().sh(host, &made));
    fleet().sh("web03", &format!("mkdir /root/{mark}"));
    fleet().sh("web05", &format!(": >/root/{mark}"));
    let id = start(&rig, "collect", "web[01-05]", &[]);
    let shown = rig.wait_end(id);
    let words = outcomes(&shown);
    let expected = ["ok", "ok", "failed", "failed", "ok"];
    for (host, word) in SIX.iter().zip(expected) {
        assert_eq!(words[*host], word, "{host}: {shown:#}");
    }
    let told = shown["tasks"].to_string();
    assert!(told.contains("no regular file"), "{told}");
    assert!(told.contains("it is not there"), "{told}");

    let dir = rig.conn.home().join("state/pulled").join(id.to_string());
    let file = |host: &str| dir.join(host).join(format!("logs/{host}.log"));
    for (host, sum) in SIX.iter().zip(&sums) {
        let path = file(host);
        let here = std::process::Command::new("sha256sum")
            .stdin(std::fs::File::open(&path).unwrap())
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&here.stdout).trim(), sum.trim());
        let beside = std::fs::read_dir(path.parent().unwrap()).unwrap();
        assert_eq!(beside.count(), 1, "nothing else is left there");
    }
    assert_eq!(std::fs::metadata(file("web05")).unwrap().len(), 0);
    assert!(!file("web03").exists() && !file("web04").exists());
}

#[test]
fn commands_on_the_engines_machine_run_only_where_its_owner_allowed_them() {
    let rig = Rig::new();
    let text = r#"
kind = "simple"
name = "here"

[params.note]
type = "string"

[[steps]]
name = "say"
local = { command = "echo {{ host.name }} {{ note }}; echo aside >&2; test -z $SSH_AUTH_SOCK" }
register = { said = { regex = "(web.*)", group = 1 } }

[[steps]]
name = "there"
exec = { command = "echo heard {{ registered.said }}" }

[[steps]]
name = "long"
local = { command = "sleep 6123.4 & sleep 6123.4" }
timeout = "1s"
when = 'host.name == "web02"'
"#;
    apply(&rig, "here", text);
    let config = rig.config.to_str().unwrap();
    let note = "note=it's $(id) `id`";
    let words = [
        "flow",
        "start",
        "here",
        "-w",
        "web[01-02]",
        "-F",
        config,
        "--set",
        note,
        "--detach",
    ];
    let refused = rig.conn.run(words);
    assert_eq!(refused.code(), Some(2), "{refused:?}");
    assert!(refused.err().contains("local_steps"), "{}", refused.err());

    let rig = Rig::with_settings("[engine]\nlocal_steps = true\n");
    apply(&rig, "here", text);
    let id = start(&rig, "here", "web[01-02]", &["--set", note]);
    let shown = rig.wait_end(id);
    let words = outcomes(&shown);
    assert_eq!(words["web01"], "ok", "{shown:#}");
    assert_eq!(words["web02"], "timed_out", "{shown:#}");
    let said = |step: &str| {
        let options = ["--host", "web01", "--step", step];
        let ended = rig.runs("output", id, &options).expect_success();
        // The two streams come in whatever order.
        let out = ended.out();
        let line = out.lines().find(|line| *line != "aside");
        line.unwrap_or_default().to_owned()
    };
    assert_eq!(said("say"), "web01 it's $(id) `id`");
    assert_eq!(said("there"), "heard web01 it's $(id) `id`");
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let left = lines.filter(|line| line == b"sleep\x006123.4\x00").count();
    assert_eq!(left, 0, "its whole group has ended");
}

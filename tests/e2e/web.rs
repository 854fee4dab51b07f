//! Requests to web servers and gates by metrics, in flows on real hosts, with an engine that dies in
//! the midst of them.

use serde_json::Value;

use super::flows::{apply, outcomes, start};
use super::rig::{Rig, task};
use super::shared_rig::Shared;
use super::support::people::{ENGINE, KIM};
use super::support::web::{Asked, Then, Web, answer};
use super::support::{PATIENCE, wait_until};

/// A flow of one request, and a command that uses what it learned.
fn asking(web: &Web, http: &str, more: &str) -> String {
    let url = web.url("/hosts/{{ host.name }}?note={{ note }}");
    format!(
        r#"
kind = "simple"
name = "ask"
params.note = {{ type = "string", default = "x" }}

[[steps]]
name = "ask"
http = {{ url = "{url}", {http} }}
{more}
"#
    )
}

fn paths(web: &Web) -> Vec<String> {
    let mut paths: Vec<String> = web.asked().into_iter().map(|asked| asked.path).collect();
    paths.sort();
    paths
}

#[track_caller]
fn detail(shown: &Value, host: &str) -> String {
    task(shown, host)["detail"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[track_caller]
fn wait_asked(web: &Web, count: usize) {
    wait_until(&format!("{count} requests"), PATIENCE, || {
        web.asked().len() >= count
    });
}

#[test]
fn a_request_is_sent_once_a_host_and_later_steps_use_what_it_learned() {
    // Proxies that the environment names are not used.
    let proxy = Web::new(|_, _| answer("200 OK", ""));
    let web = Web::new(|_, asked: &Asked| {
        let host = asked.path.split(['/', '?']).nth(2).unwrap();
        answer("200 OK", &format!(r#"{{"build": ["{host}'s $(id)"]}}"#))
    });
    let mut rig = Rig::new();
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        rig.conn.set(name, proxy.url(""));
    }
    let more = r#"
register.build = { json = "/build/0" }

[[steps]]
name = "use"
exec = { command = "echo {{ registered.build }}" }
"#;
    apply(&rig, "ask", &asking(&web, "method = \"GET\"", more));
    let id = start(&rig, "ask", "web[01-03]", &["--set", "note=a/b?c#d&e=f"]);
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "succeeded", "{shown:#}");
    let note = "a%2Fb%3Fc%23d%26e%3Df";
    let expected = ["01", "02", "03"].map(|n| format!("/hosts/web{n}?note={note}"));
    assert_eq!(paths(&web), expected);
    assert!(proxy.asked().is_empty());
    let output = rig.runs("output", id, &["--host", "web02", "--step", "use"]);
    assert_eq!(output.expect_success().out().trim(), "web02's $(id)");
    let body = rig.runs("output", id, &["--host", "web02", "--step", "ask"]);
    assert!(body.expect_success().out().contains("\"build\""));
    rig.audit_is_whole();
}

#[test]
fn a_status_that_means_no_success_fails_its_host_and_says_so() {
    let web = Web::new(|_, asked: &Asked| {
        let bad = asked.path.contains("web02");
        answer(
            if bad {
                "503 Service Unavailable"
            } else {
                "202 Accepted"
            },
            "",
        )
    });
    let rig = Rig::new();
    apply(
        &rig,
        "ask",
        &asking(
            &web,
            "method = \"POST\", body = \"go\", success = [202]",
            "",
        ),
    );
    let id = start(&rig, "ask", "web[01-02]", &[]);
    let shown = rig.wait_end(id);
    assert_eq!(outcomes(&shown)["web01"], "ok", "{shown:#}");
    assert_eq!(detail(&shown, "web01"), "HTTP 202 Accepted");
    assert_eq!(task(&shown, "web02")["code"], 1, "{shown:#}");
    assert!(detail(&shown, "web02").starts_with("HTTP 503 Service Unavailable from 127.0.0.1"));
    assert!(web.asked().iter().all(|asked| asked.body == "go"));
}

#[test]
fn a_post_that_was_under_way_when_the_engine_died_is_in_doubt_and_never_sent_again() {
    let web = Web::new(|before, _| {
        if before == 0 {
            vec![Then::Hold]
        } else {
            answer("200 OK", "")
        }
    });
    let rig = Rig::new();
    apply(&rig, "ask", &asking(&web, "method = \"POST\"", ""));
    let id = start(&rig, "ask", "web01", &[]);
    wait_asked(&web, 1);
    rig.conn.kill_engine();
    let doubted = || outcomes(&rig.show(id))["web01"] == "in_doubt";
    wait_until("the host to be in doubt", PATIENCE, doubted);
    assert_eq!(
        web.asked().len(),
        1,
        "nobody said that it may be sent twice"
    );
    rig.runs("settle", id, &["--host", "web01", "--as", "retry"])
        .expect_success();
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "succeeded", "{shown:#}");
    assert_eq!(web.asked().len(), 2);
}

#[test]
fn a_get_that_was_under_way_when_the_engine_died_is_sent_again() {
    for (method, more) in [("GET", ""), ("POST", "idempotent = true")] {
        let web = Web::new(|before, _| {
            if before == 0 {
                vec![Then::Hold]
            } else {
                answer("200 OK", "")
            }
        });
        let rig = Rig::new();
        let http = format!("method = \"{method}\"");
        apply(&rig, "ask", &asking(&web, &http, more));
        let id = start(&rig, "ask", "web01", &[]);
        wait_asked(&web, 1);
        rig.conn.kill_engine();
        let shown = rig.wait_end(id);
        assert_eq!(shown["state"], "succeeded", "{shown:#}");
        assert_eq!(web.asked().len(), 2);
    }
}

#[test]
fn an_aborted_request_is_let_go_and_only_what_changes_nothing_is_cancelled() {
    for (method, outcome) in [("GET", "cancelled"), ("POST", "in_doubt")] {
        let web = Web::new(|_, _| vec![Then::Hold]);
        let rig = Rig::new();
        apply(
            &rig,
            "ask",
            &asking(&web, &format!("method = \"{method}\""), ""),
        );
        let id = start(&rig, "ask", "web[01-02]", &[]);
        wait_asked(&web, 2);
        rig.runs("abort", id, &["--reason", "enough"])
            .expect_success();
        let shown = rig.wait_end(id);
        assert_eq!(outcomes(&shown)["web01"], outcome, "{shown:#}");
        wait_until("both connections to be closed", PATIENCE, || {
            web.let_go() == 2
        });
    }
}

#[test]
fn what_would_not_be_sent_as_it_is_meant_starts_nothing() {
    let web = Web::new(|_, _| answer("200 OK", ""));
    let rig = Rig::with_settings("[http]\nallow = [\"api.example.com\"]\n");
    apply(&rig, "ask", &asking(&web, "method = \"GET\"", ""));
    let refused = |options: &[&str]| {
        let config = rig.config.to_str().unwrap();
        let head = [
            "flow", "start", "ask", "-w", "web01", "-F", config, "--detach",
        ];
        let ended = rig.conn.run(head.iter().chain(options));
        assert_eq!(ended.code(), Some(2), "{ended:?}");
        ended.err()
    };
    assert!(
        refused(&[]).contains("[http] in conn.toml"),
        "{}",
        refused(&[])
    );
    assert!(web.asked().is_empty());

    let rig = Rig::new();
    let text = asking(&web, "headers = { X-Note = \"{{ note }}\" }", "");
    apply(&rig, "ask", &text);
    let config = rig.config.to_str().unwrap();
    let words = [
        "flow",
        "start",
        "ask",
        "-w",
        "web01",
        "-F",
        config,
        "--set",
        "note=a\r\nX-Evil: 1",
    ];
    let ended = rig.conn.run(words);
    assert_eq!(ended.code(), Some(2), "{ended:?}");
    assert!(ended.err().contains("X-Note"), "{}", ended.err());
    assert!(web.asked().is_empty());
}

#[test]
fn a_shared_engine_asks_only_servers_that_its_owner_named() {
    let web = Web::new(|_, _| answer("200 OK", ""));
    let port = web.port();
    let flow = asking(&web, "method = \"GET\"", "");
    let run = "[run]\nidentity = 'ops'\n";
    let by_name = |shared: &Shared| {
        let ended = shared.apply(ENGINE, &flow);
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        shared.run(KIM, &["flow", "start", "ask", "-w", "web01"])
    };
    let ended = by_name(&Shared::with(run));
    assert_eq!(ended.code(), Some(2), "{ended:?}");
    assert!(
        ended.err().contains("a shared engine asks only servers"),
        "{}",
        ended.err()
    );
    // A pattern does not reach into the engine's own machine.
    let ended = by_name(&Shared::with(&format!("{run}[http]\nallow = [\"*\"]\n")));
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert!(web.asked().is_empty());
    let ended = by_name(&Shared::with(&format!(
        "{run}[http]\nallow = [\"127.0.0.1:{port}\"]\n"
    )));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(web.asked().len(), 1);
}

/// A metrics server that gives these values, one after another, and the last for ever.
fn metrics(values: &'static [&'static str]) -> Web {
    Web::new(move |before, _| {
        let value = values.get(before).or(values.last()).unwrap();
        let body = format!(
            r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{}},"value":[1,"{value}"]}}]}}}}"#
        );
        answer("200 OK", &body)
    })
}

fn gated(web: &Web, more: &str) -> String {
    let url = web.url("");
    format!(
        r#"
kind = "simple"
name = "upgrade"

[rollout]
batches = [1, 2]
{more}
[rollout.gate]
metrics = {{ url = "{url}", query = 'errors{{batch="{{{{ batch }}}}"}}', success = "value < 0.1", failure = "value > 0.5" }}

[[steps]]
name = "install"
exec = {{ command = "true" }}
"#
    )
}

#[test]
fn a_gate_by_metrics_is_asked_once_a_batch_and_its_value_is_on_record() {
    let web = metrics(&["0.05", "0.3", "0.01"]);
    let rig = Rig::new();
    apply(&rig, "upgrade", &gated(&web, ""));
    let id = start(&rig, "upgrade", "web[01-05]", &[]);
    let shown = rig.wait_state(id, "paused");
    let why = shown["because"].to_string();
    assert!(
        why.contains("neither yes nor no") && why.contains("value 0.3"),
        "{why}"
    );
    assert_eq!(detail(&shown, "web01"), "metrics, value 0.05, success");
    // The gate stands between a host's work and its end.
    assert_eq!(task(&shown, "web03")["outcome"], Value::Null, "{shown:#}");
    assert_eq!(web.asked().len(), 2);
    assert!(
        web.asked()[1].path.ends_with("errors%7Bbatch%3D%222%22%7D"),
        "{:?}",
        web.asked()
    );

    // A person looks, and has it asked again.
    rig.runs("retry", id, &["--host", "web02"]).expect_success();
    rig.runs("resume", id, &[]).expect_success();
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "succeeded", "{shown:#}");
    assert_eq!(web.asked().len(), 4, "once for each batch, and once more");
    let report = rig
        .runs("report", id, &["--format", "md"])
        .expect_success()
        .out();
    assert!(
        report.contains("gate: metrics, value 0.05, success"),
        "{report}"
    );
    let output = rig.runs("output", id, &["--host", "web01", "--step", "gate"]);
    assert!(output.expect_success().out().contains("verdict: success"));
    rig.audit_is_whole();
}

#[test]
fn a_person_can_go_on_without_a_gate_and_a_failure_stops_as_the_rollout_says() {
    let web = metrics(&["0.3", "0.9"]);
    let rig = Rig::new();
    apply(&rig, "upgrade", &gated(&web, "on_exceeded = \"abort\""));
    let id = start(&rig, "upgrade", "web[01-05]", &[]);
    rig.wait_state(id, "paused");
    rig.runs("resume", id, &[]).expect_success();
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "aborted", "{shown:#}");
    assert_eq!(
        web.asked().len(),
        2,
        "nobody is asked again after a person's word"
    );
    assert!(
        shown["timeline"].to_string().contains("value 0.9"),
        "{shown:#}"
    );
    assert_eq!(outcomes(&shown)["web04"], "not_started");
}

#[test]
fn a_gate_that_was_asked_when_the_engine_died_is_asked_again() {
    let web = Web::new(|before, _| {
        if before == 0 {
            return vec![Then::Hold];
        }
        answer(
            "200 OK",
            r#"{"status":"success","data":{"resultType":"scalar","result":[1,"0"]}}"#,
        )
    });
    let rig = Rig::new();
    apply(&rig, "upgrade", &gated(&web, ""));
    let id = start(&rig, "upgrade", "web[01-03]", &[]);
    wait_asked(&web, 1);
    rig.conn.kill_engine();
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "succeeded", "{shown:#}");
    assert_eq!(web.asked().len(), 3);
}

#[test]
fn a_stage_is_gated_by_metrics_once_for_each_item() {
    let web = metrics(&["0.3", "0.2", "0"]);
    let rig = Rig::new();
    let url = web.url("");
    let text = format!(
        r#"
kind = "multi"
name = "flying"
[[stages]]
name = "canary"
exec = {{ command = "true" }}
for_each = ["web[01-02]"]
targets = "{{{{ item }}}}"
[stages.gate]
metrics = {{ url = "{url}", query = 'errors{{of="{{{{ item }}}}"}}', success = "value < 0.1", failure = "value > 0.5" }}
retry = {{ attempts = 2, delay = "1s" }}
[[stages]]
name = "rest"
needs = ["canary"]
exec = {{ command = "true" }}
targets = "web[03-04]"
"#
    );
    apply(&rig, "flying", &text);
    let config = rig.config.to_str().unwrap();
    let ended = rig
        .conn
        .run(["flow", "start", "flying", "-F", config, "--detach"]);
    let id: u64 = ended.expect_success().out().trim().parse().unwrap();
    let shown = rig.wait_state(id, "paused");
    assert!(
        shown["because"].to_string().contains("neither yes nor no"),
        "{shown:#}"
    );
    assert_eq!(web.asked().len(), 2, "looked again before it asks a person");
    let query = "errors%7Bof%3D%22web%5B01-02%5D%22%7D";
    assert!(web.asked()[0].path.ends_with(query), "{:?}", web.asked());
    rig.runs("resume", id, &[]).expect_success();
    let shown = rig.wait_end(id);
    // A person went on; that the gate did not open stays true.
    assert_eq!(shown["stages"][1]["state"], "succeeded", "{shown:#}");
    let runs = rig
        .conn
        .run(["runs", "--kind", "gate", "--json"])
        .expect_success()
        .json();
    let gate = rig.show(runs[0]["run"].as_u64().unwrap());
    assert_eq!(gate["tasks"].as_array().unwrap().len(), 1, "{gate:#}");
    assert!(
        detail(&gate, "web01").contains("value 0.2, inconclusive"),
        "{gate:#}"
    );
}

#[test]
fn hosts_that_cannot_be_reached_hold_up_neither_requests_nor_gates() {
    let web = metrics(&["0"]);
    let rig = Rig::new();
    let url = web.url("");
    let text = format!(
        r#"
kind = "simple"
name = "ghosts"
[rollout.gate]
metrics = {{ url = "{url}", query = "errors", success = "value < 0.1" }}
[[steps]]
name = "ask"
http = {{ url = "{url}/{{{{ host.name }}}}" }}
"#
    );
    apply(&rig, "ghosts", &text);
    let id = start(&rig, "ghosts", "ghost[1-3].invalid", &[]);
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "succeeded", "{shown:#}");
    assert_eq!(web.asked().len(), 4, "three hosts, one gate");
}

#[test]
fn a_secret_in_a_header_reaches_the_server_and_is_not_in_what_is_kept() {
    let web = Web::new(|_, asked: &Asked| {
        let token = asked.header("x-token").unwrap_or_default();
        answer("200 OK", &format!("you are {token}"))
    });
    let rig = Rig::new();
    let more = "[params.token]\ntype = \"string\"\nsecret = true\n";
    let http = "headers = { X-Token = \"{{ token }}\" }, body = \"{{ token }}\", method = \"POST\"";
    apply(&rig, "ask", &asking(&web, http, more));
    let config = rig.config.to_str().unwrap();
    let words = [
        "flow", "start", "ask", "-w", "web01", "-F", config, "--detach", "--secret", "token",
    ];
    let ended = rig.conn.run_with_input(words, b"hunter22-token\n");
    let id: u64 = ended.expect_success().out().trim().parse().unwrap();
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "succeeded", "{shown:#}");
    let [asked] = &web.asked()[..] else {
        panic!("one request")
    };
    assert_eq!(asked.header("x-token"), Some("hunter22-token"));
    assert_eq!(asked.body, "hunter22-token");
    let output = rig.runs("output", id, &[]).expect_success().out();
    assert!(output.contains("you are **************"), "{output}");
}

//! `conn run` on healthy hosts: what is printed where, and with which exit code it ends.

use super::rig::{Report, Rig, fleet, lend, unique};
use super::support::{PATIENCE, Scratch};

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn every_line_stands_behind_its_host_and_errors_go_to_stderr() {
    let rig = Rig::new();
    let ended = rig
        .run(
            "web[01-20]",
            &[],
            "hostname; echo two words; echo bad >&2; printf 'no newline'",
        )
        .expect_success();
    let mut expected = Vec::new();
    for number in 1..=20 {
        let host = format!("web{number:02}");
        expected.push(format!("{host}: {host}"));
        expected.push(format!("{host}: two words"));
        expected.push(format!("{host}: no newline"));
    }
    expected.sort_unstable();
    assert_eq!(sorted(&ended.out()), expected);
    let err = ended.err();
    let bad = err.lines().filter(|line| line.ends_with(": bad")).count();
    assert_eq!(bad, 20, "{err}");
    assert!(err.contains("conn: ok 20: web[01-20]\n"), "{err}");
    assert!(err.contains("20 of 20 hosts ok"), "{err}");
}

#[test]
fn lines_of_one_host_keep_their_order() {
    let rig = Rig::new();
    let ended = rig.run("web[01-03]", &[], "seq 2000").expect_success();
    let text = ended.out();
    for host in ["web01", "web02", "web03"] {
        let prefix = format!("{host}: ");
        let numbers = text.lines().filter_map(|line| line.strip_prefix(&prefix));
        assert!(
            numbers.eq((1..=2000).map(|n| n.to_string()).collect::<Vec<_>>()),
            "{host}"
        );
    }
}

#[test]
fn exit_codes_tell_failure_usage_no_engine_and_refusal_apart() {
    let rig = Rig::new();
    rig.run("web01", &[], "true").expect_code(0);
    let failed = rig
        .run("web[01-03]", &[], "[ $(hostname) != web02 ] || exit 7")
        .expect_code(1);
    assert!(
        failed.err().contains("failed(7) 1: web02"),
        "{}",
        failed.err()
    );
    assert!(failed.err().contains("2 of 3 hosts ok"), "{}", failed.err());
    rig.conn.run(["run", "--no-such-option"]).expect_code(2);
    rig.conn.run(["runs", "show", "999"]).expect_code(2);
    rig.run("web01", &["--env", "1BAD=x"], "true")
        .expect_code(2);
    rig.conn.run(["engine", "stop"]).expect_success();
    let none = rig.conn.run(["--no-start", "runs"]).expect_code(3);
    assert!(none.err().contains("no engine"), "{}", none.err());
}

#[test]
fn an_empty_set_or_an_unknown_group_starts_nothing() {
    let rig = Rig::new();
    for targets in ["web01!web01", "web01&web02", "@nope", "web[01-", "@*", ""] {
        let ended = rig.run(targets, &[], "echo started").expect_code(2);
        assert_eq!(ended.out(), "", "{targets}");
        assert!(!ended.err().is_empty(), "{targets}");
    }
    assert_eq!(
        rig.conn.run(["runs", "--json"]).expect_success().json(),
        serde_json::json!([])
    );
}

#[test]
fn json_has_the_shape_of_the_contracts() {
    let rig = Rig::new();
    let report = rig.report(
        "web[01-03]",
        &[],
        "echo out; echo err >&2; case $(hostname) in web02) exit 3;; web03) kill -TERM $$;; esac",
    );
    assert_eq!(report.code, Some(1));
    assert_eq!(
        report.end["counts"],
        serde_json::json!({"ok": 1, "failed": 1, "signaled": 1})
    );
    assert_eq!(report.end["state"], "failed");
    assert_eq!(report.end["run"], 1);
    assert_eq!(report.outcome("web01"), "ok");
    assert_eq!(report.outcome("web02"), "failed(3)");
    assert_eq!(report.outcome("web03"), "signaled(TERM)");
    for host in report.hosts.values() {
        assert_eq!(
            (&host["stdout"], &host["stderr"]),
            (&"out\n".into(), &"err\n".into())
        );
        assert_eq!(
            (&host["attempts"], &host["truncated_bytes"]),
            (&1.into(), &0.into())
        );
        for phase in ["resolve", "tcp", "kex", "auth", "open", "first_byte", "run"] {
            assert!(
                host["phases"].get(phase).is_some(),
                "{phase} is missing in {host}"
            );
        }
        assert!(host["phases"]["run"].is_number(), "{host}");
    }
    assert!(report.err.is_empty(), "{}", report.err);
}

#[test]
fn a_durable_command_reports_the_same_as_a_plain_one() {
    let rig = Rig::new();
    let command =
        "echo out; echo err >&2; case $(hostname) in web02) exit 3;; web03) kill -TERM $$;; esac";
    let report = rig.report("web[01-03]", &["--durable"], command);
    assert_eq!(report.code, Some(1));
    assert_eq!(report.outcome("web01"), "ok");
    assert_eq!(report.outcome("web02"), "failed(3)");
    assert_eq!(report.outcome("web03"), "signaled(TERM)");
    for host in report.hosts.values() {
        assert_eq!(
            (&host["stdout"], &host["stderr"]),
            (&"out\n".into(), &"err\n".into())
        );
    }
}

#[test]
fn gathered_output_is_printed_once_under_the_folded_hosts() {
    let rig = Rig::new();
    let ended = rig
        .run(
            "web[01-20]",
            &["--gather"],
            "[ $(hostname) = web07 ] && echo odd || echo same",
        )
        .expect_success();
    let rule = "---------------";
    assert_eq!(
        ended.out(),
        format!("{rule}\nweb[01-06,08-20] (19)\n{rule}\nsame\n{rule}\nweb07\n{rule}\nodd\n")
    );
}

#[test]
fn output_that_is_not_utf_8_comes_through_and_as_base64_in_json() {
    let rig = Rig::new();
    let ended = rig
        .run("web01", &[], r"printf '\377\376x\n'")
        .expect_success();
    assert_eq!(ended.stdout, b"web01: \xff\xfex\n");
    let report = rig.report("web01", &[], r"printf '\377\376x\n'; printf '\200' >&2");
    let host = report.only();
    assert_eq!(host["stdout_base64"], "//54Cg==");
    assert_eq!(host["stderr_base64"], "gA==");
    assert!(host.get("stdout").is_none());
}

#[test]
fn a_command_reaches_the_login_shell_as_it_was_written() {
    let rig = Rig::new();
    let commands = [
        r#"echo 'single  quotes' "double  $HOME" back\\slash"#,
        "printf '%s|' a \"b c\" 'd\te'; echo; echo $((6*7)) `echo tick`",
        "cat <<'X'\n$literal 'text'\nX\n",
        "echo '* ? [a-z] {1,2} ~ ! # & ; |'",
        "for i in 1 2 3; do echo -n $i; done; echo",
        "echo héé 漢字 '\u{1F600}'",
    ];
    for command in commands {
        let oracle = fleet().ssh("web01", command);
        for options in [&[][..], &["--durable"]] {
            let report = rig.report("web01", options, command);
            let expected = String::from_utf8(oracle.stdout.clone()).unwrap();
            assert_eq!(report.only()["stdout"], expected, "{command} {options:?}");
        }
    }
}

#[test]
fn several_words_are_one_command_as_with_ssh() {
    let rig = Rig::new();
    let config = rig.config.to_str().unwrap();
    let ended = rig
        .conn
        .run([
            "run", "-F", config, "-w", "web01", "--", "echo", "a  b", "$HOME", "-n",
        ])
        .expect_success();
    assert_eq!(ended.out(), "web01: a b /root -n\n");
}

#[test]
fn environment_and_standard_input_reach_every_host() {
    let rig = Rig::new();
    let value = r#"a 'b' "c" $HOME `x` \ ü"#;
    let env = format!("GREETING={value}");
    for durable in [false, true] {
        let mut options = vec!["--env", &env, "--env", "EMPTY=", "--stdin", "--json"];
        if durable {
            options.push("--durable");
        }
        let words = rig.words(
            "web[01-03]",
            &options,
            r#"printf '%s|%s|' "$GREETING" "${EMPTY-unset}"; cat"#,
        );
        let report = Report::of(&rig.conn.run_with_input(words, b"line 1\nline 2\n"));
        assert_eq!(report.code, Some(0), "{report:#?}");
        for host in report.hosts.values() {
            assert_eq!(
                host["stdout"],
                format!("{value}||line 1\nline 2\n"),
                "durable: {durable}"
            );
        }
    }
    let report = rig.report("web01", &[], "wc -c");
    assert_eq!(
        report.only()["stdout"].as_str().unwrap().trim(),
        "0",
        "no input unless asked for"
    );
}

#[test]
fn another_user_is_become_by_sudo_and_a_login_user_given() {
    let rig = Rig::new();
    for durable in [&[][..], &["--durable"]] {
        let options: Vec<&str> = ["-l", "admin", "--run-as", "root", "--env", "V=x y"]
            .into_iter()
            .chain(durable.iter().copied())
            .collect();
        let report = rig.report("web[01-02]", &options, "id -un; echo \"$V\"; exit 4");
        assert_eq!(report.code, Some(1));
        for host in report.hosts.values() {
            assert_eq!(host["stdout"], "root\nx y\n");
            assert_eq!(host["code"], 4);
        }
    }
    let report = rig.report("web01", &["--run-as", "admin"], "id -un");
    assert_eq!(report.only()["stdout"], "admin\n");
    let report = rig.report("web01", &["--run-as", "nobody-of-that-name"], "id -un");
    assert_eq!(report.code, Some(1));
    assert_eq!(report.only()["stdout"], "");
}

#[test]
fn a_pushed_file_arrives_whole_with_owner_and_mode() {
    let rig = Rig::new();
    let dir = Scratch::new("push");
    let content: Vec<u8> = (0..300_000_u32)
        .map(|i| (i % 251 * 7 % 256) as u8)
        .collect();
    let source = dir.write("file", &content);
    let dest = format!("/root/{}", unique("pushed"));
    let push = format!("{}:{dest}:admin:0640", source.display());
    let report = rig.report(
        "web[01-03]",
        &["--push", &push],
        &format!("stat -c '%U %a' {dest}; sha256sum <{dest}"),
    );
    assert_eq!(report.code, Some(0), "{report:#?}");
    let sum = std::process::Command::new("sha256sum")
        .arg(&source)
        .output()
        .unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap();
    let sum = sum.split(' ').next().unwrap();
    for host in report.hosts.values() {
        assert_eq!(host["stdout"], format!("admin 640\n{sum}  -\n"));
    }
}

#[test]
fn a_push_that_cannot_be_leaves_no_half_file_and_the_command_does_not_start() {
    let rig = Rig::new();
    let dir = Scratch::new("push");
    let source = dir.write("file", "content");
    let host = lend();
    let push = format!("{}:/nowhere/at/all", source.display());
    let report = rig.report(&host, &["--push", &push], "touch /root/started");
    assert_eq!(report.code, Some(1), "{report:#?}");
    assert!(!super::rig::has_file(&host, "/root/started"));
    let missing = rig.run(
        &host,
        &["--push", "/no/such/file:/root/x"],
        "touch /root/started",
    );
    missing.expect_code(2);
    assert!(!super::rig::has_file(&host, "/root/started"));
}

#[test]
fn what_one_run_did_differs_from_another_by_outcome_and_output() {
    let rig = Rig::new();
    let file = format!("/tmp/{}", unique("compare"));
    rig.run("web[01-03]", &[], "echo one").expect_success();
    rig.run("web[01-03]", &[], &format!("case $(hostname) in web02) echo two;; web03) echo one; exit 1;; *) echo one;; esac # {file}")).expect_code(1);
    let same = rig.conn.run(["runs", "compare", "1", "1"]).expect_code(0);
    assert!(same.out().contains("do not differ"));
    let differs = rig.conn.run(["runs", "compare", "1", "2"]).expect_code(1);
    let out = differs.out();
    assert!(out.contains("web02: output differs"), "{out}");
    assert!(out.contains("web03: ok before, failed(1) after"), "{out}");
    assert!(!out.contains("web01"), "{out}");
    let one = rig
        .conn
        .run(["runs", "compare", "1", "2", "--host", "web02"])
        .expect_code(1);
    assert!(!one.out().contains("web03"));
    rig.conn
        .run(["runs", "compare", "1", "2", "--host", "nobody"])
        .expect_code(2);
}

#[test]
fn preflight_tells_of_every_host_and_starts_nothing_of_ours() {
    let rig = Rig::new();
    let config = rig.config.to_str().unwrap();
    let ended = rig
        .conn
        .run(["preflight", "-F", config, "-w", "web[01-05]", "--json"])
        .expect_success();
    let report = Report::of(&ended);
    assert_eq!(report.hosts.len(), 5);
    for host in report.hosts.values() {
        let facts = &host["facts"];
        assert_eq!(facts["user"], "root", "{host}");
        assert!(facts["clock_skew"].is_number(), "{host}");
        assert_eq!(facts["disks"][0]["mount"], "/", "{host}");
        let findings = host["findings"].as_array().unwrap();
        for what in ["reach", "host key", "auth", "run-as", "disk", "clock"] {
            let found = findings.iter().any(|finding| finding["what"] == what);
            assert!(found, "nothing of {what}: {host}");
        }
    }
}

#[test]
fn many_clients_at_once_each_get_their_own_run() {
    let rig = Rig::new();
    let clients: Vec<_> = (0..12)
        .map(|n| rig.start("web[01-20]", &["--json"], &format!("echo {n}")))
        .collect();
    let mut numbers = std::collections::BTreeSet::new();
    for (n, client) in clients.into_iter().enumerate() {
        let report = Report::of(&client.wait(PATIENCE).expect_success());
        assert_eq!(report.hosts.len(), 20, "{report:#?}");
        for host in report.hosts.values() {
            assert_eq!(host["stdout"], format!("{n}\n"));
        }
        numbers.insert(report.end["run"].as_u64().unwrap());
    }
    assert_eq!(numbers.len(), 12, "{numbers:?}");
    assert_eq!(rig.conn.processes().len(), 1, "one engine serves all");
}

/// The engine waits 0.4 s for what a command left running before it asks the host whether more
/// will come: the last of it may let go of the channel at any moment around that question.
#[test]
fn a_channel_that_closes_when_its_silence_is_looked_at_ends_its_command() {
    let rig = Rig::new();
    let command = "n=$(hostname | tr -d a-z); (exec sleep 0.$((3980 + (1$n - 100) * 4))) & exit 7";
    for _ in 0..5 {
        let report = rig.report("web[01-20]", &[], command);
        assert_eq!(report.hosts.len(), 20, "{report:#?}");
        for host in report.hosts.values() {
            assert_eq!(
                (&host["outcome"], &host["code"]),
                (&"failed".into(), &7.into())
            );
        }
    }
}

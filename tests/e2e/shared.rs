//! One engine for several people: its own account, their names, named keys, and what it does not do for them.

use std::path::Path;

use serde_json::Value;

use super::rig::{Report, Rig, fleet, outcome_of, task, unique};
use super::shared_rig::{Shared, hosts, open};
use super::support::people::{ENGINE, GROUP, KIM, LEE, MAX, as_user};
use super::support::{Agent, PATIENCE, Running, Scratch, wait_for, wait_until};

const OPS: &[&str] = &["--identity", "ops"];

/// Waits for a file of this name on the host.
fn gate(mark: &str) -> String {
    format!("while [ ! -e /tmp/{mark} ]; do sleep 0.05; done")
}

fn pair(by: &str, act: &str) -> (String, String) {
    (by.to_owned(), act.to_owned())
}

#[test]
fn two_people_share_an_engine_and_every_act_has_its_name() {
    let shared = Shared::up();
    let ran = shared
        .command(KIM, OPS, "id -un; echo for kim")
        .expect_success();
    assert_eq!(ran.out(), "web01: root\nweb01: for kim\n");
    shared.command(LEE, OPS, "echo for lee").expect_success();
    let listed = shared.run(KIM, &["runs", "--json"]).expect_success().json();
    let starters: Vec<&Value> = (0..2).map(|n| &listed[n]["starter"]).collect();
    assert_eq!(starters, [LEE, KIM]);
    let theirs = shared.run(LEE, &["runs", "output", "1", "--host", "web01"]);
    assert_eq!(theirs.expect_success().out(), "root\nfor kim\n");
    let shown = shared.show(LEE, 1);
    assert_eq!(
        (&shown["starter"], &shown["conn"]),
        (&KIM.into(), &KIM.into())
    );
    assert_eq!(shown["params"]["identity"], "ops", "{shown:#}");
    shared.steer(LEE, 1, "note", &["seen"]).expect_success();
    let expected = [pair(KIM, "start"), pair(LEE, "start"), pair(LEE, "note")];
    assert_eq!(shared.acts(), expected);
    let text = shared.run(KIM, &["audit"]).expect_success().out();
    assert!(
        text.contains("with the identity ops: echo for lee"),
        "{text}"
    );
    let checked = shared.run(KIM, &["preflight", "-w", "web[01-02]", "--identity", "ops"]);
    assert!(checked.out().contains("nothing in the way"), "{checked:?}");
    let hosts = shared.run(KIM, &["hosts", "web01", "--identity", "signed"]);
    assert!(hosts.expect_success().out().contains("admin"));
}

#[test]
fn the_hosts_log_names_the_run_the_person_and_the_identity() {
    let shared = Shared::up();
    let mark = unique("logged");
    shared
        .command(LEE, OPS, &format!("echo {mark}"))
        .expect_success();
    let expected = format!("conn run=1 by={LEE} identity=ops");
    wait_until("the line in the host's log", PATIENCE, || {
        hosts()
            .sh("web01", "cat /var/log/messages")
            .contains(&expected)
    });
}

#[test]
fn who_is_not_in_the_group_is_kept_out_with_one_sentence_and_can_read_nothing() {
    let shared = Shared::up();
    shared.command(KIM, OPS, "echo secret").expect_success();
    for words in [
        &["runs"][..],
        &["run", "-w", "web01", "--", "true"],
        &["engine", "status"],
    ] {
        let refused = shared.run(MAX, words).expect_code(4);
        let said = refused.err();
        assert!(said.contains(GROUP) && said.lines().count() == 1, "{said}");
        assert_eq!(refused.out(), "");
    }
    for who in [MAX, KIM] {
        for (place, bit) in [
            ("state", "-x"),
            ("state/store", "-r"),
            ("config/keys/ops", "-r"),
        ] {
            let place = shared.home.path().join(place);
            let looked = as_user(
                who,
                Path::new("/usr/bin/test"),
                [bit, place.to_str().unwrap()],
            );
            let seen = Running::spawn(looked, None).wait(PATIENCE);
            assert_eq!(seen.code(), Some(1), "{who} reaches {}", place.display());
        }
    }
}

#[test]
fn a_persons_agent_is_not_used() {
    let shared = Shared::up();
    let agent = Agent::with_key(&hosts().key());
    open(agent.socket().parent().unwrap(), 0o755);
    open(&agent.socket(), 0o666);
    let run = |options: &[&str]| {
        let words = [
            &["run", "-w", "web01", "-l", "root", "--json"],
            options,
            &["--", "true"],
        ]
        .concat();
        let mut command = as_user(KIM, &shared.program(), shared.words(&words));
        command.env("SSH_AUTH_SOCK", agent.socket());
        Running::spawn(command, None).wait(PATIENCE)
    };
    let refused = run(&[]).expect_code(4);
    let said = refused.err();
    assert!(said.contains("uses no agent"), "{said}");
    assert!(
        said.trim_end().ends_with("You may use: ops, signed, wrong"),
        "{said}"
    );
    let report = Report::of(&run(&["--identity", "wrong"]));
    assert_eq!(report.outcome("web01"), "refused(auth)", "{report:#?}");
    assert_eq!(run(OPS).code(), Some(0));
}

#[test]
fn the_engine_reads_no_file_and_runs_no_program_for_those_it_serves() {
    let shared = Shared::up();
    let config = hosts().ssh_config();
    let config = config.to_str().unwrap();
    let refused = shared.command(KIM, &["-F", config, "--identity", "ops"], "true");
    let said = refused.expect_code(4).err();
    assert!(said.contains("no ssh_config of yours"), "{said}");
    shared
        .run(KIM, &["hosts", "web01", "-F", config])
        .expect_code(4);
    let trace = shared.home.path().join("state/trace");
    let command = format!("command:touch {}; echo web01", trace.display());
    let refused = shared
        .run(KIM, &["hosts", "web01", "--from", &command])
        .expect_code(4);
    assert!(refused.err().contains("--from"), "{}", refused.err());
    assert!(
        !trace.exists(),
        "the engine's account ran a program of somebody else"
    );
    let injected = shared.run(
        KIM,
        &[
            "run",
            "-w",
            "a;touch$IFS/x",
            "--identity",
            "ops",
            "--",
            "true",
        ],
    );
    assert_eq!(injected.code(), Some(2), "{injected:?}");
    assert_eq!(shared.acts(), [], "and nothing was started");
}

#[test]
fn an_identity_logs_in_with_its_certificate() {
    let shared = Shared::up();
    let ran = shared
        .command(KIM, &["--identity", "signed"], "id -un")
        .expect_success();
    assert_eq!(ran.out(), "web01: admin\n");
    let ran = shared.command(KIM, &["--identity", "signed", "-l", "root"], "id -un");
    assert_eq!(
        ran.expect_success().out(),
        "web01: root\n",
        "a user that is named wins"
    );
}

#[test]
fn only_those_who_are_allowed_use_an_identity_also_by_steering() {
    let shared = Shared::up();
    let refused = shared
        .command(KIM, &["--identity", "leads"], "true")
        .expect_code(4);
    assert!(
        refused.err().contains(&format!(
            "{KIM} may not use the identity leads. You may use: ops, signed, wrong"
        )),
        "{}",
        refused.err()
    );
    let unknown = shared
        .command(KIM, &["--identity", "opps"], "true")
        .expect_code(2);
    assert!(
        unknown.err().contains("no identity \"opps\""),
        "{}",
        unknown.err()
    );
    let mark = unique("leads");
    let id = shared.detach(LEE, &["--identity", "leads"], &gate(&mark));
    for (word, more) in [
        ("take", &["--reason", "mine"][..]),
        ("retry", &[]),
        ("tune", &["--concurrency", "2"]),
    ] {
        let refused = shared.steer(KIM, id, word, more).expect_code(4);
        assert!(
            refused.err().contains("may not use the identity leads"),
            "{word}"
        );
    }
    shared.steer(LEE, id, "give", &["--to", KIM]).expect_code(4);
    shared
        .steer(LEE, id, "give", &["--to", "nobody-here"])
        .expect_code(2);
    assert_eq!(shared.show(KIM, id)["conn"], LEE);
    shared
        .steer(KIM, id, "abort", &["--reason", "anybody may"])
        .expect_success();
    wait_until("the end of the run", PATIENCE, || {
        !shared.show(KIM, id)["ended"].is_null()
    });
    assert_eq!(shared.acts(), [pair(LEE, "start"), pair(KIM, "abort")]);
}

#[test]
fn the_conn_passes_between_people_by_take_and_give() {
    let shared = Shared::up();
    let mark = unique("conn");
    let waits = gate(&mark);
    let words = [
        &["run", "-w", "web[01-02]", "-f", "1", "--detach"],
        OPS,
        &["--", &waits],
    ]
    .concat();
    shared.run(KIM, &words).expect_success();
    let refused = shared
        .steer(LEE, 1, "tune", &["--concurrency", "2"])
        .expect_code(4);
    assert!(refused.err().contains(KIM), "{}", refused.err());
    shared.steer(LEE, 1, "take", &[]).expect_code(4);
    shared
        .steer(LEE, 1, "take", &["--reason", "kim is at lunch"])
        .expect_success();
    assert_eq!(shared.show(KIM, 1)["conn"], LEE);
    shared
        .steer(KIM, 1, "tune", &["--concurrency", "2"])
        .expect_code(4);
    shared
        .steer(LEE, 1, "tune", &["--concurrency", "2"])
        .expect_success();
    shared
        .steer(LEE, 1, "give", &["--to", KIM])
        .expect_success();
    assert_eq!(shared.show(LEE, 1)["conn"], KIM);
    for host in ["web01", "web02"] {
        hosts().sh(host, &format!("touch /tmp/{mark}"));
    }
    wait_until("the end of the run", PATIENCE, || {
        !shared.show(KIM, 1)["ended"].is_null()
    });
    let shown = shared.show(LEE, 1);
    assert_eq!(outcome_of(task(&shown, "web02")), "ok", "{shown:#}");
    let timeline = shown["timeline"].to_string();
    for words in ["kim is at lunch", &format!("given by {LEE}")] {
        assert!(timeline.contains(words), "{timeline}");
    }
    let expected = [(KIM, "start"), (LEE, "take"), (LEE, "tune"), (LEE, "give")];
    assert_eq!(shared.acts(), expected.map(|(by, act)| pair(by, act)));
}

#[test]
fn a_holder_who_follows_is_asked_before_another_takes_the_conn() {
    let shared = Shared::up();
    let mark = unique("asked");
    let waits = format!("echo begun; {}", gate(&mark));
    let words = [&["run", "-w", "web01"], OPS, &["--", &waits]].concat();
    let following = Running::spawn(as_user(KIM, &shared.program(), shared.words(&words)), None);
    following.wait_for_out("begun");
    let asked = shared
        .steer(LEE, 1, "take", &["--reason", "mine"])
        .expect_success();
    assert!(
        asked.out().contains(&format!("{LEE} asked for the conn")),
        "{}",
        asked.out()
    );
    assert_eq!(shared.show(LEE, 1)["conn"], KIM);
    shared.steer(LEE, 1, "keep", &[]).expect_code(4);
    shared.steer(KIM, 1, "keep", &[]).expect_success();
    hosts().sh("web01", &format!("touch /tmp/{mark}"));
    following.wait(PATIENCE).expect_success();
    assert_eq!(shared.show(LEE, 1)["conn"], KIM);
}

#[test]
fn only_its_owner_ends_or_replaces_a_shared_engine() {
    let mut shared = Shared::up();
    let engine = shared.engine.as_ref().unwrap().process();
    for words in [
        &["engine", "stop"][..],
        &["engine", "stop", "--now"],
        &["engine", "upgrade"],
    ] {
        let refused = shared.run(KIM, words).expect_code(4);
        let said = refused.err();
        assert!(said.contains(ENGINE) && said.lines().count() == 1, "{said}");
    }
    assert!(engine.is_alive());
    shared.run("root", &["engine", "upgrade"]).expect_success();
    assert!(engine.is_alive(), "the same process, with its socket");
    shared.command(LEE, OPS, "true").expect_success();
    shared.run(MAX, &["runs"]).expect_code(4);
    shared.run("root", &["engine", "stop"]).expect_success();
    shared
        .engine
        .take()
        .unwrap()
        .wait(PATIENCE)
        .expect_success();
    let nobody = shared.run(KIM, &["runs"]).expect_code(3);
    assert!(
        nobody.err().contains("no shared engine answers"),
        "{}",
        nobody.err()
    );
    shared.start_engine();
    let expected = [("root", "upgrade"), (LEE, "start"), ("root", "stop")];
    assert_eq!(shared.acts(), expected.map(|(by, act)| pair(by, act)));
}

#[test]
fn the_log_holds_the_head_of_the_audit_records_when_the_engine_has_ended() {
    let mut shared = Shared::up();
    shared.command(KIM, OPS, "true").expect_success();
    shared.run("root", &["engine", "stop"]).expect_success();
    let line = wait_for("the head in the log", PATIENCE, || {
        shared.logged().filter(|line| line.contains("audit head"))
    });
    let word = |name: &str| {
        let words = line.split(' ').find_map(|word| word.strip_prefix(name));
        words
            .unwrap_or_else(|| panic!("no {name} in {line}"))
            .to_owned()
    };
    let head = format!("{}:{}", word("seq="), word("hash="));
    shared.engine.take().unwrap().wait(PATIENCE);
    shared.start_engine();
    let again = wait_for("the head in the log after a start", PATIENCE, || {
        shared.logged()
    });
    assert!(again.contains(&word("hash=")), "{again} after {line}");
    shared.command(LEE, OPS, "true").expect_success();
    let verify = |head: &str| shared.run(LEE, &["audit", "verify", "--json", "--head", head]);
    let whole = verify(&head).expect_success().json();
    assert_eq!(whole["whole"], true, "{whole}");
    let (seq, hash) = head.split_once(':').unwrap();
    let other = format!(
        "{seq}:{}{}",
        if hash.starts_with('0') { "1" } else { "0" },
        &hash[1..]
    );
    for (head, said) in [
        (other, "is not what it was"),
        (format!("99:{hash}"), "is gone"),
    ] {
        let broken = verify(&head).expect_code(1).json();
        assert!(
            broken["breaks"][0].as_str().unwrap().contains(said),
            "{broken}"
        );
    }
    verify("7").expect_code(2);
}

#[test]
fn a_durable_command_whose_identity_is_gone_is_followed_when_it_is_back() {
    let mut shared = Shared::up();
    let mark = unique("followed");
    let command = format!("touch /tmp/{mark}.began; {}; exit 7", gate(&mark));
    let id = shared.detach(KIM, &["--identity", "ops", "--durable"], &command);
    wait_until("the command to run", PATIENCE, || {
        let looked = format!("[ ! -e /tmp/{mark}.began ] || echo yes");
        !hosts().sh("web01", &looked).is_empty()
    });
    let file = shared.home.path().join("config/conn.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let change = |shared: &mut Shared, text: &str| {
        shared.engine.take().unwrap().kill();
        std::fs::write(&file, text).unwrap();
        shared.start_engine();
    };
    change(
        &mut shared,
        &text.replace("[identities.ops]", "[identities.renamed]"),
    );
    assert_eq!(shared.show(KIM, id)["state"], "reattaching");
    let refused = shared.steer(KIM, id, "tune", &["--concurrency", "2"]);
    let said = refused.expect_code(2).err();
    assert!(said.contains("no identity \"ops\""), "{said}");
    change(&mut shared, &text);
    hosts().sh("web01", &format!("touch /tmp/{mark}"));
    wait_until("the end of the run", PATIENCE, || {
        !shared.show(KIM, id)["ended"].is_null()
    });
    let shown = shared.show(KIM, id);
    assert_eq!(outcome_of(task(&shown, "web01")), "failed(7)", "{shown:#}");
}

#[test]
fn a_key_that_others_may_read_keeps_the_engine_from_starting_and_its_place_is_named() {
    let shared = Shared::laid_out();
    let key = shared.home.path().join("config/keys/ops");
    open(&key, 0o644);
    let refused = shared.run(ENGINE, &["engine", "run"]).expect_code(3);
    let said = refused.err();
    let place = format!("{}/config/conn.toml:11:7: ", shared.home.path().display());
    assert!(
        said.contains(&place) && said.contains("chmod 600"),
        "{said}"
    );
    open(&key, 0o600);
    let as_root = shared.run("root", &["engine", "run"]).expect_code(3);
    assert!(as_root.err().contains("not as root"), "{}", as_root.err());
    let clients = shared
        .run(KIM, &["run", "-w", "web01", "--", "true"])
        .expect_code(3);
    assert!(
        clients.err().contains("no shared engine answers"),
        "nobody starts it by asking"
    );
}

#[test]
fn a_private_engine_uses_an_identity_when_a_run_names_one() {
    let keys = Scratch::new("identity");
    let key = keys.path().join("ops");
    std::fs::copy(fleet().key(), &key).unwrap();
    open(&key, 0o600);
    let mut rig = Rig::with_settings(&format!("[identities.ops]\nkey = '{}'\n", key.display()));
    let text = std::fs::read_to_string(fleet().ssh_config()).unwrap();
    let lines = text.lines().filter(|line| !line.contains("IdentityFile"));
    rig.config = keys.write("ssh_config", lines.collect::<Vec<_>>().join("\n") + "\n");
    let report = rig.report("web[01-02]", OPS, "true");
    assert_eq!(report.outcome("web02"), "ok", "{report:#?}");
    assert_eq!(rig.show(1)["params"]["identity"], "ops");
    let id = rig.detach("web01", &[], "true");
    assert_eq!(
        rig.wait_state(id, "waiting")["for"],
        "credentials",
        "the key is not a person's"
    );
    rig.run("web01", &["--identity", "opps"], "true")
        .expect_code(2);
}

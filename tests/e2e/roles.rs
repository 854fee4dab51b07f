//! People with roles on one engine: what each may, who is named to whoever may not, and what is on
//! record of it.

use std::path::Path;

use super::rig::unique;
use super::shared_rig::{Shared, hosts};
use super::support::people::{ENGINE, GROUP, KIM, LEADS, LEE, VIC, as_user};
use super::support::{Ended, PATIENCE, Running, wait_until};

const OPS: &[&str] = &["--identity", "ops"];

/// Everybody looks, Kim operates on one host and Lee leads.
fn roles() -> String {
    format!(
        "[run]\nidentity = 'ops'\n\
         [[roles]]\nrole = 'viewer'\ngroups = ['{GROUP}']\n\
         [[roles]]\nrole = 'operator'\nusers = ['{KIM}']\nhosts = 'web01'\n\
         [[roles]]\nrole = 'lead'\ngroups = ['{LEADS}']\n"
    )
}

/// The one sentence of a refusal.
#[track_caller]
fn refused(ended: Ended) -> String {
    let said = ended.expect_code(4).err();
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

/// A flow that counts its starts, and asks between them.
fn asking(mark: &str, question: &str) -> String {
    format!(
        "kind = 'simple'\nname = 'up'\n\
         [params.release]\ntype = 'string'\n\
         [[steps]]\nname = 'first'\nexec = {{ command = 'echo {{{{ release }}}} >>/tmp/{mark}' }}\n\
         [[steps]]\nname = 'look'\napprove = {{ {question}, text = 'Is {{{{ release }}}} well?' }}\n\
         [[steps]]\nname = 'second'\nexec = {{ command = 'echo two >>/tmp/{mark}' }}\n"
    )
}

fn lines(host: &str, mark: &str) -> usize {
    let command = format!("cat /tmp/{mark} 2>/dev/null || true");
    hosts().sh(host, &command).lines().count()
}

/// Starts the flow and waits until it asks.
#[track_caller]
fn asks(shared: &Shared, who: &str, targets: &str) -> u64 {
    let words = [
        "flow",
        "start",
        "up",
        "-w",
        targets,
        "--set",
        "release=2.4",
        "--detach",
    ];
    let started = shared.run(who, &words).expect_success();
    let id = started.out().trim().parse().unwrap();
    wait_until("the question", PATIENCE, || {
        shared.show(LEE, id)["for"] == "approval"
    });
    id
}

#[test]
fn a_viewer_looks_and_starts_nothing_and_is_told_whom_to_ask() {
    let shared = Shared::with(&roles());
    let id = shared.detach(KIM, &[], "echo seen");
    wait_until("the end of the run", PATIENCE, || {
        !shared.show(VIC, id)["ended"].is_null()
    });
    let number = id.to_string();
    shared
        .run(VIC, &["runs", "output", &number])
        .expect_success();
    shared.run(VIC, &["hosts", "web01"]).expect_success();
    let said = refused(shared.command(VIC, OPS, "touch /tmp/not-by-vic"));
    assert!(
        said.contains(&format!(
            "{VIC} may not start a run: that takes the role operator, and {VIC} is viewer. \
             Ask anyone in @{LEADS}"
        )) || said.contains(&format!("Ask {KIM} or anyone in @{LEADS}")),
        "{said}"
    );
    for (word, more) in [
        ("note", &["hello"][..]),
        ("retry", &[]),
        ("take", &["--reason", "mine"]),
    ] {
        let said = refused(shared.steer(VIC, id, word, more));
        assert!(said.contains("takes the role operator"), "{word}: {said}");
    }
    let text = asking("none", "role = 'lead'");
    let said = refused(shared.apply(VIC, &text));
    assert!(said.contains("takes the role lead"), "{said}");
    assert_eq!(shared.acts().len(), 1, "only Kim's start");
    let refusals = shared.refusals();
    assert_eq!(refusals.len(), 5, "{refusals:#?}");
    assert!(refusals.iter().all(|(by, _)| by == VIC), "{refusals:#?}");
    assert!(refusals[0].1.starts_with("start: "), "{refusals:#?}");
    let status = shared.run(VIC, &["engine", "status", "--json"]);
    assert_eq!(status.expect_success().json()["role"], "viewer");
}

#[test]
fn an_operator_of_some_hosts_reaches_no_other_host() {
    let shared = Shared::with(&roles());
    shared.command(KIM, OPS, "true").expect_success();
    let start = |targets: &str| {
        let words = [&["run", "-w", targets], OPS, &["--", "true"]].concat();
        shared.run(KIM, &words)
    };
    for targets in ["web[01-02]", "web02"] {
        let said = refused(start(targets));
        assert!(
            said.contains(&format!(
                "{KIM} may not start a run on web02: {KIM} is operator on web01 only. \
                 Ask anyone in @{LEADS}"
            )),
            "{said}"
        );
    }
    // Nor by steering what somebody else started there.
    let mark = unique("role");
    let waits = format!("while [ ! -e /tmp/{mark} ]; do sleep 0.05; done");
    let words = [
        &["run", "-w", "web[01-02]", "--detach"],
        OPS,
        &["--", &waits],
    ]
    .concat();
    shared.run(LEE, &words).expect_success();
    for (word, more) in [
        ("pause", &[][..]),
        ("abort", &[]),
        ("take", &["--reason", "mine"]),
        ("note", &["mine"]),
    ] {
        let said = refused(shared.steer(KIM, 2, word, more));
        assert!(
            said.contains("run 2: ") && said.contains("on web02"),
            "{said}"
        );
    }
    // Nor by being given it.
    let said = refused(shared.steer(LEE, 2, "give", &["--to", KIM]));
    assert!(said.contains(KIM), "{said}");
    let said = refused(shared.steer(LEE, 2, "give", &["--to", VIC]));
    assert!(said.contains("is viewer"), "{said}");
    shared.steer(LEE, 2, "abort", &[]).expect_success();
    wait_until("the end of the run", PATIENCE, || {
        !shared.show(LEE, 2)["ended"].is_null()
    });
    // What it did in Kim's part alone is Kim's to steer.
    shared.command(LEE, OPS, "true").expect_success();
    shared.steer(KIM, 3, "note", &["seen"]).expect_success();
}

#[test]
fn a_lead_says_yes_and_who_started_it_does_not() {
    let shared = Shared::with(&roles());
    let mark = unique("role");
    let text = asking(&mark, "role = 'lead', not_starter = true");
    shared.apply(LEE, &text).expect_success();
    let id = asks(&shared, KIM, "web01");
    let said = refused(shared.steer(KIM, id, "approve", &[]));
    assert!(said.contains("takes the role lead"), "{said}");
    let shown = shared.show(KIM, id);
    let because = shown["because"].as_str().unwrap();
    assert!(because.contains("Is 2.4 well?"), "{because}");
    assert!(because.contains("a lead"), "{because}");
    assert_eq!(lines("web01", &mark), 1);
    shared
        .steer(LEE, id, "approve", &["--reason", "well"])
        .expect_success();
    wait_until("the end of the run", PATIENCE, || {
        shared.show(KIM, id)["state"] == "succeeded"
    });
    assert_eq!(lines("web01", &mark), 2);
    let shown = shared.show(KIM, id);
    let digest = shown["digest"].as_str().unwrap();
    assert_eq!(digest.len(), 64, "{shown:#}");
    assert_eq!(
        (&shown["flow"]["name"], &shown["flow"]["version"]),
        (&"up".into(), &1.into())
    );
    let timeline = shown["timeline"].to_string();
    assert!(timeline.contains(&digest[..12]), "{timeline}");
    let audit = shared.run(LEE, &["audit", "--json"]).expect_success();
    let approved = audit
        .json_lines()
        .into_iter()
        .find(|record| record["act"] == "approve");
    let approved = approved.unwrap();
    assert_eq!(approved["by"], LEE);
    assert!(
        approved["text"].as_str().unwrap().ends_with(digest),
        "{approved}"
    );

    let report = |format: &str| {
        let words = ["runs", "report", &id.to_string(), "--format", format];
        shared.run(VIC, &words).expect_success().out()
    };
    let text = report("md");
    for words in [
        "flow/up version 1",
        digest,
        "look asks",
        LEE,
        "`release` | `2.4`",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(report("html").contains("batches and steps over time"));
    let spans: serde_json::Value = serde_json::from_str(&report("json")).unwrap();
    let kinds: Vec<&str> = spans["spans"]
        .as_array()
        .unwrap()
        .iter()
        .map(|span| span["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["batch", "step", "question", "step"], "{spans:#}");

    // A lead is no exception to not_starter.
    let id = asks(&shared, LEE, "web02");
    let said = refused(shared.steer(LEE, id, "approve", &[]));
    assert!(said.contains(&format!("{LEE} started it")), "{said}");
    shared.steer("root", id, "approve", &[]).expect_success();
    let refusals = shared.refusals();
    let tried: Vec<(&str, bool)> = refusals
        .iter()
        .map(|(by, text)| (by.as_str(), text.starts_with("approve: ")))
        .collect();
    assert_eq!(tried, [(KIM, true), (LEE, true)], "{refusals:#?}");
    let verified = shared.run(LEE, &["audit", "verify", "--json"]);
    assert_eq!(verified.expect_success().json()["whole"], true);
}

#[test]
fn a_question_for_operators_is_answered_by_one_who_reaches_its_hosts() {
    let shared = Shared::with(&roles());
    let mark = unique("role");
    shared
        .apply(LEE, &asking(&mark, "role = 'operator'"))
        .expect_success();
    let id = asks(&shared, LEE, "web02");
    let said = refused(shared.steer(KIM, id, "approve", &[]));
    assert!(said.contains("on web01 only"), "{said}");
    shared
        .steer(LEE, id, "reject", &["--reason", "no"])
        .expect_success();
    let id = asks(&shared, LEE, "web01");
    refused(shared.steer(VIC, id, "approve", &[]));
    shared.steer(KIM, id, "approve", &[]).expect_success();
    wait_until("the end of the run", PATIENCE, || {
        shared.show(KIM, id)["state"] == "succeeded"
    });
}

#[test]
fn a_lead_takes_the_conn_from_whoever_follows_at_once() {
    let shared = Shared::with(&roles());
    let mark = unique("role");
    let waits = format!("echo begun; while [ ! -e /tmp/{mark} ]; do sleep 0.05; done");
    let words = [&["run", "-w", "web01"], OPS, &["--", &waits]].concat();
    let following = Running::spawn(as_user(KIM, &shared.program(), shared.words(&words)), None);
    following.wait_for_out("begun");
    shared.steer(LEE, 1, "take", &[]).expect_code(4);
    shared
        .steer(LEE, 1, "take", &["--reason", "an incident"])
        .expect_success();
    assert_eq!(shared.show(KIM, 1)["conn"], LEE);
    hosts().sh("web01", &format!("touch /tmp/{mark}"));
    following.wait(PATIENCE).expect_success();
}

#[test]
fn an_engine_without_roles_has_operators_and_changes_no_definition_for_them() {
    let shared = Shared::up();
    shared.command(KIM, OPS, "true").expect_success();
    let text = asking("none", "role = 'lead'");
    let said = refused(shared.apply(KIM, &text));
    assert!(
        said.contains(&format!(
            "that takes the role lead, and {KIM} is operator. Ask root or {ENGINE}"
        )),
        "{said}"
    );
    shared.apply("root", &text).expect_success();
    let plan = ["flow", "plan", "up", "-w", "web01", "--set", "release=1"];
    shared.run(KIM, &plan).expect_success();
    let own = shared.run(KIM, &[&plan[..], &["-F", "/dev/null"]].concat());
    assert!(own.expect_code(4).err().contains("(-F)"));
    let doctor = shared.run(KIM, &["doctor", "--json"]);
    assert!(
        doctor.out().contains("no [[roles]]: operators"),
        "{}",
        doctor.out()
    );
}

#[test]
fn who_is_let_in_and_has_no_role_sees_nothing() {
    let only = format!("[[roles]]\nrole = 'lead'\nusers = ['{LEE}']\nhosts = '@gone'\n");
    let shared = Shared::with(&only);
    for words in [
        &["runs"][..],
        &["engine", "status"],
        &["audit"],
        &["hosts", "web01"],
    ] {
        let said = refused(shared.run(KIM, words));
        assert!(
            said.contains(&format!("{KIM} has no role here. Ask {LEE}")),
            "{said}"
        );
    }
    // A role on hosts that nobody knows reaches none, and the doctor says so.
    let said = refused(shared.command(LEE, OPS, "true"));
    assert!(
        said.contains("@gone") && said.contains("nobody knows"),
        "{said}"
    );
    let doctor = shared.run(LEE, &["doctor", "--json"]);
    assert!(
        doctor.out().contains("lead on @gone reaches no host"),
        "{}",
        doctor.out()
    );
}

#[test]
fn a_mistake_in_the_roles_keeps_the_engine_from_starting_and_is_found_by_check() {
    let shared = Shared::laid_out();
    let file = shared.home.path().join("config/conn.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let lines = text.lines().count();
    std::fs::write(&file, text + "[[roles]]\nrole = 'boss'\nusers = 'kim'\n").unwrap();
    let place = format!("{}:{}:8: \"boss\" is not known", file.display(), lines + 2);
    let started = shared.run(ENGINE, &["engine", "run"]);
    assert!(started.err().contains(&place), "{}", started.err());
    let mut check = std::process::Command::new(Path::new(&shared.program()));
    check.args(["check", file.to_str().unwrap()]);
    let checked = Running::spawn(check, None).wait(PATIENCE).expect_code(2);
    assert!(checked.err().contains(&place), "{}", checked.err());
}

#[test]
fn a_role_that_does_not_reach_every_stage_starts_no_whole_and_says_no_yes_to_it() {
    let shared = Shared::with(&roles());
    let leaf = "kind = 'simple'\nname = 'leaf'\n\
        [[steps]]\nname = 'x'\nexec = { command = 'true' }\n";
    shared.apply(LEE, leaf).expect_success();
    let whole = "kind = 'multi'\nname = 'whole'\n\
        [[stages]]\nname = 'canary'\nflow = 'leaf'\ntargets = 'web01'\n\
        [[stages]]\nname = 'rest'\nneeds = ['canary']\nflow = 'leaf'\ntargets = 'web02'\n\
        approve = { role = 'lead' }\n";
    shared.apply(LEE, whole).expect_success();
    let start = |who: &str| shared.run(who, &["flow", "start", "whole", "--detach"]);
    let said = refused(start(KIM));
    assert!(
        said.contains("on web02") && said.contains("on web01 only"),
        "{said}"
    );
    let id: u64 = start(LEE).expect_success().out().trim().parse().unwrap();
    wait_until("the question", PATIENCE, || {
        shared.show(LEE, id)["for"] == "approval"
    });
    let said = refused(shared.steer(KIM, id, "approve", &[]));
    assert!(said.contains("takes the role lead"), "{said}");
    let said = refused(shared.steer(KIM, id, "abort", &[]));
    assert!(said.contains("on web02"), "{said}");
    // The part that works on Kim's host alone is Kim's to speak of.
    shared
        .steer(KIM, id + 1, "note", &["well"])
        .expect_success();
    shared.steer(LEE, id, "approve", &[]).expect_success();
    wait_until("the end of the run", PATIENCE, || {
        shared.show(LEE, id)["state"] == "succeeded"
    });
    let words = ["runs", "report", &id.to_string()];
    let report = shared.run(VIC, &words).expect_success().out();
    for words in ["stage canary", "rest asks", "flow/whole version 1"] {
        assert!(report.contains(words), "{words}: {report}");
    }
}

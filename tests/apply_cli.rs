//! `conn apply`, `diff`, `export`, `list`, `show` and `edit`: the real program, its real engine, and
//! no host at all.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::{Path, PathBuf};

use serde_json::json;
use support::desk::{Desk, leaf, over};
use support::{PATIENCE, wait_until};

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn what_is_applied_is_listed_shown_exported_and_the_same_again() {
    let desk = Desk::new();
    desk.write("flows/leaf.toml", &leaf("Leaf", "one"));
    desk.write("flows/top.toml", &over("Top", "Leaf"));
    desk.write("conn.toml", "");
    let applied = desk.apply(&["--json"]).expect_success().json();
    assert_eq!(
        (&applied["ok"], &applied["dry_run"]),
        (&json!(true), &json!(false))
    );
    let change = &applied["changes"][0];
    assert_eq!(change["name"], "Leaf");
    assert_eq!(
        (&change["change"], &change["version"]),
        (&json!("added"), &json!(1))
    );
    let out = desk.apply(&[]).expect_success().out();
    assert_eq!(out, "0 changed, 2 as they were\n");
    assert_eq!(desk.list(), [("Leaf".to_owned(), 1), ("Top".to_owned(), 1)]);
    assert_eq!(desk.text("flow/Leaf"), leaf("Leaf", "one"));

    desk.write("flows/leaf.toml", &leaf("Leaf", "two"));
    let out = desk.apply(&[]).expect_success().out();
    assert!(out.starts_with("changed   flow    Leaf "), "{out}");
    assert!(
        out.ends_with("flows/leaf.toml\n1 changed, 1 as they were\n"),
        "{out}"
    );
    let shown = desk.run(&["show", "flow/Leaf", "--version", "1", "--json"]);
    let shown = shown.expect_success().json();
    assert_eq!(shown["text"], leaf("Leaf", "one"));
    assert_eq!(
        (&shown["version"], &shown["current"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(shown["versions"].as_array().unwrap().len(), 2);

    // A file that holds a definition already is its file; one that says something else stays.
    let site = desk.site.to_str().unwrap();
    std::fs::remove_file(desk.site.join("flows/top.toml")).unwrap();
    let out = desk.run(&["export", site]).expect_success().out();
    assert!(
        out.ends_with("flows/Top.toml\n1 written, 1 as they were\n"),
        "{out}"
    );
    assert_eq!(read(&desk.site.join("flows/Top.toml")), over("Top", "Leaf"));
    desk.write("flows/leaf.toml", &leaf("Leaf", "mine"));
    std::fs::remove_file(desk.site.join("flows/Top.toml")).unwrap();
    let refused = desk.run(&["export", site]).expect_code(2).err();
    assert!(
        refused.contains("flows/leaf.toml differs from the stored flow Leaf"),
        "{refused}"
    );
    assert!(
        !desk.site.join("flows/Top.toml").exists(),
        "nothing is written"
    );
    desk.run(&["export", site, "--force"]).expect_success();
    assert_eq!(
        read(&desk.site.join("flows/leaf.toml")),
        leaf("Leaf", "two")
    );
    desk.run(&["diff", site]).expect_success();
    let fresh = desk.site.join("../fresh");
    desk.run(&["export", fresh.to_str().unwrap()])
        .expect_success();
    assert_eq!(read(&fresh.join("flows/Leaf.toml")), leaf("Leaf", "two"));
    assert_eq!(desk.audit().len(), 3);
}

#[test]
fn a_mistake_anywhere_changes_nothing_and_has_its_place() {
    let desk = Desk::new();
    desk.write("flows/leaf.toml", &leaf("Leaf", "one"));
    desk.write("flows/top.toml", &over("Top", "Laef"));
    let refused = desk.apply(&[]).expect_code(2);
    let err = refused.err();
    assert!(
        err.contains("flows/top.toml:6:8: there is no flow \"Laef\"; did you mean \"Leaf\"?"),
        "{err}"
    );
    assert!(err.contains("\n6 | flow = \"Laef\"\n"), "{err}");
    assert!(
        err.ends_with("conn: 1 mistake; nothing was changed\n"),
        "{err}"
    );
    assert_eq!(refused.out(), "");
    desk.write(
        "flows/top.toml",
        "kind = \"multi\"\nname = 1\nstages = []\n",
    );
    let told = desk.apply(&["--json"]).expect_code(2).json();
    assert_eq!((&told["ok"], &told["changes"]), (&json!(false), &json!([])));
    let lines = told["complaints"].as_array().unwrap().iter();
    assert!(
        lines.into_iter().any(|complaint| complaint["line"] == 2),
        "{told}"
    );
    assert_eq!(desk.list(), []);
    assert_eq!(desk.audit(), [] as [String; 0]);
}

#[test]
fn one_file_may_refer_to_what_is_stored_and_what_is_referred_to_cannot_be_pruned() {
    let desk = Desk::new();
    let file = desk.write("flows/leaf.toml", &leaf("Leaf", "one"));
    desk.apply(&[]).expect_success();
    let top = desk.write("top.toml", &over("Top", "Leaf"));
    desk.run(&["apply", top.to_str().unwrap()]).expect_success();
    std::fs::remove_file(file).unwrap();
    let err = desk.apply(&["--prune"]).expect_code(2).err();
    assert!(
        err.contains("top.toml:6:8: there is no flow \"Leaf\""),
        "{err}"
    );
    let err = desk
        .run(&["apply", top.to_str().unwrap(), "--prune"])
        .expect_code(2)
        .err();
    assert!(
        err.contains("--prune removes what is not in a directory"),
        "{err}"
    );
    desk.write("top.toml", &leaf("Other", "x"));
    let dry = desk.apply(&["--prune", "--dry-run"]).expect_success().out();
    assert!(dry.contains("added     flow    Other"), "{dry}");
    assert!(dry.contains("removed   flow    Leaf"), "{dry}");
    assert!(
        dry.ends_with("3 would change; nothing was, 0 as they were\n"),
        "{dry}"
    );
    assert_eq!(desk.list(), [("Leaf".to_owned(), 1), ("Top".to_owned(), 1)]);
    desk.apply(&["--prune"]).expect_success();
    assert_eq!(desk.list(), [("Other".to_owned(), 1)]);
    let gone = desk.run(&["show", "flow/Leaf"]).expect_code(2).err();
    assert!(gone.contains("conn show flow/Leaf --version 1"), "{gone}");
    let old = desk
        .run(&["show", "flow/Leaf", "--version", "1"])
        .expect_success();
    assert_eq!(old.out(), leaf("Leaf", "one"));
    // Actions are no part of a directory of flows.
    desk.write("actions/all.toml", "kind = \"fanout\"\nname = \"All\"\n[[actions]]\nname = \"a\"\nflow = \"Other\"\ntargets = \"@web\"\n");
    desk.apply(&[]).expect_success();
    desk.write("flows/other.toml", &leaf("Other", "x"));
    let flows = desk.site.join("flows");
    desk.run(&["apply", flows.to_str().unwrap(), "--prune"])
        .expect_success();
    let actions = desk
        .run(&["list", "action", "--json"])
        .expect_success()
        .json();
    assert_eq!(actions[0]["name"], "All");
}

#[test]
fn the_difference_is_from_what_is_stored_to_what_would_be() {
    let desk = Desk::new();
    desk.write("flows/leaf.toml", &leaf("Leaf", "one"));
    let extra = desk.write("flows/extra.toml", &leaf("Extra", "x"));
    desk.apply(&[]).expect_success();
    let site = desk.site.to_str().unwrap();
    assert_eq!(desk.run(&["diff", site]).expect_success().out(), "");
    std::fs::remove_file(extra).unwrap();
    let changed = desk.write("flows/leaf.toml", &leaf("Leaf", "two"));
    let new = desk.write("flows/new.toml", &leaf("New", "x"));
    let out = desk.run(&["diff", site]).expect_code(1).out();
    let expected = format!(
        "--- flow/Leaf version 1\n+++ {}\n@@ -4,4 +4,4 @@\n \n [[steps]]\n name = \"x\"\n-exec = {{ command = \"one\" }}\n+exec = {{ command = \"two\" }}\n",
        changed.display()
    );
    assert!(out.contains(&expected), "{out}");
    assert!(
        out.contains(&format!("--- /dev/null\n+++ {}\n", new.display())),
        "{out}"
    );
    assert!(
        out.contains("--- flow/Extra version 1\n+++ /dev/null\n"),
        "{out}"
    );
    let told = desk
        .run(&["diff", "--json", new.to_str().unwrap()])
        .expect_code(1)
        .json();
    assert_eq!(told["differs"], true);
    assert_eq!(told["definitions"].as_array().unwrap().len(), 1);
    assert_eq!(told["definitions"][0]["change"], "added");
    desk.write("flows/new.toml", "kind");
    desk.run(&["diff", site]).expect_code(2);
}

#[test]
fn an_edit_is_checked_then_shown_then_saved() {
    let mut desk = Desk::new();
    desk.write("flows/leaf.toml", &leaf("Leaf", "one"));
    desk.apply(&[]).expect_success();
    // Wrong at first, right the second time; nobody else may read the file.
    desk.editor("stat -c %a \"$1\" >>mode\nif [ -e once ]; then sed -i s/twoo/two/ \"$1\"; sed -i s/nmae/name/ \"$1\"; else sed -i -e s/one/twoo/ -e s/name/nmae/ \"$1\"; touch once; fi");
    let edited = desk.edit("flow/Leaf", "y\ny\n").expect_success();
    let (out, err) = (edited.out(), edited.err());
    assert!(err.contains("flow/Leaf:3:1: "), "{err}");
    assert!(err.contains("edit again? [y]es, [n]o: "), "{err}");
    assert!(err.contains("save version 2? "), "{err}");
    assert!(
        out.contains("-exec = { command = \"one\" }\n+exec = { command = \"two\" }\n"),
        "{out}"
    );
    assert!(out.ends_with("flow Leaf is version 2\n"), "{out}");
    assert_eq!(desk.text("flow/Leaf"), leaf("Leaf", "two"));
    assert_eq!(read(&desk.site.join("../mode")), "600\n600\n");

    desk.editor("true");
    let out = desk.edit("flow/Leaf", "").expect_success().out();
    assert_eq!(out, "the text is as it was; nothing was changed\n");
    desk.editor("exit 3");
    desk.edit("flow/Leaf", "").expect_code(2);
    assert_eq!(desk.list(), [("Leaf".to_owned(), 2)]);
}

/// The file that an edit which was not saved left.
fn kept(err: &str) -> PathBuf {
    let (_, path) = err.rsplit_once("your text is in ").expect(err);
    PathBuf::from(path.lines().next().unwrap())
}

#[test]
fn an_edit_that_ends_in_an_error_is_kept_too() {
    let mut desk = Desk::new();
    desk.write("flows/leaf.toml", &leaf("Leaf", "one"));
    desk.apply(&[]).expect_success();
    let change = "sed -i s/one/two/ \"$1\"";
    let stop = format!(
        "{} --home {} engine stop\ntouch \"$1\"",
        desk.conn.program().display(),
        desk.conn.home().display()
    );
    let cases = [
        (format!("{change}\n{stop}"), "", 3, two().into_bytes()),
        // What was written, and then left as with :cq in vi.
        (
            format!("[ ! -e again ] || exit 1\n{change}\ntouch again"),
            "e\n",
            2,
            two().into_bytes(),
        ),
        ("printf '\\377' >\"$1\"".to_owned(), "", 2, vec![0xff]),
    ];
    for (editor, answers, code, text) in cases {
        desk.editor(&editor);
        let err = desk.edit("flow/Leaf", answers).expect_code(code).err();
        assert_eq!(std::fs::read(kept(&err)).unwrap(), text, "{err}");
        std::fs::remove_file(kept(&err)).unwrap();
    }
    desk.editor("exit 1");
    let err = desk.edit("flow/Leaf", "").expect_code(2).err();
    assert!(
        !err.contains("your text is in"),
        "nothing was written: {err}"
    );
    assert_eq!(desk.list(), [("Leaf".to_owned(), 1)]);
}

fn two() -> String {
    leaf("Leaf", "two")
}

#[test]
fn an_edit_that_is_not_saved_is_kept_and_changes_nothing() {
    let mut desk = Desk::new();
    desk.write("flows/leaf.toml", &leaf("Leaf", "one"));
    desk.apply(&[]).expect_success();
    desk.editor("sed -i s/one/two/ \"$1\"");
    for answers in ["n\n", "what\n\nno\n", ""] {
        let err = desk.edit("flow/Leaf", answers).expect_success().err();
        let path = kept(&err);
        assert_eq!(read(&path), leaf("Leaf", "two"));
        std::fs::remove_file(path).unwrap();
    }
    desk.editor("sed -i s/Leaf/Tree/ \"$1\"");
    let err = desk.edit("flow/Leaf", "n\n").expect_code(2).err();
    assert!(
        err.contains("this is the flow \"Tree\" now, and it was the flow \"Leaf\""),
        "{err}"
    );
    std::fs::remove_file(kept(&err)).unwrap();
    // Somebody else was faster.
    let theirs = desk.write("theirs.toml", &leaf("Leaf", "theirs"));
    desk.editor(&format!(
        "{} --home {} apply {}\nsed -i s/one/mine/ \"$1\"",
        desk.conn.program().display(),
        desk.conn.home().display(),
        theirs.display()
    ));
    let err = desk.edit("flow/Leaf", "n\n").expect_code(2).err();
    assert!(err.contains("made version 2 of flow Leaf at "), "{err}");
    assert!(err.contains("and this was made from version 1"), "{err}");
    assert_eq!(read(&kept(&err)), leaf("Leaf", "mine"));
    std::fs::remove_file(kept(&err)).unwrap();
    assert_eq!(desk.text("flow/Leaf"), leaf("Leaf", "theirs"));
}

#[test]
fn names_and_kinds_that_are_not_there_are_said_plainly() {
    let desk = Desk::new();
    let err = |args: &[&str]| desk.run(args).expect_code(2).err();
    let link = err(&["list", "link"]);
    assert_eq!(
        link,
        "conn: this version has no definitions of the kind link yet: KIND is flow or action\n"
    );
    assert!(err(&["show", "flwo/X"]).contains("there is no kind \"flwo\" of definitions"));
    assert!(err(&["show", "X"]).contains("\"X\" is not KIND/NAME, as in flow/X"));
    assert!(
        desk.conn.engine().is_none(),
        "no engine is needed to say that"
    );
    assert!(
        err(&["show", "flow/X"])
            .contains("there is no flow \"X\"; see what there is: conn list flow")
    );
    assert!(err(&["show", "flow/../../x"]).contains("there is no flow"));
    assert!(err(&["edit", "job/x"]).contains("of the kind job yet"));
    desk.write("flows/leaf.toml", &leaf("Leaf", "one"));
    desk.apply(&[]).expect_success();
    assert!(err(&["show", "flow/Laef"]).contains("did you mean \"Leaf\"?"));
    assert!(err(&["show", "flow/Leaf", "--version", "2"]).contains("its versions are 1 to 1"));
    assert!(err(&["export"]).contains("<DIR>"));
}

#[test]
fn a_list_of_runs_that_is_empty_says_why() {
    let desk = Desk::new();
    let out = |args: &[&str]| desk.run(args).expect_success().out();
    assert!(out(&["runs"]).contains("conn run -w HOSTS"));
    let none = "no run is like that. See all: conn runs\n";
    assert_eq!(out(&["runs", "--state", "failed"]), none);
    assert_eq!(out(&["runs", "--since", "1h"]), none);
    desk.run(&["runs", "--state", "broken"]).expect_code(2);
}

#[test]
fn of_two_who_apply_at_once_neither_loses_the_others_change() {
    const ROUNDS: usize = 8;
    let desk = Desk::new();
    desk.run(&["engine", "start"]).expect_success();
    let work = |who: &str| {
        for round in 1..=ROUNDS {
            let own = desk.write(&format!("{who}/own.toml"), &leaf(who, &round.to_string()));
            let both = format!("{who} {round}");
            let both = desk.write(&format!("{who}/both.toml"), &leaf("Both", &both));
            let (own, both) = (own.to_str().unwrap(), both.to_str().unwrap());
            let applied = desk
                .run(&["apply", own, both, "--json"])
                .expect_success()
                .json();
            assert_eq!(applied["changes"][0]["version"], round);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| work("kim"));
        scope.spawn(|| work("lee"));
    });
    let rounds = ROUNDS as u64;
    assert_eq!(
        desk.list(),
        [
            ("Both".to_owned(), 2 * rounds),
            ("kim".to_owned(), rounds),
            ("lee".to_owned(), rounds)
        ]
    );
    let both = desk
        .run(&["show", "flow/Both", "--json"])
        .expect_success()
        .json();
    assert_eq!(both["versions"].as_array().unwrap().len(), 2 * ROUNDS);
    assert_eq!(desk.audit().len(), 4 * ROUNDS);
}

/// Definitions in one change.
const TEXTS: usize = 24;

#[test]
fn an_engine_that_is_killed_while_it_applies_keeps_what_it_acknowledged_and_halves_nothing() {
    let rounds = if support::full() { 60 } else { 8 };
    let desk = Desk::new();
    // Texts so long that the store makes a file of each, one after the other.
    let names: Vec<String> = (0..TEXTS)
        .map(|number| format!("Flow{number:02}"))
        .collect();
    let pad = "# pad\n".repeat(800);
    let mut acknowledged = 0;
    let mut turn = 0;
    for round in 0..rounds {
        desk.run(&["engine", "start"]).expect_success();
        let before = blobs(&desk.conn.home());
        let stop = std::sync::atomic::AtomicBool::new(false);
        let last = std::thread::scope(|scope| {
            let applier = scope.spawn(|| {
                let mut last = (turn, acknowledged);
                while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                    last.0 += 1;
                    for name in &names {
                        let text = leaf(name, &last.0.to_string()) + &pad;
                        desk.write(&format!("flows/{name}.toml"), &text);
                    }
                    let site = desk.site.to_str().unwrap();
                    let ended = desk.run(&["apply", site, "--no-start", "-q"]);
                    if ended.code() == Some(0) {
                        last.1 = last.0;
                    }
                }
                last
            });
            // Another moment each time: in the middle of a change, this one or one of the next.
            let wanted = before + 1 + round * 17 % (3 * TEXTS);
            wait_until("some texts of a change", PATIENCE, || {
                blobs(&desk.conn.home()) >= wanted
            });
            desk.conn.kill_engine();
            stop.store(true, std::sync::atomic::Ordering::SeqCst);
            applier.join().unwrap()
        });
        (turn, acknowledged) = last;
        let listed = desk.list();
        if acknowledged == 0 && listed.is_empty() {
            continue;
        }
        let texts: Vec<String> = names
            .iter()
            .map(|name| desk.text(&format!("flow/{name}")))
            .collect();
        let said = |text: &str| -> usize {
            let (_, rest) = text.split_once("command = \"").unwrap();
            rest.split_once('"').unwrap().0.parse().unwrap()
        };
        let stored = said(&texts[0]);
        assert!(
            stored >= acknowledged,
            "round {round}: {stored} of {acknowledged}"
        );
        assert!(
            texts.iter().all(|text| said(text) == stored),
            "round {round}: halved"
        );
        let versions: Vec<u64> = listed.iter().map(|(_, version)| *version).collect();
        assert!(
            versions.iter().all(|version| *version == versions[0]),
            "{versions:?}"
        );
        desk.audit();
    }
    assert!(acknowledged > 0, "no apply came to its end");
}

/// Texts that the store has files of.
fn blobs(home: &Path) -> usize {
    let count = |dir: PathBuf| -> usize {
        let shards = std::fs::read_dir(dir).into_iter().flatten().flatten();
        let files =
            |shard: std::fs::DirEntry| std::fs::read_dir(shard.path()).into_iter().flatten();
        shards.flat_map(files).count()
    };
    count(home.join("state/store/blobs"))
}

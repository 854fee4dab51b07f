//! Definitions over a store in memory.

use std::sync::Arc;

use super::*;
use crate::engine::audit::AuditRecord;
use crate::run::ids::At;
use crate::run::roles::{Authority, Covers, Grant, Member, Role};
use crate::store::Stream;
use crate::store::sim::{SimStore, Syncing};
use crate::wire::definitions::{Applied, Apply, Changed, GivenFile};

fn leaf(name: &str, command: &str) -> String {
    format!(
        "kind = 'simple'\nname = '{name}'\n[[steps]]\nname = 'x'\nexec = {{ command = '{command}' }}\n"
    )
}

fn over(name: &str, flow: &str) -> String {
    format!(
        "kind = 'multi'\nname = '{name}'\n[[stages]]\nname = 'a'\nflow = '{flow}'\ntargets = 'web1'\n"
    )
}

fn files(texts: &[String]) -> Apply {
    let file = |(number, text): (usize, &String)| GivenFile {
        path: format!("{number}.toml"),
        text: text.clone(),
        base: None,
    };
    Apply {
        files: texts.iter().enumerate().map(file).collect(),
        ..Apply::default()
    }
}

fn by(who: &str) -> Authority {
    Authority::everything(who)
}

fn put(store: &dyn Store, wanted: &Apply) -> Applied {
    apply(store, &Appliers::default(), wanted, &by("kim"), At(5))
        .unwrap()
        .0
}

fn done(applied: &Applied) -> Vec<(&str, Changed, u32)> {
    assert_eq!(applied.complaints, []);
    let changes = applied.changes.iter();
    changes
        .map(|change| (change.name.as_str(), change.what, change.version))
        .collect()
}

fn told(applied: &Applied) -> Vec<String> {
    assert_eq!(applied.changes, []);
    let complaints = applied.complaints.iter();
    complaints
        .map(|told| format!("{}: {}", told.file, told.message))
        .collect()
}

fn names(store: &dyn Store) -> Vec<(String, u32)> {
    let all = all(store, Kind::Flow).unwrap().into_iter();
    all.map(|stored| (stored.definition.name, stored.version))
        .collect()
}

fn audit(store: &dyn Store) -> Vec<AuditRecord> {
    let records = store.read(Stream::Audit, 0, 1000).unwrap();
    let decoded = records
        .iter()
        .map(|record| rmp_serde::from_slice(&record.payload).unwrap());
    decoded.collect()
}

#[test]
fn every_version_that_ever_was_can_be_read_back() {
    let store = SimStore::new(Syncing::Automatic);
    let store: &dyn Store = &*store;
    let (one, two) = (leaf("A", "one"), leaf("A", "two"));
    let apply = |text: &String| done_owned(&put(store, &files(std::slice::from_ref(text))));
    assert_eq!(apply(&one), [("A".to_owned(), Changed::Added, 1)]);
    assert_eq!(apply(&one), [("A".to_owned(), Changed::Unchanged, 1)]);
    assert_eq!(apply(&two), [("A".to_owned(), Changed::Changed, 2)]);
    let prune = Apply {
        prune: vec![Kind::Flow],
        ..Apply::default()
    };
    assert_eq!(done(&put(store, &prune)), [("A", Changed::Removed, 2)]);
    assert!(current(store, Kind::Flow, "A").unwrap().is_none());
    assert_eq!(names(store), []);
    assert_eq!(apply(&one), [("A".to_owned(), Changed::Added, 3)]);
    for (number, text) in [(1, &one), (2, &two), (3, &one)] {
        let stored = version(store, Kind::Flow, "A", number).unwrap().unwrap();
        assert_eq!((&stored.text, stored.version), (text, number));
    }
    assert!(version(store, Kind::Flow, "A", 4).unwrap().is_none());
    assert!(version(store, Kind::Action, "A", 1).unwrap().is_none());
    assert_eq!(current(store, Kind::Flow, "A").unwrap().unwrap().version, 3);
    let records = audit(store);
    let acts: Vec<&str> = records.iter().map(|record| record.act.as_str()).collect();
    assert_eq!(acts, ["apply", "apply", "remove", "apply"]);
    let digest = crate::store::Digest::of(two.as_bytes());
    assert_eq!(
        records[1].text,
        format!("flow/A is version 2, sha256 {digest}")
    );
}

fn done_owned(applied: &Applied) -> Vec<(String, Changed, u32)> {
    let owned = |(name, what, version): (&str, Changed, u32)| (name.to_owned(), what, version);
    done(applied).into_iter().map(owned).collect()
}

#[test]
fn new_texts_are_checked_beside_what_is_stored_and_refused_as_a_whole() {
    let store = SimStore::new(Syncing::Automatic);
    let store: &dyn Store = &*store;
    let refused = put(store, &files(&[leaf("B", "x"), over("Top", "A")]));
    assert_eq!(told(&refused), ["1.toml: there is no flow \"A\""]);
    assert_eq!(names(store), []);
    put(store, &files(&[leaf("A", "x")]));
    let held = put(store, &files(&[over("Top", "A")]));
    assert_eq!(done(&held), [("Top", Changed::Added, 1)]);
    // What something stored refers to stays.
    let without = Apply {
        prune: vec![Kind::Flow],
        ..files(&[over("Top", "A")])
    };
    assert_eq!(
        told(&put(store, &without)),
        ["0.toml: there is no flow \"A\""]
    );
    let asks = leaf("A", "x {{ v }}").replace("[[", "params.v = { type = 'string' }\n[[");
    assert_eq!(
        told(&put(store, &files(&[asks, leaf("C", "x")]))),
        ["flow/Top, version 1: the parameter \"v\" is not given"]
    );
    let bad = "kind = 'simple'\n".to_owned();
    assert!(told(&put(store, &files(&[leaf("C", "x"), bad]))).len() >= 2);
    let twice = put(store, &files(&[leaf("C", "x"), leaf("C", "y")]));
    assert_eq!(
        told(&twice),
        ["1.toml: there is another flow \"C\" in 0.toml"]
    );
    let large = "#".repeat((1 << 20) + 1);
    assert!(told(&put(store, &files(&[large])))[0].contains("larger than 1 MiB"));
    assert_eq!(names(store), [("A".to_owned(), 1), ("Top".to_owned(), 1)]);
    assert_eq!(audit(store).len(), 2);
    assert!(book(store).unwrap().get(Kind::Flow, "Top").is_some());
}

#[test]
fn a_dry_run_says_the_same_and_changes_nothing() {
    let store = SimStore::new(Syncing::Automatic);
    let store: &dyn Store = &*store;
    put(store, &files(&[leaf("A", "x"), leaf("B", "x")]));
    let dry = Apply {
        prune: vec![Kind::Flow],
        dry_run: true,
        ..files(&[leaf("A", "y"), leaf("C", "y")])
    };
    let real = Apply {
        dry_run: false,
        ..dry.clone()
    };
    let said = put(store, &dry);
    assert_eq!(names(store), [("A".to_owned(), 1), ("B".to_owned(), 1)]);
    assert_eq!(said, put(store, &real));
    assert_eq!(
        done(&said),
        [
            ("A", Changed::Changed, 2),
            ("C", Changed::Added, 1),
            ("B", Changed::Removed, 1)
        ]
    );
    assert_eq!(names(store), [("A".to_owned(), 2), ("C".to_owned(), 1)]);
}

#[test]
fn what_was_made_from_an_older_version_is_refused_with_the_name_of_who_made_the_newer() {
    let store = SimStore::new(Syncing::Automatic);
    let store: &dyn Store = &*store;
    put(store, &files(&[leaf("A", "1")]));
    put(store, &files(&[leaf("A", "2")]));
    let mut edit = files(&[leaf("A", "3")]);
    edit.files[0].base = Some(1);
    assert_eq!(
        told(&put(store, &edit)),
        [
            "0.toml: kim made version 2 of flow A at 1970-01-01T00:00:00.005Z, and this was made from version 1"
        ]
    );
    edit.files[0].base = Some(2);
    assert_eq!(done(&put(store, &edit)), [("A", Changed::Changed, 3)]);
    edit.files[0].text = leaf("B", "3");
    assert_eq!(
        told(&put(store, &edit)),
        ["0.toml: there is no flow B to be changed"]
    );
}

#[test]
fn after_a_crash_at_any_moment_a_change_is_there_as_a_whole_with_its_records_or_not_at_all() {
    let begin = |syncing| {
        let store = SimStore::new(syncing);
        put(&*store, &files(&[leaf("A", "1"), leaf("B", "1")]));
        store.sync();
        store
    };
    let change = Apply {
        prune: vec![Kind::Flow],
        ..files(&[leaf("A", "2"), leaf("C", "2")])
    };
    let whole = begin(Syncing::Automatic);
    let before = whole.durability().borrow().lsn;
    put(&*whole, &change);
    let after = whole.durability().borrow().lsn;
    assert!(after >= before + 8, "there are moments in between");
    let (mut old, mut new) = (0, 0);
    for lsn in before..=after {
        let store = begin(Syncing::Manual);
        let (_, acknowledged) =
            apply(&*store, &Appliers::default(), &change, &by("kim"), At(6)).unwrap();
        store.sync_to(lsn);
        let store: Arc<SimStore> = store.crash();
        let there = names(&*store);
        let records = audit(&*store).len();
        if there == [("A".to_owned(), 1), ("B".to_owned(), 1)] {
            old += 1;
            assert!(lsn < acknowledged, "an acknowledged change is lost");
        } else {
            new += 1;
            assert_eq!(there, [("A".to_owned(), 2), ("C".to_owned(), 1)]);
            assert_eq!(records, 5, "the change is there before its records");
        }
        // Whoever comes next finds the numbers as they should be, and mends the keys.
        put(&*store, &files(&[leaf("A", "3"), leaf("B", "3")]));
        put(&*store, &files(&[leaf("D", "3")]));
        let read = |name: &str| version(&*store, Kind::Flow, name, 1).unwrap().unwrap();
        assert_eq!(read("A").text, leaf("A", "1"));
        assert_eq!(read("B").text, leaf("B", "1"));
        let numbers = look(&*store, |shelf| shelf.versions(Kind::Flow, "A"))
            .unwrap()
            .0;
        let numbers: Vec<u32> = numbers.iter().map(|line| line.version).collect();
        let count = if there[0].1 == 1 { 2 } else { 3 };
        assert_eq!(numbers, (1..=count).collect::<Vec<u32>>());
    }
    assert!(old > 0 && new > 0);
}

#[test]
fn of_two_who_change_definitions_at_once_neither_loses_the_others_change() {
    const EACH: usize = 40;
    let store = SimStore::new(Syncing::Automatic);
    let appliers = Appliers::default();
    put(&*store, &files(&[leaf("Both", "0")]));
    let work = |who: &str| {
        for turn in 1..=EACH {
            let own = leaf(who, &turn.to_string());
            let both = leaf("Both", &format!("{who} {turn}"));
            let wanted = files(&[own, both]);
            let (applied, _) = apply(&*store, &appliers, &wanted, &by(who), At(7)).unwrap();
            assert_eq!(done(&applied)[0].2, u32::try_from(turn).unwrap());
            // Whole whenever it is looked at: each of us wrote Both in the change of our own.
            let (both, own) = look(&*store, |shelf| {
                Ok((
                    shelf.current(Kind::Flow, "Both")?.unwrap(),
                    [
                        shelf.current(Kind::Flow, "Kim")?,
                        shelf.current(Kind::Flow, "Lee")?,
                    ],
                ))
            })
            .unwrap()
            .0;
            let sum: u32 = own.iter().flatten().map(|stored| stored.version).sum();
            assert_eq!(both.version, sum + 1);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| work("Kim"));
        scope.spawn(|| work("Lee"));
    });
    let all = u32::try_from(2 * EACH + 1).unwrap();
    let names = names(&*store);
    assert_eq!(names[0], ("Both".to_owned(), all));
    for number in 1..=all {
        assert!(
            version(&*store, Kind::Flow, "Both", number)
                .unwrap()
                .is_some()
        );
    }
    assert_eq!(audit(&*store).len(), 4 * EACH + 1);
}

#[test]
fn a_store_that_takes_nothing_is_told_of_and_nothing_is_changed() {
    let store = SimStore::new(Syncing::Automatic);
    put(&*store, &files(&[leaf("A", "1")]));
    store.set_busy(true);
    let wanted = files(&[leaf("A", "2")]);
    let refused = apply(&*store, &Appliers::default(), &wanted, &by("kim"), At(6)).unwrap_err();
    assert!(matches!(refused, DefinitionError::Store(_)), "{refused}");
    store.set_busy(false);
    assert_eq!(names(&*store), [("A".to_owned(), 1)]);
}

#[test]
fn a_change_that_holds_one_definition_too_many_for_a_role_changes_none() {
    let store = SimStore::new(Syncing::Automatic);
    let lead = Grant {
        definitions: Some(vec![Covers("hbase*".to_owned())]),
        ..Grant::whole(Role::Lead, vec![Member::User("lee".to_owned())])
    };
    let lee = Authority::of("lee", [lead].into(), |_| true, &"root".into());
    let apply = |wanted: &Apply| apply(&*store, &Appliers::default(), wanted, &lee, At(5));
    let one = leaf("hbase-up", "true");
    let refused = apply(&files(&[one.clone(), leaf("web", "true")])).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "lee may not change definitions: lee is lead for hbase*, and not for flow/web. Ask root"
    );
    assert!(all(&*store, Kind::Flow).unwrap().is_empty());
    apply(&files(&[one])).unwrap();
    put(&*store, &files(&[leaf("web", "true")]));
    let prune = Apply {
        prune: vec![Kind::Flow],
        ..Apply::default()
    };
    assert!(matches!(apply(&prune), Err(DefinitionError::Denied(_))));
    assert_eq!(all(&*store, Kind::Flow).unwrap().len(), 2);
}

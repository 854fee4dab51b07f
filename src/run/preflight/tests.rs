use proptest::prelude::*;

use super::*;
use crate::run::outcome::{Outcome, RefusedBy};

/// What busybox on a small board says, with its one file system nearly full.
const BUSYBOX: &str = "[clock]\n1700000000\n[user]\nroot\n[disk]\n\
    Filesystem           1024-blocks    Used Available Capacity Mounted on\n\
    /dev/root              100000     97000      3000  97% /\n\
    /dev/root              100000     97000      3000  97% /\n\
    tmpfs                  50000      100        49900   1% /tmp\n\
    [inodes]\n[mounts]\n/dev/root / ext4 rw,relatime 0 0\n/dev/sdb /data ext4 ro,noatime 0 0\n\
    /dev/loop0 /snap squashfs ro 0 0\n[sudo]\nno\n[end]\n";

fn facts(text: &str, at_ms: i64) -> Facts {
    Facts::read([Piece {
        at_ms,
        bytes: text.as_bytes(),
    }])
}

fn judged(outcome: &Outcome, detail: Option<&str>, facts: &Facts) -> Vec<String> {
    let checked = Checked {
        outcome: Some(outcome),
        detail,
        step: FACTS_STEP,
        facts,
    };
    judge(checked)
        .into_iter()
        .map(|finding| {
            format!(
                "{} {}: {}",
                finding.level.word(),
                finding.what,
                finding.found
            )
        })
        .collect()
}

#[test]
fn a_busybox_host_is_read_and_judged_worst_first() {
    let facts = facts(BUSYBOX, 1_700_000_000_700);
    assert_eq!(facts.user.as_deref(), Some("root"));
    assert_eq!(facts.disks.len(), 2);
    assert_eq!(facts.disks[0].free, 3000);
    assert_eq!(facts.read_only, ["/data"]);
    assert!(facts.complete);
    assert_eq!(
        judged(&Outcome::Ok, None, &facts),
        [
            "bad disk: / is 95% full or more",
            "warn read-only: /data is mounted read-only",
            "note inodes: unknown: df said nothing of use",
            "note run-as: no root by sudo -n",
            "ok auth: ok",
            "ok clock: ok",
            "ok host key: ok",
            "ok reach: ok",
        ]
    );
}

#[test]
fn a_clock_is_judged_by_when_its_line_arrived() {
    let text = "[clock]\n1700000420\n[end]\n";
    let skew = facts(text, 1_700_000_000_500).clock_skew_s;
    assert_eq!(skew, Some(420.0));
    let words = judged(&Outcome::Ok, None, &facts(text, 1_700_000_000_500));
    assert!(
        words.contains(&"warn clock: 7 min ahead".to_owned()),
        "{words:?}"
    );
    let late = judged(&Outcome::Ok, None, &facts(text, 1_700_000_422_000));
    assert!(late.contains(&"ok clock: ok".to_owned()), "{late:?}");
}

#[test]
fn what_was_not_reached_is_not_judged() {
    let none = Facts::default();
    assert_eq!(
        judged(&Outcome::Unreachable, Some("refused"), &none),
        ["bad reach: refused"]
    );
    assert_eq!(
        judged(&Outcome::Refused(RefusedBy::Auth), Some("no key"), &none),
        ["bad auth: no key", "ok host key: ok", "ok reach: ok"]
    );
}

#[test]
fn a_refused_run_as_is_told_in_the_hosts_words_and_once() {
    let mut facts = facts(BUSYBOX, 1_700_000_000_000);
    facts.run_as = Some(RunAsFact::new(
        "deploy",
        false,
        b"\nsudo: a password is \x1b[31mrequired\n",
    ));
    let checked = Checked {
        outcome: Some(&Outcome::Failed(1)),
        detail: None,
        step: RUN_AS_STEP,
        facts: &facts,
    };
    let bad: Vec<Finding> = judge(checked)
        .into_iter()
        .filter(|finding| finding.level == Level::Bad && finding.what != "disk")
        .collect();
    assert_eq!(bad.len(), 1);
    assert_eq!(bad[0].what, "run-as deploy");
    assert!(!bad[0].found.contains('\x1b'));
}

proptest! {
    #[test]
    fn no_answer_makes_the_reader_panic(
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..8),
        text in "(\\[(clock|disk|inodes|mounts|user|sudo|end)\\]\n|[0-9/% a-z,-]{0,40}\n){0,12}",
        at_ms: i64,
    ) {
        let mut all: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        all.push(text.as_bytes());
        let facts = Facts::read(all.into_iter().map(|bytes| Piece { at_ms, bytes }));
        let _ = judged(&Outcome::Ok, None, &facts);
    }
}

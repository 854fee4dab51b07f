//! Who did what is on record, whole, and tampering is found.

use super::rig::Rig;

fn acts(rig: &Rig) -> Vec<(String, u64)> {
    let ended = rig.conn.run(["audit", "--json"]).expect_success();
    let text = ended.out();
    let records: Vec<serde_json::Value> = if text.trim_start().starts_with('[') {
        ended.json().as_array().unwrap().clone()
    } else {
        ended.json_lines()
    };
    let act = |record: &serde_json::Value| {
        assert_eq!(record["by"], "root", "{record}");
        assert!(record["at"].as_str().unwrap().ends_with('Z'), "{record}");
        (
            record["act"].as_str().unwrap().to_owned(),
            record["run"].as_u64().unwrap_or(0),
        )
    };
    records.iter().map(act).collect()
}

/// One run that saw every act.
fn busy(rig: &Rig) {
    let id = rig.detach(
        "web[01-04]",
        &["-f", "1", "--first", "1"],
        "[ $(hostname) != web01 ]",
    );
    rig.wait_state(id, "paused");
    rig.runs("note", id, &["a note"]).expect_success();
    rig.runs("tune", id, &["--concurrency", "2"])
        .expect_success();
    rig.runs("skip", id, &["--host", "web04"]).expect_success();
    rig.runs("resume", id, &[]).expect_success();
    rig.wait_end(id);
    rig.runs("retry", id, &[]).expect_success();
    rig.wait_end(id);
    rig.runs("give", id, &["--to", "alice"]).expect_success();
    rig.runs("take", id, &["--reason", "for the test"])
        .expect_success();
    let second = rig.detach("web01", &[], "sleep 30.5");
    rig.runs("pause", second, &[]).expect_success();
    rig.runs("abort", second, &[]).expect_success();
    rig.wait_end(second);
}

#[test]
fn every_start_and_every_act_is_on_record_in_order_and_the_chain_is_whole() {
    let rig = Rig::new();
    busy(&rig);
    let one = [
        "start", "note", "tune", "skip", "resume", "retry", "give", "take",
    ]
    .map(|act| (act.to_owned(), 1));
    let two = ["start", "pause", "abort"].map(|act| (act.to_owned(), 2));
    let expected: Vec<_> = one.into_iter().chain(two).collect();
    assert_eq!(acts(&rig), expected);
    let verified = rig
        .conn
        .run(["audit", "verify", "--json"])
        .expect_success()
        .json();
    assert_eq!(verified["whole"], true, "{verified}");
    rig.conn.kill_engine();
    assert_eq!(acts(&rig), expected, "also after a kill");
    rig.conn.run(["engine", "stop"]).expect_success();
    let expected = [expected, vec![("stop".to_owned(), 0)]].concat();
    assert_eq!(acts(&rig), expected, "also after a stop, which is an act");
    let verified = rig
        .conn
        .run(["audit", "verify", "--json"])
        .expect_success()
        .json();
    assert_eq!(
        (&verified["whole"], &verified["records"]),
        (&true.into(), &12.into())
    );
}

#[test]
fn refused_acts_change_nothing_and_do_not_look_like_acts() {
    let rig = Rig::new();
    rig.run("web01", &[], "true").expect_success();
    rig.runs("pause", 1, &[]).expect_code(4);
    rig.runs("abort", 1, &[]).expect_code(4);
    let acts: Vec<String> = acts(&rig).into_iter().map(|(act, _)| act).collect();
    assert_eq!(acts, ["start"]);
}

#[test]
fn a_flipped_byte_in_a_record_is_found() {
    let rig = Rig::new();
    busy(&rig);
    rig.conn.run(["engine", "stop"]).expect_success();
    let log = rig.conn.home().join("state/store/log");
    let mut flipped = false;
    for entry in std::fs::read_dir(log).unwrap().flatten() {
        let mut bytes = std::fs::read(entry.path()).unwrap();
        if let Some(at) = bytes.windows(6).position(|window| window == b"a note") {
            bytes[at + 1] ^= 1;
            std::fs::write(entry.path(), bytes).unwrap();
            flipped = true;
        }
    }
    assert!(flipped, "the words of a note stand in the log");
    let verified = rig.conn.run(["audit", "verify", "--json"]);
    if verified.code() == Some(3) {
        // The engine would not even start on it, and says why.
        assert!(!verified.err().is_empty());
        return;
    }
    let said = verified.json();
    assert_eq!(said["whole"], false, "{said}");
    assert!(!said["breaks"].as_array().unwrap().is_empty(), "{said}");
    assert_ne!(verified.code(), Some(0));
}

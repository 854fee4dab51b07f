//! The engine is killed in the middle of work: nothing is lost, doubled, or started twice.

use std::collections::BTreeMap;

use super::rig::{COMMON, Rig, fleet, lend, outcome_of, processes, task, unique, wait_file};
use super::support::{PATIENCE, full, wait_until};

const LINES: usize = 150;

/// Random enough to hit other moments in each run of the tests; the seed is told when a test fails.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let seed = u64::from(now.unwrap().subsec_nanos()) | 1;
        eprintln!("seed {seed}");
        Self(seed)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

/// Leaves a mark of each start, writes numbered lines slowly, and ends with the number of its host.
fn counted(mark: &str) -> String {
    format!(
        "echo start >>/root/{mark}; n=0; while [ $n -lt {LINES} ]; do echo out $n; \
         [ $((n % 10)) = 0 ] && {{ echo err $n >&2; sleep 0.1; }}; n=$((n+1)); done; \
         h=$(hostname); h=${{h#web}}; exit ${{h#0}}"
    )
}

fn lines_by_host(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut by_host: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in text.lines() {
        if let Some((host, line)) = line
            .split_once(": ")
            .filter(|(host, _)| host.starts_with("web"))
        {
            by_host.entry(host).or_default().push(line);
        }
    }
    by_host
}

fn numbered(word: &str, step: usize) -> Vec<String> {
    (0..LINES)
        .step_by(step)
        .map(|n| format!("{word} {n}"))
        .collect()
}

/// What the store has of a host: lines of standard output, and of standard error.
fn stored_lines(rig: &Rig, id: u64, host: &str) -> [Vec<String>; 2] {
    let read = rig
        .runs("output", id, &["--host", host])
        .expect_success()
        .out();
    let (err, out) = read
        .lines()
        .map(str::to_owned)
        .partition(|line| line.starts_with("err"));
    [out, err]
}

#[test]
fn no_line_or_exit_code_of_a_durable_run_is_lost_and_nothing_starts_twice() {
    let rig = Rig::new();
    let mut dice = Dice::new();
    let rounds = if full() { 60 } else { 4 };
    for round in 0..rounds {
        let mark = unique("killed");
        let mut running = rig.start("web[01-20]", &["--durable"], &counted(&mark));
        let mut at: Vec<usize> = (0..3)
            .map(|_| dice.below(COMMON * LINES * 9 / 10))
            .collect();
        at.sort_unstable();
        for lines in &at {
            wait_until("the client to get so far", PATIENCE, || {
                running.out().lines().count() >= *lines
            });
            // On a busy machine the last lines may all come at once, and the client ends.
            wait_until("the client to have an engine", PATIENCE, || {
                running.has_ended() || rig.conn.engine().is_some()
            });
            if running.has_ended() {
                break;
            }
            rig.conn.kill_engine();
        }
        let ended = running.wait(PATIENCE).expect_code(1);
        let (out, err) = (ended.out(), ended.err());
        let id = rig.newest();
        let shown = rig.wait_end(id);
        let (outs, errs) = (lines_by_host(&out), lines_by_host(&err));
        for (number, host) in (1..).zip(&fleet().hosts()[..COMMON]) {
            let host = host.name.as_str();
            let what = format!("round {round}, killed at {at:?}, {host}\n{err}");
            let stored = stored_lines(&rig, id, host);
            assert_eq!(stored[0], numbered("out", 1), "stored: {what}");
            assert_eq!(stored[1], numbered("err", 10), "stored: {what}");
            assert_eq!(outs[host], numbered("out", 1), "{what}");
            assert_eq!(errs[host], numbered("err", 10), "{what}");
            let task = task(&shown, host);
            assert_eq!(outcome_of(task), format!("failed({number})"), "{what}");
            // An attempt that the host fenced off before it began makes room for another one.
            let attempts = task["attempts"].as_u64().unwrap();
            assert!((1..=1 + at.len() as u64).contains(&attempts), "{what}");
            assert_eq!(
                fleet().sh(host, &format!("cat /root/{mark}")),
                "start\n",
                "{what}"
            );
        }
    }
    rig.audit_is_whole();
}

#[test]
fn what_hosts_leave_of_a_durable_run_is_removed_after_the_end_also_when_the_engine_was_killed() {
    let rig = Rig::new();
    let host = lend();
    let mark = unique("left");
    let running = rig.start(&host, &["--durable"], &counted(&mark));
    running.wait_for_out("out 20");
    rig.conn.kill_engine();
    running.wait(PATIENCE).expect_code(1);
    wait_until("nothing of conn on the host", PATIENCE, || {
        fleet().sh(&host, "find /root/.cache /root/.conn /tmp /var/tmp /run -path '*conn*' -name '*stdout*' 2>/dev/null | wc -l; true").trim() == "0"
            && processes(&host, &mark) == 0
    });
}

#[test]
fn a_plain_command_is_in_doubt_never_ok_and_a_person_settles_it() {
    let rig = Rig::new();
    let mark = unique("plain");
    let command = format!(
        "echo start >>/root/{mark}; echo begun; sleep 1.{}7",
        std::process::id() % 1000
    );
    let file = rig.conn.home().join("pushed");
    std::fs::write(&file, "x").unwrap();
    let push = format!("{}:/root/{mark}-pushed", file.display());
    let running = rig.start("web[01-03]", &["--push", &push], &command);
    for host in ["web01", "web02", "web03"] {
        running.wait_for_out(&format!("{host}: begun"));
    }
    rig.conn.kill_engine();
    let ended = running.wait(PATIENCE).expect_code(1);
    assert!(
        ended.err().contains("in_doubt 3: web[01-03]"),
        "{}",
        ended.err()
    );
    let shown = rig.show(1);
    assert_eq!(shown["state"], "failed");
    for host in ["web01", "web02", "web03"] {
        assert_eq!(outcome_of(task(&shown, host)), "in_doubt");
        assert_eq!(
            fleet().sh(host, &format!("cat /root/{mark}")),
            "start\n",
            "started once"
        );
    }
    let step = |place: usize| shown["steps"][place].as_str().unwrap();
    let settle = |step: &str| {
        let options = ["--host", "web01", "--step", step, "--as", "ok"];
        rig.runs("settle", 1, &options)
    };
    let elsewhere = settle(step(0)).expect_code(4).err();
    assert!(
        elsewhere.contains(&format!("in doubt at the step {}", step(1))),
        "{elsewhere}"
    );
    settle("nothing").expect_code(2);
    settle(step(1)).expect_success();
    rig.runs("settle", 1, &["--host", "web02", "--as", "failed"])
        .expect_success();
    rig.runs("settle", 1, &["--host", "web01", "--as", "ok"])
        .expect_code(4);
    rig.runs("settle", 1, &["--host", "web03", "--as", "retry"])
        .expect_success();
    let shown = rig.wait_end(1);
    assert_eq!(outcome_of(task(&shown, "web01")), "ok");
    assert_eq!(task(&shown, "web02")["outcome"], "failed");
    assert_eq!(outcome_of(task(&shown, "web03")), "ok");
    assert_eq!(task(&shown, "web03")["attempts"], 2);
    assert_eq!(
        fleet().sh("web03", &format!("cat /root/{mark}")),
        "start\nstart\n"
    );
    assert_eq!(fleet().sh("web01", &format!("cat /root/{mark}")), "start\n");
}

#[test]
fn retry_starts_what_is_in_doubt_only_when_it_is_named() {
    let rig = Rig::new();
    let mark = unique("retry");
    let running = rig.start(
        "web[01-02]",
        &[],
        &format!("echo start >>/root/{mark}; echo begun; sleep 1.5"),
    );
    running.wait_for_out("web01: begun");
    running.wait_for_out("web02: begun");
    rig.conn.kill_engine();
    running.wait(PATIENCE).expect_code(1);
    rig.runs("retry", 1, &[]).expect_code(4);
    rig.runs("retry", 1, &["--only", "in_doubt"])
        .expect_success();
    let shown = rig.wait_end(1);
    assert_eq!(shown["state"], "succeeded", "{shown:#}");
    assert_eq!(
        fleet().sh("web01", &format!("cat /root/{mark}")),
        "start\nstart\n"
    );
}

#[test]
fn hosts_that_had_not_begun_begin_after_the_kill_and_each_once() {
    let rig = Rig::new();
    let mark = unique("queue");
    let command = format!("echo start >>/root/{mark}; sleep 0.3");
    let running = rig.start("web[01-20]", &["--durable", "-f", "3"], &command);
    wait_file("web04", &format!("/root/{mark}"));
    rig.conn.kill_engine();
    let ended = running.wait(PATIENCE).expect_code(0);
    assert!(ended.err().contains("ok 20: web[01-20]"), "{}", ended.err());
    for host in &fleet().hosts()[..COMMON] {
        assert_eq!(
            fleet().sh(&host.name, &format!("cat /root/{mark}")),
            "start\n"
        );
    }
}

#[test]
fn an_engine_killed_with_nobody_watching_finds_its_run_when_it_starts_again() {
    let rig = Rig::new();
    let mark = unique("alone");
    let id = rig.detach("web[01-05]", &["--durable"], &counted(&mark));
    wait_file("web05", &format!("/root/{mark}"));
    rig.conn.kill_engine();
    rig.conn.run(["engine", "start"]).expect_success();
    let shown = rig.wait_end(id);
    for (number, host) in (1..).zip(["web01", "web02", "web03", "web04", "web05"]) {
        assert_eq!(outcome_of(task(&shown, host)), format!("failed({number})"));
        let [out, err] = stored_lines(&rig, id, host);
        assert_eq!(out, numbered("out", 1), "{host}");
        assert_eq!(err, numbered("err", 10), "{host}");
    }
}

//! A rollout steered to its end from the keys, and the same from lines of words.

use super::support::{PATIENCE, wait_until};
use super::terminal::{Terminal, a_person_reads};
use super::way::leave;
use super::world::World;

/// Four batches; the first host fails, and each batch asks.
const FLOW: &str = r#"
kind  = "simple"
name  = "Careful"
about = "Look, ask, go on."

[rollout]
batches      = [1, 2, 2, "100%"]
max_failures = 0

[[steps]]
name = "look"
exec = { command = "test {{ host.name }} != db01" }

[[steps]]
name    = "confirm"
approve = { role = "operator", text = "Does it look well?" }

[[steps]]
name = "work"
exec = { command = "echo done" }
"#;

fn with_run() -> World {
    let world = World::new();
    let file = world.conn.home().join("careful.toml");
    std::fs::write(&file, FLOW).unwrap();
    let apply = ["apply", file.to_str().unwrap()];
    world.conn.run(apply).expect_success();
    let start = ["flow", "start", "--detach", "Careful", "-w", "@db"];
    world.conn.run(start).expect_success();
    wait_until("the first host to fail", PATIENCE, || {
        shown(&world)["state"] == "paused"
    });
    world
}

fn shown(world: &World) -> serde_json::Value {
    let show = ["runs", "show", "1", "--json"];
    world.conn.run(show).expect_success().json()
}

#[test]
fn a_rollout_is_steered_from_keys_to_where_it_is_aborted_after_a_batch() {
    let world = with_run();
    let mut console = world.open(80, 24);
    console.wait_for("PAUSED");
    console.send("\r");
    console.wait_for("PAUSED by conn: 1 failure");
    // How it is stopped, and how it goes on, stand first.
    console.wait_for("c resume  X abort…");
    console.send("L");
    console.wait_for("limits of run 1: ");
    console.send("\x15max_failures=many\r");
    console.wait_for("is no limit: give a number");
    console.send("\x15max_failures=5 concurrency=3\r");
    console.wait_for("Done: run 1 has max_failures 5, concurrency 3");
    console.send("c");
    console.wait_for("WAITING for approval (operator)");
    console.wait_for("Does it look well?");
    console.send("A");
    console.wait_for("Do it?");
    a_person_reads();
    console.send("y");
    console.wait_for("batch 3 goes on");
    console.send("X");
    console.wait_for("ABORT RUN 1 ");
    console.send("\t");
    console.wait_for("AFTER ITS BATCH");
    console.send("1\r");
    console.wait_for("Done: run 1 is aborted when batch 3 has ended");
    console.send("A");
    console.wait_for("Do it?");
    a_person_reads();
    console.send("y");
    console.wait_for("ABORTED");
    leave(&mut console);
    let run = shown(&world);
    assert_eq!(
        (&run["state"], &run["max_failures"]),
        (&"aborted".into(), &5.into())
    );
    let ended = |word: &str| {
        let tasks = run["tasks"].as_array().unwrap().iter();
        tasks.filter(|task| task["outcome"] == word).count()
    };
    // What was at work ended as it does; the last batch never began.
    assert_eq!((ended("cancelled"), ended("not_started")), (0, 3), "{run}");
}

#[test]
fn a_yes_to_a_question_that_somebody_else_answered_is_none_to_the_next() {
    let world = with_run();
    let tune = ["runs", "tune", "1", "--max-failures", "5"];
    world.conn.run(tune).expect_success();
    world.conn.run(["runs", "resume", "1"]).expect_success();
    let asks = |batch: u32| {
        wait_until("the question", PATIENCE, || {
            let run = shown(&world);
            let because = run["because"].as_str().unwrap_or_default();
            run["for"] == "approval" && because.contains(&format!("batch {batch} "))
        });
    };
    asks(2);
    let mut console = world.open(80, 24);
    console.wait_for("WAITS");
    console.send("\r");
    console.wait_for("A approve…");
    console.send("A");
    console.wait_for("Do it?");
    world.conn.run(["runs", "approve", "1"]).expect_success();
    asks(3);
    a_person_reads();
    console.send("y");
    console.wait_for("run 1 asks something else by now");
    leave(&mut console);
    asks(3);
}

#[test]
fn the_same_is_done_by_words_without_a_screen() {
    let world = with_run();
    let mut command = world.console();
    command.arg("--plain");
    let mut console = Terminal::open(command, 100, 50);
    console.wait_for("1. run 1 Careful: paused");
    let mut say = |line: &str, answer: &str| {
        console.send(format!("{line}\r"));
        console.wait_for(answer);
    };
    say(
        "flows",
        "1. Careful: Look, ask, go on. no run of it has ended.",
    );
    say("1", "Run 1 is open.");
    say("s", "step look: 7 waiting, 0 at work, 0 ok, 1 failed");
    say("settle db01", "Type: settle HOST ok");
    say("limits max_failures=5", "Run 1: has max_failures 5.");
    say("c", "run 1 Careful: waiting for approval (operator)");
    say("s", "It is waiting for approval (operator).");
    say(
        "reject no",
        "The run is aborted: no host goes on. Type y to do it.",
    );
    say("n", "Nothing was done.");
    say("approve", "Type y to do it.");
    say("y", "Run 1: approved.");
    say(
        "skip db[07-08]",
        "Those of db[07-08] that wait are left out for good.",
    );
    say("y", "Run 1: skipped.");
    say("story", "skipped db07, db08");
    say("abort", "Type 1 to do it.");
    say("1", "Run 1: aborted.");
    say("start Careful", "On which hosts?");
    say("db02", "batch 1: db02");
    say("no", "Nothing was started.");
    console.send("q\r");
    console.wait_end();
    wait_until("the run to end", PATIENCE, || {
        shown(&world)["state"] == "aborted"
    });
    let run = shown(&world);
    let tasks = run["tasks"].as_array().unwrap().iter();
    let skipped = tasks.filter(|task| task["outcome"] == "skipped").count();
    assert_eq!(skipped, 2, "{run}");
    assert_eq!(world.runs().len(), 1);
}

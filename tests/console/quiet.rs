//! What must not happen: bytes for nothing, acts nobody meant.

use std::time::Instant;

use super::support::{PATIENCE, wait_until};
use super::terminal::{Terminal, a_person_reads};
use super::way::leave;
use super::world::World;

/// The clock in the bar.
fn clock(console: &Terminal) -> String {
    let text = console.text();
    let bar = text.lines().next().unwrap_or_default().trim_end();
    bar[bar.len().saturating_sub(9)..].to_owned()
}

/// Waits until the clock went on once more.
#[track_caller]
fn a_tick(console: &Terminal) {
    let before = clock(console);
    wait_until("the clock to go on", PATIENCE, || clock(console) != before);
}

#[test]
fn an_idle_console_writes_no_more_than_its_clock() {
    let world = World::new();
    world.run("@db", "uptime");
    let mut console = world.open(160, 45);
    console.wait_for("ENDED 1");
    // Ages in seconds go on until they are minutes; the list of keys has none.
    console.send("?");
    console.wait_for("KEYS HERE");
    // Settled: a second brought no more than a clock's.
    wait_until("an idle second", PATIENCE, || {
        let before = console.written();
        a_tick(&console);
        console.written() - before < 60
    });
    a_tick(&console);
    let (before, from) = (console.written(), Instant::now());
    for _ in 0..3 {
        a_tick(&console);
    }
    let bytes = console.written() - before;
    let raw = console.raw();
    // A busy machine may make three ticks longer than three seconds: each second has its share.
    let seconds = from.elapsed().as_secs().max(3);
    assert!(
        bytes as u64 <= 34 * seconds,
        "{bytes} B in {seconds} s: {:?}",
        String::from_utf8_lossy(&raw[before..])
    );
    console.send("\x1b");
    console.wait_gone("KEYS HERE");
    leave(&mut console);
}

#[test]
fn a_paste_or_a_burst_of_keys_outside_a_field_does_nothing_but_say_so() {
    let world = World::new();
    world.run("@db", "uptime");
    let mut console = world.open(80, 24);
    console.wait_for("ENDED 1");
    let before = (world.runs(), world.audit());
    console.paste("r@web\tuptime\r\ny\rq");
    console.wait_for("pasted letters were ignored");
    console.send("22");
    console.wait_for("1 of 1 run");
    // What a terminal without bracketed paste sends, at once.
    console.send("jGMeN=khluptime\r\ry");
    console.wait_for("came at once and were ignored");
    assert!(
        console.text().contains("[2 Flows]"),
        "{}",
        console.picture()
    );
    assert_eq!((world.runs(), world.audit()), before);
    leave(&mut console);
}

#[test]
fn a_paste_or_a_burst_of_keys_answers_no_sheet() {
    let world = World::new();
    let mut console = world.open(80, 24);
    console.wait_for("1 here");
    // Pasted; pasted where a paste looks like keys; and keys on their way before the question.
    let pasted = "\x1b[200~yes\ryes\r\x1b[201~";
    let ways = [pasted, "yes, please do it\r", "", "ye", "no\ry"];
    for answer in ways {
        console.send("r");
        console.wait_for("RUN A COMMAND");
        console.send("@web");
        console.wait_for("16 hosts   ");
        console.send("\t");
        console.wait_for(">command");
        if answer.is_empty() {
            console.send("uptime\ryes\r");
        } else {
            console.send("uptime\r");
            console.wait_for("Do it?");
            a_person_reads();
            console.send(answer);
        }
        console.wait_until(&format!("{answer:?} to be ignored"), |screen| {
            screen.contents().contains("ignored")
        });
        console.wait_for("Do it?");
        a_person_reads();
        console.send("n");
        console.wait_gone("Do it?");
        console.send("\x1b");
        console.wait_gone("RUN A COMMAND");
        console.wait_gone("ignored");
    }
    assert_eq!(world.runs(), Vec::<serde_json::Value>::new());
    leave(&mut console);
}

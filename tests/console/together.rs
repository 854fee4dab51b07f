//! Several consoles on one engine, and an engine that goes away under them.

use rustix::process::Signal;

use super::way::{leave, start_a_command};
use super::world::World;

#[test]
fn two_consoles_see_each_other_and_what_one_starts_shows_in_the_other_without_a_key() {
    let world = World::new();
    let mut one = world.open(80, 24);
    one.wait_for("1 here");
    let mut other = world.open(160, 45);
    other.wait_for("2 here");
    one.wait_for("2 here");
    start_a_command(&mut one, "@db", "8", "uptime");
    other.wait_for("uptime");
    other.wait_for("of 8 hosts failed");
    leave(&mut one);
    other.wait_for("1 here");
    leave(&mut other);
}

#[test]
fn a_killed_engine_is_said_at_once_acting_keys_are_off_and_a_new_one_shows_the_runs_as_they_were() {
    let world = World::new();
    world.run("@web", "systemctl is-active app");
    let before = world.runs();
    let mut console = world.open(80, 24);
    console.wait_for("1 of 16 hosts failed");
    console.send("\r");
    console.wait_for("FAILED by");

    // No new one can start while its settings cannot be read.
    world.settings("[nonsense");
    world.conn.kill_engine();
    console.wait_for("ENGINE NOT ANSWERING");
    console.wait_for("data from");
    for key in ["p", "R", "X"] {
        console.send("?");
        console.wait_for("KEYS HERE");
        console.send("\x1b");
        console.wait_gone("KEYS HERE");
        console.send(key);
        console.wait_for("acting keys are off");
    }
    // What was there is still there.
    assert!(
        console.text().contains("+ 15 ok   X 1 failed"),
        "{}",
        console.picture()
    );

    world.settings("");
    console.wait_gone("ENGINE NOT ANSWERING");
    console.wait_for("+ 15 ok   X 1 failed");
    assert_eq!(world.runs(), before);
    console.send("22");
    console.wait_for("1 of 1 run");
    leave(&mut console);
}

#[test]
fn an_engine_that_is_only_stopped_is_said_too_and_the_console_goes_on_when_it_does() {
    let world = World::new();
    let mut console = world.open(80, 24);
    console.wait_for("1 here");
    let engine = world.conn.engine().expect("an engine runs");
    engine.signal(Signal::STOP);
    console.wait_for("ENGINE NOT ANSWERING");
    engine.signal(Signal::CONT);
    console.wait_gone("ENGINE NOT ANSWERING");
    world.run("@db", "uptime");
    console.wait_for("uptime");
    leave(&mut console);
}

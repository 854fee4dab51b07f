//! Ends that no person chose: a signal, a terminal that is gone.

use rustix::process::Signal;

use super::way::assert_given_back;
use super::world::World;

const LONG: &str = "echo begun; sleep 8; echo over";

#[test]
fn sigterm_gives_the_terminal_back_and_what_runs_goes_on() {
    let world = World::new();
    world.start("@canary!@hbase", LONG, &["--durable", "--detach"]);
    let mut console = world.open(80, 24);
    console.wait_for("RUNNING 1");
    let engine = world.conn.engine().expect("an engine runs");
    console.signal(Signal::TERM);
    console.wait_end();
    assert_given_back(&console);
    assert!(engine.is_alive());
    assert_goes_on_to_its_end(&world);
}

/// In the moment between, the terminal makes signals of keys again.
#[test]
fn ctrl_c_while_it_leaves_does_not_end_it_half_way() {
    let world = World::new();
    for _ in 0..10 {
        let mut console = world.open(80, 24);
        console.wait_for("1 here");
        console.send("q");
        while console.runs() {
            console.send("\x03");
        }
        assert_eq!(console.wait_end(), 0, "{}", console.picture());
    }
}

#[test]
fn a_terminal_that_is_gone_ends_the_console_and_nothing_else() {
    let world = World::new();
    world.start("@canary!@hbase", LONG, &["--durable", "--detach"]);
    let console = world.open(80, 24);
    console.wait_for("RUNNING 1");
    let engine = world.conn.engine().expect("an engine runs");
    let process = console.hang_up();
    assert!(!process.is_alive());
    assert!(engine.is_alive());
    let again = world.open(80, 24);
    again.wait_for("1 here");
    assert_goes_on_to_its_end(&world);
    again.wait_for("ENDED 1");
}

#[track_caller]
fn assert_goes_on_to_its_end(world: &World) {
    let run = world.newest();
    let followed = world
        .conn
        .run(["runs", "follow", &run.to_string()])
        .expect_success();
    assert_eq!(followed.out().matches("over").count(), 3, "{followed:?}");
}

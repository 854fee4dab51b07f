//! `conn demo` leaves nothing behind, however it ends.

use std::path::Path;

use rustix::process::Signal;

use super::support::{PATIENCE, wait_until};
use super::terminal::Terminal;
use super::world::World;

/// What a demo has made in its directory for temporary files.
fn left(dir: &Path) -> Vec<String> {
    std::fs::read_dir(dir)
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn demo(world: &World, dir: &Path) -> Terminal {
    let mut command = world.console();
    command.arg("demo");
    command.env_remove("CONN_HOME");
    command.env("TMPDIR", dir);
    let console = Terminal::open(command, 80, 24);
    console.wait_for("welcome aboard");
    assert_eq!(left(dir).len(), 1, "the demo's home");
    console
}

#[test]
fn a_demo_that_was_left_goes_on_until_it_is_ended() {
    let world = World::new();
    let dir = world.conn.home().join("temporary");
    std::fs::create_dir_all(&dir).unwrap();
    let mut console = demo(&world, &dir);
    console.send("q");
    console.wait_for("Detached: the demo's engine");
    console.send("\r");
    console.wait_for("welcome aboard");
    console.send("q");
    console.wait_until("left again", |screen| {
        screen.contents().matches("Detached").count() == 2
    });
    console.send("q\r");
    console.wait_for("The demo fleet is gone");
    assert_eq!(console.wait_end(), 0);
    assert_eq!(left(&dir), Vec::<String>::new());
}

#[test]
fn a_demo_whose_terminal_hangs_up_or_that_is_terminated_leaves_nothing() {
    let world = World::new();
    let dir = world.conn.home().join("temporary");
    std::fs::create_dir_all(&dir).unwrap();
    demo(&world, &dir).hang_up();
    let what = "nothing is left of a demo that lost its terminal";
    wait_until(what, PATIENCE, || left(&dir).is_empty());
    let mut console = demo(&world, &dir);
    console.signal(Signal::TERM);
    console.wait_end();
    assert_eq!(left(&dir), Vec::<String>::new());
}

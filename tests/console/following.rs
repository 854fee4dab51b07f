//! Commands in a terminal: one that follows a run asks there.

use super::support::{PATIENCE, wait_until};
use super::terminal::Terminal;
use super::world::World;

/// `conn` with these words in a terminal of its own.
#[track_caller]
fn open(world: &World, words: &[&str]) -> Terminal {
    let mut command = world.console();
    command.args(words);
    Terminal::open(command, 120, 40)
}

/// A command on three hosts that asks after the first.
fn asking(world: &World) -> Terminal {
    let words = ["run", "-w", "web[01-03]", "--first", "1", "--", "echo done"];
    let terminal = open(world, &words);
    terminal.wait_for("c and Enter goes on with the rest");
    terminal
}

fn state(world: &World) -> String {
    let show = ["runs", "show", "1", "--json"];
    let shown = world.conn.run(show).expect_success().json();
    shown["state"].as_str().unwrap().to_owned()
}

#[test]
fn an_interrupt_at_the_question_leaves_at_once_and_says_so() {
    let world = World::new();
    let mut terminal = asking(&world);
    terminal.send("\x03");
    assert_eq!(terminal.wait_end(), 0, "{}", terminal.picture());
    let text = terminal.text();
    assert!(text.contains("conn runs follow 1"), "{text}");
    assert_eq!(state(&world), "paused");
}

#[test]
fn an_answer_that_is_none_is_asked_for_again_and_one_goes_on() {
    let world = World::new();
    let mut terminal = asking(&world);
    terminal.send("yes\r");
    terminal.wait_until("the question once more", |screen| {
        screen.contents().matches("c and Enter").count() == 2
    });
    terminal.send("c\r");
    assert_eq!(terminal.wait_end(), 0, "{}", terminal.picture());
    assert!(terminal.text().contains("3 of 3 hosts ok"));
}

#[test]
fn what_somebody_else_does_with_the_run_ends_the_question() {
    for (act, code, told) in [("resume", 0, "3 of 3 hosts ok"), ("abort", 1, "aborted")] {
        let world = World::new();
        let mut terminal = asking(&world);
        world.conn.run(["runs", act, "1"]).expect_success();
        assert_eq!(terminal.wait_end(), code, "{}", terminal.picture());
        assert!(terminal.text().contains(told), "{}", terminal.picture());
    }
}

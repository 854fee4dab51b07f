//! Commands in a terminal: one that follows a run asks there, and what other people and hosts wrote
//! is shown there and never obeyed.

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

/// A title, a cleared screen, a colour by a C1 control, and a line that looks like one of ours.
const EVIL: &str = "\x1b]0;owned\x07\x1b[2J\u{9b}31mred\r\nconn: all is well";

/// One host asks a question that is not meant well.
const FLOW: &str = r#"
kind = "simple"
name = "Evil"

[[steps]]
name = "talk"
exec = { command = "printf '\\033]0;owned\\007\\033[2Jsaid' >&2; echo said" }

[[steps]]
name    = "confirm"
approve = { role = "operator", text = "Well?\u001B]0;owned\u0007\u001B[2J" }
"#;

#[track_caller]
fn assert_harmless(words: &[&str], raw: &[u8]) {
    let text = String::from_utf8_lossy(raw);
    for evil in [
        "\x1b]0;",
        "\x07",
        "\x1b[2J",
        "\u{9b}",
        "\nconn: all is well",
    ] {
        assert!(!text.contains(evil), "{words:?} let {evil:?} out: {text:?}");
    }
}

/// Runs it in a terminal to its end; all that was written.
#[track_caller]
fn told(world: &World, words: &[&str]) -> String {
    let mut terminal = open(world, words);
    terminal.wait_end();
    assert_harmless(words, &terminal.raw());
    String::from_utf8_lossy(&terminal.raw()).into_owned()
}

#[test]
fn nothing_that_others_wrote_reaches_a_terminal_raw() {
    let world = World::new();
    let file = world.conn.home().join("evil.toml");
    std::fs::write(&file, FLOW).unwrap();
    let apply = ["apply", file.to_str().unwrap()];
    world.conn.run(apply).expect_success();
    let start = ["flow", "start", "--detach", "Evil", "-w", "web01"];
    world.conn.run(start).expect_success();
    wait_until("the question", PATIENCE, || state(&world) == "waiting");

    let mut following = open(&world, &["runs", "follow", "1"]);
    following.wait_for("Well?^[]0;owned^G");
    let pause = ["runs", "pause", "1", "--reason", EVIL];
    world.conn.run(pause).expect_success();
    following.wait_for("^[]0;owned^G^[[2J<U+009B>31mred^M^Jconn: all");
    world.conn.run(["runs", "note", "1", EVIL]).expect_success();

    assert!(told(&world, &["runs", "show", "1"]).contains("^[[2J<U+009B>31m"));
    assert!(told(&world, &["runs", "show", "1", "--json"]).contains("\\u009b31m"));
    let looks: [&[&str]; 9] = [
        &["runs"],
        &["runs", "output", "1"],
        &["runs", "output", "1", "--json"],
        &["runs", "why", "1"],
        &["runs", "report", "1"],
        &["runs", "report", "1", "--format", "json"],
        &["handover"],
        &["audit"],
        &["show", "flow/Evil"],
    ];
    for words in looks {
        told(&world, words);
    }
    let refused = told(&world, &["runs", "skip", "1", "--host", EVIL]);
    assert!(refused.starts_with("conn: "), "{refused}");

    let abort = ["runs", "abort", "1", "--reason", EVIL];
    world.conn.run(abort).expect_success();
    assert_eq!(following.wait_end(), 1);
    assert_harmless(&["runs", "follow"], &following.raw());
}

#[test]
fn a_flow_made_of_a_run_that_was_edited_and_not_stored_is_kept() {
    let mut world = World::new();
    world.run("web01", "echo one");
    world.conn.set("EDITOR", "sed -i s/one/two/");
    let mut terminal = open(&world, &["runs", "save", "1", "--as", "flow/Saved"]);
    terminal.wait_for("store it as the new flow Saved?");
    terminal.send("e\r");
    terminal.wait_for("echo two");
    terminal.wait_until("the question once more", |screen| {
        screen.contents().matches("store it as").count() == 2
    });
    terminal.send("\x03");
    assert_eq!(terminal.wait_end(), 0, "{}", terminal.picture());
    let text = terminal.text();
    let (_, path) = text.split_once("your text is in ").expect(&text);
    let path = path.lines().next().unwrap();
    assert!(std::fs::read_to_string(path).unwrap().contains("echo two"));
    std::fs::remove_file(path).unwrap();
    world.conn.run(["show", "flow/Saved"]).expect_code(2);
}

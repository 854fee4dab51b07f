//! The way of somebody who has never seen it: from nothing to why a host failed, and out again.

use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;

use super::terminal::{Terminal, a_person_reads};
use super::world::World;

/// What gives the terminal back.
pub const LEAVE: &[u8] = b"\x1b[?2026l\x1b[?2004l\x1b[0m\x1b[r\x1b[?25h\x1b[?1049l";

/// Types a command into the form and confirms its sheet, from any screen.
#[track_caller]
pub fn start_a_command(console: &mut Terminal, hosts: &str, many: &str, command: &str) {
    console.send("r");
    console.wait_for("RUN A COMMAND");
    console.send(hosts);
    console.wait_for(&format!("{many} hosts   "));
    console.send("\t");
    console.wait_for(">command");
    console.send(command);
    console.wait_for(command);
    console.send("\r");
    console.wait_for(&format!("RUN A COMMAND ON {many} HOSTS"));
    a_person_reads();
    console.send("y");
}

/// Leaves by key, and checks that the terminal is as it was.
#[track_caller]
pub fn leave(console: &mut Terminal) {
    console.send("q");
    assert_eq!(console.wait_end(), 0);
    assert_given_back(console);
}

/// The last that was sent gives the terminal back; only plain words came after it.
#[track_caller]
pub fn assert_given_back(console: &Terminal) {
    let raw = console.raw();
    let at = raw
        .windows(LEAVE.len())
        .rposition(|part| part == LEAVE)
        .unwrap_or_else(|| panic!("the terminal was not given back:\n{}", console.picture()));
    let after = &raw[at + LEAVE.len()..];
    assert!(
        !after.contains(&0x1b),
        "{:?}",
        String::from_utf8_lossy(after)
    );
    let screen = console.screen();
    assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
    console.assert_as_before();
}

/// The text that was last sent to the clipboard.
fn copied(console: &Terminal) -> Option<String> {
    let raw = String::from_utf8_lossy(&console.raw()).into_owned();
    let (_, last) = raw.rsplit_once("\x1b]52;c;")?;
    let (text, _) = last.split_once('\x07')?;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .ok()?;
    String::from_utf8(bytes).ok()
}

#[test]
fn a_stranger_starts_a_command_finds_who_failed_and_why_and_leaves() {
    let world = World::new();
    let mut console = world.open(80, 24);
    console.wait_for("1 here");
    start_a_command(&mut console, "@web", "16", "systemctl is-active app");
    console.wait_for("FAILED by");
    console.wait_for("+ 15 ok   X 1 failed");

    // To the failing host, from the last one.
    console.send("G");
    console.wait_for("host 16 of 16");
    console.send("e");
    console.wait_for("── web14 ");
    console.wait_for("│ failed");
    console.send("\r");
    console.wait_for("> web14 ");
    console.wait_until("its line", |screen| {
        screen.contents().contains("   failed\n")
    });
    console.send("\x1b");
    console.wait_gone("> web14 ");

    // The groups of equal output, and what sets the bad one apart.
    console.send("\t");
    console.wait_for("Enter open");
    console.send("\r");
    console.wait_for("── 2 groups of 16 hosts ");
    console.wait_for("web[01-13,15-16]");
    console.send("=");
    console.wait_for("── diff: ");
    console.wait_for("-active");
    console.wait_for("+failed");
    console.send("=");
    console.wait_gone("── diff: ");

    // Every group with its lines, and back to names.
    console.send("F");
    console.wait_for("2 groups, each with its last");
    console.wait_until("lines of both", |screen| {
        let text = screen.contents();
        text.contains("\n     active") && text.contains("\n     failed")
    });
    console.send("F");
    console.wait_for("── 2 groups of 16 hosts ");

    let run = world.newest();
    let lines = world.output(run);
    let true_count = lines.lines().filter(|line| line.contains("active")).count();
    assert_eq!(true_count, 15, "{lines}");
    console.send("/active");
    console.send("\r");
    console.wait_for(&format!("1 of {true_count} lines on 15 hosts"));
    console.send("n");
    console.wait_for(&format!("2 of {true_count} lines on 15 hosts"));

    console.send("y");
    console.wait_for("Sent to your clipboard");
    assert_eq!(copied(&console).as_deref(), Some("active"));

    save_once(&world, &mut console);
    change_theme(&mut console);

    let engine = world.conn.engine().expect("an engine runs");
    leave(&mut console);
    assert!(engine.is_alive(), "the engine runs on");

    let mut again = world.open(80, 24);
    again.wait_for("systemctl is-active app");
    again.wait_for("1 of 16 hosts failed");
    leave(&mut again);
}

/// What is shown goes into a file for its owner alone; a file that is there is left alone.
#[track_caller]
fn save_once(world: &World, console: &mut Terminal) {
    let file = world.conn.user_home().join("kept.txt");
    let save = |console: &mut Terminal| {
        console.send(":");
        console.wait_for("save FILE");
        console.send(format!("save {}", file.display()));
        console.wait_for("1 match");
        console.send("\r");
        console.wait_gone("1 match");
    };
    save(console);
    console.wait_for("kept.txt");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "active\n");
    let mode = file.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::write(&file, "mine").unwrap();
    save(console);
    console.wait_for("exists");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}

/// Another theme shows at once, and stays.
#[track_caller]
fn change_theme(console: &mut Terminal) {
    let bar = |screen: &vt100::Screen| {
        let cell = screen.cell(0, 2).unwrap();
        (cell.fgcolor(), cell.bgcolor(), cell.inverse())
    };
    let before = bar(&console.screen());
    console.send("\x14");
    console.wait_for("── themes ");
    console.send("j");
    console.wait_until("the bar in other colours", |screen| bar(screen) != before);
    let tried = bar(&console.screen());
    console.send("\r");
    console.wait_gone("── themes ");
    assert_eq!(bar(&console.screen()), tried);
}

#[test]
fn hosts_that_failed_alike_are_chosen_and_started_again() {
    let world = World::new();
    let mut console = world.open(80, 24);
    console.wait_for("1 here");
    start_a_command(&mut console, "@cache,@db", "16", "uptime");
    console.wait_for("FAILED by");
    console.wait_until("why", |screen| screen.contents().contains("FAILURES"));
    console.send("*");
    console.wait_for("that stand alike are chosen");
    console.send("Y");
    console.wait_for("Sent to your clipboard: 1 chosen host");
    console.send("R");
    console.wait_for("those of 1 host chosen");
    a_person_reads();
    console.send("y");
    console.wait_until("a second try", |screen| screen.contents().contains("try 2"));
    leave(&mut console);
}

//! Storms: sizes and keys that no person makes, and the console stands.

use std::time::{Duration, Instant};

use super::dice::Dice;
use super::support::{PATIENCE, wait_until};
use super::terminal::Terminal;
use super::way::leave;
use super::world::World;

/// Resizes in the storm, and keys.
const SIZES: u32 = 200;
const KEYS: usize = 10_000;

/// Waits until the program wrote something, for a moment at most: the pace of a storm, no more.
fn breathe(console: &Terminal, before: usize) {
    let end = Instant::now() + Duration::from_millis(12);
    while console.written() == before && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// All rows but the bar, which has a clock and ages.
fn body(screen: &vt100::Screen) -> Vec<String> {
    let (_, width) = screen.size();
    screen.rows(0, width.get()).skip(1).collect()
}

#[test]
fn a_storm_of_sizes_while_a_run_streams_ends_in_the_picture_that_a_fresh_one_has() {
    let mut dice = Dice::new();
    let world = World::new();
    let stream = "for i in $(seq 1 60); do echo line $i of the storm; sleep 0.1; done";
    world.start("@web", stream, &["--detach"]);
    let mut console = world.open(80, 24);
    console.wait_for("RUNNING 1");
    console.send("22");
    console.wait_for("for i in");
    console.send("\r");
    console.wait_for("RUNNING by");
    console.send("\r");
    console.wait_for("of the storm");
    for at in 0..SIZES {
        let (width, height) = (dice.below(250) + 1, dice.below(80) + 1);
        let before = console.written();
        console.resize(
            u16::try_from(width).unwrap(),
            u16::try_from(height).unwrap(),
        );
        breathe(&console, before);
        assert!(
            console.runs(),
            "after {at} sizes, at {width}x{height}\n{}",
            console.picture()
        );
    }
    for (width, height) in [(80, 24), (160, 45), (39, 9), (100, 30)] {
        console.resize(width, height);
    }
    // The run is over, so the picture stands still; the last line is the last one.
    console.wait_for("line 60 of the storm");
    console.wait_for("+ ok");
    let settled = settled(&console);
    let before = console.written();
    console.send("\x0c");
    wait_until("everything drawn anew", PATIENCE, || {
        console.written() > before + 500
    });
    console.wait_until("the same picture, drawn anew", |screen| {
        body(screen) == settled
    });
    leave(&mut console);
}

/// A key and a new size at the same moment: both count.
#[test]
fn a_key_pressed_while_the_size_changes_is_not_lost() {
    let world = World::new();
    let mut console = world.open(80, 24);
    console.wait_for("1 here");
    for round in 0..40 {
        let (key, tab) = [("2", "[2 Flows"), ("1", "[1 Now")][round % 2];
        let width = u16::try_from(90 + round % 3).unwrap();
        console.resize(width, 24);
        console.send(key);
        console.wait_for(tab);
    }
    leave(&mut console);
}

/// Keys that are ignored take no new size with them.
#[test]
fn a_new_size_among_keys_that_are_ignored_counts() {
    let world = World::new();
    let mut console = world.open(80, 24);
    console.wait_for("1 here");
    for round in 0..20 {
        let width = 90 + 10 * (round % 3);
        console.send("jGMe");
        console.resize(width, 24);
        console.send("N=khljGMeN=khluptime");
        console.wait_until("a bar as wide as the terminal", |screen| {
            let bar = screen.rows(0, width).next().unwrap_or_default();
            bar.trim_end().ends_with('Z') && bar.trim_end().len() + 2 >= usize::from(width)
        });
    }
    leave(&mut console);
}

/// The picture that two ticks of the clock left as it was.
#[track_caller]
fn settled(console: &Terminal) -> Vec<String> {
    let clock = || console.screen().rows(0, 250).next();
    let mut last = (Vec::new(), 0);
    wait_until("a picture that stands still", PATIENCE, || {
        let before = clock();
        wait_until("the clock to go on", PATIENCE, || clock() != before);
        let now = body(&console.screen());
        last = if now == last.0 {
            (now, last.1 + 1)
        } else {
            (now, 0)
        };
        last.1 == 2
    });
    last.0
}

/// What no acting key is: `y` confirms what a sheet says, so it is left out here.
fn confirms(byte: u8) -> bool {
    byte == b'y' || byte == b'Y'
}

const NAMED: [&str; 24] = [
    "\x1b",
    "\x1b\x1b",
    "\r",
    "\n",
    "\t",
    "\x1b[A",
    "\x1b[B",
    "\x1b[C",
    "\x1b[D",
    "\x1b[H",
    "\x1b[F",
    "\x1b[5~",
    "\x1b[6~",
    "\x1b[Z",
    "\x1bOP",
    "\x1b[3~",
    "\x7f",
    "\x1b[1;5A",
    "\x1b[I",
    "\x1b[<0;5;5M",
    "\x1b[?62;c",
    "\x1b]11;rgb:00/00/00\x07",
    "\x03",
    "\x1a",
];

/// One key, one byte of chance, or one paste.
fn key(dice: &mut Dice) -> Vec<u8> {
    match dice.below(100) {
        0..55 => {
            let printable = u8::try_from(dice.below(95)).unwrap() + b' ';
            vec![printable]
        }
        55..75 => dice.one_of(&NAMED).as_bytes().to_vec(),
        75..97 => vec![u8::try_from(dice.below(256)).unwrap()],
        _ => {
            let mut paste = b"\x1b[200~".to_vec();
            for _ in 0..dice.below(40) {
                paste.push(u8::try_from(dice.below(256)).unwrap());
            }
            paste.extend(b"y\rX1\ry\x1b[201~");
            paste
        }
    }
}

/// Runs as they are, and every record but of what a key may do at once: words in a field and Enter
/// are what a note asks, and that a failure is known can be taken back.
fn deeds(world: &World) -> (Vec<serde_json::Value>, Vec<serde_json::Value>) {
    let mut audit = world.audit();
    audit.retain(|record| record["act"] != "note" && record["act"] != "acknowledge");
    (world.runs(), audit)
}

/// A console in a terminal that makes no signals of keys and stops for none: bytes that come after it
/// has left are the next program's, and of no interest here.
fn open_apart(world: &World) -> Terminal {
    let mut apart = world.console();
    apart.get_argv_mut().splice(
        ..0,
        ["/bin/sh", "-c", "stty -isig -ixon; exec \"$0\" \"$@\""].map(Into::into),
    );
    Terminal::open(apart, 80, 24)
}

/// Runs that have ended, every byte but the `y` that confirms a sheet, pastes with `y` as well:
/// nothing crashes, and nothing is started, steered or aborted.
#[test]
fn ten_thousand_keys_of_chance_crash_nothing_and_start_nothing() {
    let mut dice = Dice::new();
    let world = World::new();
    world.run("@db", "df -h");
    world.run("@web", "systemctl is-active app");
    let before = deeds(&world);
    let engine = world.conn.engine().expect("an engine runs");
    let mut console = open_apart(&world);
    console.wait_for("ENDED 2");
    let mut sent = 0;
    while sent < KEYS {
        // Now and then many at once, which are a burst; mostly few, which count.
        let many = if dice.below(4) == 0 { 60 } else { 6 };
        let mut bytes = Vec::new();
        for _ in 0..=dice.below(many) {
            let key = key(&mut dice);
            if key.len() > 1 || !confirms(key[0]) {
                bytes.extend(key);
                sent += 1;
            }
        }
        let written = console.written();
        console.send(&bytes);
        breathe(&console, written);
        if !console.runs() {
            // `q` leaves, and only so.
            let picture = console.picture();
            assert_eq!(console.wait_end(), 0, "after {sent} keys\n{picture}");
            assert!(
                console.text().contains("Detached"),
                "after {sent} keys\n{picture}"
            );
            console = open_apart(&world);
            console.wait_for("1 here");
        }
    }
    drop(console);
    assert!(engine.is_alive(), "the engine is the one it was");
    assert_eq!(deeds(&world), before);
    let mut again = world.open(80, 24);
    again.wait_for("ENDED 2");
    leave(&mut again);
}

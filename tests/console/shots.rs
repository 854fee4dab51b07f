//! `screenshots/`: the real program on the demo fleet, and that the pictures are as it looks today.
//!
//! `CONN_SHOTS=write cargo test --locked --test console screenshots` makes them anew.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::picture::{DARK, Ground, LIGHT, svg, text_of};
use super::support::{PATIENCE, wait_until};
use super::terminal::{Terminal, a_person_reads};
use super::way::leave;
use super::world::World;

const AGAIN: &str = "CONN_SHOTS=write cargo test --locked --test console screenshots";
const SIZES: [(u16, u16); 2] = [(80, 24), (160, 45)];
/// A screen that is as it should be is so long before this.
const LIMIT: Duration = Duration::from_secs(20);
/// So many wrong pictures are enough to tell.
const ENOUGH: usize = 3;

/// Pictures made or compared so far.
struct Album {
    write: bool,
    wrong: Vec<String>,
    made: Vec<String>,
}

impl Album {
    /// One screen at both sizes; `ready` stands on it when it is complete.
    #[track_caller]
    fn take(&mut self, console: &Terminal, name: &str, ready: &str, ground: &Ground) {
        for (width, height) in SIZES {
            console.resize(width, height);
            console.wait_for(ready);
            let file = format!("{name}-{width}x{height}.svg");
            let path = folder().join(&file);
            if self.write {
                settle(console, ground);
                std::fs::write(&path, svg(&console.screen(), ground)).unwrap();
            } else {
                self.compare(console, &path, ground);
            }
            self.made.push(file);
        }
        let (width, height) = SIZES[0];
        console.resize(width, height);
        console.wait_for(ready);
    }

    /// One screen at both sizes whose bars and times go on: it is not compared with its picture, and
    /// must only be complete.
    #[track_caller]
    fn take_moving(&mut self, console: &Terminal, name: &str, ready: &str) {
        for (width, height) in SIZES {
            console.resize(width, height);
            console.wait_for(ready);
            let file = format!("{name}-{width}x{height}.svg");
            if self.write {
                // What came with the new size is drawn by then.
                a_person_reads();
                let path = folder().join(&file);
                std::fs::write(path, svg(&console.screen(), &DARK)).unwrap();
            }
            self.made.push(file);
        }
        let (width, height) = SIZES[0];
        console.resize(width, height);
        console.wait_for(ready);
    }

    fn compare(&mut self, console: &Terminal, path: &std::path::Path, ground: &Ground) {
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        let end = Instant::now() + LIMIT;
        loop {
            let now = svg(&console.screen(), ground);
            if now == kept {
                return;
            }
            if Instant::now() > end {
                self.wrong.push(difference(path, &kept, &now));
                assert!(self.wrong.len() < ENOUGH, "{}", self.report());
                return;
            }
            std::thread::sleep(Duration::from_millis(40));
        }
    }

    fn report(&self) -> String {
        format!(
            "{}\nWhen it is meant to look so, make them anew and look at them: {AGAIN}",
            self.wrong.join("\n")
        )
    }
}

/// What differs first, row by row.
fn difference(path: &std::path::Path, kept: &str, now: &str) -> String {
    let mut told = format!("{} is not what the console looks like:", path.display());
    let rows = kept.lines().zip(now.lines());
    for (kept, now) in rows.filter(|(kept, now)| kept != now).take(3) {
        let (was, is) = (text_of(kept), text_of(now));
        let (was, is) = if was == is {
            (kept.to_owned(), now.to_owned())
        } else {
            (was, is)
        };
        let _ = write!(told, "\n  picture {was}\n  console {is}");
    }
    if kept.is_empty() {
        told.push_str("\n  there is no such file");
    }
    told
}

/// The picture that two ticks of the clock left as it was.
#[track_caller]
fn settle(console: &Terminal, ground: &Ground) {
    let clock = || console.screen().rows(0, 250).next();
    let (mut last, mut same) = (String::new(), 0);
    let end = Instant::now() + LIMIT;
    while same < 2 {
        let before = clock();
        wait_until("the clock to go on", PATIENCE, || clock() != before);
        let now = svg(&console.screen(), ground);
        assert!(
            Instant::now() < end,
            "it does not stand still: {}\n{}",
            difference(std::path::Path::new("the picture"), &last, &now),
            console.picture()
        );
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("screenshots")
}

/// What is there when the console opens: as the demo has it, one after the other.
fn seed(world: &World) {
    world.start("@web", "uptime", &[]);
    world.start("@web", "cat /etc/app.conf", &[]);
    world.start("cache04", "journalctl -n 8", &[]);
    world.start("@db", "df -h", &[]);
    world.start("@*", "systemctl is-active app", &["--timeout", "4s"]);
}

/// To a screen by the palette.
#[track_caller]
fn go(console: &mut Terminal, what: &str, ready: &str) {
    console.send(":");
    console.wait_for("save FILE");
    console.send(what);
    console.wait_for(what);
    console.send("\r");
    console.wait_gone("save FILE");
    console.wait_for(ready);
}

#[test]
fn the_screenshots_are_what_the_console_looks_like() {
    let world = World::new();
    seed(&world);
    let mut album = Album {
        write: std::env::var_os("CONN_SHOTS").is_some_and(|value| value == "write"),
        wrong: Vec::new(),
        made: Vec::new(),
    };
    if album.write {
        std::fs::create_dir_all(folder()).unwrap();
    }
    every_screen(&world, &mut album);
    every_look(&world, &mut album);
    drop(world);
    every_flow_screen(&mut album);
    assert!(album.wrong.is_empty(), "{}", album.report());
    let mut kept: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .flatten()
        .filter_map(|file| file.file_name().into_string().ok())
        .collect();
    kept.sort();
    album.made.sort();
    assert_eq!(kept, album.made, "files in screenshots/ that no screen has");
}

fn every_screen(world: &World, album: &mut Album) {
    let mut console = world.open(80, 24);
    console.wait_for("ENDED 5");
    album.take(&console, "now", "ENDED 5", &DARK);
    console.send("22");
    album.take(&console, "runs", "5 of 5 runs", &DARK);
    console.send("\r");
    album.take(&console, "run", "FAILURES 6 in 6 groups", &DARK);
    console.send("v");
    console.wait_for("host key");
    album.take(&console, "hosts-of-run", "FAILURES 6 in 6 groups", &DARK);
    go(&mut console, "output of run 5", "7 groups of 60 hosts");
    album.take(&console, "output", "7 groups of 60 hosts", &DARK);
    go(&mut console, "output of run 2", "2 groups of 16 hosts");
    console.send("j=");
    album.take(&console, "diff", "── diff: ", &DARK);
    go(&mut console, "run 3 journalctl", "host 1 of 1");
    console.send("\r");
    album.take(&console, "host-output", "lines ", &DARK);
    go(&mut console, "hosts and groups", "all hosts");
    album.take(&console, "hosts", "the last connection", &DARK);
    go(&mut console, "audit", "run 5: ");
    album.take(&console, "audit", "run 5: ", &DARK);
    console.send("22");
    console.wait_for("5 of 5 runs");
    console.send(":");
    console.wait_for("save FILE");
    console.send("th");
    album.take(&console, "palette", "matches", &DARK);
    console.send("\x1b");
    console.wait_gone("save FILE");
    console.send("1");
    console.wait_for("ENDED 5");
    console.send("?");
    album.take(&console, "help", "KEYS HERE", &DARK);
    console.send("\x1b");
    console.wait_gone("KEYS HERE");
    console.send("r");
    console.wait_for("RUN A COMMAND");
    console.send("@web!web14");
    console.wait_for("15 hosts   ");
    console.send("\t");
    console.wait_for(">command");
    console.send("sudo systemctl restart app");
    album.take(&console, "start", "restart app", &DARK);
    console.send("\r");
    album.take(&console, "sheet", "Do it?", &DARK);
    a_person_reads();
    console.send("n");
    console.wait_gone("Do it?");
    console.send("\x1b");
    console.wait_gone("RUN A COMMAND");
    leave(&mut console);
}

/// The same screen with fewer colours, and on a light ground.
fn every_look(world: &World, album: &mut Album) {
    let looks = [
        ("sixteen", "sixteen", ("TERM", "xterm"), &DARK),
        ("mono", "mono", ("NO_COLOR", "1"), &DARK),
        ("light", "light", ("COLORTERM", "truecolor"), &LIGHT),
        ("terminal-on-light", "terminal", ("COLORTERM", ""), &LIGHT),
        ("harbour", "harbour", ("COLORTERM", "truecolor"), &DARK),
    ];
    for (name, theme, (variable, value), ground) in looks {
        world.settings(&format!("[console]\ntheme = {theme:?}\n"));
        let mut command = world.console();
        command.env(variable, value);
        let mut console = Terminal::open(command, 80, 24);
        console.wait_for("ENDED 5");
        console.send("22");
        console.wait_for("5 of 5 runs");
        console.send("\r");
        album.take(
            &console,
            &format!("run-{name}"),
            "FAILURES 6 in 6 groups",
            ground,
        );
        leave(&mut console);
    }
    world.settings("");
}

/// A flow that asks before it touches the hosts of its second batch.
const ASKS: &str = r#"
kind  = "simple"
name  = "RestartWeb"
about = "Restart the web servers: one, a look, then the rest."

[params.reason]
type    = "string"
default = "rotated certificates"
about   = "why, for the log"

[rollout]
batches = [1, "100%"]

[[steps]]
name    = "confirm"
approve = { role = "operator", text = "Does web01 serve as before?" }
when    = "batch > 1"

[[steps]]
name = "restart"
exec = { command = "echo {{ reason }}; hostname" }
"#;

/// The example site of the demo: a rollout that stands at its canary, and one that asks.
fn site() -> World {
    let world = World::new();
    let config = world.conn.home().join("config");
    theconn::demo::example::lay(&config).unwrap();
    std::fs::write(config.join("flows/restart-web.toml"), ASKS).unwrap();
    let at = |path: &str| config.join(path).display().to_string();
    let (flows, actions) = (at("flows"), at("actions"));
    world.conn.run(["apply", &flows, &actions]).expect_success();
    let start = |args: &[&str]| {
        let args = ["--quiet", "flow", "start"].iter().chain(args).copied();
        world.conn.run(args)
    };
    start(&["InstallPretendServices", "-w", "@hbase"]).expect_success();
    start(&["--detach", "FlightingUpdate", "--set", "version=2.4.18"]).expect_success();
    start(&["--detach", "RestartWeb", "-w", "web[01-04]"]).expect_success();
    world
}

fn every_flow_screen(album: &mut Album) {
    let world = site();
    let mut console = world.open(80, 24);
    console.wait_for("PAUSED");
    console.wait_for("WAITS");
    console.send("2");
    console.wait_for("RUNNING 2");
    album.take_moving(&console, "flows", "FLOWS 6");
    go(&mut console, "run 2 FlightingUpdate", "PAUSED by conn");
    album.take_moving(&console, "flow-stages", "── what happened");
    console.send("\r");
    console.wait_for(">X 3 install");
    album.take_moving(&console, "flow-steps", "── steps ");
    console.send("v");
    album.take_moving(&console, "flow-time", "when each batch was at work");
    go(&mut console, "run 4 RestartWeb", "WAITING for approval");
    console.send("A");
    album.take_moving(&console, "flow-approval", "Do it?");
    a_person_reads();
    console.send("n");
    console.wait_gone("Do it?");
    go(
        &mut console,
        "start UpgradeRegionServer",
        "START UpgradeRegionServer",
    );
    console.send("@hbase&@canary");
    console.wait_for("2 hosts   ");
    console.send("\t");
    console.wait_for(">version");
    console.send("2.4.18");
    console.wait_for("batches   2 batches");
    album.take_moving(&console, "flow-start", "── plan");
    console.send("\x1b");
    console.wait_gone("START UpgradeRegionServer");
    console.send("2/RestartWeb\r");
    console.wait_for("filter: RestartWeb");
    console.send("GI");
    console.wait_for("kind  = \"simple\"");
    console.send("# Asks Kim first.\r");
    console.wait_for("It fits everything that is stored.");
    console.send("\t");
    album.take_moving(&console, "flow-editor", "+# Asks Kim first.");
    a_person_reads();
    console.send("n");
    console.wait_gone("Save it as version 2?");
    console.send("\x1b");
    console.wait_gone("EDIT flow/RestartWeb");
    leave(&mut console);
}

//! Names, values, questions and sentences that want to act on the terminal, on every screen of flows.

use serde_json::Value;

use super::Console;
use super::families::with_family;
use super::flow_fixtures::with_flows;
use crate::wire::Request;
use crate::wire::reply::{Fault, Reply};

/// Colours, a title, a bell, text from right to left, nothing wide, other lines, eight-bit controls.
const HOSTILE: &str = "\x1b[31m\x1b]0;pwned\x07\u{202e}evil\u{200b}\u{2066}\r\n\t\u{9b}1m\u{85}";

/// What comes from people, hosts and definitions; other words are of our own.
const FROM_OUTSIDE: &[&str] = &[
    "title", "about", "targets", "because", "what", "step", "stage", "item", "starter", "holder",
    "by", "detail", "hosts", "host", "steps", "parts", "needs", "of", "name", "app", "broken",
    "warnings", "line", "user", "origin", "who", "gate", "does", "notes", "message", "hint",
    "command", "url",
];

/// The same answer, with that behind every text from outside.
fn made_hostile(value: &mut Value, outside: bool) {
    match value {
        Value::String(text) if outside => text.push_str(HOSTILE),
        Value::Array(all) => all
            .iter_mut()
            .for_each(|value| made_hostile(value, outside)),
        Value::Object(map) => {
            for (key, value) in map {
                made_hostile(value, FROM_OUTSIDE.contains(&key.as_str()));
            }
        }
        _ => {}
    }
}

fn hostile(reply: &Reply) -> Reply {
    let mut value = serde_json::to_value(reply).unwrap();
    made_hostile(&mut value, false);
    serde_json::from_value(value).unwrap()
}

fn engine(request: &Request) -> Result<Reply, Fault> {
    let reply = match request {
        Request::Overview(_) | Request::Runs(_) => with_family(3)(request)?,
        other => with_flows(other)?,
    };
    Ok(match reply {
        // Text that must be read as a definition.
        Reply::Definition(_) | Reply::Lines(_) => reply,
        other => hostile(&other),
    })
}

/// Whether a terminal acts on it, or a person is misled by it.
fn acts(letter: char) -> bool {
    let bidi = matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    letter.is_control() || bidi || matches!(letter, '\u{200b}'..='\u{200d}' | '\u{feff}')
}

fn look(console: &mut Console, at: &str) {
    let buffer = console.draw();
    for cell in &buffer.content {
        let bad = cell.symbol().chars().find(|letter| acts(*letter));
        assert!(bad.is_none(), "{at}: {bad:?} in {:?}", console.screen());
    }
}

#[test]
fn nothing_that_comes_from_outside_acts_on_the_terminal_from_a_screen_of_flows() {
    let ways = [
        // Lists.
        "",
        "2",
        "2 2",
        "2 2 l",
        "2 2 F j j",
        "2 /",
        // A definition, its form, its plan, its text.
        "2 G Enter",
        "2 G s",
        "2 G s Tab Tab Tab",
        "2 G I",
        "2 G Enter Tab",
        "2 G Enter Tab Tab",
        // A run of stages, in each of its views, and what asks.
        "2 g g Enter",
        "2 g g Enter v",
        "2 g g Enter j Enter",
        "2 g g Enter K",
        "2 g g Enter X",
        "2 g g Enter R",
        "2 g g Enter B",
        "2 g g Enter T",
        "2 g g Enter i",
        "2 g g Enter A",
        // A part of it, step by step, over time, by host.
        "2 2 l j j Enter",
        "2 2 l j j Enter v",
        "2 2 l j j Enter v v",
        "2 2 l j j Enter v v v",
        "2 2 l j j Enter l K",
        "2 2 l j j Enter K Tab",
        "2 2 l j j Enter Z",
        "2 2 l j j Enter L",
        "2 2 l j j Enter Enter",
        "2 2 l j j Enter f",
        ": f l i g h t",
        "?",
    ];
    for size in [(80, 24), (160, 45), (44, 12)] {
        let mut seen = 0;
        for way in ways {
            let mut console = Console::new(size.0, size.1);
            console.answer(engine);
            for key in way.split(' ').filter(|key| !key.is_empty()) {
                console.press(key).answer(engine);
                look(&mut console, way);
            }
            look(&mut console, way);
            seen += usize::from(console.screen().contains("evil"));
        }
        // On a small screen there is room for the beginnings of texts only.
        let enough = seen > ways.len() / 3 || size.0 < 80;
        assert!(enough, "it is on few screens: {seen} of {size:?}");
    }
}

#[test]
fn a_fault_of_the_engine_is_said_and_not_acted_on() {
    let mut console = Console::new(80, 24);
    let refuses = |request: &Request| match request {
        Request::Overview(_) => with_flows(request),
        _ => Err(Fault::refused(HOSTILE.to_owned())),
    };
    for way in ["2", "2 2", "2 g g Enter"] {
        for key in way.split(' ') {
            console.press(key).answer(refuses);
            look(&mut console, way);
        }
    }
}

//! The house keeps its floors: a room imports only what is below it.
//!
//! Reads the imports of every source file. Test modules inside rooms obey as well.

#![allow(clippy::unwrap_used, clippy::panic)] // a test program

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Rooms by floor, ground first. Rooms of one floor do not know each other unless listed below.
const GROUND: &[&str] = &["flow", "inventory", "run", "trust"];
const FIRST: &[&str] = &["demo", "http", "site", "ssh", "store"];

/// What each room may import besides itself.
fn allowed(room: &str) -> BTreeSet<&'static str> {
    let mut rooms: BTreeSet<&'static str> = BTreeSet::new();
    let mut add = |more: &[&'static str]| rooms.extend(more);
    match room {
        "run" => {}
        "flow" | "inventory" | "trust" => add(&["run"]),
        "demo" | "http" | "site" | "ssh" | "store" | "wire" => add(GROUND),
        "engine" => {
            add(GROUND);
            add(&["http", "site", "ssh", "store", "wire"]);
        }
        "tui" => {
            add(GROUND);
            add(&["wire"]);
        }
        "cli" => {
            add(GROUND);
            add(&["site", "tui", "wire"]);
        }
        other => panic!("the room {other} has no floor: give it one here and in ARCHITECTURE.md"),
    }
    rooms
}

/// Outside things that each floor must not touch.
fn banned(room: &str) -> &'static [&'static str] {
    match room {
        room if GROUND.contains(&room) => &[
            "tokio",
            "russh",
            "sled",
            "ratatui",
            "std::fs",
            "std::env",
            "std::net::Tcp",
            "std::net::Udp",
            "ToSocketAddrs",
            "std::process",
            "std::time::Instant",
            "std::time::SystemTime",
            "Utc::now",
            "Local::now",
            "rand::",
        ],
        room if FIRST.contains(&room) && room != "ssh" && room != "demo" => &["russh", "ratatui"],
        "ssh" | "demo" => &["sled", "ratatui"],
        "wire" => &["russh", "sled", "ratatui", "std::fs"],
        "engine" => &["russh::", "sled::", "ratatui"],
        "cli" | "tui" => &["russh", "sled"],
        _ => &[],
    }
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
}

fn room_of(source: &Path, file: &Path) -> Option<String> {
    let inside = file.strip_prefix(source).unwrap();
    let first = inside.components().next()?.as_os_str().to_str()?;
    let room = first.strip_suffix(".rs").unwrap_or(first);
    (room != "main" && room != "lib").then(|| room.to_owned())
}

/// Lines that are code: comments and documentation may name anything.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn rooms_named(line: &str) -> Vec<String> {
    line.match_indices("crate::")
        .flat_map(|(at, _)| {
            let rest = &line[at + "crate::".len()..];
            let names: Vec<String> = match rest.strip_prefix('{') {
                Some(list) => list
                    .split([',', '}'])
                    .map(|name| name.trim().to_owned())
                    .collect(),
                None => vec![rest.to_owned()],
            };
            names.into_iter().map(|name| {
                name.chars()
                    .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                    .collect::<String>()
            })
        })
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn every_room_imports_only_what_is_below_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&source, &mut files);
    assert!(files.len() > 50, "the sources were not found");
    let mut wrong = Vec::new();
    for file in &files {
        let Some(room) = room_of(&source, file) else {
            continue;
        };
        let text = std::fs::read_to_string(file).unwrap();
        let may = allowed(&room);
        for (number, line) in code_lines(&text) {
            let place = format!("{}:{number}", file.strip_prefix(&source).unwrap().display());
            for name in rooms_named(line) {
                if name != room && !may.contains(name.as_str()) {
                    wrong.push(format!("{place}: {room} must not know {name}"));
                }
            }
            for word in banned(&room) {
                if line.contains(word) && !is_test_file(file) {
                    wrong.push(format!("{place}: {room} must not touch {word}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn is_test_file(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "tests")
        || file
            .file_stem()
            .is_some_and(|stem| stem.to_string_lossy().ends_with("tests"))
}

//! `conn check`, the real program: exit codes, carets, JSON.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn conn(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_conn"))
        .arg("--home")
        .arg(dir.join("home"))
        .arg("check")
        .args(args)
        .current_dir(dir)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn what_the_reference_of_definitions_shows_is_right() {
    let reference = include_str!("../config/README.md");
    let dir = tempfile::tempdir().unwrap();
    let flows = dir.path().join("flows");
    std::fs::create_dir(&flows).unwrap();
    let blocks = reference.split("```toml\n").skip(1);
    let mut shown = 0;
    for block in blocks {
        let (text, _) = block.split_once("```").unwrap();
        shown += 1;
        std::fs::write(flows.join(format!("{shown}.toml")), text).unwrap();
    }
    let out = conn(dir.path(), &["."]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert!(shown >= 3, "{shown} definitions are shown");
}

#[test]
fn the_example_site_is_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = tempfile::tempdir().unwrap();
    let config = root.join("config");
    let out = conn(dir.path(), &[config.to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    for name in [
        "FlightingUpdate",
        "GalaxyUpgradePool",
        "HBaseHealth",
        "UpgradeRegionServer",
        "inventory.toml",
    ] {
        assert!(text(&out.stdout).contains(name), "{name}");
    }
    assert!(
        !dir.path().join("home").exists(),
        "a check leaves nothing behind"
    );
}

#[test]
fn each_mistake_has_its_place_and_a_caret_and_the_exit_code_is_2() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("flows")).unwrap();
    std::fs::write(
        dir.path().join("flows/x.toml"),
        "kind = \"multi\"\nname = \"X\"\n\n[[stages]]\nname = \"a\"\nflow = \"Y\"\n",
    )
    .unwrap();
    let out = conn(dir.path(), &["."]);
    assert_eq!(out.status.code(), Some(2));
    assert_eq!(text(&out.stdout), "");
    assert_eq!(
        text(&out.stderr),
        "./flows/x.toml:6:8: there is no flow \"Y\"; check it together with the file that defines it\n  |\n6 | flow = \"Y\"\n  |        ^\nconn: 1 mistake\n"
    );
    let out = conn(dir.path(), &["--json", "flows"]);
    assert_eq!(out.status.code(), Some(2));
    let told: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(told["ok"], json!(false));
    assert_eq!(
        told["complaints"],
        json!([{ "file": "flows/x.toml", "line": 6, "column": 8, "message": "there is no flow \"Y\"", "hint": "check it together with the file that defines it" }])
    );
    let out = conn(dir.path(), &["none"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).starts_with("none: this file cannot be read: "));
    assert_eq!(conn(dir.path(), &[]).status.code(), Some(2));
}

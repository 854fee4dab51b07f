//! Definitions that are right are read whole; each that is wrong yields exactly the complaints
//! written beside it.
//!
//! `CONN_WRITE_EXPECTED=1 cargo test --test definitions` writes them anew.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use theconn::flow::definition::Definition;
use theconn::flow::read;

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "toml"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn every_good_definition_is_read_and_survives_the_store() {
    for file in ["tests/definitions/good", "config/flows", "config/actions"]
        .iter()
        .flat_map(|folder| files(folder))
    {
        let text = std::fs::read_to_string(&file).unwrap();
        let source = read::definition(&name(&file), &text)
            .unwrap_or_else(|errors| panic!("{}", errors.with_carets()));
        let stored = serde_json::to_string(&source.definition).unwrap();
        let again: Definition = serde_json::from_str(&stored).unwrap();
        assert_eq!(again, source.definition, "{}", file.display());
    }
}

#[test]
fn every_bad_definition_yields_the_complaints_beside_it() {
    let mut wrong = Vec::new();
    for file in files("tests/definitions/bad") {
        let text = std::fs::read_to_string(&file).unwrap();
        let told = match read::definition(&name(&file), &text) {
            Ok(_) => "no complaints at all".to_owned(),
            Err(errors) => errors.with_carets() + "\n",
        };
        let beside = file.with_extension("txt");
        if std::env::var_os("CONN_WRITE_EXPECTED").is_some() {
            std::fs::write(&beside, &told).unwrap();
        }
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        if told != expected {
            wrong.push(format!(
                "=== {}\n{told}--- but expected\n{expected}",
                file.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn good_texts() -> Vec<String> {
    let folders = ["tests/definitions/good", "config/flows", "config/actions"];
    let files = folders.iter().flat_map(|folder| files(folder));
    files
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect()
}

/// Good definitions, damaged.
fn damaged() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(
        &[
            "\"",
            "'",
            "{",
            "}",
            "[",
            "]",
            "=",
            "\n",
            "{{",
            "}}",
            "\0",
            "é",
            "-1",
            "99999999999",
            "kind = \"multi\"\n",
            "[[steps]]\n",
            "name",
            "$(",
        ][..],
    );
    let damage = (any::<prop::sample::Index>(), 0_usize..12, piece);
    let text = prop::sample::select(good_texts());
    (text, prop::collection::vec(damage, 1..4)).prop_map(|(mut text, damages)| {
        for (at, cut, piece) in damages {
            let chars: Vec<char> = text.chars().collect();
            let at = at.index(chars.len() + 1);
            let after = (at + cut).min(chars.len());
            text = chars[..at]
                .iter()
                .copied()
                .chain(piece.chars())
                .chain(chars[after..].iter().copied())
                .collect();
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_definition_is_read_or_refused_with_a_place_and_never_more(text in damaged()) {
        match read::definition("x.toml", &text) {
            Ok(source) => {
                let stored = serde_json::to_string(&source.definition).unwrap();
                let again: Definition = serde_json::from_str(&stored).unwrap();
                prop_assert_eq!(again, source.definition);
            }
            Err(errors) => {
                prop_assert!(!errors.0.is_empty(), "refused without a word: {text}");
                let lines = text.split('\n').count();
                prop_assert!(errors.0.iter().all(|error| (1..=lines).contains(&(error.place.line as usize))));
            }
        }
    }
}

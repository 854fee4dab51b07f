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

//! Definitions on disk: finds the files, reads them, and checks them together.
//!
//! | path | what is read |
//! |---|---|
//! | a file | that file, as a definition (`conn.toml` and `inventory.toml` as what they are) |
//! | a directory | `flows/*.toml`, `actions/*.toml`, `conn.toml`, `inventory.toml`, and every other `*.toml` in it that has a `kind` |

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::SiteError;
use super::paths::INVENTORY_FILE;
use super::read;
use super::settings::Settings;
use crate::flow::book::Book;
use crate::flow::definition::Kind;
use crate::flow::read::{Source, definition};
use crate::inventory::{InventoryError, expand_plain, native};
use crate::run::complaint::{Complaint, Complaints, Place};

/// Folders of definitions that are understood.
const FOLDERS: [&str; 2] = ["flows", "actions"];
const SETTINGS_FILE: &str = "conn.toml";
/// No definition is larger.
const MAX_DEFINITION: usize = 1 << 20;

/// What was found and what is wrong with it.
#[derive(Debug, Default)]
pub struct Checked {
    /// The definitions, when nothing is wrong with any of them.
    pub book: Book,
    /// Settings and inventories that were checked as well.
    pub others: Vec<PathBuf>,
    /// TOML files below a directory that nothing here understands.
    pub passed_over: Vec<PathBuf>,
    /// Everything that is wrong.
    pub complaints: Vec<Complaint>,
}

/// Definitions that were read, each alone.
#[derive(Debug, Default)]
pub struct Read {
    /// What was found beside them.
    pub checked: Checked,
    /// The definitions.
    pub sources: Vec<Source>,
    /// The kinds of which a whole directory was read: what is not in it is not there.
    pub whole: BTreeSet<Kind>,
}

/// Reads all definitions of these files and directories.
pub fn read_all(paths: &[PathBuf]) -> Read {
    let mut search = Search::default();
    for path in paths {
        search.path(path);
    }
    Read {
        checked: search.checked,
        sources: search.sources,
        whole: paths.iter().flat_map(|path| kinds_in(path)).collect(),
    }
}

/// The folder of definitions of a kind.
pub fn folder(kind: Kind) -> &'static str {
    match kind {
        Kind::Flow => FOLDERS[0],
        Kind::Action => FOLDERS[1],
    }
}

/// The kinds that a directory holds all of.
fn kinds_in(path: &Path) -> Vec<Kind> {
    if !path.is_dir() {
        return Vec::new();
    }
    // A dot has no name of its own.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let kinds = [Kind::Flow, Kind::Action];
    let own = kinds.iter().find(|kind| path.ends_with(folder(**kind)));
    own.map_or_else(|| kinds.to_vec(), |own| vec![*own])
}

/// Reads and checks all definitions of these files and directories.
pub fn check(paths: &[PathBuf]) -> Checked {
    let Read {
        mut checked,
        sources,
        ..
    } = read_all(paths);
    if checked.complaints.is_empty() {
        match Book::new(sources) {
            Ok(book) => checked.book = book,
            Err(Complaints(complaints)) => checked.complaints = complaints,
        }
    }
    checked
}

#[derive(Default)]
struct Search {
    checked: Checked,
    sources: Vec<Source>,
    /// Files that were read, by their real paths.
    seen: BTreeSet<PathBuf>,
    /// Files that are understood, those met again included.
    met: usize,
}

impl Search {
    fn path(&mut self, path: &Path) {
        if path.is_dir() {
            self.directory(path);
        } else {
            self.file(path, true);
        }
    }

    fn directory(&mut self, dir: &Path) {
        let before = self.met;
        let is_folder = |dir: &Path| {
            dir.file_name()
                .is_some_and(|name| FOLDERS.iter().any(|folder| name == *folder))
        };
        let definitions = is_folder(dir);
        for entry in self.entries(dir) {
            if entry.is_dir() {
                let understood = is_folder(&entry);
                for file in self
                    .entries(&entry)
                    .into_iter()
                    .filter(|file| is_toml(file))
                {
                    if understood {
                        self.file(&file, true);
                    } else {
                        self.checked.passed_over.push(file);
                    }
                }
            } else if is_toml(&entry) {
                self.file(&entry, definitions);
            }
        }
        if self.met == before && self.checked.complaints.is_empty() {
            let message = "there is no definition in this directory; they are flows/*.toml and actions/*.toml in it";
            self.complain(dir, message.to_owned());
        }
    }

    /// What is in a directory, sorted.
    fn entries(&mut self, dir: &Path) -> Vec<PathBuf> {
        let found = std::fs::read_dir(dir).and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<Result<Vec<_>, _>>()
        });
        match found {
            Ok(mut entries) => {
                entries.sort();
                entries
            }
            Err(error) => {
                self.complain(dir, format!("this directory cannot be read: {error}"));
                Vec::new()
            }
        }
    }

    /// Reads a file; `surely`: it is a definition whatever it holds.
    fn file(&mut self, path: &Path, surely: bool) {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if self.seen.contains(&real) {
            self.met += 1;
            return;
        }
        let name = path.file_name().and_then(|name| name.to_str());
        let outcome = match name {
            Some(SETTINGS_FILE) => Settings::load(path).map(|_| None),
            Some(INVENTORY_FILE) => inventory(path).map(|()| None),
            _ => source(path, surely).map(Some),
        };
        match outcome {
            Ok(None) => self.checked.others.push(path.to_owned()),
            Ok(Some(None)) => return self.checked.passed_over.push(path.to_owned()),
            Ok(Some(Some(source))) => self.sources.push(*source),
            Err(error) => self.complain_of(path, error),
        }
        self.seen.insert(real);
        self.met += 1;
    }

    fn complain(&mut self, path: &Path, message: String) {
        let place = Place::whole(&Arc::from(path.display().to_string()));
        self.checked.complaints.push(Complaint::new(place, message));
    }

    fn complain_of(&mut self, path: &Path, error: SiteError) {
        match error {
            SiteError::Config(Complaints(more))
            | SiteError::Inventory(InventoryError::Text(Complaints(more))) => {
                self.checked.complaints.extend(more);
            }
            SiteError::Unreadable { source, .. } => {
                self.complain(path, format!("this file cannot be read: {source}"));
            }
            SiteError::NotText { line, .. } => {
                let file = Arc::from(path.display().to_string());
                let line = u32::try_from(line).unwrap_or(0);
                let complaint =
                    Complaint::new(Place::new(&file, line, 0), "this line is not UTF-8");
                self.checked
                    .complaints
                    .push(complaint.hint("save the file as UTF-8"));
            }
            other => self.complain(path, other.to_string()),
        }
    }
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|ext| ext == "toml") && path.is_file()
}

/// A definition; nothing, when the file may be something else and does look so.
fn source(path: &Path, surely: bool) -> Result<Option<Box<Source>>, SiteError> {
    let text = read::text(path)?;
    let file = path.display().to_string();
    if text.len() > MAX_DEFINITION {
        let place = Place::whole(&Arc::from(file));
        let complaint = Complaint::new(
            place,
            "this file is larger than 1 MiB, which no definition is",
        );
        return Err(SiteError::Config(complaint.into()));
    }
    if !surely && !has_kind(&text) {
        return Ok(None);
    }
    Ok(Some(Box::new(definition(&file, &text)?)))
}

/// Whether a text names a kind before its first table.
fn has_kind(text: &str) -> bool {
    let lines = text.lines().map(str::trim_start);
    let mut above = lines.take_while(|line| !line.starts_with('['));
    above.any(|line| {
        let rest = line.strip_prefix("kind").map(str::trim_start);
        rest.is_some_and(|rest| rest.starts_with('='))
    })
}

fn inventory(path: &Path) -> Result<(), SiteError> {
    let text = read::text(path)?;
    native::parse("site", &path.display().to_string(), &text, &expand_plain)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOW: &str =
        "kind = 'simple'\nname = 'NAME'\n[[steps]]\nname = 'x'\nexec = { command = 'x' }\n";

    fn site(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    fn names(checked: &Checked) -> Vec<&str> {
        checked
            .book
            .iter()
            .map(|source| source.definition.name.as_str())
            .collect()
    }

    fn told(checked: &Checked) -> Vec<String> {
        checked.complaints.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn definitions_are_found_by_folder_and_by_content() {
        let dir = site(&[
            ("flows/b.toml", &FLOW.replace("NAME", "b")),
            ("flows/notes.txt", "not this"),
            ("a.toml", &FLOW.replace("NAME", "a")),
            ("keys.toml", "[keys]\n"),
            ("conn.toml", ""),
            ("inventory.toml", "[groups.web]\nmembers = 'web1'\n"),
            ("themes/x.toml", "name = 'x'\n"),
        ]);
        let checked = check(&[
            dir.path().to_owned(),
            dir.path().join("flows"),
            dir.path().join("a.toml"),
        ]);
        assert_eq!(told(&checked), Vec::<String>::new());
        assert_eq!(names(&checked), ["a", "b"]);
        assert_eq!(checked.others.len(), 2);
        let passed: Vec<_> = checked
            .passed_over
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(passed, ["keys.toml", "x.toml"]);
    }

    #[test]
    fn a_directory_is_the_whole_of_its_kinds_and_a_file_is_not() {
        let dir = site(&[
            ("flows/a.toml", &FLOW.replace("NAME", "a")),
            ("b.toml", &FLOW.replace("NAME", "b")),
        ]);
        let whole = |name: &str| {
            let read = read_all(&[dir.path().join(name)]);
            read.whole.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(whole("."), [Kind::Flow, Kind::Action]);
        assert_eq!(whole("flows"), [Kind::Flow]);
        assert_eq!(whole("flows/../flows/."), [Kind::Flow]);
        assert_eq!(whole("b.toml"), []);
        assert_eq!(read_all(&[dir.path().to_owned()]).sources.len(), 2);
    }

    #[test]
    fn all_that_is_wrong_is_told_with_its_file() {
        let dir = site(&[
            ("flows/a.toml", "kind = 1"),
            ("conn.toml", "[runn]\n"),
            ("inventory.toml", "x = 1\n"),
        ]);
        std::fs::write(
            dir.path().join("flows/b.toml"),
            b"kind = 'simple'\nname = '\xff'\n",
        )
        .unwrap();
        let checked = check(&[
            dir.path().to_owned(),
            dir.path().join("none.toml"),
            dir.path().join("flows/none"),
        ]);
        let told = told(&checked);
        for part in [
            "conn.toml:1:",
            "a.toml:1:8: \"kind\" must be a string",
            "b.toml:2: this line is not UTF-8",
            "inventory.toml:1:1",
            "none.toml: this file cannot be read",
        ] {
            assert!(
                told.iter().any(|line| line.contains(part)),
                "{part}: {told:?}"
            );
        }
        let empty = site(&[("x/y.toml", "")]);
        assert!(
            check(&[empty.path().to_owned()]).complaints[0]
                .message
                .contains("there is no definition")
        );
    }
}

//! `conn export`: what is stored, into files.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::args::ExportArgs;
use super::{KINDS, fetch, lines};
use crate::cli::args::Args;
use crate::cli::connect::connect;
use crate::cli::exit::{CliError, Exit};
use crate::cli::print::{say, say_json};
use crate::flow::definition::Kind;
use crate::flow::read::Source;
use crate::site::definitions::{folder, read_all};
use crate::wire::definitions::DefinitionView;

/// A definition and its file.
struct Page {
    view: DefinitionView,
    file: PathBuf,
    /// Whether the file says something else, or is not there.
    differs: bool,
}

/// `conn export`. Looks at all files before it writes one.
pub async fn export(args: &Args, words: &ExportArgs) -> Result<Exit, CliError> {
    let here = if words.dir.is_dir() {
        read_all(std::slice::from_ref(&words.dir)).sources
    } else {
        Vec::new()
    };
    let client = connect(args, false).await?;
    let mut pages = Vec::new();
    for kind in KINDS {
        for line in lines(&client, kind).await? {
            let view = fetch(&client, kind, &line.name, Some(line.version)).await?;
            pages.push(page(&words.dir, &here, view, words.force)?);
        }
    }
    for page in pages.iter().filter(|page| page.differs) {
        write(&page.file, &page.view.text)?;
    }
    report(args, words, &pages)?;
    Ok(Exit::Ok)
}

/// Where a definition goes: to the file that holds it already, if one does.
fn page(dir: &Path, here: &[Source], view: DefinitionView, force: bool) -> Result<Page, CliError> {
    let file = place(dir, here, view.kind, &view.name);
    let there = match std::fs::read(&file) {
        Ok(there) => Some(there),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(CliError::io(format!("reading {}", file.display()), error)),
    };
    let same = |there: &Vec<u8>| there == view.text.as_bytes();
    let differs = !there.as_ref().is_some_and(same);
    if differs && there.is_some() && !force {
        return Err(CliError::Usage(format!(
            "{} differs from the stored {} {}; no file was written. Look: conn diff {}; then write over it \
             with --force, or apply it",
            file.display(),
            view.kind.word(),
            view.name,
            dir.display()
        )));
    }
    Ok(Page {
        view,
        file,
        differs,
    })
}

fn place(dir: &Path, here: &[Source], kind: Kind, name: &str) -> PathBuf {
    let holds =
        |source: &&Source| source.definition.kind() == kind && source.definition.name == name;
    match here.iter().find(holds) {
        Some(source) => PathBuf::from(&*source.file),
        None => dir.join(folder(kind)).join(format!("{name}.toml")),
    }
}

/// Never a half file: it is written beside, then put in its place.
fn write(file: &Path, text: &str) -> Result<(), CliError> {
    let failed = |error| CliError::io(format!("writing {}", file.display()), error);
    let dir = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir).map_err(failed)?;
    // What a link points to is written, not the link.
    let file = &file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let dir = file.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::Builder::new()
        .prefix(".conn-export-")
        .permissions(permissions(file))
        .tempfile_in(dir)
        .map_err(failed)?;
    new.write_all(text.as_bytes()).map_err(failed)?;
    new.persist(file).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Those of the file it replaces; else what the system makes of a new file.
fn permissions(file: &Path) -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    let there = std::fs::metadata(file).map(|meta| meta.permissions());
    there.unwrap_or_else(|_| std::fs::Permissions::from_mode(0o666))
}

fn report(args: &Args, words: &ExportArgs, pages: &[Page]) -> Result<(), CliError> {
    if words.json {
        let all: Vec<Value> = pages.iter().map(document).collect();
        return say_json(&json!({ "files": all }));
    }
    for page in pages.iter().filter(|page| page.differs) {
        say(&page.file.display().to_string().escape_debug().to_string())?;
    }
    if args.quiet {
        return Ok(());
    }
    let written = pages.iter().filter(|page| page.differs).count();
    say(&format!(
        "{written} written, {} as they were",
        pages.len() - written
    ))
}

fn document(page: &Page) -> Value {
    json!({
        "kind": page.view.kind.word(),
        "name": page.view.name,
        "version": page.view.version.version,
        "file": page.file.display().to_string(),
        "written": page.differs,
    })
}

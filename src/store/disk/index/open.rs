//! Opens and closes sled with its pitfalls fenced off.

use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::batch::{MARK, Totals, weight};
use super::table::Table;
use crate::store::disk::layout::Layout;

/// How long sled may hold on to its files after it was dropped, and a process that is just being
/// started to a copy of them.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often to look whether they are free.
const LOOK: Duration = Duration::from_millis(2);

/// So many entries are read at once.
const PAGE: usize = 1000;

/// Calls sled; a panic is an error like any other.
pub(super) fn fenced<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(panic) => Err(format!("it panicked: {}", panic_text(&*panic))),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given")
}

/// Opens sled in a directory, which is made if it is not there; never the one it is in.
pub(super) fn open_table(dir: &Path, cache_bytes: u64) -> Result<Table, String> {
    if !dir.parent().is_some_and(Path::is_dir) {
        return Err("the state directory is gone".to_owned());
    }
    remove_half_snapshots(dir).map_err(|error| error.to_string())?;
    let config = sled::Config::new()
        .path(dir)
        .cache_capacity(cache_bytes)
        .flush_every_ms(None);
    fenced(|| config.open()).map(Table::Sled)
}

/// Ends sled, and waits until it has let go of its files: they may be moved or removed then.
pub(super) fn let_go(table: Table, dir: &Path) {
    let is_sled = !table.is_memory();
    // Dropping sled writes; on a bad day it panics.
    let _ = fenced(move || {
        drop(table);
        Ok(())
    });
    let until = Instant::now() + PATIENCE;
    while is_sled && is_held(dir) && Instant::now() < until {
        std::thread::sleep(LOOK);
    }
}

/// Whether somebody has the files of a sled open.
fn is_held(dir: &Path) -> bool {
    let Ok(file) = File::open(dir.join("db")) else {
        return false;
    };
    let held = flock(&file, FlockOperation::NonBlockingLockExclusive).is_err();
    // Closing alone does not do while a process that is just being started has a copy.
    let _ = flock(&file, FlockOperation::Unlock);
    held
}

/// A crash leaves them, and an empty one makes every later open fail.
fn remove_half_snapshots(dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Keeps a damaged index for a person to look at; only the last one, it holds nothing that is not
/// elsewhere.
pub(super) fn close_aside(layout: &Layout) -> io::Result<()> {
    let aside = layout.dir("aside").join("index");
    if aside.exists() {
        fs::remove_dir_all(&aside)?;
    }
    match fs::rename(layout.index(), aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Compares all entries with the sum that is kept of them.
pub(super) fn verify(table: &Table, totals: &Totals) -> Result<(), String> {
    let mut found = Totals {
        applied: totals.applied,
        ..Totals::default()
    };
    let mut last: Option<Vec<u8>> = None;
    loop {
        let page = table.list(b"", last.as_deref(), PAGE)?;
        for (key, value) in &page {
            if key != MARK {
                found.add(weight(key, value));
            }
        }
        let Some((key, _)) = page.into_iter().next_back() else {
            break;
        };
        last = Some(key);
    }
    if found == *totals {
        Ok(())
    } else {
        Err(format!(
            "it holds {} entries and not the {} it should",
            found.count, totals.count
        ))
    }
}

//! Whether files are still as they were when they were read.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Files are not looked at more often than this, so that 10,000 hosts cost one look.
const TRUST_FOR: Duration = Duration::from_millis(500);

/// What a file was like.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    path: PathBuf,
    /// Device, inode, size, seconds and nanoseconds of the last change; `None`: not there.
    state: Option<(u64, u64, u64, i64, i64)>,
}

/// What several files were like.
#[derive(Debug)]
pub(super) struct Stamps {
    stamps: Vec<Stamp>,
    looked: Instant,
}

impl Stamps {
    /// The files as they are now.
    pub(super) fn of(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            stamps: paths.into_iter().map(stamp).collect(),
            looked: Instant::now(),
        }
    }

    /// Whether none has changed since.
    pub(super) fn still_hold(&mut self) -> bool {
        if self.looked.elapsed() < TRUST_FOR {
            return true;
        }
        self.looked = Instant::now();
        self.stamps
            .iter()
            .all(|before| state(&before.path) == before.state)
    }
}

fn stamp(path: PathBuf) -> Stamp {
    Stamp {
        state: state(&path),
        path,
    }
}

fn state(path: &Path) -> Option<(u64, u64, u64, i64, i64)> {
    let meta = std::fs::metadata(path).ok()?;
    Some((
        meta.dev(),
        meta.ino(),
        meta.size(),
        meta.mtime(),
        meta.mtime_nsec(),
    ))
}

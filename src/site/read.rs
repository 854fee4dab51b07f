//! Reading files, and noticing that they changed.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::SiteError;
use crate::run::size::ByteSize;

/// No configuration or inventory is larger.
const MAX_FILE: ByteSize = ByteSize::from_mib(256);

/// What files and directories looked like before they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stamp(Vec<(PathBuf, Option<Look>)>);

/// Change time, length and inode; a file that is replaced or written changes one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    seconds: i64,
    nanoseconds: i64,
    length: u64,
    inode: u64,
}

impl Stamp {
    /// Notes how a path looks; to be called before it is read.
    pub(super) fn note(&mut self, path: &Path) {
        self.0.push((path.to_owned(), look(path)));
    }

    /// Whether everything looks the same as then.
    pub(super) fn holds(&self) -> bool {
        self.0.iter().all(|(path, seen)| look(path) == *seen)
    }
}

fn look(path: &Path) -> Option<Look> {
    let found = std::fs::metadata(path).ok()?;
    Some(Look {
        seconds: found.ctime(),
        nanoseconds: found.ctime_nsec(),
        length: found.len(),
        inode: found.ino(),
    })
}

/// A file's text.
pub(super) fn text(path: &Path) -> Result<String, SiteError> {
    let unreadable = |source| SiteError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE.bytes() + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE.bytes() {
        return Err(SiteError::TooLarge {
            path: path.to_owned(),
            limit: MAX_FILE,
        });
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good]
            .split(|byte| *byte == b'\n')
            .count();
        SiteError::NotText {
            path: path.to_owned(),
            line,
        }
    })
}

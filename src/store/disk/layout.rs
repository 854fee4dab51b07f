//! Where things lie in the state directory.
//!
//! ```text
//! format            which version wrote this
//! lock              held by the engine that has the directory open
//! reserve           space kept back for a person's own runs
//! log/N.log         the journal: everything live
//! audit/SEQ.log     audit records that left the journal, by the first one's number
//! engine/SEQ.log    the engine's own records that left the journal
//! kv/N.log          changes of keys that left the journal; kv/N.base holds all before it
//! sealed/XX/RUN.ev  the events of ended runs
//! seg/XX/RUN.seg    host output
//! blobs/XX/DIGEST   large content, zstd
//! index/            sled; made again from the rest when it is damaged
//! aside/            what was damaged, kept for a person to look at
//! ```

use std::path::{Path, PathBuf};

use crate::store::Digest;

/// All paths of one state directory.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    root: PathBuf,
}

/// The directories that are there from the start.
pub(super) const DIRS: [&str; 8] = [
    "log", "audit", "engine", "kv", "sealed", "seg", "blobs", "aside",
];

impl Layout {
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn format(&self) -> PathBuf {
        self.root.join("format")
    }

    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub fn reserve(&self) -> PathBuf {
        self.root.join("reserve")
    }

    pub fn index(&self) -> PathBuf {
        self.root.join("index")
    }

    pub fn dir(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub fn log_file(&self, number: u64) -> PathBuf {
        self.root.join("log").join(format!("{number:016x}.log"))
    }

    pub fn sealed(&self, run: u64) -> PathBuf {
        self.root
            .join("sealed")
            .join(shard(run))
            .join(format!("{run:016x}.ev"))
    }

    pub fn segment(&self, run: u64) -> PathBuf {
        self.root
            .join("seg")
            .join(shard(run))
            .join(format!("{run:016x}.seg"))
    }

    pub fn blob(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.root.join("blobs").join(&name[..2]).join(name)
    }
}

fn shard(run: u64) -> String {
    format!("{:02x}", run & 0xff)
}

/// The number a file's name stands for, if it has this extension.
pub(super) fn number(path: &Path, extension: &str) -> Option<u64> {
    let stem = path.file_stem()?.to_str()?;
    let fits = path.extension()? == extension && stem.len() == 16;
    fits.then(|| u64::from_str_radix(stem, 16).ok())?
}

/// The numbered files of a directory in ascending order.
pub(super) fn numbered(dir: &Path, extension: &str) -> std::io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if let Some(number) = number(&path, extension) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gives_its_number_back() {
        let layout = Layout::new(Path::new("/state"));
        assert_eq!(number(&layout.log_file(77), "log"), Some(77));
        assert_eq!(number(&layout.segment(u64::MAX), "seg"), Some(u64::MAX));
        assert_eq!(number(&layout.segment(1), "log"), None);
        assert_eq!(number(Path::new("/state/log/x.log"), "log"), None);
    }
}

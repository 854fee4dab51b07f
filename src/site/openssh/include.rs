//! Files that `Include` lines name.

use std::cell::RefCell;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::trust::ssh_config::IncludedFile;

/// Permission bits that let others change a file.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Finds included files and remembers where it looked.
#[derive(Default)]
pub(super) struct Includes {
    seen: RefCell<Vec<PathBuf>>,
}

impl Includes {
    /// The files of one absolute pattern, sorted by name.
    pub(super) fn find(&self, pattern: &str) -> Vec<IncludedFile> {
        // The folder tells when a file comes or goes that would match.
        if let Some(folder) = PathBuf::from(pattern).parent() {
            self.seen.borrow_mut().push(folder.to_path_buf());
        }
        let Ok(paths) = glob::glob(pattern) else {
            return Vec::new();
        };
        paths
            .flatten()
            .map(|path| {
                self.seen.borrow_mut().push(path.clone());
                read(&path)
            })
            .collect()
    }

    /// Every file and folder that was looked at.
    pub(super) fn seen(&self) -> Vec<PathBuf> {
        self.seen.borrow().clone()
    }
}

fn read(path: &Path) -> IncludedFile {
    let (text, refused) = match std::fs::read_to_string(path) {
        Ok(text) => (text, others_can_write(path)),
        Err(error) => (String::new(), Some(error.to_string())),
    };
    IncludedFile {
        path: path.display().to_string(),
        text,
        refused,
    }
}

fn others_can_write(path: &Path) -> Option<String> {
    let meta = std::fs::metadata(path).ok()?;
    let own = rustix::process::geteuid().as_raw();
    let foreign = meta.uid() != 0 && meta.uid() != own;
    (foreign || meta.mode() & WRITABLE_BY_OTHERS != 0)
        .then(|| "others than its owner can change it".to_owned())
}

//! Keeps what is damaged for a person to look at.

use std::path::Path;

use super::layout::Layout;

/// Copies a damaged file into `aside/`; says in words where it is.
pub(super) fn keep(layout: &Layout, path: &Path) -> String {
    let Some(name) = path.file_name() else {
        return "it could not be kept aside".to_owned();
    };
    let copy = layout.dir("aside").join(name);
    let len = |path: &Path| path.metadata().map(|meta| meta.len()).ok();
    // The same file is found damaged at every open until the journal is cut behind it.
    if len(&copy).is_some() && len(&copy) == len(path) {
        return format!("a copy is in {}", copy.display());
    }
    match std::fs::copy(path, &copy) {
        Ok(_) => format!("a copy is in {}", copy.display()),
        Err(error) => format!("it could not be kept aside: {error}"),
    }
}

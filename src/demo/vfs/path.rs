//! Paths as text.

use super::FsError;

/// Paths longer than this are refused, as Linux does.
pub const MAX: usize = 4096;

/// `path` seen from directory `base`.
pub fn join(base: &str, path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{base}/{path}")
    }
}

/// The directory that holds `path`.
pub fn parent_of(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(end) => &path[..end],
    }
}

/// An absolute path without `.`, `..` and doubled slashes.
pub fn normalise(path: &str) -> Result<String, FsError> {
    if path.len() > MAX {
        return Err(FsError::NameTooLong);
    }
    if path.is_empty() {
        return Err(FsError::NotFound);
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part if part.len() > 255 => return Err(FsError::NameTooLong),
            part => parts.push(part),
        }
    }
    Ok(format!("/{}", parts.join("/")))
}

/// The parts of a normalised path, last first.
pub fn components(path: &str) -> Vec<String> {
    path.split('/')
        .rev()
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What the paths of all that a directory holds begin with.
pub fn prefix_of(directory: &str) -> String {
    if directory == "/" {
        "/".into()
    } else {
        format!("{directory}/")
    }
}

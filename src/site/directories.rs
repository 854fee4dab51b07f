//! The directories of an instance on disk: made private, checked before they are trusted.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use super::error::SiteError;
use super::filesystem;
use super::paths::Paths;

/// Longest socket path, with the zero that ends it: `sun_path` on Linux; macOS has 104.
const MAX_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 108 } else { 104 };

/// Who may enter a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Its owner alone (0700).
    Owner,
    /// Everybody, but nobody else may write (0755): that of a shared engine's socket, whose own mode
    /// says who is let in.
    Others,
}

/// Makes the state directory if it is not there, and checks that it can be trusted.
///
/// # Errors
/// `Network`, `Unsafe` or `Directory`.
pub fn prepare_state(paths: &Paths, uid: u32) -> Result<(), SiteError> {
    let kind = filesystem::of(&paths.state);
    if let filesystem::Kind::Network(kind) = kind {
        return Err(SiteError::Network {
            path: paths.state.clone(),
            kind,
        });
    }
    // A shared engine's too: other users are given what the protocol gives, never its files.
    prepare(&paths.state, uid, Entry::Owner)
}

/// The first socket path of the instance that is fit, its directory made and checked.
///
/// # Errors
/// `NoSocket`, with the reason for each place.
pub fn choose_socket(paths: &Paths, uid: u32) -> Result<PathBuf, SiteError> {
    let mut reasons = Vec::new();
    for socket in &paths.sockets {
        match fit(socket, uid, entry(paths)) {
            Ok(()) => return Ok(socket.clone()),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(SiteError::NoSocket { reasons })
}

/// Makes a directory (and those above it) if it is not there, and checks owner, kind and mode.
///
/// # Errors
/// `Unsafe` or `Directory`.
pub fn prepare(path: &Path, uid: u32, entry: Entry) -> Result<(), SiteError> {
    let failed = |source| SiteError::Directory {
        path: path.to_owned(),
        source,
    };
    if let Err(error) = make(path, entry)
        && error.kind() != std::io::ErrorKind::AlreadyExists
    {
        return Err(failed(error));
    }
    let found = std::fs::symlink_metadata(path).map_err(failed)?;
    let allowed = allowed(entry);
    let mode = found.mode() & 0o777;
    let why = if !found.is_dir() {
        "is no directory, or a link to one".to_owned()
    } else if found.uid() != uid {
        format!("belongs to user {}, not to user {uid}", found.uid())
    } else if mode & !allowed != 0 {
        format!("is open to others (mode {mode:04o}, allowed {allowed:04o})")
    } else {
        return rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK)
            .map_err(|error| failed(error.into()));
    };
    Err(SiteError::Unsafe {
        path: path.to_owned(),
        why,
    })
}

/// Makes a directory for its owner alone, if it is not there; nothing above it.
pub fn make_private(dir: &Path) -> std::io::Result<()> {
    match std::fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn entry(paths: &Paths) -> Entry {
    if paths.is_shared() {
        Entry::Others
    } else {
        Entry::Owner
    }
}

fn allowed(entry: Entry) -> u32 {
    match entry {
        Entry::Owner => 0o700,
        Entry::Others => 0o755,
    }
}

fn make(path: &Path, entry: Entry) -> std::io::Result<()> {
    if let Some(parent) = path.parent().filter(|parent| !parent.exists()) {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(parent)?;
    }
    std::fs::DirBuilder::new().mode(allowed(entry)).create(path)
}

/// Why a place is not fit for a socket, if it is not.
fn fit(socket: &Path, uid: u32, entry: Entry) -> Result<(), String> {
    if socket.as_os_str().as_bytes().len() >= MAX_SOCKET_PATH {
        return Err(format!(
            "{} is too long for a socket ({MAX_SOCKET_PATH} bytes)",
            socket.display()
        ));
    }
    let dir = socket.parent().unwrap_or(Path::new("/"));
    prepare(dir, uid, entry).map_err(|error| match error {
        SiteError::Unsafe { path, why } => format!("{} {why}", path.display()),
        SiteError::Directory { path, source } => format!("{}: {source}", path.display()),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::site::paths::Surroundings;

    fn uid() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o777
    }

    fn instance(home: &Path) -> Paths {
        Paths::find(Some(home), false, &Surroundings::default()).unwrap()
    }

    #[test]
    fn directories_are_made_for_their_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let paths = instance(&dir.path().join("a/b"));
        prepare_state(&paths, uid()).unwrap();
        let socket = choose_socket(&paths, uid()).unwrap();
        assert_eq!(socket, dir.path().join("a/b/run/engine.sock"));
        assert_eq!(
            (mode(&paths.state), mode(socket.parent().unwrap())),
            (0o700, 0o700)
        );
        prepare_state(&paths, uid()).unwrap();
    }

    #[test]
    fn a_shared_instance_opens_the_directory_of_its_socket_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("shared");
        let paths = Paths::find(Some(&home), true, &Surroundings::default()).unwrap();
        prepare_state(&paths, uid()).unwrap();
        let socket = choose_socket(&paths, uid()).unwrap();
        assert_eq!(
            (mode(&paths.state), mode(socket.parent().unwrap())),
            (0o700, 0o755)
        );
    }

    #[test]
    fn a_directory_that_others_may_enter_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let paths = instance(dir.path());
        std::fs::create_dir(&paths.state).unwrap();
        std::fs::set_permissions(&paths.state, std::fs::Permissions::from_mode(0o770)).unwrap();
        let error = prepare_state(&paths, uid()).unwrap_err().to_string();
        assert!(
            error.contains("is open to others (mode 0770, allowed 0700)"),
            "{error}"
        );
    }

    #[test]
    fn a_directory_of_somebody_else_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let error = prepare(dir.path(), uid() + 1, Entry::Owner)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&format!(
                "belongs to user {}, not to user {}",
                uid(),
                uid() + 1
            )),
            "{error}"
        );
    }

    #[test]
    fn a_link_to_a_directory_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        assert!(matches!(
            prepare(&link, uid(), Entry::Owner),
            Err(SiteError::Unsafe { .. })
        ));
    }

    #[test]
    fn the_next_place_is_taken_when_one_is_not_fit_and_all_reasons_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let long = dir.path().join("x".repeat(120));
        let blocked = dir.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        let mut paths = instance(dir.path());
        paths.sockets = vec![
            long.join("engine.sock"),
            blocked.join("engine.sock"),
            dir.path().join("ok/engine.sock"),
        ];
        assert_eq!(
            choose_socket(&paths, uid()).unwrap(),
            dir.path().join("ok/engine.sock")
        );
        paths.sockets.pop();
        let error = choose_socket(&paths, uid()).unwrap_err().to_string();
        assert!(
            error.contains("is too long for a socket") && error.contains("is no directory"),
            "{error}"
        );
    }
}

//! Takes a state directory: refuses what is not ours to touch, and locks what is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::files::Files;
use super::layout::{DIRS, Layout};
use crate::store::StoreError;

/// Written by this version. Older ones that can be read are listed in [`READABLE`].
const VERSION: u32 = 1;
const READABLE: [u32; 1] = [1];
const LABEL: &str = "conn store ";

/// The lock on a state directory; held as long as this lives.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone does not do while a process that is just being started has a copy.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

/// Checks a directory, locks it and makes what is missing in it.
pub(super) fn take(layout: &Layout, files: &dyn Files) -> Result<Lock, StoreError> {
    let root = layout.root();
    make(root, files)?;
    check_filesystem(root)?;
    // Before the lock, so that nothing at all is touched in another version's directory.
    check_format(layout)?;
    let lock = lock(layout)?;
    if !check_format(layout)? {
        write_format(layout, files)?;
    }
    for name in DIRS {
        let dir = layout.dir(name);
        files
            .create_dir(&dir)
            .map_err(StoreError::io("create", &dir))?;
        // A killed process may have left names in it that it did not come to sync.
        files.sync_dir(&dir).map_err(StoreError::io("sync", &dir))?;
    }
    files.sync_dir(root).map_err(StoreError::io("sync", root))?;
    Ok(lock)
}

/// Makes the directory itself, so that a power loss does not take all of it away.
fn make(root: &Path, files: &dyn Files) -> Result<(), StoreError> {
    if root.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(root).map_err(StoreError::io("create", root))?;
    fs::set_permissions(root, fs::Permissions::from_mode(0o700))
        .map_err(StoreError::io("protect", root))?;
    for above in root
        .ancestors()
        .skip(1)
        .take(2)
        .filter(|path| path.is_dir())
    {
        files
            .sync_dir(above)
            .map_err(StoreError::io("sync", above))?;
    }
    Ok(())
}

/// Whether the directory has a format; an error if it is one that cannot be read.
fn check_format(layout: &Layout) -> Result<bool, StoreError> {
    let path = layout.format();
    let refuse = |found: String| StoreError::Format {
        found,
        supported: READABLE.map(|version| version.to_string()).join(", "),
        path: layout.root().to_owned(),
    };
    let text = match fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let foreign = DIRS.iter().any(|name| layout.dir(name).exists());
            return if foreign {
                Err(refuse("unknown".into()))
            } else {
                Ok(false)
            };
        }
        Err(source) => return Err(StoreError::io("read", &path)(source)),
    };
    let found = text.trim_end().strip_prefix(LABEL).unwrap_or("unknown");
    match found.parse() {
        Ok(version) if READABLE.contains(&version) => Ok(true),
        _ => Err(refuse(found.chars().take(40).collect())),
    }
}

fn write_format(layout: &Layout, files: &dyn Files) -> Result<(), StoreError> {
    let path = layout.format();
    let new = layout.root().join("format.new");
    let text = format!("{LABEL}{VERSION}\n");
    let write = || -> io::Result<()> {
        let out = files.open(&new)?;
        out.set_len(0)?;
        out.write_at(0, text.as_bytes())?;
        out.sync()?;
        files.rename(&new, &path)?;
        files.sync_dir(layout.root())
    };
    write().map_err(StoreError::io("write", &path))
}

fn lock(layout: &Layout) -> Result<Lock, StoreError> {
    let path = layout.lock();
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(StoreError::io("open", &path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let pid = holder(&mut file);
            return Err(StoreError::Locked {
                pid,
                path: layout.root().to_owned(),
            });
        }
        Err(error) => return Err(StoreError::io("lock", &path)(error.into())),
    }
    // In place and always as long: a full disk must not be in the way.
    let pid = format!("{:<10}\n", std::process::id());
    file.rewind()
        .and_then(|()| file.write_all(pid.as_bytes()))
        .map_err(StoreError::io("write", &path))?;
    Ok(Lock(file))
}

/// Who holds the lock, by what it wrote into the file.
fn holder(file: &mut File) -> u32 {
    let mut text = String::new();
    let read = file.take(32).read_to_string(&mut text);
    read.ok()
        .and_then(|_| text.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(target_os = "linux")]
fn check_filesystem(root: &Path) -> Result<(), StoreError> {
    const REMOTE: [(u32, &str); 10] = [
        (0x6969, "NFS"),
        (0x517b, "SMB"),
        (0xff53_4d42, "CIFS"),
        (0xfe53_4d42, "SMB2"),
        (0x0102_1997, "9p"),
        (0x5346_414f, "AFS"),
        (0x00c3_6400, "Ceph"),
        (0x0bd0_0bd0, "Lustre"),
        (0x4750_4653, "GPFS"),
        (0x0197_0323, "GlusterFS"),
    ];
    let stat = rustix::fs::statfs(root)
        .map_err(io::Error::from)
        .map_err(StoreError::io("inspect the filesystem of", root))?;
    // The field's type differs between machines; the magic number is 32 bits on all of them.
    let magic = stat.f_type.cast_unsigned() as u32;
    match REMOTE.iter().find(|(known, _)| *known == magic) {
        Some((_, kind)) => Err(StoreError::NetworkFilesystem {
            kind,
            path: root.to_owned(),
        }),
        None => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn check_filesystem(_root: &Path) -> Result<(), StoreError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::disk::files::RealFiles;

    #[test]
    fn a_second_opener_is_told_who_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let lock = take(&layout, &RealFiles).unwrap();
        let pid = std::process::id();
        assert!(matches!(
            take(&layout, &RealFiles),
            Err(StoreError::Locked { pid: holder, .. }) if holder == pid
        ));
        drop(lock);
        take(&layout, &RealFiles).unwrap();
    }

    #[test]
    fn a_directory_of_another_version_is_refused_and_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        for text in [
            "conn store 2\n",
            "conn store \n",
            "something else",
            "\u{fffd}",
        ] {
            fs::write(dir.path().join("format"), text).unwrap();
            let refused = take(&Layout::new(dir.path()), &RealFiles);
            assert!(matches!(refused, Err(StoreError::Format { .. })), "{text}");
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_directory_with_state_but_no_format_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("log")).unwrap();
        let refused = take(&Layout::new(dir.path()), &RealFiles);
        assert!(matches!(refused, Err(StoreError::Format { .. })));
    }
}

//! The file operations that durability hangs on, behind a trait so that tests can record them,
//! cut them off and let them fail.
//!
//! Reading needs no such care and goes straight to `std::fs`.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// A place where files are written.
pub trait Files: Send + Sync + std::fmt::Debug {
    /// Makes a directory, private to its user; one that is there already is fine.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Opens a file for writing, made if it is not there.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn Out>>;
    /// Gives a file another name, over whatever had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file; one that is not there is fine.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// A file that is written.
pub trait Out: Send + Sync + std::fmt::Debug {
    /// Writes all bytes at a place.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Makes content and length durable (`fdatasync`).
    fn sync(&self) -> io::Result<()>;
    /// Cuts the file, or gives back what was reserved after its end.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Claims disk space up to this length without changing the file's length.
    fn reserve(&self, len: u64) -> io::Result<()>;
}

/// The files of the operating system.
#[derive(Debug, Default, Clone, Copy)]
pub struct RealFiles;

#[derive(Debug)]
struct RealOut(File);

impl Files for RealFiles {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        let made = fs::DirBuilder::new().mode(0o700).create(path);
        match made {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            other => other,
        }
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn Out>> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        Ok(Arc::new(RealOut(options.open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

impl Out for RealOut {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn reserve(&self, len: u64) -> io::Result<()> {
        use rustix::fs::{FallocateFlags, fallocate};
        match fallocate(&self.0, FallocateFlags::KEEP_SIZE, 0, len) {
            // Such a filesystem cannot promise space; the margin of free space must do.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
            other => other.map_err(io::Error::from),
        }
    }
}

/// Whether an error says that the disk, or the user's share of it, is full.
pub(super) fn is_no_space(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

//! File transfer to and from a demo host's virtual disk.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use russh::Channel;
use russh::server::Msg;
use russh_sftp::extensions::{FSYNC, FsyncExtension};
use russh_sftp::protocol::{
    Attrs, Data, File, FileAttributes, FileMode, Handle, Name, OpenFlags, Packet, Status,
    StatusCode, Version,
};
use russh_sftp::server::{self, Handler, StatusReply};

use super::host::Host;
use super::vfs::{Author, FsError, Kind, Node, Vfs, Write, join, normalise};

/// Files and directories that one session may have open.
const MAX_HANDLES: usize = 100;
/// The most bytes that one read gives.
const MAX_READ: u32 = 256 * 1024;
/// Names in one answer to a directory read.
const NAMES_AT_ONCE: usize = 100;
/// What `sftp` renames with, since plain SFTP 3 renames never replace.
const POSIX_RENAME: &str = "posix-rename@openssh.com";

/// Serves the subsystem on `channel` until it ends.
pub async fn serve(channel: Channel<Msg>, host: Arc<Host>, user: String) {
    let process = host.start("sftp-server", &user);
    let home = if user == "root" {
        "/root".to_owned()
    } else {
        format!("/home/{user}")
    };
    let mut session = Session {
        host,
        user,
        home,
        open: BTreeMap::new(),
        last: 0,
    };
    let by = session.author();
    let _ = session.host.files().make_directories(&session.home, &by);
    session.last = 0;
    server::run(
        channel.into_stream(),
        Guarded {
            session,
            _process: process,
        },
    )
    .await;
}

/// A session, listed as a process for as long as it lasts.
struct Guarded {
    session: Session,
    _process: super::host::Process,
}

struct Session {
    host: Arc<Host>,
    user: String,
    home: String,
    open: BTreeMap<String, Open>,
    last: u64,
}

/// What a handle stands for.
enum Open {
    File { path: String, append: bool },
    Directory { left: Vec<(String, FileAttributes)> },
}

type Answer<T> = Result<T, StatusReply>;

impl Session {
    fn author(&self) -> Author {
        Author::new(&self.user, self.host.now().timestamp())
    }

    fn path(&self, path: &str) -> Answer<String> {
        let path = if path.is_empty() { "." } else { path };
        normalise(&join(&self.home, path)).map_err(reply)
    }

    /// Does something to the disk at `path`.
    fn with<T>(
        &self,
        path: &str,
        act: impl FnOnce(&mut Vfs, &str) -> Result<T, FsError>,
    ) -> Answer<T> {
        let path = self.path(path)?;
        act(&mut self.host.files(), &path).map_err(reply)
    }

    fn keep(&mut self, id: u32, open: Open) -> Answer<Handle> {
        if self.open.len() >= MAX_HANDLES {
            return Err(StatusCode::Failure.with_message("Too many open files"));
        }
        self.last += 1;
        let handle = self.last.to_string();
        self.open.insert(handle.clone(), open);
        Ok(Handle { id, handle })
    }

    /// The path of an open file and whether it is only added to.
    fn file(&self, handle: &str) -> Answer<(String, bool)> {
        match self.open.get(handle) {
            Some(Open::File { path, append }) => Ok((path.clone(), *append)),
            _ => Err(StatusCode::Failure.with_message("not an open file")),
        }
    }

    fn set(&self, path: &str, attrs: &FileAttributes) -> Answer<()> {
        let by = self.author();
        self.with(path, |files, path| {
            if let Some(size) = attrs.size {
                files.truncate(path, size, &by)?;
            }
            files.change(path, |node| {
                if let Some(mode) = attrs.permissions {
                    node.mode = mode & 0o7777;
                }
                if let Some(mtime) = attrs.mtime {
                    node.mtime = i64::from(mtime);
                }
                match attrs.uid {
                    Some(0) => node.owner = "root".into(),
                    Some(990) => node.owner = "app".into(),
                    Some(_) => node.owner.clone_from(&self.user),
                    None => {}
                }
            })
        })
    }
}

fn reply(why: FsError) -> StatusReply {
    let code = match why {
        FsError::NotFound => StatusCode::NoSuchFile,
        _ => StatusCode::Failure,
    };
    code.with_message(why.to_string())
}

fn done(id: u32) -> Status {
    Status {
        id,
        status_code: StatusCode::Ok,
        error_message: "Ok".into(),
        language_tag: "en".into(),
    }
}

fn attributes(node: &Node) -> FileAttributes {
    let kind = match node.kind {
        Kind::File(_) => FileMode::REG,
        Kind::Directory => FileMode::DIR,
        Kind::Link(_) => FileMode::LNK,
        Kind::Fifo => FileMode::FIFO,
    };
    let uid = match node.owner.as_str() {
        "root" => 0,
        "app" => 990,
        _ => 1000,
    };
    let mtime = u32::try_from(node.mtime).unwrap_or(0);
    FileAttributes {
        size: Some(node.size()),
        uid: Some(uid),
        gid: Some(uid),
        user: Some(node.owner.clone()),
        group: Some(node.owner.clone()),
        permissions: Some(node.mode | kind.bits()),
        atime: Some(mtime),
        mtime: Some(mtime),
    }
}

impl Handler for Guarded {
    type Error = StatusReply;

    fn unimplemented(&self) -> Self::Error {
        StatusCode::OpUnsupported.with_message("not on a demo host")
    }

    async fn init(
        &mut self,
        _version: u32,
        _extensions: HashMap<String, String>,
    ) -> Answer<Version> {
        let mut version = Version::new();
        for name in [POSIX_RENAME, FSYNC] {
            version.extensions.insert(name.into(), "1".into());
        }
        Ok(version)
    }

    async fn open(
        &mut self,
        id: u32,
        filename: String,
        flags: OpenFlags,
        attrs: FileAttributes,
    ) -> Answer<Handle> {
        let session = &mut self.session;
        let by = session.author();
        session.with(&filename, |files, path| {
            let there = files.stat(path).map(Node::is_directory);
            match there {
                Ok(true) => return Err(FsError::IsDirectory),
                Ok(false) if flags.contains(OpenFlags::CREATE | OpenFlags::EXCLUDE) => {
                    return Err(FsError::Exists);
                }
                Ok(false) if flags.contains(OpenFlags::TRUNCATE) => files.truncate(path, 0, &by)?,
                Ok(false) => {}
                Err(FsError::NotFound) if flags.contains(OpenFlags::CREATE) => {
                    files.truncate(path, 0, &by)?;
                    let mode = attrs.permissions.unwrap_or(0o644) & 0o7777;
                    files.change(path, |node| node.mode = mode)?;
                }
                Err(why) => return Err(why),
            }
            Ok(())
        })?;
        let path = session.path(&filename)?;
        let append = flags.contains(OpenFlags::APPEND);
        session.keep(id, Open::File { path, append })
    }

    async fn close(&mut self, id: u32, handle: String) -> Answer<Status> {
        match self.session.open.remove(&handle) {
            Some(_) => Ok(done(id)),
            None => Err(StatusCode::Failure.with_message("not an open handle")),
        }
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, len: u32) -> Answer<Data> {
        let (path, _) = self.session.file(&handle)?;
        let data = self.session.with(&path, |files, path| {
            let bytes = files.read(path)?;
            let start = usize::try_from(offset)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            let end = start
                .saturating_add(len.min(MAX_READ) as usize)
                .min(bytes.len());
            Ok(bytes[start..end].to_vec())
        })?;
        if data.is_empty() {
            return Err(StatusCode::Eof.into());
        }
        Ok(Data { id, data })
    }

    async fn write(
        &mut self,
        id: u32,
        handle: String,
        offset: u64,
        data: Vec<u8>,
    ) -> Answer<Status> {
        let (path, append) = self.session.file(&handle)?;
        let by = self.session.author();
        self.session.with(&path, |files, path| {
            if append {
                files.write(path, &data, Write::Append, &by)
            } else {
                files.write_at(path, offset, &data, &by)
            }
        })?;
        Ok(done(id))
    }

    async fn lstat(&mut self, id: u32, path: String) -> Answer<Attrs> {
        let attrs = self
            .session
            .with(&path, |files, path| files.lstat(path).map(attributes))?;
        Ok(Attrs { id, attrs })
    }

    async fn stat(&mut self, id: u32, path: String) -> Answer<Attrs> {
        let attrs = self
            .session
            .with(&path, |files, path| files.stat(path).map(attributes))?;
        Ok(Attrs { id, attrs })
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Answer<Attrs> {
        let (path, _) = self.session.file(&handle)?;
        self.stat(id, path).await
    }

    async fn setstat(&mut self, id: u32, path: String, attrs: FileAttributes) -> Answer<Status> {
        self.session.set(&path, &attrs).map(|()| done(id))
    }

    async fn fsetstat(&mut self, id: u32, handle: String, attrs: FileAttributes) -> Answer<Status> {
        let (path, _) = self.session.file(&handle)?;
        self.session.set(&path, &attrs).map(|()| done(id))
    }

    async fn opendir(&mut self, id: u32, path: String) -> Answer<Handle> {
        let mut left = self.session.with(&path, |files, path| {
            let entries = files.list(path)?;
            Ok(entries
                .into_iter()
                .map(|(name, node)| (name, attributes(node)))
                .collect::<Vec<_>>())
        })?;
        for name in ["..", "."] {
            left.insert(0, (name.into(), FileAttributes::dummy()));
        }
        self.session.keep(id, Open::Directory { left })
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Answer<Name> {
        let Some(Open::Directory { left }) = self.session.open.get_mut(&handle) else {
            return Err(StatusCode::Failure.with_message("not an open directory"));
        };
        if left.is_empty() {
            return Err(StatusCode::Eof.into());
        }
        let some = left.drain(..left.len().min(NAMES_AT_ONCE));
        let files = some.map(|(name, attrs)| File::new(name, attrs)).collect();
        Ok(Name { id, files })
    }

    async fn remove(&mut self, id: u32, filename: String) -> Answer<Status> {
        self.session.with(&filename, Vfs::remove).map(|()| done(id))
    }

    async fn mkdir(&mut self, id: u32, path: String, attrs: FileAttributes) -> Answer<Status> {
        let by = self.session.author();
        self.session.with(&path, |files, path| {
            files.make_directory(path, &by)?;
            let mode = attrs.permissions.unwrap_or(0o755) & 0o7777;
            files.change(path, |node| node.mode = mode)
        })?;
        Ok(done(id))
    }

    async fn rmdir(&mut self, id: u32, path: String) -> Answer<Status> {
        self.session
            .with(&path, Vfs::remove_directory)
            .map(|()| done(id))
    }

    async fn realpath(&mut self, id: u32, path: String) -> Answer<Name> {
        let path = self.session.path(&path)?;
        Ok(Name {
            id,
            files: vec![File::dummy(path)],
        })
    }

    async fn rename(&mut self, id: u32, oldpath: String, newpath: String) -> Answer<Status> {
        let to = self.session.path(&newpath)?;
        self.session.with(&oldpath, |files, from| {
            if files.lstat(&to).is_ok() {
                return Err(FsError::Exists);
            }
            files.rename(from, &to)
        })?;
        Ok(done(id))
    }

    async fn readlink(&mut self, id: u32, path: String) -> Answer<Name> {
        let target = self
            .session
            .with(&path, |files, path| match &files.lstat(path)?.kind {
                Kind::Link(target) => Ok(target.clone()),
                _ => Err(FsError::Invalid),
            })?;
        Ok(Name {
            id,
            files: vec![File::dummy(target)],
        })
    }

    /// OpenSSH sends the target first, against the draft; every client that matters does too.
    async fn symlink(&mut self, id: u32, linkpath: String, targetpath: String) -> Answer<Status> {
        let by = self.session.author();
        self.session.with(&targetpath, |files, path| {
            files.make_link(path, &linkpath, &by)
        })?;
        Ok(done(id))
    }

    async fn extended(&mut self, id: u32, request: String, data: Vec<u8>) -> Answer<Packet> {
        let mut data = Bytes::from(data);
        match request.as_str() {
            FSYNC => {
                let asked: FsyncExtension =
                    russh_sftp::de::from_bytes(&mut data).map_err(|_| StatusCode::BadMessage)?;
                self.session.file(&asked.handle)?;
            }
            POSIX_RENAME => {
                let (from, to): (String, String) =
                    russh_sftp::de::from_bytes(&mut data).map_err(|_| StatusCode::BadMessage)?;
                let to = self.session.path(&to)?;
                self.session
                    .with(&from, |files, from| files.rename(from, &to))?;
            }
            _ => return Err(self.unimplemented()),
        }
        Ok(done(id).into())
    }
}

//! The file system of one demo host: a tree in memory with a limit.
//!
//! It knows files, directories and symbolic links, and nothing of who asks: the demo's hosts do
//! not play at permissions. No path leads out of it.

mod path;

use std::collections::BTreeMap;

use path::{components, prefix_of};
pub use path::{join, normalise, parent_of};

/// Why a file operation was refused, in the words of `errno`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FsError {
    /// `ENOENT`
    #[error("No such file or directory")]
    NotFound,
    /// `EISDIR`
    #[error("Is a directory")]
    IsDirectory,
    /// `ENOTDIR`
    #[error("Not a directory")]
    NotDirectory,
    /// `EEXIST`
    #[error("File exists")]
    Exists,
    /// `ENOTEMPTY`
    #[error("Directory not empty")]
    NotEmpty,
    /// `ENOSPC`
    #[error("No space left on device")]
    NoSpace,
    /// `ELOOP`
    #[error("Too many levels of symbolic links")]
    Loop,
    /// `EINVAL`
    #[error("Invalid argument")]
    Invalid,
    /// `ENAMETOOLONG`
    #[error("File name too long")]
    NameTooLong,
}

/// What is found at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Bytes.
    File(Vec<u8>),
    /// Names of other nodes are found by prefix.
    Directory,
    /// Another path.
    Link(String),
    /// A pipe with a name; what goes through it is not kept here.
    Fifo,
}

/// A node of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Permission bits, for show.
    pub mode: u32,
    /// Name of the owner, for show.
    pub owner: String,
    /// Last change, seconds since the epoch.
    pub mtime: i64,
}

impl Node {
    /// Bytes in the file, or what a directory or link shows as its size.
    pub fn size(&self) -> u64 {
        match &self.kind {
            Kind::File(bytes) => bytes.len() as u64,
            Kind::Directory => 4096,
            Kind::Link(target) => target.len() as u64,
            Kind::Fifo => 0,
        }
    }

    /// Whether this is a directory.
    pub fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }
}

/// How a file is opened for writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// Replace what is there.
    Replace,
    /// Add at the end.
    Append,
}

/// A tree of nodes by absolute, normalised path.
#[derive(Debug)]
pub struct Vfs {
    nodes: BTreeMap<String, Node>,
    used: u64,
    limit: u64,
}

/// What a node costs beside its bytes, so that empty files are not free.
const NODE_COST: u64 = 256;
const MAX_LINKS: usize = 8;

impl Vfs {
    /// An empty tree that holds at most `limit` bytes.
    pub fn new(limit: u64) -> Self {
        let root = Node {
            kind: Kind::Directory,
            mode: 0o755,
            owner: "root".into(),
            mtime: 0,
        };
        Self {
            nodes: BTreeMap::from([("/".to_owned(), root)]),
            used: 0,
            limit,
        }
    }

    /// Bytes in use and the most there may be.
    pub fn usage(&self) -> (u64, u64) {
        (self.used, self.limit)
    }

    /// The node at `path`, links followed.
    pub fn stat(&self, path: &str) -> Result<&Node, FsError> {
        self.nodes
            .get(&self.resolve(path)?)
            .ok_or(FsError::NotFound)
    }

    /// The node at `path` itself, also if it is a link.
    pub fn lstat(&self, path: &str) -> Result<&Node, FsError> {
        self.nodes
            .get(&self.resolve_parent(path)?)
            .ok_or(FsError::NotFound)
    }

    /// The bytes of a file.
    pub fn read(&self, path: &str) -> Result<&[u8], FsError> {
        match &self.stat(path)?.kind {
            Kind::File(bytes) => Ok(bytes),
            _ => Err(FsError::IsDirectory),
        }
    }

    /// Names and nodes of what a directory holds, sorted by name.
    pub fn list(&self, path: &str) -> Result<Vec<(String, &Node)>, FsError> {
        let path = self.resolve(path)?;
        if !self
            .nodes
            .get(&path)
            .ok_or(FsError::NotFound)?
            .is_directory()
        {
            return Err(FsError::NotDirectory);
        }
        let prefix = prefix_of(&path);
        let children = self
            .nodes
            .range(prefix.clone()..)
            .take_while(|(name, _)| name.starts_with(&prefix))
            .map(|(name, node)| (&name[prefix.len()..], node))
            .filter(|(name, _)| !name.is_empty() && !name.contains('/'))
            .map(|(name, node)| (name.to_owned(), node));
        Ok(children.collect())
    }

    /// Writes a whole file, or adds to it; makes it when it is not there.
    pub fn write(
        &mut self,
        path: &str,
        bytes: &[u8],
        how: Write,
        by: &Author,
    ) -> Result<(), FsError> {
        let offset = match how {
            Write::Replace => {
                self.truncate(path, 0, by)?;
                0
            }
            Write::Append => self.stat(path).map_or(0, Node::size),
        };
        self.write_at(path, offset, bytes, by)
    }

    /// Writes at an offset, filling a hole with zeros; makes the file when it is not there.
    pub fn write_at(
        &mut self,
        path: &str,
        offset: u64,
        bytes: &[u8],
        by: &Author,
    ) -> Result<(), FsError> {
        let end = offset
            .checked_add(bytes.len() as u64)
            .ok_or(FsError::Invalid)?;
        let size = self.stat(path).map_or(0, Node::size);
        let file = self.sized(path, size.max(end), by)?;
        let start = usize::try_from(offset).map_err(|_| FsError::Invalid)?;
        file[start..start + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    /// Sets the length of a file, making it when it is not there.
    pub fn truncate(&mut self, path: &str, size: u64, by: &Author) -> Result<(), FsError> {
        self.sized(path, size, by).map(drop)
    }

    /// Makes a directory in one that is there.
    pub fn make_directory(&mut self, path: &str, by: &Author) -> Result<(), FsError> {
        let path = self.resolve_parent(path)?;
        if self.nodes.contains_key(&path) {
            return Err(FsError::Exists);
        }
        self.insert(path, Kind::Directory, 0o777, by)
    }

    /// Makes a directory and those above it that are missing.
    pub fn make_directories(&mut self, path: &str, by: &Author) -> Result<(), FsError> {
        let path = normalise(path)?;
        for (end, _) in path.match_indices('/').skip(1).chain([(path.len(), "")]) {
            match self.make_directory(&path[..end], by) {
                Ok(()) => {}
                Err(FsError::Exists) if self.stat(&path[..end])?.is_directory() => {}
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }

    /// Makes a symbolic link; nothing asks whether its target is there.
    pub fn make_link(&mut self, path: &str, target: &str, by: &Author) -> Result<(), FsError> {
        let path = self.resolve_parent(path)?;
        if self.nodes.contains_key(&path) {
            return Err(FsError::Exists);
        }
        if target.len() > path::MAX {
            return Err(FsError::NameTooLong);
        }
        self.insert(path, Kind::Link(target.to_owned()), 0o777, by)
    }

    /// Makes a pipe with a name.
    pub fn make_fifo(&mut self, path: &str, by: &Author) -> Result<(), FsError> {
        let path = self.resolve_parent(path)?;
        if self.nodes.contains_key(&path) {
            return Err(FsError::Exists);
        }
        self.insert(path, Kind::Fifo, 0o666, by)
    }

    /// Removes a file or link.
    pub fn remove(&mut self, path: &str) -> Result<(), FsError> {
        let path = self.resolve_parent(path)?;
        match self.nodes.get(&path) {
            None => Err(FsError::NotFound),
            Some(node) if node.is_directory() => Err(FsError::IsDirectory),
            Some(_) => {
                self.forget(&path);
                Ok(())
            }
        }
    }

    /// Removes an empty directory.
    pub fn remove_directory(&mut self, path: &str) -> Result<(), FsError> {
        let path = self.resolve_parent(path)?;
        match self.nodes.get(&path) {
            None => return Err(FsError::NotFound),
            Some(node) if !node.is_directory() => return Err(FsError::NotDirectory),
            Some(_) if path == "/" => return Err(FsError::Invalid),
            Some(_) => {}
        }
        if self.below(&prefix_of(&path)).next().is_some() {
            return Err(FsError::NotEmpty);
        }
        self.forget(&path);
        Ok(())
    }

    /// Removes a node and all below it.
    pub fn remove_tree(&mut self, path: &str) -> Result<(), FsError> {
        let path = self.resolve_parent(path)?;
        if !self.nodes.contains_key(&path) {
            return Err(FsError::NotFound);
        }
        if path == "/" {
            return Err(FsError::Invalid);
        }
        for name in self.tree(&path) {
            self.forget(&name);
        }
        Ok(())
    }

    /// Moves a node and all below it; replaces a file, as `rename(2)` does.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), FsError> {
        let (from, to) = (self.resolve_parent(from)?, self.resolve_parent(to)?);
        let source = self.nodes.get(&from).ok_or(FsError::NotFound)?;
        if from == to {
            return Ok(());
        }
        if from == "/" || to.starts_with(&prefix_of(&from)) {
            return Err(FsError::Invalid);
        }
        match self.nodes.get(&to) {
            Some(there) if there.is_directory() && !source.is_directory() => {
                return Err(FsError::IsDirectory);
            }
            Some(there) if !there.is_directory() && source.is_directory() => {
                return Err(FsError::NotDirectory);
            }
            Some(_) if self.below(&prefix_of(&to)).next().is_some() => {
                return Err(FsError::NotEmpty);
            }
            _ => {}
        }
        self.forget(&to);
        for name in self.tree(&from) {
            if let Some(node) = self.nodes.remove(&name) {
                self.nodes
                    .insert(format!("{to}{}", &name[from.len()..]), node);
            }
        }
        Ok(())
    }

    /// Changes what is shown of a node: mode, owner, time.
    pub fn change(&mut self, path: &str, change: impl FnOnce(&mut Node)) -> Result<(), FsError> {
        let path = self.resolve(path)?;
        let node = self.nodes.get_mut(&path).ok_or(FsError::NotFound)?;
        change(node);
        Ok(())
    }

    /// The path that `path` names once links are followed.
    pub fn resolve(&self, path: &str) -> Result<String, FsError> {
        let mut path = self.resolve_parent(path)?;
        for _ in 0..MAX_LINKS {
            let Some(Node {
                kind: Kind::Link(target),
                ..
            }) = self.nodes.get(&path)
            else {
                return Ok(path);
            };
            path = self.resolve_parent(&join(parent_of(&path), target))?;
        }
        Err(FsError::Loop)
    }

    /// As `resolve`, but the last component may be a link or missing.
    fn resolve_parent(&self, path: &str) -> Result<String, FsError> {
        let mut pending: Vec<String> = components(&normalise(path)?);
        let (mut done, mut links) = (String::new(), 0);
        while let Some(part) = pending.pop() {
            let next = format!("{done}/{part}");
            match self.nodes.get(&next).map(|node| &node.kind) {
                _ if pending.is_empty() => done = next,
                Some(Kind::Directory) => done = next,
                Some(Kind::File(_) | Kind::Fifo) => return Err(FsError::NotDirectory),
                None => return Err(FsError::NotFound),
                Some(Kind::Link(target)) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(FsError::Loop);
                    }
                    let target = normalise(&join(parent_of(&next), target))?;
                    pending.extend(components(&target));
                    done = String::new();
                }
            }
        }
        Ok(if done.is_empty() { "/".into() } else { done })
    }

    /// The file at `path`, made and grown or cut to `size`.
    fn sized(&mut self, path: &str, size: u64, by: &Author) -> Result<&mut Vec<u8>, FsError> {
        let path = self.resolve(path)?;
        let old = match self.nodes.get(&path) {
            Some(node) if node.is_directory() => return Err(FsError::IsDirectory),
            Some(node) => node.size(),
            None => {
                self.insert(path.clone(), Kind::File(Vec::new()), 0o666, by)?;
                0
            }
        };
        let used = self.used.saturating_add(size) - old;
        if size > old && used > self.limit {
            return Err(FsError::NoSpace);
        }
        self.used = used;
        match self.nodes.get_mut(&path) {
            Some(Node {
                kind: Kind::File(bytes),
                mtime,
                ..
            }) => {
                *mtime = by.now;
                bytes.resize(usize::try_from(size).map_err(|_| FsError::Invalid)?, 0);
                Ok(bytes)
            }
            _ => Err(FsError::Invalid),
        }
    }

    fn insert(&mut self, path: String, kind: Kind, mode: u32, by: &Author) -> Result<(), FsError> {
        if self.used + NODE_COST > self.limit {
            return Err(FsError::NoSpace);
        }
        if !self.stat(parent_of(&path))?.is_directory() {
            return Err(FsError::NotDirectory);
        }
        self.used += NODE_COST;
        let mode = match kind {
            Kind::Link(_) => mode,
            _ => mode & !by.umask,
        };
        let node = Node {
            kind,
            mode,
            owner: by.name.clone(),
            mtime: by.now,
        };
        self.nodes.insert(path, node);
        Ok(())
    }

    fn forget(&mut self, path: &str) {
        if let Some(node) = self.nodes.remove(path) {
            let bytes = match &node.kind {
                Kind::File(bytes) => bytes.len() as u64,
                _ => 0,
            };
            self.used = self.used.saturating_sub(NODE_COST + bytes);
        }
    }

    fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Node)> {
        self.nodes
            .range(prefix.to_owned()..)
            .take_while(move |(name, _)| name.starts_with(prefix))
            .filter(move |(name, _)| name.len() > prefix.len())
            .map(|(name, node)| (name.as_str(), node))
    }

    fn tree(&self, path: &str) -> Vec<String> {
        let prefix = prefix_of(path);
        let below = self.below(&prefix).map(|(name, _)| name.to_owned());
        std::iter::once(path.to_owned()).chain(below).collect()
    }
}

/// Who changes a file, and when.
#[derive(Debug, Clone)]
pub struct Author {
    /// User name.
    pub name: String,
    /// Seconds since the epoch, by the host's own clock.
    pub now: i64,
    /// The permission bits that new files do not get.
    pub umask: u32,
}

impl Author {
    /// Somebody with the usual umask.
    pub fn new(name: &str, now: i64) -> Self {
        Self {
            name: name.to_owned(),
            now,
            umask: 0o022,
        }
    }
}

#[cfg(test)]
mod tests;

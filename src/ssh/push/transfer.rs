//! The SFTP side of a push.

use std::path::Path;

use futures::StreamExt as _;
use futures::stream::{FuturesOrdered, FuturesUnordered};
use russh::client::Msg;
use russh::{Channel, ChannelMsg};
use russh_sftp::client::RawSftpSession;
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::client::rawsession::Limits;
use russh_sftp::protocol::{FileAttributes, OpenFlags, Packet, StatusCode};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt as _;

use super::super::clock::random;
use super::super::error::plain;
use super::super::spec::PushSpec;
use super::Failure;
use crate::run::digest::hex;

/// Bytes of a write, where the server does not want less.
const CHUNK: u64 = 64 * 1024;

/// Bytes of a read, which every server gives.
const PIECE: u32 = 32 * 1024;

/// Writes under way at once: with the chunk, 2 MiB for a long line.
const IN_FLIGHT: usize = 32;

/// How long the server may take for one answer.
const ANSWER: u64 = 60;

const POSIX_RENAME: &str = "posix-rename@openssh.com";
const FSYNC: &str = "fsync@openssh.com";
const LIMITS: &str = "limits@openssh.com";

/// An SFTP session with a file on its way.
pub(super) struct Transfer {
    sftp: RawSftpSession,
    can_sync: bool,
    can_rename: bool,
    chunk: u64,
    temporary: std::sync::OnceLock<String>,
}

/// A file that was sent.
#[derive(Debug)]
pub(super) struct Uploaded {
    /// Where it is now.
    pub temporary: String,
    /// Where to copy it first, when it could not be written beside its destination.
    pub staged: Option<String>,
    pub dest: String,
    pub sha256: String,
    pub mode: u32,
    handle: String,
    size: u64,
}

impl Transfer {
    pub async fn open(mut channel: Channel<Msg>) -> Result<Self, Failure> {
        let lost = |_| Failure::Lost("the channel was closed".into());
        channel
            .request_subsystem(true, "sftp")
            .await
            .map_err(lost)?;
        loop {
            match channel.wait().await {
                Some(ChannelMsg::Success) => break,
                Some(ChannelMsg::Failure) | None => {
                    return Err(Failure::Host(
                        "the host offers no SFTP (Subsystem sftp in sshd_config)".into(),
                    ));
                }
                Some(_) => {}
            }
        }
        let mut sftp = RawSftpSession::new(channel.into_stream());
        sftp.set_timeout(ANSWER);
        let version = sftp.init().await.map_err(|error| failure(&error, "SFTP"))?;
        let has = |name: &str| version.extensions.contains_key(name);
        let mut chunk = 32 * 1024;
        if has(LIMITS)
            && let Ok(limits) = sftp.limits().await
        {
            let limits = Limits::from(limits);
            chunk = limits.write_len.unwrap_or(chunk).clamp(1024, CHUNK);
            sftp.set_limits(limits);
        }
        let (can_sync, can_rename) = (has(FSYNC), has(POSIX_RENAME));
        Ok(Self {
            sftp,
            can_sync,
            can_rename,
            chunk,
            temporary: std::sync::OnceLock::new(),
        })
    }

    /// Sends the file under a temporary name.
    pub async fn upload(&self, push: &PushSpec, may_stage: bool) -> Result<Uploaded, Failure> {
        let here = |why: std::io::Error| {
            Failure::Here(format!(
                "{} cannot be read: {why}. Nothing was sent.",
                push.source.display()
            ))
        };
        let mut file = tokio::fs::File::open(&push.source).await.map_err(here)?;
        let meta = file.metadata().await.map_err(here)?;
        if !meta.is_file() {
            return Err(Failure::Here(format!(
                "{} is not a file. Nothing was sent.",
                push.source.display()
            )));
        }
        let mode = push
            .mode
            .unwrap_or_else(|| std::os::unix::fs::PermissionsExt::mode(&meta.permissions()))
            & 0o7777;
        let dest = self.destination(push).await?;
        let (handle, staged) = self.create(&dest, may_stage).await?;
        let (size, sha256) = self.send(&mut file, &handle, here).await?;
        if self.can_sync {
            self.sftp
                .fsync(&handle)
                .await
                .map_err(|error| failure(&error, "its data cannot be synced"))?;
        }
        let temporary = self.temporary.get().cloned().unwrap_or_default();
        Ok(Uploaded {
            temporary,
            staged,
            dest,
            sha256,
            mode,
            handle,
            size,
        })
    }

    /// Into a directory, a file goes under its own name.
    async fn destination(&self, push: &PushSpec) -> Result<String, Failure> {
        let dest = push
            .dest
            .strip_prefix("~/")
            .unwrap_or(&push.dest)
            .to_owned();
        let into = dest.ends_with('/')
            || self
                .sftp
                .stat(&dest)
                .await
                .is_ok_and(|found| found.attrs.is_dir());
        if !into {
            return Ok(dest);
        }
        let name = push.source.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| {
            Failure::Here(format!(
                "{} has no name that can be used on the host.",
                push.source.display()
            ))
        })?;
        Ok(format!("{}/{name}", dest.trim_end_matches('/')))
    }

    /// Makes the temporary file, beside the destination if that can be.
    async fn create(
        &self,
        dest: &str,
        may_stage: bool,
    ) -> Result<(String, Option<String>), Failure> {
        let name = format!(".conn-push-{:016x}", random());
        let beside = match Path::new(dest).parent().and_then(Path::to_str) {
            Some(parent) if !parent.is_empty() => {
                format!("{}/{name}", parent.trim_end_matches('/'))
            }
            _ => name.clone(),
        };
        match self.try_create(&beside).await {
            Ok(handle) => Ok((handle, None)),
            Err(error) if may_stage && is(&error, StatusCode::PermissionDenied) => {
                let handle = self.try_create(&name).await;
                let handle = handle
                    .map_err(|error| failure(&error, "the home directory cannot be written"))?;
                Ok((handle, Some(beside)))
            }
            Err(error) if is(&error, StatusCode::NoSuchFile) => Err(Failure::Host(
                "its directory does not exist on the host".into(),
            )),
            Err(error) => Err(failure(&error, "its directory cannot be written")),
        }
    }

    async fn try_create(&self, path: &str) -> Result<String, SftpError> {
        let flags = OpenFlags::CREATE | OpenFlags::EXCLUDE | OpenFlags::READ | OpenFlags::WRITE;
        let attributes = FileAttributes {
            permissions: Some(0o600),
            ..FileAttributes::empty()
        };
        let opened = self.sftp.open(path, flags, attributes).await?;
        let _ = self.temporary.set(path.to_owned());
        Ok(opened.handle)
    }

    /// Sends the bytes, many writes at a time, and sums them up.
    async fn send(
        &self,
        file: &mut tokio::fs::File,
        handle: &str,
        here: impl Fn(std::io::Error) -> Failure,
    ) -> Result<(u64, String), Failure> {
        let mut under_way = FuturesUnordered::new();
        let (mut sum, mut offset) = (Sha256::new(), 0_u64);
        loop {
            let mut piece = Vec::new();
            (&mut *file)
                .take(self.chunk)
                .read_to_end(&mut piece)
                .await
                .map_err(&here)?;
            if piece.is_empty() {
                break;
            }
            sum.update(&piece);
            let at = offset;
            offset += piece.len() as u64;
            under_way.push(self.sftp.write(handle, at, piece));
            if under_way.len() >= IN_FLIGHT {
                written(under_way.next().await)?;
            }
        }
        while !under_way.is_empty() {
            written(under_way.next().await)?;
        }
        Ok((offset, hex(&sum.finalize())))
    }

    /// Reads the file again and compares, where the host has no tool for a checksum.
    pub async fn read_back(&self, uploaded: &Uploaded) -> Result<(), Failure> {
        let (mut sum, mut offset) = (Sha256::new(), 0_u64);
        while offset < uploaded.size {
            let wanted = u32::try_from((uploaded.size - offset).min(32 * 1024)).unwrap_or(1024);
            let piece = self.sftp.read(&uploaded.handle, offset, wanted).await;
            let piece = piece
                .map_err(|error| failure(&error, "it cannot be read back"))?
                .data;
            if piece.is_empty() {
                break;
            }
            sum.update(&piece);
            offset += piece.len() as u64;
        }
        if hex(&sum.finalize()) == uploaded.sha256 {
            Ok(())
        } else {
            Err(Failure::Host(
                "its checksum is wrong after the transfer".into(),
            ))
        }
    }

    /// Mode and name by SFTP alone, for hosts that run no commands.
    pub async fn rename(&self, uploaded: &Uploaded) -> Result<(), Failure> {
        let attributes = FileAttributes {
            permissions: Some(uploaded.mode),
            ..FileAttributes::empty()
        };
        let set = self.sftp.fsetstat(&uploaded.handle, attributes).await;
        set.map_err(|error| failure(&error, "its mode cannot be set"))?;
        if !self.can_rename {
            let moved = self.sftp.rename(&uploaded.temporary, &uploaded.dest).await;
            return moved
                .map(drop)
                .map_err(|error| failure(&error, "it cannot be renamed"));
        }
        let mut names = Vec::new();
        for name in [&uploaded.temporary, &uploaded.dest] {
            names.extend_from_slice(&u32::try_from(name.len()).unwrap_or(0).to_be_bytes());
            names.extend_from_slice(name.as_bytes());
        }
        match self.sftp.extended(POSIX_RENAME, names).await {
            Ok(Packet::Status(status)) if status.status_code == StatusCode::Ok => Ok(()),
            Ok(Packet::Status(status)) => {
                Err(failure(&SftpError::Status(status), "it cannot be renamed"))
            }
            Ok(_) => Err(Failure::Unknown("the host's answer made no sense".into())),
            Err(error @ SftpError::Status(_)) => Err(failure(&error, "it cannot be renamed")),
            Err(error) => Err(Failure::Unknown(plain(&error.to_string()))),
        }
    }

    /// Reads a file, many reads at a time, and hands its pieces on in order.
    pub async fn download(
        &self,
        source: &str,
        limit: u64,
        mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let source = source.strip_prefix("~/").unwrap_or(source);
        let found = self.sftp.stat(source).await;
        let found = found.map_err(|error| failure(&error, "it is not there"))?;
        if !found.attrs.file_type().is_file() {
            return Err(Failure::Host("it is no regular file".into()));
        }
        let opened = self
            .sftp
            .open(source, OpenFlags::READ, FileAttributes::empty())
            .await;
        let opened = opened.map_err(|error| failure(&error, "it cannot be opened"))?;
        let handle = opened.handle;
        let mut at = 0_u64;
        'again: loop {
            // Each read asks for a full piece; after one that came short, the rest is asked anew.
            let mut under_way = FuturesOrdered::new();
            let mut asked = at;
            loop {
                while under_way.len() < IN_FLIGHT {
                    under_way.push_back(self.sftp.read(&handle, asked, PIECE));
                    asked += u64::from(PIECE);
                }
                let piece = match under_way.next().await {
                    Some(Ok(data)) => data.data,
                    Some(Err(error)) if is(&error, StatusCode::Eof) => return Ok(()),
                    Some(Err(error)) => return Err(failure(&error, "it cannot be read")),
                    None => return Ok(()),
                };
                if piece.is_empty() {
                    return Ok(());
                }
                at += piece.len() as u64;
                if at > limit {
                    return Err(Failure::Host(format!("it has more than {limit} bytes")));
                }
                take(&piece)?;
                if piece.len() < PIECE as usize {
                    continue 'again;
                }
            }
        }
    }

    /// Removes the temporary file.
    pub async fn clean_up(&self) {
        if let Some(path) = self.temporary.get() {
            let _ = self.sftp.remove(path).await;
        }
    }
}

fn written(result: Option<Result<russh_sftp::protocol::Status, SftpError>>) -> Result<(), Failure> {
    match result {
        Some(Err(error)) => Err(failure(&error, "it cannot be written; is the disk full?")),
        _ => Ok(()),
    }
}

fn is(error: &SftpError, code: StatusCode) -> bool {
    matches!(error, SftpError::Status(status) if status.status_code == code)
}

fn failure(error: &SftpError, what: &str) -> Failure {
    match error {
        SftpError::Status(status) => {
            let said = plain(&status.error_message);
            let why = if said.is_empty() {
                status.status_code.to_string()
            } else {
                said
            };
            Failure::Host(format!("{what} ({why})"))
        }
        other => Failure::Lost(plain(&other.to_string())),
    }
}

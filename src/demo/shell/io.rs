//! Where the commands of a demo host read from and write to.
//!
//! Everything that carries bytes is bounded: a writer waits for its reader, so that a command
//! without end costs no memory.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use russh::ChannelWriteHalf;
use russh::server::Msg;
use tokio::sync::{mpsc, watch};

use crate::demo::host::Host;
use crate::demo::vfs::{Author, FsError, Write};

/// Chunks that wait in a pipe; with `CHUNK` bytes each it holds as much as Linux's does.
pub const PIPE_CHUNKS: usize = 8;
/// The most bytes in one chunk.
pub const CHUNK: usize = 32 * 1024;
static ZEROS: [u8; CHUNK] = [0; CHUNK];
/// The most that a command substitution may yield.
const CAPTURE_LIMIT: usize = 1 << 20;

/// The reader has gone, or there is no room: the writer is to end as `SIGPIPE` would end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteError {
    /// Nobody reads any more.
    Broken,
    /// A file could not take it.
    File(FsError),
}

/// Where bytes go; a clone writes to the same place.
#[derive(Clone)]
pub enum Sink {
    /// Nowhere.
    Null,
    /// Always full, as `/dev/full`.
    Full,
    /// The client's channel.
    Channel {
        /// Its sending half, which waits for the client's window.
        half: Arc<ChannelWriteHalf<Msg>>,
        /// As stderr rather than stdout.
        stderr: bool,
        /// A terminal is on the other side: line feeds become CR LF.
        terminal: bool,
        /// Becomes true when nobody is on the other side any more.
        closed: watch::Receiver<bool>,
    },
    /// The next command of a pipeline.
    Pipe(mpsc::Sender<Bytes>),
    /// A file of the host.
    File {
        /// Whose file.
        host: Arc<Host>,
        /// Its absolute path.
        path: String,
        /// The user that writes.
        user: String,
        /// Where the next write goes; at the end when there is none.
        at: Option<Arc<AtomicU64>>,
    },
    /// Kept in memory for a command substitution.
    Capture(Arc<Mutex<Vec<u8>>>),
}

impl Sink {
    /// Writes all of it, waiting for room.
    pub async fn write(&self, bytes: impl Into<Bytes>) -> Result<(), WriteError> {
        let bytes: Bytes = bytes.into();
        if bytes.is_empty() {
            return Ok(());
        }
        match self {
            Self::Null => {
                // A writer without end into nothing must still let others run.
                tokio::task::yield_now().await;
                Ok(())
            }
            Self::Full => Err(WriteError::File(FsError::NoSpace)),
            Self::Channel {
                half,
                stderr,
                terminal,
                closed,
            } => {
                let bytes = if *terminal {
                    carriage_returns(&bytes)
                } else {
                    bytes
                };
                let sending = async {
                    if *stderr {
                        half.extended_data_bytes(1, bytes).await
                    } else {
                        half.data_bytes(bytes).await
                    }
                };
                let mut closed = closed.clone();
                tokio::select! {
                    biased;
                    _ = closed.wait_for(|closed| *closed) => Err(WriteError::Broken),
                    sent = sending => sent.map_err(|_| WriteError::Broken),
                }
            }
            Self::Pipe(next) => {
                for start in (0..bytes.len()).step_by(CHUNK) {
                    let chunk = bytes.slice(start..bytes.len().min(start + CHUNK));
                    next.send(chunk).await.map_err(|_| WriteError::Broken)?;
                }
                Ok(())
            }
            Self::File {
                host,
                path,
                user,
                at,
            } => {
                let by = Author::new(user, host.now().timestamp());
                let mut files = host.files();
                let written = match at {
                    None => files.write(path, &bytes, Write::Append, &by),
                    Some(at) => {
                        let start = at.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                        files.write_at(path, start, &bytes, &by)
                    }
                };
                written.map_err(WriteError::File)
            }
            Self::Capture(kept) => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() + bytes.len() > CAPTURE_LIMIT {
                    return Err(WriteError::Broken);
                }
                kept.extend_from_slice(&bytes);
                Ok(())
            }
        }
    }
}

fn carriage_returns(bytes: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(bytes.len() + 16);
    for &byte in bytes {
        if byte == b'\n' {
            out.push(b'\r');
        }
        out.push(byte);
    }
    out.into()
}

/// A pipe between two commands.
pub fn pipe() -> (Sink, Input) {
    let (sender, receiver) = mpsc::channel(PIPE_CHUNKS);
    (Sink::Pipe(sender), Input::new(Upstream::Pipe(receiver)))
}

/// Where bytes come from.
pub enum Upstream {
    /// Nothing: end of file at once.
    Null,
    /// `/dev/zero`.
    Zeros,
    /// The command before in a pipeline, or the client.
    Pipe(mpsc::Receiver<Bytes>),
}

/// What a command reads; shared by the commands of a list, one after another.
pub struct Input {
    upstream: Upstream,
    pending: VecDeque<u8>,
}

impl Input {
    /// Reads from `upstream`.
    pub fn new(upstream: Upstream) -> Self {
        Self {
            upstream,
            pending: VecDeque::new(),
        }
    }

    /// End of file at once.
    pub fn null() -> Self {
        Self::new(Upstream::Null)
    }

    /// Reads these bytes, then ends.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            upstream: Upstream::Null,
            pending: bytes.into().into(),
        }
    }

    /// The next bytes, or `None` at the end.
    pub async fn chunk(&mut self) -> Option<Bytes> {
        if !self.pending.is_empty() {
            let take = self.pending.len().min(CHUNK);
            return Some(self.pending.drain(..take).collect::<Vec<_>>().into());
        }
        self.more().await
    }

    /// The next bytes, `most` of them at most; what is over stays for later.
    pub async fn at_most(&mut self, most: usize) -> Option<Bytes> {
        let mut chunk = self.chunk().await?;
        if chunk.len() > most {
            let rest = chunk.split_off(most);
            for &byte in rest.iter().rev() {
                self.pending.push_front(byte);
            }
        }
        Some(chunk)
    }

    async fn more(&mut self) -> Option<Bytes> {
        match &mut self.upstream {
            Upstream::Null => None,
            Upstream::Zeros => {
                // Neither this nor a sink that takes everything ever waits; others must run too.
                tokio::task::yield_now().await;
                Some(Bytes::from_static(&ZEROS))
            }
            Upstream::Pipe(receiver) => receiver.recv().await,
        }
    }

    /// The next line without its end, cut at `CHUNK` bytes; `None` at the end.
    pub async fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.pending.iter().position(|&b| b == b'\n') {
                let line = self.pending.drain(..=end).take(end).collect();
                return Some(line);
            }
            if self.pending.len() >= CHUNK {
                return Some(self.pending.drain(..CHUNK).collect());
            }
            match self.more().await {
                Some(bytes) => self.pending.extend(bytes),
                None if self.pending.is_empty() => return None,
                None => return Some(self.pending.drain(..).collect()),
            }
        }
    }
}

/// The three streams of a command.
#[derive(Clone)]
pub struct Io {
    /// Standard input.
    pub input: Arc<tokio::sync::Mutex<Input>>,
    /// Standard output.
    pub out: Sink,
    /// Standard error.
    pub err: Sink,
}

/// Makes an input that several commands may hold.
pub fn share(input: Input) -> Arc<tokio::sync::Mutex<Input>> {
    Arc::new(tokio::sync::Mutex::new(input))
}

//! The byte stream below an SSH connection, with a switch that ends it from outside.
//!
//! russh's session task has no handle that stops it: when its connect future is dropped, or while
//! it waits to write to a host that does not read, only the end of its stream ends it.
//!
//! It also reads ahead: russh asks for each packet in two small reads, a system call each, and
//! most of what a host sends at once is several packets.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What carries an SSH connection: a socket, a child process, a forwarded channel.
pub(crate) trait Carrier: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Carrier for T {}

/// How much of what a host says first is kept for an error's sentence.
const FIRST_WORDS: usize = 160;

/// How much is read at once. What was read ahead is kept for each connection until russh takes it.
const READ_AHEAD: usize = 16 << 10;

thread_local! {
    /// One buffer for a thread's reads, so that connections at rest have none.
    static AHEAD: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_AHEAD]);
}

/// Ends a [`Switched`] stream; shared by the stream and whoever may end it.
#[derive(Debug, Default)]
pub(crate) struct Switch {
    off: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
    first_words: Mutex<Vec<u8>>,
}

impl Switch {
    /// Ends the stream at once: reading and writing fail from now on.
    pub fn turn_off(&self) {
        self.off.store(true, Ordering::Release);
        self.reader.wake();
        self.writer.wake();
    }

    /// What the host said before its identification: sshd explains itself there.
    pub fn said(&self) -> Option<String> {
        let words = self
            .first_words
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&words);
        let line = text.lines().next().unwrap_or_default().trim();
        (!line.is_empty()).then(|| super::super::error::plain(line))
    }

    fn check(&self) -> Result<(), std::io::Error> {
        if self.off.load(Ordering::Acquire) {
            return Err(std::io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    /// Keeps what a host says first; says whether to listen on. A host that introduces itself at
    /// once says nothing else in words.
    fn listen(&self, bytes: &[u8]) -> bool {
        let mut words = self
            .first_words
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let room = FIRST_WORDS.saturating_sub(words.len()).min(bytes.len());
        words.extend_from_slice(&bytes[..room]);
        let introduced = words.starts_with(b"SSH-");
        if introduced {
            *words = Vec::new();
        }
        !introduced && words.len() < FIRST_WORDS
    }
}

/// A stream that its [`Switch`] ends.
pub(crate) struct Switched {
    inner: Box<dyn Carrier>,
    switch: Arc<Switch>,
    listening: bool,
    ahead: Ahead,
}

/// What was read before it was asked for.
#[derive(Default)]
struct Ahead {
    bytes: Box<[u8]>,
    given: usize,
}

impl Ahead {
    fn is_empty(&self) -> bool {
        self.given == self.bytes.len()
    }

    fn keep(&mut self, bytes: &[u8]) {
        *self = Self {
            bytes: bytes.into(),
            given: 0,
        };
    }

    /// Gives what there is; its memory goes with the last byte.
    fn give(&mut self, buf: &mut ReadBuf<'_>) {
        let rest = &self.bytes[self.given..];
        let amount = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..amount]);
        self.given += amount;
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

impl Switched {
    pub fn new(inner: Box<dyn Carrier>) -> (Self, Arc<Switch>) {
        let switch = Arc::new(Switch::default());
        (
            Self {
                inner,
                switch: Arc::clone(&switch),
                listening: true,
                ahead: Ahead::default(),
            },
            switch,
        )
    }

    /// Reads as much as comes at once, gives what fits and keeps the rest.
    fn read_ahead(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        AHEAD.with(|scratch| {
            let Ok(mut scratch) = scratch.try_borrow_mut() else {
                // This stream lies below another one that is being read right now.
                return Pin::new(&mut self.inner).poll_read(cx, buf);
            };
            let mut room = ReadBuf::new(&mut scratch);
            std::task::ready!(Pin::new(&mut self.inner).poll_read(cx, &mut room))?;
            let (now, later) = room
                .filled()
                .split_at(room.filled().len().min(buf.remaining()));
            buf.put_slice(now);
            self.ahead.keep(later);
            Poll::Ready(Ok(()))
        })
    }

    fn read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if !self.ahead.is_empty() {
            self.ahead.give(buf);
            return Poll::Ready(Ok(()));
        }
        if buf.remaining() < READ_AHEAD {
            return self.read_ahead(cx, buf);
        }
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncRead for Switched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.switch.reader.register(cx.waker());
        self.switch.check()?;
        let before = buf.filled().len();
        let result = self.read(cx, buf);
        if self.listening {
            self.listening = self.switch.listen(&buf.filled()[before..]);
        }
        result
    }
}

impl AsyncWrite for Switched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.switch.writer.register(cx.waker());
        self.switch.check()?;
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.switch.writer.register(cx.waker());
        self.switch.check()?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        if self.switch.check().is_err() {
            return Poll::Ready(Ok(()));
        }
        self.switch.writer.register(cx.waker());
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_switched_off_stream_fails_waiting_readers_and_later_writers() {
        let (near, far) = tokio::io::duplex(16);
        let (stream, switch) = Switched::new(Box::new(near));
        let (mut read, mut write) = tokio::io::split(stream);
        let reader = tokio::spawn(async move { read.read_u8().await });
        tokio::task::yield_now().await;
        switch.turn_off();
        assert!(reader.await.unwrap().is_err());
        assert!(write.write_all(b"x").await.is_err());
        drop(far);
    }

    #[tokio::test]
    async fn what_was_read_ahead_is_given_before_more_is_read_and_not_kept() {
        let (near, mut far) = tokio::io::duplex(4096);
        let (mut stream, _switch) = Switched::new(Box::new(near));
        far.write_all(b"abcdef").await.unwrap();
        let mut two = [0; 2];
        stream.read_exact(&mut two).await.unwrap();
        assert_eq!(&two, b"ab");
        assert!(!stream.ahead.is_empty());
        far.write_all(b"gh").await.unwrap();
        drop(far);
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"cdefgh");
        assert_eq!(stream.ahead.bytes.len(), 0);
    }

    #[tokio::test]
    async fn a_stream_over_a_switched_stream_reads_as_well() {
        let (near, mut far) = tokio::io::duplex(4096);
        let (below, _) = Switched::new(Box::new(near));
        let (mut above, _) = Switched::new(Box::new(below));
        far.write_all(b"SSH-2.0-x\r\n").await.unwrap();
        drop(far);
        let mut all = Vec::new();
        while let Ok(byte) = above.read_u8().await {
            all.push(byte);
        }
        assert_eq!(all, b"SSH-2.0-x\r\n");
    }

    #[tokio::test]
    async fn what_a_host_says_instead_of_its_identification_is_kept_short() {
        let (near, mut far) = tokio::io::duplex(4096);
        let (mut stream, switch) = Switched::new(Box::new(near));
        far.write_all(b"Exceeded MaxStartups\r\n").await.unwrap();
        far.write_all(&[b'x'; 2000]).await.unwrap();
        drop(far);
        stream.read_to_end(&mut Vec::new()).await.unwrap();
        assert_eq!(switch.said().as_deref(), Some("Exceeded MaxStartups"));
    }
}

//! The byte stream below an SSH connection, with a switch that ends it from outside.
//!
//! russh's session task has no handle that stops it: when its connect future is dropped, or while
//! it waits to write to a host that does not read, only the end of its stream ends it.

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
        (!line.is_empty() && !line.starts_with("SSH-")).then(|| super::super::error::plain(line))
    }

    fn check(&self) -> Result<(), std::io::Error> {
        if self.off.load(Ordering::Acquire) {
            return Err(std::io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    fn listen(&self, bytes: &[u8]) {
        let mut words = self
            .first_words
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let room = FIRST_WORDS.saturating_sub(words.len()).min(bytes.len());
        words.extend_from_slice(&bytes[..room]);
    }
}

/// A stream that its [`Switch`] ends.
pub(crate) struct Switched {
    inner: Box<dyn Carrier>,
    switch: Arc<Switch>,
    heard: usize,
}

impl Switched {
    pub fn new(inner: Box<dyn Carrier>) -> (Self, Arc<Switch>) {
        let switch = Arc::new(Switch::default());
        (
            Self {
                inner,
                switch: Arc::clone(&switch),
                heard: 0,
            },
            switch,
        )
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
        let result = Pin::new(&mut self.inner).poll_read(cx, buf);
        if self.heard < FIRST_WORDS {
            let new = &buf.filled()[before..];
            self.switch.listen(new);
            self.heard += new.len();
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

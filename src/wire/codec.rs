//! Frames on a byte stream.

use bytes::{Bytes, BytesMut};
use futures::{SinkExt, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

/// No frame is longer than this, in bytes.
pub const MAX_FRAME: usize = 8 << 20;

/// Why a frame could not be passed on.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The other side is gone, or the stream broke.
    #[error("the connection broke: {0}")]
    Io(#[from] std::io::Error),
    /// The bytes are no frame of this protocol.
    #[error("a frame could not be read: {0}")]
    Decode(#[from] rmp_serde::decode::Error),
    /// A value could not be written as a frame.
    #[error("a frame could not be written: {0}")]
    Encode(#[from] rmp_serde::encode::Error),
    /// The stream ended between frames.
    #[error("the other side closed the connection")]
    Closed,
}

/// Reads frames.
pub struct FrameReader<R>(FramedRead<R, LengthDelimitedCodec>);

/// Writes frames.
pub struct FrameWriter<W>(FramedWrite<W, LengthDelimitedCodec>);

fn codec() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder()
        .max_frame_length(MAX_FRAME)
        .new_codec()
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Frames from this stream.
    pub fn new(stream: R) -> Self {
        Self(FramedRead::new(stream, codec()))
    }

    /// The next frame as it came; `None` when the stream ended between frames.
    pub async fn next_raw(&mut self) -> Result<Option<BytesMut>, FrameError> {
        Ok(self.0.next().await.transpose()?)
    }

    /// The next frame as a value.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<T, FrameError> {
        let frame = self.next_raw().await?.ok_or(FrameError::Closed)?;
        decode(&frame)
    }
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    /// Frames to this stream.
    pub fn new(stream: W) -> Self {
        Self(FramedWrite::new(stream, codec()))
    }

    /// Writes one value and flushes it.
    pub async fn send<T: Serialize>(&mut self, value: &T) -> Result<(), FrameError> {
        self.send_raw(encode(value)?).await
    }

    /// Writes one encoded frame and flushes it.
    pub async fn send_raw(&mut self, frame: Bytes) -> Result<(), FrameError> {
        Ok(self.0.send(frame).await?)
    }
}

/// A value as the bytes of a frame.
pub fn encode<T: Serialize>(value: &T) -> Result<Bytes, FrameError> {
    Ok(rmp_serde::to_vec_named(value)?.into())
}

/// The value in the bytes of a frame. Never panics, whatever the bytes.
pub fn decode<T: DeserializeOwned>(frame: &[u8]) -> Result<T, FrameError> {
    Ok(rmp_serde::from_slice(frame)?)
}

//! A client: asks over any byte stream, many questions at a time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};

use super::codec::{FrameError, FrameReader, FrameWriter, encode};
use super::{Answer, Ask, Fault, Hello, OLDEST_PROTOCOL, Reply, Request, Welcome};

/// Why a call brought no reply.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The engine answered, and the answer is no.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The connection is gone; whether the request was carried out is not known.
    #[error("the engine does not answer any more. What it runs goes on; try again")]
    Gone,
    /// The first frames did not fit.
    #[error("{0}")]
    Handshake(String),
    /// A frame could not be passed on.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

type Waiting = Arc<Mutex<Option<HashMap<u64, oneshot::Sender<Result<Reply, Fault>>>>>>;

/// A connection to an engine. Cheap to clone; calls may overlap.
#[derive(Clone)]
pub struct Client {
    next: Arc<AtomicU64>,
    outbox: mpsc::Sender<bytes::Bytes>,
    waiting: Waiting,
    welcome: Arc<Welcome>,
}

impl Client {
    /// Shakes hands over the stream and starts to serve it in the background.
    pub async fn connect<S>(stream: S, hello: &Hello) -> Result<Self, CallError>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (read, write) = tokio::io::split(stream);
        let mut reader = FrameReader::new(read);
        let mut writer = FrameWriter::new(write);
        writer.send(hello).await?;
        let welcome: Welcome = reader.next().await?;
        check(&welcome)?;

        let waiting: Waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        let (outbox, inbox) = mpsc::channel(64);
        tokio::spawn(write_frames(writer, inbox));
        tokio::spawn(read_frames(reader, waiting.clone()));
        Ok(Self {
            next: Arc::new(AtomicU64::new(1)),
            outbox,
            waiting,
            welcome: Arc::new(welcome),
        })
    }

    /// What the engine said of itself.
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Asks and waits for the answer.
    pub async fn call(&self, request: Request) -> Result<Reply, CallError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let frame = encode(&Ask { id, request })?;
        let (sender, receiver) = oneshot::channel();
        self.register(id, sender)?;
        self.outbox.send(frame).await.map_err(|_| CallError::Gone)?;
        Ok(receiver.await.map_err(|_| CallError::Gone)??)
    }

    /// Asks something that only looks. Whoever drops this future takes the question back, so that
    /// the engine does not go on waiting for news that nobody wants.
    pub async fn view(&self, request: Request) -> Result<Reply, CallError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let frame = encode(&Ask { id, request })?;
        let (sender, receiver) = oneshot::channel();
        self.register(id, sender)?;
        self.outbox.send(frame).await.map_err(|_| CallError::Gone)?;
        let mut asked = TakenBack {
            client: Some(self),
            id,
        };
        let answer = receiver.await;
        asked.client = None;
        Ok(answer.map_err(|_| CallError::Gone)??)
    }

    fn take_back(&self, id: u64) {
        let waiting = &mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = waiting {
            waiting.remove(&id);
        }
        // With a full outbox the question is answered all the same, to nobody.
        if let Ok(frame) = encode(&Ask {
            id: 0,
            request: Request::TakeBack { ask: id },
        }) {
            let _ = self.outbox.try_send(frame);
        }
    }

    fn register(
        &self,
        id: u64,
        sender: oneshot::Sender<Result<Reply, Fault>>,
    ) -> Result<(), CallError> {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()
            .ok_or(CallError::Gone)?
            .insert(id, sender);
        Ok(())
    }
}

/// A question that is taken back unless it was answered.
struct TakenBack<'a> {
    client: Option<&'a Client>,
    id: u64,
}

impl Drop for TakenBack<'_> {
    fn drop(&mut self) {
        if let Some(client) = self.client {
            client.take_back(self.id);
        }
    }
}

fn check(welcome: &Welcome) -> Result<(), CallError> {
    if let Some(why) = &welcome.refused {
        return Err(CallError::Handshake(why.clone()));
    }
    if welcome.protocol < OLDEST_PROTOCOL {
        return Err(CallError::Handshake(format!(
            "the engine is version {} and this is {}: too far apart to talk. \
             Run: conn engine upgrade",
            welcome.version,
            env!("CARGO_PKG_VERSION")
        )));
    }
    Ok(())
}

async fn write_frames<W: AsyncWrite + Unpin>(
    mut writer: FrameWriter<W>,
    mut inbox: mpsc::Receiver<bytes::Bytes>,
) {
    while let Some(frame) = inbox.recv().await {
        if writer.send_raw(frame).await.is_err() {
            return;
        }
    }
}

async fn read_frames<R: AsyncRead + Unpin>(mut reader: FrameReader<R>, waiting: Waiting) {
    while let Ok(Answer { id, reply }) = reader.next().await {
        let sender = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()
            .and_then(|waiting| waiting.remove(&id));
        if let Some(sender) = sender {
            // The asker may have given up; its answer is then nobody's.
            let _ = sender.send(reply);
        }
    }
    // Dropping the senders tells every asker that the engine is gone.
    waiting
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
}

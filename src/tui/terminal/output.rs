//! Frames on their way to the terminal: one at a time, from a thread of its own.
//!
//! A terminal that does not take bytes (a stopped tmux, a dead link) blocks that thread and nothing
//! else. No frame is begun before the last one is out, so nothing piles up: a slow terminal gets
//! fewer frames, each as new as can be.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tokio::sync::Notify;

/// The way to the terminal.
pub(crate) struct Output {
    frames: SyncSender<Vec<u8>>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    busy: AtomicBool,
    broken: AtomicBool,
    out: Notify,
}

impl Output {
    /// Writes frames to this terminal.
    pub fn start(terminal: impl Write + Send + 'static) -> std::io::Result<Self> {
        let (frames, queue) = sync_channel(1);
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::Builder::new()
            .name("terminal".to_owned())
            .spawn(move || write_frames(terminal, &queue, &shared))?;
        Ok(Self { frames, state })
    }

    /// Whether the last frame is out.
    pub fn is_ready(&self) -> bool {
        !self.state.busy.load(Ordering::Acquire)
    }

    /// Whether the terminal is gone.
    pub fn is_broken(&self) -> bool {
        self.state.broken.load(Ordering::Acquire)
    }

    /// Resolves when the last frame is out.
    pub async fn ready(&self) {
        loop {
            let out = self.state.out.notified();
            if self.is_ready() {
                return;
            }
            out.await;
        }
    }

    /// Sends a frame. Only to be called when [`is_ready`](Self::is_ready).
    pub fn send(&self, frame: Vec<u8>) {
        if frame.is_empty() {
            return;
        }
        self.state.busy.store(true, Ordering::Release);
        if self.frames.try_send(frame).is_err() {
            self.state.broken.store(true, Ordering::Release);
        }
    }
}

fn write_frames(mut terminal: impl Write, queue: &Receiver<Vec<u8>>, state: &State) {
    while let Ok(frame) = queue.recv() {
        let written = terminal.write_all(&frame).and_then(|()| terminal.flush());
        if written.is_err() {
            state.broken.store(true, Ordering::Release);
        }
        state.busy.store(false, Ordering::Release);
        state.out.notify_waiters();
        // The one who waits may have asked just before this; it looks again.
        state.out.notify_one();
    }
}

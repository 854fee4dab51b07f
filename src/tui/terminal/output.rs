//! Frames on their way to the terminal, one at a time; what it does not take at once goes out from a
//! thread of its own.
//!
//! A terminal that does not take bytes (a stopped tmux, a dead link) blocks that thread and nothing
//! else. No frame is begun before the last one is out, so nothing piles up: a slow terminal gets
//! fewer frames, each as new as can be.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rustix::fs::{Mode, OFlags};
use tokio::sync::Notify;

/// The way to the terminal.
pub(crate) struct Output {
    frames: SyncSender<Vec<u8>>,
    state: Arc<State>,
    /// The terminal again, opened so that a write never waits. A flag of the one we were given
    /// would be seen by every program that shares it.
    at_once: Option<File>,
}

#[derive(Default)]
struct State {
    busy: AtomicBool,
    broken: AtomicBool,
    out: Notify,
}

impl Output {
    /// Writes frames to this terminal.
    pub fn start(terminal: impl Write + AsFd + Send + 'static) -> std::io::Result<Self> {
        let at_once = open_again(terminal.as_fd());
        let (frames, queue) = sync_channel(1);
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::Builder::new()
            .name("terminal".to_owned())
            .spawn(move || write_frames(terminal, &queue, &shared))?;
        Ok(Self {
            frames,
            state,
            at_once,
        })
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

    /// Writes what the terminal has room for; how many bytes that were.
    fn write_at_once(&mut self, frame: &[u8]) -> usize {
        let Some(terminal) = &mut self.at_once else {
            return 0;
        };
        let mut taken = 0;
        while let Some(rest) = frame.get(taken..).filter(|rest| !rest.is_empty()) {
            match terminal.write(rest) {
                Ok(0) => break,
                Ok(wrote) => taken += wrote,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // No room, or gone: the thread waits for room, and tells when it is gone.
                Err(_) => break,
            }
        }
        taken
    }

    /// Sends a frame. Only to be called when [`is_ready`](Self::is_ready).
    pub fn send(&mut self, mut frame: Vec<u8>) {
        let taken = self.write_at_once(&frame);
        frame.drain(..taken);
        if frame.is_empty() {
            return;
        }
        self.state.busy.store(true, Ordering::Release);
        if self.frames.try_send(frame).is_err() {
            self.state.broken.store(true, Ordering::Release);
        }
    }
}

/// The terminal behind a descriptor, opened once more.
fn open_again(terminal: BorrowedFd<'_>) -> Option<File> {
    let name = rustix::termios::ttyname(terminal, Vec::new()).ok()?;
    let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(name, flags, Mode::empty()).ok()?;
    Some(File::from(opened))
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

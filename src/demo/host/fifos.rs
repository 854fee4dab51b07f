//! Pipes with names: whoever opens one end meets whoever opens the other.

use std::collections::BTreeMap;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::demo::shell::io::{Input, PIPE_CHUNKS, Sink, Upstream};

/// Pipes of which one end is open so far.
#[derive(Default)]
pub struct Fifos {
    half_open: BTreeMap<String, Fifo>,
}

struct Fifo {
    sender: Option<mpsc::Sender<Bytes>>,
    receiver: Option<mpsc::Receiver<Bytes>>,
}

impl Fifos {
    /// The reading end; it waits for bytes until a writer has come and gone.
    pub fn read(&mut self, path: &str) -> Input {
        match self.take(path, |fifo| fifo.receiver.take()) {
            Some(receiver) => Input::new(Upstream::Pipe(receiver)),
            None => Input::null(),
        }
    }

    /// The writing end; it waits for a reader once it is full.
    pub fn write(&mut self, path: &str) -> Sink {
        match self.take(path, |fifo| fifo.sender.take()) {
            Some(sender) => Sink::Pipe(sender),
            None => Sink::Full,
        }
    }

    /// Takes one end, and forgets the pipe when both are taken.
    fn take<T>(&mut self, path: &str, end: impl FnOnce(&mut Fifo) -> Option<T>) -> Option<T> {
        let fifo = self.half_open.entry(path.to_owned()).or_insert_with(|| {
            let (sender, receiver) = mpsc::channel(PIPE_CHUNKS);
            Fifo {
                sender: Some(sender),
                receiver: Some(receiver),
            }
        });
        let taken = end(fifo);
        if fifo.sender.is_none() && fifo.receiver.is_none() {
            self.half_open.remove(path);
        }
        taken
    }
}

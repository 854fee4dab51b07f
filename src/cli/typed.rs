//! What a person types, a line at a time, read by a thread of its own: one that waits for a line
//! that never comes holds nobody up, and nothing is read before somebody is asked.

use std::io::BufRead as _;
use std::sync::mpsc;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::exit::CliError;

/// Standard input, line by line.
pub struct Typed {
    wishes: mpsc::Sender<()>,
    lines: UnboundedReceiver<std::io::Result<Option<String>>>,
    /// Whether the thread reads a line that nobody has taken yet.
    reads: bool,
}

impl Typed {
    /// Reads nothing yet.
    pub fn new() -> Self {
        let (wishes, asked) = mpsc::channel();
        let (sender, lines) = unbounded_channel();
        std::thread::spawn(
            move || {
                while asked.recv().is_ok() && sender.send(read()).is_ok() {}
            },
        );
        Self {
            wishes,
            lines,
            reads: false,
        }
    }

    /// The next line; nothing when there will be none. Whoever stops waiting for it loses nothing:
    /// the next to ask is given it.
    pub async fn line(&mut self) -> Result<Option<String>, CliError> {
        if !self.reads {
            self.reads = self.wishes.send(()).is_ok();
        }
        let line = self.lines.recv().await;
        self.reads = false;
        line.unwrap_or(Ok(None))
            .map_err(|error| CliError::io("reading the answer", error))
    }
}

fn read() -> std::io::Result<Option<String>> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line)?;
    Ok((read > 0).then_some(line))
}

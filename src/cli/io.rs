//! What a command may touch: three streams, the environment and chance, each handed to it.

use std::io::{BufRead, Write};

use super::print;

/// The outside of a command, so that tests can be the outside.
pub struct Io<'a> {
    /// Where input is read from.
    pub stdin: &'a mut dyn BufRead,
    /// Where results go.
    pub stdout: &'a mut dyn Write,
    /// Where errors and warnings go.
    pub stderr: &'a mut dyn Write,
    /// Whether results are read by a person: stdout is a terminal.
    pub terminal: bool,
    /// The environment.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// A number under the given one, each alike.
    pub below: &'a mut dyn FnMut(usize) -> usize,
}

/// How a command ended when it did not end well.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Options that contradict each other or are not complete: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The command could not do what it was asked: exit code 1.
    #[error("{0}")]
    Failed(String),
    /// Nobody reads the output any more, or it cannot be written.
    #[error("the output cannot be written: {0}")]
    Stream(#[from] std::io::Error),
}

impl From<crate::inventory::hostset::HostSetError> for CommandError {
    fn from(error: crate::inventory::hostset::HostSetError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<crate::inventory::hostset::GroupError> for CommandError {
    fn from(error: crate::inventory::hostset::GroupError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl CommandError {
    /// Says on stderr what went wrong and gives the exit code. A reader that went away is no error
    /// worth a word.
    pub fn report(&self, command: &str, stderr: &mut dyn Write) -> i32 {
        let quiet =
            matches!(self, Self::Stream(error) if error.kind() == std::io::ErrorKind::BrokenPipe);
        if !quiet {
            // When stderr is gone too there is nobody left to tell.
            let _ = writeln!(
                stderr,
                "conn {command}: {}",
                print::visible(&self.to_string())
            );
        }
        match self {
            Self::Usage(_) => 2,
            Self::Failed(_) | Self::Stream(_) => 1,
        }
    }
}

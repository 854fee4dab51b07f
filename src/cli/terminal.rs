//! What is on the other end of our streams.

use std::io::IsTerminal;

use super::args::When;

/// How to write, decided once.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_excessive_bools)] // four independent facts about four streams
pub struct Terminal {
    /// Standard output is a terminal: host output is neutralised there.
    pub stdout: bool,
    /// Standard error is a terminal: progress may be drawn there.
    pub stderr: bool,
    /// A person can be asked.
    pub stdin: bool,
    /// Colours may be used.
    pub color: bool,
}

impl Terminal {
    /// Looks at the streams and the environment.
    pub fn detect(when: When) -> Self {
        let stdout = std::io::stdout().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            stdout,
            stderr: std::io::stderr().is_terminal(),
            stdin: std::io::stdin().is_terminal(),
            color: match when {
                When::Always => true,
                When::Never => false,
                When::Auto => stdout && !no_color,
            },
        }
    }
}

/// Columns of the terminal behind standard error; 80 when it does not say.
pub fn columns() -> usize {
    rustix::termios::tcgetwinsize(std::io::stderr())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
        .unwrap_or(80)
}

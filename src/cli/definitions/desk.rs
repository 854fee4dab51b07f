//! A text in a person's editor. What is not stored of it is kept, whatever ends the command.

use std::io::Write as _;
use std::process::Command;

use tempfile::NamedTempFile;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::exit::{CliError, Exit};
use crate::cli::print::{lines, notice};
use crate::cli::typed::Typed;
use crate::run::complaint::quote;
use crate::run::output::OutStream;

/// What a person wants done with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    Again,
}

/// The file that is edited, which nobody else can read, and the person at it.
pub(super) struct Desk {
    /// Goes away unless it is kept.
    file: NamedTempFile,
    /// What it need not be kept for: it can be had again.
    known: Vec<u8>,
    typed: Typed,
}

impl Desk {
    /// A file with this text; its name begins with these words.
    pub fn with(name: &str, text: &str) -> Result<Self, CliError> {
        let failed = |error| CliError::io("making a file to edit", error);
        let mut file = tempfile::Builder::new()
            .prefix(&format!("{name}-"))
            .suffix(".toml")
            .tempfile()
            .map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.flush().map_err(failed)?;
        Ok(Self {
            file,
            known: text.into(),
            typed: Typed::new(),
        })
    }

    /// As git does: the words of the variable are the shell's, the file is not.
    pub fn edit(&self) -> Result<(), CliError> {
        let set = |name: &str| {
            std::env::var(name)
                .ok()
                .filter(|value| !value.trim().is_empty())
        };
        let editor = set("VISUAL").or_else(|| set("EDITOR"));
        let editor = editor.unwrap_or_else(|| "vi".to_owned());
        // ^C ends an editor, or a question, and not this command with a text in its hands.
        let _held = signal(SignalKind::interrupt()).map_err(listening)?;
        let status = Command::new("sh")
            .args(["-c", &format!("{editor} \"$@\""), &editor])
            .arg(self.file.path())
            .status()
            .map_err(|error| CliError::io("starting the editor", error))?;
        if status.success() {
            return Ok(());
        }
        Err(CliError::Usage(format!(
            "the editor {} ended with {status}; nothing was changed. Set EDITOR to one that is here",
            quote(&editor)
        )))
    }

    /// What the file says now.
    pub fn text(&self) -> Result<String, CliError> {
        let path = self.file.path().display();
        let failed = |error| CliError::io(format!("reading {path}"), error);
        String::from_utf8(self.bytes().map_err(failed)?).map_err(|_| {
            CliError::Usage(format!("{path} is not UTF-8 any more; nothing was changed"))
        })
    }

    /// Editors may have put another file in its place.
    fn bytes(&self) -> std::io::Result<Vec<u8>> {
        std::fs::read(self.file.path())
    }

    /// Asks on standard error and reads one line; its end, and ^C, mean no.
    pub async fn ask(&mut self, question: &str) -> Result<Answer, CliError> {
        let mut interrupts = signal(SignalKind::interrupt()).map_err(listening)?;
        loop {
            lines(OutStream::Stderr, question)?;
            let line = tokio::select! {
                line = self.typed.line() => line?,
                _ = interrupts.recv() => None,
            };
            let Some(line) = line else {
                lines(OutStream::Stderr, "\n")?;
                return Ok(Answer::No);
            };
            match line.trim().to_ascii_lowercase().as_str() {
                "y" | "yes" => return Ok(Answer::Yes),
                "n" | "no" => return Ok(Answer::No),
                "e" | "edit" => return Ok(Answer::Again),
                _ => {}
            }
        }
    }

    /// The engine has the text as it is in the file.
    pub fn stored(&mut self) {
        if let Ok(bytes) = self.bytes() {
            self.known = bytes;
        }
    }

    /// Leaves with how it ended. Work that was not stored is not thrown away, but named.
    pub fn leave(self, told: &str, ended: Result<Exit, CliError>) -> Result<Exit, CliError> {
        let is_known = |bytes: &Vec<u8>| *bytes == self.known;
        // A file that is gone cannot be kept.
        if self.bytes().as_ref().map_or(true, is_known) {
            return ended;
        }
        let path = self.file.into_temp_path().keep();
        let path = path.map_err(|error| CliError::io("keeping the text", error.error))?;
        notice(&format!("{told}; your text is in {}", path.display()))?;
        ended
    }
}

fn listening(error: std::io::Error) -> CliError {
    CliError::io("listening for ^C", error)
}

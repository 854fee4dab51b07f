//! Runs an inventory command: no terminal, a time limit, a limit on what it may print.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use crate::run::complaint::quote;
use crate::run::duration::HumanDuration;
use crate::run::size::ByteSize;

/// What is kept of a command's complaints.
const MAX_STDERR: u64 = 4 * 1024;
/// How long output may still come after the command has ended or was killed.
const GRACE: Duration = Duration::from_secs(2);

/// A command as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandLine {
    /// Program and arguments, as they are.
    Words(Vec<String>),
    /// A line for `/bin/sh -c`.
    Shell(String),
}

impl std::fmt::Display for CommandLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Words(words) => f.write_str(&words.join(" ").escape_debug().to_string()),
            Self::Shell(line) => f.write_str(&line.escape_debug().to_string()),
        }
    }
}

/// Why a command gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum UpcallError {
    /// It could not be started.
    #[error(
        "the inventory command {command} cannot be started: {source}; check its name and that it may be executed"
    )]
    Start {
        /// The command.
        command: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It took too long and was killed.
    #[error(
        "the inventory command {command} was killed after {timeout}; raise its timeout, or make it faster"
    )]
    TimedOut {
        /// The command.
        command: String,
        /// The limit.
        timeout: HumanDuration,
    },
    /// It printed too much and was killed.
    #[error("the inventory command {command} was killed: it printed more than {limit}")]
    TooMuch {
        /// The command.
        command: String,
        /// The limit.
        limit: ByteSize,
    },
    /// It ended with an error.
    #[error("the inventory command {command} failed ({status}){}", said(.stderr))]
    Failed {
        /// The command.
        command: String,
        /// Exit status or signal.
        status: String,
        /// What it printed about it.
        stderr: String,
    },
    /// It printed something that is not text.
    #[error("the inventory command {command} printed something that is not UTF-8")]
    NotText {
        /// The command.
        command: String,
    },
}

fn said(stderr: &str) -> String {
    let line = stderr.lines().rev().find(|line| !line.trim().is_empty());
    line.map_or_else(String::new, |line| {
        format!("; it said {}", quote(line.trim()))
    })
}

/// What a command printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// On standard output.
    pub output: String,
    /// The beginning of what it said on standard error.
    pub errors: String,
}

/// Runs a command in `dir` and gives what it printed.
///
/// # Errors
/// `UpcallError`; a command that is still running then is killed with all its children.
pub fn run(
    line: &CommandLine,
    dir: &Path,
    timeout: HumanDuration,
    limit: ByteSize,
) -> Result<Printed, UpcallError> {
    let command = line.to_string();
    let mut child = start(line, dir).map_err(|source| UpcallError::Start {
        command: command.clone(),
        source,
    })?;
    let group = Pid::from_child(&child);
    let stdout = reader(child.stdout.take(), limit.bytes());
    let stderr = reader(child.stderr.take(), MAX_STDERR);
    let end = Deadline(Instant::now() + timeout.get());
    // Both must happen before the deadline: all output is there, and the command has ended.
    let printed = stdout.recv_timeout(end.left());
    let over = matches!(&printed, Ok(bytes) if bytes.len() as u64 > limit.bytes());
    let ended = !over && printed.is_ok() && exits(group).recv_timeout(end.left()).is_ok();
    if !ended {
        // The child has not been waited for, so its number still means it and its children.
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
    }
    let status = child.wait();
    if over {
        return Err(UpcallError::TooMuch { command, limit });
    }
    let said = || {
        let bytes = stderr.recv_timeout(GRACE).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    match (printed, status) {
        (Ok(bytes), Ok(status)) if ended && status.success() => Ok(Printed {
            output: String::from_utf8(bytes).map_err(|_| UpcallError::NotText { command })?,
            errors: said(),
        }),
        (_, status) if ended => Err(UpcallError::Failed {
            command,
            status: status.map_or_else(|error| error.to_string(), |status| status.to_string()),
            stderr: said(),
        }),
        _ => Err(UpcallError::TimedOut { command, timeout }),
    }
}

struct Deadline(Instant);

impl Deadline {
    fn left(&self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

fn start(line: &CommandLine, dir: &Path) -> std::io::Result<Child> {
    let mut command = match line {
        CommandLine::Shell(line) => {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", line]);
            command
        }
        CommandLine::Words(words) => {
            let (program, arguments) = words
                .split_first()
                .ok_or(std::io::ErrorKind::InvalidInput)?;
            let mut command = Command::new(program);
            command.args(arguments);
            command
        }
    };
    command.current_dir(dir).process_group(0);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// Reads a stream to its end; one byte over `limit` is enough to know that it is too much.
fn reader(stream: Option<impl Read + Send + 'static>, limit: u64) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    if let Some(mut stream) = stream {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = stream.by_ref().take(limit + 1).read_to_end(&mut bytes);
            // Nobody listens any more if the command was given up.
            let _ = sender.send(if read.is_ok() { bytes } else { Vec::new() });
            // What is printed beyond the limit must not make the command wait for a reader.
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        });
    }
    receiver
}

/// Tells when the process has ended, but leaves it to be waited for.
fn exits(pid: Pid) -> Receiver<()> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let _ = rustix::process::waitid(
            WaitId::Pid(pid),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
        );
        let _ = sender.send(());
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: HumanDuration = HumanDuration::from_secs(1);
    const LONG: HumanDuration = HumanDuration::from_secs(60);

    fn sh(line: &str, timeout: HumanDuration) -> Result<String, UpcallError> {
        run(
            &CommandLine::Shell(line.into()),
            Path::new("/"),
            timeout,
            ByteSize::from_kib(64),
        )
        .map(|printed| printed.output)
    }

    #[test]
    fn what_a_command_prints_is_given() {
        assert_eq!(sh("echo a; pwd", LONG).unwrap(), "a\n/\n");
        let words = CommandLine::Words(vec!["printf".into(), "%s".into(), "$HOME *".into()]);
        assert_eq!(
            run(&words, Path::new("/"), LONG, ByteSize::from_kib(1))
                .unwrap()
                .output,
            "$HOME *"
        );
    }

    #[test]
    fn a_command_has_no_input_to_wait_for() {
        assert_eq!(sh("cat", LONG).unwrap(), "");
    }

    #[test]
    fn a_failure_says_what_the_command_said() {
        let error = sh(
            "echo out; echo first >&2; echo 'no such \u{1b}[2J thing' >&2; exit 3",
            LONG,
        )
        .unwrap_err()
        .to_string();
        assert!(
            error.contains("failed (exit status: 3); it said \"no such"),
            "{error}"
        );
        assert!(!error.contains('\u{1b}'));
        assert!(
            sh("kill -9 $$", LONG)
                .unwrap_err()
                .to_string()
                .contains("signal: 9")
        );
    }

    #[test]
    fn a_command_that_cannot_be_started_is_named() {
        let words = CommandLine::Words(vec!["/not/there".into()]);
        let error = run(&words, Path::new("/"), LONG, ByteSize::from_kib(1)).unwrap_err();
        assert!(matches!(error, UpcallError::Start { .. }), "{error}");
        assert!(matches!(
            run(
                &CommandLine::Words(vec![]),
                Path::new("/"),
                LONG,
                ByteSize::from_kib(1)
            ),
            Err(UpcallError::Start { .. })
        ));
    }

    #[test]
    fn a_command_that_takes_too_long_is_killed_with_its_children() {
        let dir = tempfile::tempdir().unwrap();
        let alive = dir.path().join("alive");
        std::fs::write(&alive, "").unwrap();
        let line = format!("sleep 300 & echo $! >{0}; sleep 300", alive.display());
        assert!(matches!(
            sh(&line, SECOND),
            Err(UpcallError::TimedOut { .. })
        ));
        let child = std::fs::read_to_string(&alive).unwrap();
        assert!(is_gone(child.trim()), "{child}");
        assert!(matches!(
            sh("exec >&- 2>&-; sleep 300", SECOND),
            Err(UpcallError::TimedOut { .. })
        ));
    }

    /// Whether a killed process is gone, or waits only to be noticed by its parent.
    fn is_gone(pid: &str) -> bool {
        for _ in 0..1_000 {
            match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
                Ok(stat) if !stat.contains(") Z ") => std::thread::yield_now(),
                _ => return true,
            }
        }
        false
    }

    #[test]
    fn a_command_that_prints_without_end_is_killed() {
        assert!(matches!(sh("yes", LONG), Err(UpcallError::TooMuch { .. })));
    }

    #[test]
    fn complaints_without_end_do_not_make_a_command_wait() {
        assert_eq!(
            sh("head -c 1000000 /dev/zero >&2; echo ok", LONG).unwrap(),
            "ok\n"
        );
    }

    #[test]
    fn output_that_is_no_text_is_refused() {
        assert!(matches!(
            sh("printf '\\377'", LONG),
            Err(UpcallError::NotText { .. })
        ));
    }
}

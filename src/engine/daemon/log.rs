//! The engine's own log: files of a bounded size beside its state, the last few kept.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;

use super::DaemonError;
use crate::site::Paths;
use crate::site::directories::make_private;
use crate::site::settings::Engine;

/// Starts logging; what is written last is flushed when the guard is dropped.
pub(super) fn start(
    paths: &Paths,
    settings: &Engine,
    background: bool,
) -> Result<Option<WorkerGuard>, DaemonError> {
    let usual = format!("{},russh=warn,sled=warn", settings.log_level.word());
    let filter = EnvFilter::try_from_env("CONN_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false);
    if !background {
        // Tests may start several engines in one process; the first subscriber stays.
        let _ = builder.with_writer(io::stderr).try_init();
        return Ok(None);
    }
    let dir = paths.logs();
    make_private(&dir)
        .map_err(|error| DaemonError::io(format!("making {}", dir.display()), error))?;
    let mut private = OpenOptions::new();
    private.read(true).create(true).append(true).mode(0o600);
    let file = FileRotate::new(
        dir.join("engine.log"),
        AppendCount::new(settings.log_files),
        ContentLimit::BytesSurpassed(usize::try_from(settings.log_size.bytes()).unwrap_or(1 << 24)),
        Compression::None,
        Some(private),
    );
    let (writer, guard) = tracing_appender::non_blocking(OwnLog { dir, file });
    let _ = builder.with_writer(writer).try_init();
    Ok(Some(guard))
}

/// Writes panics to the log, with their place: the terminal that would show them is gone.
pub(super) fn tell_of_panics() {
    std::panic::set_hook(Box::new(|info| {
        let backtrace = std::backtrace::Backtrace::force_capture();
        tracing::error!(%info, %backtrace, "a fault in the engine");
    }));
}

/// The files of the log. They never bring a state directory back that was deleted under a running
/// engine: what it then says is lost.
struct OwnLog<W> {
    dir: PathBuf,
    file: W,
}

impl<W: Write> Write for OwnLog<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The files make what is missing above them, open to everybody.
        make_private(&self.dir)?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Tells whoever started us that clients are answered from now on.
pub(super) fn say_ready() {
    say("ready");
}

/// One line on standard output, for whoever started us.
pub(super) fn say(line: &str) {
    let mut out = io::stdout().lock();
    // The one who started us may have gone; the engine lives on.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    fn rotating(dir: &Path) -> OwnLog<FileRotate<AppendCount>> {
        let file = FileRotate::new(
            dir.join("engine.log"),
            AppendCount::new(2),
            ContentLimit::BytesSurpassed(10),
            Compression::None,
            None,
        );
        OwnLog {
            dir: dir.to_owned(),
            file,
        }
    }

    #[test]
    fn a_log_directory_that_was_deleted_comes_back_private() {
        let state = tempfile::tempdir().unwrap();
        let dir = state.path().join("log-files");
        make_private(&dir).unwrap();
        let mut log = rotating(&dir);
        log.write_all(b"a line that is long enough\n").unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        log.write_all(b"another line that is long\n").unwrap();
        let mode = dir.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_state_directory_that_was_deleted_stays_away() {
        let home = tempfile::tempdir().unwrap();
        let state = home.path().join("state");
        let dir = state.join("log-files");
        std::fs::create_dir(&state).unwrap();
        make_private(&dir).unwrap();
        let mut log = rotating(&dir);
        std::fs::remove_dir_all(&state).unwrap();
        for _ in 0..3 {
            assert!(log.write(b"a line that is long enough\n").is_err());
        }
        assert!(!state.exists());
    }
}

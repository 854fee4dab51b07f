//! The engine's own log: files of a bounded size beside its state, the last few kept.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;

use super::DaemonError;
use crate::site::Paths;
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
        let _ = builder.with_writer(std::io::stderr).try_init();
        return Ok(None);
    }
    let dir = paths.logs();
    std::fs::create_dir_all(&dir)
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
    let (writer, guard) = tracing_appender::non_blocking(file);
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

/// Tells whoever started us that clients are answered from now on.
pub(super) fn say_ready() {
    say("ready");
}

/// One line on standard output, for whoever started us.
pub(super) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // The one who started us may have gone; the engine lives on.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

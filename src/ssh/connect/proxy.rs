//! `ProxyCommand`: a child process whose input and output carry the connection.

use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio_util::sync::CancellationToken;

use super::super::error::{SshError, plain};

/// How much of what the command says is kept for an error's sentence.
const LAST_WORDS: usize = 512;

/// How long the command's last words are waited for when the connection has ended.
const HEAR_OUT: Duration = Duration::from_millis(300);

/// The command's last words on its standard error.
#[derive(Debug, Clone, Default)]
pub(crate) struct Complaint {
    heard: Arc<Mutex<Vec<u8>>>,
    /// Cancelled when it has said all.
    silent: CancellationToken,
}

impl Complaint {
    /// The last line, if it said anything.
    pub async fn last_line(&self) -> Option<String> {
        let _ = tokio::time::timeout(HEAR_OUT, self.silent.cancelled()).await;
        let kept = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&kept);
        text.lines()
            .rfind(|line| !line.trim().is_empty())
            .map(plain)
    }

    fn hear(&self, words: &[u8]) {
        let mut kept = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(words);
        let excess = kept.len().saturating_sub(LAST_WORDS);
        kept.drain(..excess);
    }
}

/// The running command. Dropping it kills its whole process group.
pub(crate) struct Proxy {
    child: Option<Child>,
    input: ChildStdin,
    output: ChildStdout,
}

/// Starts the command as OpenSSH does: `exec` before it, a shell around it.
pub(super) fn start(command: &str) -> Result<(Proxy, Complaint), SshError> {
    let fail = |why: String| SshError::Proxy { why };
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("exec {command}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|why| fail(format!("it cannot be started: {why}")))?;
    let complaint = Complaint::default();
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(input), Some(output), Some(errors)) = pipes else {
        return Err(fail("it has no pipes".into()));
    };
    tokio::spawn(listen(errors, complaint.clone()));
    Ok((
        Proxy {
            child: Some(child),
            input,
            output,
        },
        complaint,
    ))
}

async fn listen(mut errors: ChildStderr, complaint: Complaint) {
    let mut buffer = [0; 256];
    while let Ok(n @ 1..) = errors.read(&mut buffer).await {
        complaint.hear(&buffer[..n]);
    }
    complaint.silent.cancel();
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return kill(&child);
        };
        runtime.spawn(async move {
            // Its input is closed, so it may go by itself, after a last word.
            let _ = tokio::time::timeout(HEAR_OUT, child.wait()).await;
            kill(&child);
        });
    }
}

/// Kills the whole process group of a command that has not ended.
fn kill(child: &Child) {
    let pid = child
        .id()
        .and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
}

impl AsyncRead for Proxy {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.output).poll_read(cx, buf)
    }
}

impl AsyncWrite for Proxy {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.input).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.input).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.input).poll_shutdown(cx)
    }
}

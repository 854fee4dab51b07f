//! The conversation when somebody logs in to a demo host with a terminal.
//!
//! Enough of a line discipline to type in: echo, backspace, `^C`, `^D`, `^U`.

use bytes::Bytes;

use super::shell::io::{Input, Io, Sink, share};
use super::shell::{End, Shell};

/// Longest line that is taken.
const MAX_LINE: usize = 4096;

/// What a key does to the line at hand.
enum Typed {
    Line(String),
    Abandoned,
    Closed,
}

/// Greets, then reads and runs lines until the end of input or `exit`.
pub async fn converse(shell: &mut Shell, io: Io) -> End {
    let _ = shell.run_nested("cat /etc/motd", io.clone()).await;
    shell.last = 0;
    let mut pending = Vec::new();
    loop {
        let mark = if shell.user == "root" { '#' } else { '$' };
        let prompt = format!("{}@{}:{}{mark} ", shell.user, shell.host.name(), shell.cwd);
        if io.out.write(prompt).await.is_err() {
            return End::Signal("HUP".into());
        }
        match line(&io, &mut pending).await {
            Typed::Closed => return End::Status(shell.last),
            Typed::Abandoned => shell.last = 130,
            Typed::Line(text) => {
                let inner = Io {
                    input: share(Input::null()),
                    ..io.clone()
                };
                if !run(shell, &text, inner, &io, &mut pending).await {
                    shell.last = 130;
                }
                if shell.exiting {
                    return End::Status(shell.last);
                }
            }
        }
    }
}

/// Runs a line; `false` when `^C` ended it. What is typed meanwhile waits for the next prompt.
async fn run(shell: &mut Shell, text: &str, inner: Io, io: &Io, pending: &mut Vec<u8>) -> bool {
    let running = shell.run_nested(text, inner);
    tokio::pin!(running);
    loop {
        tokio::select! {
            _ = &mut running => return true,
            typed = next(io) => match typed {
                None => return false,
                Some(bytes) if bytes.contains(&3) => {
                    let _ = io.out.write("^C\n").await;
                    return false;
                }
                Some(bytes) if pending.len() < MAX_LINE => pending.extend_from_slice(&bytes),
                Some(_) => {}
            },
        }
    }
}

async fn next(io: &Io) -> Option<Bytes> {
    io.input.lock().await.chunk().await
}

/// Reads one line, echoing what is typed.
async fn line(io: &Io, pending: &mut Vec<u8>) -> Typed {
    let mut text = Vec::new();
    loop {
        while !pending.is_empty() {
            let byte = pending.remove(0);
            if let Some(typed) = key(byte, &mut text, &io.out).await {
                return typed;
            }
        }
        match next(io).await {
            Some(bytes) => pending.extend_from_slice(&bytes),
            None => return Typed::Closed,
        }
    }
}

async fn key(byte: u8, text: &mut Vec<u8>, out: &Sink) -> Option<Typed> {
    let (echo, typed): (&[u8], _) = match byte {
        b'\r' | b'\n' => (
            b"\n",
            Some(Typed::Line(String::from_utf8_lossy(text).into_owned())),
        ),
        3 => (b"^C\n", Some(Typed::Abandoned)),
        4 if text.is_empty() => (b"logout\n", Some(Typed::Closed)),
        8 | 127 if text.pop().is_some() => (b"\x08 \x08", None),
        21 => {
            let wipe = b"\x08 \x08".repeat(text.len());
            text.clear();
            let _ = out.write(wipe).await;
            return None;
        }
        byte if byte >= 32 && byte != 127 && text.len() < MAX_LINE => {
            text.push(byte);
            let _ = out.write(vec![byte]).await;
            return None;
        }
        _ => return None,
    };
    let _ = out.write(echo.to_vec()).await;
    typed
}

//! One session channel: takes requests until one of them starts something, then carries its
//! streams.
//!
//! The channel is always read, also when the command does not read its input, so that one idle
//! command never stops its connection. Output waits for the client's window.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use russh::server::{Handle, Msg};
use russh::{Channel, ChannelId, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::sync::{mpsc, watch};

use super::host::{Host, Process};
use super::roster::Quirk;
use super::server::accepts_variable;
use super::sftp;
use super::shell::io::{Input, Io, Sink, Upstream, share};
use super::shell::{End, Shell};
use super::terminal;

/// Input that a command has not read yet; what comes beyond it is thrown away.
const MAX_UNREAD: usize = 16 << 20;
/// Longest command line.
const MAX_COMMAND: usize = 1 << 20;
/// Environment variables of one session.
const MAX_VARIABLES: usize = 64;
/// Chunks on their way to the command.
const INPUT_CHUNKS: usize = 16;

/// What a client asked a session to do.
enum Ask {
    Exec(String),
    Shell,
    Sftp,
}

/// Serves a session channel from its opening to its end.
pub async fn serve(mut channel: Channel<Msg>, handle: Handle, host: Arc<Host>, user: String) {
    let mut variables = Vec::new();
    let mut terminal = false;
    let ask = loop {
        match channel.wait().await {
            None | Some(ChannelMsg::Close) => return,
            Some(ChannelMsg::SetEnv {
                variable_name: name,
                variable_value: value,
                ..
            }) => {
                if accepts_variable(&name) && variables.len() < MAX_VARIABLES {
                    variables.push((name, value));
                }
            }
            Some(ChannelMsg::RequestPty { .. }) => terminal = true,
            Some(ChannelMsg::Exec { command, .. }) => {
                break Ask::Exec(String::from_utf8_lossy(&command).into_owned());
            }
            Some(ChannelMsg::RequestShell { .. }) => break Ask::Shell,
            Some(ChannelMsg::RequestSubsystem { name, .. }) if name == "sftp" => break Ask::Sftp,
            Some(_) => {}
        }
    };
    let command = match ask {
        Ask::Sftp => return sftp::serve(channel, host, user).await,
        Ask::Exec(command) => Some(command),
        Ask::Shell => None,
    };
    let id = channel.id();
    let (read, write) = channel.split();
    let write = Arc::new(write);
    let job = Job {
        host,
        user,
        variables,
        terminal,
        command,
    };
    if let Some(end) = job.carry(read, &write).await {
        finish(&handle, id, &write, end).await;
    }
}

/// What is to be run, and for whom.
struct Job {
    host: Arc<Host>,
    user: String,
    variables: Vec<(String, String)>,
    terminal: bool,
    command: Option<String>,
}

impl Job {
    /// Runs the job and carries its streams; `None` when the client went away first.
    async fn carry(
        self,
        mut read: ChannelReadHalf,
        write: &Arc<ChannelWriteHalf<Msg>>,
    ) -> Option<End> {
        let (input, source) = mpsc::channel(INPUT_CHUNKS);
        let process = self
            .host
            .start(self.command.as_deref().unwrap_or("-sh"), &self.user);
        let (host, pid) = (Arc::clone(&self.host), process.pid());
        // What the command left in the background may hold the streams for longer; when this is
        // dropped, they end.
        let (_open, closed) = watch::channel(false);
        let run = self.run(process, source, write, closed);
        tokio::pin!(run);
        let mut queue = Queue::new(input);
        loop {
            tokio::select! {
                end = &mut run => return Some(end),
                () = queue.advance() => {}
                message = read.wait() => match message {
                    None | Some(ChannelMsg::Close) => return None,
                    Some(ChannelMsg::Data { data }) => queue.push(data),
                    Some(ChannelMsg::Eof) => queue.end(),
                    Some(ChannelMsg::Signal { signal }) => {
                        host.signal(pid, &signal_name(&signal));
                    }
                    Some(_) => {}
                },
            }
        }
    }

    async fn run(
        self,
        mut process: Process,
        source: mpsc::Receiver<Bytes>,
        write: &Arc<ChannelWriteHalf<Msg>>,
        closed: watch::Receiver<bool>,
    ) -> End {
        let mut shell = Shell::new(Arc::clone(&self.host), &self.user, process.pid());
        shell.vars.extend(self.variables);
        if let Some(Quirk::Slow(wait)) = self.host.role().quirk {
            tokio::time::sleep(wait).await;
        }
        let out = |stderr| Sink::Channel {
            half: Arc::clone(write),
            stderr: stderr && !self.terminal,
            terminal: self.terminal,
            closed: closed.clone(),
        };
        let io = Io {
            input: share(Input::new(Upstream::Pipe(source))),
            out: out(false),
            err: out(true),
        };
        let script = async {
            match &self.command {
                Some(text) if text.len() <= MAX_COMMAND => shell.run_script(text, io).await,
                Some(_) => {
                    let _ = io.err.write("sh: Argument list too long\n").await;
                    End::Status(126)
                }
                None if self.terminal => terminal::converse(&mut shell, io).await,
                None => shell.run_script("sh -s", io).await,
            }
        };
        tokio::select! {
            end = script => end,
            signal = process.killed() => End::Signal(signal),
        }
    }
}

/// Input on its way from the client to the command, without making the client's channel wait.
struct Queue {
    waiting: VecDeque<Bytes>,
    bytes: usize,
    ended: bool,
    to: Option<mpsc::Sender<Bytes>>,
}

impl Queue {
    fn new(to: mpsc::Sender<Bytes>) -> Self {
        Self {
            waiting: VecDeque::new(),
            bytes: 0,
            ended: false,
            to: Some(to),
        }
    }

    fn push(&mut self, data: Bytes) {
        if self.to.is_some() && self.bytes + data.len() <= MAX_UNREAD {
            self.bytes += data.len();
            self.waiting.push_back(data);
        }
    }

    fn end(&mut self) {
        self.ended = true;
    }

    /// Hands one chunk on, or the end; waits for ever when there is nothing to do.
    async fn advance(&mut self) {
        let Some(to) = &self.to else {
            return std::future::pending().await;
        };
        if self.waiting.is_empty() {
            if !self.ended {
                return std::future::pending().await;
            }
            self.to = None;
            return;
        }
        if let Ok(room) = to.reserve().await {
            if let Some(chunk) = self.waiting.pop_front() {
                self.bytes -= chunk.len();
                room.send(chunk);
            }
            return;
        }
        // The command will read no more.
        self.waiting.clear();
        self.to = None;
    }
}

async fn finish(handle: &Handle, id: ChannelId, write: &ChannelWriteHalf<Msg>, end: End) {
    // A client that has gone does not need to hear how it ended.
    let _ = match end {
        End::Status(status) => handle.exit_status_request(id, status).await,
        End::Signal(name) => {
            let signal = signal_of(&name);
            handle
                .exit_signal_request(id, signal, false, String::new(), String::new())
                .await
        }
    };
    let _ = write.eof().await;
    let _ = write.close().await;
}

fn signal_name(signal: &Sig) -> String {
    match signal {
        Sig::Custom(name) => name.trim_start_matches("SIG").to_owned(),
        known => format!("{known:?}"),
    }
}

fn signal_of(name: &str) -> Sig {
    match name {
        "ABRT" => Sig::ABRT,
        "ALRM" => Sig::ALRM,
        "HUP" => Sig::HUP,
        "INT" => Sig::INT,
        "KILL" => Sig::KILL,
        "PIPE" => Sig::PIPE,
        "QUIT" => Sig::QUIT,
        "TERM" => Sig::TERM,
        "USR1" => Sig::USR1,
        other => Sig::Custom(other.to_owned()),
    }
}

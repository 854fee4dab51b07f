//! What a command's channel brings: output to the sink, and how the command ended.
//!
//! One unread channel stops all channels of its connection, so the flow is polled all the time an
//! attempt lives, also while the attempt waits for something else.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use russh::{ChannelMsg, ChannelReadHalf, Sig};

use super::super::sink::{Sink, Stage};
use super::marker::Marker;
use crate::run::outcome::Outcome;
use crate::run::output::OutStream;

/// How long a sink may take for output while a command is killed.
const PATIENCE: Duration = Duration::from_secs(2);

/// How a command said that it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Exit {
    Status(u32),
    Signal(String),
}

impl Exit {
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Status(status) => Outcome::from_status(*status),
            Self::Signal(name) => Outcome::Signaled(name.clone()),
        }
    }
}

/// What one step of the flow brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Something; there may be more.
    More,
    /// The host will not run the command.
    Refused,
    /// The channel is closed, or its connection is gone.
    End,
}

/// A channel that somebody reads to its end.
pub(crate) trait Drain {
    /// One step. May be dropped at any time without losing a byte.
    async fn step(&mut self) -> Step;

    /// From now on output that the sink does not take soon is thrown away, so that the connection
    /// stays usable for killing the command.
    fn hurry(&mut self);
}

/// Bytes on their way into a sink.
pub(crate) struct Pouring<'a> {
    sink: &'a dyn Sink,
    /// Kept here so that a step can be given up and taken again.
    waiting: Option<BoxFuture<'a, ()>>,
    patience: Option<Instant>,
    deaf: bool,
}

impl<'a> Pouring<'a> {
    pub fn new(sink: &'a dyn Sink) -> Self {
        Self {
            sink,
            waiting: None,
            patience: None,
            deaf: false,
        }
    }

    pub fn sink(&self) -> &'a dyn Sink {
        self.sink
    }

    /// Begins to give bytes to the sink; [`settle`](Self::settle) ends it.
    pub fn pour(&mut self, stream: OutStream, offset: u64, bytes: Bytes) {
        if !self.deaf {
            self.waiting = Some(self.sink.output(stream, offset, bytes));
        }
    }

    /// Waits until the sink has taken what it was given.
    pub async fn settle(&mut self) {
        let Some(waiting) = &mut self.waiting else {
            return;
        };
        match self.patience {
            None => waiting.await,
            Some(end) => self.deaf = tokio::time::timeout_at(end.into(), waiting).await.is_err(),
        }
        self.waiting = None;
    }

    pub fn hurry(&mut self) {
        self.patience.get_or_insert(Instant::now() + PATIENCE);
    }
}

/// A channel being drained.
pub(super) struct Flow<'a> {
    read: ChannelReadHalf,
    pouring: Pouring<'a>,
    marker: Marker,
    offsets: [u64; 2],
    began: Instant,
    first_byte: Option<Duration>,
    exit: Option<(Exit, Instant)>,
    last_data: Instant,
    since_exit: u64,
    closed: bool,
}

impl<'a> Flow<'a> {
    pub fn new(read: ChannelReadHalf, sink: &'a dyn Sink, marker: Marker) -> Self {
        let now = Instant::now();
        Self {
            read,
            pouring: Pouring::new(sink),
            marker,
            offsets: [0; 2],
            began: now,
            first_byte: None,
            exit: None,
            last_data: now,
            since_exit: 0,
            closed: false,
        }
    }

    fn errors(&mut self, data: Bytes) {
        let data = self.marker.feed(data);
        self.bytes(OutStream::Stderr, data);
    }

    fn bytes(&mut self, stream: OutStream, data: Bytes) {
        if data.is_empty() {
            return;
        }
        self.last_data = Instant::now();
        self.first_byte.get_or_insert(self.began.elapsed());
        if self.exit.is_some() {
            self.since_exit += data.len() as u64;
        }
        let offset = &mut self.offsets[stream as usize];
        let at = *offset;
        *offset += data.len() as u64;
        self.pouring.pour(stream, at, data);
    }

    /// The first word about the end counts; what a host says after that is noise.
    fn ended(&mut self, exit: Exit) {
        self.exit.get_or_insert((exit, Instant::now()));
    }

    async fn rest(&mut self) -> Step {
        let held = self.marker.rest();
        self.bytes(OutStream::Stderr, held);
        self.pouring.settle().await;
        Step::End
    }

    /// Steps until the wrapper has told its process id, or nothing more comes.
    pub async fn until_process(&mut self) {
        while self.process().is_none() && self.step().await == Step::More {}
    }

    /// Steps until the end.
    pub async fn drain(&mut self) {
        while self.step().await == Step::More {}
    }

    pub fn exit(&self) -> Option<&Exit> {
        self.exit.as_ref().map(|(exit, _)| exit)
    }

    /// Whether the host closed the channel itself, rather than the connection ending.
    pub fn was_closed(&self) -> bool {
        self.closed
    }

    /// When the command has ended and the channel has been quiet for a while, there may be nothing
    /// more to come.
    pub fn quiet_at(&self, quiet: Duration) -> Option<Instant> {
        self.exit
            .as_ref()
            .map(|(_, when)| self.last_data.max(*when) + quiet)
    }

    /// How long ago the command ended, and how much came since.
    pub fn since_exit(&self) -> Option<(Duration, u64)> {
        self.exit
            .as_ref()
            .map(|(_, when)| (when.elapsed(), self.since_exit))
    }

    pub fn last_data(&self) -> Instant {
        self.last_data
    }

    pub fn first_byte(&self) -> Option<f64> {
        self.first_byte.map(|time| time.as_secs_f64())
    }

    pub fn stage(&self, stage: Stage) {
        self.pouring.sink().stage(stage);
    }

    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// What the wrapper told, in order.
    pub fn facts(&self) -> &[String] {
        &self.marker.facts
    }

    /// The process id that the wrapper told.
    pub fn process(&self) -> Option<u32> {
        self.facts().first()?.parse().ok()
    }
}

impl Drain for Flow<'_> {
    async fn step(&mut self) -> Step {
        self.pouring.settle().await;
        match self.read.wait().await {
            Some(ChannelMsg::Data { data }) => self.bytes(OutStream::Stdout, data),
            Some(ChannelMsg::ExtendedData { data, .. }) => self.errors(data),
            Some(ChannelMsg::ExitStatus { exit_status }) => self.ended(Exit::Status(exit_status)),
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                self.ended(Exit::Signal(signal(&signal_name)));
            }
            Some(ChannelMsg::Failure) => return Step::Refused,
            Some(ChannelMsg::Close) => self.closed = true,
            Some(_) => {}
            None => return self.rest().await,
        }
        Step::More
    }

    fn hurry(&mut self) {
        self.pouring.hurry();
    }
}

fn signal(name: &Sig) -> String {
    let text = match name {
        Sig::Custom(name) => name.clone(),
        other => format!("{other:?}"),
    };
    let tame = |c: &char| c.is_ascii_alphanumeric() || "@.-+_".contains(*c);
    text.trim_start_matches("SIG")
        .chars()
        .filter(tame)
        .take(32)
        .collect()
}

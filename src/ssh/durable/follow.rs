//! Reading a follower: output to the sink, facts into an end.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use russh::{ChannelMsg, ChannelReadHalf};

use super::super::connect::Connection;
use super::super::end::AttemptEnd;
use super::super::error::plain;
use super::super::exec::flow::{Drain, Pouring, Step};
use super::super::sink::Sink;
use super::super::spec::{ExecSpec, RemoteProcess, Start};
use super::frames::{Ended, Frame, Frames, Void};
use crate::run::outcome::Outcome;
use crate::run::output::OutStream;
use crate::run::phases::Phases;

/// How much of what the host itself says is kept for a sentence.
const LAST_WORDS: usize = 300;

/// The follower's last word.
#[derive(Debug)]
pub(super) enum Word {
    Ended(Ended),
    Died(String),
    Void(Void),
    CannotStart(String),
    /// What came made no sense.
    Garbled,
    /// The host would not run a command.
    Refused,
}

/// A follower being read.
pub(super) struct Follow<'a> {
    read: ChannelReadHalf,
    pouring: Pouring<'a>,
    frames: Frames,
    queue: VecDeque<Frame>,
    offsets: [u64; 2],
    began: Instant,
    first_byte: Option<Duration>,
    process: Option<RemoteProcess>,
    child: Option<(u32, u64)>,
    dropped: u64,
    disk_full: bool,
    /// The first of the command's standard error: where `sudo` says why it will not.
    complaint: Vec<u8>,
    /// The channel's own standard error, and whether an exit status came: the login shell's.
    host_words: Vec<u8>,
    status: Option<u32>,
    word: Option<Word>,
}

impl<'a> Follow<'a> {
    pub fn new(
        read: ChannelReadHalf,
        sink: &'a dyn Sink,
        greeting: String,
        from: [u64; 2],
    ) -> Self {
        Self {
            read,
            pouring: Pouring::new(sink),
            frames: Frames::new(greeting),
            queue: VecDeque::new(),
            offsets: from,
            began: Instant::now(),
            first_byte: None,
            process: None,
            child: None,
            dropped: 0,
            disk_full: false,
            complaint: Vec::new(),
            host_words: Vec::new(),
            status: None,
            word: None,
        }
    }

    pub fn child(&self) -> Option<(u32, u64)> {
        self.child
    }

    pub fn capped(&self) -> Option<u64> {
        (self.dropped > 0).then_some(self.dropped)
    }

    pub fn first_byte(&self) -> Option<f64> {
        self.first_byte.map(|time| time.as_secs_f64())
    }

    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Steps until the last word.
    pub async fn drain(&mut self) {
        while self.step().await == Step::More {}
    }

    fn last(&mut self, word: Word) -> Step {
        self.word.get_or_insert(word);
        Step::End
    }

    fn hear(&mut self, bytes: Bytes) -> Step {
        match self.frames.feed(bytes) {
            Ok(frames) => {
                self.queue.extend(frames);
                Step::More
            }
            Err(_) => self.last(Word::Garbled),
        }
    }

    fn take(&mut self, frame: Frame) -> Step {
        match frame {
            Frame::Data(stream, offset, bytes) => return self.output(stream, offset, bytes),
            Frame::Gap(stream, from, to) => return self.gap(stream, from, to),
            Frame::Lost(_, _, count) => {
                self.disk_full = true;
                self.dropped += count;
            }
            Frame::Wrapper(process) => {
                self.pouring.sink().started(Some(process.clone()));
                self.process = Some(process);
            }
            Frame::Child(pid, start) => self.child = Some((pid, start)),
            Frame::Ended(ended) => return self.last(Word::Ended(ended)),
            Frame::Died(why) => return self.last(Word::Died(why)),
            Frame::Void(void) => return self.last(Word::Void(void)),
            Frame::CannotStart(why) => return self.last(Word::CannotStart(why)),
        }
        Step::More
    }

    fn output(&mut self, stream: OutStream, offset: u64, bytes: Bytes) -> Step {
        let expected = &mut self.offsets[stream as usize];
        if *expected != offset {
            return self.last(Word::Garbled);
        }
        *expected += bytes.len() as u64;
        self.first_byte.get_or_insert(self.began.elapsed());
        if stream == OutStream::Stderr && offset < LAST_WORDS as u64 {
            keep(&mut self.complaint, &bytes);
        }
        self.pouring.pour(stream, offset, bytes);
        Step::More
    }

    fn gap(&mut self, stream: OutStream, from: u64, to: u64) -> Step {
        let expected = &mut self.offsets[stream as usize];
        if *expected != from || to < from {
            return self.last(Word::Garbled);
        }
        *expected = to;
        self.dropped += to - from;
        Step::More
    }

    /// What the last word, or its absence, comes to.
    pub fn end(
        self,
        start: &Start,
        spec: &ExecSpec,
        connection: &Connection,
        phases: Phases,
    ) -> AttemptEnd {
        let capped = self.capped();
        let ended = |outcome, detail| AttemptEnd::Ended {
            outcome,
            detail,
            phases,
            capped,
        };
        let lost = |why: String| AttemptEnd::Lost { why, phases };
        let known = self.process.is_some()
            || matches!(
                start,
                Start::Reattach {
                    process: Some(_),
                    ..
                }
            );
        match &self.word {
            Some(Word::Ended(end)) => ended(outcome(*end), self.remarks(*end, spec)),
            Some(Word::Died(why)) => ended(Outcome::InDoubt, Some(format!("How the command ended is not known: {why}. Look on the host."))),
            Some(Word::Void(void)) if known || void.is_doubtful(start.asked()) => ended(Outcome::InDoubt, Some("The command was started, but what the host kept of it is gone. Look on the host.".into())),
            Some(Word::Void(_)) => ended(Outcome::Unreachable, Some("The connection was lost before the command was started; it will not start any more.".into())),
            Some(Word::CannotStart(why)) if *start == Start::Fresh => ended(Outcome::Failed(125), Some(format!("The host could not start the command: {why}. Nothing was run."))),
            Some(Word::CannotStart(why)) => lost(format!("the host cannot look for the attempt: {why}")),
            Some(Word::Refused) if *start == Start::Fresh => ended(Outcome::Unreachable, Some("The host would not run a command on the channel it opened.".into())),
            Some(Word::Refused) => lost("the host would not run a command".into()),
            Some(Word::Garbled) => lost("what the host sent made no sense; it will be asked again".into()),
            None if self.status.is_some() && !self.frames.greeted() && *start == Start::Fresh => {
                ended(Outcome::Unreachable, Some(self.no_shell()))
            }
            None if connection.is_alive() => lost("the host's follower ended early".into()),
            None => lost(connection.farewell()),
        }
    }

    /// Things worth knowing about a command that ended.
    fn remarks(&self, end: Ended, spec: &ExecSpec) -> Option<String> {
        let mut remarks = Vec::new();
        if let Some(run_as) = &spec.run_as
            && end.status != 0
            && self
                .complaint
                .starts_with(format!("{}: ", run_as.method.word()).as_bytes())
        {
            remarks.push(format!(
                "{} did not let this login become {} without a password, it seems; its own words are on standard error.",
                run_as.method.word(), run_as.user
            ));
        }
        if end.left {
            remarks.push("The command ended, but left something running that holds its output; what that writes from here on is not kept.".into());
        }
        if self.disk_full {
            remarks.push(
                "The host's disk is full: the end of the output could not be kept there.".into(),
            );
        }
        (!remarks.is_empty()).then(|| remarks.join(" "))
    }

    fn no_shell(&self) -> String {
        let words = plain(&String::from_utf8_lossy(&self.host_words));
        let said = if words.is_empty() {
            String::new()
        } else {
            format!(", saying \"{words}\"")
        };
        format!("The login shell ended without running /bin/sh{said}. Nothing was started.")
    }
}

impl Drain for Follow<'_> {
    async fn step(&mut self) -> Step {
        self.pouring.settle().await;
        if self.word.is_some() {
            return Step::End;
        }
        if let Some(frame) = self.queue.pop_front() {
            return self.take(frame);
        }
        match self.read.wait().await {
            Some(ChannelMsg::Data { data }) => return self.hear(data),
            Some(ChannelMsg::ExtendedData { data, .. }) => keep(&mut self.host_words, &data),
            Some(ChannelMsg::ExitStatus { exit_status }) => self.status = Some(exit_status),
            Some(ChannelMsg::Failure) => return self.last(Word::Refused),
            Some(_) => {}
            None => return Step::End,
        }
        Step::More
    }

    fn hurry(&mut self) {
        self.pouring.hurry();
    }
}

fn keep(kept: &mut Vec<u8>, bytes: &[u8]) {
    let room = LAST_WORDS.saturating_sub(kept.len()).min(bytes.len());
    kept.extend_from_slice(&bytes[..room]);
}

fn outcome(end: Ended) -> Outcome {
    match end.status.checked_sub(128) {
        Some(signal) if end.killed => Outcome::Signaled(signal_name(signal)),
        _ => Outcome::from_status(end.status),
    }
}

/// The names that sshd gives to signals, by their numbers on Linux.
pub fn signal_name(number: u32) -> String {
    let name = match number {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        5 => "TRAP",
        6 => "ABRT",
        7 => "BUS",
        8 => "FPE",
        9 => "KILL",
        10 => "USR1",
        11 => "SEGV",
        12 => "USR2",
        13 => "PIPE",
        14 => "ALRM",
        15 => "TERM",
        24 => "XCPU",
        25 => "XFSZ",
        31 => "SYS",
        other => return other.to_string(),
    };
    name.to_owned()
}

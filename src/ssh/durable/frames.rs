//! What a follower on the host tells, read back from its byte stream.
//!
//! Output comes with its length before it, so no byte of it can pass for a frame. A stream that
//! does not fit the form is given up: the follower is asked anew.

use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};

use super::super::spec::RemoteProcess;
use crate::run::output::OutStream;

/// Longest line of a frame.
const MAX_LINE: usize = 4096;

/// Most that start-up files of a login shell may say before the greeting.
const MAX_NOISE: usize = 256 * 1024;

/// One thing a follower says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// Bytes of a stream at an offset.
    Data(OutStream, u64, Bytes),
    /// Bytes of a stream that the host dropped from its middle: from, to.
    Gap(OutStream, u64, u64),
    /// Bytes at a stream's end that the host could not keep: from where, and how many at least.
    Lost(OutStream, u64, u64),
    /// The wrapper.
    Wrapper(RemoteProcess),
    /// The command's session leader and its start time.
    Child(u32, u64),
    /// The command's end.
    Ended(Ended),
    /// The wrapper is gone without the command's end, and how.
    Died(String),
    /// The attempt never began and never will.
    Void(Void),
    /// The attempt cannot be started on this host.
    CannotStart(String),
}

/// What there was of an attempt that never began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Void {
    /// There was no directory. One that was there without a process in it leaves no doubt.
    pub absent: bool,
    /// How long ago the host was started, where it tells.
    pub up: Option<Duration>,
}

impl Void {
    /// Whether the attempt, dispatched so long ago, may have run all the same: a host that was
    /// started since may have lost the directory with what it keeps in memory.
    pub fn is_doubtful(self, asked: Duration) -> bool {
        self.absent && self.up.is_some_and(|up| up < asked)
    }
}

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    pub status: u32,
    /// Whether a signal ended the shell that ran it.
    pub killed: bool,
    /// Whether something it left running still holds its output.
    pub left: bool,
}

/// The stream makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Garbled;

/// Reads frames.
#[derive(Debug)]
pub(super) struct Frames {
    greeting: Vec<u8>,
    greeted: bool,
    noise: usize,
    held: BytesMut,
    body: Option<(OutStream, u64, u64)>,
    /// After its last word a follower has nothing to say.
    over: bool,
}

impl Frames {
    pub fn new(greeting: String) -> Self {
        Self {
            greeting: greeting.into_bytes(),
            greeted: false,
            noise: 0,
            held: BytesMut::new(),
            body: None,
            over: false,
        }
    }

    /// Whether the script has begun to run on the host.
    pub fn greeted(&self) -> bool {
        self.greeted
    }

    /// Takes what came, gives what it says.
    pub fn feed(&mut self, mut bytes: Bytes) -> Result<Vec<Frame>, Garbled> {
        let mut frames = Vec::new();
        while !bytes.is_empty() && !self.over {
            if let Some(body) = self.body.take() {
                frames.push(self.data(body, &mut bytes));
                continue;
            }
            self.held
                .extend_from_slice(&bytes.split_to(bytes.len().min(MAX_LINE)));
            if !self.greeted && !self.greet()? {
                continue;
            }
            self.lines(&mut frames)?;
            if self.body.is_some() {
                // What is held beyond the line is the beginning of the body.
                let held = self.held.split().freeze();
                bytes = if bytes.is_empty() {
                    held
                } else {
                    [held, bytes].concat().into()
                };
            }
        }
        Ok(frames)
    }

    fn data(
        &mut self,
        (stream, offset, length): (OutStream, u64, u64),
        bytes: &mut Bytes,
    ) -> Frame {
        let take = usize::try_from(length)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let data = bytes.split_to(take);
        let left = length - take as u64;
        if left > 0 {
            self.body = Some((stream, offset + take as u64, left));
        }
        Frame::Data(stream, offset, data)
    }

    /// Looks for the greeting; throws away what stands before it.
    fn greet(&mut self) -> Result<bool, Garbled> {
        let size = self.greeting.len();
        if let Some(at) = self.held.windows(size).position(|w| w == self.greeting) {
            self.held.advance(at + size);
            self.greeted = true;
            return Ok(true);
        }
        let drop = self.held.len().saturating_sub(size - 1);
        self.held.advance(drop);
        self.noise += drop;
        if self.noise > MAX_NOISE {
            Err(Garbled)
        } else {
            Ok(false)
        }
    }

    /// Takes whole lines, up to one that a body follows.
    fn lines(&mut self, frames: &mut Vec<Frame>) -> Result<(), Garbled> {
        while self.body.is_none() && !self.over {
            let Some(end) = self.held.iter().position(|&b| b == b'\n') else {
                return if self.held.len() > MAX_LINE {
                    Err(Garbled)
                } else {
                    Ok(())
                };
            };
            let line = self.held.split_to(end + 1);
            let line = String::from_utf8_lossy(&line[..end]);
            self.line(&line, frames)?;
        }
        Ok(())
    }

    fn line(&mut self, line: &str, frames: &mut Vec<Frame>) -> Result<(), Garbled> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let frame = match word {
            "." => return Ok(()),
            "o" | "e" => {
                let [offset, length] = numbers(rest)?;
                if length > 0 {
                    self.body = Some((stream(word)?, offset, length));
                }
                return Ok(());
            }
            "g" => three(rest, Frame::Gap)?,
            "l" => three(rest, Frame::Lost)?,
            "P" => Frame::Wrapper(process(rest)?),
            "C" => {
                let [pid, start] = numbers(rest)?;
                Frame::Child(u32::try_from(pid).map_err(|_| Garbled)?, start)
            }
            "R" => Frame::Ended(ended(rest)?),
            "D" => Frame::Died(super::super::error::plain(rest)),
            "X" => Frame::CannotStart(super::super::error::plain(rest)),
            "V" => Frame::Void(void(rest)?),
            _ => return Err(Garbled),
        };
        self.over = matches!(word, "R" | "D" | "X" | "V");
        frames.push(frame);
        Ok(())
    }
}

fn void(text: &str) -> Result<Void, Garbled> {
    let (how, up) = text.split_once(' ').unwrap_or((text, ""));
    let absent = match how {
        "absent" => true,
        "begun" => false,
        _ => return Err(Garbled),
    };
    let up = up.parse().ok().map(Duration::from_secs);
    Ok(Void { absent, up })
}

fn numbers<const N: usize>(text: &str) -> Result<[u64; N], Garbled> {
    let numbers: Result<Vec<u64>, _> = text.split_ascii_whitespace().map(str::parse).collect();
    numbers
        .map_err(|_| Garbled)?
        .try_into()
        .map_err(|_| Garbled)
}

fn stream(word: &str) -> Result<OutStream, Garbled> {
    match word {
        "o" => Ok(OutStream::Stdout),
        "e" => Ok(OutStream::Stderr),
        _ => Err(Garbled),
    }
}

fn three(rest: &str, frame: fn(OutStream, u64, u64) -> Frame) -> Result<Frame, Garbled> {
    let (name, rest) = rest.split_once(' ').ok_or(Garbled)?;
    let [from, to] = numbers(rest)?;
    Ok(frame(stream(name)?, from, to))
}

fn process(rest: &str) -> Result<RemoteProcess, Garbled> {
    let mut words = rest.split_ascii_whitespace();
    let mut next = || words.next().ok_or(Garbled);
    let boot = next()?;
    Ok(RemoteProcess {
        boot_id: if boot == "-" {
            String::new()
        } else {
            boot.to_owned()
        },
        pid: next()?.parse().map_err(|_| Garbled)?,
        start_time: next()?.parse().map_err(|_| Garbled)?,
    })
}

fn ended(rest: &str) -> Result<Ended, Garbled> {
    let [status, killed, left] = numbers(rest)?;
    let status = u32::try_from(status).map_err(|_| Garbled)?;
    Ok(Ended {
        status,
        killed: killed == 1,
        left: left == 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8], piece: usize) -> Result<Vec<Frame>, Garbled> {
        let mut frames = Frames::new("hello:1\n".into());
        let mut got = Vec::new();
        for piece in text.chunks(piece) {
            got.extend(frames.feed(Bytes::copy_from_slice(piece))?);
        }
        Ok(got)
    }

    /// Joins data of one stream that came in pieces.
    fn joined(frames: Vec<Frame>) -> Vec<Frame> {
        let mut out: Vec<Frame> = Vec::new();
        for frame in frames {
            if let (Some(Frame::Data(s, at, old)), Frame::Data(t, offset, new)) =
                (out.last_mut(), &frame)
                && s == t
                && *at + old.len() as u64 == *offset
            {
                *old = [old.as_ref(), new.as_ref()].concat().into();
            } else {
                out.push(frame);
            }
        }
        out
    }

    #[test]
    fn frames_are_read_however_the_stream_is_cut_and_output_is_never_a_frame() {
        let text = b"Welcome!\nhello:1\nP b00t 12 34\no 0 9\nR 0 0 0\n\n.\ne 5 3\no 1C 7 8\ng o 9 20\nl e 3 4\nR 137 1 0\n";
        let expected = vec![
            Frame::Wrapper(RemoteProcess {
                boot_id: "b00t".into(),
                pid: 12,
                start_time: 34,
            }),
            Frame::Data(OutStream::Stdout, 0, Bytes::from_static(b"R 0 0 0\n\n")),
            Frame::Data(OutStream::Stderr, 5, Bytes::from_static(b"o 1")),
            Frame::Child(7, 8),
            Frame::Gap(OutStream::Stdout, 9, 20),
            Frame::Lost(OutStream::Stderr, 3, 4),
            Frame::Ended(Ended {
                status: 137,
                killed: true,
                left: false,
            }),
        ];
        for piece in 1..=text.len() {
            assert_eq!(
                joined(all(text, piece).unwrap()),
                expected,
                "in pieces of {piece}"
            );
        }
    }

    #[test]
    fn a_stream_that_makes_no_sense_is_given_up() {
        for bad in [
            "hello:1\nQ\n",
            "hello:1\no 1\n",
            "hello:1\nR x 0 0\n",
            "hello:1\nP a\n",
            "hello:1\ng x 1 2\n",
        ] {
            assert_eq!(all(bad.as_bytes(), 7), Err(Garbled), "{bad}");
        }
        assert_eq!(all(&vec![b'x'; MAX_NOISE + 100_000], 30_000), Err(Garbled));
        assert_eq!(
            all(&[&b"hello:1\n"[..], &[b'x'; 9000]].concat(), 3000),
            Err(Garbled)
        );
    }

    proptest::proptest! {
        #[test]
        fn no_stream_makes_the_reader_panic_or_give_more_than_it_got(
            lines in proptest::collection::vec("([oeglPCRDXV.] ?)?[ -~0-9]{0,12}\n|[oe] [0-9]{1,3} [0-9]{1,2}\n|.{0,40}", 0..40),
            piece in 1_usize..200,
        ) {
            let text = format!("hello:1\n{}", lines.concat());
            if let Ok(frames) = all(text.as_bytes(), piece) {
                let bytes: usize = frames.iter().map(|f| if let Frame::Data(_, _, b) = f { b.len() } else { 0 }).sum();
                proptest::prop_assert!(bytes <= text.len());
            }
        }
    }

    #[test]
    fn an_absent_attempt_on_a_host_that_was_started_since_is_in_doubt() {
        let told = |line: &str| match all(format!("hello:1\n{line}\n").as_bytes(), 7).as_deref() {
            Ok([Frame::Void(void)]) => *void,
            other => unreachable!("{other:?}"),
        };
        let minute = Duration::from_mins(1);
        assert!(told("V absent 59").is_doubtful(minute));
        assert!(!told("V absent 60").is_doubtful(minute));
        assert!(!told("V begun 59").is_doubtful(minute));
        assert!(!told("V absent ").is_doubtful(minute));
        assert_eq!(all(b"hello:1\nV\n", 7), Err(Garbled));
    }
}

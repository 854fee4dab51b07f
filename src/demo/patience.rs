//! Commands of the demo, waited for to their end: a signal that would end the demo is passed on to
//! them, so that it can clean up after itself first.

use std::io;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// How often a command that runs is looked at.
const LOOK: Duration = Duration::from_millis(30);

/// Whether the demo was told to end.
pub(super) struct Patience {
    told: Arc<AtomicBool>,
}

impl Patience {
    /// From now on a hang-up, an interrupt or a termination only asks.
    pub fn new() -> io::Result<Self> {
        let told = Arc::new(AtomicBool::new(false));
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&told))?;
        }
        Ok(Self { told })
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// What the system says, or `Interrupted` when the demo was told to end.
    pub fn run(&self, command: &mut Command) -> io::Result<ExitStatus> {
        let mut child = command.spawn()?;
        let mut passed_on = false;
        loop {
            if let Some(status) = child.try_wait()? {
                return if self.is_told() {
                    Err(io::ErrorKind::Interrupted.into())
                } else {
                    Ok(status)
                };
            }
            if self.is_told() && !passed_on {
                passed_on = true;
                // It may have ended just now.
                let _ = kill_process(Pid::from_child(&child), Signal::TERM);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// The next line that is typed on standard input; none when it ended.
    ///
    /// # Errors
    /// What the system says, or `Interrupted` when the demo was told to end.
    pub fn line(&self) -> io::Result<Option<String>> {
        let stdin = io::stdin();
        loop {
            if self.is_told() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let mut ready = [PollFd::new(&stdin, PollFlags::IN)];
            let look = Timespec::try_from(LOOK).map_err(io::Error::other)?;
            // A reader that waits for a line would not see that it was told to end.
            match poll(&mut ready, Some(&look)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => {
                    let mut line = String::new();
                    let read = stdin.read_line(&mut line)?;
                    return Ok((read > 0).then_some(line));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }
}

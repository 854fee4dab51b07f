//! The terminal: taken over, written to without ever being waited for, and given back whatever
//! happens.

pub(super) mod input;
mod output;

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::termios;

pub(super) use output::Output;

/// The alternate screen, no cursor, pastes told apart from keys.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h";
/// All of it undone, and whatever a frame may have left: styles, a scroll region.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[?2004l\x1b[0m\x1b[r\x1b[?25h\x1b[?1049l";

/// Whether the terminal is ours now: a panic anywhere gives it back.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// A terminal that was taken over; dropping it gives it back.
pub(super) struct Taken(());

impl Taken {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// When there is none, or it cannot be set.
    pub fn take() -> io::Result<Self> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(io::Error::other("the console needs a terminal"));
        }
        crossterm::terminal::enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        let taken = Self(());
        let mut out = io::stdout().lock();
        out.write_all(ENTER)?;
        out.flush()?;
        give_back_on_panic();
        Ok(taken)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back, once.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout().lock();
        // A terminal that is gone needs nothing back.
        let _ = out.write_all(LEAVE).and_then(|()| out.flush());
        // Keys still on their way were meant for the console: not for the shell that reads next,
        // and not, as signals, for the rest of this process.
        let _ = termios::tcflush(io::stdin(), termios::QueueSelector::IFlush);
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

fn give_back_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        give_back();
        before(info);
    }));
}

//! The last step to the terminal: what changed on the screen, in as few bytes as we know how.
//!
//! Screens draw into a ratatui buffer. Before it is compared with what the terminal shows, the
//! buffer is swept: no cell holds anything that a terminal acts on, whoever drew it.

mod encode;
mod scroll;
mod sweep;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use encode::Encoder;

/// What a terminal shows, and how to get it to show something else.
pub(super) struct Screen {
    shown: Buffer,
    next: Buffer,
    encoder: Encoder,
    /// Nothing is known of what the terminal shows.
    fresh: bool,
}

impl Screen {
    /// A terminal of this size, about which nothing is known.
    pub fn new(width: u16, height: u16) -> Self {
        let area = Rect::new(0, 0, width, height);
        Self {
            shown: Buffer::empty(area),
            next: Buffer::empty(area),
            encoder: Encoder::new(area),
            fresh: true,
        }
    }

    /// The terminal has another size now; it may show anything.
    pub fn resize(&mut self, width: u16, height: u16) {
        *self = Self::new(width, height);
    }

    /// The terminal was written to by somebody else: everything is drawn anew.
    pub fn forget(&mut self) {
        self.resize(self.next.area.width, self.next.area.height);
    }

    /// Draws a frame; the bytes that make the terminal show it, none when it does already. `cursor`
    /// is where the terminal's cursor is to stand, if it is to be seen.
    pub fn frame(&mut self, draw: impl FnOnce(&mut Buffer) -> Option<(u16, u16)>) -> Vec<u8> {
        self.next.reset();
        let cursor = draw(&mut self.next);
        sweep::sweep(&mut self.next);
        if self.fresh {
            self.fresh = false;
            self.shown.reset();
            self.encoder.clear();
        }
        self.encoder.frame(&mut self.shown, &self.next, cursor);
        std::mem::swap(&mut self.shown, &mut self.next);
        self.encoder.take()
    }
}
